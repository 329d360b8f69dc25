//! `doorward log`: looks into the revision log of a data directory: what was in force when, what a
//! revision changed, whether all of it is still what was written, and a bundle of any revision. It
//! only reads, also while the service runs.

mod export;
mod show;
mod table;

use std::io;
use std::path::PathBuf;

use clap::{ArgMatches, Args, Subcommand, ValueEnum};

use super::exit::{ExitCode, Failure, reason};
use super::flags::{ConfigFileArgs, sourced};
use super::terminal;
use crate::config::{Config, Overrides};
use crate::engine::Snapshot;
use crate::revisions::{EmbeddedLog, LogError, Past, PastError, RevisionLog};

/// List, show, verify and export the revisions of a data directory
#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    disable_help_subcommand = true,
    after_help = "It only reads, also while the service runs.\n\nExit codes: 0 done, 1 error or \
                  damage found, 2 usage."
)]
pub(super) struct LogArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(table::ListArgs),
    Show(show::ShowArgs),
    Verify(VerifyArgs),
    Export(export::ExportArgs),
}

/// Check the chain, every change and every snapshot against their digests
#[derive(Debug, Args)]
struct VerifyArgs {
    #[command(flatten)]
    place: PlaceArgs,

    #[command(flatten)]
    format: FormatArgs,
}

/// Where the log is.
#[derive(Debug, Args)]
struct PlaceArgs {
    /// The data directory [default: .doorward]
    #[arg(long, value_name = "DIR", env = "DOORWARD_DATA_DIR", hide_env_values = true)]
    data_dir: Option<PathBuf>,

    #[command(flatten)]
    config: ConfigFileArgs,
}

/// How the answer is written.
#[derive(Debug, Args)]
struct FormatArgs {
    /// How the answer is written
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Human,
    Json,
}

/// Does what the arguments say.
pub(super) fn run(args: &LogArgs, given: &ArgMatches) -> Result<ExitCode, Failure> {
    let nothing = ArgMatches::default();
    let given = given.subcommand().map_or(&nothing, |(_, given)| given);
    match &args.command {
        Command::List(args) => table::run(args, given),
        Command::Show(args) => show::run(args, given),
        Command::Verify(args) => verify(args, given),
        Command::Export(args) => export::run(args, given),
    }
}

fn verify(args: &VerifyArgs, given: &ArgMatches) -> Result<ExitCode, Failure> {
    let (log, _) = args.place.open(given)?;
    let seen = log.verify().map_err(told)?;
    let text = match args.format.format {
        Format::Json => format!(
            "{:#}\n",
            serde_json::json!({
                "epoch": seen.epoch.to_string(),
                "oldest": seen.first,
                "newest": seen.head.revision,
                "hash": seen.head.hash.to_string(),
                "records": seen.records,
                "bytes": seen.body_bytes,
                "snapshots": seen.snapshots,
                "snapshot_bytes": seen.snapshot_bytes,
            })
        ),
        Format::Human if seen.records == 0 => "the log is empty and in order\n".to_owned(),
        Format::Human => format!(
            "revisions {} to {} are in order: {} records of {} bytes, {} snapshots of {} bytes\n\
             newest {}\n",
            seen.first,
            seen.head.revision,
            seen.records,
            seen.body_bytes,
            seen.snapshots,
            seen.snapshot_bytes,
            seen.head.hash,
        ),
    };
    terminal::data(&text)?;
    Ok(ExitCode::Success)
}

// === impl PlaceArgs ===

impl PlaceArgs {
    fn open(&self, given: &ArgMatches) -> Result<(EmbeddedLog, Config), Failure> {
        let data_dir = sourced(given, "data_dir", self.data_dir.clone());
        let overrides = Overrides { data_dir, ..Overrides::default() };
        let config = self.config.load(overrides)?;
        Ok((open(&config)?, config))
    }
}

/// The log that the configuration names, to be read.
fn open(config: &Config) -> Result<EmbeddedLog, Failure> {
    let directory = &config.data_dir.value;
    EmbeddedLog::open_to_read(directory).map_err(|error| match error {
        LogError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
            let message = format!("there is no revision log in `{}`", directory.display());
            Failure::error(message).hint("`--data-dir DIR` names another data directory")
        }
        error => told(error),
    })
}

/// A revision of the log that the configuration names, made again.
pub(super) fn revision(config: &Config, number: u64) -> Result<Snapshot, Failure> {
    let log = open(config)?;
    let past = Past::at(&log, number).map_err(untold)?;
    past.build(&log, config.compile_options().limits).map_err(untold)
}

/// What a log said, for people.
fn told(error: LogError) -> Failure {
    match error {
        LogError::Io { doing, path, source } => {
            Failure::error(format!("cannot {doing} `{}`: {}", path.display(), reason(&source)))
        }
        LogError::Damaged { .. } | LogError::Chain { .. } => Failure::error(error.to_string())
            .hint("put the data directory back from a backup; docs/operations.md says how"),
        error => Failure::error(error.to_string()),
    }
}

/// Why a revision cannot be made again, for people.
fn untold(error: PastError) -> Failure {
    match error {
        PastError::Log(error) => told(error),
        error => Failure::error(error.to_string()),
    }
}
