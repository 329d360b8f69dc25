//! Which entities and links two stores do not have in common, however each was made: what is added,
//! gone, or has other attributes, tags or parents. Versions that came of one another share most of
//! their rows, and rows that are shared are not looked at.

use std::sync::Arc;

use smol_str::SmolStr;

use super::rows::{Chunk, Row, Rows, STORED};
use super::{EntityNo, LinkNo, Store, TagsRef, TypeNo, ValueRef, value};

/// Two stores, and how the numbers of one are found in the other.
#[derive(Debug)]
pub(in crate::engine) struct Twins<'a> {
    stores: [&'a Store; 2],
    /// For each side the other's number of each type, by index.
    types: [Vec<Option<TypeNo>>; 2],
}

/// An entity that is not the same on both sides.
#[derive(Debug, Clone)]
pub(in crate::engine) struct Altered {
    /// Its number on each side where it is stored; it is on one at least.
    pub(in crate::engine) numbers: [Option<EntityNo>; 2],
    /// The attributes that differ; none where it is stored on one side only.
    pub(in crate::engine) attributes: Vec<SmolStr>,
    /// Whether tags differ.
    pub(in crate::engine) tags: bool,
    /// Whether parents differ.
    pub(in crate::engine) parents: bool,
}

/// All that two stores do not have in common.
#[derive(Debug, Default)]
pub(in crate::engine) struct Alterations {
    pub(in crate::engine) entities: Vec<Altered>,
    /// Links of each side that the other does not have, or has with other slots or another time at
    /// which it expires.
    pub(in crate::engine) links: [Vec<LinkNo>; 2],
}

// === impl Altered ===

impl Altered {
    /// Whether only one side stores it.
    pub(in crate::engine) fn is_one_sided(&self) -> bool {
        self.numbers.contains(&None)
    }
}

// === impl Twins ===

impl<'a> Twins<'a> {
    pub(in crate::engine) fn new(old: &'a Store, new: &'a Store) -> Self {
        let numbers = |of: &Store, other: &Store| {
            of.types().map(|ty| other.type_no(of.type_name(ty))).collect::<Vec<_>>()
        };
        Self { stores: [old, new], types: [numbers(old, new), numbers(new, old)] }
    }

    /// The number that the other side has for an entity of this side, stored or only named.
    pub(in crate::engine) fn twin(&self, side: usize, no: EntityNo) -> Option<EntityNo> {
        let (store, other) = self.sides(side)?;
        self.twin_of(side, no, &store.row(no), other)
    }

    fn sides(&self, side: usize) -> Option<(&'a Store, &'a Store)> {
        Some((self.stores.get(side).copied()?, self.stores.get(1 - side.min(1)).copied()?))
    }

    fn twin_of(&self, side: usize, no: EntityNo, row: &Row<'_>, other: &Store) -> Option<EntityNo> {
        let ty = (*self.types.get(side)?.get(usize::from(row.kind))?)?;
        // Numbers are often the same in both. The row of one that nobody has may still look like it.
        let is_it = |at: &Row<'_>| at.flags & STORED != 0 && at.kind == ty.0 && at.id == row.id;
        let at = other.rows.row(no.0).filter(is_it);
        at.map(|_| no).or_else(|| other.number(ty, row.id))
    }

    /// Everything that is not the same.
    pub(in crate::engine) fn alterations(&self) -> Alterations {
        let [old, new] = self.stores;
        let mut found = Alterations::default();
        differing(&new.rows, &old.rows, |number, row| {
            let no = EntityNo(number);
            if row.flags & STORED != 0 {
                found.entities.extend(self.altered(no, &row));
            }
        });
        differing(&old.rows, &new.rows, |number, row| {
            let no = EntityNo(number);
            let stays = || self.twin_of(0, no, &row, new).is_some_and(|twin| new.is_stored(twin));
            if row.flags & STORED != 0 && !stays() {
                let numbers = [Some(no), None];
                let (attributes, tags, parents) = (Vec::new(), true, true);
                found.entities.push(Altered { numbers, attributes, tags, parents });
            }
        });
        for side in [0, 1] {
            let Some((of, other)) = self.sides(side) else { continue };
            let mut links = Vec::new();
            differing(&of.links.rows, &other.links.rows, |number, row| {
                if row.flags != 0 && !self.has_link(side, LinkNo(number), other) {
                    links.push(LinkNo(number));
                }
            });
            if let Some(place) = found.links.get_mut(side) {
                *place = links;
            }
        }
        found
    }

    /// How an entity of the new side is not that of the old side.
    fn altered(&self, no: EntityNo, row: &Row<'_>) -> Option<Altered> {
        let [old_store, new_store] = self.stores;
        let twin = self.twin_of(1, no, row, old_store).filter(|twin| old_store.is_stored(*twin));
        let Some(twin) = twin else {
            let numbers = [None, Some(no)];
            return Some(Altered { numbers, attributes: Vec::new(), tags: true, parents: true });
        };
        let old = old_store.row(twin);
        let (shape, old_shape) = (new_store.shape_of(row)?, old_store.shape_of(&old)?);
        let new_values = value::attributes(shape, row.text, row.words);
        let old_values = value::attributes(old_shape, old.text, old.words);
        let mut attributes: Vec<SmolStr> = Vec::new();
        for (name, new) in new_values.iter() {
            if !old_values.get(name).is_some_and(|old| self.same(old, new)) {
                attributes.push(name.into());
            }
        }
        let gone = old_values.iter().filter(|(name, _)| new_values.get(name).is_none());
        attributes.extend(gone.map(|(name, _)| SmolStr::from(name)));
        let new_tags = value::tags(shape, row.text, row.words);
        let old_tags = value::tags(old_shape, old.text, old.words);
        let tags = !self.same_tags(old_tags, new_tags);
        let parents = old.nos.len() != row.nos.len()
            || !old.nos.iter().zip(row.nos).all(|(old, new)| self.is_twin(*old, *new));
        let altered = !attributes.is_empty() || tags || parents;
        altered.then_some(Altered { numbers: [Some(twin), Some(no)], attributes, tags, parents })
    }

    fn same_tags(&self, old: Option<TagsRef<'_>>, new: Option<TagsRef<'_>>) -> bool {
        let mut old = old.into_iter().flat_map(TagsRef::iter);
        let mut new = new.into_iter().flat_map(TagsRef::iter);
        loop {
            match (old.next(), new.next()) {
                (None, None) => return true,
                (Some((a, old)), Some((b, new))) if a == b && self.same(old, new) => {}
                _ => return false,
            }
        }
    }

    fn has_link(&self, side: usize, no: LinkNo, other: &Store) -> bool {
        let Some((store, _)) = self.sides(side) else { return false };
        let Some(link) = store.link_of(no) else { return true };
        let Some(twin) = other.link(link.id) else { return false };
        let same = |ours: Option<EntityNo>, theirs: Option<EntityNo>| match (ours, theirs) {
            (None, None) => true,
            (Some(ours), Some(theirs)) => self.twin(side, ours) == Some(theirs),
            _ => false,
        };
        store.template_name(link.template) == other.template_name(twin.template)
            && link.expires_ms == twin.expires_ms
            && same(link.principal, twin.principal)
            && same(link.resource, twin.resource)
    }

    fn same(&self, old: ValueRef<'_>, new: ValueRef<'_>) -> bool {
        old.same_by(new, &|old, new| self.is_twin(old, new))
    }

    fn is_twin(&self, old: EntityNo, new: EntityNo) -> bool {
        self.twin(0, old) == Some(new)
    }
}

/// Calls `found` with every row that is not in a chunk that both share.
fn differing<'a>(rows: &'a Rows, others: &'a Rows, mut found: impl FnMut(u32, Row<'a>)) {
    let mut others = others.shared_chunks();
    let mut number = 0;
    for chunk in rows.shared_chunks() {
        let is_shared = others.next().is_some_and(|other| Arc::ptr_eq(chunk, other));
        let chunk: &'a Chunk = chunk;
        if is_shared {
            number += super::rows::number(chunk.slots.len());
            continue;
        }
        for row in chunk.rows() {
            found(number, row);
            number += 1;
        }
    }
}
