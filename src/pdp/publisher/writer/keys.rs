//! Idempotency keys: a request that comes again under its key is answered as it was, from the
//! record that it made. A request that changed nothing made none, and its key stays free.

use jiff::Timestamp;

use super::Writer;
use crate::pdp::publisher::{Idempotency, Patched, Published, Rejection, Terms};
use crate::revisions::{Body, EmbeddedLog, LogError, Record, RevisionLog};

/// The parts that a record can say it changed.
const PARTS: [&str; 4] = ["schema", "policies", "entities", "links"];

// === impl Writer ===

impl Writer {
    /// The record that was made with the key of the same request, if the request has one.
    pub(super) fn answered(&self, terms: &Terms) -> Result<Option<Record>, Rejection> {
        match (&self.log, &terms.key) {
            (Some(logged), Some(key)) if !terms.dry_run => answered(&logged.log, key),
            _ => Ok(None),
        }
    }

    /// What a change of single entities was answered.
    pub(super) fn patched_before(&self, record: &Record) -> Result<Patched, Rejection> {
        let published = Published::of(record);
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

// === impl Published ===

impl Published {
    /// What was answered when a record was made.
    pub(in crate::pdp::publisher) fn of(record: &Record) -> Self {
        let changed = PARTS.into_iter().filter(|part| record.changed.iter().any(|it| it == part));
        Self { revision: record.revision, changed: changed.collect() }
    }
}
