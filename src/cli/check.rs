//! `doorward check`: one decision, by files in this process or by a running service.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use clap::{ArgMatches, Args, ValueEnum};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::client::{Question, Server};
use super::exit::{ExitCode, Failure, reason};
use super::flags::{ConfigFileArgs, ForbidErrorsArgs, SourceArgs};
use super::progress::Progress;
use super::terminal::{self, Paint};
use super::verdict::{Detail, Verdict};
use crate::config::{Config, Overrides};
use crate::engine::check::Undeclared;
use crate::engine::uid::{self, UidText};
use crate::engine::{CheckRequest, InvalidRequest, Problem, Snapshot, compile, json};
use crate::sources;

/// How long a service may take to answer.
const SERVER_TIMEOUT: Duration = Duration::from_secs(10);
/// The most bytes of a context.
const CONTEXT_BYTES_MAX: u64 = 1 << 20;

/// Decide one request, from files or by a running service
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 allow, 3 deny, 1 error (also a request that does not fit the \
                        schema), 2 usage.\n\nExample:\n  doorward check --principal 'User::\"emma\"' \
                        --action read --resource 'Device::\"SD-001\"'"
)]
pub(super) struct CheckArgs {
    #[arg(long, value_name = "UID", value_parser = parse_uid)]
    #[arg(help = "Who asks, such as 'User::\"emma\"'")]
    principal: UidText,

    #[arg(long, value_name = "ACTION", value_parser = parse_action)]
    #[arg(help = "What they want to do, such as read or 'Action::\"read\"'")]
    action: UidText,

    #[arg(long, value_name = "UID", value_parser = parse_uid)]
    #[arg(help = "To what, such as 'Device::\"SD-001\"'")]
    resource: UidText,

    /// Context of the request: a JSON object, or @FILE
    #[arg(long, value_name = "JSON")]
    context: Option<String>,

    /// Say what the determining policies are for, and what a share names
    #[arg(long)]
    explain: bool,

    /// Ask a running service instead of reading files: http://HOST:PORT or unix:PATH
    #[arg(long, value_name = "URL", value_parser = Server::parse)]
    #[arg(conflicts_with_all = ["policies", "schema", "entities", "links"])]
    server: Option<Server>,

    /// How the answer is written; json is the object that POST /v1/check answers
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,

    #[command(flatten)]
    config: ConfigFileArgs,

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

/// Decides, prints the decision, and gives it as the exit code.
pub(super) fn run(args: &CheckArgs, given: &ArgMatches) -> Result<ExitCode, Failure> {
    let context = args.context.as_deref().map(read_context).transpose()?.unwrap_or_default();
    match &args.server {
        Some(server) => ask(args, server, context),
        None => decide(args, given, context),
    }
}

/// Decides by files, in this process.
fn decide(
    args: &CheckArgs,
    given: &ArgMatches,
    context: Map<String, Value>,
) -> Result<ExitCode, Failure> {
    let mut overrides = Overrides::default();
    args.sources.override_in(&mut overrides, given);
    args.forbid_errors.override_in(&mut overrides, given);
    let config = args.config.load(overrides)?;
    let snapshot = load(&config)?;
    let request = request(args, &snapshot, context)?;
    let mut response = snapshot.check(&request, config.check_options())?;
    if args.format == Format::Json && !args.explain {
        response.explanation = None;
    }
    let verdict = Verdict::from(response);
    let text = match args.format {
        Format::Json => serde_json::to_string(&verdict)
            .map(|json| json + "\n")
            .map_err(|error| Failure::error(error.to_string()))?,
        Format::Human => verdict.render(Paint::stdout(), detail(args)),
    };
    terminal::data(&text)?;
    Ok(exit(&verdict))
}

fn exit(verdict: &Verdict) -> ExitCode {
    if verdict.is_allow() { ExitCode::Success } else { ExitCode::Deny }
}

/// Reads and compiles the files that the configuration names.
pub(super) fn load(config: &Config) -> Result<Snapshot, Failure> {
    let inputs = config.inputs();
    if inputs.policies.is_empty() {
        return Err(no_policies());
    }
    let bundle = sources::read(&inputs, &config.limits.file_limits())?;
    let options = config.compile_options();
    let _progress = Progress::start(sources::data_bytes(&inputs), options.taken.clone());
    Ok(compile(&bundle, &options)?)
}

/// Nothing to decide by.
pub(super) fn no_policies() -> Failure {
    Failure::error("there are no policies").hint(
        "run this where `./policies` is, or say where they are: `--policies DIR` (`doorward init \
         DIR` writes some to start from)",
    )
}

fn request(
    args: &CheckArgs,
    snapshot: &Snapshot,
    context: Map<String, Value>,
) -> Result<CheckRequest, InvalidRequest> {
    let CheckArgs { principal, action, resource, .. } = args;
    Ok(CheckRequest {
        principal: snapshot.uid(&principal.type_name, &principal.id)?,
        action: snapshot.action(&action.type_name, &action.id)?,
        resource: snapshot.uid(&resource.type_name, &resource.id)?,
        context,
        undeclared: Undeclared::Refuse,
        principal_properties: None,
        resource_properties: None,
        now_ms: Timestamp::now().as_millisecond(),
        // Also without `--explain`: where a policy stands comes from the explanation.
        explain: true,
    })
}

/// Asks a running service.
fn ask(
    args: &CheckArgs,
    server: &Server,
    context: Map<String, Value>,
) -> Result<ExitCode, Failure> {
    let uid = |uid: &UidText| json!({"type": uid.type_name, "id": uid.id});
    let human = args.format == Format::Human;
    let mut body = json!({
        "principal": uid(&args.principal),
        "action": uid(&args.action),
        "resource": uid(&args.resource),
        "explain": args.explain || human,
    });
    if let (Value::Object(members), false) = (&mut body, context.is_empty()) {
        members.insert("context".to_owned(), Value::Object(context));
    }
    let body = Some(body.to_string());
    let question = Question { path: "/v1/check", body, timeout: SERVER_TIMEOUT };
    let answer = server.ask(question).map_err(|why| {
        Failure::error(why).hint("is the service running? `doorward serve` starts one")
    })?;
    if !answer.status.is_success() {
        return Err(refused(server, &answer));
    }
    let verdict: Verdict = serde_json::from_slice(&answer.body)
        .map_err(|_| Failure::error(format!("`{}` answered what is no decision", server.url())))?;
    let text = match args.format {
        Format::Json => format!("{}\n", String::from_utf8_lossy(&answer.body).trim_end()),
        Format::Human => verdict.render(Paint::stdout(), detail(args)),
    };
    terminal::data(&text)?;
    Ok(exit(&verdict))
}

/// What a service said instead of a decision: the detail of its problem document.
pub(super) fn refused(server: &Server, answer: &super::client::Answer) -> Failure {
    let problem: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let member = |name| problem.get(name).and_then(Value::as_str);
    let status = answer.status.as_u16();
    let detail = member("detail").or(member("title")).unwrap_or("no reason is given");
    match member("code") {
        Some("invalid_request") => {
            let hint = member("hint").map(str::to_owned);
            InvalidRequest { message: detail.to_owned(), hint }.into()
        }
        Some("not_ready") => Failure::error(format!("`{}`: {detail} (not_ready)", server.url()))
            .hint("the service has no policies yet; its log says why"),
        Some(code) => Failure::error(format!("`{}`: {detail} ({code})", server.url())),
        None => Failure::error(format!("`{}` answered {status}: {detail}", server.url())),
    }
}

fn detail(args: &CheckArgs) -> Detail {
    if args.explain { Detail::Full } else { Detail::Brief }
}

pub(super) fn parse_uid(text: &str) -> Result<UidText, String> {
    uid::parse(text).map_err(|why| format!("{why}; write it as 'User::\"emma\"'"))
}

/// An action by its uid, or by its bare name.
pub(super) fn parse_action(text: &str) -> Result<UidText, String> {
    if text.contains("::\"") || text.is_empty() {
        return parse_uid(text);
    }
    Ok(UidText { type_name: "Action".to_owned(), id: text.to_owned() })
}

/// Reads a context: JSON on the command line, or a file with `@` before its name.
pub(super) fn read_context(given: &str) -> Result<Map<String, Value>, Failure> {
    let Some(path) = given.strip_prefix('@') else {
        return match json::parse(given.as_bytes(), json::DEPTH_MAX) {
            Ok(Value::Object(context)) => Ok(context),
            Ok(_) => Err(Failure::usage("`--context` is not a JSON object")),
            Err(error) => Err(Failure::usage(format!("`--context` is not JSON: {error}"))
                .hint("quote it for the shell, or put it into a file: `--context @context.json`")),
        };
    };
    let mut bytes = Vec::new();
    File::open(Path::new(path))
        .and_then(|file| file.take(CONTEXT_BYTES_MAX + 1).read_to_end(&mut bytes))
        .map_err(|error| Failure::error(format!("cannot read `{path}`: {}", reason(&error))))?;
    if bytes.len() as u64 > CONTEXT_BYTES_MAX {
        let most = CONTEXT_BYTES_MAX >> 10;
        return Err(Failure::error(format!("`{path}` has more than {most} KiB")));
    }
    match json::parse(&bytes, json::DEPTH_MAX) {
        Ok(Value::Object(context)) => Ok(context),
        Ok(_) => Err(Failure::error(format!("`{path}` is not a JSON object"))),
        Err(error) => Err(Failure::error(format!("`{path}` is not JSON: {error}"))),
    }
}

impl From<InvalidRequest> for Failure {
    fn from(invalid: InvalidRequest) -> Self {
        Self::from(Problem {
            hint: invalid.hint,
            ..Problem::error("invalid_request", invalid.message)
        })
    }
}
