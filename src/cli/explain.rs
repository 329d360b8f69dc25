//! `doorward explain`: what happens to one HTTP request, from the route to the policies.

mod answer;
mod asker;

use clap::{ArgMatches, Args, ValueEnum};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;

use super::check::{load, parse_uid};
use super::exit::{ExitCode, Failure};
use super::flags::{ConfigFileArgs, ForbidErrorsArgs, SourceArgs};
use super::routes::{self, RoutesArgs};
use super::terminal::{self, Paint};
use crate::config::Overrides;
use crate::engine::uid::UidText;
use crate::http::proxy;
use crate::identity::Peer;
use crate::mapping::{Mapped, OriginalRequest, RouteFile, RouteMap, Upgrade};
use answer::{Answer, Asker, Explained};

/// Show what happens to one HTTP request: route, captures, checks, decision, policies
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 allow, 3 deny, 1 error, 2 usage.\n\nExamples:\n  doorward explain \
                  GET /api/device/SD-001 --as 'User::\"emma\"'\n  doorward explain GET \
                  https://iot.example/login\n  doorward explain GET wss://iot.example/api/ws\n  doorward \
                  explain GET /api/device/SD-001 --header \"Authorization: Bearer $TOKEN\""
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

    /// A header that the client sends, such as 'Authorization: Bearer TOKEN'; repeatable. Who asks
    /// is then read from it, as the route file's identity says
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = header)]
    headers: Vec<(HeaderName, HeaderValue)>,

    /// Where the proxy is, for headers that are trusted from there only: an address or unix
    #[arg(long, value_name = "ADDR", value_parser = peer, default_value = "127.0.0.1")]
    peer: ProxyPeer,

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

/// Where the proxy is.
#[derive(Debug, Clone, Copy)]
struct ProxyPeer(Peer);

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Human,
    Json,
}

/// Explains, prints, and gives the decision as the exit code.
pub(super) fn run(args: &ExplainArgs, given: &ArgMatches) -> Result<ExitCode, Failure> {
    let mut overrides = Overrides::default();
    args.sources.override_in(&mut overrides, given);
    args.routes.override_in(&mut overrides, given);
    args.forbid_errors.override_in(&mut overrides, given);
    let config = args.config.load(overrides)?;
    let text = routes::read(&config)?.ok_or_else(routes::missing)?;
    let snapshot = load(&config)?;
    let map = RouteMap::compile(&RouteFile::parse(&text)?, snapshot.schema())?;
    let headers = args.headers.iter().cloned().collect();
    let request = request(&args.method, &args.url, &headers);
    let mapped = map.map(&request);
    let now_ms = Timestamp::now().as_millisecond();
    let asker = match (&args.asker, &mapped) {
        (Some(uid), _) => Asker::Principal(snapshot.uid(&uid.type_name, &uid.id)?),
        (None, Mapped::Matched(matched)) => {
            let presented = asker::Presented { headers: &headers, peer: args.peer.0, now_ms };
            asker::of(matched, &presented, &text, &snapshot)?
        }
        (None, _) => Asker::Nobody,
    };
    let answer = Answer::of(&mapped, &asker, &snapshot, config.check_options(), now_ms);
    let explained = Explained::new(&request, &mapped, &text.name, answer);
    terminal::data(&match args.format {
        Format::Human => explained.for_people(Paint::stdout()),
        Format::Json => format!("{:#}\n", explained.to_json()?),
    })?;
    Ok(if explained.answer.is_allow() { ExitCode::Success } else { ExitCode::Deny })
}

/// Reads `NAME: VALUE`.
fn header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text.split_once(':').ok_or("expected `NAME: VALUE`")?;
    let name = name.parse().map_err(|_| format!("`{name}` is not the name of a header"))?;
    // A value may be a credential, and is not quoted.
    let value = value.trim().parse().map_err(|_| "the value is not one that a header can have")?;
    Ok((name, value))
}

/// Reads an address or `unix`.
fn peer(text: &str) -> Result<ProxyPeer, String> {
    match text {
        "unix" => Ok(ProxyPeer(Peer::Unix)),
        _ => match text.parse() {
            Ok(address) => Ok(ProxyPeer(Peer::Ip(address))),
            Err(_) => Err("expected an address such as `10.0.0.1`, or `unix`".to_owned()),
        },
    }
}

/// The request of the command line.
fn request<'a>(method: &'a str, url: &'a str, headers: &HeaderMap) -> OriginalRequest<'a> {
    let request = OriginalRequest::at(method, url);
    let upgrade = match proxy::upgrade(headers) {
        Upgrade::None => request.upgrade,
        upgrade => upgrade,
    };
    OriginalRequest { cors: proxy::cors(headers), upgrade, ..request }
}
