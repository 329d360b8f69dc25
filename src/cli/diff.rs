//! `doorward diff`: who gains and who loses what between two bundles, for people who are about to
//! put one in force, and as a gate for those who are not there.

mod bundle;
mod report;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use clap::{ArgMatches, Args, ValueEnum};
use jiff::Timestamp;

use super::check::read_context;
use super::exit::{ExitCode, Failure};
use super::flags::{ConfigFileArgs, ForbidErrorsArgs, SourceArgs, sourced};
use super::progress::Progress;
use super::terminal::{self, Paint};
use crate::analysis::diff::{Bounds, Difference, diff};
use crate::config::Overrides;
use crate::engine::Snapshot;
use crate::engine::check::Undeclared;
use crate::engine::search::Terms;
use bundle::BundleName;

/// Who gains and who loses access between two bundles
#[derive(Debug, Args)]
#[command(
    after_help = "A BUNDLE is a directory with policies/ and entities/ in it; a directory with .cedar files, \
                        to which the entities of this project or of --entities are added; a file as \
                        PUT /v1/bundle takes it and `doorward log export` writes it, where parts that are \
                        absent are those of this project; or rev:N, a revision of the data directory.\n\nActions whose context cannot be empty are \
                        left out, which is said, unless --context gives one.\n\nExit codes: 0 done, 4 \
                        more is gained than --max-gained, 1 error (also where not everything could \
                        be compared), 2 usage.\n\nExamples:\n  doorward diff --from rev:7 --to .\n  \
                        doorward diff --from main/policies --to policies --max-gained 0"
)]
pub(super) struct DiffArgs {
    /// What was, or is
    #[arg(long, value_name = "BUNDLE", value_parser = BundleName::parse)]
    from: BundleName,

    /// What is to be
    #[arg(long, value_name = "BUNDLE", value_parser = BundleName::parse)]
    to: BundleName,

    /// End with 4 if more than so many principals, actions and resources are gained
    #[arg(long, value_name = "N")]
    max_gained: Option<u64>,

    /// The most decisions that are made to find it out
    #[arg(long, value_name = "N", default_value_t = Bounds::default().decisions_max)]
    max_decisions: u64,

    /// How many samples and principals are shown of what is gained, and of what is lost
    #[arg(long, value_name = "N", default_value_t = 10)]
    samples: usize,

    /// Context of the checks: a JSON object, or @FILE; of it each action takes what it declares
    #[arg(long, value_name = "JSON")]
    context: Option<String>,

    /// The time of the checks, such as 2026-11-21T12:00:00Z [default: the time now]
    #[arg(long, value_name = "TIME")]
    now: Option<Timestamp>,

    /// How the answer is written
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,

    /// Where the revisions are [default: .doorward]
    #[arg(long, value_name = "DIR", env = "DOORWARD_DATA_DIR", hide_env_values = true)]
    data_dir: Option<std::path::PathBuf>,

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
    /// Tables for a pull request
    Markdown,
}

/// Compares, prints, and says whether too much is gained.
pub(super) fn run(args: &DiffArgs, given: &ArgMatches) -> Result<ExitCode, Failure> {
    let context = args.context.as_deref().map(read_context).transpose()?.unwrap_or_default();
    let mut overrides = Overrides::default();
    args.sources.override_in(&mut overrides, given);
    args.forbid_errors.override_in(&mut overrides, given);
    overrides.data_dir = sourced(given, "data_dir", args.data_dir.clone());
    let config = args.config.load(overrides)?;
    let (old, new) = (args.from.load(&config)?, args.to.load(&config)?);
    let now_ms = args.now.unwrap_or_else(Timestamp::now).as_millisecond();
    let terms = Terms {
        context,
        undeclared: Undeclared::Drop,
        options: config.check_options(),
        ..Terms::at(now_ms)
    };
    let bounds = Bounds {
        decisions_max: args.max_decisions,
        samples_max: args.samples,
        principals_max: args.samples,
    };
    let found = compare([&old, &new], &terms, bounds);
    terminal::data(&match args.format {
        Format::Human => report::for_people(&found, Paint::stdout()),
        Format::Json => format!("{:#}\n", report::json(&found)),
        Format::Markdown => report::markdown(&found),
    })?;
    args.judge(&found)
}

/// Compares, and shows on a terminal how far it is.
fn compare([old, new]: [&Snapshot; 2], terms: &Terms, bounds: Bounds) -> Difference {
    let made = Arc::new(AtomicU64::new(0));
    let _shown = Progress::decisions("comparing", Arc::clone(&made));
    diff(old, new, terms, bounds, &mut |progress| {
        made.store(progress.decisions, Ordering::Relaxed);
        true
    })
}

// === impl DiffArgs ===

impl DiffArgs {
    fn judge(&self, found: &Difference) -> Result<ExitCode, Failure> {
        if let Some(most) = self.max_gained.filter(|most| found.gained.total > *most) {
            let total = found.gained.total;
            let are = if total == 1 { "is" } else { "are" };
            terminal::note(&format!("{total} {are} gained, and {most} is the most"));
            return Ok(ExitCode::Found);
        }
        if !found.complete {
            let message = format!(
                "not everything was compared: {} decisions were made, which is the bound",
                found.decisions
            );
            return Err(Failure::error(message).hint("`--max-decisions` takes a larger one"));
        }
        Ok(ExitCode::Success)
    }
}
