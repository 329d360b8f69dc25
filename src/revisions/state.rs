//! The state file: what was in force when it was written, but for entities and links, which are in
//! the image that it names.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Record;
use crate::engine::{Digests, References, Text};

/// The form of the state file that this version reads and writes.
const FORMAT: u32 = 2;

/// What is kept across restarts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// The last revision that was in force, 0 for none.
    pub revision: u64,
    /// When it was installed.
    pub installed_at: Option<Timestamp>,
    /// The digests of its parts.
    pub digests: Digests,
    /// The schema that the API wrote.
    pub schema: Option<Text>,
    /// The policies that the API wrote.
    pub policies: Option<Vec<Text>>,
    /// From the first write of entities or links by the API on: the digest of the entity files
    /// then, which were the seed.
    pub seed: Option<String>,
    /// The image of entities and links, once anything was in force.
    pub image: Option<Image>,
}

/// The image of entities and links, and what it is read with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The name of the file.
    pub file: String,
    /// Whether references were judged strictly.
    pub references: References,
    /// Schema and policies in force, where others than those that the API wrote.
    pub rules: Option<(Text, Vec<Text>)>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    format: u32,
    revision: u64,
    installed_at: Option<Timestamp>,
    digests: StoredDigests,
    schema: Option<StoredText>,
    policies: Option<Vec<StoredText>>,
    seed: Option<String>,
    image: Option<StoredImage>,
}

/// The digests of the parts of a bundle, as they are written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoredDigests {
    schema: String,
    policies: String,
    entities: String,
    links: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredImage {
    file: String,
    strict: bool,
    schema: Option<StoredText>,
    policies: Option<Vec<StoredText>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredText {
    name: String,
    text: String,
}

// === impl State ===

impl State {
    /// The state after a change of entities and links.
    pub fn follow(&mut self, record: &Record) {
        self.revision = record.revision;
        self.installed_at = Some(record.installed_at);
        self.digests = record.digests.clone();
        self.seed = Some(record.seed.clone());
    }

    pub(super) fn write(&self) -> serde_json::Result<String> {
        let image = self.image.as_ref().map(|image| StoredImage {
            file: image.file.clone(),
            strict: image.references == References::Strict,
            schema: image.rules.as_ref().map(|(schema, _)| schema.into()),
            policies: image.rules.as_ref().map(|(_, policies)| stored(policies)),
        });
        serde_json::to_string(&Stored {
            format: FORMAT,
            revision: self.revision,
            installed_at: self.installed_at,
            digests: (&self.digests).into(),
            schema: self.schema.as_ref().map(StoredText::from),
            policies: self.policies.as_deref().map(stored),
            seed: self.seed.clone(),
            image,
        })
    }

    pub(super) fn read(body: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let Format { format } = serde_json::from_str(body).map_err(|error| error.to_string())?;
        if format != FORMAT {
            return Err(format!("it has format {format}, not {FORMAT}"));
        }
        let stored: Stored = serde_json::from_str(body).map_err(|error| error.to_string())?;
        let image = stored.image.map(|image| Image {
            file: image.file,
            references: if image.strict { References::Strict } else { References::Cedar },
            rules: image.schema.map(Text::from).zip(image.policies.map(texts)),
        });
        Ok(Self {
            revision: stored.revision,
            installed_at: stored.installed_at,
            digests: stored.digests.into(),
            schema: stored.schema.map(Text::from),
            policies: stored.policies.map(texts),
            seed: stored.seed,
            image,
        })
    }
}

// === conversions ===

impl From<&Text> for StoredText {
    fn from(text: &Text) -> Self {
        Self { name: text.name.clone(), text: text.text.to_string() }
    }
}

impl From<StoredText> for Text {
    fn from(text: StoredText) -> Self {
        Self::new(text.name, text.text)
    }
}

fn stored(texts: &[Text]) -> Vec<StoredText> {
    texts.iter().map(StoredText::from).collect()
}

fn texts(stored: Vec<StoredText>) -> Vec<Text> {
    stored.into_iter().map(Text::from).collect()
}

impl From<&Digests> for StoredDigests {
    fn from(digests: &Digests) -> Self {
        let Digests { schema, policies, entities, links } = digests.clone();
        Self { schema, policies, entities, links }
    }
}

impl From<StoredDigests> for Digests {
    fn from(stored: StoredDigests) -> Self {
        let StoredDigests { schema, policies, entities, links } = stored;
        Self { schema, policies, entities, links }
    }
}
