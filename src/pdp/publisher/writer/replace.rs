//! A full load goes into force: what was loaded beside the writer is moved onto what is in force
//! now, if that changed meanwhile, made durable and installed.

use std::sync::Arc;

use super::{Commit, Writer};
use crate::engine::bundle::chained;
use crate::engine::{Problems, Snapshot};
use crate::pdp::publisher::{Loaded, Published, Rejection, Terms};
use crate::revisions::State;

/// What goes into the digest of the links that came with a stream.
const LINKS_OF: &str = "links of the stream";

// === impl Writer ===

impl Writer {
    /// Makes a full load durable and puts it in force. What says the same is no change, and what
    /// differs in little is kept as a change of that.
    pub(super) fn replace(
        &mut self,
        loaded: Result<Loaded, Problems>,
        terms: &Terms,
    ) -> Result<Published, Rejection> {
        if let Some(earlier) = self.answered(terms)? {
            return Ok(earlier.published());
        }
        self.admit(terms, self.state.revision)?;
        let (state, snapshot, commit) = self.replaced(loaded)?;
        let changed = state.digests.changed(&self.in_force());
        self.put_trial(terms, &snapshot);
        if changed.is_empty() || terms.dry_run {
            return Ok(Published { revision: self.state.revision, changed });
        }
        self.commit(state, snapshot, commit, terms)
    }

    /// The version that a full load makes, and how it is kept.
    fn replaced(
        &self,
        loaded: Result<Loaded, Problems>,
    ) -> Result<(State, Snapshot, Commit), Rejection> {
        let Loaded { base, snapshot, links_given, digest } = loaded.map_err(Rejection::Invalid)?;
        let current = self.pdp.current().ok_or(Rejection::NotReady)?;
        let is_base = Arc::ptr_eq(&base, &current);
        // Not needed any more, and large if it is no longer in force.
        drop(base);
        let snapshot = if is_base {
            snapshot
        } else {
            let moved = snapshot.moved_onto(&current.snapshot, links_given, &self.compile);
            moved.map_err(Rejection::Invalid)?
        };
        let mut state = self.state.clone();
        state.seed.get_or_insert_with(|| self.files.seed());
        state.references = self.compile.references;
        state.digests.links = chained(LINKS_OF, &digest);
        state.digests.entities = digest;
        let in_force = self.in_force();
        let change = Self::keep_same(&mut state, &in_force, &current.snapshot, &snapshot);
        let (snapshot, commit) = self.kept(&current.snapshot, snapshot, change);
        Ok((state, snapshot, commit))
    }
}
