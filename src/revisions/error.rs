//! Why the data directory could not be used.

use std::io;
use std::path::PathBuf;

use crate::engine::store::ImageError;

/// Why the data directory could not be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The operating system refused something.
    #[error("cannot {doing} `{}`: {source}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On which path.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// Another process holds the lock.
    #[error("the data directory `{}` is in use by another process", path.display())]
    Locked {
        /// The directory.
        path: PathBuf,
    },
    /// A file does not hold what was written.
    #[error("`{}` is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// In what way.
        reason: String,
    },
    /// The image of entities and links cannot be used, and there is no other source of them.
    #[error(
        "`{}` cannot be used: {source}\nhint: it is the only copy of the entities and links that \
         the API wrote; restore the data directory from a backup, or start with an empty one",
        path.display()
    )]
    Image {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: ImageError,
    },
}
