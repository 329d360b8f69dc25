//! How whole snapshots get into the log and out of it again.

use std::io::Read;

use rusqlite::{Connection, TransactionBehavior};

use super::EmbeddedLog;
use super::files::{Files, Part};
use super::rows;
use crate::revisions::content::Content;
use crate::revisions::error::LogError;
use crate::revisions::hash::Hash;
use crate::revisions::log::Snapshot;

// === impl EmbeddedLog ===

impl EmbeddedLog {
    pub(super) fn store_snapshot(
        &self,
        revision: u64,
        digest: Option<Hash>,
        bytes: &mut dyn Read,
    ) -> Result<Snapshot, LogError> {
        self.may_write()?;
        // Asked before the long work and again after it: compaction may have passed by.
        may_have_snapshot(&self.reader(), revision)?;
        let max = self.options.snapshot_bytes_max;
        let part = self.files.write(bytes, "a snapshot", max)?;
        if let Some(expected) = digest.filter(|expected| *expected != part.digest) {
            return Err(LogError::OtherContent { expected, found: part.digest });
        }
        let mut writer = self.writer();
        let replaced = self.take_in(&mut writer, revision, &part);
        // The one that was replaced, and this one where it was not taken in.
        let old = replaced.as_ref().ok().copied().flatten();
        self.settle(&writer, [part.digest].into_iter().chain(old));
        replaced.map(|_| Snapshot { revision, digest: part.digest, bytes: part.bytes })
    }

    /// Refers to the file in one transaction. Says which one the revision had before.
    fn take_in(
        &self,
        writer: &mut Connection,
        revision: u64,
        part: &Part,
    ) -> Result<Option<Hash>, LogError> {
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
        may_have_snapshot(&transaction, revision)?;
        let epoch = rows::state(&transaction)?.head.epoch;
        let before = rows::snapshots(&transaction, epoch)?;
        let before = before.into_iter().find(|it| it.revision == revision).map(|it| it.digest);
        if let Some(digest) = before {
            self.files.mark(digest);
        }
        self.files.adopt(part)?;
        let snapshot = Snapshot { revision, digest: part.digest, bytes: part.bytes };
        rows::put_snapshot(&transaction, epoch, &snapshot)?;
        transaction.commit()?;
        Ok(before)
    }
}

fn may_have_snapshot(db: &Connection, revision: u64) -> Result<(), LogError> {
    let state = rows::state(db)?;
    if Some(revision) == state.head.revision.checked_add(1) {
        return Ok(());
    }
    state.keeps(revision)
}

/// The bytes of a snapshot that is in the log.
pub(super) fn open(
    reader: &mut Connection,
    files: &Files,
    snapshot: &Snapshot,
) -> Result<Content, LogError> {
    let Snapshot { revision, digest, bytes } = *snapshot;
    // As for a body: a file that is gone is looked for twice.
    for _ in 0..2 {
        let transaction = reader.transaction()?;
        let state = rows::state(&transaction)?;
        if !rows::snapshots(&transaction, state.head.epoch)?.contains(snapshot) {
            let (first, head) = (state.first, state.head.revision);
            return Err(LogError::Absent { revision, first, head });
        }
        drop(transaction);
        if let Some(file) = files.read(digest)? {
            return Ok(Content::new(Box::new(file), digest, bytes));
        }
    }
    let reason = format!("the file of the snapshot of revision {revision} is missing");
    Err(LogError::Damaged { reason })
}
