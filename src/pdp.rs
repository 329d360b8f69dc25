//! The one door to a decision. Every check of every endpoint goes through [`Pdp::check`], every list
//! of them through [`Pdp::check_each`] and every search through [`Pdp::search`], so all are decided,
//! counted and logged alike; only the [`publisher`] installs a snapshot.

mod cache;
mod ids;
mod kept;
pub mod metrics;
mod pins;
pub mod publisher;
mod search;

pub use kept::Asker;
pub use pins::PinLimits;
pub use search::{Search, TurnError};

use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwapOption;
use jiff::Timestamp;
use tokio::sync::{Semaphore, watch};
use uuid::Uuid;

use crate::engine::{CheckOptions, CheckRequest, CheckResponse, Code, InvalidRequest, Snapshot};
use crate::revisions::Rules;
use cache::Cache;
use ids::Ids;
use kept::Kept;
use metrics::Metrics;
use pins::Pins;

/// Holds the snapshot in force and decides by it. Cloning is shallow.
#[derive(Debug, Clone)]
pub struct Pdp {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    current: ArcSwapOption<Installed>,
    revision: watch::Sender<u64>,
    options: CheckOptions,
    /// Decisions kept, where that is configured.
    cache: Option<Cache>,
    metrics: Metrics,
    ids: Ids,
    /// Snapshots that cursors go on in.
    pins: Pins,
    /// Candidates of their searches.
    kept: Kept,
    /// The turns of long work.
    turns: Arc<Semaphore>,
}

/// A snapshot in force, with what is told about it.
#[derive(Debug)]
pub struct Installed {
    /// The snapshot.
    pub snapshot: Snapshot,
    /// Its number; 1 is the first.
    pub revision: u64,
    /// When it was installed.
    pub installed_at: Timestamp,
    /// The digest of the bundle that it was compiled from.
    pub digest: String,
    /// Which source owns each part.
    pub owners: Owners,
    /// The texts that its rules were compiled from.
    pub texts: Arc<Rules>,
}

/// Which source a part of the bundle comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// Files named on the command line or in the configuration.
    Files,
    /// The admin API.
    Api,
}

/// The owner of each part of the bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owners {
    /// Who owns the schema and the policies.
    pub policies: Owner,
    /// Who owns the entities and the links.
    pub entities: Owner,
}

/// The endpoint that a check came through; a label of the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Door {
    /// `/v1/check` and `/v1/checks`.
    Native,
    /// `/access/v1/*`.
    Authzen,
    /// `/authz/auth-request`: nginx, `HAProxy`.
    AuthRequest,
    /// `/authz/forward-auth`: Traefik, Caddy.
    ForwardAuth,
    /// `/authz/ext-authz/*`: Envoy over HTTP.
    ExtAuthz,
    /// Envoy over gRPC.
    Grpc,
}

/// A decision, with what identifies it.
#[derive(Debug, Clone)]
pub struct Decided {
    /// What the engine answered, or why the request does not fit the schema.
    pub outcome: Result<CheckResponse, InvalidRequest>,
    /// The revision that decided.
    pub revision: u64,
    /// The id of the decision, a `UUIDv7`.
    pub id: Uuid,
}

// === impl Owner ===

impl Owner {
    /// `files` or `api`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Api => "api",
        }
    }
}

// === impl Door ===

impl Door {
    /// Every door, in the order of the variants.
    pub const ALL: [Self; 6] = [
        Self::Native,
        Self::Authzen,
        Self::AuthRequest,
        Self::ForwardAuth,
        Self::ExtAuthz,
        Self::Grpc,
    ];

    /// The label in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Authzen => "authzen",
            Self::AuthRequest => "auth_request",
            Self::ForwardAuth => "forward_auth",
            Self::ExtAuthz => "ext_authz",
            Self::Grpc => "ext_authz_grpc",
        }
    }

    /// Whether a check through this door can end with a code.
    pub fn can_answer(self, code: Code) -> bool {
        match code {
            Code::NotYet => matches!(self, Self::Native | Self::Authzen),
            Code::UnmappedRoute
            | Code::AmbiguousPath
            | Code::ProxyMisconfigured
            | Code::StaleToken => !matches!(self, Self::Native | Self::Authzen),
            _ => true,
        }
    }
}

// === impl Decided ===

impl Decided {
    /// The code of the decision; a request that does not fit the schema is `invalid_request`.
    pub fn code(&self) -> Code {
        match &self.outcome {
            Ok(response) => response.code,
            Err(_) => Code::InvalidRequest,
        }
    }
}

// === impl Pdp ===

impl Pdp {
    /// A door without a snapshot: not ready until the publisher installs one.
    /// It keeps up to `cache_bytes` of decisions for requests that come again.
    pub fn new(options: CheckOptions, cache_bytes: u64, metrics: Metrics) -> Self {
        let (revision, _) = watch::channel(0);
        let current = ArcSwapOption::empty();
        let (cache, ids) = (Cache::new(cache_bytes), Ids::new());
        let (pins, kept, turns) = (Pins::default(), Kept::default(), search::turns());
        let inner = Inner { current, revision, options, cache, metrics, ids, pins, kept, turns };
        Self { inner: Arc::new(inner) }
    }

    /// The snapshot in force. A batch takes it once and decides every item by it.
    pub fn current(&self) -> Option<Arc<Installed>> {
        self.inner.current.load_full()
    }

    /// Decides one request by the given snapshot, counts it, and gives it an id.
    pub fn check(&self, door: Door, installed: &Installed, request: &CheckRequest) -> Decided {
        let started = Instant::now();
        let options = self.inner.options;
        let outcome = match &self.inner.cache {
            Some(cache) => cache.check(installed, request, options),
            None => installed.snapshot.check(request, options),
        };
        let decided = Decided { outcome, revision: installed.revision, id: self.inner.ids.next() };
        self.inner.metrics.observe_check(door, &decided, started.elapsed());
        decided
    }

    /// The same, beside the threads that answer everybody where the request asks for an explanation:
    /// a change that would allow is sought by trying some, which takes milliseconds.
    pub async fn check_aside(
        &self,
        door: Door,
        installed: &Arc<Installed>,
        request: CheckRequest,
    ) -> Decided {
        if !request.explain {
            return self.check(door, installed, &request);
        }
        let (pdp, held) = (self.clone(), Arc::clone(installed));
        let request = Arc::new(request);
        let asked = Arc::clone(&request);
        match tokio::task::spawn_blocking(move || pdp.check(door, &held, &asked)).await {
            Ok(decided) => decided,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            // The process is stopping; who still waits gets the decision all the same.
            Err(_) => self.check(door, installed, &request),
        }
    }

    /// Waits until at least this revision is in force. The caller bounds the wait.
    pub async fn wait_for_revision(&self, revision: u64) {
        let mut seen = self.inner.revision.subscribe();
        // The sender lives in `self`, so waiting ends only by reaching the revision.
        let _ = seen.wait_for(|current| *current >= revision).await;
    }

    /// The metrics of this process.
    pub fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    /// How checks are evaluated.
    pub fn options(&self) -> CheckOptions {
        self.inner.options
    }

    /// Puts a snapshot in force. Only the publisher calls this.
    fn install(&self, installed: Arc<Installed>) -> Option<Arc<Installed>> {
        let revision = installed.revision;
        self.inner.metrics.observe_install(&installed);
        let previous = self.inner.current.swap(Some(installed));
        if let Some(cache) = &self.inner.cache {
            cache.clear();
        }
        self.inner.revision.send_replace(revision);
        previous
    }
}
