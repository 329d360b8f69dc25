//! The command line: what can be typed, and what comes back. One file a command; data goes to
//! standard output, all else to standard error, and nothing outside this module writes to either.

mod check;
mod client;
mod config;
mod demo;
mod diff;
mod exit;
mod explain;
mod flags;
mod format;
mod health;
mod import;
mod init;
mod log;
mod matrix;
mod probe;
mod progress;
mod routes;
mod search;
mod serve;
mod shipped;
mod terminal;
mod test;
mod validate;
mod verdict;

use std::ffi::OsString;

use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};

pub use exit::ExitCode;
use exit::Failure;

/// Everything that can be typed.
#[derive(Debug, Parser)]
#[command(
    name = "doorward",
    version,
    about = "An authorization sidecar: Cedar policies and an entity snapshot in memory, allow or \
             deny over HTTP",
    after_help = "Try `doorward demo` first. Exit codes: 0 done, 1 error, 2 usage; others are \
                  listed by each command's help.",
    max_term_width = 100,
    disable_help_subcommand = true,
    arg_required_else_help = true
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::ServeArgs),
    Check(check::CheckArgs),
    Explain(explain::ExplainArgs),
    Search(search::SearchArgs),
    Probe(probe::ProbeArgs),
    Test(test::TestArgs),
    Demo(demo::DemoArgs),
    Matrix(matrix::MatrixArgs),
    Diff(diff::DiffArgs),
    Validate(validate::ValidateArgs),
    Format(format::FormatArgs),
    Init(init::InitArgs),
    Import(import::ImportArgs),
    Config(config::ConfigArgs),
    Health(health::HealthArgs),
    Log(log::LogArgs),
}

/// Does what the arguments say. The first is the name of the program.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let parsed = Cli::command()
        .try_get_matches_from(args)
        .and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, matches)));
    let (cli, matches) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            // Help and version are errors to clap as well, of a kind that goes to standard output.
            // Should nobody read either any more, there is nobody to tell.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::Usage } else { ExitCode::Success };
        }
    };
    let nothing = ArgMatches::default();
    let given = matches.subcommand().map_or(&nothing, |(_, given)| given);
    match cli.command.run(given) {
        Ok(exit) => exit,
        Err(failure) => failure.report(),
    }
}

impl Command {
    fn run(self, given: &ArgMatches) -> Result<ExitCode, Failure> {
        match self {
            Self::Serve(args) => serve::run(&args, given),
            Self::Check(args) => check::run(&args, given),
            Self::Explain(args) => explain::run(&args, given),
            Self::Search(args) => search::run(&args, given),
            Self::Probe(args) => probe::run(&args),
            Self::Test(args) => test::run(&args, given),
            Self::Demo(args) => demo::run(&args),
            Self::Matrix(args) => matrix::run(&args, given),
            Self::Diff(args) => diff::run(&args, given),
            Self::Validate(args) => validate::run(&args, given),
            Self::Format(args) => format::run(&args, given),
            Self::Init(args) => init::run(&args),
            Self::Import(args) => import::run(args, given),
            Self::Config(args) => config::run(&args, given),
            Self::Health(args) => health::run(&args),
            Self::Log(args) => log::run(&args, given),
        }
    }
}
