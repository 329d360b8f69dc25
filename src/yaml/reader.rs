//! Reads nodes as what they should be, and gathers what they are not.

use super::{Kind, Node, Source};
use crate::engine::{Problem, Problems};

/// Reads, and gathers problems.
#[derive(Debug)]
pub struct Reader<'a> {
    source: Source<'a>,
    /// The code of what is wrong.
    code: &'static str,
    problems: Problems,
}

// === impl Reader ===

impl<'a> Reader<'a> {
    /// Reads a document; what is wrong with it has this code.
    pub fn new(source: Source<'a>, code: &'static str) -> Self {
        Self { source, code, problems: Problems::default() }
    }

    /// The document.
    pub fn source(&self) -> Source<'a> {
        self.source
    }

    /// What was read, if nothing is wrong with it.
    pub fn finish<T>(self, value: T) -> Result<T, Problems> {
        if self.problems.refuses() { Err(self.problems) } else { Ok(value) }
    }

    /// Adds a problem.
    pub fn push(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Something is wrong at a node.
    pub fn fail(&mut self, node: &Node, message: impl Into<String>) {
        self.problems.push(self.source.error(self.code, node, message));
    }

    /// Something is wrong at a node, and this is what to do about it.
    pub fn fail_with_hint(
        &mut self,
        node: &Node,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.problems.push(self.source.error(self.code, node, message).hint(hint));
    }

    /// Whether the node is a mapping; keys that are not known are told.
    pub fn keys(&mut self, node: &Node, what: &str, known: &[&str]) -> bool {
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
    pub fn members<'n>(&mut self, node: &'n Node) -> &'n [(Node, Node)] {
        if let Kind::Map(members) = &node.kind {
            return members;
        }
        self.fail(node, format!("expected keys with values, found {}", node.what()));
        &[]
    }

    /// The items of a list; none where there is no node.
    pub fn list<'n>(&mut self, node: Option<&'n Node>) -> &'n [Node] {
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
    pub fn texts<'n>(&mut self, node: Option<&'n Node>) -> Vec<&'n Node> {
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
    pub fn text<'n>(&mut self, node: Option<&'n Node>) -> Option<&'n str> {
        let node = node?;
        if node.text().is_none() {
            self.fail(node, format!("expected a text, found {}", node.what()));
        }
        node.text()
    }

    /// `true` or `false`.
    pub fn boolean(&mut self, node: Option<&Node>) -> Option<bool> {
        match node? {
            Node { kind: Kind::Bool(value), .. } => Some(*value),
            other => {
                self.fail(other, format!("expected `true` or `false`, found {}", other.what()));
                None
            }
        }
    }

    /// One of a few words.
    pub fn word<T: Copy>(&mut self, node: Option<&Node>, words: &[(&str, T)]) -> Option<T> {
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
