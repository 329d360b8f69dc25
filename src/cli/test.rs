//! `doorward test`: runs policy tests, once or after each save.

mod find;
mod human;
mod json;
mod junit;
mod mutate;
mod run;
mod world;

use std::path::PathBuf;

use clap::{ArgMatches, Args, ValueEnum};

use super::exit::{ExitCode, Failure};
use super::flags::{ConfigFileArgs, ForbidErrorsArgs, SourceArgs};
use super::routes::RoutesArgs;
use super::terminal::{self, Paint};
use crate::config::{Config, Overrides};
use mutate::{MutateArgs, Mutation};
use run::Run;

/// Where tests are, if nobody says otherwise.
const PATHS_DEFAULT: &str = "tests/policies";

/// Run policy tests
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 all passed, 4 a test failed or a change that `--mutate` \
                        makes survived without a reason, 1 error (also a suite that is broken, \
                        or no test at all), 2 usage.\n\nExamples:\n  doorward test\n  \
                        doorward test tests/policies/sharing.yaml --filter emma\n  doorward test \
                        --format junit > report.xml\n  doorward test --mutate")]
pub(super) struct TestArgs {
    /// Files of tests, and directories of them [default: ./tests/policies]
    #[arg(value_name = "PATHS")]
    paths: Vec<PathBuf>,

    /// Only tests with this in the name of the test or its file
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,

    /// How the report is written
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,

    #[command(flatten)]
    mutate: MutateArgs,

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
    Junit,
}

/// Runs the tests, reports, and says by the exit code whether all passed.
pub(super) fn run(args: &TestArgs, given: &ArgMatches) -> Result<ExitCode, Failure> {
    let config = args.config(given)?;
    let run = args.once(&config)?;
    let mutation = args.mutation(&config, &run)?;
    let mutation = mutation.as_ref();
    let text = match args.format {
        Format::Human => human::report(&run, mutation, Paint::stdout()),
        Format::Json => format!("{:#}\n", json::report(&run, mutation)),
        Format::Junit => junit::report(&run, mutation)?,
    };
    terminal::data(&text)?;
    let fails = run.counts().failed > 0 || mutation.is_some_and(Mutation::fails);
    Ok(if fails { ExitCode::Found } else { ExitCode::Success })
}

// === impl TestArgs ===

impl TestArgs {
    fn config(&self, given: &ArgMatches) -> Result<Config, Failure> {
        let mut overrides = Overrides::default();
        self.sources.override_in(&mut overrides, given);
        self.routes.override_in(&mut overrides, given);
        self.forbid_errors.override_in(&mut overrides, given);
        self.config.load(overrides)
    }

    /// One run of all tests that the arguments name.
    fn once(&self, config: &Config) -> Result<Run, Failure> {
        let files = find::files(&self.paths)?;
        let suites = run::read(&files)?;
        let cases = run::cases(config, suites, self.filter.as_deref())?;
        Ok(run::all(cases))
    }

    /// What comes out where policies are changed, if that is asked for. Tests that fail as it is
    /// would fail for every change, so they come first.
    fn mutation(&self, config: &Config, run: &Run) -> Result<Option<Mutation>, Failure> {
        if !self.mutate.mutate {
            return Ok(None);
        }
        if run.counts().failed > 0 {
            terminal::note("no policy is changed as long as a test fails");
            return Ok(None);
        }
        let files = find::files(&self.paths)?;
        mutate::try_all(&self.mutate, config, &files, self.filter.as_deref()).map(Some)
    }
}
