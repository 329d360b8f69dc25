//! Route files from `OpenAPI` documents. What a method means is guessed only where there is little to
//! get wrong: one record, named by the one capture at the end of the path, is read, changed or
//! deleted. Everything else is written as a comment, and stays denied until somebody decides it.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde_json::{Map, Value};

use super::FILE_BYTES_MAX;
use super::file::YAML_CODE;
use super::template::{Segment, Template, is_name};
use crate::engine::schema::SchemaInfo;
use crate::engine::{Place, Problem, Text, json};
use crate::yaml::{self, Source};

/// The methods of a path item, in the order in which they are written.
const METHODS: [&str; 8] = ["get", "head", "post", "put", "patch", "delete", "options", "trace"];
/// The most characters of a comment that is taken over.
const SUMMARY_CHARS_MAX: usize = 100;

/// A route file, and what is left to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The text of the file.
    pub text: String,
    /// How many routes it has.
    pub routes: usize,
    /// How many are written as comments.
    pub comments: usize,
    /// Actions and types that the routes name, where no schema was there to look them up in.
    pub missing: Vec<String>,
}

/// What becomes of one operation.
enum Guess {
    /// An action on a type, by the name of the capture.
    Check { action: &'static str, ty: String, capture: String },
    /// Nobody can know; why.
    Comment(String),
}

/// Makes a route file of a document.
///
/// # Errors
/// The text is no `OpenAPI` 3 document.
pub fn import(text: &Text, schema: Option<&SchemaInfo>) -> Result<Imported, Problem> {
    let document = read(text)?;
    let refuse = |message: &str, hint: &str| {
        Problem::error("openapi", message).at(Place::whole(&text.name)).hint(hint)
    };
    let version = document.get("openapi").and_then(Value::as_str).unwrap_or_default();
    if !version.starts_with("3.") {
        let message = "the document is not OpenAPI 3: `openapi` is not `3.…`";
        return Err(refuse(message, "older documents (`swagger: \"2.0\"`) have to be converted"));
    }
    let Some(Value::Object(paths)) = document.get("paths") else {
        return Err(refuse("the document has no `paths`", "there is nothing to make routes of"));
    };
    let prefix = prefix(&document);
    let mut writer = Writer::new(schema);
    for (path, item) in paths.iter().filter(|(path, _)| path.starts_with('/')) {
        let path = captures_renamed(&format!("{prefix}{path}"));
        match item.as_object() {
            Some(item) if !item.contains_key("$ref") => writer.item(&path, item),
            _ => writer.comment(&path, "…", "", "it is described elsewhere (`$ref`)"),
        }
    }
    Ok(writer.finish())
}

fn read(text: &Text) -> Result<Value, Problem> {
    if text.text.trim_start().starts_with('{') {
        if text.text.len() > FILE_BYTES_MAX {
            let message = format!("the document has more than {} MiB", FILE_BYTES_MAX >> 20);
            return Err(Problem::error("openapi", message).at(Place::whole(&text.name)));
        }
        return json::parse(text.text.as_bytes(), json::DEPTH_MAX).map_err(|error| {
            let whole = text.text.lines().nth(error.line - 1).unwrap_or_default();
            let place = Place::in_line(&text.name, error.line, whole, error.column - 1, 1);
            Problem::error("openapi", error.message).at(place)
        });
    }
    let source = Source { name: &text.name, text: &text.text };
    Ok(yaml::parse(source, YAML_CODE, FILE_BYTES_MAX)?.to_json())
}

/// The path of the first server, which stands before every path.
fn prefix(document: &Value) -> String {
    let url = document.pointer("/servers/0/url").and_then(Value::as_str).unwrap_or_default();
    let path = match url.split_once("://") {
        Some((_, rest)) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default(),
        None => url,
    };
    let path = path.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    if path.starts_with('/') { path.to_owned() } else { String::new() }
}

/// Captures by names that a route file can have: `{device-id}` becomes `{device_id}`.
fn captures_renamed(path: &str) -> String {
    let rename = |segment: &str| {
        let inner = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        inner.map_or(segment.to_owned(), |name| format!("{{{}}}", name.replace(['-', '.'], "_")))
    };
    path.split('/').map(rename).collect::<Vec<_>>().join("/")
}

/// Writes routes, one after the other.
struct Writer<'a> {
    schema: Option<&'a SchemaInfo>,
    lines: String,
    routes: usize,
    comments: usize,
    /// Method and shape of what is written, so that nothing overlaps.
    seen: BTreeSet<(String, String)>,
    missing: BTreeSet<String>,
}

// === impl Writer ===

impl<'a> Writer<'a> {
    fn new(schema: Option<&'a SchemaInfo>) -> Self {
        Self {
            schema,
            lines: String::new(),
            routes: 0,
            comments: 0,
            seen: BTreeSet::new(),
            missing: BTreeSet::new(),
        }
    }

    fn item(&mut self, path: &str, item: &Map<String, Value>) {
        let template = Template::parse(path);
        for method in METHODS {
            let Some(operation) = item.get(method) else { continue };
            let text = |key| operation.get(key).and_then(Value::as_str).unwrap_or_default();
            let summary =
                if text("summary").is_empty() { text("operationId") } else { text("summary") };
            let upper = method.to_ascii_uppercase();
            let guess = match &template {
                Ok(template) => self.guess(method, template, operation),
                Err(why) => Guess::Comment(why.clone()),
            };
            match guess {
                Guess::Comment(why) => self.comment(path, &upper, summary, &why),
                Guess::Check { action, ty, capture } => {
                    self.route(path, &upper, summary, (action, &ty, &capture));
                }
            }
        }
    }

    fn guess(&mut self, method: &str, template: &Template, operation: &Value) -> Guess {
        let comment = |why: &str| Guess::Comment(why.to_owned());
        let action = match method {
            "get" | "head" => "read",
            "put" | "patch" => "write",
            "delete" => "delete",
            "post" => return comment("a POST may create, change, or only read"),
            _ => return comment("no action goes by this method"),
        };
        let open = operation.get("security").and_then(Value::as_array);
        if open.is_some_and(Vec::is_empty) {
            return comment("it needs no credentials: `public: true`?");
        }
        let names: Vec<&str> = template.names().collect();
        let (capture, before) = match (names.as_slice(), template.segments.as_slice()) {
            ([], _) => return comment("it names no record: a list, or an action on everything"),
            ([capture], [.., before, Segment::Capture { .. }]) => (*capture, before),
            ([_], _) => {
                return comment("what stands behind the id may ask for more than the record");
            }
            _ => return comment("it names several records: `all_of`?"),
        };
        if !self.seen.insert((method.to_owned(), template.shape())) {
            return comment("another path of the document has the same form");
        }
        let Some(ty) = self.type_for(capture, before) else {
            return comment("the schema has no type for it");
        };
        if let Some(schema) = self.schema {
            let found = schema.action_named("Action", action).and_then(|uid| schema.action(uid));
            match found {
                None => return Guess::Comment(format!("the schema has no action `{action}`")),
                Some(info) if !info.resources.contains(&ty) => {
                    return Guess::Comment(format!("`{action}` does not apply to `{ty}`"));
                }
                Some(info) if info.context.values().any(|member| member.required) => {
                    return Guess::Comment(format!("`{action}` needs a context"));
                }
                Some(_) => {}
            }
        } else {
            self.missing.insert(format!("action `{action}` on `{ty}`"));
        }
        Guess::Check { action, ty, capture: capture.to_owned() }
    }

    /// The entity type that a capture names: `deviceId`, or what stands before `{id}`.
    fn type_for(&self, capture: &str, before: &Segment) -> Option<String> {
        let plain = |text: &str| {
            let letters = text.chars().filter(char::is_ascii_alphanumeric);
            letters.map(|c| c.to_ascii_lowercase()).collect::<String>()
        };
        let name = plain(capture);
        let stem = name.strip_suffix("uuid").or(name.strip_suffix("id")).unwrap_or(&name);
        let segment = match before {
            Segment::Literal(text) => plain(text),
            _ => String::new(),
        };
        let singular = segment.strip_suffix('s').unwrap_or(&segment).to_owned();
        let stem = if stem.is_empty() { singular.clone() } else { stem.to_owned() };
        let candidates = [stem, segment.clone(), singular];
        let Some(schema) = self.schema else {
            let name = candidates.first()?;
            let mut letters = name.chars();
            let first = letters.next()?.to_ascii_uppercase();
            let ty: String = std::iter::once(first).chain(letters).collect();
            return is_name(&ty).then_some(ty);
        };
        let names = schema.type_names();
        candidates.iter().filter(|it| !it.is_empty()).find_map(|candidate| {
            let fits = |name: &&&str| plain(name.rsplit("::").next().unwrap_or(name)) == *candidate;
            names.iter().find(fits).map(|name| (*name).to_owned())
        })
    }

    fn route(&mut self, path: &str, method: &str, summary: &str, check: (&str, &str, &str)) {
        let (action, ty, capture) = check;
        let path = Value::from(path);
        self.routes += 1;
        let _ = writeln!(
            self.lines,
            "  - {{ methods: [{method}], path: {path}, action: {action}, resource: {{ type: \
             {ty}, id: \"{{{capture}}}\" }} }} # review{}",
            described(summary)
        );
    }

    fn comment(&mut self, path: &str, method: &str, summary: &str, why: &str) {
        let path = Value::from(path).to_string();
        self.comments += 1;
        let _ = writeln!(self.lines, "  # {}{}", plain_line(why), described(summary));
        let _ = writeln!(
            self.lines,
            "  # - {{ methods: [{method}], path: {}, action: , resource: {{ type: , id: \"\" }} }}",
            plain_line(&path)
        );
    }

    fn finish(self) -> Imported {
        let mut text = String::from(
            "# Made from an OpenAPI document. Every route marked `review` is a guess by its method; \
             every\n# route in a comment is denied until somebody decides what it asks for.\n",
        );
        if !self.missing.is_empty() {
            text.push_str("#\n# No schema was there to look names up in. It has to declare:\n");
            for name in &self.missing {
                let _ = writeln!(text, "#   {name}");
            }
        }
        text.push_str(
            "version: 1\n\ndefaults: { unmatched: deny, path: strict, preflight: allow_cors }\n\n",
        );
        text.push_str(if self.routes == 0 { "routes: []\n" } else { "routes:\n" });
        text.push_str(&self.lines);
        Imported {
            text,
            routes: self.routes,
            comments: self.comments,
            missing: self.missing.into_iter().collect(),
        }
    }
}

fn described(summary: &str) -> String {
    if summary.is_empty() {
        return String::new();
    }
    let short: String = summary.chars().take(SUMMARY_CHARS_MAX).collect();
    format!(": {}", plain_line(&short))
}

/// A text that ends no comment: one line without control characters.
fn plain_line(text: &str) -> String {
    let plain =
        |c: char| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c };
    text.chars().map(plain).collect()
}
