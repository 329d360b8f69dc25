//! A revision made again: the newest snapshot at or before it, and the records from there on.

use std::io::{self, BufReader};

use super::body::Body;
use super::error::LogError;
use super::image::read_state;
use super::log::{READ_RECORDS_MAX, RevisionLog, Snapshot};
use super::state::State;
use crate::engine::gate::Limits;
use crate::engine::{self, CompileOptions, Draft, Problems, RestoreError, restore};

/// How much of a snapshot is read at a time.
const BUFFER_BYTES: usize = 1 << 20;

/// A revision of the log: its state, and what its entities and links are made of.
#[derive(Debug)]
pub struct Past {
    /// The state of the revision.
    pub state: State,
    /// The state of the snapshot that it is built on.
    base: State,
    snapshot: Snapshot,
    bodies: Vec<(u64, Body)>,
    /// The bytes of those bodies.
    pub bytes: u64,
}

/// Why a revision could not be made again.
#[derive(Debug, thiserror::Error)]
pub enum PastError {
    /// The log could not be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The snapshot that it is built on cannot be used.
    #[error("the snapshot of revision {revision} cannot be used: {reason}")]
    Snapshot {
        /// The revision of the snapshot.
        revision: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// A record cannot be followed.
    #[error("revision {revision} cannot be made again: {reason}")]
    Record {
        /// The revision of the record.
        revision: u64,
        /// Why not.
        reason: String,
    },
}

// === impl Past ===

impl Past {
    /// The state of a revision that the log keeps, and how to make the rest of it.
    ///
    /// # Errors
    /// The log does not keep it, or what it keeps is damaged.
    pub fn at(log: &impl RevisionLog, revision: u64) -> Result<Self, PastError> {
        // Says which revisions there are, where this one is not.
        let newest = log.record(revision)?;
        let missing = || PastError::Snapshot { revision, reason: "there is none".to_owned() };
        let snapshot = log.latest_snapshot(revision)?.ok_or_else(missing)?;
        let base = read_state(&mut log.open_snapshot(&snapshot)?)
            .map_err(|reason| PastError::Snapshot { revision: snapshot.revision, reason })?;
        let mut state = base.clone();
        state.revision = newest.revision;
        state.installed_at = Some(newest.at);
        let mut past = Self { state, base, snapshot, bodies: Vec::new(), bytes: 0 };
        let mut next = past.snapshot.revision + 1;
        while next <= revision {
            let left = usize::try_from(revision + 1 - next).unwrap_or(usize::MAX);
            for record in log.read(next, left.min(READ_RECORDS_MAX))? {
                let refused = |reason| PastError::Record { revision: record.revision, reason };
                if record.snapshot.is_some() {
                    return Err(refused("its snapshot is missing".to_owned()));
                }
                let bytes = log.body(record.revision)?.into_vec();
                let bytes = bytes.map_err(|error| refused(error.to_string()))?;
                let body = Body::read(&bytes).map_err(refused)?;
                body.bring(&mut past.state);
                past.bytes += bytes.len() as u64;
                past.bodies.push((record.revision, body));
                next = record.revision + 1;
            }
        }
        Ok(past)
    }

    /// The digests and the seed of a revision by its record alone, where its snapshot cannot be
    /// used.
    ///
    /// # Errors
    /// The log does not keep it, or what it keeps is damaged.
    pub fn outline(log: &impl RevisionLog, revision: u64) -> Result<State, PastError> {
        let record = log.record(revision)?;
        let bytes = log.body(revision)?.into_vec();
        let body = bytes.map_err(|error| error.to_string()).and_then(|bytes| Body::read(&bytes));
        let body = body.map_err(|reason| PastError::Record { revision, reason })?;
        let mut state = State { revision, installed_at: Some(record.at), ..State::default() };
        body.bring(&mut state);
        Ok(state)
    }

    /// How many records there are between the snapshot and the revision.
    pub fn records(&self) -> usize {
        self.bodies.len()
    }

    /// Makes its policies, entities and links again.
    ///
    /// # Errors
    /// The snapshot or a record is damaged, or does not compile with this version.
    pub fn build(
        &self,
        log: &impl RevisionLog,
        limits: Limits,
    ) -> Result<engine::Snapshot, PastError> {
        let mut snapshot = self.read_snapshot(log, limits)?;
        let mut judged = self.base.references;
        for (revision, body) in &self.bodies {
            let options =
                CompileOptions { references: body.references, limits, ..CompileOptions::default() };
            let made = if let Some(change) = &body.change {
                snapshot.apply(change, &options).map(|(next, _)| next)
            } else {
                let files = body.rules.as_ref().and_then(|(_, files)| files.as_ref());
                let rules = files.or(body.rules.as_ref().map(|(own, _)| own));
                let draft = Draft {
                    rules: rules.map(|rules| (rules.schema.as_ref(), rules.policies.as_slice())),
                    judge_again: body.references != judged,
                    ..Draft::default()
                };
                snapshot.revise(&draft, &options)
            };
            snapshot = made.map_err(|problems| PastError::Record {
                revision: *revision,
                reason: first(&problems),
            })?;
            judged = body.references;
        }
        Ok(snapshot)
    }

    fn read_snapshot(
        &self,
        log: &impl RevisionLog,
        limits: Limits,
    ) -> Result<engine::Snapshot, PastError> {
        let revision = self.snapshot.revision;
        let unusable = |reason| PastError::Snapshot { revision, reason };
        let content = log.open_snapshot(&self.snapshot)?;
        let mut bytes = BufReader::with_capacity(BUFFER_BYTES, content);
        let state = read_state(&mut bytes).map_err(unusable)?;
        let rules = state.rules();
        let Some(schema) = &rules.schema else {
            return Err(unusable("it has no schema".to_owned()));
        };
        let options =
            CompileOptions { references: state.references, limits, ..CompileOptions::default() };
        let restored = restore(schema, &rules.policies, &mut bytes, &options);
        let snapshot = restored.map_err(|error| match error {
            RestoreError::Rules(problems) => unusable(first(&problems)),
            RestoreError::Image(error) => unusable(error.to_string()),
        })?;
        // Only its end says that these are the bytes that were stored.
        io::copy(&mut bytes, &mut io::sink()).map_err(|error| unusable(error.to_string()))?;
        Ok(snapshot)
    }
}

fn first(problems: &Problems) -> String {
    problems.errors().next().map(|problem| problem.message.clone()).unwrap_or_default()
}
