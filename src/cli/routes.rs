//! The route file as commands name and read it.

use std::path::PathBuf;

use clap::{ArgMatches, Args};

use super::flags::sourced;
use crate::config::{Config, Overrides, ROUTES_DEFAULT};
use crate::engine::{Place, Problem, Text};
use crate::http::proxy::RouteConfig;

/// Which route file.
#[derive(Debug, Args)]
pub(super) struct RoutesArgs {
    /// Route file: what each request of a proxy asks for [default: ./routes.yaml if it is there]
    #[arg(long, value_name = "FILE", env = "DOORWARD_ROUTES", hide_env_values = true)]
    #[arg(help_heading = "Sources")]
    routes: Option<PathBuf>,
}

// === impl RoutesArgs ===

impl RoutesArgs {
    /// Adds what this flag overrides.
    pub(super) fn override_in(&self, overrides: &mut Overrides, given: &ArgMatches) {
        overrides.routes = sourced(given, "routes", self.routes.clone());
    }
}

/// The text of the route file, if there is one.
pub(super) fn read(config: &Config) -> Result<Option<Text>, Problem> {
    config.routes.value.as_deref().map(RouteConfig::text).transpose()
}

/// The problem of a command that needs a route file and has none.
pub(super) fn missing() -> Problem {
    Problem::error("no-routes", "there is no route file")
        .at(Place::whole(ROUTES_DEFAULT))
        .hint("run this where `./routes.yaml` is, or say where it is: `--routes FILE`")
}
