//! YAML as a tree whose every node knows where it stands, so that all that is wrong with a file that
//! people write is told at once, each fault with its line. Size, depth and aliases are bounded.
//! [`Reader`] reads the nodes of such a tree as what they should be.

mod reader;

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::{Error as YamlError, Spanned};

pub use reader::Reader;

use crate::engine::{Place, Problem};

/// The most nodes of a document: the routes of a large platform with all that belongs to them.
const NODES_MAX: usize = 1_000_000;
/// The deepest nesting.
const DEPTH_MAX: usize = 64;

/// A value and where it stands.
#[derive(Debug, Clone)]
pub struct Node {
    /// The line, from 1; 0 where it is not known.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    pub kind: Kind,
}

/// What a node is.
#[derive(Debug, Clone)]
pub enum Kind {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    /// Members in the order in which they are written; each key is a text.
    Map(Vec<(Node, Node)>),
}

/// A document's name and text, to quote from.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    pub name: &'a str,
    pub text: &'a str,
}

// === impl Node ===

impl Node {
    /// The text of a text.
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The member of a mapping.
    pub fn get(&self, key: &str) -> Option<&Node> {
        match &self.kind {
            Kind::Map(members) => {
                members.iter().find(|(name, _)| name.text() == Some(key)).map(|(_, node)| node)
            }
            _ => None,
        }
    }

    /// What it is, for people.
    pub fn what(&self) -> &'static str {
        match self.kind {
            Kind::Null => "nothing",
            Kind::Bool(_) => "a boolean",
            Kind::Number(_) => "a number",
            Kind::Text(_) => "a text",
            Kind::List(_) => "a list",
            Kind::Map(_) => "keys with values",
        }
    }

    /// The same as JSON.
    pub fn to_json(&self) -> Value {
        match &self.kind {
            Kind::Null => Value::Null,
            Kind::Bool(value) => Value::Bool(*value),
            Kind::Number(number) => Value::Number(number.clone()),
            Kind::Text(text) => Value::String(text.clone()),
            Kind::List(items) => Value::Array(items.iter().map(Self::to_json).collect()),
            Kind::Map(members) => {
                let member = |(key, value): &(Node, Node)| {
                    (key.text().unwrap_or_default().to_owned(), value.to_json())
                };
                Value::Object(members.iter().map(member).collect::<Map<_, _>>())
            }
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Kind>::deserialize(deserializer)?;
        let number = |number: u64| usize::try_from(number).unwrap_or(0);
        let at = spanned.referenced;
        Ok(Self { line: number(at.line()), column: number(at.column()), kind: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KindVisitor)
    }
}

struct KindVisitor;

impl<'de> Visitor<'de> for KindVisitor {
    type Value = Kind;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Kind, E> {
        Ok(Kind::Null)
    }

    fn visit_none<E>(self) -> Result<Kind, E> {
        Ok(Kind::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Kind, E> {
        Ok(Kind::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Kind, E> {
        Ok(Kind::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Kind, E> {
        Ok(Kind::Number(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Kind, E> {
        let number = Number::from_f64(value);
        number.map(Kind::Number).ok_or_else(|| E::custom("a number that is not finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Kind, E> {
        Ok(Kind::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Kind, E> {
        Ok(Kind::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Kind, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element::<Node>()? {
            list.push(item);
        }
        Ok(Kind::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Kind, A::Error> {
        let mut map = Vec::new();
        while let Some(key) = members.next_key::<Spanned<String>>()? {
            let number = |number: u64| usize::try_from(number).unwrap_or(0);
            let (line, column) = (number(key.referenced.line()), number(key.referenced.column()));
            let value = members.next_value::<Node>()?;
            map.push((Node { line, column, kind: Kind::Text(key.value) }, value));
        }
        Ok(Kind::Map(map))
    }
}

/// Reads a document; JSON is YAML too. A text of comments alone is nothing.
///
/// # Errors
/// What keeps it from being read, under `code` and with its line.
pub fn parse(source: Source<'_>, code: &'static str, bytes_max: usize) -> Result<Node, Problem> {
    let whole = || Place::whole(source.name);
    if source.text.len() > bytes_max {
        let message = format!("the file has more than {} KiB", bytes_max >> 10);
        return Err(Problem::error(code, message).at(whole()));
    }
    let is_comment = |line: &str| line.trim().is_empty() || line.trim().starts_with('#');
    if source.text.lines().all(is_comment) {
        return Ok(Node { line: 0, column: 0, kind: Kind::Null });
    }
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_nodes: NODES_MAX, max_depth: DEPTH_MAX },
        strict_booleans: true,
        with_snippet: false,
    };
    let text = without_comments(source.text);
    serde_saphyr::from_str_with_options(&text, options).map_err(|error| {
        let error = error.without_snippet();
        let problem = Problem::error(code, message(error));
        let (line, column) = error.location().map_or((0, 0), |at| (at.line(), at.column()));
        problem.at(source.place(
            usize::try_from(line).unwrap_or(0),
            usize::try_from(column).unwrap_or(0),
            1,
        ))
    })
}

/// The text with lines that are comments emptied: the reader bounds how many it looks past, and an
/// imported file has hundreds. Where a block of text could hold such a line, nothing is changed.
fn without_comments(text: &str) -> Cow<'_, str> {
    let opens_block = |line: &str| line.trim_end().ends_with(['|', '>', '-', '+']);
    if text.lines().any(|line| !line.trim_start().starts_with('#') && opens_block(line)) {
        return Cow::Borrowed(text);
    }
    let keep = |line: &str| !line.trim_start().starts_with('#');
    let lines = text.split('\n').map(|line| if keep(line) { line } else { "" });
    Cow::Owned(lines.collect::<Vec<_>>().join("\n"))
}

fn message(error: &YamlError) -> String {
    match error {
        YamlError::DuplicateMappingKey { key: Some(key), .. } => {
            format!("the key `{key}` stands here for the second time")
        }
        YamlError::Message { msg, .. } => msg.clone(),
        YamlError::Budget { .. } => "the file is too large or nested too deep".to_owned(),
        other => {
            let text = other.to_string();
            let line = text.lines().next().unwrap_or_default();
            let line = line.split(" at line ").next().unwrap_or(line).trim_end_matches('.');
            let mut chars = line.chars();
            match chars.next() {
                Some(first) => first.to_lowercase().chain(chars).collect(),
                None => "the file is not YAML".to_owned(),
            }
        }
    }
}

// === impl Source ===

impl Source<'_> {
    /// The place of a node: its text where it is a text, one character otherwise.
    pub fn of(&self, node: &Node) -> Place {
        let width = node.text().map_or(1, |text| text.chars().count().max(1));
        self.place(node.line, node.column, width)
    }

    fn place(&self, line: usize, column: usize, width: usize) -> Place {
        let Some(whole) = line.checked_sub(1).and_then(|line| self.text.lines().nth(line)) else {
            return Place::whole(self.name);
        };
        let mut offsets = whole.char_indices().map(|(at, _)| at).skip(column.saturating_sub(1));
        let offset = offsets.next().unwrap_or(whole.len());
        // A quoted text begins behind its quote.
        let quote = whole.get(offset..).is_some_and(|rest| rest.starts_with(['"', '\'']));
        let offset = offset + usize::from(quote);
        let end = whole
            .char_indices()
            .map(|(at, _)| at)
            .find(|at| whole.get(offset..*at).is_some_and(|part| part.chars().count() >= width));
        let length = end.unwrap_or(whole.len()).saturating_sub(offset);
        Place::in_line(self.name, line, whole, offset, length)
    }

    /// An error at a node.
    pub fn error(&self, code: &'static str, node: &Node, message: impl Into<String>) -> Problem {
        Problem::error(code, message).at(self.of(node))
    }
}
