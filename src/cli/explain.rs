//! `doorward explain`: what happens to one HTTP request, from the route to the policies.

mod answer;

use clap::{ArgMatches, Args, ValueEnum};
use jiff::Timestamp;

use super::check::{load, parse_uid};
use super::exit::{ExitCode, Failure};
use super::flags::{ConfigFileArgs, ForbidErrorsArgs, SourceArgs};
use super::routes::{self, RoutesArgs};
use super::terminal::{self, Paint};
use crate::config::Overrides;
use crate::engine::uid::UidText;
use crate::engine::{CheckOptions, Snapshot};
use crate::mapping::{OriginalRequest, RouteFile, RouteMap, Upgrade};
use answer::{Answer, Asker, Explained};

/// Show what happens to one HTTP request: route, captures, checks, decision, policies
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 allow, 3 deny, 1 error, 2 usage.\n\nExamples:\n  doorward explain \
                  GET /api/device/SD-001 --as 'User::\"emma\"'\n  doorward explain GET \
                  https://iot.example/login\n  doorward explain GET wss://iot.example/api/ws"
)]
pub(super) struct ExplainArgs {
    /// Method, such as GET
    #[arg(value_name = "METHOD")]
    method: String,

    /// Path and query as the client sends them; with scheme and host where routes ask for a host.
    /// ws:// and wss:// ask for a WebSocket
    #[arg(value_name = "URL")]
    url: String,

    #[arg(long = "as", value_name = "UID", value_parser = parse_uid)]
    #[arg(help = "Who asks, such as 'User::\"emma\"' [default: nobody]")]
    asker: Option<UidText>,

    /// How the answer is written
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,

    #[command(flatten)]
    config: ConfigFileArgs,

    #[command(flatten)]
    routes: RoutesArgs,

    #[command(flatten)]
    sources: SourceArgs,

    #[command(flatten)]
    forbid_errors: ForbidErrorsArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Human,
    Json,
}

/// Explains, prints, and gives the decision as the exit code.
pub(super) fn run(args: &ExplainArgs, given: &ArgMatches) -> Result<ExitCode, Failure> {
    let mut overrides = Overrides::default();
    args.sources.override_in(&mut overrides, given);
    args.forbid_errors.override_in(&mut overrides, given);
    let config = args.config.load(overrides)?;
    let text = args.routes.read()?.ok_or_else(routes::missing)?;
    let snapshot = load(&config)?;
    let map = RouteMap::compile(&RouteFile::parse(&text)?, snapshot.schema())?;
    let asker = match &args.asker {
        Some(uid) => Asker::Principal(snapshot.uid(&uid.type_name, &uid.id)?),
        None => Asker::Nobody,
    };
    let request = request(&args.method, &args.url);
    let explained = explain(&map, &request, &asker, &snapshot, config.check_options(), &text.name);
    terminal::data(&match args.format {
        Format::Human => explained.for_people(Paint::stdout()),
        Format::Json => format!("{:#}\n", explained.to_json()?),
    })?;
    Ok(if explained.answer.is_allow() { ExitCode::Success } else { ExitCode::Deny })
}

/// The request of the command line. No reader of URLs stands between: what is sent is judged as it
/// is, but for a scheme and a host before it.
fn request<'a>(method: &'a str, url: &'a str) -> OriginalRequest<'a> {
    let schemes = [("http://", false), ("https://", false), ("ws://", true), ("wss://", true)];
    let with_host = schemes
        .iter()
        .find_map(|(scheme, web_socket)| url.strip_prefix(scheme).map(|rest| (rest, *web_socket)));
    let (host, target, web_socket) = match with_host {
        Some((rest, web_socket)) => {
            let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
            let (host, target) = rest.split_at(end);
            (Some(host), if target.is_empty() { "/" } else { target }, web_socket)
        }
        None => (None, url, false),
    };
    let upgrade = if web_socket { Upgrade::WebSocket } else { Upgrade::None };
    OriginalRequest { method, host, target, cors: false, upgrade }
}

/// What happens to a request of somebody whose identity is settled.
fn explain<'m>(
    map: &'m RouteMap,
    request: &OriginalRequest<'_>,
    asker: &Asker,
    snapshot: &Snapshot,
    options: CheckOptions,
    file: &str,
) -> Explained<'m> {
    let mapped = map.map(request);
    let now_ms = Timestamp::now().as_millisecond();
    let answer = Answer::of(&mapped, asker, snapshot, options, now_ms);
    Explained::new(request, &mapped, file, answer)
}
