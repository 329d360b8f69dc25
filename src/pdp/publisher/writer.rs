//! What the publisher's task does with one change.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use jiff::Timestamp;

use super::{Change, LastRejection, Parts, Published, PublisherOptions, Rejection, StartError};
use crate::engine::{Bundle, CompileOptions, Problems, Snapshot, Text, compile};
use crate::pdp::metrics::ChangeResult;
use crate::pdp::{Installed, Owner, Owners, Pdp};
use crate::revisions::{DataDir, Entities, State};

/// The writer's own state. Nothing else has it, so nothing locks it.
#[derive(Debug)]
pub(super) struct Writer {
    pdp: Pdp,
    data_dir: Option<DataDir>,
    compile: CompileOptions,
    /// What the files held when they were last taken.
    files: Bundle,
    files_own_policies: bool,
    files_seed_entities: bool,
    /// What is durable, or would be if there were a data directory.
    state: State,
    /// The bundle in force.
    current: Bundle,
    last_rejection: Arc<ArcSwapOption<LastRejection>>,
}

// === impl Writer ===

impl Writer {
    pub(super) fn start(
        pdp: Pdp,
        options: PublisherOptions,
        last_rejection: Arc<ArcSwapOption<LastRejection>>,
    ) -> Result<Self, StartError> {
        let PublisherOptions { data_dir, compile, files, files_own_policies, files_seed_entities } =
            options;
        let state = data_dir.as_ref().map(DataDir::load).transpose()?.unwrap_or_default();
        let current = Bundle::default();
        let mut writer = Self {
            pdp,
            data_dir,
            compile,
            files,
            files_own_policies,
            files_seed_entities,
            state,
            current,
            last_rejection,
        };
        writer.first()?;
        Ok(writer)
    }

    /// Puts in force what the sources hold at start; a start that changes nothing makes no revision.
    fn first(&mut self) -> Result<(), StartError> {
        self.tell_seed();
        let bundle = self.bundle(&self.files, &self.state);
        if bundle == Bundle::default() {
            tracing::info!("no source has a bundle: not ready until one is put");
            return Ok(());
        }
        let snapshot = compile(&bundle, &self.compile).map_err(StartError::Invalid)?;
        let digest = bundle.digest();
        let state = if digest == self.state.digest {
            self.state.clone()
        } else {
            self.next_state(self.state.clone(), &digest)
        };
        self.persist(&state).map_err(StartError::Store)?;
        self.install(state, bundle, snapshot);
        Ok(())
    }

    pub(super) fn handle(&mut self, change: Change) {
        match change {
            Change::Put { parts, expected, dry_run: true, answer } => {
                let _ = answer.send(self.try_put(parts, expected));
            }
            Change::Put { parts, expected, dry_run: false, answer } => {
                let result = self.put(parts, expected);
                self.account("api", &result);
                // Whoever asked may have gone; the change stands all the same.
                let _ = answer.send(result);
            }
            Change::Files { files, answer } => {
                let result = files.map_err(Rejection::Invalid).and_then(|it| self.put_files(it));
                self.account("files", &result);
                let _ = answer.send(result);
            }
        }
    }

    fn put(&mut self, parts: Parts, expected: Option<u64>) -> Result<Published, Rejection> {
        let (bundle, state) = self.with_parts(parts, expected)?;
        self.change_to(bundle, state)
    }

    /// Judges a write as `put` would, and takes nothing of it.
    fn try_put(&self, parts: Parts, expected: Option<u64>) -> Result<Published, Rejection> {
        let (bundle, _) = self.with_parts(parts, expected)?;
        compile(&bundle, &self.compile).map_err(Rejection::Invalid)?;
        let changed = changed(&self.current, &bundle);
        Ok(Published { revision: self.state.revision, changed })
    }

    /// The bundle and the state that a write of the API would make.
    fn with_parts(
        &self,
        parts: Parts,
        expected: Option<u64>,
    ) -> Result<(Bundle, State), Rejection> {
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
        let revision = self.state.revision;
        if expected.is_some_and(|expected| expected != revision) {
            return Err(Rejection::Stale { revision });
        }
        let mut state = self.state.clone();
        if let Some(schema) = parts.schema {
            state.schema = Some(Text::new("schema", schema));
        }
        if let Some(policies) = parts.policies {
            let texts = policies.into_iter().map(|(name, text)| Text::new(name, text));
            state.policies = Some(texts.collect());
        }
        if parts.entities.is_some() || parts.links.is_some() {
            let before = state.entities.take().unwrap_or_else(|| Entities {
                entities: self.current.entities.clone(),
                links: self.current.links.clone(),
                seed: seed_digest(&self.files),
            });
            let replace = |new: Option<String>, name: &str, old| match new {
                Some(text) => vec![Text::new(name, text)],
                None => old,
            };
            state.entities = Some(Entities {
                entities: replace(parts.entities, "entities", before.entities),
                links: replace(parts.links, "links", before.links),
                seed: before.seed,
            });
        }
        let bundle = self.bundle(&self.files, &state);
        Ok((bundle, state))
    }

    fn put_files(&mut self, files: Bundle) -> Result<Published, Rejection> {
        let bundle = self.bundle(&files, &self.state);
        let published = self.change_to(bundle, self.state.clone())?;
        self.files = files;
        self.tell_seed();
        Ok(published)
    }

    /// Compiles, makes durable, installs, in this order: what is acknowledged is durable, and what
    /// is in force was acknowledged or is about to be.
    fn change_to(&mut self, bundle: Bundle, state: State) -> Result<Published, Rejection> {
        let changed = changed(&self.current, &bundle);
        if changed.is_empty() && self.pdp.current().is_some() {
            return Ok(Published { revision: self.state.revision, changed });
        }
        let snapshot = compile(&bundle, &self.compile).map_err(Rejection::Invalid)?;
        let state = self.next_state(state, &bundle.digest());
        self.persist(&state).map_err(|error| Rejection::NotDurable(error.to_string()))?;
        let revision = state.revision;
        self.install(state, bundle, snapshot);
        Ok(Published { revision, changed })
    }

    /// The bundle of all parts, each from its owner.
    fn bundle(&self, files: &Bundle, state: &State) -> Bundle {
        let (schema, policies) = if self.files_own_policies {
            (files.schema.clone(), files.policies.clone())
        } else {
            (state.schema.clone(), state.policies.clone().unwrap_or_default())
        };
        let (entities, links) = match &state.entities {
            Some(part) => (part.entities.clone(), part.links.clone()),
            None => (files.entities.clone(), files.links.clone()),
        };
        Bundle { schema, policies, entities, links }
    }

    fn next_state(&self, state: State, digest: &str) -> State {
        State {
            revision: self.state.revision + 1,
            installed_at: Some(Timestamp::now()),
            digest: digest.to_owned(),
            ..state
        }
    }

    fn persist(&self, state: &State) -> Result<(), crate::revisions::StoreError> {
        match &self.data_dir {
            Some(data_dir) if *state != self.state => data_dir.save(state),
            _ => Ok(()),
        }
    }

    fn install(&mut self, state: State, bundle: Bundle, snapshot: Snapshot) {
        let counts = snapshot.counts();
        for warning in snapshot.warnings().warnings() {
            tracing::warn!(code = warning.code, "{}", warning.message);
        }
        let installed = Arc::new(Installed {
            snapshot,
            revision: state.revision,
            installed_at: state.installed_at.unwrap_or_else(Timestamp::now),
            digest: state.digest.clone(),
            owners: self.owners(&state),
        });
        let previous = self.pdp.install(installed);
        // Dropping a large snapshot takes long; this thread may, a check's may not.
        drop(previous);
        tracing::info!(
            revision = state.revision,
            entities = counts.entities,
            links = counts.links,
            policies = counts.policies,
            digest = state.digest,
            "installed"
        );
        self.state = state;
        self.current = bundle;
    }

    fn owners(&self, state: &State) -> Owners {
        let policies = if self.files_own_policies { Owner::Files } else { Owner::Api };
        let seeded = self.files_seed_entities && state.entities.is_none();
        let entities = if seeded { Owner::Files } else { Owner::Api };
        Owners { policies, entities }
    }

    /// Says, where it is so, that the entity files no longer count.
    fn tell_seed(&self) {
        let Some(part) = self.state.entities.as_ref().filter(|_| self.files_seed_entities) else {
            return;
        };
        let edited = part.seed != seed_digest(&self.files);
        self.pdp.metrics().show_seed_ignored(edited);
        if edited {
            tracing::warn!(
                "the entity files changed, and are ignored: the data directory holds the entities \
                 since the API wrote them"
            );
        } else {
            tracing::info!("entities and links come from the data directory, not from the files");
        }
    }

    fn account(&self, by: &'static str, result: &Result<Published, Rejection>) {
        match result {
            Ok(published) => {
                let unchanged = published.changed.is_empty();
                let result =
                    if unchanged { ChangeResult::Unchanged } else { ChangeResult::Installed };
                self.last_rejection.store(None);
                self.pdp.metrics().observe_change(result);
            }
            Err(Rejection::Invalid(problems)) => {
                tell(by, self.state.revision, problems);
                let (at, problems) = (Timestamp::now(), problems.clone());
                self.last_rejection.store(Some(Arc::new(LastRejection { at, by, problems })));
                // Last, so that whoever sees the metric finds the reason.
                self.pdp.metrics().observe_change(ChangeResult::Rejected);
            }
            Err(Rejection::NotDurable(reason)) => {
                self.pdp.metrics().observe_change(ChangeResult::Rejected);
                tracing::error!(
                    by,
                    reason,
                    "a change could not be made durable, and was not taken"
                );
            }
            Err(_) => self.pdp.metrics().observe_change(ChangeResult::Rejected),
        }
    }
}

fn tell(by: &str, revision: u64, problems: &Problems) {
    let errors = problems.error_count();
    tracing::error!(by, revision, errors, "a change was rejected; this revision stays in force");
    for problem in problems.errors() {
        let place =
            problem.place.as_ref().map(|it| format!("{}:{}:{}", it.name, it.line, it.column));
        tracing::error!(code = problem.code, place, "{}", problem.message);
    }
}

fn seed_digest(files: &Bundle) -> String {
    let entities = files.entities.clone();
    Bundle { entities, links: files.links.clone(), ..Bundle::default() }.digest()
}

fn changed(before: &Bundle, after: &Bundle) -> Vec<&'static str> {
    let parts = [
        ("schema", before.schema != after.schema),
        ("policies", before.policies != after.policies),
        ("entities", before.entities != after.entities),
        ("links", before.links != after.links),
    ];
    parts.into_iter().filter(|(_, differs)| *differs).map(|(part, _)| part).collect()
}
