//! Reads nodes as what they should be, and gathers what they are not.

use super::super::yaml::{Kind, Node, Source};
use crate::engine::{Problem, Problems};

/// The code of what is wrong with a route file.
const CODE: &str = "routes";

/// Reads, and gathers problems.
#[derive(Debug)]
pub(in crate::mapping) struct Reader<'a> {
    source: Source<'a>,
    problems: Problems,
}

// === impl Reader ===

impl<'a> Reader<'a> {
    pub(in crate::mapping) fn new(source: Source<'a>) -> Self {
        Self { source, problems: Problems::default() }
    }

    pub(in crate::mapping) fn source(&self) -> Source<'a> {
        self.source
    }

    /// What was read, if nothing is wrong with it.
    pub(in crate::mapping) fn finish<T>(self, value: T) -> Result<T, Problems> {
        if self.problems.refuses() { Err(self.problems) } else { Ok(value) }
    }

    pub(in crate::mapping) fn push(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Something is wrong at a node.
    pub(in crate::mapping) fn fail(&mut self, node: &Node, message: impl Into<String>) {
        self.problems.push(self.source.error(CODE, node, message));
    }

    pub(in crate::mapping) fn fail_with_hint(
        &mut self,
        node: &Node,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.problems.push(self.source.error(CODE, node, message).hint(hint));
    }

    /// Whether the node is a mapping; keys that are not known are told.
    pub(in crate::mapping) fn keys(&mut self, node: &Node, what: &str, known: &[&str]) -> bool {
        let Kind::Map(members) = &node.kind else {
            self.fail(node, format!("{what} is made of keys with values, not of {}", node.what()));
            return false;
        };
        for (key, _) in members {
            let name = key.text().unwrap_or_default();
            if !known.contains(&name) {
                self.fail_with_hint(key, format!("unknown key `{name}`"), hint(name, known));
            }
        }
        true
    }

    /// The members of a mapping.
    pub(in crate::mapping) fn members<'n>(&mut self, node: &'n Node) -> &'n [(Node, Node)] {
        if let Kind::Map(members) = &node.kind {
            return members;
        }
        self.fail(node, format!("expected keys with values, found {}", node.what()));
        &[]
    }

    /// The items of a list; none where there is no node.
    pub(in crate::mapping) fn list<'n>(&mut self, node: Option<&'n Node>) -> &'n [Node] {
        match node {
            None => &[],
            Some(Node { kind: Kind::List(items), .. }) => items,
            Some(other) => {
                self.fail(other, format!("expected a list, found {}", other.what()));
                &[]
            }
        }
    }

    /// The items of a list of texts; those that are none are told.
    pub(in crate::mapping) fn texts<'n>(&mut self, node: Option<&'n Node>) -> Vec<&'n Node> {
        let mut texts = Vec::new();
        for item in self.list(node) {
            match item.text() {
                Some(_) => texts.push(item),
                None => self.fail(item, format!("expected a text, found {}", item.what())),
            }
        }
        texts
    }

    /// A text.
    pub(in crate::mapping) fn text<'n>(&mut self, node: Option<&'n Node>) -> Option<&'n str> {
        let node = node?;
        if node.text().is_none() {
            self.fail(node, format!("expected a text, found {}", node.what()));
        }
        node.text()
    }

    /// `true` or `false`.
    pub(in crate::mapping) fn boolean(&mut self, node: Option<&Node>) -> Option<bool> {
        match node? {
            Node { kind: Kind::Bool(value), .. } => Some(*value),
            other => {
                self.fail(other, format!("expected `true` or `false`, found {}", other.what()));
                None
            }
        }
    }

    /// One of a few words.
    pub(in crate::mapping) fn word<T: Copy>(
        &mut self,
        node: Option<&Node>,
        words: &[(&str, T)],
    ) -> Option<T> {
        let node = node?;
        let found = words.iter().find(|(word, _)| node.text() == Some(*word));
        if found.is_none() {
            let known: Vec<_> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
            let given = node.text().map_or(node.what().to_owned(), |text| format!("`{text}`"));
            self.fail(node, format!("expected {}, found {given}", known.join(" or ")));
        }
        found.map(|(_, value)| *value)
    }
}

/// What may have been meant.
fn hint(name: &str, known: &[&str]) -> String {
    let alike = |word: &&&str| {
        let word = **word;
        word.starts_with(name) && !name.is_empty()
            || name.starts_with(word)
            || word.len() == name.len()
                && word.bytes().zip(name.bytes()).filter(|(one, two)| one != two).count() <= 2
    };
    match known.iter().find(alike) {
        Some(word) => format!("did you mean `{word}`?"),
        None => format!("known here: `{}`", known.join("`, `")),
    }
}
