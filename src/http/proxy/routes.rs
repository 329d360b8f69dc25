//! The routes in force: a route file compiled against the rules of the very snapshot that decides.
//! When other rules go into force the map is compiled again; where it does not fit them, everything
//! is denied until it does. A file that is read again takes the place of the old one when it fits.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::Mutex;

use super::complaints::Complaints;
use super::metrics::{Tallies, Tally};
use super::route_file::RouteConfig;
use crate::engine::{Problem, Problems, RulesMark, Snapshot};
use crate::identity::{Identities, Refreshing};
use crate::mapping::RouteMap;
use crate::pdp::{Installed, Pdp};

/// How long a route file that is read again waits for the key sets that it names.
const FIRST_KEYS_TIMEOUT: Duration = Duration::from_secs(5);
/// How many of the problems of a route file the log tells.
const TOLD_MAX: usize = 20;

/// Which routes there are, and which are in force.
#[derive(Debug, Default)]
pub struct Routes {
    path: Option<PathBuf>,
    state: ArcSwapOption<State>,
    /// A file that was read again and is not in force yet. Whoever compiles holds it.
    staged: Mutex<Option<Arc<Loaded>>>,
    /// Whether the file was refused when it was read last.
    rejected: AtomicBool,
    pub(super) tally: Tally,
    pub(super) complaints: Complaints,
}

/// A route file, and what keeps its key sets fresh.
#[derive(Debug)]
struct Loaded {
    config: RouteConfig,
    _refreshing: Refreshing,
}

/// What is in force.
#[derive(Debug)]
pub(super) struct State {
    loaded: Arc<Loaded>,
    /// The rules that the map was compiled for; `None` before the first snapshot.
    rules: Option<RulesMark>,
    /// `None` where the file does not fit the rules.
    compiled: Option<Compiled>,
}

/// A map, and the counters of its routes.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) map: RouteMap,
    pub(super) tallies: Tallies,
}

/// The snapshot in force, and the routes for its rules; `None` where there is no route file.
type InForce = (Arc<Installed>, Option<Arc<State>>);

// === impl Routes ===

impl Routes {
    /// No routes: nothing is mapped.
    pub fn none() -> Self {
        Self::default()
    }

    /// The routes of a file. Must be called within a runtime, in which key sets are fetched from
    /// now on.
    ///
    /// # Errors
    /// Everything that is wrong with the file itself.
    pub fn of_file(path: &Path) -> Result<Self, Problems> {
        let loaded = Arc::new(Loaded::read(path)?);
        let state = State { loaded, rules: None, compiled: None };
        Ok(Self {
            path: Some(path.to_owned()),
            state: ArcSwapOption::from_pointee(state),
            ..Self::default()
        })
    }

    /// Compiles the map for the first snapshot, before anything else is done with it.
    ///
    /// # Errors
    /// Everything in the file that does not fit the snapshot's schema.
    pub fn admit(&self, snapshot: &Snapshot) -> Result<(), Problems> {
        let Some(state) = self.state.load_full() else { return Ok(()) };
        let state = self.compile(Arc::clone(&state.loaded), snapshot)?;
        self.state.store(Some(Arc::new(state)));
        Ok(())
    }

    /// Follows the snapshots in force, without an end: compiles for their rules before the first
    /// request has to wait for it.
    pub async fn follow(self: Arc<Self>, pdp: Pdp) {
        let mut revision = pdp.current().map_or(0, |installed| installed.revision);
        loop {
            pdp.wait_for_revision(revision + 1).await;
            let Some((installed, _)) = self.in_force(&pdp).await else { continue };
            revision = installed.revision;
        }
    }

    /// Reads the file again and fetches the key sets that it names. It goes into force together
    /// with rules that it fits, or with [`Self::settle`]. What is wrong with it goes to the log.
    pub async fn stage(&self) {
        let Some(path) = self.path.clone() else { return };
        let reading = tokio::task::spawn_blocking(move || Loaded::read(&path));
        match reading.await {
            Ok(Ok(loaded)) => {
                let keys = loaded.config.identities().first_keys();
                if tokio::time::timeout(FIRST_KEYS_TIMEOUT, keys).await.is_err() {
                    tracing::warn!("a key set of the route file has not come yet");
                }
                *self.staged.lock().await = Some(Arc::new(loaded));
            }
            Ok(Err(problems)) => self.reject(&problems),
            Err(error) => {
                tracing::error!(%error, "reading the routes failed; they stay as they were");
            }
        }
    }

    /// Puts the file that was read again in force, if it fits the rules in force.
    pub async fn settle(self: &Arc<Self>, pdp: &Pdp) {
        let mut staged = self.staged.lock().await;
        let Some(loaded) = staged.take() else { return };
        let Some(installed) = pdp.current() else {
            self.put_in_force(State { loaded, rules: None, compiled: None });
            return;
        };
        match self.compile_aside(loaded, installed).await {
            Ok(state) => self.put_in_force(state),
            Err(problems) => self.reject(&problems),
        }
    }

    /// What is in force now; `None` before the first snapshot.
    pub(super) async fn in_force(self: &Arc<Self>, pdp: &Pdp) -> Option<InForce> {
        let installed = pdp.current()?;
        let Some(state) = self.state.load_full() else { return Some((installed, None)) };
        if state.is_for(&installed) {
            return Some((installed, Some(state)));
        }
        drop((installed, state));
        self.compile_again(pdp).await
    }

    /// Compiles for the rules in force, unless somebody else just has.
    async fn compile_again(self: &Arc<Self>, pdp: &Pdp) -> Option<InForce> {
        let mut staged = self.staged.lock().await;
        let installed = pdp.current()?;
        let state = self.state.load_full()?;
        if state.is_for(&installed) {
            return Some((installed, Some(state)));
        }
        let newer = match &*staged {
            Some(loaded) => {
                self.compile_aside(Arc::clone(loaded), Arc::clone(&installed)).await.ok()
            }
            None => None,
        };
        if let Some(newer) = newer {
            *staged = None;
            self.put_in_force(newer);
            return Some((installed, self.state.load_full()));
        }
        let again = self.compile_aside(Arc::clone(&state.loaded), Arc::clone(&installed)).await;
        let now = again.unwrap_or_else(|problems| {
            let (file, revision) = (state.name(), installed.revision);
            tracing::error!(
                file,
                revision,
                "the routes do not fit the schema in force: whatever proxies ask is denied"
            );
            tell(&problems);
            let rules = Some(installed.snapshot.rules_mark());
            State { loaded: Arc::clone(&state.loaded), rules, compiled: None }
        });
        if now.compiled.is_some() && state.rules.is_some() && state.compiled.is_none() {
            tracing::info!(file = now.name(), "the routes fit the schema in force again");
        }
        let now = Arc::new(now);
        self.state.store(Some(Arc::clone(&now)));
        Some((installed, Some(now)))
    }

    fn put_in_force(&self, state: State) {
        self.rejected.store(false, Relaxed);
        let (file, routes) = (state.name(), state.loaded.config.routes());
        tracing::info!(file, routes, "the routes were read again");
        self.state.store(Some(Arc::new(state)));
    }

    /// Compiles where it may take its time.
    async fn compile_aside(
        self: &Arc<Self>,
        loaded: Arc<Loaded>,
        installed: Arc<Installed>,
    ) -> Result<State, Problems> {
        let routes = Arc::clone(self);
        let compiling =
            tokio::task::spawn_blocking(move || routes.compile(loaded, &installed.snapshot));
        compiling.await.unwrap_or_else(|error| {
            Err(Problem::error("routes", format!("compiling them failed: {error}")).into())
        })
    }

    fn compile(&self, loaded: Arc<Loaded>, snapshot: &Snapshot) -> Result<State, Problems> {
        let map = loaded.config.compile(snapshot)?;
        let tallies = self.tally.of_routes(map.routes());
        let rules = Some(snapshot.rules_mark());
        Ok(State { loaded, rules, compiled: Some(Compiled { map, tallies }) })
    }

    /// Tells that a file was not taken.
    fn reject(&self, problems: &Problems) {
        self.rejected.store(true, Relaxed);
        tracing::error!("the route file was not taken; the routes stay as they were");
        tell(problems);
    }

    /// What is in force, for the metrics, and whether the file was refused when it was read last.
    pub(super) fn shown(&self) -> (Option<Arc<State>>, bool) {
        (self.state.load_full(), self.rejected.load(Relaxed))
    }
}

/// Tells the log the first problems, a line each.
fn tell(problems: &Problems) {
    for problem in problems.errors().take(TOLD_MAX) {
        let place = problem.place.as_ref();
        let place = place.map(|place| format!("{}:{}:{}", place.name, place.line, place.column));
        tracing::error!(code = problem.code, place, "{}", problem.message);
    }
}

// === impl Loaded ===

impl Loaded {
    fn read(path: &Path) -> Result<Self, Problems> {
        let config = RouteConfig::read(&RouteConfig::text(path)?)?;
        Ok(Self { _refreshing: config.identities().refresh(), config })
    }
}

// === impl State ===

impl State {
    /// Who may ask.
    pub(super) fn identities(&self) -> &Identities {
        self.loaded.config.identities()
    }

    /// The map; `None` where the file does not fit the rules.
    pub(super) fn compiled(&self) -> Option<&Compiled> {
        self.compiled.as_ref()
    }

    /// Whether there are rules that the file does not fit.
    pub(super) fn is_misfit(&self) -> bool {
        self.rules.is_some() && self.compiled.is_none()
    }

    fn name(&self) -> &str {
        self.loaded.config.name()
    }

    fn is_for(&self, installed: &Installed) -> bool {
        self.rules.as_ref().is_some_and(|rules| rules.is_of(&installed.snapshot))
    }
}
