//! The durable side of the snapshot: the log of changes, one hash-chained record a revision, with
//! whole snapshots beside it, so that revisions continue and what was acknowledged is there after
//! a restart.
//!
//! [`RevisionLog`] is the contract, [`EmbeddedLog`] keeps it in a directory. To the log, bodies and
//! snapshots are opaque bytes; [`Body`] and [`State`] say what is in them, and [`Past`] makes a
//! revision again from both.

mod body;
mod content;
mod embedded;
mod error;
mod hash;
mod image;
mod log;
mod past;
mod record;
mod state;
#[cfg(test)]
mod tests;

pub use body::Body;
pub use content::Content;
pub use embedded::{EmbeddedLog, EmbeddedOptions};
pub use error::{AppendError, ChainFault, LogError};
pub use hash::{Epoch, Hash};
pub use image::ImageReader;
pub use log::{Compacted, READ_RECORDS_MAX, Retention, RevisionLog, Snapshot, Verified};
pub use past::{Past, PastError};
pub use record::{
    BodyInfo, CHANGED_ITEMS_MAX, Entry, Head, IDEMPOTENCY_HOURS, Idempotency, Record, Standing,
    TEXT_BYTES_MAX,
};
pub use state::{Rules, State};
