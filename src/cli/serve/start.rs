//! The start: bind, read, compile, install. What is wrong is gathered and told together, so that
//! nobody has to start five times to learn of five mistakes.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use crate::cli::exit::Failure;
use crate::config::Config;
use crate::engine::{Bundle, Problem, Problems, compile};
use crate::http::admin::{self, Tokens, TokensError};
use crate::http::{self, Callers, Proxies, authzen, proxy};
use crate::pdp::Pdp;
use crate::pdp::metrics::Metrics;
use crate::pdp::publisher::{Publisher, PublisherOptions, StartError};
use crate::revisions::DataDir;
use crate::server::{ListenAddr, Listener};
use crate::sources::{self, Inputs};

/// The listeners, bound or not.
pub(super) struct Bound {
    listener: Result<Listener, Problem>,
    admin_listener: Result<Listener, Problem>,
}

/// A service that can answer.
pub(super) struct Started {
    /// What the planes work with.
    pub(super) app: Arc<http::App>,
    /// Decides.
    pub(super) pdp: Pdp,
    /// Takes changes.
    pub(super) publisher: Publisher,
    /// Where checks are answered.
    pub(super) listener: Listener,
    /// Where state is shown and changed.
    pub(super) admin_listener: Listener,
    /// The publisher's task.
    pub(super) writing: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// The admin token that was made for this run, if one was.
    pub(super) admin_token: Option<String>,
}

// === impl Bound ===

impl Bound {
    /// Binds both addresses.
    pub(super) async fn bind(config: &Config) -> Self {
        let bind = async |address: &ListenAddr| {
            Listener::bind(address).await.map_err(|error| told("listen", &error.to_string()))
        };
        Self {
            listener: bind(&config.listen.value).await,
            admin_listener: bind(&config.admin_listen.value).await,
        }
    }
}

/// Reads, compiles and installs; blocks. Nothing is installed or saved before everything else is
/// known to be in order.
pub(super) fn start(config: &Config, bound: Bound) -> Result<Started, Failure> {
    let mut problems = Problems::default();
    let listener = keep(bound.listener, &mut problems);
    let admin_listener = keep(bound.admin_listener, &mut problems);
    let tokens = keep(admin_tokens(config), &mut problems);
    let callers = keep(callers(config), &mut problems);
    let routes = routes(config, &mut problems);
    let data_dir = keep(open_data_dir(config), &mut problems);
    let inputs = config.inputs();
    let files = read(config, &inputs, &mut problems);
    if let (true, true, Some(files)) = (problems.refuses(), inputs.own_policies(), &files) {
        // It will not start; what else is wrong is told all the same.
        problems.append(compile(files, &config.compile_options()).err().unwrap_or_default());
    }
    let (Some(listener), Some(admin_listener), Some(tokens), Some(data_dir), Some(files)) =
        (listener, admin_listener, tokens, data_dir, files)
    else {
        return Err(problems.into());
    };
    let (Some(callers), Some(routes)) = (callers, routes) else { return Err(problems.into()) };
    let metrics = Metrics::with(vec![routes.collector()]);
    let pdp = Pdp::new(config.check_options(), config.decision_cache_bytes(), metrics);
    let options = PublisherOptions {
        data_dir,
        compile: config.compile_options(),
        files,
        files_own_policies: inputs.own_policies(),
        files_seed_entities: inputs.seed_entities(),
    };
    let (publisher, writing) =
        Publisher::start(pdp.clone(), options, |snapshot| routes.admit(snapshot))?;
    let authzen_options = config.authzen_options();
    let authzen = authzen::Mapping::new(&authzen_options, &listener.address().base_url())
        .map_err(|error| Problem::error("config", error.to_string()))?;
    let (tokens, admin_token) = tokens;
    let access = admin::Access { tokens, hosts: config.admin_hosts.value.clone() };
    let limits = config.limits.http_limits();
    let proxies = Proxies { guard: proxy::Guard::new(pdp.clone(), routes), callers };
    let app = http::App::new(pdp.clone(), publisher.clone(), limits, authzen, access, proxies);
    let writing = Box::pin(writing);
    Ok(Started {
        app: Arc::new(app),
        pdp,
        publisher,
        listener,
        admin_listener,
        writing,
        admin_token,
    })
}

/// What the admin plane may believe of where a request comes from.
pub(super) fn reach(address: &ListenAddr) -> admin::Reach {
    match address {
        ListenAddr::Tcp(_) => admin::Reach::Network,
        ListenAddr::Unix(_) => admin::Reach::UnixSocket,
    }
}

/// The tokens of the file; without one a new token, where only this machine can use it.
fn admin_tokens(config: &Config) -> Result<(Tokens, Option<String>), Problem> {
    let failed = |error: TokensError| told("admin-token", &error.to_string());
    if let Some(path) = &config.admin_token_file.value {
        return Ok((Tokens::from_file(path).map_err(failed)?, None));
    }
    let address = &config.admin_listen.value;
    if !address.is_local() {
        let message = format!(
            "the admin plane would listen on `{address}`, which other machines can reach, without \
             a token of yours"
        );
        return Err(Problem::error("admin-token", message).hint(
            "put one into a file and name it by `--admin-token-file FILE`, or listen on loopback",
        ));
    }
    let (tokens, text) = Tokens::generated().map_err(failed)?;
    Ok((tokens, Some(text)))
}

/// The tokens of the data plane's callers, if they need one.
fn callers(config: &Config) -> Result<Option<Callers>, Problem> {
    let path = config.check_token_file.value.as_deref();
    path.map(Callers::from_file)
        .transpose()
        .map_err(|error| told("check-token", &error.to_string()))
}

/// The routes of the route file, if there is one; `None` where something is wrong with it.
fn routes(config: &Config, problems: &mut Problems) -> Option<Arc<proxy::Routes>> {
    let Some(path) = &config.routes.value else { return Some(Arc::new(proxy::Routes::none())) };
    match proxy::Routes::of_file(path) {
        Ok(routes) => Some(Arc::new(routes)),
        Err(found) => {
            problems.append(found);
            None
        }
    }
}

fn open_data_dir(config: &Config) -> Result<Option<DataDir>, Problem> {
    if config.ephemeral.value {
        return Ok(None);
    }
    DataDir::open(&config.data_dir.value).map(Some).map_err(|error| {
        told("data-dir", &error.to_string()).hint(
            "`--data-dir DIR` names another directory; with `--ephemeral` nothing is kept and none \
             is needed",
        )
    })
}

/// Files own the policies, and have none: the service could never decide, and nobody could put any.
fn nothing_in(paths: &[PathBuf]) -> Problem {
    let names: Vec<_> = paths.iter().map(|path| format!("`{}`", path.display())).collect();
    let message = format!("there is neither a policy nor a schema in {}", names.join(", "));
    Problem::error("no-policies", message).hint(
        "put `.cedar` files and one `schema.cedarschema` there, or name no policies: then they \
         come through the admin plane",
    )
}

/// Reads the files. Without any there is nothing to tell of them.
fn read(config: &Config, inputs: &Inputs, problems: &mut Problems) -> Option<Bundle> {
    match sources::read(inputs, &config.limits.file_limits()) {
        Ok(files)
            if inputs.own_policies() && files.policies.is_empty() && files.schema.is_none() =>
        {
            problems.push(nothing_in(&inputs.policies));
            None
        }
        Ok(files) => Some(files),
        Err(found) => {
            problems.append(found);
            None
        }
    }
}

fn keep<T>(result: Result<T, Problem>, problems: &mut Problems) -> Option<T> {
    result.map_err(|problem| problems.push(problem)).ok()
}

/// A problem from an error whose hint stands on a line of its own.
fn told(code: &'static str, text: &str) -> Problem {
    match text.split_once("\nhint: ") {
        Some((message, hint)) => Problem::error(code, message).hint(hint),
        None => Problem::error(code, text),
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Invalid(problems) => problems.into(),
            StartError::Store(error) => told("data-dir", &error.to_string()).into(),
        }
    }
}
