//! An earlier revision in force again. Only parts that the API owns can be restored; the others
//! have to say what they said then.

use super::{Commit, FILES, Next, Writer};
use crate::engine::{Draft, Snapshot};
use crate::pdp::publisher::history::Restored;
use crate::pdp::publisher::{Published, Rejection, Terms};

// === impl Writer ===

impl Writer {
    pub(super) fn restore(
        &mut self,
        restored: Restored,
        terms: &Terms,
    ) -> Result<Published, Rejection> {
        if let Some(earlier) = self.answered(terms)? {
            return Ok(earlier.published());
        }
        self.admit(terms, self.state.revision)?;
        let made = self.restored(restored)?;
        let unchanged = Published { revision: self.state.revision, changed: Vec::new() };
        let Some((next, snapshot, commit)) = made else { return Ok(unchanged) };
        if terms.dry_run {
            self.put_trial(terms, &snapshot);
            let changed = next.state.digests.changed(&self.in_force());
            return Ok(Published { changed, ..unchanged });
        }
        self.commit(next.state, snapshot, commit, terms)
    }

    /// The version that a restored revision makes; `None` where that is what is in force.
    fn restored(&self, restored: Restored) -> Result<Option<(Next, Snapshot, Commit)>, Rejection> {
        let current = self.pdp.current().ok_or(Rejection::NotReady)?;
        let Restored { state: then, snapshot, .. } = restored;
        let now = &self.state;
        for part in then.digests.changed(&now.digests) {
            let is_rules = matches!(part, "schema" | "policies");
            let of_files =
                if is_rules { self.files_own_policies } else { self.files_own_entities(now) };
            if of_files {
                return Err(Rejection::OwnedElsewhere { part, owner: FILES.to_owned() });
            }
        }
        let mut state = now.clone();
        state.digests = then.digests.clone();
        if !self.files_own_policies {
            state.own = then.rules().clone();
        }
        if !self.files_own_entities(now) {
            state.seed.get_or_insert_with(|| self.files.seed());
        }
        state.references = self.compile.references;
        let same_rules = state.digests.schema == now.digests.schema
            && state.digests.policies == now.digests.policies;
        let change = if state.digests.entities == now.digests.entities
            && state.digests.links == now.digests.links
        {
            None
        } else {
            Self::keep_same(&mut state, &now.digests, &current.snapshot, &snapshot)
        };
        if state.digests.changed(&now.digests).is_empty() {
            return Ok(None);
        }
        let next = Next { state, entities: None, links: None };
        let same_data = next.state.digests.entities == now.digests.entities
            && next.state.digests.links == now.digests.links;
        if same_data {
            let made = self.make(&next, Some(&current.snapshot), false);
            return Ok(Some((next, made.map_err(Rejection::Invalid)?, Commit::Rules)));
        }
        let judged = then.references == self.compile.references;
        let draft = Draft { judge_again: true, ..Draft::default() };
        let snapshot = if judged {
            snapshot
        } else {
            snapshot.revise(&draft, &self.compile).map_err(Rejection::Invalid)?
        };
        let change = change.filter(|_| same_rules);
        let (snapshot, commit) = self.kept(&current.snapshot, snapshot, change);
        Ok(Some((next, snapshot, commit)))
    }
}
