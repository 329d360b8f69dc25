//! What the publisher's task does with changes. The writer holds no text of an entity or a link:
//! what it keeps of them is in the snapshot in force, and whether they changed is told by digests
//! and by comparing what was compiled.

mod account;
mod commit;
mod fold;
mod keys;
mod next;
mod patch;
mod replace;
mod restore;
mod start;

use std::collections::VecDeque;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use jiff::Timestamp;

use super::seed::Held;
use super::unhurried::unhurried;
use super::{Change, Files, LastRejection, Parts, Patch, Published, Rejection, Seed, Terms};
use crate::engine::{CompileOptions, Snapshot, Text};
use crate::pdp::{Installed, Owner, Owners, Pdp};
use crate::revisions::{EmbeddedLog, Head, Retention, Rules, State};
use commit::Change as Commit;
use fold::Folding;
use keys::Unchanged;
pub(super) use keys::answered;
use next::Next;

/// Who makes a change that comes from files.
const FILES: &str = "files";

/// The writer's own state. Nothing else has it, so nothing locks it.
#[derive(Debug)]
pub(super) struct Writer {
    pdp: Pdp,
    log: Option<Logged>,
    compile: CompileOptions,
    /// What the files held when they were last taken.
    files: Held,
    files_own_policies: bool,
    files_seed_entities: bool,
    /// What is durable, or would be if there were a log.
    state: State,
    last_rejection: Arc<ArcSwapOption<LastRejection>>,
}

/// The log, and where it ends.
#[derive(Debug)]
struct Logged {
    log: Arc<EmbeddedLog>,
    head: Head,
    folding: Folding,
    retention: Retention,
    /// Requests that made no record.
    unchanged: Unchanged,
}

// === impl Writer ===

impl Writer {
    /// The log that it writes to.
    pub(super) fn log(&self) -> Option<Arc<EmbeddedLog>> {
        self.log.as_ref().map(|logged| Arc::clone(&logged.log))
    }

    /// Handles changes in their order. Changes of single entities that follow on each other are
    /// made durable together.
    pub(super) fn handle(&mut self, changes: Vec<Change>) {
        let mut patches = VecDeque::new();
        for change in changes {
            match change {
                Change::Patch(patch) => patches.push_back(patch),
                other => {
                    self.patch_all(&mut patches);
                    unhurried(|| self.handle_one(other));
                }
            }
        }
        self.patch_all(&mut patches);
        self.fold();
    }

    fn handle_one(&mut self, change: Change) {
        match change {
            Change::Put { parts, terms, answer } => {
                let result = if terms.dry_run {
                    self.try_put(parts, &terms)
                } else {
                    self.put(parts, &terms)
                };
                self.answer(&result, &terms);
                // Whoever asked may have gone; the change stands all the same.
                let _ = answer.send(result);
            }
            Change::Restore { restored, terms, answer } => {
                let result = self.restore(*restored, &terms);
                self.answer(&result, &terms);
                let _ = answer.send(result);
            }
            Change::Replace { loaded, terms, answer } => {
                let result = self.replace(*loaded, &terms);
                self.answer(&result, &terms);
                let _ = answer.send(result);
            }
            Change::Files { files, answer } => {
                let result = files.map_err(Rejection::Invalid).and_then(|it| self.put_files(it));
                self.account(FILES, &result, Published::is_unchanged);
                let _ = answer.send(result);
            }
            Change::Patch(patch) => self.patch_all(&mut VecDeque::from([patch])),
        }
    }

    fn answer(&mut self, result: &Result<Published, Rejection>, terms: &Terms) {
        if terms.dry_run {
            return;
        }
        if let Ok(published) = result
            && published.is_unchanged()
        {
            self.remember(terms, published.revision);
        }
        self.account("api", result, Published::is_unchanged);
    }

    fn put(&mut self, parts: Parts, terms: &Terms) -> Result<Published, Rejection> {
        if let Some(earlier) = self.answered(terms)? {
            return Ok(earlier.published());
        }
        let next = self.with_parts(parts, terms)?;
        self.change_to(next, terms)
    }

    /// Judges a write as `put` would, and takes nothing of it.
    fn try_put(&self, parts: Parts, terms: &Terms) -> Result<Published, Rejection> {
        let next = self.with_parts(parts, terms)?;
        let changed = match self.made(next)? {
            Some((next, snapshot, _)) => {
                self.put_trial(terms, &snapshot);
                next.state.digests.changed(&self.in_force())
            }
            None => Vec::new(),
        };
        Ok(Published { revision: self.state.revision, changed })
    }

    /// Shows what a dry run would have put in force to whoever asked for it.
    fn put_trial(&self, terms: &Terms, next: &Snapshot) {
        if terms.dry_run {
            let current = self.pdp.current();
            terms.trial.put(current.as_ref().map(|installed| &installed.snapshot), next);
        }
    }

    /// Whether the API may write at all, and still wants to.
    fn admit(&self, terms: &Terms, revision: u64) -> Result<(), Rejection> {
        match terms.expected {
            _ if self.log.is_none() => Err(Rejection::Ephemeral),
            Some(expected) if expected != revision => Err(Rejection::Stale { revision }),
            _ => Ok(()),
        }
    }

    /// The version that a write of the API would make.
    fn with_parts(&self, parts: Parts, terms: &Terms) -> Result<Next, Rejection> {
        let owned = |part| Rejection::OwnedElsewhere { part, owner: FILES.to_owned() };
        if self.log.is_none() {
            return Err(Rejection::Ephemeral);
        }
        if self.files_own_policies && parts.schema.is_some() {
            return Err(owned("schema"));
        }
        if self.files_own_policies && parts.policies.is_some() {
            return Err(owned("policies"));
        }
        self.admit(terms, self.state.revision)?;
        let mut state = self.state.clone();
        if let Some(schema) = parts.schema {
            state.own.schema = Some(Text::new("schema", schema));
        }
        if let Some(policies) = parts.policies {
            let texts = policies.into_iter().map(|(name, text)| Text::new(name, text));
            state.own.policies = texts.collect();
        }
        if parts.entities.is_some() || parts.links.is_some() {
            state.seed.get_or_insert_with(|| self.files.seed());
        }
        let text = |name, text: Option<String>| text.map(|text| vec![Text::new(name, text)]);
        let (entities, links) = (text("entities", parts.entities), text("links", parts.links));
        Ok(self.next(state, entities, links, &self.in_force()))
    }

    fn put_files(&mut self, files: Files) -> Result<Published, Rejection> {
        let (files, seed) = Held::of(files);
        let before = std::mem::replace(&mut self.files, files);
        match self.take_files(seed) {
            Ok(published) => {
                self.tell_seed();
                Ok(published)
            }
            Err(rejection) => {
                self.files = before;
                Err(rejection)
            }
        }
    }

    fn take_files(&mut self, seed: Seed) -> Result<Published, Rejection> {
        let in_force = self.in_force();
        // From the first write of the API on, the entities are no longer the files'.
        let seeds = self.state.seed.is_none() && !self.files.seeds(&in_force);
        let data = seeds.then(|| seed.read()).transpose().map_err(Rejection::Invalid)?;
        let (entities, links) = data.map(|data| (data.entities, data.links)).unzip();
        let next = self.next(self.state.clone(), entities, links, &in_force);
        let terms = Terms { by: FILES.to_owned(), ..Terms::default() };
        self.change_to(next, &terms)
    }

    /// Compiles, makes durable, installs, in this order: what is acknowledged is durable, and what
    /// is in force was acknowledged or is about to be.
    fn change_to(&mut self, next: Next, terms: &Terms) -> Result<Published, Rejection> {
        match self.made(next)? {
            Some((next, snapshot, commit)) => self.commit(next.state, snapshot, commit, terms),
            None => Ok(Published { revision: self.state.revision, changed: Vec::new() }),
        }
    }

    fn install(&mut self, state: State, snapshot: Snapshot) {
        let counts = snapshot.counts();
        let previous = self.pdp.current();
        let same_rules = |before: &Arc<Installed>| before.snapshot.shares_rules(&snapshot);
        if !previous.as_ref().is_some_and(same_rules) {
            for warning in snapshot.warnings().warnings() {
                tracing::warn!(code = warning.code, "{}", warning.message);
            }
        }
        let digest = state.digests.whole();
        tracing::info!(
            revision = state.revision,
            entities = counts.entities,
            links = counts.links,
            policies = counts.policies,
            digest,
            "installed"
        );
        let installed = Arc::new(Installed {
            snapshot,
            revision: state.revision,
            installed_at: state.installed_at.unwrap_or_else(Timestamp::now),
            digest,
            owners: self.owners(&state),
            texts: Self::texts(previous.as_deref(), &state),
        });
        // Dropping a large snapshot takes long; this thread may, a check's may not.
        drop((previous, self.pdp.install(installed)));
        self.state = state;
    }

    /// The texts of the rules of a state; those in force where they are the same.
    fn texts(current: Option<&Installed>, state: &State) -> Arc<Rules> {
        let rules = state.rules();
        current
            .filter(|installed| *installed.texts == *rules)
            .map_or_else(|| Arc::new(rules.clone()), |installed| Arc::clone(&installed.texts))
    }

    fn owners(&self, state: &State) -> Owners {
        let policies = if self.files_own_policies { Owner::Files } else { Owner::Api };
        let entities = if self.files_own_entities(state) { Owner::Files } else { Owner::Api };
        Owners { policies, entities }
    }

    fn files_own_entities(&self, state: &State) -> bool {
        self.files_seed_entities && state.seed.is_none()
    }
}
