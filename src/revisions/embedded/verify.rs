//! The walk over all that is kept.

use rusqlite::Connection;

use super::rows::{self, State};
use super::{EmbeddedLog, reading};
use crate::revisions::error::{ChainFault, LogError};
use crate::revisions::log::{READ_RECORDS_MAX, RevisionLog, Snapshot, Verified};
use crate::revisions::record::Record;

// === impl EmbeddedLog ===

impl EmbeddedLog {
    /// Walks the log as it is at one moment, on a connection of its own: appends and reads go on,
    /// and a compaction beside it is no damage. It ends with SQLite's own look at its file.
    pub(super) fn walk(&self) -> Result<Verified, LogError> {
        let mut connection = self.database.connect()?;
        let transaction = connection.transaction()?;
        let state = rows::check_head(&transaction)?;
        let State { head, first, .. } = state;
        let mut seen = Verified {
            epoch: head.epoch,
            first,
            head,
            records: 0,
            body_bytes: 0,
            snapshots: 0,
            snapshot_bytes: 0,
        };
        while first + seen.records <= head.revision {
            let from = first + seen.records;
            for record in reading::chain(&transaction, &state, from, READ_RECORDS_MAX)? {
                self.check_body(&transaction, &record)?;
                seen.records += 1;
                seen.body_bytes += record.body.bytes;
            }
        }
        check_filing(&transaction, first)?;
        for snapshot in rows::snapshots(&transaction, head.epoch)? {
            self.check_snapshot(&snapshot)?;
            seen.snapshots += 1;
            seen.snapshot_bytes += snapshot.bytes;
        }
        let form: String =
            transaction.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
        if form != "ok" {
            return Err(LogError::Damaged { reason: format!("its database: {form}") });
        }
        Ok(seen)
    }

    fn check_body(&self, db: &Connection, record: &Record) -> Result<(), LogError> {
        let revision = record.revision;
        let place = rows::place(db, revision)?;
        match reading::content(&self.files, record, place)? {
            Some(body) => body.check().map_err(|_| LogError::chain(revision, ChainFault::Body)),
            // Compacted since the walk began.
            None if matches!(self.record(revision), Err(LogError::Absent { .. })) => Ok(()),
            None => Err(LogError::chain(revision, ChainFault::Body)),
        }
    }

    fn check_snapshot(&self, snapshot: &Snapshot) -> Result<(), LogError> {
        let revision = snapshot.revision;
        match self.open_snapshot(snapshot) {
            Ok(content) => content.check().map_err(|error| {
                let reason = format!("the snapshot of revision {revision}: {error}");
                LogError::Damaged { reason }
            }),
            // Dropped since the walk began.
            Err(LogError::Absent { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Whether every row, also of a record that is kept for its key alone, says of the record what the
/// record says of itself.
fn check_filing(db: &Connection, first: u64) -> Result<(), LogError> {
    let statement = "SELECT revision, record, hash, at, key, total FROM records ORDER BY revision";
    let mut statement = db.prepare(statement)?;
    let mut rows = statement.query([])?;
    let mut before = None;
    while let Some(row) = rows.next()? {
        let record = rows::record_of(row)?;
        let (at, key): (i64, Option<String>) = (row.get(3)?, row.get(4)?);
        let total = rows::number(row, 5)?;
        let adds_up =
            before.is_none_or(|before: u64| before.checked_add(record.bytes()) == Some(total));
        let key_is = key == record.idempotency.as_ref().map(|it| it.key.clone());
        if at != record.at.as_millisecond() || !key_is || !adds_up {
            return Err(LogError::chain(record.revision, ChainFault::Filing));
        }
        // Outside the chain there are gaps, over which nothing adds up.
        before = (record.revision >= first).then_some(total);
    }
    Ok(())
}
