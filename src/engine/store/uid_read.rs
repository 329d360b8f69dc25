//! Uids and names in JSON, read without copying: an id goes straight to where the batch keeps it, a
//! type's name becomes its number.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};

use super::judge::Rules;
use super::pack::Batch;
use super::read::Reader;
use super::{EntityNo, TypeNo};

/// A uid: `{"type", "id"}`, or that inside `{"__entity": …}`.
pub(super) struct UidSeed<'r, 'a> {
    pub(super) reader: &'r mut Reader<'a>,
    /// The type that it probably has.
    pub(super) guess: Option<TypeNo>,
}

/// A string that is put at the end of the uids' text; the result is where it begins.
struct IdSeed<'r>(&'r mut Batch);

/// The name of a type.
struct TypeSeed<'r, 'a> {
    rules: &'r Rules<'a>,
    guess: Option<TypeNo>,
}

/// A member's name, as its number among some.
pub(super) struct NameSeed<'n>(pub(super) &'n [&'n str]);

/// What the error says that only means: ask Cedar.
pub(super) fn unsure<E: Error>() -> E {
    E::custom("not of the plain form")
}

/// Sets a member that may be there once.
pub(super) fn once<T, E: Error>(place: &mut Option<T>, value: T) -> Result<(), E> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(unsure()),
    }
}

// === impl UidSeed ===

impl<'de> DeserializeSeed<'de> for UidSeed<'_, '_> {
    type Value = EntityNo;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<EntityNo, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for UidSeed<'_, '_> {
    type Value = EntityNo;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a uid")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<EntityNo, A::Error> {
        let Self { reader, guess } = self;
        let (mut ty, mut start, mut whole) = (None, None, None);
        while let Some(name) = members.next_key_seed(NameSeed(&["type", "id", "__entity"]))? {
            match name {
                0 => {
                    let seed = TypeSeed { rules: reader.rules, guess };
                    once(&mut ty, members.next_value_seed(seed)?)?;
                }
                1 => once(&mut start, members.next_value_seed(IdSeed(&mut *reader.batch))?)?,
                _ => {
                    let seed = InnerUid(UidSeed { reader: &mut *reader, guess });
                    once(&mut whole, members.next_value_seed(seed)?)?;
                }
            }
        }
        match (ty, start, whole) {
            (Some(ty), Some(start), None) => Ok(reader.batch.uid_at(ty, start)),
            (None, None, Some(whole)) => Ok(whole),
            _ => Err(unsure()),
        }
    }
}

/// A uid inside `{"__entity": …}`, where no other such may stand.
struct InnerUid<'r, 'a>(UidSeed<'r, 'a>);

impl<'de> DeserializeSeed<'de> for InnerUid<'_, '_> {
    type Value = EntityNo;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<EntityNo, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for InnerUid<'_, '_> {
    type Value = EntityNo;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a type and an id")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<EntityNo, A::Error> {
        let UidSeed { reader, guess } = self.0;
        let (mut ty, mut start) = (None, None);
        while let Some(name) = members.next_key_seed(NameSeed(&["type", "id"]))? {
            if name == 0 {
                let seed = TypeSeed { rules: reader.rules, guess };
                once(&mut ty, members.next_value_seed(seed)?)?;
            } else {
                once(&mut start, members.next_value_seed(IdSeed(&mut *reader.batch))?)?;
            }
        }
        match (ty, start) {
            (Some(ty), Some(start)) => Ok(reader.batch.uid_at(ty, start)),
            _ => Err(unsure()),
        }
    }
}

// === impl IdSeed, TypeSeed, NameSeed ===

impl<'de> DeserializeSeed<'de> for IdSeed<'_> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<usize, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for IdSeed<'_> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id")
    }

    fn visit_str<E: Error>(self, id: &str) -> Result<usize, E> {
        let text = self.0.uid_text();
        let start = text.len();
        text.push_str(id);
        Ok(start)
    }
}

impl<'de> DeserializeSeed<'de> for TypeSeed<'_, '_> {
    type Value = TypeNo;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<TypeNo, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for TypeSeed<'_, '_> {
    type Value = TypeNo;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of an entity type")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<TypeNo, E> {
        let shapes = &self.rules.shapes;
        let guess =
            self.guess.filter(|ty| shapes.shape(*ty).is_some_and(|shape| *shape.name == *name));
        guess.or_else(|| shapes.type_no(name)).ok_or_else(unsure)
    }
}

impl<'de> DeserializeSeed<'de> for NameSeed<'_> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<usize, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for NameSeed<'_> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<usize, E> {
        self.0.iter().position(|known| *known == name).ok_or_else(unsure)
    }
}
