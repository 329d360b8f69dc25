//! Snapshots between changes, so that a start has few records to follow: written from what is in
//! force by a thread of their own, one at a time, while changes go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;

use super::Writer;
use crate::engine::store::Store;
use crate::pdp::publisher::unhurried::lower_priority;
use crate::revisions::{EmbeddedLog, ImageReader, LogError, Retention, RevisionLog, State};

/// The least records between two snapshots.
const RECORDS_MIN: usize = 1_000;
/// A snapshot costs what its entities take: so many entities allow one record more between two.
const ENTITIES_A_RECORD: usize = 100;
/// The bytes of records between two snapshots, in all and for each entity that there is.
const BYTES_MIN: u64 = 8 << 20;
const BYTES_AN_ENTITY: u64 = 32;
/// Snapshots closer than this, in revisions, stand in for each other.
const SPACING: u64 = 10_000;

/// What came since the last snapshot, and whether one is being written.
#[derive(Debug, Default)]
pub(super) struct Folding {
    pub(super) records: usize,
    pub(super) bytes: u64,
    /// Whether following the records means to load everything again.
    pub(super) reloads: bool,
    under_way: Arc<AtomicBool>,
}

/// Says that no snapshot is being written any more, however the writing ended.
struct UnderWay(Arc<AtomicBool>);

// === impl Writer ===

impl Writer {
    /// Counts a record; one that is whole begins a new count.
    pub(super) fn count_for_fold(&mut self, is_whole: bool, bytes: usize, reloads: bool) {
        let Some(logged) = &mut self.log else { return };
        let folding = &mut logged.folding;
        if is_whole {
            folding.clear();
        } else {
            folding.records += 1;
            folding.bytes += bytes as u64;
            folding.reloads |= reloads;
        }
    }

    /// Begins a snapshot of what is in force, where there is enough since the last.
    pub(super) fn fold(&mut self) {
        let Some(logged) = &mut self.log else { return };
        let Some(current) = self.pdp.current() else { return };
        let entities = current.snapshot.counts().entities;
        if !logged.folding.is_due(entities) {
            return;
        }
        let Some(under_way) = UnderWay::begin(&logged.folding.under_way) else { return };
        logged.folding.clear();
        let (log, state) = (Arc::clone(&logged.log), self.state.clone());
        let retention = Retention { snapshot_spacing: SPACING, ..logged.retention.clone() };
        let store = current.snapshot.store().clone();
        let write = move || {
            lower_priority();
            let written = write(&log, &state, &store, &retention);
            drop((store, under_way));
            let revision = state.revision;
            match written {
                Ok(()) => tracing::debug!(revision, "a snapshot was written"),
                Err(error) => {
                    let reason = error.to_string();
                    tracing::error!(reason, revision, "a snapshot could not be written");
                }
            }
        };
        // A start after a crash follows more records where there is no thread to be had.
        if let Err(error) = std::thread::Builder::new().name("snapshot".to_owned()).spawn(write) {
            tracing::error!(%error, "a snapshot could not be written");
        }
    }
}

/// Writes a snapshot and lets go what is older than has to be kept.
fn write(
    log: &EmbeddedLog,
    state: &State,
    store: &Store,
    retention: &Retention,
) -> Result<(), LogError> {
    let reader = ImageReader::new(state, store);
    let mut reader = reader.map_err(|source| LogError::Input { source })?;
    log.put_snapshot(state.revision, None, &mut reader)?;
    let compacted = log.compact(retention, Timestamp::now())?;
    if compacted.records > 0 {
        let oldest = compacted.first;
        tracing::info!(oldest, records = compacted.records, "old revisions were let go");
    }
    Ok(())
}

// === impl Folding ===

impl Folding {
    fn clear(&mut self) {
        (self.records, self.bytes, self.reloads) = (0, 0, false);
    }

    fn is_due(&self, entities: usize) -> bool {
        let records = RECORDS_MIN.max(entities / ENTITIES_A_RECORD);
        let bytes = BYTES_MIN.max(BYTES_AN_ENTITY.saturating_mul(entities as u64));
        self.records >= records || self.bytes >= bytes || self.reloads
    }
}

// === impl UnderWay ===

impl UnderWay {
    fn begin(flag: &Arc<AtomicBool>) -> Option<Self> {
        let free = !flag.swap(true, Ordering::AcqRel);
        free.then(|| Self(Arc::clone(flag)))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}
