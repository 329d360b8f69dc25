//! What is switched on. Each setting is decided by the first that says something: a flag, a
//! variable of the environment, `doorward.yaml`, a default; and it remembers which one did.
//!
//! [`Overrides`] is what flags and environment say, [`file::ConfigFile`] what the file says, and
//! [`Config`] what is in force. Only the command line's parser reads the environment.

pub mod choice;
pub mod entries;
pub mod file;
pub mod limits;
pub mod origin;
pub mod quantity;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use choice::{ForbidErrors, LogFormat, LogLevel, References, RequestProperties};
pub use file::ConfigFile;
pub use limits::Limits;
pub use origin::{Origin, Sourced};
pub use quantity::Bytes;

use crate::engine::{self, CheckOptions, CompileOptions, Place, Problem};
use crate::http::authzen;
use crate::server::ListenAddr;
use crate::sources::Inputs;
use file::OneOrMany;

/// The port where checks are answered, if nobody says otherwise.
const LISTEN_PORT_DEFAULT: u16 = 3667;
/// The port where state is shown and changed, if nobody says otherwise.
const ADMIN_LISTEN_PORT_DEFAULT: u16 = 3668;
/// Where changes are kept, if nobody says otherwise.
const DATA_DIR_DEFAULT: &str = ".doorward";
/// Read where no policies are named and this directory is there.
const POLICIES_DEFAULT: &str = "policies";
/// Read where no entities are named and this directory is there.
const ENTITIES_DEFAULT: &str = "entities";

/// Read where no route file is named and this one is there.
pub const ROUTES_DEFAULT: &str = "routes.yaml";

/// What flags and the environment say; `None` where they are silent.
#[derive(Debug, Default)]
pub struct Overrides {
    /// `--policies`
    pub policies: Option<Sourced<Vec<PathBuf>>>,
    /// `--schema`
    pub schema: Option<Sourced<PathBuf>>,
    /// `--entities`
    pub entities: Option<Sourced<Vec<PathBuf>>>,
    /// `--links`
    pub links: Option<Sourced<PathBuf>>,
    /// `--routes`
    pub routes: Option<Sourced<PathBuf>>,
    /// `--listen`
    pub listen: Option<Sourced<ListenAddr>>,
    /// `--admin-listen`
    pub admin_listen: Option<Sourced<ListenAddr>>,
    /// `--admin-token-file`
    pub admin_token_file: Option<Sourced<PathBuf>>,
    /// `--check-token-file`
    pub check_token_file: Option<Sourced<PathBuf>>,
    /// `--data-dir`
    pub data_dir: Option<Sourced<PathBuf>>,
    /// `--ephemeral`
    pub ephemeral: Option<Sourced<bool>>,
    /// `--forbid-errors`
    pub forbid_errors: Option<Sourced<ForbidErrors>>,
    /// `--references`
    pub references: Option<Sourced<References>>,
    /// `--request-properties`
    pub request_properties: Option<Sourced<RequestProperties>>,
    /// `--log-format`
    pub log_format: Option<Sourced<LogFormat>>,
    /// `--log-level`
    pub log_level: Option<Sourced<LogLevel>>,
}

/// The configuration in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Directories and files with policies; none: the admin API owns them.
    pub policies: Sourced<Vec<PathBuf>>,
    /// The schema, where it does not lie with the policies.
    pub schema: Sourced<Option<PathBuf>>,
    /// Directories and files with entities.
    pub entities: Sourced<Vec<PathBuf>>,
    /// The links, where they do not lie with the entities.
    pub links: Sourced<Option<PathBuf>>,
    /// What each request of a proxy asks for.
    pub routes: Sourced<Option<PathBuf>>,
    /// Where checks are answered.
    pub listen: Sourced<ListenAddr>,
    /// Where state is shown and changed.
    pub admin_listen: Sourced<ListenAddr>,
    /// The file with the tokens of the admin plane.
    pub admin_token_file: Sourced<Option<PathBuf>>,
    /// The file with the tokens of the data plane's callers.
    pub check_token_file: Sourced<Option<PathBuf>>,
    /// Where changes are kept.
    pub data_dir: Sourced<PathBuf>,
    /// Nothing is kept on disk.
    pub ephemeral: Sourced<bool>,
    /// What a `forbid` does whose condition errs.
    pub forbid_errors: Sourced<ForbidErrors>,
    /// Whether everything that is named has to exist.
    pub references: Sourced<References>,
    /// When properties that come with a request are used.
    pub request_properties: Sourced<RequestProperties>,
    /// How many bytes of decisions are kept for requests that come again; none where it is not set.
    pub decision_cache: Sourced<Option<Bytes>>,
    /// How the log is written.
    pub log_format: Sourced<LogFormat>,
    /// How much the log says.
    pub log_level: Sourced<LogLevel>,
    /// The bounds.
    pub limits: Limits,
    /// Names under which the admin plane is reached.
    pub admin_hosts: Sourced<Vec<String>>,
    /// The URL that `AuthZEN`'s metadata document names.
    pub authzen_public_url: Sourced<Option<String>>,
    /// Cedar's entity types for `AuthZEN` type names.
    pub authzen_types: Sourced<BTreeMap<String, String>>,
    /// Cedar's actions for `AuthZEN` action names.
    pub authzen_actions: Sourced<BTreeMap<String, String>>,
}

/// Takes the override, or what the file says, or the default.
struct Pick {
    file: Origin,
}

// === impl Config ===

impl Config {
    /// The configuration in force: reads the file named, or `./doorward.yaml` if it is there.
    pub fn load(named: Option<&Path>, overrides: Overrides) -> Result<Self, Problem> {
        let (path, file) = ConfigFile::find(named)?.unwrap_or_default();
        let config = Self::resolve(overrides, &path, file);
        config.judge()?;
        Ok(config)
    }

    /// Lays the overrides over the file and the file over the defaults.
    pub fn resolve(over: Overrides, path: &Path, file: ConfigFile) -> Self {
        let origin = Origin::File(path.to_owned());
        let pick = Pick { file: origin.clone() };
        let many = |paths: Option<OneOrMany>| paths.map(OneOrMany::into_vec);
        let local = |port| ListenAddr::Tcp(format!("127.0.0.1:{port}"));
        Self {
            policies: pick.or(over.policies, many(file.policies), || if_there(POLICIES_DEFAULT)),
            schema: pick.optional(over.schema, file.schema),
            entities: pick.or(over.entities, many(file.entities), || if_there(ENTITIES_DEFAULT)),
            links: pick.optional(over.links, file.links),
            routes: pick.or(over.routes.map(some), file.routes.map(Some), || {
                let path = PathBuf::from(ROUTES_DEFAULT);
                path.is_file().then_some(path)
            }),
            listen: pick.or(over.listen, file.listen, || local(LISTEN_PORT_DEFAULT)),
            admin_listen: pick
                .or(over.admin_listen, file.admin_listen, || local(ADMIN_LISTEN_PORT_DEFAULT)),
            admin_token_file: pick.optional(over.admin_token_file, file.admin_token_file),
            check_token_file: pick.optional(over.check_token_file, file.check_token_file),
            data_dir: pick.or(over.data_dir, file.data_dir, || DATA_DIR_DEFAULT.into()),
            ephemeral: pick.or(over.ephemeral, file.ephemeral, || false),
            forbid_errors: pick.or_default(over.forbid_errors, file.forbid_errors),
            references: pick.or_default(over.references, file.references),
            request_properties: pick.or_default(over.request_properties, file.request_properties),
            decision_cache: pick.optional(None, file.decision_cache),
            log_format: pick.or_default(over.log_format, file.log_format),
            log_level: pick.or_default(over.log_level, file.log_level),
            limits: Limits::of(&file.limits, &origin),
            admin_hosts: pick.or_default(None, file.admin.hosts),
            authzen_public_url: pick.optional(None, file.authzen.public_url),
            authzen_types: pick.or_default(None, file.authzen.types),
            authzen_actions: pick.or_default(None, file.authzen.actions),
        }
    }

    /// Refuses what fits its type and still cannot be meant.
    fn judge(&self) -> Result<(), Problem> {
        if self.listen.value == self.admin_listen.value
            && !self.listen.value.to_string().ends_with(":0")
        {
            let message = format!("`listen` and `admin_listen` are both `{}`", self.listen.value);
            return Err(Problem::error("config", message)
                .hint("the admin plane is a listener of its own: give it another port"));
        }
        if let Err(error) = authzen::Mapping::new(&self.authzen_options(), "http://localhost") {
            let problem = Problem::error("config", error.to_string())
                .hint("it is where callers reach `listen`, such as `https://authz.example`");
            return Err(in_file(problem, &self.authzen_public_url.origin));
        }
        let (depth, most) = (self.limits.depth.value.0, engine::json::DEPTH_MAX);
        if limits::size(depth) > most {
            let message = format!("`limits.depth` is {depth}, and {most} is the most");
            let problem = Problem::error("config", message)
                .hint("the stack that texts are parsed on is made for that depth");
            return Err(in_file(problem, &self.limits.depth.origin));
        }
        Ok(())
    }

    /// The files that the bundle is read from.
    pub fn inputs(&self) -> Inputs {
        Inputs {
            policies: self.policies.value.clone(),
            schema: self.schema.value.clone(),
            entities: self.entities.value.clone(),
            links: self.links.value.clone(),
        }
    }

    /// How checks are evaluated.
    pub fn check_options(&self) -> CheckOptions {
        CheckOptions {
            forbid_errors: self.forbid_errors.value.into(),
            request_properties: self.request_properties.value.into(),
        }
    }

    /// How many bytes of decisions are kept; 0: none are.
    pub fn decision_cache_bytes(&self) -> u64 {
        self.decision_cache.value.map_or(0, |bytes| bytes.0)
    }

    /// How `AuthZEN` names are read.
    pub fn authzen_options(&self) -> authzen::Options {
        authzen::Options {
            public_url: self.authzen_public_url.value.clone(),
            types: self.authzen_types.value.clone(),
            actions: self.authzen_actions.value.clone(),
        }
    }

    /// How bundles are compiled.
    pub fn compile_options(&self) -> CompileOptions {
        CompileOptions {
            references: self.references.value.into(),
            limits: self.limits.gate_limits(),
        }
    }
}

// === impl Pick ===

impl Pick {
    fn or<T>(
        &self,
        over: Option<Sourced<T>>,
        file: Option<T>,
        default: impl FnOnce() -> T,
    ) -> Sourced<T> {
        match (over, file) {
            (Some(over), _) => over,
            (None, Some(value)) => Sourced::new(value, self.file.clone()),
            (None, None) => Sourced::default_of(default()),
        }
    }

    fn or_default<T: Default>(&self, over: Option<Sourced<T>>, file: Option<T>) -> Sourced<T> {
        self.or(over, file, T::default)
    }

    fn optional<T>(&self, over: Option<Sourced<T>>, file: Option<T>) -> Sourced<Option<T>> {
        self.or(over.map(some), file.map(Some), || None)
    }
}

/// A value that is there.
fn some<T>(value: Sourced<T>) -> Sourced<Option<T>> {
    Sourced::new(Some(value.value), value.origin)
}

/// The directory, if it is there.
fn if_there(directory: &str) -> Vec<PathBuf> {
    let path = PathBuf::from(directory);
    if path.is_dir() { vec![path] } else { Vec::new() }
}

/// The problem, with the file that the value stands in.
fn in_file(problem: Problem, origin: &Origin) -> Problem {
    match origin {
        Origin::File(path) => problem.at(Place::whole(&path.display().to_string())),
        _ => problem,
    }
}

#[cfg(test)]
mod tests;
