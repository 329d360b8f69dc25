//! The durable side of the snapshot: what the data directory holds, so that revisions continue and
//! what was acknowledged is there after a restart.

mod data_dir;
#[cfg(test)]
mod tests;

pub use data_dir::{DataDir, Entities, State, StoreError};
