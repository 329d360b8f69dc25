//! The next version: what is new in it and what is kept, how it is made, and in what it differs.

use super::{Commit, Writer};
use crate::engine::store::Change;
use crate::engine::{Bundle, Digests, Draft, Problems, References, Snapshot, Text, compile};
use crate::pdp::publisher::Rejection;
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
    /// so is what says the same. A file of entities may hold links as well, so where both are given
    /// and either is new, both are read: links of a file would otherwise be there twice, or stay
    /// when they were taken out.
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
        let is_new = |given, new: &mut String, old: &String| {
            let is_new = given && new != old;
            if !is_new {
                new.clone_from(old);
            }
            is_new
        };
        let digests = &mut state.digests;
        let new_entities = is_new(has_entities, &mut digests.entities, &before.entities);
        let new_links = is_new(has_links, &mut digests.links, &before.links);
        let both = has_entities && has_links && (new_entities || new_links);
        Next {
            state,
            entities: (new_entities || both).then_some(bundle.entities),
            links: (new_links || both).then_some(bundle.links),
        }
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

    /// Compiles a version, and says by which change it is to be kept. `None` where it says what is
    /// in force: where the API writes, also in other words.
    pub(super) fn made(
        &self,
        mut next: Next,
    ) -> Result<Option<(Next, Snapshot, Commit)>, Rejection> {
        let in_force = self.in_force();
        let Some(current) = self.pdp.current() else {
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
        // Files are compared by their text alone, because a start cannot do it otherwise.
        if self.state.seed.is_none() && next.state.seed.is_none() {
            return Ok(Some((next, snapshot, Commit::Whole)));
        }
        let change = Self::keep_same(&mut next.state, &in_force, base, &snapshot);
        let digests = &next.state.digests;
        if digests.changed(&in_force).is_empty() {
            return Ok(None);
        }
        if digests.entities == in_force.entities && digests.links == in_force.links {
            // The text is another and says the same.
            (next.entities, next.links) = (None, None);
            let made = self.make(&next, Some(base), false).map_err(Rejection::Invalid)?;
            return Ok(Some((next, made, Commit::Rules)));
        }
        let same_rules = digests.schema == in_force.schema && digests.policies == in_force.policies;
        let (snapshot, commit) = self.kept(base, snapshot, change.filter(|_| same_rules));
        Ok(Some((next, snapshot, commit)))
    }

    /// Entities and links that only look different keep the digest that they have. Says what leads
    /// to them, where it is not much.
    pub(super) fn keep_same(
        state: &mut State,
        in_force: &Digests,
        from: &Snapshot,
        to: &Snapshot,
    ) -> Option<Change> {
        let most = (to.counts().entities / ENTITIES_AN_ITEM).clamp(ITEMS_MIN, ITEMS_MAX);
        let change = from.store().difference(to.store(), most);
        let changed = match &change {
            Some(change) => change.parts(),
            None => to.data_changed(from),
        };
        let digests = &mut state.digests;
        // Links may have changed by a file of entities, whose text is then what says so.
        let by_entities = changed.contains(&"links") && digests.links == in_force.links;
        if !changed.contains(&"entities") && !by_entities {
            digests.entities.clone_from(&in_force.entities);
        }
        if !changed.contains(&"links") {
            digests.links.clone_from(&in_force.links);
        }
        change
    }

    /// How a version with the same rules is kept: by the change that leads to it where there is
    /// one, and else in all.
    pub(super) fn kept(
        &self,
        from: &Snapshot,
        to: Snapshot,
        change: Option<Change>,
    ) -> (Snapshot, Commit) {
        let applied = change.and_then(|change| {
            let applied = self.apply_instead(from, &to, &change)?;
            Some((applied, Commit::Items(change)))
        });
        applied.unwrap_or((to, Commit::Whole))
    }

    /// Applies what leads to a version to the one before it: the two then share all else, and a
    /// record of the change is enough. `None` where that does not come to the very same.
    fn apply_instead(&self, from: &Snapshot, to: &Snapshot, change: &Change) -> Option<Snapshot> {
        // Where references may lead nowhere, taking an entity out takes more with it.
        if self.compile.references != References::Strict {
            return None;
        }
        let (applied, _) = from.apply(change, &self.compile).ok()?;
        let same = applied.store().difference(to.store(), 0)?.is_empty();
        same.then_some(applied)
    }
}
