//! `doorward import`: files of other formats become files of this one.

mod openapi;

use clap::{ArgMatches, Args, Subcommand};

use super::exit::{ExitCode, Failure};

/// Make files to start from out of those of other tools
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
#[command(disable_help_subcommand = true)]
pub(super) struct ImportArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Openapi(openapi::OpenapiArgs),
}

/// Imports.
pub(super) fn run(args: ImportArgs, given: &ArgMatches) -> Result<ExitCode, Failure> {
    let nothing = ArgMatches::default();
    let given = given.subcommand().map_or(&nothing, |(_, given)| given);
    match args.what {
        What::Openapi(args) => openapi::run(&args, given),
    }
}
