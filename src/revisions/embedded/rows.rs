//! What the rows of the database hold. Whatever is read is checked: a record by its hash, the state
//! and the list of snapshots by a sum of their own.

use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Connection, Row, params};

use crate::revisions::error::{ChainFault, LogError};
use crate::revisions::hash::{Epoch, Hash};
use crate::revisions::log::Snapshot;
use crate::revisions::record::{Head, Record};

const STATE_TAG: &[u8] = b"doorward state 1\n";
const SNAPSHOT_TAG: &[u8] = b"doorward snapshot 1\n";

/// Where the chain begins and ends. Written with every append, in the same commit, so that a
/// record that vanishes at either end is missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct State {
    /// The newest record.
    pub(super) head: Head,
    /// The oldest revision that is kept; 1 while there is no record.
    pub(super) first: u64,
    /// What the oldest record names as its predecessor.
    pub(super) before_first: Hash,
}

/// Where a body is.
#[derive(Debug)]
pub(super) enum Place {
    Inline(Vec<u8>),
    File(Hash),
}

// === impl State ===

impl State {
    pub(super) fn new(epoch: Epoch) -> Self {
        let head = Head::before_first(epoch);
        Self { head, first: 1, before_first: head.hash }
    }

    /// Whether a record of this revision is kept.
    pub(super) fn keeps(&self, revision: u64) -> Result<(), LogError> {
        let Self { head, first, .. } = *self;
        if (first..=head.revision).contains(&revision) {
            return Ok(());
        }
        Err(LogError::Absent { revision, first, head: head.revision })
    }

    /// What a record of a revision has to follow: the record before it, or where the chain begins.
    pub(super) fn before(&self, db: &Connection, revision: u64) -> Result<Head, LogError> {
        let before = revision.saturating_sub(1);
        if revision > self.first {
            return Ok(record(db, self, before)?.head());
        }
        Ok(Head { revision: before, hash: self.before_first, epoch: self.head.epoch })
    }

    fn to_bytes(self) -> Vec<u8> {
        let mut bytes = STATE_TAG.to_vec();
        bytes.extend(self.head.epoch.as_bytes());
        bytes.extend(self.head.revision.to_be_bytes());
        bytes.extend(self.head.hash.as_bytes());
        bytes.extend(self.first.to_be_bytes());
        bytes.extend(self.before_first.as_bytes());
        let sum = Hash::of(&bytes);
        bytes.extend(sum.as_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (state, sum) = bytes.split_last_chunk::<32>()?;
        let state =
            state.strip_prefix(STATE_TAG).filter(|_| Hash::of(state) == Hash::from(*sum))?;
        let (epoch, state) = state.split_first_chunk()?;
        let (revision, state) = state.split_first_chunk()?;
        let (hash, state) = state.split_first_chunk::<32>()?;
        let (first, before_first) = state.split_first_chunk()?;
        let before_first: [u8; 32] = before_first.try_into().ok()?;
        let revision = u64::from_be_bytes(*revision);
        let head = Head { epoch: Epoch::from(*epoch), revision, hash: Hash::from(*hash) };
        Some(Self {
            head,
            first: u64::from_be_bytes(*first),
            before_first: Hash::from(before_first),
        })
    }
}

pub(super) fn state(db: &Connection) -> Result<State, LogError> {
    let bytes: Vec<u8> =
        db.query_row("SELECT state FROM state WHERE id = 0", [], |row| row.get(0))?;
    let damaged = || LogError::Damaged { reason: "the state of its chain".to_owned() };
    State::from_bytes(&bytes).ok_or_else(damaged)
}

pub(super) fn put_state(db: &Connection, state: &State) -> Result<(), LogError> {
    let statement = "INSERT OR REPLACE INTO state (id, state) VALUES (0, ?1)";
    db.execute(statement, [state.to_bytes()])?;
    Ok(())
}

/// Whether the newest record is the one that the state names: what every open looks at.
pub(super) fn check_head(db: &Connection) -> Result<State, LogError> {
    let state = state(db)?;
    let revision = state.head.revision;
    if revision > 0 && record(db, &state, revision)?.head() != state.head {
        return Err(LogError::chain(revision, ChainFault::Head));
    }
    Ok(state)
}

// === records ===

/// The row of a record: the whole of it, and its body where that is small.
pub(super) fn put_record(
    db: &Connection,
    record: &Record,
    file: bool,
    body: &[u8],
) -> Result<(), LogError> {
    let key = record.idempotency.as_ref().map(|it| it.key.as_str());
    let (file, body) =
        if file { (Some(record.body.digest.as_bytes()), None) } else { (None, Some(body)) };
    let at = record.at.as_millisecond();
    let form = record.canonical();
    let total = total(db, record.revision - 1)?.saturating_add(record.bytes());
    let (revision, hash) = (row_of(record.revision), record.hash.as_bytes());
    db.execute(
        "INSERT INTO records (revision, at, key, total, record, hash, file, body)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![revision, at, key, row_of(total), form, hash, file, body],
    )?;
    Ok(())
}

/// The bytes of all records up to one that is kept, since the log was made.
pub(super) fn total(db: &Connection, revision: u64) -> Result<u64, LogError> {
    if revision == 0 {
        return Ok(0);
    }
    let mut statement = db.prepare("SELECT total FROM records WHERE revision = ?1")?;
    let mut rows = statement.query([row_of(revision)])?;
    let row = rows.next()?.ok_or(LogError::chain(revision, ChainFault::Missing))?;
    number(row, 0)
}

/// The record of a row whose first columns are `revision`, `record` and `hash`.
pub(super) fn record_of(row: &Row<'_>) -> Result<Record, LogError> {
    let revision = number(row, 0)?;
    let form = row.get_ref(1)?.as_blob().map_err(|_| other_type(1))?;
    Record::from_canonical(form, hash(row, 2)?)
        .and_then(|it| if it.revision == revision { Ok(it) } else { Err(ChainFault::Revision) })
        .map_err(|fault| LogError::chain(revision, fault))
}

/// One record that the log keeps.
pub(super) fn record(db: &Connection, state: &State, revision: u64) -> Result<Record, LogError> {
    state.keeps(revision)?;
    let mut statement =
        db.prepare("SELECT revision, record, hash FROM records WHERE revision = ?1")?;
    let mut rows = statement.query([row_of(revision)])?;
    let row = rows.next()?.ok_or(LogError::chain(revision, ChainFault::Missing))?;
    let record = record_of(row)?;
    if record.epoch != state.head.epoch {
        return Err(LogError::chain(revision, ChainFault::Epoch));
    }
    Ok(record)
}

/// Where the body of a record is.
pub(super) fn place(db: &Connection, revision: u64) -> Result<Place, LogError> {
    let statement = "SELECT file, body FROM records WHERE revision = ?1";
    let found = db.query_row(statement, [row_of(revision)], |row| {
        let file: Option<[u8; 32]> = row.get(0)?;
        let body: Option<Vec<u8>> = row.get(1)?;
        Ok(body.map(Place::Inline).or(file.map(|file| Place::File(Hash::from(file)))))
    })?;
    found.ok_or(LogError::chain(revision, ChainFault::Body))
}

/// The newest record with a key, if the key still stands.
pub(super) fn record_of_key(
    db: &Connection,
    key: &str,
    now: Timestamp,
) -> Result<Option<Record>, LogError> {
    let mut statement = db.prepare(
        "SELECT revision, record, hash FROM records WHERE key = ?1 ORDER BY revision DESC LIMIT 1",
    )?;
    let mut rows = statement.query([key])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let record = record_of(row)?;
    if record.idempotency.as_ref().is_none_or(|it| it.key != key) {
        return Err(LogError::chain(record.revision, ChainFault::Filing));
    }
    Ok(Some(record).filter(|it| it.key_stands(now)))
}

// === snapshots ===

pub(super) fn put_snapshot(
    db: &Connection,
    epoch: Epoch,
    snapshot: &Snapshot,
) -> Result<(), LogError> {
    let statement = "INSERT OR REPLACE INTO snapshots (revision, digest, bytes, sum)
        VALUES (?1, ?2, ?3, ?4)";
    let Snapshot { revision, digest, bytes } = snapshot;
    let sum = sum(epoch, snapshot);
    let values = params![row_of(*revision), digest.as_bytes(), row_of(*bytes), sum.as_bytes()];
    db.execute(statement, values)?;
    Ok(())
}

/// All snapshots, from the oldest to the newest, the one ahead of its record too.
pub(super) fn snapshots(db: &Connection, epoch: Epoch) -> Result<Vec<Snapshot>, LogError> {
    let mut statement =
        db.prepare("SELECT revision, digest, bytes, sum FROM snapshots ORDER BY revision")?;
    let mut rows = statement.query([])?;
    let mut snapshots = Vec::new();
    while let Some(row) = rows.next()? {
        let found =
            Snapshot { revision: number(row, 0)?, digest: hash(row, 1)?, bytes: number(row, 2)? };
        if sum(epoch, &found) != hash(row, 3)? {
            let reason = format!("the entry of the snapshot of revision {}", found.revision);
            return Err(LogError::Damaged { reason });
        }
        snapshots.push(found);
    }
    Ok(snapshots)
}

/// The newest of them that counts.
pub(super) fn snapshot_at_or_before(
    db: &Connection,
    state: &State,
    revision: u64,
) -> Result<Option<Snapshot>, LogError> {
    // There are a few dozen at the most.
    let last = revision.min(state.head.revision);
    let mut snapshots = snapshots(db, state.head.epoch)?;
    snapshots.retain(|it| it.revision <= last);
    Ok(snapshots.pop())
}

pub(super) fn delete_snapshot(db: &Connection, revision: u64) -> Result<(), LogError> {
    db.execute("DELETE FROM snapshots WHERE revision = ?1", [row_of(revision)])?;
    Ok(())
}

fn sum(epoch: Epoch, snapshot: &Snapshot) -> Hash {
    let mut bytes = SNAPSHOT_TAG.to_vec();
    bytes.extend(epoch.as_bytes());
    bytes.extend(snapshot.revision.to_be_bytes());
    bytes.extend(snapshot.digest.as_bytes());
    bytes.extend(snapshot.bytes.to_be_bytes());
    Hash::of(&bytes)
}

// === columns ===

/// Whether a row refers to a file.
pub(super) fn refers_to(db: &Connection, digest: Hash) -> Result<bool, LogError> {
    let statement = "SELECT EXISTS (SELECT 1 FROM records WHERE file = ?1)
        OR EXISTS (SELECT 1 FROM snapshots WHERE digest = ?1)";
    Ok(db.query_row(statement, [digest.as_bytes()], |row| row.get(0))?)
}

/// The files of the bodies of all records before a revision.
pub(super) fn files_before(db: &Connection, revision: u64) -> Result<Vec<Hash>, LogError> {
    let mut statement =
        db.prepare("SELECT file FROM records WHERE file IS NOT NULL AND revision < ?1")?;
    let mut rows = statement.query([row_of(revision)])?;
    let mut files = Vec::new();
    while let Some(row) = rows.next()? {
        files.push(hash(row, 0)?);
    }
    Ok(files)
}

/// A revision or a length as SQLite has it. Its numbers end at 2^63, which neither reaches: one
/// change a nanosecond would take 292 years.
pub(super) fn row_of(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn number(row: &Row<'_>, column: usize) -> Result<u64, LogError> {
    u64::try_from(row.get::<_, i64>(column)?).map_err(|_| other_type(column))
}

fn hash(row: &Row<'_>, column: usize) -> Result<Hash, LogError> {
    Ok(Hash::from(row.get::<_, [u8; 32]>(column)?))
}

fn other_type(column: usize) -> LogError {
    rusqlite::Error::InvalidColumnType(column, "a value".to_owned(), Type::Null).into()
}
