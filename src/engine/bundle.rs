//! The inputs as named texts: schema, policies, entities and links, and the digest that says
//! whether two bundles are the same.

use std::sync::Arc;

use sha2::{Digest, Sha256};

/// A text with the name that problems quote: a file's path, or the part of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// A path as the operator gave it, or the name of a part such as `entities`.
    pub name: String,
    /// The text itself.
    pub text: Arc<str>,
}

/// Everything that a snapshot is compiled from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bundle {
    /// The schema, in Cedar's schema language, or as JSON where it begins with `{`.
    pub schema: Option<Text>,
    /// Policy texts. A policy without an id is named after its text's file stem.
    pub policies: Vec<Text>,
    /// Entities: JSON arrays, or one entity a line where the name ends in `.jsonl` or `.ndjson`.
    pub entities: Vec<Text>,
    /// Links: JSON arrays in the format of Cedar's CLI.
    pub links: Vec<Text>,
}

// === impl Text ===

impl Text {
    /// A text under a name.
    pub fn new(name: impl Into<String>, text: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// The file stem of the name: `policies/sharing.cedar` gives `sharing`.
    pub fn stem(&self) -> &str {
        let file = self.name.rsplit(['/', '\\']).next().unwrap_or(&self.name);
        file.strip_suffix(".cedar").unwrap_or(file)
    }

    /// Whether the text holds one JSON value a line.
    pub fn is_lines(&self) -> bool {
        let ending = self.name.rsplit_once('.').map(|(_, ending)| ending);
        ending.is_some_and(|ending| ending == "jsonl" || ending == "ndjson")
    }
}

// === impl Bundle ===

impl Bundle {
    /// How many bytes all texts have together.
    pub fn bytes(&self) -> usize {
        self.texts().map(|(_, text)| text.text.len()).sum()
    }

    /// A digest in hexadecimal that two bundles share just when their parts say the same. Of names
    /// only the stems of policy files count, since ids are made of them: where files lie does not.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        let mut field = |text: &str| {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text.as_bytes());
        };
        for (part, text) in self.texts() {
            field(part);
            field(if part == "policies" { text.stem() } else { "" });
            field(if text.is_lines() { "lines" } else { "" });
            field(&text.text);
        }
        hex::encode(hash.finalize())
    }

    fn texts(&self) -> impl Iterator<Item = (&'static str, &Text)> {
        let schema = self.schema.iter().map(|text| ("schema", text));
        let policies = self.policies.iter().map(|text| ("policies", text));
        let entities = self.entities.iter().map(|text| ("entities", text));
        let links = self.links.iter().map(|text| ("links", text));
        schema.chain(policies).chain(entities).chain(links)
    }
}
