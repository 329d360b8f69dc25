//! What conditions can see of a stored entity, as a key: two entities of one type with the same key
//! look the same to all that reads no more than what was asked for.

use super::{EntityNo, Store, TagsRef, TypeNo, ValueRef};

/// What of the entities of one type is put into a key, beside their parents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::engine) struct Looked {
    /// Numbers of attributes among those of the type.
    attributes: Vec<usize>,
    tags: bool,
}

// === impl Store ===

impl Store {
    /// What has to be looked at for attributes of these names; those that the type does not declare
    /// have no place.
    pub(in crate::engine) fn looked<'n>(
        &self,
        ty: TypeNo,
        names: Option<impl Iterator<Item = &'n str>>,
        tags: bool,
    ) -> Looked {
        let Some(shape) = self.shapes.shape(ty) else {
            return Looked { attributes: Vec::new(), tags };
        };
        let place = |name: &str| shape.attributes.binary_search_by(|field| (*field.name).cmp(name));
        let attributes = match names {
            Some(names) => names.filter_map(|name| place(name).ok()).collect(),
            None => (0..shape.attributes.len()).collect(),
        };
        Looked { attributes, tags }
    }

    /// Adds to a key what an entity has: its parents, and what is looked at.
    pub(in crate::engine) fn facts_into(&self, no: EntityNo, looked: &Looked, key: &mut Vec<u32>) {
        let row = self.row(no);
        key.push(super::rows::number(row.nos.len()));
        key.extend(row.nos.iter().map(|parent| parent.0));
        let Some(shape) = self.shape_of(&row) else { return };
        let attributes = super::value::attributes(shape, row.text, row.words);
        for place in &looked.attributes {
            match attributes.at(*place) {
                Some(value) => {
                    key.push(1);
                    put(value, key);
                }
                None => key.push(0),
            }
        }
        if looked.tags {
            let tags = super::value::tags(shape, row.text, row.words);
            for (name, value) in tags.into_iter().flat_map(TagsRef::iter) {
                key.push(1);
                put_text(name, key);
                put(value, key);
            }
            key.push(0);
        }
    }

    /// The stored entities of a type, in the order of their numbers. It looks at all rows.
    pub(in crate::engine) fn stored_of(&self, ty: TypeNo) -> impl Iterator<Item = EntityNo> {
        let rows = (0..).map(EntityNo).zip(self.rows.iter());
        let stored = move |row: &super::rows::Row<'_>| {
            row.kind == ty.0 && row.flags & super::rows::STORED != 0
        };
        rows.filter(move |(_, row)| stored(row)).map(|(no, _)| no)
    }

    /// Whether any stored entity has this one as a parent or names it in an attribute or tag.
    pub(in crate::engine) fn is_named(&self, no: EntityNo) -> bool {
        self.children(no).next().is_some() || self.holders(no).next().is_some()
    }

    /// The entities that name this one in an attribute or a tag, wherever in it.
    pub(in crate::engine) fn named_by(&self, no: EntityNo) -> impl Iterator<Item = EntityNo> {
        self.holders(no)
    }
}

/// Adds a value, so that what is added tells it from every other of its type.
fn put(value: ValueRef<'_>, key: &mut Vec<u32>) {
    match value {
        ValueRef::Bool(value) => key.push(u32::from(value)),
        ValueRef::Long(value) => {
            let bits = value.cast_unsigned();
            let low = u32::try_from(bits & u64::from(u32::MAX)).unwrap_or_default();
            key.extend([low, u32::try_from(bits >> 32).unwrap_or_default()]);
        }
        ValueRef::String(text) => put_text(text, key),
        ValueRef::Entity(no) => key.push(no.0),
        ValueRef::Set(elements) => {
            key.push(super::rows::number(elements.len()));
            elements.iter().for_each(|element| put(element, key));
        }
        ValueRef::Record(members) => {
            for (number, _, member) in members.numbered() {
                key.push(super::rows::number(number));
                put(member, key);
            }
            key.push(u32::MAX);
        }
        ValueRef::Extension(value) => {
            key.push(u32::from(value.since_epoch));
            put_text(value.argument, key);
        }
    }
}

/// Adds a text: its length, and its bytes in fours.
fn put_text(text: &str, key: &mut Vec<u32>) {
    key.push(super::rows::number(text.len()));
    for four in text.as_bytes().chunks(4) {
        key.push(four.iter().fold(0, |word, byte| word << 8 | u32::from(*byte)));
    }
}
