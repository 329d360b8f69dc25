//! An entity's JSON, read straight into packed form. This reader takes only what it knows to be
//! right by the schema; at anything else it gives up with an error that nobody sees, and
//! [`judge`](super::judge) asks Cedar. So it need not know what is wrong, and cannot be more
//! lenient than Cedar but by an error of its own, which the property tests look for.

use std::cmp::Ordering;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::judge::Rules;
use super::pack::{Batch, ItemPlace, Loose, Mark, Span, Tag, What};
use super::shape::{Extension, Field, Kind, Shape};
use super::uid_read::{NameSeed, UidSeed, once, unsure};
use super::{EntityNo, TypeNo, extension, link_read};

/// Reads one item into a batch.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    pub(super) rules: &'a Rules<'a>,
    pub(super) batch: &'a mut Batch,
    pub(super) mark: Mark,
    pub(super) place: ItemPlace,
    /// Whether an item may be `{"link": {…}}`.
    pub(super) links: bool,
    /// Whether Cedar has judged the item: then references and extension values are not checked.
    pub(super) judged: bool,
}

/// An entity.
pub(super) struct EntitySeed<'r, 'a>(pub(super) &'r mut Reader<'a>);

struct ParentsSeed<'r, 'a>(&'r mut Reader<'a>);

/// The attributes of an entity, or the members of a record.
pub(super) struct RecordSeed<'r, 'a, 's> {
    pub(super) reader: &'r mut Reader<'a>,
    pub(super) fields: &'s [Field],
    pub(super) depth_left: usize,
}

/// The tags of an entity.
pub(super) struct TagsSeed<'r, 'a, 's> {
    pub(super) reader: &'r mut Reader<'a>,
    pub(super) kind: Option<&'s Kind>,
    pub(super) depth_left: usize,
}

struct ValueSeed<'r, 'a, 's> {
    reader: &'r mut Reader<'a>,
    kind: &'s Kind,
    depth_left: usize,
}

/// A member's name, as its number among a type's fields; `hint` is the one that is expected.
struct FieldSeed<'s> {
    fields: &'s [Field],
    hint: usize,
}

// === impl Reader ===

impl Reader<'_> {
    /// Ends an entity whose id is the beginning of the text.
    pub(super) fn end_entity(
        &mut self,
        uid: EntityNo,
        parents: &mut Vec<EntityNo>,
        values: &[Option<Loose>],
        tags: Vec<Tag>,
    ) -> Option<()> {
        let ty = self.batch.uid_type(uid);
        let shape = self.rules.shapes.shape(ty)?;
        let mut fields = shape.attributes.iter().zip(values);
        if !fields.all(|(field, value)| value.is_some() || !field.required) {
            return None;
        }
        if !self.judged && !parents.iter().all(|parent| self.allows_parent(shape, *parent)) {
            return None;
        }
        self.batch.parents(parents);
        self.batch.members(&self.mark, shape, values, tags);
        let id_len = self.batch.uid_id(uid).len();
        self.batch.end(self.place, What::Entity(ty, uid), id_len);
        Some(())
    }

    fn allows_parent(&self, shape: &Shape, parent: EntityNo) -> bool {
        let ty = self.batch.uid_type(parent);
        shape.parents.contains(&ty) && self.allows_id(ty, parent)
    }

    fn allows_id(&self, ty: TypeNo, uid: EntityNo) -> bool {
        let shape = self.rules.shapes.shape(ty);
        shape.is_some_and(|shape| shape.declared && shape.allows_id(self.batch.uid_id(uid)))
    }

    /// Begins an entity: its id is the first thing in its text.
    pub(super) fn begin_entity(&mut self, uid: EntityNo) -> bool {
        if !self.allows_id(self.batch.uid_type(uid), uid) {
            return false;
        }
        let id = self.batch.uid_id(uid).to_owned();
        self.batch.string(&self.mark, &id);
        true
    }
}

// === impl EntitySeed ===

impl<'de> DeserializeSeed<'de> for EntitySeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for EntitySeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an entity")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let reader = self.0;
        let rules = reader.rules;
        let (mut uid, mut parents, mut values, mut tags) = (None, None, None, None);
        let mut shape = None;
        while let Some(name) =
            members.next_key_seed(NameSeed(&["uid", "attrs", "parents", "tags", "link"]))?
        {
            match name {
                0 => {
                    let seed = UidSeed { reader: &mut *reader, guess: None };
                    let new = members.next_value_seed(seed)?;
                    once(&mut uid, new)?;
                    if !reader.begin_entity(new) {
                        return Err(unsure());
                    }
                    shape = rules.shapes.shape(reader.batch.uid_type(new));
                }
                1 => {
                    let fields = &*shape.ok_or_else(unsure)?.attributes;
                    let depth_left = rules.depth_left;
                    let seed = RecordSeed { reader: &mut *reader, fields, depth_left };
                    once(&mut values, members.next_value_seed(seed)?)?;
                }
                2 => once(&mut parents, members.next_value_seed(ParentsSeed(&mut *reader))?)?,
                3 => {
                    let kind = shape.ok_or_else(unsure)?.tags.as_ref();
                    let depth_left = rules.depth_left;
                    let seed = TagsSeed { reader: &mut *reader, kind, depth_left };
                    once(&mut tags, members.next_value_seed(seed)?)?;
                }
                _ => {
                    if !reader.links || uid.is_some() || values.is_some() || parents.is_some() {
                        return Err(unsure());
                    }
                    members.next_value_seed(link_read::LinkSeed(&mut *reader))?;
                    return match members.next_key::<IgnoredAny>()? {
                        None => Ok(()),
                        Some(_) => Err(unsure()),
                    };
                }
            }
        }
        let (uid, shape) = (uid.ok_or_else(unsure)?, shape.ok_or_else(unsure)?);
        let values = values.unwrap_or_else(|| shape.attributes.iter().map(|_| None).collect());
        let mut parents = parents.unwrap_or_default();
        let tags = tags.unwrap_or_default();
        reader.end_entity(uid, &mut parents, &values, tags).ok_or_else(unsure)
    }
}

// === impl ParentsSeed ===

impl<'de> DeserializeSeed<'de> for ParentsSeed<'_, '_> {
    type Value = Vec<EntityNo>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Vec<EntityNo>, D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for ParentsSeed<'_, '_> {
    type Value = Vec<EntityNo>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("parents")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<EntityNo>, A::Error> {
        let mut parents = Vec::new();
        let mut guess = None;
        while let Some(parent) = items.next_element_seed(UidSeed { reader: &mut *self.0, guess })? {
            guess = Some(self.0.batch.uid_type(parent));
            parents.push(parent);
        }
        Ok(parents)
    }
}

// === impl RecordSeed ===

impl<'de> DeserializeSeed<'de> for RecordSeed<'_, '_, '_> {
    type Value = Vec<Option<Loose>>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for RecordSeed<'_, '_, '_> {
    type Value = Vec<Option<Loose>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let Self { reader, fields, depth_left } = self;
        let mut values: Vec<Option<Loose>> = fields.iter().map(|_| None).collect();
        let mut hint = 0;
        while let Some(number) = members.next_key_seed(FieldSeed { fields, hint })? {
            let field = fields.get(number).ok_or_else(unsure)?;
            let seed = ValueSeed { reader: &mut *reader, kind: &field.kind, depth_left };
            let value = members.next_value_seed(seed)?;
            match values.get_mut(number) {
                Some(place) => once(place, value)?,
                None => return Err(unsure()),
            }
            hint = number + 1;
        }
        let mut members = fields.iter().zip(&values);
        if members.any(|(field, value)| field.required && value.is_none()) {
            return Err(unsure());
        }
        Ok(values)
    }
}

// === impl TagsSeed ===

impl<'de> DeserializeSeed<'de> for TagsSeed<'_, '_, '_> {
    type Value = Vec<Tag>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Vec<Tag>, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for TagsSeed<'_, '_, '_> {
    type Value = Vec<Tag>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tags")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Vec<Tag>, A::Error> {
        let Self { reader, kind, depth_left } = self;
        let mut tags: Vec<Tag> = Vec::new();
        let mut names = std::collections::HashSet::new();
        while let Some(name) = members.next_key::<String>()? {
            let kind = kind.ok_or_else(unsure)?;
            let span = reader.batch.string(&reader.mark, &name);
            let seed = ValueSeed { reader: &mut *reader, kind, depth_left };
            tags.push(Tag { name: span, value: members.next_value_seed(seed)? });
            if !names.insert(name) {
                return Err(unsure());
            }
        }
        Ok(tags)
    }
}

// === impl ValueSeed ===

impl<'de> DeserializeSeed<'de> for ValueSeed<'_, '_, '_> {
    type Value = Loose;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Loose, D::Error> {
        match self.kind {
            Kind::Entity(ty) => {
                let ty = *ty;
                let reader = self.reader;
                let uid = UidSeed { reader: &mut *reader, guess: ty }.deserialize(json)?;
                let right = || {
                    let own = reader.batch.uid_type(uid);
                    ty == Some(own) && reader.allows_id(own, uid)
                };
                if reader.judged || right() { Ok(Loose::Entity(uid)) } else { Err(unsure()) }
            }
            _ => json.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_, '_, '_> {
    type Value = Loose;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of the declared type")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Loose, E> {
        match self.kind {
            Kind::Bool => Ok(Loose::Bool(value)),
            _ => Err(unsure()),
        }
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Loose, E> {
        match self.kind {
            Kind::Long => Ok(Loose::Long(value)),
            _ => Err(unsure()),
        }
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Loose, E> {
        self.visit_i64(i64::try_from(value).map_err(|_| unsure())?)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Loose, E> {
        let reader = self.reader;
        match self.kind {
            Kind::String => Ok(Loose::String(reader.batch.string(&reader.mark, value))),
            Kind::Extension(ty) if reader.judged || extension::is_valid(*ty, value) => {
                Ok(Loose::Extension(reader.batch.string(&reader.mark, value), false))
            }
            _ => Err(unsure()),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Loose, A::Error> {
        let Kind::Set(kind) = self.kind else { return Err(unsure()) };
        let depth_left = self.depth_left.checked_sub(1).ok_or_else(unsure)?;
        let reader = self.reader;
        let mut elements = Vec::new();
        while let Some(element) =
            items.next_element_seed(ValueSeed { reader: &mut *reader, kind, depth_left })?
        {
            elements.push(element);
        }
        let (batch, mark) = (&*reader.batch, &reader.mark);
        elements.sort_by(|a, b| batch.compare(mark, a, b));
        elements.dedup_by(|a, b| batch.compare(mark, a, b) == Ordering::Equal);
        Ok(Loose::Set(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Loose, A::Error> {
        let depth_left = self.depth_left.checked_sub(1).ok_or_else(unsure)?;
        match self.kind {
            Kind::Record(fields) => {
                let seed = RecordSeed { reader: self.reader, fields, depth_left };
                seed.visit_map(members).map(Loose::Record)
            }
            Kind::Extension(ty) => self.extension(*ty, members),
            _ => Err(unsure()),
        }
    }
}

impl ValueSeed<'_, '_, '_> {
    /// A call of an extension type's own constructor with one string, escaped or not.
    fn extension<'de, A: MapAccess<'de>>(
        self,
        ty: Extension,
        members: A,
    ) -> Result<Loose, A::Error> {
        let call = extension::CallVisitor.visit_map(members)?;
        let (argument, since_epoch) = call.plain(ty, self.reader.judged).ok_or_else(unsure)?;
        let known = since_epoch || self.reader.judged || extension::is_valid(ty, argument);
        if !known {
            return Err(unsure());
        }
        let span: Span = self.reader.batch.string(&self.reader.mark, argument);
        Ok(Loose::Extension(span, since_epoch))
    }
}

// === impl FieldSeed ===

impl<'de> DeserializeSeed<'de> for FieldSeed<'_> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<usize, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for FieldSeed<'_> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a declared member")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<usize, E> {
        if self.fields.get(self.hint).is_some_and(|field| *field.name == *name) {
            return Ok(self.hint);
        }
        self.fields.binary_search_by(|field| (*field.name).cmp(name)).map_err(|_| unsure())
    }
}
