//! `routes.yaml` as it is written: read key by key, everything that is wrong told at once with its
//! line. What the words mean in a schema is seen later, in `compile`.

mod entry;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::pattern::Pattern;
use super::{FILE_BYTES_MAX, ROUTES_MAX, host};
use crate::engine::{Place, Problem, Problems, Text};
use crate::yaml::{self, Kind, Node, Reader, Source};
pub(super) use entry::{Asked, Entry};

/// The code of what is wrong with a route file.
pub(super) const CODE: &str = "routes";
/// The code of a route file, or of an import, that is not YAML.
pub(super) const YAML_CODE: &str = "routes-yaml";

/// What happens to a CORS preflight.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Preflight {
    /// It is allowed where some route is for its path: it carries no credentials.
    #[default]
    AllowCors,
    /// It is a request like any other.
    Deny,
}

/// A route file, read and not yet compiled.
#[derive(Debug, Clone)]
pub struct RouteFile {
    /// The entries under `identity`, as they stand there.
    pub identity: Vec<Value>,
    /// Where each of them stands.
    pub identity_places: Vec<Place>,
    /// What happens to a CORS preflight.
    pub preflight: Preflight,
    /// Whether a HEAD without a route of its own takes the route of GET.
    pub head_as_get: bool,
    /// Whether several slashes in a row count as one.
    pub merge_slashes: bool,
    pub(super) hosts: Vec<String>,
    pub(super) routes: Vec<Entry>,
    pub(super) types: BTreeMap<String, Vec<(String, Node)>>,
    name: String,
    text: Arc<str>,
}

// === impl RouteFile ===

impl RouteFile {
    /// Reads a route file.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its place.
    pub fn parse(text: &Text) -> Result<Self, Problems> {
        let source = Source { name: &text.name, text: &text.text };
        let root = yaml::parse(source, YAML_CODE, FILE_BYTES_MAX)?;
        let mut reader = Reader::new(source, CODE);
        let mut file = Self {
            identity: Vec::new(),
            identity_places: Vec::new(),
            preflight: Preflight::default(),
            head_as_get: false,
            merge_slashes: false,
            hosts: Vec::new(),
            routes: Vec::new(),
            types: BTreeMap::new(),
            name: text.name.clone(),
            text: Arc::clone(&text.text),
        };
        file.read(&root, &mut reader);
        reader.finish(file)
    }

    /// How many routes it has.
    pub fn len(&self) -> usize {
        self.routes.len()
    }

    /// Whether it has no route, so that everything is denied.
    pub fn is_empty(&self) -> bool {
        self.routes.is_empty()
    }

    /// The name and text, to quote from.
    pub(super) fn source(&self) -> Source<'_> {
        Source { name: &self.name, text: &self.text }
    }

    fn read(&mut self, root: &Node, reader: &mut Reader<'_>) {
        const KEYS: &[&str] =
            &["version", "identity", "hosts", "defaults", "captures", "types", "routes"];
        if matches!(root.kind, Kind::Null) {
            let name = reader.source().name;
            reader.push(
                Problem::error("routes", "the file is empty")
                    .at(Place::whole(name))
                    .hint("it begins with `version: 1`, and has `routes: []` at least"),
            );
            return;
        }
        if !reader.keys(root, "a route file", KEYS) {
            return;
        }
        match root.get("version") {
            Some(Node { kind: Kind::Number(number), .. }) if number.as_u64() == Some(1) => {}
            Some(other) => reader.fail(other, "`version` is 1; no other is known"),
            None => reader.fail(root, "`version: 1` is missing"),
        }
        for entry in reader.list(root.get("identity")) {
            if matches!(entry.kind, Kind::Map(_)) {
                self.identity.push(entry.to_json());
                self.identity_places.push(reader.source().of(entry));
            } else {
                reader.fail(entry, format!("expected keys with values, found {}", entry.what()));
            }
        }
        self.hosts = hosts(root.get("hosts"), reader);
        self.read_defaults(root.get("defaults"), reader);
        self.read_types(root.get("types"), reader);
        let captures = patterns(root.get("captures"), reader);
        let Some(routes) = root.get("routes") else {
            reader.fail(root, "`routes` is missing");
            return;
        };
        for (number, route) in reader.list(Some(routes)).iter().enumerate() {
            if number >= ROUTES_MAX {
                reader.fail(route, format!("there are more than {ROUTES_MAX} routes"));
                return;
            }
            self.routes.extend(Entry::read(route, &captures, &self.hosts, reader));
        }
    }

    fn read_defaults(&mut self, node: Option<&Node>, reader: &mut Reader<'_>) {
        const KEYS: &[&str] = &["unmatched", "path", "preflight", "head", "merge_slashes"];
        let Some(node) = node else { return };
        if !reader.keys(node, "`defaults`", KEYS) {
            return;
        }
        reader.word(node.get("unmatched"), &[("deny", ())]);
        reader.word(node.get("path"), &[("strict", ())]);
        let preflight = [("allow_cors", Preflight::AllowCors), ("deny", Preflight::Deny)];
        self.preflight = reader.word(node.get("preflight"), &preflight).unwrap_or_default();
        let head = [("deny", false), ("as_get", true)];
        self.head_as_get = reader.word(node.get("head"), &head).unwrap_or_default();
        self.merge_slashes = reader.boolean(node.get("merge_slashes")).unwrap_or_default();
    }

    fn read_types(&mut self, node: Option<&Node>, reader: &mut Reader<'_>) {
        let Some(node) = node else { return };
        for (name, table) in reader.members(node) {
            let words = type_table(table, reader);
            self.types.insert(name.text().unwrap_or_default().to_owned(), words);
        }
    }
}

/// A table from the words of a path to the names of types: one, or a list of which the snapshot
/// knows the one.
pub(super) fn type_table(node: &Node, reader: &mut Reader<'_>) -> Vec<(String, Node)> {
    let mut table = Vec::new();
    for (word, name) in reader.members(node) {
        if !matches!(name.kind, Kind::Text(_) | Kind::List(_)) {
            reader.fail(name, format!("expected the name of a type, found {}", name.what()));
            continue;
        }
        table.push((word.text().unwrap_or_default().to_owned(), name.clone()));
    }
    table
}

/// Hosts, in the form in which they are compared.
fn hosts(node: Option<&Node>, reader: &mut Reader<'_>) -> Vec<String> {
    let mut hosts: Vec<String> = Vec::new();
    for host in reader.texts(node) {
        match host::read(host.text().unwrap_or_default()) {
            Ok(name) if hosts.iter().any(|it| *it == name) => {
                reader.fail(host, format!("the host `{name}` stands here twice"));
            }
            Ok(name) => hosts.push(name.into_owned()),
            Err(_) => {
                let text = host.text().unwrap_or_default();
                reader.fail(host, format!("`{text}` is no host name or address"));
            }
        }
    }
    hosts
}

/// The forms of captures, by name.
pub(super) fn patterns(node: Option<&Node>, reader: &mut Reader<'_>) -> Vec<(String, Pattern)> {
    let mut patterns = Vec::new();
    for (name, form) in node.map(|node| reader.members(node)).unwrap_or_default() {
        if let Some(pattern) = pattern(form, reader) {
            patterns.push((name.text().unwrap_or_default().to_owned(), pattern));
        }
    }
    patterns
}

fn pattern(form: &Node, reader: &mut Reader<'_>) -> Option<Pattern> {
    match &form.kind {
        Kind::Text(text) => {
            let pattern = Pattern::named(text);
            if pattern.is_none() {
                let names = super::pattern::NAMES;
                reader.fail(form, format!("`{text}` is no form of a capture; there are {names}"));
            }
            pattern
        }
        Kind::List(words) if !words.is_empty() => {
            let texts = reader.texts(Some(form));
            Some(Pattern::OneOf(
                texts.iter().filter_map(|word| word.text().map(str::to_owned)).collect(),
            ))
        }
        _ => {
            let names = super::pattern::NAMES;
            reader.fail(form, format!("expected {names}, found {}", form.what()));
            None
        }
    }
}
