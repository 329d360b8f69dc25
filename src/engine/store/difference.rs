//! What leads from one version of a store to another, however either was made: nothing, where both
//! say the same, or the change of single entities and links. Numbers of entities are each store's
//! own, so uids are compared; sets and parents are sorted by uid, so they are compared in order.

use serde_json::Value;

use super::rows::{Row, STORED};
use super::{Change, EntityNo, LinkNo, Store, TagsRef, TypeNo, ValueRef, value};
use crate::engine::Text;

/// Two stores that are compared.
struct Pair<'a> {
    old: &'a Store,
    new: &'a Store,
}

// === impl Store ===

impl Store {
    /// The change that makes `next` of this store: an empty one where they say the same. `None`
    /// where it would take more than `items_max` entities and links, or their types differ.
    pub fn difference(&self, next: &Self, items_max: usize) -> Option<Change> {
        if self.shapes.describe() != next.shapes.describe() {
            return None;
        }
        let (ours, theirs) = (self.counts(), next.counts());
        let grown = ours.entities.abs_diff(theirs.entities) + ours.links.abs_diff(theirs.links);
        if grown > items_max {
            return None;
        }
        let pair = Pair { old: self, new: next };
        let mut change = Change::default();
        let (mut upsert, mut link) = (Vec::new(), Vec::new());
        let full = |change: &Change, upsert: &[Value], link: &[Value]| {
            change.unlink.len() + upsert.len() + link.len() > items_max
        };
        for (no, row) in (0..).map(EntityNo).zip(next.rows.iter()) {
            if row.flags & STORED != 0 && !pair.has_entity(no, &row) {
                upsert.push(next.entity_json(no)?);
                if full(&change, &upsert, &link) {
                    return None;
                }
            }
        }
        for (no, row) in (0..).map(LinkNo).zip(next.links.rows.iter()) {
            if row.flags != 0 && !pair.has_link(&row) {
                if self.link_number(row.id).is_some() {
                    change.unlink.push(row.id.to_owned());
                }
                link.push(next.link_json(no)?);
                if full(&change, &upsert, &link) {
                    return None;
                }
            }
        }
        pair.gone(&mut change, items_max.saturating_sub(upsert.len() + link.len()))?;
        let text = |name, items: Vec<Value>| {
            (!items.is_empty()).then(|| Text::new(name, Value::Array(items).to_string()))
        };
        change.upsert = text("upsert", upsert);
        change.link = text("link", link);
        Some(change)
    }
}

impl Store {
    /// Whether another version stores the same entities, however each was loaded. Where their types
    /// differ, it does not.
    pub fn has_entities_of(&self, other: &Self) -> bool {
        let pair = Pair { old: self, new: other };
        let stored = || (0..).map(EntityNo).zip(other.rows.iter());
        self.counts().entities == other.counts().entities
            && self.shapes.describe() == other.shapes.describe()
            && stored().all(|(no, row)| row.flags & STORED == 0 || pair.has_entity(no, &row))
    }

    /// Whether another version stores the same links.
    pub fn has_links_of(&self, other: &Self) -> bool {
        let pair = Pair { old: self, new: other };
        self.counts().links == other.counts().links
            && self.shapes.describe() == other.shapes.describe()
            && other.links.rows.iter().all(|row| row.flags == 0 || pair.has_link(&row))
    }
}

// === impl Change ===

impl Change {
    /// The parts that it names: `entities`, `links`.
    pub fn parts(&self) -> Vec<&'static str> {
        let entities = !self.remove.is_empty() || self.upsert.is_some();
        let links = !self.unlink.is_empty() || self.link.is_some();
        [(entities, "entities"), (links, "links")]
            .into_iter()
            .filter_map(|(is_named, part)| is_named.then_some(part))
            .collect()
    }
}

// === impl Pair ===

impl Pair<'_> {
    /// What the old store holds under ids that the new one does not have.
    fn gone(&self, change: &mut Change, items_max: usize) -> Option<()> {
        for (no, row) in (0..).map(EntityNo).zip(self.old.rows.iter()) {
            let ty = TypeNo(row.kind);
            let stays = || self.new.number(ty, row.id).is_some_and(|no| self.new.is_stored(no));
            if row.flags & STORED != 0 && !stays() {
                change.remove.push(self.old.uid_of(no));
            }
            if change.remove.len() + change.unlink.len() > items_max {
                return None;
            }
        }
        for row in self.old.links.rows.iter() {
            if row.flags != 0 && self.new.link_number(row.id).is_none() {
                change.unlink.push(row.id.to_owned());
            }
            if change.remove.len() + change.unlink.len() > items_max {
                return None;
            }
        }
        Some(())
    }

    /// Whether the old store has this very entity of the new one.
    fn has_entity(&self, no: EntityNo, new: &Row<'_>) -> bool {
        let ty = TypeNo(new.kind);
        // Numbers are often the same in both.
        let at = self.old.rows.row(no.0).filter(|old| old.kind == new.kind && old.id == new.id);
        let find = || self.old.rows.row(self.old.number(ty, new.id)?.0);
        let Some(old) = at.or_else(find).filter(|old| old.flags & STORED != 0) else {
            return false;
        };
        let Some(shape) = self.new.shapes.shape(ty) else { return false };
        let Some(old_shape) = self.old.shapes.shape(ty) else { return false };
        let old_values = value::attributes(old_shape, old.text, old.words);
        let new_values = value::attributes(shape, new.text, new.words);
        let old_tags = value::tags(old_shape, old.text, old.words).into_iter();
        let new_tags = value::tags(shape, new.text, new.words).into_iter();
        let mut old_tags = old_tags.flat_map(TagsRef::iter);
        let mut new_tags = new_tags.flat_map(TagsRef::iter);
        let same_tags = loop {
            match (old_tags.next(), new_tags.next()) {
                (None, None) => break true,
                (Some((a, old)), Some((b, new))) if a == b && self.same(old, new) => {}
                _ => break false,
            }
        };
        same_tags
            && self.same_uids(old.nos, new.nos)
            && self.same(ValueRef::Record(old_values), ValueRef::Record(new_values))
    }

    /// Whether the old store has this very link of the new one.
    fn has_link(&self, new: &Row<'_>) -> bool {
        let find = || self.old.links.rows.row(self.old.link_number(new.id)?.0);
        let Some(old) = find().filter(|row| row.flags != 0) else { return false };
        let name = |store: &Store, row: &Row<'_>| {
            store.links.templates.get(usize::from(row.kind)).cloned()
        };
        name(self.old, &old) == name(self.new, new)
            && old.text == new.text
            && old.words == new.words
            && self.same_uids(old.nos, new.nos)
    }

    fn same_uids(&self, old: &[EntityNo], new: &[EntityNo]) -> bool {
        old.len() == new.len() && old.iter().zip(new).all(|(old, new)| self.same_uid(*old, *new))
    }

    fn same_uid(&self, old: EntityNo, new: EntityNo) -> bool {
        match (old.some(), new.some()) {
            (Some(old), Some(new)) => {
                let (old, new) = (self.old.row(old), self.new.row(new));
                old.kind == new.kind && old.id == new.id
            }
            (None, None) => true,
            _ => false,
        }
    }

    fn same(&self, old: ValueRef<'_>, new: ValueRef<'_>) -> bool {
        old.same_by(new, &|old, new| self.same_uid(old, new))
    }
}
