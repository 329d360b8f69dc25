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

/// The digest of one text, made piece by piece, so that the text need not be held to be hashed.
#[derive(Debug, Clone, Default)]
pub struct TextDigest(Sha256);

/// The digests of a bundle's parts, each in hexadecimal; that of a part that is not there is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Digests {
    /// Of the schema.
    pub schema: String,
    /// Of the policies.
    pub policies: String,
    /// Of the entities.
    pub entities: String,
    /// Of the links.
    pub links: String,
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
        layout(&self.name) == "lines"
    }
}

// === impl Bundle ===

impl Bundle {
    /// How many bytes all texts have together.
    pub fn bytes(&self) -> usize {
        self.texts().map(|(_, text)| text.text.len()).sum()
    }

    /// The digests of its parts. Of names only the stems of policy files count, since ids are made
    /// of them: where files lie does not.
    pub fn digests(&self) -> Digests {
        let schema = self.schema.as_slice();
        Digests {
            schema: digest(schema, |_| ""),
            policies: digest(&self.policies, Text::stem),
            entities: digest(&self.entities, |text| layout(&text.name)),
            links: digest(&self.links, |text| layout(&text.name)),
        }
    }

    /// The names of its texts: schema, policies, entities, links.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.texts().map(|(_, text)| text.name.as_str())
    }

    fn texts(&self) -> impl Iterator<Item = (&'static str, &Text)> {
        let schema = self.schema.iter().map(|text| ("schema", text));
        let policies = self.policies.iter().map(|text| ("policies", text));
        let entities = self.entities.iter().map(|text| ("entities", text));
        let links = self.links.iter().map(|text| ("links", text));
        schema.chain(policies).chain(entities).chain(links)
    }
}

// === impl Digests ===

impl Digests {
    /// One digest of all parts: two bundles share it just when their parts say the same.
    pub fn whole(&self) -> String {
        let mut hash = Sha256::new();
        for (_, part) in self.parts() {
            field(&mut hash, part);
        }
        hex::encode(hash.finalize())
    }

    /// The parts that are others than before.
    pub fn changed(&self, before: &Self) -> Vec<&'static str> {
        let pairs = self.parts().into_iter().zip(before.parts());
        pairs.filter(|(new, old)| new.1 != old.1).map(|(new, _)| new.0).collect()
    }

    fn parts(&self) -> [(&'static str, &str); 4] {
        [
            ("schema", &self.schema),
            ("policies", &self.policies),
            ("entities", &self.entities),
            ("links", &self.links),
        ]
    }
}

/// The digest of a part after a change of it: made of the digest before and of the change, so that
/// the part itself need not be read.
pub fn chained(before: &str, change: &str) -> String {
    let mut hash = Sha256::new();
    field(&mut hash, before);
    field(&mut hash, change);
    hex::encode(hash.finalize())
}

fn digest(texts: &[Text], counts: impl Fn(&Text) -> &str) -> String {
    let digest_of = |text: &Text| {
        let mut whole = TextDigest::default();
        whole.update(text.text.as_bytes());
        whole
    };
    of_texts(texts.iter().map(|text| (counts(text), digest_of(text))))
}

/// The digest of a part of data that lies in texts of these names, each hashed by itself: what
/// [`Bundle::digests`] gives for entities or links.
pub fn of_data(texts: impl Iterator<Item = (String, TextDigest)>) -> String {
    let texts: Vec<_> = texts.collect();
    of_texts(texts.into_iter().map(|(name, digest)| (layout(&name), digest)))
}

fn of_texts<'a>(texts: impl Iterator<Item = (&'a str, TextDigest)>) -> String {
    let mut texts = texts.peekable();
    if texts.peek().is_none() {
        return String::new();
    }
    let mut hash = Sha256::new();
    for (counts, digest) in texts {
        field(&mut hash, counts);
        hash.update(digest.0.finalize());
    }
    hex::encode(hash.finalize())
}

fn layout(name: &str) -> &'static str {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    let lines = ending.is_some_and(|ending| ending == "jsonl" || ending == "ndjson");
    if lines { "lines" } else { "" }
}

// === impl TextDigest ===

impl TextDigest {
    /// Takes the next bytes of the text.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The SHA-256 of what was taken.
    pub fn sha256(&self) -> [u8; 32] {
        self.0.clone().finalize().into()
    }
}

fn field(hash: &mut Sha256, text: &str) {
    hash.update((text.len() as u64).to_be_bytes());
    hash.update(text.as_bytes());
}
