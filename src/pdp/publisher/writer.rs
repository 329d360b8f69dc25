//! What the publisher's task does with changes. The writer holds no text of an entity or a link:
//! what it keeps of them is in the snapshot in force, and whether they changed is told by digests
//! and by comparing what was compiled.

mod account;
mod commit;
mod fold;
mod keys;
mod next;
mod patch;
mod restore;
mod start;

use std::collections::VecDeque;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use jiff::Timestamp;

use super::{Change, LastRejection, Parts, Patch, Published, Rejection, Terms};
use crate::engine::{Bundle, CompileOptions, Digests, Snapshot, Text};
use crate::pdp::{Installed, Owner, Owners, Pdp};
use crate::revisions::{EmbeddedLog, Head, Rules, State};
use commit::Change as Commit;
use fold::Folding;
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
    files: Files,
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
}

/// What is kept of the files.
#[derive(Debug, Default)]
struct Files {
    rules: Rules,
    digests: Digests,
}

// === impl Files ===

impl Files {
    /// What is kept of a bundle, and its entities and links, which are not.
    fn of(bundle: Bundle) -> (Self, Vec<Text>, Vec<Text>) {
        let digests = bundle.digests();
        let Bundle { schema, policies, entities, links } = bundle;
        (Self { rules: Rules { schema, policies }, digests }, entities, links)
    }

    /// The digest of the entity files.
    fn seed(&self) -> String {
        let (entities, links) = (self.digests.entities.clone(), self.digests.links.clone());
        Digests { entities, links, ..Digests::default() }.whole()
    }
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
                    self.handle_one(other);
                }
            }
        }
        self.patch_all(&mut patches);
        self.fold();
    }

    fn handle_one(&mut self, change: Change) {
        match change {
            Change::Put { parts, terms, answer } => {
                let dry_run = terms.dry_run;
                let result =
                    if dry_run { self.try_put(parts, &terms) } else { self.put(parts, &terms) };
                self.answer(&result, dry_run);
                // Whoever asked may have gone; the change stands all the same.
                let _ = answer.send(result);
            }
            Change::Restore { restored, terms, answer } => {
                let result = self.restore(*restored, &terms);
                self.answer(&result, terms.dry_run);
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

    fn answer(&self, result: &Result<Published, Rejection>, dry_run: bool) {
        if !dry_run {
            self.account("api", result, Published::is_unchanged);
        }
    }

    fn put(&mut self, parts: Parts, terms: &Terms) -> Result<Published, Rejection> {
        if let Some(record) = self.answered(terms)? {
            return Ok(Published::of(&record));
        }
        let next = self.with_parts(parts, terms)?;
        self.change_to(next, terms)
    }

    /// Judges a write as `put` would, and takes nothing of it.
    fn try_put(&self, parts: Parts, terms: &Terms) -> Result<Published, Rejection> {
        let next = self.with_parts(parts, terms)?;
        let changed = match self.made(next)? {
            Some((next, ..)) => next.state.digests.changed(&self.in_force()),
            None => Vec::new(),
        };
        Ok(Published { revision: self.state.revision, changed })
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

    fn put_files(&mut self, files: Bundle) -> Result<Published, Rejection> {
        let (files, entities, links) = Files::of(files);
        let before = std::mem::replace(&mut self.files, files);
        // From the first write of the API on, the entities are no longer the files'.
        let seeds = self.state.seed.is_none();
        let (entities, links) = (seeds.then_some(entities), seeds.then_some(links));
        let next = self.next(self.state.clone(), entities, links, &self.in_force());
        let terms = Terms { by: FILES.to_owned(), ..Terms::default() };
        match self.change_to(next, &terms) {
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

    /// Compiles, makes durable, installs, in this order: what is acknowledged is durable, and what
    /// is in force was acknowledged or is about to be.
    fn change_to(&mut self, next: Next, terms: &Terms) -> Result<Published, Rejection> {
        match self.made(next)? {
            Some((next, snapshot, commit)) => self.commit(next.state, snapshot, commit, terms),
            None => Ok(Published { revision: self.state.revision, changed: Vec::new() }),
        }
    }

    /// Compiles a version, and says by which change it is to be kept. `None` where it says what is
    /// in force.
    fn made(&self, mut next: Next) -> Result<Option<(Next, Snapshot, Commit)>, Rejection> {
        let in_force = self.in_force();
        let current = self.pdp.current();
        let Some(current) = current else {
            let snapshot = self.make(&next, None, false).map_err(Rejection::Invalid)?;
            return Ok(Some((next, snapshot, Commit::Whole)));
        };
        if next.state.digests.changed(&in_force).is_empty() {
            return Ok(None);
        }
        let base = &current.snapshot;
        let snapshot = self.make(&next, Some(base), false).map_err(Rejection::Invalid)?;
        if next.entities.is_none() && next.links.is_none() {
            return Ok(Some((next, snapshot, Commit::Rules)));
        }
        let from_files = self.state.seed.is_none() && next.state.seed.is_none();
        let same_rules = next.state.digests.schema == in_force.schema
            && next.state.digests.policies == in_force.policies;
        // Files are compared by their text alone, because a start cannot do it otherwise.
        if from_files {
            return Ok(Some((next, snapshot, Commit::Whole)));
        }
        match Self::difference(base, &snapshot) {
            Some(change) if change.is_empty() => {
                // The text is another and says the same.
                (next.entities, next.links) = (None, None);
                next.state.digests.entities.clone_from(&in_force.entities);
                next.state.digests.links.clone_from(&in_force.links);
                if same_rules {
                    return Ok(None);
                }
                let made = self.make(&next, Some(base), false).map_err(Rejection::Invalid)?;
                Ok(Some((next, made, Commit::Rules)))
            }
            Some(change) if same_rules => {
                Ok(Some(match self.apply_instead(base, &snapshot, &change) {
                    Some(applied) => (next, applied, Commit::Items(change)),
                    None => (next, snapshot, Commit::Whole),
                }))
            }
            _ => Ok(Some((next, snapshot, Commit::Whole))),
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
        });
        // Dropping a large snapshot takes long; this thread may, a check's may not.
        drop((previous, self.pdp.install(installed)));
        self.state = state;
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
