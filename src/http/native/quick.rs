//! The usual form of a check, read in one pass that borrows from the body and builds no tree.
//!
//! It takes a part of what [`Check`](super::request::Check) reads and gives the same for it;
//! whatever it does not take is read again by the reader that knows how to say what is wrong.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};

use super::request::{ACTION_TYPE, Check, Uid};
use crate::engine::json::Strict;

/// Reads a check without `at_least`, whose uids are objects or whose action is a plain name. `None`
/// says nothing of the text but that it has to be read in full.
pub(super) fn read(text: &[u8], depth_max: usize) -> Option<Check<'_>> {
    // The body and a uid in it are two levels.
    let context_depth = depth_max.checked_sub(1).filter(|inner| *inner > 0)?;
    let mut reader = serde_json::Deserializer::from_slice(text);
    let check = reader.deserialize_map(Body { context_depth }).ok()?;
    reader.end().ok()?;
    check
}

struct Body {
    context_depth: usize,
}

struct Name;

struct UidObject;

struct Action;

impl<'de> Visitor<'de> for Body {
    type Value = Option<Check<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a check")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let (mut principal, mut action, mut resource) = (None, None, None);
        let (mut context, mut explain) = (None, None);
        while let Some(name) = members.next_key_seed(Name)? {
            let again = match name {
                "principal" => principal.replace(members.next_value_seed(UidObject)?).is_some(),
                "action" => action.replace(members.next_value_seed(Action)?).is_some(),
                "resource" => resource.replace(members.next_value_seed(UidObject)?).is_some(),
                "context" => {
                    let value = members.next_value_seed(Strict::new(self.context_depth))?;
                    let Value::Object(members) = value else { return Err(in_full()) };
                    context.replace(members).is_some()
                }
                "explain" => explain.replace(members.next_value()?).is_some(),
                _ => return Err(in_full()),
            };
            if again {
                return Err(in_full());
            }
        }
        let (Some(principal), Some(action), Some(resource)) = (principal, action, resource) else {
            return Err(in_full());
        };
        let context = context.unwrap_or_else(Map::new);
        Ok(Some(Check { principal, action, resource, context, explain: explain.unwrap_or(false) }))
    }
}

/// The error that sends a text to the other reader; nobody sees it.
fn in_full<E: de::Error>() -> E {
    E::custom("to be read in full")
}

// === impl Name ===

impl<'de> DeserializeSeed<'de> for Name {
    type Value = &'de str;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<&'de str, D::Error> {
        reader.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = &'de str;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string without escapes")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<&'de str, E> {
        Ok(text)
    }
}

// === impl UidObject ===

impl<'de> DeserializeSeed<'de> for UidObject {
    type Value = Uid<'de>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Uid<'de>, D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for UidObject {
    type Value = Uid<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a uid")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Uid<'de>, A::Error> {
        let (mut type_name, mut id) = (None, None);
        while let Some(name) = members.next_key_seed(Name)? {
            let again = match name {
                "type" => type_name.replace(members.next_value_seed(Name)?).is_some(),
                "id" => id.replace(members.next_value_seed(Name)?).is_some(),
                _ => true,
            };
            if again {
                return Err(in_full());
            }
        }
        let (Some(type_name), Some(id)) = (type_name, id) else { return Err(in_full()) };
        Ok(Uid { type_name: Cow::Borrowed(type_name), id: Cow::Borrowed(id) })
    }
}

// === impl Action ===

impl<'de> DeserializeSeed<'de> for Action {
    type Value = Uid<'de>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Uid<'de>, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Action {
    type Value = Uid<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an action")
    }

    fn visit_borrowed_str<E: de::Error>(self, name: &'de str) -> Result<Uid<'de>, E> {
        // It may be a uid in Cedar text.
        if name.ends_with('"') {
            return Err(in_full());
        }
        Ok(Uid { type_name: Cow::Borrowed(ACTION_TYPE), id: Cow::Borrowed(name) })
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Uid<'de>, A::Error> {
        UidObject.visit_map(members)
    }
}

#[cfg(test)]
mod tests;
