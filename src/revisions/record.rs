//! A record of the log: what one change was, who made it, and its place in the chain of hashes.

mod canonical;
#[cfg(test)]
mod tests;

use std::fmt;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};

use super::error::{ChainFault, LogError};
use super::hash::{Epoch, Hash};

/// The most bytes of each text in a record: the author, a key, a digest, a line of the summary.
pub const TEXT_BYTES_MAX: usize = 512;
/// The most lines of a record's summary.
pub const CHANGED_ITEMS_MAX: usize = 64;
/// How long an idempotency key stands.
pub const IDEMPOTENCY_HOURS: i64 = 24;

/// A place in the chain: the newest record of a log, or the newest that somebody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The epoch of the log.
    pub epoch: Epoch,
    /// The revision; 0 before the first record.
    pub revision: u64,
    /// The hash of that record; before the first, the hash of the epoch.
    pub hash: Hash,
}

/// How the head of a log stands to one that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is the same.
    Same,
    /// It is further on: read what is between.
    Ahead,
    /// It is further back: the log lost what was known. To be refused, and an alarm.
    Behind,
    /// It is the same revision with another hash: two logs went apart. To be refused, and an alarm.
    Forked,
    /// It is another log. Start anew from its snapshot, if that is meant.
    OtherEpoch,
}

/// What is to be appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When the change was made, by the publisher's clock.
    pub at: Timestamp,
    /// Who made it: `files`, or the name of a token.
    pub by: String,
    /// What changed, in a few words a line.
    pub changed: Vec<String>,
    /// The key of the request, if it had one.
    pub idempotency: Option<Idempotency>,
    /// The engine's digest of the bundle after this change.
    pub digest: Option<String>,
    /// The digest of a snapshot that was put for this very revision ahead of its record.
    pub snapshot: Option<Hash>,
    /// The change itself. The log does not look into it.
    pub body: Bytes,
}

/// An idempotency key and the request that it was first used for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// The key as the client gave it.
    pub key: String,
    /// A digest of the request, to tell another request under the same key.
    pub request: String,
}

/// What the log holds of a change. The body is read apart: it may be large.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The epoch of the log.
    pub epoch: Epoch,
    /// One more than the record before it.
    pub revision: u64,
    /// The hash of the record before it; of the epoch, for the first.
    pub previous: Hash,
    /// SHA-256 over all other members, the body by its digest.
    pub hash: Hash,
    /// See [`Entry::at`].
    pub at: Timestamp,
    /// See [`Entry::by`].
    pub by: String,
    /// See [`Entry::changed`].
    pub changed: Vec<String>,
    /// See [`Entry::idempotency`].
    pub idempotency: Option<Idempotency>,
    /// See [`Entry::digest`].
    pub digest: Option<String>,
    /// See [`Entry::snapshot`].
    pub snapshot: Option<Hash>,
    /// What the body is.
    pub body: BodyInfo,
}

/// What a record says of its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyInfo {
    /// Its SHA-256.
    pub digest: Hash,
    /// How many bytes it has.
    pub bytes: u64,
}

// === impl Head ===

impl Head {
    /// The place before the first record.
    pub fn before_first(epoch: Epoch) -> Self {
        Self { epoch, revision: 0, hash: Hash::of(epoch.as_bytes()) }
    }

    /// How this head of a log stands to one that is known.
    pub fn standing_to(&self, known: &Self) -> Standing {
        if self.epoch != known.epoch {
            return Standing::OtherEpoch;
        }
        match self.revision.cmp(&known.revision) {
            std::cmp::Ordering::Greater => Standing::Ahead,
            std::cmp::Ordering::Less => Standing::Behind,
            std::cmp::Ordering::Equal if self.hash == known.hash => Standing::Same,
            std::cmp::Ordering::Equal => Standing::Forked,
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Same => "they are the same",
            Self::Ahead => "the log has moved on",
            Self::Behind => "the log lost records that were in it",
            Self::Forked => "the log has another record of that revision",
            Self::OtherEpoch => "it is another log",
        })
    }
}

// === impl Entry ===

impl Entry {
    /// Whether all but the body, whose bound each backend has, is within bounds.
    pub(super) fn check(&self) -> Result<(), LogError> {
        let text = |what, text: &str| {
            let over = text.len() > TEXT_BYTES_MAX;
            over.then(|| LogError::TooLarge { what, max: TEXT_BYTES_MAX as u64 })
        };
        let items = self.changed.len() > CHANGED_ITEMS_MAX;
        let what = "the summary of a change";
        let items = items.then_some(LogError::TooLarge { what, max: CHANGED_ITEMS_MAX as u64 });
        let found = text("the author of a change", &self.by)
            .or(items)
            .or_else(|| self.changed.iter().find_map(|line| text(what, line)))
            .or_else(|| text("a digest", self.digest.as_deref().unwrap_or_default()))
            .or_else(|| self.idempotency.as_ref().and_then(|it| text("a key", &it.key)))
            .or_else(|| self.idempotency.as_ref().and_then(|it| text("a digest", &it.request)));
        found.map_or(Ok(()), Err)
    }
}

// === impl Record ===

impl Record {
    /// The record that an entry becomes after a head. `None` at the end of all revisions.
    pub(super) fn after(head: &Head, entry: &Entry, body: Hash) -> Option<Self> {
        let mut record = Self {
            epoch: head.epoch,
            revision: head.revision.checked_add(1)?,
            previous: head.hash,
            hash: head.hash,
            at: entry.at,
            by: entry.by.clone(),
            changed: entry.changed.clone(),
            idempotency: entry.idempotency.clone(),
            digest: entry.digest.clone(),
            snapshot: entry.snapshot,
            body: BodyInfo { digest: body, bytes: entry.body.len() as u64 },
        };
        record.hash = Hash::of(&record.canonical());
        Some(record)
    }

    /// The place in the chain that this record is.
    pub fn head(&self) -> Head {
        Head { epoch: self.epoch, revision: self.revision, hash: self.hash }
    }

    /// Whether this record is the next one after a head; what a reader asks before it applies it.
    ///
    /// # Errors
    /// In what way it is not.
    pub fn follows(&self, head: &Head) -> Result<(), ChainFault> {
        if self.epoch != head.epoch {
            return Err(ChainFault::Epoch);
        }
        if Some(self.revision) != head.revision.checked_add(1) {
            return Err(ChainFault::Revision);
        }
        if self.previous != head.hash {
            return Err(ChainFault::Previous);
        }
        Ok(())
    }

    /// The bytes that the record and its body take, which retention counts.
    pub(super) fn bytes(&self) -> u64 {
        self.body.bytes.saturating_add(self.canonical().len() as u64)
    }

    /// Whether the record's idempotency key still stands.
    pub(super) fn key_stands(&self, now: Timestamp) -> bool {
        // A record from the future, after a clock was set back, is young.
        now.duration_since(self.at) < SignedDuration::from_hours(IDEMPOTENCY_HOURS)
    }
}
