//! `doorward search`: what can, who can, and which actions, by files in this process or by a
//! running service. One uid a line, so that other commands can go on with them.

use std::time::Duration;

use clap::{ArgMatches, Args, ValueEnum};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::check::{load, parse_action, parse_uid, read_context, refused};
use super::client::{Question, Server};
use super::exit::{ExitCode, Failure};
use super::flags::{ConfigFileArgs, ForbidErrorsArgs, SourceArgs};
use super::terminal;
use crate::config::Overrides;
use crate::engine::check::Undeclared;
use crate::engine::search::{ActionSearch, Question as Asked, Terms, Walk};
use crate::engine::uid::UidText;
use crate::engine::{InvalidRequest, Snapshot, json};

/// How long a service may take for one page.
const SERVER_TIMEOUT: Duration = Duration::from_mins(1);
/// How many uids are asked of a service at a time.
const PAGE: u64 = 1_000;

/// What can, who can, or which actions: everything that would be allowed
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 also where nothing is found, 1 error (also a question that \
                        does not fit the schema), 2 usage.\n\nExamples:\n  \
                        doorward search resources --principal 'User::\"jack\"' --action read\n  \
                        doorward search principals --action read --resource 'Device::\"SD-001\"'\n  \
                        doorward search actions --principal 'User::\"emma\"' --resource \
                        'Asset::\"Building A\"'")]
pub(super) struct SearchArgs {
    /// What is searched for
    #[arg(value_name = "WHAT")]
    sought: Sought,

    #[arg(long, value_name = "UID", value_parser = parse_uid)]
    #[arg(help = "Who asks, such as 'User::\"emma\"'")]
    principal: Option<UidText>,

    #[arg(long, value_name = "ACTION", value_parser = parse_action)]
    #[arg(help = "What they want to do, such as read or 'Action::\"read\"'")]
    action: Option<UidText>,

    #[arg(long, value_name = "UID", value_parser = parse_uid)]
    #[arg(help = "To what, such as 'Device::\"SD-001\"'")]
    resource: Option<UidText>,

    /// Only of this entity type [default: every type that the action applies to]
    #[arg(long = "type", value_name = "TYPE")]
    type_name: Option<String>,

    #[arg(long = "where", value_name = "ATTRIBUTE=VALUE", value_parser = parse_wanted)]
    #[arg(help = "Only with this value, which is JSON or else a string or a uid; repeatable, \
                  needs --type")]
    wanted: Vec<(String, Value)>,

    /// Context of the checks: a JSON object, or @FILE
    #[arg(long, value_name = "JSON")]
    context: Option<String>,

    /// The most that is printed; whether more is left is told on standard error
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,

    /// Print how many there are, and not which
    #[arg(long)]
    count: bool,

    /// Ask a running service instead of reading files: http://HOST:PORT or unix:PATH
    #[arg(long, value_name = "URL", value_parser = Server::parse)]
    #[arg(conflicts_with_all = ["policies", "schema", "entities", "links"])]
    server: Option<Server>,

    /// How the answer is written; json is one object
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,

    #[command(flatten)]
    config: ConfigFileArgs,

    #[command(flatten)]
    sources: SourceArgs,

    #[command(flatten)]
    forbid_errors: ForbidErrorsArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Sought {
    /// What the principal can do the action to
    Resources,
    /// Who can do the action to the resource
    Principals,
    /// What the principal can do to the resource
    Actions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// A page as a service answers it.
#[derive(Debug, Deserialize)]
struct Page {
    #[serde(alias = "principals", alias = "actions")]
    resources: Vec<Uid>,
    cursor: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Uid {
    r#type: String,
    id: String,
}

/// What was found.
#[derive(Debug, Default)]
struct Findings {
    uids: Vec<UidText>,
    complete: bool,
}

/// Searches, and prints what is found.
pub(super) fn run(args: &SearchArgs, given: &ArgMatches) -> Result<ExitCode, Failure> {
    args.refuse_what_does_not_belong()?;
    let context = args.context.as_deref().map(read_context).transpose()?.unwrap_or_default();
    let findings = match &args.server {
        Some(server) => ask(args, server, context)?,
        None => walk(args, given, context)?,
    };
    print(args, &findings)?;
    Ok(ExitCode::Success)
}

/// Searches files, in this process.
fn walk(
    args: &SearchArgs,
    given: &ArgMatches,
    context: Map<String, Value>,
) -> Result<Findings, Failure> {
    let mut overrides = Overrides::default();
    args.sources.override_in(&mut overrides, given);
    args.forbid_errors.override_in(&mut overrides, given);
    let config = args.config.load(overrides)?;
    let snapshot = load(&config)?;
    let now_ms = Timestamp::now().as_millisecond();
    let terms = Terms { context, options: config.check_options(), ..Terms::at(now_ms) };
    let question = args.question(&snapshot, terms)?;
    let mut walk = Walk::new(snapshot, question, None)?;
    let limit = args.most().map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX));
    let mut found = walk.step(now_ms, limit, usize::MAX)?.found;
    if !walk.is_complete() {
        // The page is full; it is the last if nothing of what follows is allowed.
        let more = walk.step(now_ms, 1, usize::MAX)?;
        let complete = more.found.is_empty();
        return Ok(Findings { uids: texts(found), complete });
    }
    found.shrink_to_fit();
    Ok(Findings { uids: texts(found), complete: true })
}

fn texts(uids: Vec<cedar_policy::EntityUid>) -> Vec<UidText> {
    let text = |uid: cedar_policy::EntityUid| UidText {
        type_name: uid.type_name().to_string(),
        id: uid.id().unescaped().to_owned(),
    };
    uids.into_iter().map(text).collect()
}

/// Asks a running service, page by page.
fn ask(
    args: &SearchArgs,
    server: &Server,
    context: Map<String, Value>,
) -> Result<Findings, Failure> {
    let mut body = args.body(context);
    let mut findings = Findings::default();
    loop {
        let left = args.most().map(|most| most - findings.uids.len() as u64);
        body.insert("limit".to_owned(), json!(left.unwrap_or(PAGE).min(PAGE)));
        let sent = Some(Value::Object(body.clone()).to_string());
        let question = Question { path: args.sought.path(), body: sent, timeout: SERVER_TIMEOUT };
        let answer = server.ask(question).map_err(|why| {
            Failure::error(why).hint("is the service running? `doorward serve` starts one")
        })?;
        if !answer.status.is_success() {
            return Err(refused(server, &answer));
        }
        let page: Page = serde_json::from_slice(&answer.body).map_err(|_| {
            Failure::error(format!("`{}` answered what is no page of a search", server.url()))
        })?;
        let uid = |uid: Uid| UidText { type_name: uid.r#type, id: uid.id };
        findings.uids.extend(page.resources.into_iter().map(uid));
        let Some(cursor) = page.cursor else {
            findings.complete = true;
            return Ok(findings);
        };
        if args.most().is_some_and(|most| findings.uids.len() as u64 >= most) {
            return Ok(findings);
        }
        body.insert("cursor".to_owned(), json!(cursor));
    }
}

fn print(args: &SearchArgs, findings: &Findings) -> Result<(), Failure> {
    let count = findings.uids.len();
    match args.format {
        Format::Json => {
            let mut answer = Map::new();
            if args.count {
                answer.insert("count".to_owned(), json!(count));
            } else {
                let uid = |uid: &UidText| json!({"type": uid.type_name, "id": uid.id});
                let uids: Vec<Value> = findings.uids.iter().map(uid).collect();
                answer.insert(args.sought.member().to_owned(), uids.into());
                answer.insert("complete".to_owned(), json!(findings.complete));
            }
            terminal::data(&format!("{}\n", Value::Object(answer)))
        }
        Format::Text if args.count => terminal::data(&format!("{count}\n")),
        Format::Text => {
            let mut lines: Vec<String> = findings.uids.iter().map(ToString::to_string).collect();
            lines.push(String::new());
            terminal::data(&lines.join("\n"))?;
            if !findings.complete {
                terminal::note("more may be left; `--limit` ended the search");
            }
            Ok(())
        }
    }
}

// === impl SearchArgs ===

impl SearchArgs {
    /// What is asked for must be left out, and what it is asked of must be there.
    fn refuse_what_does_not_belong(&self) -> Result<(), Failure> {
        let sought = self.sought.member();
        let sides = [
            ("--principal", self.principal.is_some(), Sought::Principals),
            ("--action", self.action.is_some(), Sought::Actions),
            ("--resource", self.resource.is_some(), Sought::Resources),
        ];
        for (flag, given, what) in sides {
            if given && what == self.sought {
                let message = format!("`{flag}` says what `search {sought}` is to find out");
                return Err(Failure::usage(message).hint("leave it out"));
            }
            if !given && what != self.sought {
                return Err(Failure::usage(format!("`search {sought}` needs `{flag}`")));
            }
        }
        let of_entities = self.type_name.is_some() || !self.wanted.is_empty();
        if self.sought == Sought::Actions && of_entities {
            let message = "`--type` and `--where` are about entities; actions have neither";
            return Err(Failure::usage(message));
        }
        if !self.wanted.is_empty() && self.type_name.is_none() {
            return Err(Failure::usage("`--where` needs `--type`, whose attributes it is about"));
        }
        Ok(())
    }

    /// The most that is looked for; a count has no end.
    fn most(&self) -> Option<u64> {
        self.limit.filter(|_| !self.count)
    }

    fn question(&self, snapshot: &Snapshot, terms: Terms) -> Result<Asked, InvalidRequest> {
        let entity = |uid: &Option<UidText>| {
            let uid = uid.as_ref().map(|uid| snapshot.uid(&uid.type_name, &uid.id));
            uid.unwrap_or_else(|| snapshot.uid("", ""))
        };
        let action = || {
            let uid = self.action.as_ref().map(|uid| snapshot.action(&uid.type_name, &uid.id));
            uid.unwrap_or_else(|| snapshot.action("", ""))
        };
        let wanted = self.wanted.iter().cloned().collect();
        let type_name = self.type_name.clone();
        Ok(match self.sought {
            Sought::Resources => Asked::Resources {
                principal: entity(&self.principal)?,
                action: action()?,
                type_name,
                wanted,
                terms,
            },
            Sought::Principals => Asked::Principals {
                resource: entity(&self.resource)?,
                action: action()?,
                type_name,
                wanted,
                terms,
            },
            Sought::Actions => Asked::Actions(ActionSearch {
                principal: entity(&self.principal)?,
                resource: entity(&self.resource)?,
                terms: Terms { undeclared: Undeclared::Drop, ..terms },
            }),
        })
    }

    /// The question as a service takes it.
    fn body(&self, context: Map<String, Value>) -> Map<String, Value> {
        let mut body = Map::new();
        let sides = [
            ("principal", &self.principal),
            ("action", &self.action),
            ("resource", &self.resource),
        ];
        for (name, uid) in sides {
            if let Some(uid) = uid {
                body.insert(name.to_owned(), json!({"type": uid.type_name, "id": uid.id}));
            }
        }
        if let Some(name) = &self.type_name {
            body.insert("type".to_owned(), json!(name));
        }
        if !self.wanted.is_empty() {
            let wanted: Map<String, Value> = self.wanted.iter().cloned().collect();
            body.insert("where".to_owned(), Value::Object(wanted));
        }
        if !context.is_empty() {
            body.insert("context".to_owned(), Value::Object(context));
        }
        body
    }
}

// === impl Sought ===

impl Sought {
    fn member(self) -> &'static str {
        match self {
            Self::Resources => "resources",
            Self::Principals => "principals",
            Self::Actions => "actions",
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::Resources => "/v1/search/resources",
            Self::Principals => "/v1/search/principals",
            Self::Actions => "/v1/search/actions",
        }
    }
}

/// An attribute and its value: JSON where it reads as such, and a string otherwise.
fn parse_wanted(text: &str) -> Result<(String, Value), String> {
    let Some((name, value)) = text.split_once('=').filter(|(name, _)| !name.is_empty()) else {
        return Err("write it as ATTRIBUTE=VALUE, such as enabled=true".to_owned());
    };
    let parsed = json::parse(value.as_bytes(), json::DEPTH_MAX);
    Ok((name.to_owned(), parsed.unwrap_or_else(|_| Value::String(value.to_owned()))))
}
