//! Idempotency keys: a request that comes again under its key is answered as it was, from the
//! record that it made. A request that changed nothing made none; its key is remembered in memory,
//! until the service stops.

use std::collections::{HashMap, VecDeque};

use jiff::{SignedDuration, Timestamp};

use super::Writer;
use crate::pdp::publisher::{Idempotency, Patched, Published, Rejection, Terms};
use crate::revisions::{Body, EmbeddedLog, IDEMPOTENCY_HOURS, LogError, Record, RevisionLog};

/// The parts that a record can say it changed.
const PARTS: [&str; 4] = ["schema", "policies", "entities", "links"];

/// The most requests without a record whose keys are remembered; the oldest are forgotten first.
const UNCHANGED_MAX: usize = 10_000;

/// What became of a request when it came before.
#[derive(Debug)]
pub(super) enum Earlier {
    /// It made this record.
    Recorded(Box<Record>),
    /// It changed nothing.
    Unchanged {
        /// The revision in force then.
        revision: u64,
    },
}

/// The requests that changed nothing, by their keys.
#[derive(Debug, Default)]
pub(super) struct Unchanged {
    requests: HashMap<String, Seen>,
    /// In the order in which they came.
    keys: VecDeque<String>,
}

/// A request that changed nothing.
#[derive(Debug)]
struct Seen {
    at: Timestamp,
    /// Its digest.
    request: String,
    /// The revision in force then.
    revision: u64,
}

// === impl Writer ===

impl Writer {
    /// What became of the same request under the same key, if the request has one.
    pub(super) fn answered(&self, terms: &Terms) -> Result<Option<Earlier>, Rejection> {
        let (Some(logged), Some(key), false) = (&self.log, &terms.key, terms.dry_run) else {
            return Ok(None);
        };
        match logged.unchanged.find(key, Timestamp::now())? {
            Some(revision) => Ok(Some(Earlier::Unchanged { revision })),
            None => Ok(answered(&logged.log, key)?.map(|it| Earlier::Recorded(Box::new(it)))),
        }
    }

    /// Remembers a request that was answered and changed nothing.
    pub(super) fn remember(&mut self, terms: &Terms, revision: u64) {
        if let (Some(logged), Some(key)) = (&mut self.log, &terms.key) {
            logged.unchanged.keep(key, revision, Timestamp::now());
        }
    }

    /// What a change of single entities was answered.
    pub(super) fn patched_before(&self, earlier: &Earlier) -> Result<Patched, Rejection> {
        let published = earlier.published();
        let Earlier::Recorded(record) = earlier else {
            return Ok(Patched { published, links_removed: Vec::new(), parents_dropped: 0 });
        };
        let Some(logged) = &self.log else { return Err(Rejection::Ephemeral) };
        let read = match logged.log.body(record.revision) {
            Ok(content) => content.into_vec().map_err(|error| error.to_string()),
            // Compacted within its day: what is left says that it was taken.
            Err(LogError::Absent { .. }) => {
                return Ok(Patched { published, links_removed: Vec::new(), parents_dropped: 0 });
            }
            Err(error) => Err(error.to_string()),
        };
        let body = read.and_then(|bytes| Body::read(&bytes)).map_err(Rejection::Damaged)?;
        let Body { links_removed, parents_dropped, .. } = body;
        Ok(Patched { published, links_removed, parents_dropped })
    }
}

/// The record that was made with this key, if that was the same request.
pub(in crate::pdp::publisher) fn answered(
    log: &EmbeddedLog,
    key: &Idempotency,
) -> Result<Option<Record>, Rejection> {
    let found = log.find_idempotent(&key.key, Timestamp::now());
    match found.map_err(|error| Rejection::Damaged(error.to_string()))? {
        Some(record) if record.idempotency.as_ref() != Some(key) => {
            Err(Rejection::KeyReused { revision: record.revision })
        }
        found => Ok(found),
    }
}

// === impl Earlier ===

impl Earlier {
    /// What was answered then.
    pub(super) fn published(&self) -> Published {
        match self {
            Self::Recorded(record) => Published::of(record),
            Self::Unchanged { revision } => Published { revision: *revision, changed: Vec::new() },
        }
    }
}

// === impl Unchanged ===

impl Unchanged {
    fn find(&self, key: &Idempotency, now: Timestamp) -> Result<Option<u64>, Rejection> {
        match self.requests.get(&key.key).filter(|seen| !is_over(seen.at, now)) {
            Some(seen) if seen.request != key.request => {
                Err(Rejection::KeyReused { revision: seen.revision })
            }
            seen => Ok(seen.map(|seen| seen.revision)),
        }
    }

    fn keep(&mut self, key: &Idempotency, revision: u64, now: Timestamp) {
        let Idempotency { key, request } = key;
        if self.requests.get(key).is_some_and(|seen| !is_over(seen.at, now)) {
            return;
        }
        let seen = Seen { at: now, request: request.clone(), revision };
        if self.requests.insert(key.clone(), seen).is_none() {
            self.keys.push_back(key.clone());
        }
        if self.keys.len() > UNCHANGED_MAX
            && let Some(oldest) = self.keys.pop_front()
        {
            self.requests.remove(&oldest);
        }
    }
}

/// Whether what was answered then need not be known any more.
fn is_over(at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(at) >= SignedDuration::from_hours(IDEMPOTENCY_HOURS)
}

// === impl Published ===

impl Published {
    /// What was answered when a record was made.
    pub(in crate::pdp::publisher) fn of(record: &Record) -> Self {
        let changed = PARTS.into_iter().filter(|part| record.changed.iter().any(|it| it == part));
        Self { revision: record.revision, changed: changed.collect() }
    }
}
