//! The log in a directory of this machine: records in a SQLite database, large bodies and snapshots
//! as files beside it, named by their digest.
//!
//! ```text
//! lock             locked while a process has the log open
//! log.sqlite3      records, which snapshots there are, and the state of the chain
//! content/DIGEST   a body over 64 KiB, or a snapshot
//! content/*.part   one that is being written; the next open removes it
//! content/*.mark   says that the file of that digest may have lost its last reference
//! ```
//!
//! Why SQLite and not redb, the other kept embedded database: both wait for the disk once for a
//! small commit, so an append costs what a bare write and fsync of the same bytes costs. But redb
//! answers a full disk by refusing everything, reads too, until the file is closed and opened, and
//! a single wrong byte in its file can end the process by a panic while it unwinds another. SQLite
//! rolls back and goes on, reports damage as an error, and its file format is promised for decades
//! and read by tools that operators have. The price is a compiler for C and a minute of build.
//!
//! What is durable: the database is in WAL mode with `synchronous = FULL`, so a commit returns
//! after an fsync of the WAL. A file is written, synced and renamed, and its directory synced,
//! before the commit that refers to it. Nothing refers to a file before all of it is durable; what
//! nothing refers to any more is removed. Known limit: while the log is open, or after a kill, the newest
//! records are in the WAL alone, and SQLite takes a damaged end of it for a torn write: it opens
//! with the records before it. A reader who knows a later head is told [`Standing::Behind`].
//!
//! [`Standing::Behind`]: super::Standing::Behind

mod append;
mod database;
mod directory;
mod files;
mod reading;
mod retention;
mod rows;
mod snapshots;
#[cfg(test)]
mod tests;
mod verify;

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use rusqlite::Connection;

use super::content::Content;
use super::error::{AppendError, LogError};
use super::hash::Hash;
use super::log::{Compacted, Retention, RevisionLog, Snapshot, Verified};
use super::record::{Entry, Head, Record};
use database::Database;
use files::Files;

/// The most bytes of a body that stays in the database. Above this, a file of its own is cheaper:
/// SQLite writes what it holds twice, to the WAL and from there to the database.
const INLINE_BYTES_MAX: usize = 64 * 1024;

/// Bounds of an embedded log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddedOptions {
    /// The most bytes of a record's body. What is larger goes ahead of its record as a snapshot.
    pub body_bytes_max: u64,
    /// The most bytes of a snapshot.
    pub snapshot_bytes_max: u64,
}

/// An open log. The directory is locked as long as this lives; share it by `Arc`.
#[derive(Debug)]
pub struct EmbeddedLog {
    /// Appends and compactions, one after the other. Whoever adds or removes a file that the
    /// database refers to holds it too.
    writer: Mutex<Connection>,
    /// Reads, beside an append that waits for the disk.
    reader: Mutex<Connection>,
    database: Database,
    files: Files,
    options: EmbeddedOptions,
    // The last member: the database is closed when the lock is let go. `None` where the log was
    // opened to be read only.
    lock: Option<File>,
}

// === impl EmbeddedOptions ===

impl Default for EmbeddedOptions {
    /// A body of 256 MiB, four times the largest bundle; a snapshot of 16 GiB, four times the
    /// largest set of entities.
    fn default() -> Self {
        Self { body_bytes_max: 256 << 20, snapshot_bytes_max: 16 << 30 }
    }
}

// === impl EmbeddedLog ===

impl EmbeddedLog {
    /// Opens the log in a directory and locks it; makes both where they are not there. What a
    /// crash left half written is removed.
    ///
    /// # Errors
    /// Another process has it open, it is damaged or of another form, the disk refuses something.
    pub fn open(path: &Path, options: EmbeddedOptions) -> Result<Self, LogError> {
        let (path, lock) = directory::open(path)?;
        let files = Files::open(&path)?;
        let database = Database::open(&path)?;
        let (mut writer, reader) = (database.connect()?, database.connect()?);
        let transaction = writer.transaction()?;
        rows::check_head(&transaction)?;
        for digest in files.recover()? {
            files.settle(digest, rows::refers_to(&transaction, digest)?)?;
        }
        transaction.commit()?;
        let (writer, reader) = (Mutex::new(writer), Mutex::new(reader));
        Ok(Self { writer, reader, database, files, options, lock: Some(lock) })
    }

    /// Opens the log in a directory to read it, also while another process writes to it. Nothing
    /// is locked, made or removed, and every write is refused.
    ///
    /// # Errors
    /// There is no log, it is damaged or of another form, the disk refuses something.
    pub fn open_to_read(path: &Path) -> Result<Self, LogError> {
        let files = Files::found(path);
        let database = Database::find(path)?;
        let (writer, reader) = (database.connect()?, database.connect()?);
        rows::check_head(&reader)?;
        let (writer, reader) = (Mutex::new(writer), Mutex::new(reader));
        let options = EmbeddedOptions::default();
        Ok(Self { writer, reader, database, files, options, lock: None })
    }

    fn may_write(&self) -> Result<(), LogError> {
        if self.lock.is_some() {
            return Ok(());
        }
        Err(LogError::ReadOnly { source: "it was opened to be read".into() })
    }

    fn writer(&self) -> MutexGuard<'_, Connection> {
        // A panic rolls a transaction back when it unwinds: the connection is as good as before.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reader(&self) -> MutexGuard<'_, Connection> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RevisionLog for EmbeddedLog {
    fn head(&self) -> Result<Head, LogError> {
        Ok(rows::state(&self.reader())?.head)
    }

    fn append(&self, expected: &Head, entry: Entry) -> Result<Record, AppendError> {
        let appended = self.append_entries(expected, std::slice::from_ref(&entry))?;
        let none = || LogError::Damaged { reason: "a record was not appended".to_owned() };
        appended.into_iter().next().ok_or_else(|| none().into())
    }

    fn append_all(&self, expected: &Head, entries: Vec<Entry>) -> Result<Vec<Record>, AppendError> {
        self.append_entries(expected, &entries)
    }

    fn read(&self, from: u64, limit: usize) -> Result<Vec<Record>, LogError> {
        reading::read(&mut self.reader(), from, limit)
    }

    fn record(&self, revision: u64) -> Result<Record, LogError> {
        reading::record(&mut self.reader(), revision)
    }

    fn body(&self, revision: u64) -> Result<Content, LogError> {
        reading::body(&mut self.reader(), &self.files, revision)
    }

    fn find_idempotent(&self, key: &str, now: Timestamp) -> Result<Option<Record>, LogError> {
        rows::record_of_key(&self.reader(), key, now)
    }

    fn put_snapshot(
        &self,
        revision: u64,
        digest: Option<Hash>,
        bytes: &mut dyn Read,
    ) -> Result<Snapshot, LogError> {
        self.store_snapshot(revision, digest, bytes)
    }

    fn latest_snapshot(&self, at_or_before: u64) -> Result<Option<Snapshot>, LogError> {
        let mut reader = self.reader();
        let transaction = reader.transaction()?;
        let state = rows::state(&transaction)?;
        rows::snapshot_at_or_before(&transaction, &state, at_or_before)
    }

    fn open_snapshot(&self, snapshot: &Snapshot) -> Result<Content, LogError> {
        snapshots::open(&mut self.reader(), &self.files, snapshot)
    }

    fn compact(&self, policy: &Retention, now: Timestamp) -> Result<Compacted, LogError> {
        self.compact_to(policy, now)
    }

    fn verify(&self) -> Result<Verified, LogError> {
        self.walk()
    }
}
