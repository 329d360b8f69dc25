//! Where bundles come from: files and directories that the operator names, read when asked for, and
//! watched.

mod files;
mod seed;
#[cfg(test)]
mod tests;
mod watch;

pub use watch::Watch;

use std::path::PathBuf;

use crate::engine::{Bundle, Problems};
use crate::pdp::publisher::Files;

/// The files that a bundle is read from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inputs {
    /// Policy files, and directories of them with at most one schema among all.
    pub policies: Vec<PathBuf>,
    /// The schema, in place of any found among the policies.
    pub schema: Option<PathBuf>,
    /// Entity files, and directories of them; a `links.json` in a directory holds links.
    pub entities: Vec<PathBuf>,
    /// The links, in place of any `links.json` beside the entities.
    pub links: Option<PathBuf>,
}

/// How much is read from files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileLimits {
    /// The most bytes of schema and policies together.
    pub bundle_bytes_max: u64,
    /// The most bytes of entities and links together.
    pub entities_bytes_max: u64,
}

impl Default for FileLimits {
    fn default() -> Self {
        Self { bundle_bytes_max: 64 * 1024 * 1024, entities_bytes_max: 4 * 1024 * 1024 * 1024 }
    }
}

impl Inputs {
    /// Whether no file is named at all.
    pub fn is_empty(&self) -> bool {
        !self.own_policies() && !self.seed_entities()
    }

    /// Whether schema and policies come from files.
    pub fn own_policies(&self) -> bool {
        !self.policies.is_empty() || self.schema.is_some()
    }

    /// Whether entities or links come from files.
    pub fn seed_entities(&self) -> bool {
        !self.entities.is_empty() || self.links.is_some()
    }
}

/// Reads everything that the inputs name, in the order of their names.
///
/// # Errors
/// Every file that could not be read, and a schema that is there twice.
pub fn read(inputs: &Inputs, limits: &FileLimits) -> Result<Bundle, Problems> {
    files::read(inputs, limits)
}

/// Reads everything that the inputs name and can be read, and tells what cannot: every file that is
/// not there or no text, and a schema that is there twice.
pub fn read_all(inputs: &Inputs, limits: &FileLimits) -> (Bundle, Problems) {
    files::read_all(inputs, limits)
}

/// Reads schema and policies, and hashes entities and links, which are read when they are needed.
///
/// # Errors
/// Every file that could not be read, and a schema that is there twice.
pub fn look(inputs: &Inputs, limits: &FileLimits) -> Result<Files, Problems> {
    seed::look(inputs, limits)
}

/// How many bytes of entities and links the inputs name, as far as that can be seen.
pub fn data_bytes(inputs: &Inputs) -> u64 {
    files::data_bytes(inputs)
}
