//! `doorward config`: the configuration in force, and what decided each value.

use clap::{ArgMatches, Args, ValueEnum};

use super::exit::{ExitCode, Failure};
use super::flags::{ConfigFileArgs, ForbidErrorsArgs, ServiceArgs, SourceArgs};
use super::routes::RoutesArgs;
use super::terminal::{self, visible};
use crate::config::Overrides;

/// Show the configuration in force, and where each value comes from
#[derive(Debug, Args)]
#[command(after_help = "Takes the flags of `doorward serve`, and shows what it would run with. \
                        Secrets lie in files of their own and are never shown.")]
pub(super) struct ConfigArgs {
    /// How it is written; yaml is a doorward.yaml again
    #[arg(long, value_name = "FORMAT", default_value = "yaml")]
    format: Format,

    #[command(flatten)]
    config: ConfigFileArgs,

    #[command(flatten)]
    sources: SourceArgs,

    #[command(flatten)]
    routes: RoutesArgs,

    #[command(flatten)]
    service: ServiceArgs,

    #[command(flatten)]
    forbid_errors: ForbidErrorsArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Yaml,
    Json,
}

/// Prints the configuration.
pub(super) fn run(args: &ConfigArgs, given: &ArgMatches) -> Result<ExitCode, Failure> {
    let mut overrides = Overrides::default();
    args.sources.override_in(&mut overrides, given);
    args.routes.override_in(&mut overrides, given);
    args.service.override_in(&mut overrides, given);
    args.forbid_errors.override_in(&mut overrides, given);
    let config = args.config.load(overrides)?;
    let text = match args.format {
        Format::Yaml => config.to_yaml(),
        Format::Json => format!("{:#}\n", config.to_json()),
    };
    terminal::data(&visible(&text))?;
    Ok(ExitCode::Success)
}
