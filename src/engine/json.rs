//! Strict JSON: what I-JSON (RFC 7493) asks of a text, held at the one place where texts become
//! values. Duplicate members, lone surrogates, bytes that are not UTF-8 and nesting beyond a bound
//! are errors with a place, because a lenient reader beside a strict one is a way round both.

pub(super) mod locate;

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// The deepest nesting of arrays and objects that is read, unless configured otherwise.
pub const DEPTH_MAX: usize = 64;

/// Why a text is not strict JSON, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonError {
    /// One lower-case sentence, input in backticks.
    pub message: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in bytes, from 1.
    pub column: usize,
}

/// Reads exactly one JSON value, refusing duplicate members, lone surrogates, bytes that are not
/// UTF-8, nesting deeper than `depth_max`, and anything after the value.
pub fn parse(text: &[u8], depth_max: usize) -> Result<Value, JsonError> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    // The seed bounds the depth itself, at a lower number than serde_json would.
    let value = Strict { depth_left: depth_max }
        .deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value));
    value.map_err(|error| JsonError::from_serde(&error))
}

/// Reads one value as [`parse`] does, as a part of a larger text.
#[derive(Debug)]
pub struct Strict {
    /// How many more levels of arrays and objects may open.
    depth_left: usize,
}

// === impl JsonError ===

impl JsonError {
    fn from_serde(error: &serde_json::Error) -> Self {
        let text = error.to_string();
        let at = text.rfind(" at line ").unwrap_or(text.len());
        let message = text.get(..at).unwrap_or(&text).to_owned();
        let message = if error.is_eof() { "the text ends too early".to_owned() } else { message };
        Self { message, line: error.line().max(1), column: error.column().max(1) }
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (line {}, column {})", self.message, self.line, self.column)
    }
}

impl std::error::Error for JsonError {}

// === impl Strict ===

impl Strict {
    /// A reader of one value that nests no deeper than `depth_max`.
    pub fn new(depth_max: usize) -> Self {
        Self { depth_left: depth_max }
    }

    fn inner<E: de::Error>(&self) -> Result<Self, E> {
        match self.depth_left.checked_sub(1) {
            Some(depth_left) => Ok(Self { depth_left }),
            None => Err(E::custom("arrays and objects are nested too deep")),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.inner()?.depth_left;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Self { depth_left: inner })? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.inner()?.depth_left;
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(Self { depth_left: inner })?;
            if object.contains_key(&name) {
                let shown: String = name.chars().take(100).collect();
                return Err(de::Error::custom(format_args!("the member `{shown}` occurs twice")));
            }
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}
