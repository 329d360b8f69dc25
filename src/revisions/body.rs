//! The body of a record: what a change was, as it is written, so that it can be made again over
//! the revision before it.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::state::{Rules, State, StoredDigests, StoredRules, references};
use crate::engine::store::Change;
use crate::engine::{Digests, References, Text, uid};

/// The form that this version reads and writes.
const FORMAT: u32 = 1;

/// What a record says of a change. Where the record names a snapshot, the change is that, and the
/// rules are repeated for whoever looks.
#[derive(Debug, Clone, Default)]
pub struct Body {
    /// The digests of the parts after it.
    pub digests: Digests,
    /// See [`State::seed`].
    pub seed: Option<String>,
    /// Whether references were judged strictly.
    pub references: References,
    /// Schema and policies after it, where it changed them: the API's, and those of files where
    /// files own them.
    pub rules: Option<(Rules, Option<Rules>)>,
    /// The change of single entities and links, where it was one.
    pub change: Option<Change>,
    /// The links that went because an entity that they named did.
    pub links_removed: Vec<String>,
    /// How many entities lost a parent that was removed.
    pub parents_dropped: usize,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    format: u32,
    digests: StoredDigests,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seed: Option<String>,
    strict: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    own: Option<StoredRules>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    files: Option<StoredRules>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    change: Option<StoredChange>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    links_removed: Vec<String>,
    #[serde(default)]
    parents_dropped: usize,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredChange {
    unlink: Vec<String>,
    remove: Vec<StoredUid>,
    /// As text, so that what is found wrong with it has the place that it had.
    upsert: Option<String>,
    link: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredUid {
    r#type: String,
    id: String,
}

// === impl Body ===

impl Body {
    /// The bytes that the log keeps.
    ///
    /// # Errors
    /// None that a body of texts can have.
    pub fn write(&self) -> serde_json::Result<Bytes> {
        let (own, files) = match &self.rules {
            Some((own, files)) => (Some(own.into()), files.as_ref().map(StoredRules::from)),
            None => (None, None),
        };
        let bytes = serde_json::to_vec(&Stored {
            format: FORMAT,
            digests: (&self.digests).into(),
            seed: self.seed.clone(),
            strict: self.references == References::Strict,
            own,
            files,
            change: self.change.as_ref().map(StoredChange::from),
            links_removed: self.links_removed.clone(),
            parents_dropped: self.parents_dropped,
        })?;
        Ok(bytes.into())
    }

    /// What was written.
    ///
    /// # Errors
    /// In what way it is no body.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let stored: Stored = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if stored.format != FORMAT {
            return Err(format!("it has format {}, not {FORMAT}", stored.format));
        }
        let files = stored.files.map(Rules::from);
        Ok(Self {
            digests: stored.digests.into(),
            seed: stored.seed,
            references: references(stored.strict),
            rules: stored.own.map(|own| (own.into(), files)),
            change: stored.change.map(StoredChange::read).transpose()?,
            links_removed: stored.links_removed,
            parents_dropped: stored.parents_dropped,
        })
    }

    /// Brings the state before this change to the one after it, but for revision and time.
    pub(super) fn bring(&self, state: &mut State) {
        state.digests.clone_from(&self.digests);
        state.seed.clone_from(&self.seed);
        state.references = self.references;
        if let Some((own, files)) = &self.rules {
            state.own.clone_from(own);
            state.files.clone_from(files);
        }
    }
}

// === impl StoredChange ===

impl StoredChange {
    fn read(self) -> Result<Change, String> {
        let uid = |uid: StoredUid| match uid.r#type.parse() {
            Ok(type_name) => Ok(uid::of(&type_name, &uid.id)),
            Err(_) => Err(format!("`{}` is no type", uid.r#type)),
        };
        Ok(Change {
            unlink: self.unlink,
            remove: self.remove.into_iter().map(uid).collect::<Result<_, _>>()?,
            upsert: self.upsert.map(|text| Text::new("upsert", text)),
            link: self.link.map(|text| Text::new("link", text)),
        })
    }
}

impl From<&Change> for StoredChange {
    fn from(change: &Change) -> Self {
        let Change { unlink, remove, upsert, link } = change;
        let uid = |uid: &cedar_policy::EntityUid| StoredUid {
            r#type: uid.type_name().to_string(),
            id: uid.id().unescaped().to_owned(),
        };
        Self {
            unlink: unlink.clone(),
            remove: remove.iter().map(uid).collect(),
            upsert: upsert.as_ref().map(|text| text.text.to_string()),
            link: link.as_ref().map(|text| text.text.to_string()),
        }
    }
}
