//! What a log of changes says when it cannot do what it was asked to.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

use super::hash::Hash;
use super::record::{Head, Standing};

type Source = Box<dyn Error + Send + Sync>;

/// Why the log could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// There is no room. Reads go on, and writes do when there is room again.
    #[error("the disk of the log is full: {source}")]
    Full {
        /// What the operating system or the database said.
        source: Source,
    },
    /// The directory or the file system cannot be written. Reads go on.
    #[error("the log cannot be written: {source}")]
    ReadOnly {
        /// What the operating system or the database said.
        source: Source,
    },
    /// Another process has the log open.
    #[error("the data directory `{}` is in use by another process", path.display())]
    Locked {
        /// The directory.
        path: PathBuf,
    },
    /// The directory has the form that it had before there was a log.
    #[error(
        "`{}` was written by a version before the first release, and is not read by this one\n\
         hint: move the directory away and start with an empty one; what the admin API wrote has \
         to be put again",
        path.display()
    )]
    OtherForm {
        /// The file that says so.
        path: PathBuf,
    },
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
    /// The bytes to store could not be read to their end.
    #[error("cannot read what is to be stored: {source}")]
    Input {
        /// What their reader said.
        source: io::Error,
    },
    /// The backend refused something else.
    #[error("the log's database failed: {source}")]
    Backend {
        /// What it said.
        source: Source,
    },
    /// What is stored does not hold together. It is not a record of the chain, or it is not known
    /// which one: see [`LogError::Chain`].
    #[error("the log is damaged: {reason}")]
    Damaged {
        /// In what way.
        reason: String,
    },
    /// The chain does not hold at a revision.
    #[error("revision {revision} in the log is damaged: {fault}")]
    Chain {
        /// The revision.
        revision: u64,
        /// In what way.
        fault: ChainFault,
    },
    /// A revision is not kept any more, or not there yet.
    #[error("revision {revision} is not in the log, whose oldest is {first} and newest {head}")]
    Absent {
        /// The revision that was asked for.
        revision: u64,
        /// The oldest revision that is kept.
        first: u64,
        /// The newest.
        head: u64,
    },
    /// The bytes of a snapshot have another digest than was said.
    #[error("the snapshot has the digest `{found}`, not `{expected}`")]
    OtherContent {
        /// What was said.
        expected: Hash,
        /// What the bytes have.
        found: Hash,
    },
    /// Something is over its bound.
    #[error("{what} is too large: {max} is the most")]
    TooLarge {
        /// What.
        what: &'static str,
        /// The bound, in bytes or in items.
        max: u64,
    },
}

/// Why a record was not appended.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The head is not the one that was expected.
    #[error("revision {} was expected to be the newest, and {} is: {standing}", expected.revision, head.revision)]
    NotHead {
        /// What was expected.
        expected: Head,
        /// What is so.
        head: Head,
        /// How the head stands to what was expected.
        standing: Standing,
    },
    /// The idempotency key was used for another record within its time.
    #[error("the idempotency key was used for revision {revision}")]
    KeyTaken {
        /// The record that has it.
        revision: u64,
    },
    /// The snapshot that the entry names was not put for this revision.
    #[error("no snapshot with the digest `{digest}` was put for revision {revision}")]
    NoSnapshot {
        /// The revision.
        revision: u64,
        /// The digest that was named.
        digest: Hash,
    },
    /// The log could not be read or written.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// In what way a record does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChainFault {
    /// There is no such record between two others.
    #[error("it is missing")]
    Missing,
    /// The hash is right and the form is not: another version wrote it.
    #[error("it has a form that this version does not read")]
    Form,
    /// The record does not have the hash that stands beside it.
    #[error("its hash is another than its contents")]
    Hash,
    /// The record names another predecessor than the one before it.
    #[error("it does not follow from the record before it")]
    Previous,
    /// The record says another revision than the place it was found at.
    #[error("it says that it is another revision")]
    Revision,
    /// The record is of another epoch than the log.
    #[error("it is of another epoch")]
    Epoch,
    /// The newest record is not the head that the log names.
    #[error("it is not the head that the log names")]
    Head,
    /// The body is not the one that the record names, or is gone.
    #[error("its body is missing or has another digest")]
    Body,
    /// What stands beside the record to find it by differs from what it says.
    #[error("it is filed under another key, time or size than its own")]
    Filing,
}

// === impl LogError ===

impl LogError {
    /// The error for something that the operating system refused.
    pub(super) fn io(doing: &'static str, path: &Path, source: io::Error) -> Self {
        let told = || format!("cannot {doing} `{}`: {source}", path.display()).into();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::Full { source: told() }
            }
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { source: told() },
            _ => Self::Io { doing, path: path.to_owned(), source },
        }
    }

    /// The error for a record that does not hold.
    pub(super) fn chain(revision: u64, fault: ChainFault) -> Self {
        Self::Chain { revision, fault }
    }
}
