//! The durable side of the snapshot: what the data directory holds, so that revisions continue and
//! what was acknowledged is there after a restart.
//!
//! `state.json` says what was in force when it was written, and names the image of its entities and
//! links; a journal beside it holds the changes since. The state is the one point of commitment:
//! image and journal count only for the state that they belong to.

mod data_dir;
mod error;
mod journal;
mod state;
#[cfg(test)]
mod tests;

pub use data_dir::DataDir;
pub use error::StoreError;
pub use journal::Record;
pub use state::{Image, State};
