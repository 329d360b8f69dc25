//! A change of single entities and links: applied to the snapshot in force at a cost of its own,
//! appended to the journal, installed. From time to time the journal is folded into a new state.

use jiff::Timestamp;
use serde_json::json;

use super::Writer;
use crate::engine::bundle::chained;
use crate::engine::store::{Applied, Change};
use crate::engine::{Digests, Snapshot, Text};
use crate::pdp::publisher::{Patched, Published, Rejection};
use crate::revisions::{DataDir, Record};

/// What a change would make.
struct Outcome {
    snapshot: Snapshot,
    applied: Applied,
    digests: Digests,
    changed: Vec<&'static str>,
}

// === impl Writer ===

impl Writer {
    /// Makes a change durable and puts it in force.
    pub(super) fn patch(
        &mut self,
        change: Change,
        expected: Option<u64>,
    ) -> Result<Patched, Rejection> {
        let Outcome { snapshot, applied, digests, changed } = self.outcome(&change, expected)?;
        if changed.is_empty() {
            return Ok(self.patched(changed, applied));
        }
        let installed_at = Timestamp::now();
        let seed = self.state.seed.clone().unwrap_or_else(|| self.files.seed());
        let revision = self.state.revision + 1;
        let record = Record { revision, installed_at, digests, seed, change };
        let Some(data_dir) = &mut self.data_dir else { return Err(Rejection::Ephemeral) };
        let appended = data_dir.append(&record);
        appended.map_err(|error| Rejection::NotDurable(error.to_string()))?;
        let mut state = self.state.clone();
        state.follow(&record);
        self.install(state, snapshot);
        Ok(self.patched(changed, applied))
    }

    /// Judges a change as `patch` would, and takes nothing of it.
    pub(super) fn try_patch(
        &self,
        change: &Change,
        expected: Option<u64>,
    ) -> Result<Patched, Rejection> {
        let Outcome { applied, changed, .. } = self.outcome(change, expected)?;
        Ok(self.patched(changed, applied))
    }

    fn patched(&self, changed: Vec<&'static str>, applied: Applied) -> Patched {
        Patched { published: Published { revision: self.state.revision, changed }, applied }
    }

    fn outcome(&self, change: &Change, expected: Option<u64>) -> Result<Outcome, Rejection> {
        self.admit(expected)?;
        let current = self.pdp.current().ok_or(Rejection::NotReady)?;
        let applied = current.snapshot.apply(change, &self.compile);
        let (snapshot, applied) = applied.map_err(Rejection::Invalid)?;
        let Applied { upserted, removed, orphaned, linked, unlinked, links_removed } = &applied;
        let entities = !(upserted.is_empty() && removed.is_empty() && orphaned.is_empty());
        let links = !(linked.is_empty() && unlinked.is_empty() && links_removed.is_empty());
        let mut digests = self.state.digests.clone();
        if entities || links {
            let said = said(change);
            for (part, is_new) in [(&mut digests.entities, entities), (&mut digests.links, links)] {
                if is_new {
                    *part = chained(part, &said);
                }
            }
        }
        let changed = digests.changed(&self.state.digests);
        Ok(Outcome { snapshot, applied, digests, changed })
    }

    /// Saves a new state where the journal is long. Where that fails the journal goes on.
    pub(super) fn fold(&mut self) {
        let wants = self.data_dir.as_ref().is_some_and(DataDir::wants_saving);
        let Some(current) = self.pdp.current().filter(|_| wants) else { return };
        match self.save(self.state.clone(), &current.snapshot, Some(&current.snapshot)) {
            Ok(state) => {
                tracing::debug!(revision = state.revision, "the journal was folded into an image");
                self.state = state;
            }
            Err(error) => {
                let reason = error.to_string();
                tracing::error!(reason, "the journal could not be folded into an image");
            }
        }
    }
}

/// What a change says, for the digest of what it changes.
fn said(change: &Change) -> String {
    let Change { unlink, remove, upsert, link } = change;
    let remove: Vec<String> = remove.iter().map(ToString::to_string).collect();
    let text = |text: &Option<Text>| text.as_ref().map(|text| text.text.to_string());
    json!([unlink, remove, text(upsert), text(link)]).to_string()
}
