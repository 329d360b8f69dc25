//! The store: all entities and links of one version as interned numbers, immutable.
//!
//! A uid is an [`EntityNo`], a type a [`TypeNo`]; what an entity has is a packed row, and every
//! question about who names whom is a range of a sorted set of numbers. Versions share what did not
//! change, so a change costs what it touches, however much there is, and `Clone` copies a few
//! pointers. Nothing here locks, and nothing is computed for a check but what it asks for: ancestors
//! are walked, not stored.

mod altered;
mod build;
mod change;
mod difference;
mod export;
mod extension;
mod facts;
mod image;
mod integrity;
mod judge;
mod link_read;
mod links;
mod load;
mod loaded;
mod numbers;
mod order;
mod pack;
mod policy_change;
mod read;
mod rows;
mod shape;
mod source;
mod splitter;
mod tree;
mod uid_read;
mod value;
mod work;

use std::collections::HashSet;
use std::hash::RandomState;
use std::sync::Arc;

use cedar_policy::{EntityTypeName, EntityUid};

pub(in crate::engine) use altered::{Alterations, Altered, Twins};
pub use change::{Applied, Change, LINK_CONFLICT, REMOVED_AND_UPSERTED};
pub(in crate::engine) use facts::Looked;
pub use image::ImageError;
pub use links::LinkRef;
pub use load::{LoadOptions, Loader, Stream, Taken};
pub use shape::Extension;
pub use splitter::{Layout, Piece, SplitError, Splitter};
pub use value::{ExtensionRef, RecordRef, SetRef, TagsRef, ValueRef};

use super::uid;
use links::Links;
use order::Orders;
use rows::{Row, Rows, STORED};
use shape::{Shape, Shapes};
use tree::Tree;

/// The number of an entity in one version of a store and those made from it. An entity that others
/// name and that is not stored has one too; the number of one that is gone is given again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntityNo(u32);

/// The number of an entity type: that of its name among the schema's, sorted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TypeNo(u16);

/// The number of an attribute of one type.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AttributeNo(u32);

/// The number of a link, given again when the link is gone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkNo(u32);

/// The number of a template that links name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TemplateNo(u16);

/// How much a store holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StoreCounts {
    /// Entities that are stored; actions are the schema's.
    pub entities: usize,
    /// Links.
    pub links: usize,
}

/// All entities and links of one version.
#[derive(Debug, Clone)]
pub struct Store {
    shapes: Arc<Shapes>,
    hasher: RandomState,
    rows: Rows,
    /// How many entities of each type are stored.
    stored: Arc<[u32]>,
    /// Hash of the uid, number.
    uids: Tree<[u32; 2]>,
    /// Parent, child.
    children: Tree<[u32; 2]>,
    /// Who is named, the attribute's number or `ELSEWHERE`, who names it.
    referrers: Tree<[u32; 3]>,
    /// Numbers that nobody has.
    free: Tree<u32>,
    links: Links,
    orders: Orders,
}

/// Stands for an attribute's number where the reference is in a set, a record or a tag.
const ELSEWHERE: u32 = u32::MAX;

// === impl EntityNo, TypeNo ===

impl EntityNo {
    /// No entity has this number.
    const NONE: Self = Self(u32::MAX);

    /// The number itself, by which entities are sorted.
    pub fn number(self) -> u32 {
        self.0
    }

    fn index(self) -> usize {
        self.0 as usize
    }

    fn some(self) -> Option<Self> {
        (self != Self::NONE).then_some(self)
    }
}

impl TypeNo {
    /// The number as an index, below the number of types.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl TemplateNo {
    /// The number as an index, below the number of templates.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

// === impl Store ===

/// Types, uids and numbers.
impl Store {
    /// The number of a type of the schema, or of the type of its actions.
    pub fn type_no(&self, type_name: &str) -> Option<TypeNo> {
        self.shapes.type_no(type_name)
    }

    /// The name of a type.
    pub fn type_name(&self, ty: TypeNo) -> &str {
        self.shapes.shape(ty).map_or("", |shape| &shape.name)
    }

    /// The same as Cedar holds it.
    pub fn entity_type(&self, ty: TypeNo) -> Option<&EntityTypeName> {
        self.shapes.shape(ty).map(|shape| &shape.cedar_name)
    }

    /// All types, in the order of their names; those of actions come last.
    pub fn types(&self) -> impl Iterator<Item = TypeNo> {
        self.shapes.iter().map(|(ty, _)| ty)
    }

    /// The number of an attribute that a type declares.
    pub fn attribute_no(&self, ty: TypeNo, name: &str) -> Option<AttributeNo> {
        let shape = self.shapes.shape(ty)?;
        let at = shape.attributes.binary_search_by(|field| (*field.name).cmp(name)).ok()?;
        Some(shape.attribute_no(at))
    }

    /// The type and name of an attribute.
    pub fn attribute_name(&self, attribute: AttributeNo) -> Option<(TypeNo, &str)> {
        self.shapes.attribute(attribute)
    }

    /// The number of an entity that is stored or named by something that is.
    pub fn number(&self, ty: TypeNo, id: &str) -> Option<EntityNo> {
        let hash = pack::hash(&self.hasher, ty.0, id);
        let same_hash = self.uids.from(|key| key.cmp(&[hash, 0])).take_while(|key| key[0] == hash);
        let mut numbers = same_hash.map(|key| key[1]);
        let is_it =
            |no: &u32| self.rows.row(*no).is_some_and(|row| row.kind == ty.0 && row.id == id);
        numbers.find(is_it).map(EntityNo)
    }

    /// The same by uid.
    pub fn number_of(&self, uid: &EntityUid) -> Option<EntityNo> {
        let ty = self.type_no(&uid.type_name().to_string())?;
        self.number(ty, uid.id().unescaped())
    }

    /// Whether an entity is stored, not only named.
    pub fn is_stored(&self, no: EntityNo) -> bool {
        self.row(no).flags & STORED != 0
    }

    /// An entity's type.
    pub fn type_of(&self, no: EntityNo) -> TypeNo {
        TypeNo(self.row(no).kind)
    }

    /// An entity's id.
    pub fn id_of(&self, no: EntityNo) -> &str {
        self.row(no).id
    }

    /// An entity's uid.
    ///
    /// # Panics
    /// Never for a number that this store gave.
    #[expect(
        clippy::panic,
        reason = "a row has a type of the schema, which reading it makes sure of"
    )]
    pub fn uid_of(&self, no: EntityNo) -> EntityUid {
        let row = self.row(no);
        match self.shapes.shape(TypeNo(row.kind)) {
            Some(shape) => uid::of(&shape.cedar_name, row.id),
            None => panic!("{no:?} has a type that is not numbered"),
        }
    }

    /// How much there is.
    pub fn counts(&self) -> StoreCounts {
        let entities = self.stored.iter().map(|count| *count as usize).sum();
        StoreCounts { entities, links: self.links.len() }
    }

    /// How many entities of a type are stored.
    pub fn count_of(&self, ty: TypeNo) -> usize {
        self.stored.get(ty.index()).map_or(0, |count| *count as usize)
    }

    /// The row of an entity; an empty one for a number that was never given.
    fn row(&self, no: EntityNo) -> Row<'_> {
        self.rows.row(no.0).unwrap_or_default()
    }

    fn shape_of(&self, row: &Row<'_>) -> Option<&Shape> {
        self.shapes.shape(TypeNo(row.kind))
    }
}

/// What an entity has and who names it.
impl Store {
    /// The parents of an entity, as written.
    pub fn parents(&self, no: EntityNo) -> &[EntityNo] {
        self.row(no).nos
    }

    /// The entities that have this one as a parent.
    pub fn children(&self, no: EntityNo) -> impl Iterator<Item = EntityNo> {
        let from = self.children.from(move |key| key.cmp(&[no.0, 0]));
        from.take_while(move |key| key[0] == no.0).map(|key| EntityNo(key[1]))
    }

    /// Adds all ancestors of an entity, without itself and each once, to those in `out`, which are
    /// taken for ancestors whose own are known.
    pub fn ancestors_into(&self, no: EntityNo, out: &mut Vec<EntityNo>) {
        /// Up to here a list is searched faster than a hash set is made.
        const FEW: usize = 48;
        let mut many: Option<HashSet<EntityNo>> = None;
        let mut next = out.len();
        let mut current = no;
        loop {
            for parent in self.parents(current) {
                let new = match &mut many {
                    Some(seen) => seen.insert(*parent),
                    None => !out.contains(parent),
                };
                if new && *parent != no {
                    out.push(*parent);
                }
            }
            if many.is_none() && out.len() > FEW {
                many = Some(out.iter().copied().collect());
            }
            let Some(ancestor) = out.get(next) else { return };
            current = *ancestor;
            next += 1;
        }
    }

    /// One attribute of an entity.
    pub fn attribute(&self, no: EntityNo, name: &str) -> Option<ValueRef<'_>> {
        self.attributes(no)?.get(name)
    }

    /// All attributes of an entity, by name; `None` if it is not stored.
    pub fn attributes(&self, no: EntityNo) -> Option<RecordRef<'_>> {
        let row = self.row(no);
        let shape = self.shape_of(&row).filter(|_| row.flags & STORED != 0)?;
        Some(value::attributes(shape, row.text, row.words))
    }

    /// One tag of an entity.
    pub fn tag(&self, no: EntityNo, name: &str) -> Option<ValueRef<'_>> {
        self.tags(no)?.get(name)
    }

    /// The tags of an entity; `None` if it is not stored or its type has none.
    pub fn tags(&self, no: EntityNo) -> Option<TagsRef<'_>> {
        let row = self.row(no);
        let shape = self.shape_of(&row).filter(|_| row.flags & STORED != 0)?;
        value::tags(shape, row.text, row.words)
    }

    /// The entities whose attribute is a reference to this one: the devices that an owner owns.
    /// References in sets, in records and in tags are not among them.
    pub fn referrers(
        &self,
        attribute: AttributeNo,
        to: EntityNo,
    ) -> impl Iterator<Item = EntityNo> {
        let start = [to.0, attribute.0];
        self.referrers
            .from(move |key| [key[0], key[1]].cmp(&start).then(key[2].cmp(&0)))
            .take_while(move |key| [key[0], key[1]] == start)
            .map(|key| EntityNo(key[2]))
    }

    /// The entities that name this one in an attribute or a tag, wherever in it.
    fn holders(&self, to: EntityNo) -> impl Iterator<Item = EntityNo> {
        let from = self.referrers.from(move |key| key.cmp(&[to.0, 0, 0]));
        from.take_while(move |key| key[0] == to.0).map(|key| EntityNo(key[2]))
    }
}

/// Every reference in an entity's attributes and tags: the attribute's number, or `ELSEWHERE`, and
/// the entity that is named.
fn references(shape: &Shape, row: &Row<'_>, found: &mut impl FnMut(u32, EntityNo)) {
    for (at, _, value) in value::attributes(shape, row.text, row.words).numbered() {
        match value {
            ValueRef::Entity(no) => found(shape.attribute_no(at).0, no),
            value => value.entities(&mut |no| found(ELSEWHERE, no)),
        }
    }
    for (_, value) in value::tags(shape, row.text, row.words).into_iter().flat_map(TagsRef::iter) {
        value.entities(&mut |no| found(ELSEWHERE, no));
    }
}

#[cfg(test)]
mod tests;
