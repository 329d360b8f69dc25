//! `doorward test`: runs policy tests, once or after each save.

mod covered;
mod find;
mod human;
mod json;
mod judge;
mod junit;
mod mutate;
mod page;
mod run;
mod watch;
mod world;

use std::path::PathBuf;

use clap::{ArgMatches, Args, ValueEnum};

use super::exit::{ExitCode, Failure, reason};
use super::flags::{ConfigFileArgs, ForbidErrorsArgs, SourceArgs};
use super::routes::RoutesArgs;
use super::terminal::{self, Paint};
use crate::config::{Config, Overrides};
use crate::policy_test::coverage::Coverage;
pub(super) use judge::judge;
use mutate::{MutateArgs, Mutation};
use run::Run;

/// Where tests are, if nobody says otherwise.
pub(super) const PATHS_DEFAULT: &str = "tests/policies";

/// Run policy tests
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 all passed, 4 a test failed, coverage is under `--min`, or \
                        a change that `--mutate` makes survived without a reason, 1 error (also a suite that is broken, \
                        or no test at all), 2 usage.\n\nExamples:\n  doorward test\n  \
                        doorward test tests/policies/sharing.yaml --filter emma\n  doorward test \
                        --format junit > report.xml\n  doorward test --coverage --min 95\n  doorward test --mutate")]
pub(super) struct TestArgs {
    /// Files of tests, and directories of them [default: ./tests/policies]
    #[arg(value_name = "PATHS")]
    paths: Vec<PathBuf>,

    /// Only tests with this in the name of the test or its file
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,

    /// Say what the tests saw of the policies: every clause true once and false once
    #[arg(long)]
    coverage: bool,

    /// The least percentage of the clauses' outcomes that the tests have to see
    #[arg(long, value_name = "PERCENT", requires = "coverage", value_parser = parse_percent)]
    min: Option<f64>,

    /// Write the policies with what was seen of them as an HTML page
    #[arg(long, value_name = "FILE", requires = "coverage")]
    coverage_html: Option<PathBuf>,

    /// Run again after every save of tests, policies, entities or routes, until Ctrl-C
    #[arg(long)]
    watch: bool,

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
    if args.watch {
        return watch::run(args, given);
    }
    args.report(&args.config(given)?)
}

/// Reads a percentage.
fn parse_percent(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(percent),
        _ => Err("expected a number from 0 to 100".to_owned()),
    }
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

    /// One run of all tests that the arguments name, and its report.
    fn report(&self, config: &Config) -> Result<ExitCode, Failure> {
        let files = find::files(&self.paths)?;
        let cases = run::cases(config, run::read(&files)?, self.filter.as_deref())?;
        let run = run::all(cases, self.coverage);
        let mutation = self.mutation(config, &run)?;
        let mutation = mutation.as_ref();
        let coverage = run.coverage.as_ref();
        let paint = Paint::stdout();
        let text = match self.format {
            Format::Human => {
                let told = coverage.map(|it| covered::report(it, paint)).unwrap_or_default();
                human::report(&run, mutation, paint) + &told
            }
            Format::Json => format!("{:#}\n", json::report(&run, mutation)),
            Format::Junit => {
                // That form has no place for it.
                if let Some(coverage) = coverage {
                    terminal::note(covered::report(coverage, Paint::stderr()).trim());
                }
                junit::report(&run, mutation)?
            }
        };
        terminal::data(&text)?;
        let covers = coverage.map(|it| self.covers(it, &run)).transpose()?;
        let fails = run.counts().failed > 0
            || mutation.is_some_and(Mutation::fails)
            || covers == Some(false);
        Ok(if fails { ExitCode::Found } else { ExitCode::Success })
    }

    /// Writes the page, and says whether the tests saw enough.
    fn covers(&self, coverage: &Coverage, run: &Run) -> Result<bool, Failure> {
        if let Some(file) = &self.coverage_html {
            let page = page::render(coverage, &run.texts);
            std::fs::write(file, page).map_err(|error| {
                let why = reason(&error);
                Failure::error(format!("cannot write `{}`: {why}", file.display()))
            })?;
        }
        let percent = coverage.share().percent();
        match self.min.filter(|least| percent < *least) {
            Some(least) => {
                terminal::note(&format!("coverage is {percent:.1} %, under {least} %"));
                Ok(false)
            }
            None => Ok(true),
        }
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
