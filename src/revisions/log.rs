//! The contract of a log of changes: what every backend keeps, and what its conformance suite in
//! `tests/` holds it to.

use std::io::Read;

use jiff::Timestamp;

use super::content::Content;
use super::error::{AppendError, LogError};
use super::hash::{Epoch, Hash};
use super::record::{Entry, Head, Record};

/// The most records that one `read` returns.
pub const READ_RECORDS_MAX: usize = 1_000;

/// A contiguous, hash-chained, durable log of changes with whole snapshots beside it.
///
/// The methods block. The publisher calls them from a thread that may block, because it compiles
/// there; the embedded backend waits for the disk, for which there is nothing to await; and a
/// backend with an asynchronous driver can wait for it on such a thread, while the reverse would
/// hide a wait for the disk in an asynchronous function. Every method takes `&self` and may be
/// called from several threads: appends are one after the other, reads go on beside them.
pub trait RevisionLog: Send + Sync {
    /// The newest record's place in the chain; revision 0 where there is none yet.
    ///
    /// # Errors
    /// The log cannot be read, or is damaged.
    fn head(&self) -> Result<Head, LogError>;

    /// Adds a record after `expected`, if that is the head: revisions are contiguous, and of two
    /// writers that expect one head, one wins. When this returns a record, it is there after a
    /// crash. When it returns an error, the log is as it was.
    ///
    /// # Errors
    /// [`AppendError::NotHead`] where the head is another, with how it stands to the expected one;
    /// what else the entry or the disk has against it.
    fn append(&self, expected: &Head, entry: Entry) -> Result<Record, AppendError>;

    /// Adds several records after `expected`, one after the other, all of them or none: one wait
    /// for the disk for all. Only the first may name a snapshot.
    ///
    /// # Errors
    /// As for [`RevisionLog::append`], of the first entry that is refused.
    fn append_all(&self, expected: &Head, entries: Vec<Entry>) -> Result<Vec<Record>, AppendError>;

    /// Records from revision `from` on, contiguous, each checked against its own hash and against
    /// the record before it; at most `limit` of them and at most [`READ_RECORDS_MAX`]. None for
    /// the revision after the head.
    ///
    /// # Errors
    /// [`LogError::Absent`] where `from` is not kept any more or lies beyond the head's successor,
    /// [`LogError::Chain`] with the revision at which the chain does not hold.
    fn read(&self, from: u64, limit: usize) -> Result<Vec<Record>, LogError>;

    /// One record, checked against its hash.
    ///
    /// # Errors
    /// As for [`RevisionLog::read`].
    fn record(&self, revision: u64) -> Result<Record, LogError>;

    /// The body of a record, read piece by piece and checked against the record at its end.
    ///
    /// # Errors
    /// As for [`RevisionLog::read`].
    fn body(&self, revision: u64) -> Result<Content, LogError>;

    /// The record that an idempotency key stands on, for 24 hours from the record's time on, even
    /// where the record has left the chain by compaction (its body is gone then).
    ///
    /// # Errors
    /// The log cannot be read, or is damaged.
    fn find_idempotent(&self, key: &str, now: Timestamp) -> Result<Option<Record>, LogError>;

    /// Stores the whole snapshot of a revision, piece by piece, and takes it in only when all of it
    /// is durable and has the given digest, if one is given. A second one replaces the first.
    ///
    /// The revision is one that is kept, or the one after the head: then the snapshot counts once
    /// the record that names it ([`Entry::snapshot`]) is appended, and is dropped when another
    /// record takes that revision. So a change too large for a body is still one record.
    ///
    /// # Errors
    /// [`LogError::Absent`] for any other revision, [`LogError::OtherContent`] where the bytes
    /// have another digest, [`LogError::TooLarge`], and what the reader or the disk refuses.
    fn put_snapshot(
        &self,
        revision: u64,
        digest: Option<Hash>,
        bytes: &mut dyn Read,
    ) -> Result<Snapshot, LogError>;

    /// The newest snapshot at or before a revision (and never beyond the head).
    ///
    /// # Errors
    /// The log cannot be read, or is damaged.
    fn latest_snapshot(&self, at_or_before: u64) -> Result<Option<Snapshot>, LogError>;

    /// The bytes of a snapshot, read piece by piece and checked against its digest at their end.
    ///
    /// # Errors
    /// [`LogError::Absent`] where it was dropped meanwhile, or the log is damaged.
    fn open_snapshot(&self, snapshot: &Snapshot) -> Result<Content, LogError>;

    /// Drops what the policy lets go: old records up to a snapshot, and snapshots that others stand
    /// in for. Every record that stays can be rebuilt from what stays.
    ///
    /// # Errors
    /// The disk refuses something; then the log is as it was, or compacted with files left over
    /// that the next open removes.
    fn compact(&self, policy: &Retention, now: Timestamp) -> Result<Compacted, LogError>;

    /// Walks everything that is kept: each record, its body, each snapshot, the backend's own form.
    ///
    /// # Errors
    /// The first thing found damaged, with its revision.
    fn verify(&self) -> Result<Verified, LogError>;
}

/// A stored snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The revision whose state it holds.
    pub revision: u64,
    /// The SHA-256 of its bytes.
    pub digest: Hash,
    /// How many bytes it has.
    pub bytes: u64,
}

/// What a compaction leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// The newest records that stay, whatever their size; at least one does.
    pub records_min: u64,
    /// The bytes that records older than those, and their snapshots, may take.
    pub older_bytes_max: u64,
    /// Of the snapshots, those are dropped without which no two neighbours are further apart than
    /// this many revisions. The newest one and the one that the oldest record needs always stay,
    /// and so does one that its record names: it is the change.
    pub snapshot_spacing: u64,
}

/// What a compaction did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compacted {
    /// The oldest revision that is kept now. It has a snapshot, unless it is revision 1.
    pub first: u64,
    /// How many records left the chain.
    pub records: u64,
    /// How many snapshots were dropped.
    pub snapshots: u64,
}

/// What a walk over the log saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// The epoch.
    pub epoch: Epoch,
    /// The oldest revision that is kept; one more than the head where there is none.
    pub first: u64,
    /// The head that the walk ended at.
    pub head: Head,
    /// How many records it saw.
    pub records: u64,
    /// The bytes of their bodies.
    pub body_bytes: u64,
    /// How many snapshots it saw.
    pub snapshots: u64,
    /// The bytes of those.
    pub snapshot_bytes: u64,
}

// === impl Retention ===

impl Default for Retention {
    /// The last 1,000 revisions can be restored, 1 GiB of older ones stays, and of the snapshots
    /// about one in 250 revisions: restoring replays a few hundred records at the most.
    fn default() -> Self {
        Self { records_min: 1_000, older_bytes_max: 1 << 30, snapshot_spacing: 250 }
    }
}
