//! What the publisher's task does with one change. The writer holds no text of an entity or a link:
//! what it keeps of them is in the snapshot in force, and whether they changed is told by digests.

mod account;
mod patch;
mod start;

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use jiff::Timestamp;

use super::{Change, LastRejection, Parts, Published, Rejection};
use crate::engine::{Bundle, CompileOptions, Digests, Draft, Problems, Snapshot, Text, compile};
use crate::pdp::{Installed, Owner, Owners, Pdp};
use crate::revisions::{DataDir, Image, State, StoreError};

/// The writer's own state. Nothing else has it, so nothing locks it.
#[derive(Debug)]
pub(super) struct Writer {
    pdp: Pdp,
    data_dir: Option<DataDir>,
    compile: CompileOptions,
    /// What the files held when they were last taken.
    files: Files,
    files_own_policies: bool,
    files_seed_entities: bool,
    /// What is durable, or would be if there were a data directory.
    state: State,
    last_rejection: Arc<ArcSwapOption<LastRejection>>,
}

/// What is kept of the files.
#[derive(Debug, Default)]
struct Files {
    schema: Option<Text>,
    policies: Vec<Text>,
    digests: Digests,
}

/// A version that is about to be made: its state, and the texts of what may be new in it.
struct Next {
    state: State,
    entities: Option<Vec<Text>>,
    links: Option<Vec<Text>>,
}

// === impl Files ===

impl Files {
    /// What is kept of a bundle, and its entities and links, which are not.
    fn of(bundle: Bundle) -> (Self, Vec<Text>, Vec<Text>) {
        let digests = bundle.digests();
        let Bundle { schema, policies, entities, links } = bundle;
        (Self { schema, policies, digests }, entities, links)
    }

    /// The digest of the entity files.
    fn seed(&self) -> String {
        let (entities, links) = (self.digests.entities.clone(), self.digests.links.clone());
        Digests { entities, links, ..Digests::default() }.whole()
    }
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
            Change::Files { files, answer } => {
                let result = files.map_err(Rejection::Invalid).and_then(|it| self.put_files(it));
                self.account("files", &result, Published::is_unchanged);
                let _ = answer.send(result);
            }
        }
    }

    fn put(&mut self, parts: Parts, expected: Option<u64>) -> Result<Published, Rejection> {
        let next = self.with_parts(parts, expected)?;
        self.change_to(next)
    }

    /// Judges a write as `put` would, and takes nothing of it.
    fn try_put(&self, parts: Parts, expected: Option<u64>) -> Result<Published, Rejection> {
        let next = self.with_parts(parts, expected)?;
        let current = self.pdp.current();
        let base = current.as_ref().map(|installed| &installed.snapshot);
        self.make(&next, base, false).map_err(Rejection::Invalid)?;
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

    fn put_files(&mut self, files: Bundle) -> Result<Published, Rejection> {
        let (files, entities, links) = Files::of(files);
        let before = std::mem::replace(&mut self.files, files);
        // From the first write of the API on, the entities are no longer the files'.
        let seeds = self.state.seed.is_none();
        let (entities, links) = (seeds.then_some(entities), seeds.then_some(links));
        let next = self.next(self.state.clone(), entities, links, &self.in_force());
        match self.change_to(next) {
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

    /// The digests of what is in force.
    fn in_force(&self) -> Digests {
        let ready = self.pdp.current().is_some();
        if ready { self.state.digests.clone() } else { Digests::default() }
    }

    /// The next version, whose parts are held against those `before`: what is absent is kept, and
    /// so is what says the same.
    fn next(
        &self,
        mut state: State,
        entities: Option<Vec<Text>>,
        links: Option<Vec<Text>>,
        before: &Digests,
    ) -> Next {
        let (schema, policies) = self.rules(&state);
        let (has_entities, has_links) = (entities.is_some(), links.is_some());
        let bundle = Bundle {
            schema: schema.cloned(),
            policies: policies.to_vec(),
            entities: entities.unwrap_or_default(),
            links: links.unwrap_or_default(),
        };
        state.digests = bundle.digests();
        let part = |given, text, new: &mut String, old: &String| {
            let is_new = given && new != old;
            if !is_new {
                new.clone_from(old);
            }
            is_new.then_some(text)
        };
        let digests = &mut state.digests;
        let entities = part(has_entities, bundle.entities, &mut digests.entities, &before.entities);
        let links = part(has_links, bundle.links, &mut digests.links, &before.links);
        Next { state, entities, links }
    }

    /// Schema and policies of a state, from their owner.
    fn rules<'a>(&'a self, state: &'a State) -> (Option<&'a Text>, &'a [Text]) {
        if self.files_own_policies {
            (self.files.schema.as_ref(), &self.files.policies)
        } else {
            (state.schema.as_ref(), state.policies.as_deref().unwrap_or_default())
        }
    }

    /// Compiles a version: over the one that it builds on, or from nothing.
    fn make(
        &self,
        next: &Next,
        base: Option<&Snapshot>,
        judge_again: bool,
    ) -> Result<Snapshot, Problems> {
        let (schema, policies) = self.rules(&next.state);
        let Some(base) = base else {
            let bundle = Bundle {
                schema: schema.cloned(),
                policies: policies.to_vec(),
                entities: next.entities.clone().unwrap_or_default(),
                links: next.links.clone().unwrap_or_default(),
            };
            return compile(&bundle, &self.compile);
        };
        let (new, old) = (&next.state.digests, &self.state.digests);
        let same_rules = new.schema == old.schema && new.policies == old.policies;
        let draft = Draft {
            rules: (!same_rules).then_some((schema, policies)),
            entities: next.entities.as_deref(),
            links: next.links.as_deref(),
            judge_again,
        };
        base.revise(&draft, &self.compile)
    }

    /// Compiles, makes durable, installs, in this order: what is acknowledged is durable, and what
    /// is in force was acknowledged or is about to be.
    fn change_to(&mut self, next: Next) -> Result<Published, Rejection> {
        let changed = next.state.digests.changed(&self.in_force());
        let current = self.pdp.current();
        if changed.is_empty() && current.is_some() {
            return Ok(Published { revision: self.state.revision, changed });
        }
        let base = current.as_ref().map(|installed| &installed.snapshot);
        let snapshot = self.make(&next, base, false).map_err(Rejection::Invalid)?;
        let state = self.numbered(next.state);
        let saved = self.save(state, &snapshot, base);
        let state = saved.map_err(|error| Rejection::NotDurable(error.to_string()))?;
        // It may be large, and is dropped when the other one is in force.
        drop(current);
        let revision = state.revision;
        self.install(state, snapshot);
        Ok(Published { revision, changed })
    }

    fn numbered(&self, state: State) -> State {
        State { revision: self.state.revision + 1, installed_at: Some(Timestamp::now()), ..state }
    }

    /// Makes a state durable with its image; that of `base` is kept where it says the same.
    fn save(
        &mut self,
        mut state: State,
        snapshot: &Snapshot,
        base: Option<&Snapshot>,
    ) -> Result<State, StoreError> {
        let (schema, policies) = self.rules(&state);
        let rules = schema.cloned().filter(|_| self.files_own_policies);
        let rules = rules.map(|schema| (schema, policies.to_vec()));
        let Some(data_dir) = &mut self.data_dir else { return Ok(state) };
        let (new, old) = (&state.digests, &self.state.digests);
        let same_data = new.entities == old.entities && new.links == old.links;
        let kept = state.image.take().filter(|_| {
            let same_shapes = |base: &Snapshot| base.store().shares_shapes(snapshot.store());
            same_data && base.is_some_and(same_shapes) && !data_dir.has_journal()
        });
        let store = kept.is_none().then(|| snapshot.store());
        state.image = Some(Image {
            file: kept.map_or_else(|| DataDir::image_name(state.revision), |image| image.file),
            references: self.compile.references,
            rules,
        });
        data_dir.save(&state, store)?;
        Ok(state)
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
        let seeded = self.files_seed_entities && state.seed.is_none();
        let entities = if seeded { Owner::Files } else { Owner::Api };
        Owners { policies, entities }
    }
}
