//! From a version that was compiled to a record in the log, and into force.

use jiff::Timestamp;

use super::{Logged, Writer};
use crate::engine::{Snapshot, store};
use crate::pdp::publisher::{Published, Rejection, Terms};
use crate::revisions::{
    AppendError, Body, Entry, ImageReader, LogError, Record, RevisionLog, State,
};

/// How a version differs from the one before it, and so how it is kept.
#[derive(Debug)]
pub(super) enum Change {
    /// In all: its record names a snapshot.
    Whole,
    /// In schema and policies alone.
    Rules,
    /// In single entities and links.
    Items(store::Change),
}

// === impl Writer ===

impl Writer {
    /// Makes a version durable and puts it in force.
    pub(super) fn commit(
        &mut self,
        state: State,
        snapshot: Snapshot,
        change: Change,
        terms: &Terms,
    ) -> Result<Published, Rejection> {
        let changed = state.digests.changed(&self.in_force());
        let state = self.numbered(state);
        let revision = state.revision;
        if self.log.is_some() {
            let is_whole = matches!(change, Change::Whole);
            let rules_changed = state.own != self.state.own || state.files != self.state.files;
            let body = Body {
                digests: state.digests.clone(),
                seed: state.seed.clone(),
                references: state.references,
                rules: rules_changed.then(|| (state.own.clone(), state.files.clone())),
                change: if let Change::Items(change) = change { Some(change) } else { None },
                ..Body::default()
            };
            let mut entry = entry(&state, &changed, terms, &body)?;
            // It is not needed any more, and may be large.
            drop(body);
            let bytes = entry.body.len();
            if let (true, Some(logged)) = (is_whole, &mut self.log) {
                entry.snapshot = Some(logged.put(&state, &snapshot)?);
            }
            self.append(vec![entry])?;
            let reloads = self
                .pdp
                .current()
                .is_some_and(|current| !current.snapshot.store().shares_shapes(snapshot.store()));
            self.count_for_fold(is_whole, bytes, reloads);
        }
        self.install(state, snapshot);
        Ok(Published { revision, changed })
    }

    /// Appends records after the head, all or none.
    pub(super) fn append(&mut self, entries: Vec<Entry>) -> Result<Vec<Record>, Rejection> {
        let Some(logged) = &mut self.log else { return Err(Rejection::Ephemeral) };
        let records =
            logged.log.append_all(&logged.head, entries).map_err(|error| match error {
                AppendError::KeyTaken { revision } => Rejection::KeyReused { revision },
                error => Rejection::NotDurable(error.to_string()),
            })?;
        if let Some(last) = records.last() {
            logged.head = last.head();
        }
        Ok(records)
    }

    pub(super) fn numbered(&self, state: State) -> State {
        State { revision: self.state.revision + 1, installed_at: Some(Timestamp::now()), ..state }
    }
}

// === impl Logged ===

impl Logged {
    /// Puts the snapshot of a revision; says its digest.
    pub(super) fn put(
        &self,
        state: &State,
        snapshot: &Snapshot,
    ) -> Result<crate::revisions::Hash, Rejection> {
        let failed = |error: LogError| Rejection::NotDurable(error.to_string());
        let reader = ImageReader::new(state, snapshot.store());
        let mut reader = reader.map_err(|source| failed(LogError::Input { source }))?;
        let stored = self.log.put_snapshot(state.revision, None, &mut reader).map_err(failed)?;
        Ok(stored.digest)
    }
}

/// What is appended for a version.
pub(super) fn entry(
    state: &State,
    changed: &[&'static str],
    terms: &Terms,
    body: &Body,
) -> Result<Entry, Rejection> {
    let body = body.write().map_err(|error| Rejection::NotDurable(error.to_string()))?;
    Ok(Entry {
        at: state.installed_at.unwrap_or_else(Timestamp::now),
        by: terms.by.clone(),
        changed: changed.iter().map(|part| (*part).to_owned()).collect(),
        idempotency: terms.key.clone(),
        digest: Some(state.digests.whole()),
        snapshot: None,
        body,
    })
}
