//! `doorward matrix`: principals, resources and actions, and what is decided for each: as a table
//! for a terminal, as CSV or JSON for programs, and as a page for people who look something up.

mod cells;
mod page;
mod written;

use std::io::{self, IsTerminal as _};
use std::sync::Arc;

use clap::{ArgMatches, Args, ValueEnum};
use jiff::Timestamp;

use super::check::{load, parse_action, read_context};
use super::exit::{ExitCode, Failure};
use super::flags::{ConfigFileArgs, ForbidErrorsArgs, SourceArgs};
use super::progress::Progress;
use super::terminal;
use crate::config::Overrides;
use crate::engine::check::Undeclared;
use crate::engine::search::Terms;
use crate::engine::uid::UidText;
use cells::Matrix;

/// Principals, resources and actions: what is decided for each
#[derive(Debug, Args)]
#[command(
    after_help = "Without filters it is everything that is stored. Actions that do not apply to \
                        two types have no cell, and those whose context cannot be empty are left out, \
                        which is said, unless --context gives one.\n\nExit codes: 0 done, 1 error (also a \
                        matrix that is too large), 2 usage.\n\nExamples:\n  \
                        doorward matrix --principal 'User::\"jack\"' --type Device\n  \
                        doorward matrix --action read --format html > who-reads-what.html"
)]
pub(super) struct MatrixArgs {
    /// Only this principal, or only principals of this type; repeatable
    #[arg(long, value_name = "UID|TYPE")]
    principal: Vec<String>,

    /// Only this resource, or only resources of this type; repeatable
    #[arg(long, value_name = "UID|TYPE")]
    resource: Vec<String>,

    /// Only this action; repeatable
    #[arg(long, value_name = "ACTION", value_parser = parse_action)]
    action: Vec<UidText>,

    /// Only resources of this type; the same as `--resource TYPE`
    #[arg(long = "type", value_name = "TYPE")]
    type_name: Vec<String>,

    /// Only pairs for which something is allowed
    #[arg(long)]
    allowed: bool,

    /// The most cells that are decided
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    max_cells: u64,

    /// Context of the checks: a JSON object, or @FILE; of it each action takes what it declares
    #[arg(long, value_name = "JSON")]
    context: Option<String>,

    /// The time of the checks, such as 2026-11-21T12:00:00Z [default: the time now]
    #[arg(long, value_name = "TIME")]
    now: Option<Timestamp>,

    /// How the matrix is written: csv has a line for each cell, json is one array
    #[arg(long, value_name = "FORMAT", default_value = "table")]
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
    Table,
    Csv,
    Json,
    /// A page of its own, to be filtered in a browser
    Html,
}

/// Decides every cell, and writes each row when it is there.
pub(super) fn run(args: &MatrixArgs, given: &ArgMatches) -> Result<ExitCode, Failure> {
    let context = args.context.as_deref().map(read_context).transpose()?.unwrap_or_default();
    let mut overrides = Overrides::default();
    args.sources.override_in(&mut overrides, given);
    args.forbid_errors.override_in(&mut overrides, given);
    let config = args.config.load(overrides)?;
    let snapshot = load(&config)?;
    let now_ms = args.now.unwrap_or_else(Timestamp::now).as_millisecond();
    let terms = Terms {
        context,
        undeclared: Undeclared::Drop,
        options: config.check_options(),
        ..Terms::at(now_ms)
    };
    let resources: Vec<String> = args.resource.iter().chain(&args.type_name).cloned().collect();
    let mut matrix = Matrix::new(&snapshot, terms, &args.principal, &resources, &args.action)?;
    let count = matrix.cells();
    if count > args.max_cells {
        let message = format!("the matrix has {count} cells, and {} is the most", args.max_cells);
        return Err(Failure::error(message)
            .hint("name principals, resources or actions, or raise `--max-cells`"));
    }
    matrix.only_allowed = args.allowed;
    // On a terminal the rows themselves show how far it is.
    let shown = (!io::stdout().is_terminal()).then_some(matrix.pairs());
    let progress = Progress::count(shown.unwrap_or(0), "deciding", Arc::clone(&matrix.done));
    match args.format {
        Format::Table => written::table(&matrix)?,
        Format::Csv => written::csv(&matrix)?,
        Format::Json => written::json(&matrix)?,
        Format::Html => page::write(&matrix)?,
    }
    drop(progress);
    for (action, why) in matrix.left_out() {
        terminal::note(&terminal::visible(&format!("left out: {action} ({why})")));
    }
    Ok(ExitCode::Success)
}
