//! What holds at a revision beside entities and links: the digests of its parts, schema and
//! policies, and where each comes from. It stands in front of every snapshot in the log.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::engine::{Digests, References, Text};

/// The form that this version reads and writes.
const FORMAT: u32 = 1;

/// What is kept of a revision beside its entities and links.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// The last revision that was in force, 0 for none.
    pub revision: u64,
    /// When it was installed.
    pub installed_at: Option<Timestamp>,
    /// The digests of its parts.
    pub digests: Digests,
    /// Schema and policies that the API wrote.
    pub own: Rules,
    /// Schema and policies of files, where those are in force.
    pub files: Option<Rules>,
    /// From the first write of entities or links by the API on: the digest of the entity files
    /// then, which were the seed.
    pub seed: Option<String>,
    /// Whether references were judged strictly.
    pub references: References,
}

/// A schema and policies, as texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// The schema.
    pub schema: Option<Text>,
    /// The policies.
    pub policies: Vec<Text>,
}

/// A state as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    format: u32,
    revision: u64,
    installed_at: Option<Timestamp>,
    digests: StoredDigests,
    own: StoredRules,
    files: Option<StoredRules>,
    seed: Option<String>,
    strict: bool,
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

/// Schema and policies as they are written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoredRules {
    schema: Option<StoredText>,
    policies: Vec<StoredText>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredText {
    name: String,
    text: String,
}

// === impl State ===

impl State {
    /// Schema and policies in force.
    pub fn rules(&self) -> &Rules {
        self.files.as_ref().unwrap_or(&self.own)
    }

    pub(super) fn write(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(&Stored {
            format: FORMAT,
            revision: self.revision,
            installed_at: self.installed_at,
            digests: (&self.digests).into(),
            own: (&self.own).into(),
            files: self.files.as_ref().map(StoredRules::from),
            seed: self.seed.clone(),
            strict: self.references == References::Strict,
        })
    }

    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let Format { format } = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if format != FORMAT {
            return Err(format!("it has format {format}, not {FORMAT}"));
        }
        let stored: Stored = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        Ok(Self {
            revision: stored.revision,
            installed_at: stored.installed_at,
            digests: stored.digests.into(),
            own: stored.own.into(),
            files: stored.files.map(Rules::from),
            seed: stored.seed,
            references: references(stored.strict),
        })
    }
}

/// How references are judged, from the one bit that is kept of it.
pub(super) fn references(strict: bool) -> References {
    if strict { References::Strict } else { References::Cedar }
}

// === conversions ===

impl From<&Rules> for StoredRules {
    fn from(rules: &Rules) -> Self {
        let stored =
            |text: &Text| StoredText { name: text.name.clone(), text: text.text.to_string() };
        Self {
            schema: rules.schema.as_ref().map(stored),
            policies: rules.policies.iter().map(stored).collect(),
        }
    }
}

impl From<StoredRules> for Rules {
    fn from(stored: StoredRules) -> Self {
        let text = |stored: StoredText| Text::new(stored.name, stored.text);
        Self {
            schema: stored.schema.map(text),
            policies: stored.policies.into_iter().map(text).collect(),
        }
    }
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
