//! The next version: what is new in it and what is kept, how it is made, and how it is saved.

use jiff::Timestamp;

use super::Writer;
use crate::engine::{Bundle, Digests, Draft, Problems, Snapshot, Text, compile};
use crate::revisions::{DataDir, Image, State, StoreError};

/// A version that is about to be made: its state, and the texts of what is new in it.
pub(super) struct Next {
    pub(super) state: State,
    pub(super) entities: Option<Vec<Text>>,
    pub(super) links: Option<Vec<Text>>,
}

// === impl Writer ===

impl Writer {
    /// The digests of what is in force.
    pub(super) fn in_force(&self) -> Digests {
        let ready = self.pdp.current().is_some();
        if ready { self.state.digests.clone() } else { Digests::default() }
    }

    /// The next version, whose parts are held against those `before`: what is absent is kept, and
    /// so is what says the same.
    pub(super) fn next(
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
    pub(super) fn rules<'a>(&'a self, state: &'a State) -> (Option<&'a Text>, &'a [Text]) {
        if self.files_own_policies {
            (self.files.schema.as_ref(), &self.files.policies)
        } else {
            (state.schema.as_ref(), state.policies.as_deref().unwrap_or_default())
        }
    }

    /// Compiles a version: over the one that it builds on, or from nothing.
    pub(super) fn make(
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

    pub(super) fn numbered(&self, state: State) -> State {
        State { revision: self.state.revision + 1, installed_at: Some(Timestamp::now()), ..state }
    }

    /// Makes a state durable with its image; that of `base` is kept where it says the same.
    pub(super) fn save(
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
}
