//! Searches and lists of checks: long work that is done in short turns on the blocking pool, one
//! or a few at a time, so that checks are answered meanwhile. Whoever stops waiting stops the work:
//! no turn is begun that nobody waits for.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::Semaphore;

use super::metrics::{SearchKind, SearchResult, Searched};
use super::pins::PinLimits;
use super::{Asker, Decided, Door, Installed, Pdp};
use crate::engine::InvalidRequest;
use crate::engine::check::CheckResponse;
use crate::engine::search::{Candidates, Listed, Position, Step, Walk};
use cedar_policy::EntityUid;

/// Why a turn came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TurnError {
    /// The request does not fit the schema.
    Invalid(InvalidRequest),
    /// The work panicked, or the service is stopping.
    Failed,
}

/// A search under way. It is counted while it is there, and what it holds is dropped where that
/// takes no other request's time.
#[derive(Debug)]
pub struct Search {
    pdp: Pdp,
    /// `None` only while a step is under way, and for good if that step failed.
    walk: Option<Box<Walk>>,
    kind: SearchKind,
    counted: Arc<Searched>,
}

/// How many turns are taken at a time: half of the machine's cores, at least one.
pub(super) fn turns() -> Arc<Semaphore> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Arc::new(Semaphore::new((cores / 2).max(1)))
}

// === impl Pdp ===

impl Pdp {
    /// Begins a search.
    pub fn search(&self, kind: SearchKind, walk: Walk) -> Search {
        let counted = Arc::new(self.metrics().searches().begin());
        Search { pdp: self.clone(), walk: Some(Box::new(walk)), kind, counted }
    }

    /// Decides on a part of a list, as checks through the given door.
    ///
    /// # Errors
    /// The work could not be done; single checks that do not fit have errors of their own.
    pub async fn check_each(
        &self,
        door: Door,
        installed: &Arc<Installed>,
        listed: &Arc<Listed>,
        resources: Vec<EntityUid>,
    ) -> Result<Vec<Result<CheckResponse, InvalidRequest>>, TurnError> {
        let counted = Arc::new(self.metrics().searches().begin());
        let (pdp, installed, listed) = (self.clone(), Arc::clone(installed), Arc::clone(listed));
        let work = move || {
            let _counted = counted;
            let started = Instant::now();
            let outcomes = installed.snapshot.check_each(&listed, &resources);
            let each = started.elapsed() / u32::try_from(outcomes.len().max(1)).unwrap_or(1);
            let observe = |outcome| {
                let id = pdp.inner.ids.next();
                let decided = Decided { outcome, revision: installed.revision, id };
                pdp.metrics().observe_check(door, &decided, each);
                decided.outcome
            };
            outcomes.into_iter().map(observe).collect()
        };
        self.turn(work).await
    }

    /// Keeps the snapshot of a cursor that is given out.
    pub fn pin(&self, installed: &Arc<Installed>, limits: PinLimits) {
        let gone = self.inner.pins.pin(installed, Instant::now(), limits);
        self.metrics().searches().show_pinned(self.inner.pins.len());
        drop_elsewhere(gone);
    }

    /// Keeps what a search has found to look at, for the page that a cursor goes on with.
    pub fn keep(&self, asker: Asker, search: &Search, limits: PinLimits) {
        let Some(candidates) = search.walk.as_ref().and_then(|walk| walk.candidates()) else {
            return;
        };
        self.inner.kept.keep(asker, candidates, Instant::now(), limits);
        self.metrics().searches().show_kept(self.inner.kept.bytes());
    }

    /// What was found to look at by an earlier page.
    pub fn kept(&self, asker: Asker, type_name: &str, limits: PinLimits) -> Option<Candidates> {
        self.inner.kept.find(asker, type_name, Instant::now(), limits)
    }

    /// The snapshot of a cursor: the one in force, or one that is kept still.
    pub fn pinned(&self, revision: u64, limits: PinLimits) -> Option<Arc<Installed>> {
        let current = self.current().filter(|installed| installed.revision == revision);
        current.or_else(|| self.inner.pins.find(revision, Instant::now(), limits))
    }

    /// Lets go of snapshots whose cursors are too old, and of what was kept for them.
    pub fn expire_pins(&self, limits: PinLimits) {
        let (inner, now) = (&self.inner, Instant::now());
        let gone = inner.pins.expire(now, limits);
        inner.kept.expire(now, limits.age_max, |revision| inner.pins.holds(revision));
        self.metrics().searches().show_pinned(inner.pins.len());
        self.metrics().searches().show_kept(inner.kept.bytes());
        drop_elsewhere(gone);
    }

    /// Does a short piece of work when it is its turn.
    async fn turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, TurnError> {
        let turn = Arc::clone(&self.inner.turns).acquire_owned().await;
        let turn = turn.map_err(|_| TurnError::Failed)?;
        let done = tokio::task::spawn_blocking(move || {
            // The turn ends with the work, also where nobody waits any more.
            let _turn = turn;
            work()
        });
        done.await.map_err(|_| TurnError::Failed)
    }
}

// === impl Search ===

impl Search {
    /// Takes one step; see [`Walk::step`].
    ///
    /// # Errors
    /// The request does not fit, or the step could not be taken. Either ends the search.
    pub async fn step(
        &mut self,
        now_ms: i64,
        limit: usize,
        budget: usize,
    ) -> Result<Step, TurnError> {
        let mut walk = self.walk.take().ok_or(TurnError::Failed)?;
        let counted = Arc::clone(&self.counted);
        let work = move || {
            let step = walk.step(now_ms, limit, budget);
            drop(counted);
            (walk, step)
        };
        let (walk, step) = self.pdp.turn(work).await?;
        self.walk = Some(walk);
        let step = step.map_err(TurnError::Invalid)?;
        self.counted.looked_at(step.examined);
        Ok(step)
    }

    /// Whether nothing is left.
    pub fn is_complete(&self) -> bool {
        self.walk.as_ref().is_some_and(|walk| walk.is_complete())
    }

    /// Where it stands; `None` if it has not begun.
    pub fn position(&self) -> Option<Position> {
        self.walk.as_ref()?.position()
    }

    /// Counts how it ended.
    pub fn ended(&self) {
        let result =
            if self.is_complete() { SearchResult::Complete } else { SearchResult::Partial };
        self.pdp.metrics().searches().ended(self.kind, result);
    }
}

impl Drop for Search {
    fn drop(&mut self) {
        drop_elsewhere(self.walk.take());
    }
}

/// Drops what may be the last that holds a whole snapshot.
fn drop_elsewhere<T: Send + 'static>(gone: T) {
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn_blocking(move || drop(gone));
    }
}
