//! The start: what was in force is made again from the log, or everything is loaded from its
//! source. A start that changes nothing makes no revision and writes nothing.

use std::sync::Arc;

use arc_swap::ArcSwapOption;

use super::keys::Unchanged;
use super::{Commit, FILES, Folding, Logged, Writer};
use crate::engine::{Digests, Problems, Snapshot};
use crate::pdp::Pdp;
use crate::pdp::publisher::seed::Held;
use crate::pdp::publisher::{LastRejection, PublisherOptions, Rejection, Seed, StartError, Terms};
use crate::revisions::{EmbeddedLog, LogError, Past, PastError, Retention, RevisionLog, State};

// === impl Writer ===

impl Writer {
    pub(in crate::pdp::publisher) fn start(
        pdp: Pdp,
        options: PublisherOptions,
        last_rejection: Arc<ArcSwapOption<LastRejection>>,
        admit: impl Fn(&Snapshot) -> Result<(), Problems>,
    ) -> Result<Self, StartError> {
        let PublisherOptions {
            log,
            retention,
            compile,
            files,
            files_own_policies,
            files_seed_entities,
        } = options;
        let log = log.map(|log| Logged::new(log, retention)).transpose()?;
        let (files, seed) = Held::of(files);
        let mut writer = Self {
            pdp,
            log,
            compile,
            files,
            files_own_policies,
            files_seed_entities,
            state: State::default(),
            last_rejection,
        };
        let past = writer.past()?;
        writer.first(seed, past, admit)?;
        Ok(writer)
    }

    /// The newest revision in the log, whose state is the writer's from here on.
    fn past(&mut self) -> Result<Option<Past>, StartError> {
        let Some(logged) = self.log.as_ref().filter(|logged| logged.head.revision > 0) else {
            return Ok(None);
        };
        let revision = logged.head.revision;
        match Past::at(&*logged.log, revision) {
            Ok(past) => {
                self.state = past.state.clone();
                Ok(Some(past))
            }
            Err(error @ PastError::Snapshot { .. }) => {
                let state = Past::outline(&*logged.log, revision)?;
                // Whatever the API wrote is nowhere else.
                if !self.files_own_policies || !self.files_own_entities(&state) {
                    return Err(error.into());
                }
                told_unusable(&error);
                self.state = state;
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Puts in force what the sources hold at start.
    fn first(
        &mut self,
        seed: Seed,
        past: Option<Past>,
        admit: impl Fn(&Snapshot) -> Result<(), Problems>,
    ) -> Result<(), StartError> {
        self.tell_seed();
        let kept = match &past {
            Some(past) => self.again(past)?,
            None => None,
        };
        drop(past);
        let before = if kept.is_some() { self.state.digests.clone() } else { Digests::default() };
        // Where the log says what the files say, nobody needs to read them.
        let seeds = self.state.seed.is_none() && !self.files.seeds(&before);
        let data = seeds.then(|| seed.read()).transpose().map_err(StartError::Invalid)?;
        let (entities, links) = data.map(|data| (data.entities, data.links)).unzip();
        let next = self.next(self.state.clone(), entities, links, &before);
        if next.state.digests == Digests::default() {
            tracing::info!("no source has a bundle: not ready until one is put");
            return Ok(());
        }
        let same = next.state.digests == self.state.digests;
        let judged = self.state.references == self.compile.references;
        if let (Some(kept), true, true) = (&kept, same, judged) {
            admit(kept).map_err(StartError::Invalid)?;
            self.install(next.state, kept.clone());
            return Ok(());
        }
        let made = self.make(&next, kept.as_ref(), !judged).map_err(StartError::Invalid)?;
        admit(&made).map_err(StartError::Invalid)?;
        let only_rules = next.entities.is_none() && next.links.is_none();
        let state = next.state;
        // The texts, which may be large, before the snapshot of what they became is written.
        drop((next.entities, next.links));
        if same {
            // It says the same and is held otherwise: the snapshot of its revision is replaced.
            if let Some(logged) = &mut self.log {
                logged.put(&state, &made).map_err(refused)?;
            }
            self.install(state, made);
            return Ok(());
        }
        let commit = if only_rules && kept.is_some() { Commit::Rules } else { Commit::Whole };
        let terms = Terms { by: FILES.to_owned(), ..Terms::default() };
        drop(kept);
        self.commit(state, made, commit, &terms).map_err(refused)?;
        self.fold();
        Ok(())
    }

    /// What was in force, from the log; `None` where the entity files have to be loaded anyway,
    /// because they changed or because the log's snapshot cannot be used.
    fn again(&mut self, past: &Past) -> Result<Option<Snapshot>, StartError> {
        let only_copy = self.state.seed.is_some();
        if !only_copy && !self.files.seeds(&self.state.digests) {
            return Ok(None);
        }
        let Some(logged) = &mut self.log else { return Ok(None) };
        match past.build(&*logged.log, self.compile.limits) {
            Ok(snapshot) => {
                logged.folding.records = past.records();
                logged.folding.bytes = past.bytes;
                Ok(Some(snapshot))
            }
            Err(error) if only_copy => Err(error.into()),
            Err(error) => {
                told_unusable(&error);
                Ok(None)
            }
        }
    }
}

fn told_unusable(error: &PastError) {
    let reason = error.to_string();
    tracing::warn!(reason, "the entities are loaded from their files instead");
}

// === impl Logged ===

impl Logged {
    fn new(log: EmbeddedLog, retention: Retention) -> Result<Self, LogError> {
        let head = log.head()?;
        let (log, folding, unchanged) = (Arc::new(log), Folding::default(), Unchanged::default());
        Ok(Self { log, head, folding, retention, unchanged })
    }
}

fn refused(rejection: Rejection) -> StartError {
    let reason = match rejection {
        Rejection::NotDurable(reason) => reason,
        other => format!("{other:?}"),
    };
    StartError::NotDurable(reason)
}
