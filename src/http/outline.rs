//! Large bodies, read without building them. A tree of values takes up to eighty bytes for each
//! two bytes of text, so a body of a few megabytes could take all the memory there is. A batch or
//! a bundle is therefore scanned whole first, as strictly as any JSON here, then cut into the texts
//! of its parts, and only one small part at a time becomes values.

use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasher as _, RandomState};

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::problem::{Kind, Problem};

/// The texts of those members of a body that are known.
#[derive(Debug)]
pub(super) struct Outline<'a> {
    members: Vec<(&'static str, &'a RawValue)>,
    unknown: Option<String>,
}

/// The parts of an array or an object: their texts, or how many there are if they are too many.
pub(super) type Parts<T> = Result<Vec<T>, usize>;

// === impl Outline ===

impl<'a> Outline<'a> {
    /// Scans a body, which must be an object, and finds the members that are known.
    pub(super) fn read(
        text: &'a [u8],
        depth_max: usize,
        known: &'static [&'static str],
    ) -> Result<Self, Problem> {
        refuse_empty(text)?;
        scan(text, depth_max).map_err(|error| Problem::invalid_json(&error))?;
        if text.trim_ascii_start().first() != Some(&b'{') {
            return Err(not_an_object());
        }
        let mut reader = serde_json::Deserializer::from_slice(text);
        let found = reader.deserialize_map(KnownMembers(known));
        found.map_err(|error| Problem::invalid_json(&error))
    }

    /// Takes a member out.
    pub(super) fn take(&mut self, name: &str) -> Option<&'a RawValue> {
        let at = self.members.iter().position(|(known, _)| *known == name)?;
        Some(self.members.swap_remove(at).1)
    }

    /// Refuses a body that has members that are not known.
    pub(super) fn refuse_unknown(&self, of: &str) -> Result<(), Problem> {
        match &self.unknown {
            None => Ok(()),
            Some(name) => Err(Problem::unknown_member(name, of)),
        }
    }
}

/// Refuses a body that is not there at all, in words that say so.
pub(super) fn refuse_empty(text: &[u8]) -> Result<(), Problem> {
    if text.trim_ascii().is_empty() {
        return Err(Problem::new(Kind::InvalidJson, "the body is empty; it must be a JSON object"));
    }
    Ok(())
}

pub(super) fn not_an_object() -> Problem {
    Problem::new(Kind::InvalidMember, "the body must be a JSON object")
}

/// The items of an array, if it is one.
pub(super) fn items(text: &RawValue, most: usize) -> Option<Parts<&RawValue>> {
    let mut reader = serde_json::Deserializer::from_str(text.get());
    let is_array = text.get().starts_with('[');
    is_array.then(|| reader.deserialize_seq(Items { most }).unwrap_or_else(|_| Ok(Vec::new())))
}

/// The members of an object, if it is one.
pub(super) fn members(text: &RawValue, most: usize) -> Option<Parts<(String, &RawValue)>> {
    let mut reader = serde_json::Deserializer::from_str(text.get());
    let is_object = text.get().starts_with('{');
    is_object.then(|| reader.deserialize_map(Members { most }).unwrap_or_else(|_| Ok(Vec::new())))
}

/// The value of a part of a text that was scanned.
pub(super) fn value(text: &RawValue) -> Result<Value, Problem> {
    serde_json::from_str(text.get()).map_err(|error| Problem::invalid_json(&error))
}

/// Reads a text as strictly as [`json::parse`](crate::engine::json::parse), and keeps nothing.
fn scan(text: &[u8], depth_max: usize) -> Result<(), serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let hasher = RandomState::new();
    Scan { depth_left: depth_max, hasher: &hasher }.deserialize(&mut reader)?;
    reader.end()
}

/// Reads one value and keeps nothing; `depth_left` more levels may open.
#[derive(Clone, Copy)]
struct Scan<'s> {
    depth_left: usize,
    hasher: &'s RandomState,
}

/// Reads the name of a member. Names are remembered by keyed hashes of 64 bits: of a million
/// names in one object, two are taken for one about once in forty million objects.
struct Name<'n> {
    seen: &'n mut HashSet<u64>,
    hasher: &'n RandomState,
}

struct KnownMembers(&'static [&'static str]);

struct Items {
    most: usize,
}

struct Members {
    most: usize,
}

// === impl Scan ===

impl Scan<'_> {
    fn inner<E: de::Error>(self) -> Result<Self, E> {
        match self.depth_left.checked_sub(1) {
            Some(depth_left) => Ok(Self { depth_left, ..self }),
            None => Err(E::custom("arrays and objects are nested too deep")),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Scan<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Scan<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let inner = self.inner()?;
        while items.next_element_seed(inner)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let inner = self.inner()?;
        let mut seen = HashSet::new();
        while members.next_key_seed(Name { seen: &mut seen, hasher: self.hasher })?.is_some() {
            members.next_value_seed(inner)?;
        }
        Ok(())
    }
}

// === impl Name ===

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<(), E> {
        if self.seen.insert(self.hasher.hash_one(name)) {
            return Ok(());
        }
        let shown: String = name.chars().take(100).collect();
        Err(E::custom(format_args!("the member `{shown}` occurs twice")))
    }
}

// === impl KnownMembers ===

impl<'de> Visitor<'de> for KnownMembers {
    type Value = Outline<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut given: A) -> Result<Outline<'de>, A::Error> {
        let mut outline = Outline { members: Vec::new(), unknown: None };
        while let Some(name) = given.next_key::<String>()? {
            if let Some(known) = self.0.iter().find(|known| **known == name) {
                outline.members.push((known, given.next_value()?));
            } else {
                given.next_value::<IgnoredAny>()?;
                outline.unknown.get_or_insert(name);
            }
        }
        Ok(outline)
    }
}

// === impl Items ===

impl<'de> Visitor<'de> for Items {
    type Value = Parts<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut given: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while items.len() < self.most {
            match given.next_element()? {
                Some(item) => items.push(item),
                None => return Ok(Ok(items)),
            }
        }
        let mut count = items.len();
        while given.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok(if count > self.most { Err(count) } else { Ok(items) })
    }
}

// === impl Members ===

impl<'de> Visitor<'de> for Members {
    type Value = Parts<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut given: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while members.len() < self.most {
            match given.next_entry()? {
                Some(member) => members.push(member),
                None => return Ok(Ok(members)),
            }
        }
        let mut count = members.len();
        while given.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok(if count > self.most { Err(count) } else { Ok(members) })
    }
}

#[cfg(test)]
mod tests;
