//! How records and their bodies come out of the log again.

use std::io::Cursor;

use rusqlite::Connection;

use super::files::Files;
use super::rows::{self, Place, State};
use crate::revisions::content::Content;
use crate::revisions::error::{ChainFault, LogError};
use crate::revisions::log::READ_RECORDS_MAX;
use crate::revisions::record::Record;

/// Contiguous records, each checked.
pub(super) fn read(
    reader: &mut Connection,
    from: u64,
    limit: usize,
) -> Result<Vec<Record>, LogError> {
    // One transaction: a compaction between two statements would look like a gap.
    let transaction = reader.transaction()?;
    let state = rows::state(&transaction)?;
    chain(&transaction, &state, from, limit.min(READ_RECORDS_MAX))
}

/// Contiguous records as a state of the log has them.
pub(super) fn chain(
    db: &Connection,
    state: &State,
    from: u64,
    limit: usize,
) -> Result<Vec<Record>, LogError> {
    if Some(from) == state.head.revision.checked_add(1) {
        return Ok(Vec::new());
    }
    state.keeps(from)?;
    let mut before = state.before(db, from)?;
    let mut statement = db.prepare(
        "SELECT revision, record, hash FROM records WHERE revision >= ?1 ORDER BY revision LIMIT ?2",
    )?;
    let mut rows = statement.query((rows::row_of(from), rows::row_of(limit as u64)))?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        let record = rows::record_of(row)?;
        let fault = |fault| LogError::chain(record.revision, fault);
        if record.revision > before.revision + 1 {
            return Err(LogError::chain(before.revision + 1, ChainFault::Missing));
        }
        record.follows(&before).map_err(fault)?;
        before = record.head();
        records.push(record);
    }
    let wanted = from.saturating_add(limit as u64) - 1;
    if before.revision < wanted.min(state.head.revision) {
        return Err(LogError::chain(before.revision + 1, ChainFault::Missing));
    }
    if before.revision >= state.head.revision && before != state.head {
        return Err(LogError::chain(before.revision, ChainFault::Head));
    }
    Ok(records)
}

/// One record.
pub(super) fn record(reader: &mut Connection, revision: u64) -> Result<Record, LogError> {
    let transaction = reader.transaction()?;
    rows::record(&transaction, &rows::state(&transaction)?, revision)
}

/// The body of a record.
pub(super) fn body(
    reader: &mut Connection,
    files: &Files,
    revision: u64,
) -> Result<Content, LogError> {
    // The file may go between the look into the database and its opening: then the record is gone
    // too, and the second look says so.
    for _ in 0..2 {
        let transaction = reader.transaction()?;
        let record = rows::record(&transaction, &rows::state(&transaction)?, revision)?;
        let place = rows::place(&transaction, revision)?;
        drop(transaction);
        if let Some(content) = content(files, &record, place)? {
            return Ok(content);
        }
    }
    Err(LogError::chain(revision, ChainFault::Body))
}

/// The body at a place; `None` where its file is gone.
pub(super) fn content(
    files: &Files,
    record: &Record,
    place: Place,
) -> Result<Option<Content>, LogError> {
    let fault = || LogError::chain(record.revision, ChainFault::Body);
    let (digest, bytes) = (record.body.digest, record.body.bytes);
    match place {
        Place::Inline(body) => {
            if body.len() as u64 != bytes {
                return Err(fault());
            }
            Ok(Some(Content::new(Box::new(Cursor::new(body)), digest, bytes)))
        }
        Place::File(named) if named != digest => Err(fault()),
        Place::File(_) => {
            let file = files.read(digest)?;
            Ok(file.map(|file| Content::new(Box::new(file), digest, bytes)))
        }
    }
}
