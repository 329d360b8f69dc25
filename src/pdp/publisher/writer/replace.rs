//! A full load goes into force: what was loaded beside the writer is moved onto what is in force
//! now, if that changed meanwhile, made durable and installed.

use super::Writer;
use crate::engine::bundle::chained;
use crate::engine::{Problems, Snapshot};
use crate::pdp::publisher::{Loaded, Published, Rejection};
use crate::revisions::State;

/// What goes into the digest of the links that came with a stream.
const LINKS_OF: &str = "links of the stream";

/// The version that a full load makes.
struct Outcome {
    state: State,
    snapshot: Snapshot,
    changed: Vec<&'static str>,
}

// === impl Writer ===

impl Writer {
    /// Makes a full load durable and puts it in force.
    pub(super) fn replace(
        &mut self,
        loaded: Result<Loaded, Problems>,
        expected: Option<u64>,
    ) -> Result<Published, Rejection> {
        let Outcome { state, snapshot, changed } = self.replaced(loaded, expected)?;
        if changed.is_empty() {
            return Ok(Published { revision: self.state.revision, changed });
        }
        let state = self.numbered(state);
        let saved = self.save(state, &snapshot, None);
        let state = saved.map_err(|error| Rejection::NotDurable(error.to_string()))?;
        let revision = state.revision;
        self.install(state, snapshot);
        Ok(Published { revision, changed })
    }

    /// Judges a full load as `replace` would, and takes nothing of it.
    pub(super) fn try_replace(
        &self,
        loaded: Result<Loaded, Problems>,
        expected: Option<u64>,
    ) -> Result<Published, Rejection> {
        let Outcome { changed, .. } = self.replaced(loaded, expected)?;
        Ok(Published { revision: self.state.revision, changed })
    }

    fn replaced(
        &self,
        loaded: Result<Loaded, Problems>,
        expected: Option<u64>,
    ) -> Result<Outcome, Rejection> {
        self.admit(expected)?;
        let Loaded { base, snapshot, links_given, digest } = loaded.map_err(Rejection::Invalid)?;
        let current = self.pdp.current().ok_or(Rejection::NotReady)?;
        let is_base = std::sync::Arc::ptr_eq(&base, &current);
        // Not needed any more, and large if it is no longer in force.
        drop(base);
        let snapshot = if is_base {
            snapshot
        } else {
            let moved = snapshot.moved_onto(&current.snapshot, links_given, &self.compile);
            moved.map_err(Rejection::Invalid)?
        };
        let changed = snapshot.data_changed(&current.snapshot);
        let mut state = self.state.clone();
        state.seed.get_or_insert_with(|| self.files.seed());
        if changed.contains(&"links") {
            state.digests.links = chained(LINKS_OF, &digest);
        }
        if changed.contains(&"entities") {
            state.digests.entities = digest;
        }
        Ok(Outcome { state, snapshot, changed })
    }
}
