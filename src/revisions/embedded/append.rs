//! How a record gets into the log.

use rusqlite::{Connection, TransactionBehavior};

use super::files::Part;
use super::rows::{self, State};
use super::{EmbeddedLog, INLINE_BYTES_MAX};
use crate::revisions::error::{AppendError, LogError};
use crate::revisions::hash::Hash;
use crate::revisions::log::Snapshot;
use crate::revisions::record::{Entry, Head, Record};

// === impl EmbeddedLog ===

impl EmbeddedLog {
    pub(super) fn append_entries(
        &self,
        expected: &Head,
        entries: &[Entry],
    ) -> Result<Vec<Record>, AppendError> {
        self.may_write()?;
        let max = self.options.body_bytes_max;
        let mut bodies = Vec::with_capacity(entries.len());
        for entry in entries {
            entry.check()?;
            if entry.body.len() as u64 > max {
                return Err(LogError::TooLarge { what: "the body of a change", max }.into());
            }
        }
        for entry in entries {
            bodies.push(self.body_of(expected, entry)?);
        }
        let mut writer = self.writer();
        let appended = self.append_after(&mut writer, expected, entries, &bodies);
        // The new files, which have their names also where the records were not taken in the end;
        // and a snapshot that a record dropped.
        let files = bodies.iter().filter_map(Body::file);
        let dropped = appended.as_ref().ok().and_then(|(_, dropped)| *dropped);
        self.settle(&writer, files.chain(dropped));
        Ok(appended?.0)
    }

    /// Makes a large body durable before the lock is taken, so that nothing waits for it.
    fn body_of(&self, expected: &Head, entry: &Entry) -> Result<Body, AppendError> {
        if entry.body.len() <= INLINE_BYTES_MAX {
            return Ok(Body::Inline(Hash::of(&entry.body)));
        }
        // The head may still move on until the commit; a race that is lost already writes nothing.
        expect(expected, &rows::state(&self.reader())?)?;
        let max = self.options.body_bytes_max;
        let mut source: &[u8] = &entry.body;
        Ok(Body::File(self.files.write(&mut source, "the body of a change", max)?))
    }

    /// Appends in one transaction. Says also which snapshot was dropped.
    fn append_after(
        &self,
        writer: &mut Connection,
        expected: &Head,
        entries: &[Entry],
        bodies: &[Body],
    ) -> Result<(Vec<Record>, Option<Hash>), AppendError> {
        let transaction = writer
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(LogError::from)?;
        let mut state = rows::state(&transaction)?;
        expect(expected, &state)?;
        let mut records = Vec::with_capacity(entries.len());
        let mut dropped = None;
        for (entry, body) in entries.iter().zip(bodies) {
            if let Some(idempotency) = &entry.idempotency {
                let taken = rows::record_of_key(&transaction, &idempotency.key, entry.at)?;
                if let Some(Record { revision, .. }) = taken {
                    return Err(AppendError::KeyTaken { revision });
                }
            }
            let end = LogError::TooLarge { what: "the number of revisions", max: u64::MAX };
            let record = Record::after(&state.head, entry, body.digest()).ok_or(end)?;
            // Only the first record can find a snapshot ahead of it.
            let ahead = take_in_snapshot(&transaction, &record)?;
            if let Some(digest) = ahead {
                self.files.mark(digest);
            }
            dropped = dropped.or(ahead);
            if let Body::File(part) = body {
                self.files.adopt(part)?;
            }
            rows::put_record(&transaction, &record, body.file().is_some(), &entry.body)?;
            state = State { head: record.head(), ..state };
            records.push(record);
        }
        rows::put_state(&transaction, &state)?;
        transaction.commit().map_err(LogError::from)?;
        Ok((records, dropped))
    }

    /// Removes those files that nothing refers to any more. What cannot be removed now is removed by
    /// a later open: it takes room, and does no harm.
    pub(super) fn settle(&self, db: &Connection, digests: impl IntoIterator<Item = Hash>) {
        for digest in digests {
            let settled = rows::refers_to(db, digest)
                .and_then(|referenced| self.files.settle(digest, referenced));
            if let Err(error) = settled {
                tracing::warn!(%error, "a file that the log needs no more could not be removed");
            }
        }
    }
}

/// Where the bytes of a new record are.
#[derive(Debug)]
enum Body {
    Inline(Hash),
    File(Part),
}

// === impl Body ===

impl Body {
    fn digest(&self) -> Hash {
        match self {
            Self::Inline(digest) => *digest,
            Self::File(part) => part.digest,
        }
    }

    /// The name of its file, if it has one.
    fn file(&self) -> Option<Hash> {
        match self {
            Self::Inline(_) => None,
            Self::File(part) => Some(part.digest),
        }
    }
}

fn expect(expected: &Head, state: &State) -> Result<(), AppendError> {
    let head = state.head;
    if head == *expected {
        return Ok(());
    }
    Err(AppendError::NotHead { expected: *expected, head, standing: head.standing_to(expected) })
}

/// Keeps the snapshot that was put ahead of this record, if it is the one that the record names,
/// and drops any other. Says which one was dropped.
fn take_in_snapshot(db: &Connection, record: &Record) -> Result<Option<Hash>, AppendError> {
    let revision = record.revision;
    let ahead = rows::snapshots(db, record.epoch)?.into_iter().rfind(|it| it.revision == revision);
    match (ahead, record.snapshot) {
        (Some(Snapshot { digest, .. }), Some(named)) if digest == named => Ok(None),
        (_, Some(digest)) => Err(AppendError::NoSnapshot { revision, digest }),
        (Some(Snapshot { digest, .. }), None) => {
            rows::delete_snapshot(db, revision)?;
            Ok(Some(digest))
        }
        (None, None) => Ok(None),
    }
}
