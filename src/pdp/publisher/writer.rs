//! What the publisher's task does with one change. The writer holds no text of an entity or a link:
//! what it keeps of them is in the snapshot in force, and whether they changed is told by digests.

mod account;
mod next;
mod patch;
mod replace;
mod start;

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use jiff::Timestamp;

use super::seed::Held;
use super::{Change, Files, LastRejection, Parts, Published, Rejection, Seed};
use crate::engine::{CompileOptions, Snapshot, Text};
use crate::pdp::{Installed, Owner, Owners, Pdp, RuleTexts};
use crate::revisions::{DataDir, State};
use next::Next;

/// The writer's own state. Nothing else has it, so nothing locks it.
#[derive(Debug)]
pub(super) struct Writer {
    pdp: Pdp,
    data_dir: Option<DataDir>,
    compile: CompileOptions,
    /// What the files held when they were last taken.
    files: Held,
    files_own_policies: bool,
    files_seed_entities: bool,
    /// What is durable, or would be if there were a data directory.
    state: State,
    last_rejection: Arc<ArcSwapOption<LastRejection>>,
}

// === impl Writer ===

impl Writer {
    pub(super) fn handle(&mut self, change: Change) {
        match change {
            Change::Put { parts, expected, dry_run: true, answer } => {
                let _ = answer.send(self.try_put(parts, expected));
            }
            Change::Put { parts, expected, dry_run: false, answer } => {
                let result = self.put(parts, expected);
                self.account("api", &result, Published::is_unchanged);
                // Whoever asked may have gone; the change stands all the same.
                let _ = answer.send(result);
            }
            Change::Patch { change, expected, dry_run: true, answer } => {
                let _ = answer.send(self.try_patch(&change, expected));
            }
            Change::Patch { change, expected, dry_run: false, answer } => {
                let result = self.patch(change, expected);
                self.account("api", &result, |patched| patched.published.is_unchanged());
                let _ = answer.send(result);
                self.fold();
            }
            Change::Replace { loaded, expected, dry_run: true, answer } => {
                let _ = answer.send(self.try_replace(loaded, expected));
            }
            Change::Replace { loaded, expected, dry_run: false, answer } => {
                let result = self.replace(loaded, expected);
                self.account("api", &result, Published::is_unchanged);
                let _ = answer.send(result);
            }
            Change::Files { files, answer } => {
                let result = files.map_err(Rejection::Invalid).and_then(|it| self.put_files(it));
                self.account("files", &result, Published::is_unchanged);
                let _ = answer.send(result);
            }
        }
    }

    fn put(&mut self, parts: Parts, expected: Option<u64>) -> Result<Published, Rejection> {
        let next = self.with_parts(parts, expected)?;
        self.change_to(next, true)
    }

    /// Judges a write as `put` would, and takes nothing of it.
    fn try_put(&self, parts: Parts, expected: Option<u64>) -> Result<Published, Rejection> {
        let mut next = self.with_parts(parts, expected)?;
        let current = self.pdp.current();
        let base = current.as_ref().map(|installed| &installed.snapshot);
        let made = self.make(&next, base, false).map_err(Rejection::Invalid)?;
        self.keep_same(&mut next.state, &made, base);
        let changed = next.state.digests.changed(&self.in_force());
        Ok(Published { revision: self.state.revision, changed })
    }

    /// Whether the API may write at all, and still wants to.
    fn admit(&self, expected: Option<u64>) -> Result<(), Rejection> {
        let revision = self.state.revision;
        match expected {
            _ if self.data_dir.is_none() => Err(Rejection::Ephemeral),
            Some(expected) if expected != revision => Err(Rejection::Stale { revision }),
            _ => Ok(()),
        }
    }

    /// The version that a write of the API would make.
    fn with_parts(&self, parts: Parts, expected: Option<u64>) -> Result<Next, Rejection> {
        let owned = |part| Rejection::OwnedElsewhere { part, owner: "files".to_owned() };
        if self.data_dir.is_none() {
            return Err(Rejection::Ephemeral);
        }
        if self.files_own_policies && parts.schema.is_some() {
            return Err(owned("schema"));
        }
        if self.files_own_policies && parts.policies.is_some() {
            return Err(owned("policies"));
        }
        self.admit(expected)?;
        let mut state = self.state.clone();
        if let Some(schema) = parts.schema {
            state.schema = Some(Text::new("schema", schema));
        }
        if let Some(policies) = parts.policies {
            let texts = policies.into_iter().map(|(name, text)| Text::new(name, text));
            state.policies = Some(texts.collect());
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
        self.change_to(next, false)
    }

    /// Compiles, makes durable, installs, in this order: what is acknowledged is durable, and what
    /// is in force was acknowledged or is about to be.
    /// Where the API writes, what says the same in other words is no change.
    fn change_to(&mut self, mut next: Next, by_api: bool) -> Result<Published, Rejection> {
        let changed = next.state.digests.changed(&self.in_force());
        let current = self.pdp.current();
        if changed.is_empty() && current.is_some() {
            return Ok(Published { revision: self.state.revision, changed });
        }
        let base = current.as_ref().map(|installed| &installed.snapshot);
        let snapshot = self.make(&next, base, false).map_err(Rejection::Invalid)?;
        if by_api {
            self.keep_same(&mut next.state, &snapshot, base);
        }
        let changed = next.state.digests.changed(&self.in_force());
        if changed.is_empty() && base.is_some() {
            return Ok(Published { revision: self.state.revision, changed });
        }
        let state = self.numbered(next.state);
        let saved = self.save(state, &snapshot, base);
        let state = saved.map_err(|error| Rejection::NotDurable(error.to_string()))?;
        // It may be large, and is dropped when the other one is in force.
        drop(current);
        let revision = state.revision;
        self.install(state, snapshot);
        Ok(Published { revision, changed })
    }

    /// Entities and links that only look different keep the digest that they have.
    fn keep_same(&self, state: &mut State, made: &Snapshot, base: Option<&Snapshot>) {
        let old = &self.state.digests;
        let new = &mut state.digests;
        let Some(base) = base.filter(|_| new.entities != old.entities || new.links != old.links)
        else {
            return;
        };
        let changed = made.data_changed(base);
        if !changed.contains(&"entities") {
            new.entities.clone_from(&old.entities);
        }
        if !changed.contains(&"links") {
            new.links.clone_from(&old.links);
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
            texts: self.texts(previous.as_deref(), &state),
        });
        // Dropping a large snapshot takes long; this thread may, a check's may not.
        drop((previous, self.pdp.install(installed)));
        self.state = state;
    }

    /// The texts of the rules of a state; those in force where they are the same.
    fn texts(&self, current: Option<&Installed>, state: &State) -> Arc<RuleTexts> {
        let (schema, policies) = self.rules(state);
        let same = |installed: &&Installed| {
            installed.texts.schema.as_ref() == schema && installed.texts.policies == policies
        };
        current.filter(same).map_or_else(
            || Arc::new(RuleTexts { schema: schema.cloned(), policies: policies.to_vec() }),
            |installed| Arc::clone(&installed.texts),
        )
    }

    fn owners(&self, state: &State) -> Owners {
        let policies = if self.files_own_policies { Owner::Files } else { Owner::Api };
        let seeded = self.files_seed_entities && state.seed.is_none();
        let entities = if seeded { Owner::Files } else { Owner::Api };
        Owners { policies, entities }
    }
}
