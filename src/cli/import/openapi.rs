//! `doorward import openapi`: a route file to be edited, from a description of an API.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use clap::{ArgMatches, Args};

use super::super::exit::{ExitCode, Failure, reason};
use super::super::flags::{ConfigFileArgs, SourceArgs};
use super::super::terminal;
use crate::config::{Config, Overrides};
use crate::engine::{Problem, Snapshot, Text, compile};
use crate::http::proxy::read_bounded;
use crate::mapping::openapi;
use crate::sources::{self, Inputs};

/// Write a route file from an `OpenAPI` 3 document: what cannot be decided for sure stays denied
#[derive(Debug, Args)]
#[command(after_help = "Every path and method of the document becomes a route. Reading, changing \
                        or deleting one record by its id is guessed and marked `# review`; \
                        everything else is written as a comment, and denied until somebody who \
                        knows the API takes it in.\n\nWith policies or a schema at hand, actions \
                        and types are looked up there.\n\nExit codes: 0 done, 1 error, 2 usage.")]
pub(super) struct OpenapiArgs {
    /// The document, JSON or YAML
    #[arg(value_name = "FILE")]
    document: PathBuf,

    /// Where to write; nothing is overwritten [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    #[command(flatten)]
    config: ConfigFileArgs,

    #[command(flatten)]
    sources: SourceArgs,
}

/// Reads, writes, and says how much is left to do.
pub(super) fn run(args: &OpenapiArgs, given: &ArgMatches) -> Result<ExitCode, Failure> {
    let mut overrides = Overrides::default();
    args.sources.override_in(&mut overrides, given);
    let config = args.config.load(overrides)?;
    let name = args.document.display().to_string();
    let text = read_bounded(&args.document).map_err(|error| {
        Problem::error("unreadable-file", format!("cannot read `{name}`: {}", reason(&error)))
    })?;
    let snapshot = schema(&config)?;
    let schema = snapshot.as_ref().map(Snapshot::schema);
    let imported = openapi::import(&Text::new(name, text), schema)?;
    match &args.out {
        None => terminal::data(&imported.text)?,
        Some(path) => {
            let written = fs::File::create_new(path)
                .and_then(|mut file| file.write_all(imported.text.as_bytes()));
            written.map_err(|error| {
                Failure::error(format!("cannot write `{}`: {}", path.display(), reason(&error)))
                    .hint("nothing is overwritten; choose another name")
            })?;
        }
    }
    terminal::note(&format!(
        "{} routes written, {} left as comments; without a route a request is denied",
        imported.routes, imported.comments
    ));
    if !imported.missing.is_empty() {
        let missing = imported.missing.join(", ");
        terminal::note(&terminal::visible(&format!("the schema has to declare: {missing}")));
    }
    Ok(ExitCode::Success)
}

/// The schema with the policies, or alone; `None` where there is neither.
fn schema(config: &Config) -> Result<Option<Snapshot>, Failure> {
    let inputs = Inputs { entities: Vec::new(), links: None, ..config.inputs() };
    if !inputs.own_policies() {
        return Ok(None);
    }
    let bundle = sources::read(&inputs, &config.limits.file_limits())?;
    Ok(Some(compile(&bundle, &config.compile_options())?))
}
