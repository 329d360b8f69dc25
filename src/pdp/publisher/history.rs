//! What was in force before: the list of revisions, and one of them made again so that the writer
//! can put it in force. Both read the log beside the writer, and block nobody.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::OwnedSemaphorePermit;

use super::{Change, Published, Publisher, Rejection, Terms};
use crate::engine::{CompileOptions, Snapshot};
use crate::revisions::{EmbeddedLog, LogError, Past, PastError, RevisionLog, State};

/// A revision in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its number.
    pub revision: u64,
    /// When it was made.
    pub at: Timestamp,
    /// Who made it: `files`, or the name of a token.
    pub by: String,
    /// The parts that it changed.
    pub changed: Vec<String>,
}

/// Some revisions, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// The revisions.
    pub revisions: Vec<Listed>,
    /// The newest revision of the next page, if there is one.
    pub next: Option<u64>,
}

/// An earlier revision, made again.
#[derive(Debug)]
pub(super) struct Restored {
    pub(super) state: State,
    pub(super) snapshot: Snapshot,
    /// The memory is taken until this is dropped, whether somebody waits or not.
    _permit: OwnedSemaphorePermit,
}

// === impl Publisher ===

impl Publisher {
    /// A page of revisions, newest first, from `newest` on or from the one in force.
    ///
    /// # Errors
    /// The log cannot be read.
    pub async fn revisions(&self, newest: Option<u64>, limit: usize) -> Result<Page, Rejection> {
        let Some(log) = self.log.clone() else { return Ok(Page::default()) };
        blocking(move || page(&*log, newest, limit)).await?.map_err(|error| unreadable(&error))
    }

    /// Puts an earlier revision in force again, as a new one. Only parts that the API owns are
    /// restored; the others have to be what they were.
    pub async fn restore(&self, revision: u64, terms: Terms) -> Result<Published, Rejection> {
        let Some(log) = self.log.clone() else { return Err(Rejection::Ephemeral) };
        if let Some(record) = self.answered(&log, &terms).await? {
            return Ok(Published::of(&record));
        }
        let Ok(permit) = Arc::clone(&self.restoring).try_acquire_owned() else {
            return Err(Rejection::Busy);
        };
        let compile = self.compile.clone();
        let restored = blocking(move || make_again(&*log, revision, &compile, permit));
        let restored = Box::new(restored.await??);
        self.send(|answer| Change::Restore { restored, terms, answer }).await
    }

    /// The record that was made with the key of the same request.
    async fn answered(
        &self,
        log: &Arc<EmbeddedLog>,
        terms: &Terms,
    ) -> Result<Option<crate::revisions::Record>, Rejection> {
        let Some(key) = terms.key.clone() else { return Ok(None) };
        let log = Arc::clone(log);
        blocking(move || super::writer::answered(&log, &key)).await?
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Rejection> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Rejection::Stopped)
}

fn unreadable(error: &LogError) -> Rejection {
    Rejection::Damaged(error.to_string())
}

fn page(log: &impl RevisionLog, newest: Option<u64>, limit: usize) -> Result<Page, LogError> {
    let head = log.head()?.revision;
    let newest = newest.unwrap_or(head).min(head);
    let mut from = newest.saturating_sub((limit as u64).saturating_sub(1)).max(1);
    let records = loop {
        if from > newest {
            return Ok(Page::default());
        }
        let count = usize::try_from(newest - from + 1).unwrap_or(usize::MAX);
        match log.read(from, count) {
            // Older ones are not kept, or were let go just now.
            Err(LogError::Absent { first, .. }) if first > from => from = first,
            records => break records?,
        }
    };
    let older = match from.checked_sub(1) {
        None | Some(0) => None,
        Some(older) => match log.record(older) {
            Ok(_) => Some(older),
            Err(LogError::Absent { .. }) => None,
            Err(error) => return Err(error),
        },
    };
    let revisions = records.into_iter().rev().map(|record| Listed {
        revision: record.revision,
        at: record.at,
        by: record.by,
        changed: record.changed,
    });
    Ok(Page { revisions: revisions.collect(), next: older })
}

fn make_again(
    log: &impl RevisionLog,
    revision: u64,
    compile: &CompileOptions,
    permit: OwnedSemaphorePermit,
) -> Result<Restored, Rejection> {
    let made = Past::at(log, revision).and_then(|past| {
        let snapshot = past.build(log, compile.limits)?;
        Ok((past.state, snapshot))
    });
    let made = made.map(|(state, snapshot)| Restored { state, snapshot, _permit: permit });
    made.map_err(|error| match error {
        PastError::Log(LogError::Absent { revision, first, head }) => {
            Rejection::NotKept { revision, oldest: first, newest: head }
        }
        error => {
            let reason = error.to_string();
            tracing::error!(reason, revision, "a revision could not be made again");
            Rejection::Damaged(reason)
        }
    })
}
