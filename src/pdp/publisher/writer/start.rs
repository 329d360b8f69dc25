//! The start: what was in force is made again from its image and the journal, or everything is
//! loaded from its source. A start that changes nothing makes no revision and writes nothing.

use std::sync::Arc;

use arc_swap::ArcSwapOption;

use super::{Files, Writer};
use crate::engine::{CompileOptions, Digests, Problems, RestoreError, Snapshot, Text, restore};
use crate::pdp::Pdp;
use crate::pdp::publisher::{LastRejection, PublisherOptions, StartError};
use crate::revisions::{DataDir, Image, Record, StoreError};

// === impl Writer ===

impl Writer {
    pub(in crate::pdp::publisher) fn start(
        pdp: Pdp,
        options: PublisherOptions,
        last_rejection: Arc<ArcSwapOption<LastRejection>>,
        admit: impl Fn(&Snapshot) -> Result<(), Problems>,
    ) -> Result<Self, StartError> {
        let PublisherOptions {
            mut data_dir,
            compile,
            files,
            files_own_policies,
            files_seed_entities,
        } = options;
        let loaded = data_dir.as_mut().map(DataDir::load).transpose()?;
        let (mut state, records) = loaded.unwrap_or_default();
        if let Some(last) = records.last() {
            state.follow(last);
        }
        let (files, entities, links) = Files::of(files);
        let mut writer = Self {
            pdp,
            data_dir,
            compile,
            files,
            files_own_policies,
            files_seed_entities,
            state,
            last_rejection,
        };
        writer.first(entities, links, &records, admit)?;
        Ok(writer)
    }

    /// Puts in force what the sources hold at start.
    fn first(
        &mut self,
        entities: Vec<Text>,
        links: Vec<Text>,
        records: &[Record],
        admit: impl Fn(&Snapshot) -> Result<(), Problems>,
    ) -> Result<(), StartError> {
        self.tell_seed();
        let kept = self.restore(records)?;
        let before = if kept.is_some() { self.state.digests.clone() } else { Digests::default() };
        let seeds = self.state.seed.is_none();
        let (entities, links) = (seeds.then_some(entities), seeds.then_some(links));
        let next = self.next(self.state.clone(), entities, links, &before);
        if next.state.digests == Digests::default() {
            tracing::info!("no source has a bundle: not ready until one is put");
            return Ok(());
        }
        let same = next.state.digests == self.state.digests;
        let references = self.state.image.as_ref().map(|image| image.references);
        let judged = references == Some(self.compile.references);
        if let (Some(kept), true, true) = (&kept, same, judged) {
            admit(kept).map_err(StartError::Invalid)?;
            self.install(next.state, kept.clone());
            return Ok(());
        }
        let made = self.make(&next, kept.as_ref(), !judged).map_err(StartError::Invalid)?;
        admit(&made).map_err(StartError::Invalid)?;
        // The texts, which may be large, before the image of what they became is written.
        let state = if same { next.state } else { self.numbered(next.state) };
        drop((next.entities, next.links));
        let state = self.save(state, &made, kept.as_ref())?;
        self.install(state, made);
        Ok(())
    }

    /// What was in force, from its image and the journal; `None` where the entity files have to be
    /// loaded anyway, because they changed or because the image cannot be used.
    fn restore(&self, records: &[Record]) -> Result<Option<Snapshot>, StartError> {
        let (files, last) = (&self.files.digests, &self.state.digests);
        let only_copy = self.state.seed.is_some();
        let same_files = files.entities == last.entities && files.links == last.links;
        let Some(data_dir) = &self.data_dir else { return Ok(None) };
        let image = match &self.state.image {
            Some(image) if only_copy || same_files => image,
            None if only_copy => {
                let path = data_dir.path_of("state.json");
                let reason = "it names no image of the entities".to_owned();
                return Err(StoreError::Damaged { path, reason }.into());
            }
            _ => return Ok(None),
        };
        match self.read_image(data_dir, image, records) {
            Ok(snapshot) => Ok(Some(snapshot)),
            Err(error) if only_copy => Err(error),
            Err(error) => {
                let reason = error.to_string();
                tracing::warn!(reason, "the entities are loaded from their files instead");
                Ok(None)
            }
        }
    }

    fn read_image(
        &self,
        data_dir: &DataDir,
        image: &Image,
        records: &[Record],
    ) -> Result<Snapshot, StartError> {
        let path = data_dir.path_of(&image.file);
        let own_policies = self.state.policies.as_deref().unwrap_or_default();
        let own = || self.state.schema.as_ref().map(|schema| (schema, own_policies));
        let rules = image.rules.as_ref().map(|(schema, policies)| (schema, policies.as_slice()));
        let Some((schema, policies)) = rules.or_else(own) else {
            let path = data_dir.path_of("state.json");
            let reason = "it has no schema for its image".to_owned();
            return Err(StoreError::Damaged { path, reason }.into());
        };
        let options = CompileOptions { references: image.references, limits: self.compile.limits };
        let mut input = data_dir.image(&image.file).map_err(|source| StoreError::Io {
            doing: "read",
            path: path.clone(),
            source,
        })?;
        let restored = restore(schema, policies, &mut input, &options);
        let mut snapshot = restored.map_err(|error| match error {
            RestoreError::Rules(problems) => StartError::Invalid(problems),
            RestoreError::Image(source) => StoreError::Image { path, source }.into(),
        })?;
        for record in records {
            let applied = snapshot.apply(&record.change, &options);
            let (next, _) = applied.map_err(|problems| {
                let first = problems.errors().next().map(|problem| problem.message.clone());
                let (path, revision) = (data_dir.journal_path(), record.revision);
                let reason = first.unwrap_or_default();
                let reason = format!("revision {revision} cannot be made again: {reason}");
                StoreError::Damaged { path, reason }
            })?;
            snapshot = next;
        }
        Ok(snapshot)
    }
}
