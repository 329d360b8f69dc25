//! The next version: what is new in it and what is kept, how it is made, and in what it differs.

use super::Writer;
use crate::engine::store::Change;
use crate::engine::{Bundle, Digests, Draft, Problems, References, Snapshot, Text, compile};
use crate::revisions::State;

/// The most entities and links in which a version may differ to be kept as a change of those.
const ITEMS_MAX: usize = 100_000;
/// So many entities allow one more of them.
const ENTITIES_AN_ITEM: usize = 10;
/// A small store may differ in so many.
const ITEMS_MIN: usize = 1_000;

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
        state.files = self.files_own_policies.then(|| self.files.rules.clone());
        state.references = self.compile.references;
        let rules = state.rules();
        let (has_entities, has_links) = (entities.is_some(), links.is_some());
        let bundle = Bundle {
            schema: rules.schema.clone(),
            policies: rules.policies.clone(),
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

    /// Compiles a version: over the one that it builds on, or from nothing.
    pub(super) fn make(
        &self,
        next: &Next,
        base: Option<&Snapshot>,
        judge_again: bool,
    ) -> Result<Snapshot, Problems> {
        let rules = next.state.rules();
        let Some(base) = base else {
            let bundle = Bundle {
                schema: rules.schema.clone(),
                policies: rules.policies.clone(),
                entities: next.entities.clone().unwrap_or_default(),
                links: next.links.clone().unwrap_or_default(),
            };
            return compile(&bundle, &self.compile);
        };
        let (new, old) = (&next.state.digests, &self.state.digests);
        let same_rules = new.schema == old.schema && new.policies == old.policies;
        let draft = Draft {
            rules: (!same_rules).then_some((rules.schema.as_ref(), rules.policies.as_slice())),
            entities: next.entities.as_deref(),
            links: next.links.as_deref(),
            judge_again,
        };
        base.revise(&draft, &self.compile)
    }

    /// What leads from one version to another in entities and links, where it is not much.
    pub(super) fn difference(from: &Snapshot, to: &Snapshot) -> Option<Change> {
        let most = (to.counts().entities / ENTITIES_AN_ITEM).clamp(ITEMS_MIN, ITEMS_MAX);
        from.store().difference(to.store(), most)
    }

    /// Applies what leads to a version to the one before it: the two then share all else, and a
    /// record of the change is enough. `None` where that does not come to the very same.
    pub(super) fn apply_instead(
        &self,
        from: &Snapshot,
        to: &Snapshot,
        change: &Change,
    ) -> Option<Snapshot> {
        // Where references may lead nowhere, taking an entity out takes more with it.
        if self.compile.references != References::Strict {
            return None;
        }
        let (applied, _) = from.apply(change, &self.compile).ok()?;
        let same = applied.store().difference(to.store(), 0)?.is_empty();
        same.then_some(applied)
    }
}
