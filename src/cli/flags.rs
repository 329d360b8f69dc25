//! Flags that several commands share, and what they override in the configuration. A flag and the
//! variable of its name say the same; which of them spoke is kept.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args};

use super::exit::Failure;
use crate::config::{
    Config, ForbidErrors, LogFormat, LogLevel, Origin, Overrides, References, RequestProperties,
    Sourced,
};
use crate::server::ListenAddr;

/// Which configuration file.
#[derive(Debug, Args)]
pub(super) struct ConfigFileArgs {
    /// Configuration file [default: ./doorward.yaml if it is there]
    #[arg(long, value_name = "FILE", env = "DOORWARD_CONFIG", hide_env_values = true)]
    pub(super) config: Option<PathBuf>,
}

/// What a bundle is read from.
#[derive(Debug, Args)]
#[command(next_help_heading = "Sources")]
pub(super) struct SourceArgs {
    /// Directory or file with policies, and the schema if it lies there; repeatable [default:
    /// ./policies if it is there]
    #[arg(long, value_name = "PATH", env = "DOORWARD_POLICIES", hide_env_values = true)]
    policies: Vec<PathBuf>,

    /// Schema, in place of one that lies with the policies
    #[arg(long, value_name = "FILE", env = "DOORWARD_SCHEMA", hide_env_values = true)]
    schema: Option<PathBuf>,

    /// Directory or file with entities, and links.json if it lies there; repeatable [default:
    /// ./entities if it is there]
    #[arg(long, value_name = "PATH", env = "DOORWARD_ENTITIES", hide_env_values = true)]
    entities: Vec<PathBuf>,

    /// Links, in place of a links.json that lies with the entities
    #[arg(long, value_name = "FILE", env = "DOORWARD_LINKS", hide_env_values = true)]
    links: Option<PathBuf>,

    /// Whether everything that an entity or a link names has to exist [default: strict]
    #[arg(long, value_name = "RULE", env = "DOORWARD_REFERENCES", hide_env_values = true)]
    references: Option<References>,
}

/// How checks are evaluated.
#[derive(Debug, Args)]
pub(super) struct ForbidErrorsArgs {
    /// What a forbid does whose condition errs [default: deny]
    #[arg(long, value_name = "RULE", env = "DOORWARD_FORBID_ERRORS", hide_env_values = true)]
    forbid_errors: Option<ForbidErrors>,
}

/// What only the service itself needs.
#[derive(Debug, Args)]
#[command(next_help_heading = "Service")]
pub(super) struct ServiceArgs {
    /// Where checks are answered: HOST:PORT or unix:PATH [default: 127.0.0.1:3667]
    #[arg(long, value_name = "ADDR", env = "DOORWARD_LISTEN", hide_env_values = true)]
    listen: Option<ListenAddr>,

    /// Where state is shown and changed [default: 127.0.0.1:3668]
    #[arg(long, value_name = "ADDR", env = "DOORWARD_ADMIN_LISTEN", hide_env_values = true)]
    admin_listen: Option<ListenAddr>,

    /// Tokens of the admin plane: one `NAME ROLE TOKEN` a line, ROLE read or write; or one bare
    /// token [default: a random one on loopback, printed once]
    #[arg(long, value_name = "FILE", env = "DOORWARD_ADMIN_TOKEN_FILE", hide_env_values = true)]
    admin_token_file: Option<PathBuf>,

    /// Tokens of the data plane's callers: one `NAME TOKEN` a line, or one bare token; proxies send
    /// theirs in X-Doorward-Token [default: whoever reaches the data plane may ask]
    #[arg(long, value_name = "FILE", env = "DOORWARD_CHECK_TOKEN_FILE", hide_env_values = true)]
    check_token_file: Option<PathBuf>,

    /// Where changes made through the admin plane are kept [default: .doorward]
    #[arg(long, value_name = "DIR", env = "DOORWARD_DATA_DIR", hide_env_values = true)]
    data_dir: Option<PathBuf>,

    /// Keep nothing on disk, and refuse changes through the admin plane
    #[arg(long, env = "DOORWARD_EPHEMERAL", hide_env_values = true, value_name = "BOOL")]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(value_parser = BoolishValueParser::new(), hide_possible_values = true)]
    ephemeral: Option<bool>,

    /// When properties that come with an AuthZEN request are used [default: unknown-entities]
    #[arg(long, value_name = "RULE", env = "DOORWARD_REQUEST_PROPERTIES", hide_env_values = true)]
    request_properties: Option<RequestProperties>,

    /// How the log on standard error is written [default: text]
    #[arg(long, value_name = "FORMAT", env = "DOORWARD_LOG_FORMAT", hide_env_values = true)]
    log_format: Option<LogFormat>,

    /// How much the log says [default: info]
    #[arg(long, value_name = "LEVEL", env = "DOORWARD_LOG_LEVEL", hide_env_values = true)]
    log_level: Option<LogLevel>,
}

// === impl ConfigFileArgs ===

impl ConfigFileArgs {
    /// The configuration in force under these overrides.
    pub(super) fn load(&self, overrides: Overrides) -> Result<Config, Failure> {
        Ok(Config::load(self.config.as_deref(), overrides)?)
    }
}

// === impl SourceArgs ===

impl SourceArgs {
    /// Adds what these flags override.
    pub(super) fn override_in(&self, overrides: &mut Overrides, given: &ArgMatches) {
        overrides.policies = sourced_paths(given, "policies", &self.policies);
        overrides.schema = sourced(given, "schema", self.schema.clone());
        overrides.entities = sourced_paths(given, "entities", &self.entities);
        overrides.links = sourced(given, "links", self.links.clone());
        overrides.references = sourced(given, "references", self.references);
    }
}

// === impl ForbidErrorsArgs ===

impl ForbidErrorsArgs {
    /// Adds what this flag overrides.
    pub(super) fn override_in(&self, overrides: &mut Overrides, given: &ArgMatches) {
        overrides.forbid_errors = sourced(given, "forbid_errors", self.forbid_errors);
    }
}

// === impl ServiceArgs ===

impl ServiceArgs {
    /// Adds what these flags override.
    pub(super) fn override_in(&self, overrides: &mut Overrides, given: &ArgMatches) {
        overrides.listen = sourced(given, "listen", self.listen.clone());
        overrides.admin_listen = sourced(given, "admin_listen", self.admin_listen.clone());
        overrides.admin_token_file =
            sourced(given, "admin_token_file", self.admin_token_file.clone());
        overrides.check_token_file =
            sourced(given, "check_token_file", self.check_token_file.clone());
        overrides.data_dir = sourced(given, "data_dir", self.data_dir.clone());
        overrides.ephemeral = sourced(given, "ephemeral", self.ephemeral);
        overrides.request_properties =
            sourced(given, "request_properties", self.request_properties);
        overrides.log_format = sourced(given, "log_format", self.log_format);
        overrides.log_level = sourced(given, "log_level", self.log_level);
    }
}

/// A value that was given, with who gave it.
pub(super) fn sourced<T>(given: &ArgMatches, id: &str, value: Option<T>) -> Option<Sourced<T>> {
    let origin = origin(given, id);
    value.map(|value| Sourced::new(value, origin))
}

/// Paths that were given. A variable holds several as `PATH` does, with colons between them.
pub(super) fn sourced_paths(
    given: &ArgMatches,
    id: &str,
    paths: &[PathBuf],
) -> Option<Sourced<Vec<PathBuf>>> {
    let origin = origin(given, id);
    let paths = match origin {
        Origin::Environment(_) => paths
            .iter()
            .flat_map(|path| std::env::split_paths(path.as_os_str()).collect::<Vec<_>>())
            .filter(|path| !path.as_os_str().is_empty())
            .collect(),
        _ => paths.to_vec(),
    };
    (!paths.is_empty()).then(|| Sourced::new(paths, origin))
}

fn origin(given: &ArgMatches, id: &str) -> Origin {
    match given.value_source(id) {
        Some(ValueSource::EnvVariable) => {
            Origin::Environment(format!("DOORWARD_{}", id.to_ascii_uppercase()))
        }
        _ => Origin::Flag(format!("--{}", id.replace('_', "-"))),
    }
}
