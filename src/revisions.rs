//! The durable side of the snapshot: the log of changes, one hash-chained record a revision, with
//! whole snapshots beside it, so that revisions continue and what was acknowledged is there after
//! a restart; and the data directory as it was before the log.
//!
//! [`RevisionLog`] is the contract, [`EmbeddedLog`] keeps it in a directory. Bodies and snapshots
//! are opaque bytes here: what they mean is the publisher's business.

mod content;
mod data_dir;
mod embedded;
mod error;
mod hash;
mod log;
mod record;
#[cfg(test)]
mod tests;

pub use content::Content;
pub use data_dir::{DataDir, Entities, State, StoreError};
pub use embedded::{EmbeddedLog, EmbeddedOptions};
pub use error::{AppendError, ChainFault, LogError};
pub use hash::{Epoch, Hash};
pub use log::{Compacted, READ_RECORDS_MAX, Retention, RevisionLog, Snapshot, Verified};
pub use record::{
    BodyInfo, CHANGED_ITEMS_MAX, Entry, Head, IDEMPOTENCY_HOURS, Idempotency, Record, Standing,
    TEXT_BYTES_MAX,
};
