//! `doorward validate`: every problem of schema, policies, entities, links, routes and tests, with
//! excerpts.

use std::path::{Path, PathBuf};

use clap::{ArgMatches, Args, ValueEnum};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::check::no_policies;
use super::exit::{ExitCode, Failure};
use super::flags::{ConfigFileArgs, SourceArgs};
use super::progress::Progress;
use super::routes::{self, RoutesArgs};
use super::terminal::{self, Paint, visible};
use super::test;
use crate::config::{Config, Overrides};
use crate::engine::schema::SchemaInfo;
use crate::engine::snapshot::Counts;
use crate::engine::{Problems, Snapshot, examine, review};
use crate::http::problem::faults;
use crate::http::proxy::RouteConfig;
use crate::sources::{self, Inputs};

/// Check schema, policies, entities, links, routes and tests, and show every problem
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 valid (warnings included), 5 invalid, 1 a file cannot be \
                        read, 2 usage.\n\
                        Codes are explained in docs/diagnostics.md. For editors: \
                        `doorward validate --format json`.")]
pub(super) struct ValidateArgs {
    /// How the report is written
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,

    /// File of policy tests, or directory of them; repeatable [default: ./tests/policies, where
    /// the project's own policies and entities are checked]
    #[arg(long, value_name = "PATH")]
    tests: Vec<PathBuf>,

    #[command(flatten)]
    config: ConfigFileArgs,

    #[command(flatten)]
    routes: RoutesArgs,

    #[command(flatten)]
    sources: SourceArgs,
}

/// The code of the problem that a file could not be read, which makes nothing invalid.
const UNREADABLE_FILE: &str = "unreadable-file";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Human,
    Json,
}

/// Validates, reports, and says by the exit code whether the input is valid.
pub(super) fn run(args: &ValidateArgs, given: &ArgMatches) -> Result<ExitCode, Failure> {
    let mut overrides = Overrides::default();
    args.sources.override_in(&mut overrides, given);
    args.routes.override_in(&mut overrides, given);
    let config = args.config.load(overrides)?;
    let inputs = config.inputs();
    if inputs.policies.is_empty() {
        return Err(no_policies());
    }
    let options = config.compile_options();
    let progress = Progress::start(sources::data_bytes(&inputs), options.taken.clone());
    let (bundle, unread) = sources::read_all(&inputs, &config.limits.file_limits());
    let examined = examine(&bundle, &options);
    let (snapshot, schema, mut problems) = match examined {
        Ok(snapshot) => {
            let mut problems = snapshot.warnings().clone();
            let now_ms = Timestamp::now().as_millisecond();
            problems.append(review(&snapshot, &bundle, now_ms));
            (Some(snapshot), None, problems)
        }
        Err(refused) => (None, refused.schema, refused.problems),
    };
    drop(progress);
    let schema = schema.as_ref().or(snapshot.as_ref().map(Snapshot::schema));
    let routes = routes(&config, schema).unwrap_or_else(|more| {
        problems.append(more);
        None
    });
    let mut tests = None;
    if let Some(paths) = args.tests(&config)? {
        let worlds = unread.is_empty() && !problems.refuses();
        let judged = test::judge(&config, &paths, worlds)?;
        problems.append(judged.problems);
        tests = Some(judged.tests);
    }
    if !unread.is_empty() {
        problems = after(unread, problems);
    }
    problems.sort_by_text(bundle.names());
    let counts = snapshot.as_ref().map(Snapshot::counts);
    let report = Report { problems: &problems, counts, routes, tests };
    terminal::data(&match args.format {
        Format::Human => report.for_people(Paint::stdout()),
        Format::Json => format!("{:#}\n", report.to_json()),
    })?;
    Ok(report.exit())
}

// === impl ValidateArgs ===

impl ValidateArgs {
    /// Where tests are. Those of the project are about its own policies and entities, so where
    /// others are checked they have nothing to say.
    fn tests(&self, config: &Config) -> Result<Option<Vec<PathBuf>>, Failure> {
        if !self.tests.is_empty() {
            return Ok(Some(self.tests.clone()));
        }
        let own = self.config.load(Overrides::default())?;
        let is_own = really(own.inputs()) == really(config.inputs());
        let there = is_own && Path::new(test::PATHS_DEFAULT).is_dir();
        Ok(there.then(|| vec![PathBuf::from(test::PATHS_DEFAULT)]))
    }
}

/// The same files by the paths that the system knows them by, as far as they are there.
fn really(inputs: Inputs) -> Inputs {
    let one = |path: PathBuf| path.canonicalize().unwrap_or(path);
    let many = |paths: Vec<PathBuf>| paths.into_iter().map(one).collect();
    Inputs {
        policies: many(inputs.policies),
        schema: inputs.schema.map(one),
        entities: many(inputs.entities),
        links: inputs.links.map(one),
    }
}

/// Files that could not be read, and what else is wrong: not what is missing only because of them.
fn after(mut unread: Problems, others: Problems) -> Problems {
    unread.append(others.without(&["no-schema", "unknown-template", "unknown-entity"]));
    unread
}

/// How many routes there are; `None` without a route file. Without a schema only their form is
/// looked at.
fn routes(config: &Config, schema: Option<&SchemaInfo>) -> Result<Option<usize>, Problems> {
    let Some(text) = routes::read(config)? else { return Ok(None) };
    RouteConfig::judge(&text, schema).map(Some)
}

/// What was found.
struct Report<'a> {
    problems: &'a Problems,
    /// What the snapshot holds, where there is one.
    counts: Option<Counts>,
    /// How many routes there are, where there is a route file that is right.
    routes: Option<usize>,
    /// How many tests there are, where there are any.
    tests: Option<usize>,
}

// === impl Report ===

impl Report<'_> {
    fn exit(&self) -> ExitCode {
        if self.problems.iter().any(|problem| problem.code == UNREADABLE_FILE) {
            ExitCode::Error
        } else if self.problems.refuses() {
            ExitCode::Invalid
        } else {
            ExitCode::Success
        }
    }

    fn for_people(&self, paint: Paint) -> String {
        let mut text = String::new();
        if !self.problems.is_empty() {
            let problems = visible(&self.problems.to_string());
            text = format!("{}\n\n", paint.problems(&problems));
        }
        let (errors, warnings) = (self.problems.error_count(), self.problems.warning_count());
        let verdict = match errors {
            0 => paint.good("valid"),
            _ => paint.bad("invalid"),
        };
        let mut parts = Vec::new();
        if let Some(counts) = self.counts {
            parts.push(number_of(counts.policies, "policy", "policies"));
            parts.push(number_of(counts.entities, "entity", "entities"));
            parts.push(number_of(counts.links, "link", "links"));
            if let Some(routes) = self.routes {
                parts.push(number_of(routes, "route", "routes"));
            }
            if let Some(tests) = self.tests {
                parts.push(number_of(tests, "test", "tests"));
            }
        }
        if errors > 0 {
            parts.push(number_of(errors, "error", "errors"));
        }
        if errors > 0 || warnings > 0 {
            parts.push(number_of(warnings, "warning", "warnings"));
        }
        format!("{text}{verdict}: {}\n", parts.join(", "))
    }

    fn to_json(&self) -> Value {
        let (errors, warnings) = (self.problems.error_count(), self.problems.warning_count());
        let mut report = json!({
            "valid": !self.problems.refuses(),
            "count": errors + warnings,
            "errors": errors,
            "warnings": warnings,
            "problems": faults(self.problems),
        });
        if let (Some(counts), Value::Object(members)) = (self.counts, &mut report) {
            members.insert("policies".to_owned(), json!(counts.policies));
            members.insert("entities".to_owned(), json!(counts.entities));
            members.insert("links".to_owned(), json!(counts.links));
            if let Some(routes) = self.routes {
                members.insert("routes".to_owned(), json!(routes));
            }
            if let Some(tests) = self.tests {
                members.insert("tests".to_owned(), json!(tests));
            }
        }
        report
    }
}

fn number_of(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}
