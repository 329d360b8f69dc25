//! What files hold: schema and policies as texts, entities and links only by their digests until
//! somebody needs them. A seed that is in force already, or that no longer counts, is hashed and
//! never held in memory.

use std::fmt;

use crate::engine::{Bundle, Digests, Problems, Text};
use crate::revisions::Rules;

/// What the files hold.
#[derive(Debug, Default)]
pub struct Files {
    /// The schema.
    pub schema: Option<Text>,
    /// The policies.
    pub policies: Vec<Text>,
    /// Entities and links.
    pub seed: Seed,
}

/// Entity files that were hashed.
#[derive(Default)]
pub struct Seed {
    entities: String,
    links: String,
    read: Option<Box<Read>>,
}

/// Entities and links as texts.
#[derive(Debug, Default)]
pub struct Data {
    /// The entities.
    pub entities: Vec<Text>,
    /// The links.
    pub links: Vec<Text>,
}

type Read = dyn FnOnce() -> Result<Data, Problems> + Send;

/// What the writer keeps of the files.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) rules: Rules,
    entities: String,
    links: String,
}

// === impl Files ===

impl Files {
    /// Everything as texts.
    ///
    /// # Errors
    /// The entity files cannot be read any more.
    pub fn into_bundle(self) -> Result<Bundle, Problems> {
        let Data { entities, links } = self.seed.read()?;
        Ok(Bundle { schema: self.schema, policies: self.policies, entities, links })
    }
}

// === impl Seed ===

impl Seed {
    /// Entities and links of these digests (see [`Digests`]), which `read` reads.
    pub fn new(
        entities: String,
        links: String,
        read: impl FnOnce() -> Result<Data, Problems> + Send + 'static,
    ) -> Self {
        Self { entities, links, read: Some(Box::new(read)) }
    }

    /// Reads them. A file that changed since it was hashed is read as it is now.
    pub(super) fn read(self) -> Result<Data, Problems> {
        self.read.map_or_else(|| Ok(Data::default()), |read| read())
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { entities, links, .. } = self;
        f.debug_struct("Seed")
            .field("entities", entities)
            .field("links", links)
            .finish_non_exhaustive()
    }
}

// === impl Held ===

impl Held {
    /// What is kept, and what is not.
    pub(super) fn of(files: Files) -> (Self, Seed) {
        let Files { schema, policies, seed } = files;
        let (entities, links) = (seed.entities.clone(), seed.links.clone());
        (Self { rules: Rules { schema, policies }, entities, links }, seed)
    }

    /// The digest of the entity files.
    pub(super) fn seed(&self) -> String {
        let (entities, links) = (self.entities.clone(), self.links.clone());
        Digests { entities, links, ..Digests::default() }.whole()
    }

    /// Whether entities and links of these digests are those of the files.
    pub(super) fn seeds(&self, digests: &Digests) -> bool {
        self.entities == digests.entities && self.links == digests.links
    }
}
