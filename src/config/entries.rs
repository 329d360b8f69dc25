//! The configuration in force as a list of values with their origins, and that list as YAML (which
//! is a `doorward.yaml` again) and as JSON.

use serde_json::{Map, Value, json};

use super::choice::word;
use super::limits::Written;
use super::{Config, Origin};
use crate::server::ListenAddr;

/// One value of the configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry<'a> {
    /// The section it stands in, if it stands in one.
    pub section: Option<&'static str>,
    /// Its key.
    pub key: &'static str,
    /// Its value; null where nothing is set.
    pub value: Value,
    /// What decided it.
    pub origin: &'a Origin,
}

impl Config {
    /// Every value, in the order in which the documentation lists them.
    ///
    /// No setting holds a secret: what is secret lies in files of its own, and their paths stand
    /// here. Should one ever be added, it must be masked here, the only way to an output.
    pub fn entries(&self) -> Vec<Entry<'_>> {
        let mut entries = self.top_level();
        for (key, written, origin) in self.limits.entries() {
            let value = match written {
                Written::Number(number) => json!(number),
                Written::Text(text) => json!(text),
            };
            entries.push(Entry { section: Some("limits"), key, value, origin });
        }
        entries.push(Entry {
            section: Some("admin"),
            key: "hosts",
            value: json!(self.admin_hosts.value),
            origin: &self.admin_hosts.origin,
        });
        let authzen = [
            ("public_url", json!(self.authzen_public_url.value), &self.authzen_public_url.origin),
            ("types", json!(self.authzen_types.value), &self.authzen_types.origin),
            ("actions", json!(self.authzen_actions.value), &self.authzen_actions.origin),
        ];
        entries.extend(authzen.map(|(key, value, origin)| Entry {
            section: Some("authzen"),
            key,
            value,
            origin,
        }));
        entries
    }

    fn top_level(&self) -> Vec<Entry<'_>> {
        let listen = self.listen.value.to_string();
        let admin_listen = self.admin_listen.value.to_string();
        [
            ("policies", json!(self.policies.value), &self.policies.origin),
            ("schema", json!(self.schema.value), &self.schema.origin),
            ("entities", json!(self.entities.value), &self.entities.origin),
            ("links", json!(self.links.value), &self.links.origin),
            ("routes", json!(self.routes.value), &self.routes.origin),
            ("listen", json!(listen), &self.listen.origin),
            ("admin_listen", json!(admin_listen), &self.admin_listen.origin),
            ("admin_token_file", json!(self.admin_token_file.value), &self.admin_token_file.origin),
            ("check_token_file", json!(self.check_token_file.value), &self.check_token_file.origin),
            ("data_dir", json!(self.data_dir.value), &self.data_dir.origin),
            ("ephemeral", json!(self.ephemeral.value), &self.ephemeral.origin),
            ("forbid_errors", json!(word(&self.forbid_errors.value)), &self.forbid_errors.origin),
            ("references", json!(word(&self.references.value)), &self.references.origin),
            (
                "request_properties",
                json!(word(&self.request_properties.value)),
                &self.request_properties.origin,
            ),
            (
                "decision_cache",
                json!(self.decision_cache.value.map(|bytes| bytes.to_string())),
                &self.decision_cache.origin,
            ),
            ("log_format", json!(word(&self.log_format.value)), &self.log_format.origin),
            ("log_level", json!(word(&self.log_level.value)), &self.log_level.origin),
        ]
        .map(|(key, value, origin)| Entry { section: None, key, value, origin })
        .into()
    }

    /// As YAML: what is set is a line that `doorward.yaml` could have, with its origin in a
    /// comment behind it; what is not set is a comment.
    pub fn to_yaml(&self) -> String {
        let mut lines = Vec::new();
        let mut section = None;
        for entry in self.entries() {
            if entry.section != section {
                section = entry.section;
                lines.extend(section.map(|name| (format!("{name}:"), None)));
            }
            let indent = if section.is_some() { "  " } else { "" };
            let line = match &entry.value {
                Value::Null => format!("{indent}# {}:", entry.key),
                value => format!("{indent}{}: {value}", entry.key, value = flow(value)),
            };
            lines.push((line, Some(entry.origin)));
        }
        let width = lines.iter().map(|(line, _)| line.chars().count()).max().unwrap_or(0).min(48);
        lines
            .into_iter()
            .map(|(line, origin)| match origin {
                Some(origin) => format!("{line:width$}  # {origin}\n"),
                None => format!("{line}\n"),
            })
            .collect()
    }

    /// As JSON: for each value `{"value", "origin", "from"}`, in the shape of `doorward.yaml`.
    pub fn to_json(&self) -> Value {
        let mut root = Map::new();
        for entry in self.entries() {
            let mut described = Map::new();
            described.insert("value".to_owned(), entry.value);
            described.insert("origin".to_owned(), json!(entry.origin.kind()));
            if let Some(name) = entry.origin.name() {
                described.insert("from".to_owned(), json!(name));
            }
            let described = Value::Object(described);
            match entry.section {
                None => drop(root.insert(entry.key.to_owned(), described)),
                Some(section) => {
                    let inner = root.entry(section).or_insert_with(|| json!({}));
                    if let Value::Object(inner) = inner {
                        inner.insert(entry.key.to_owned(), described);
                    }
                }
            }
        }
        Value::Object(root)
    }
}

/// A value on one line of YAML. JSON is YAML, so only strings that need no quotes differ.
fn flow(value: &Value) -> String {
    match value {
        Value::String(text) if is_plain(text) => text.clone(),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", "))
        }
        Value::Object(members) => {
            let members = members.iter().map(|(key, value)| {
                format!("{}: {}", flow(&Value::String(key.clone())), flow(value))
            });
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

/// Whether a string reads as itself without quotes: a word or a path, and none of the words and
/// numbers that YAML takes for something else.
fn is_plain(text: &str) -> bool {
    if text.parse::<ListenAddr>().is_ok() && !text.starts_with('[') && !text.contains([' ', '#']) {
        // Digits and colons alone are a number to older readers of YAML.
        return text.contains(|c: char| c == '.' || c.is_ascii_alphabetic());
    }
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ' ');
    let begins = |c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '.');
    let special = ["true", "false", "null", "yes", "no", "on", "off", "y", "n", ".inf", ".nan"];
    let is_size = text.parse::<super::quantity::Bytes>().is_ok_and(|_| text.contains(' '));
    let is_time = text.parse::<super::quantity::Time>().is_ok();
    (text.starts_with(begins) && !text.ends_with(' ') || is_size || is_time)
        && text.chars().all(word)
        && !special.contains(&text.to_ascii_lowercase().as_str())
        && text.parse::<f64>().is_err()
}
