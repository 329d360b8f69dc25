//! Changes of single entities and links: each applied to the version before it at a cost of its
//! own, those that wait together appended together, and the last of them installed.

use std::collections::VecDeque;

use serde_json::json;

use super::{Patch, Writer, commit};
use crate::engine::bundle::chained;
use crate::engine::store::{Applied, Change};
use crate::engine::{Digests, Snapshot, Text};
use crate::pdp::publisher::{Answer, Patched, Published, Rejection, Terms};
use crate::revisions::{Body, Entry, State};

/// Changes that are to be made durable together, and what stands after them.
struct Group {
    state: State,
    /// What stands after them; `None` while there is none.
    snapshot: Option<Snapshot>,
    entries: Vec<Entry>,
    bytes: Vec<usize>,
    answers: Vec<(Answer<Patched>, Result<Patched, Rejection>, Terms)>,
}

// === impl Writer ===

impl Writer {
    /// Makes changes durable and puts them in force, in their order. Nothing is answered before it
    /// is known: also a rejection may rest on a change before it.
    pub(super) fn patch_all(&mut self, patches: &mut VecDeque<Patch>) {
        while !patches.is_empty() {
            let mut group = self.begin();
            while let Some(patch) = patches.pop_front() {
                if group.has_key(&patch.terms) {
                    // Whether it is the same request is known when the first one is durable.
                    patches.push_front(patch);
                    break;
                }
                let Patch { change, terms, answer } = patch;
                let result = self.add(&mut group, change, &terms);
                group.answers.push((answer, result, terms));
            }
            self.finish(group);
        }
    }

    fn begin(&self) -> Group {
        let snapshot = self.pdp.current().map(|installed| installed.snapshot.clone());
        let state = self.state.clone();
        let (entries, bytes, answers) = (Vec::new(), Vec::new(), Vec::new());
        Group { state, snapshot, entries, bytes, answers }
    }

    fn add(&self, group: &mut Group, change: Change, terms: &Terms) -> Result<Patched, Rejection> {
        if let Some(earlier) = self.answered(terms)? {
            return self.patched_before(&earlier);
        }
        self.admit(terms, group.state.revision)?;
        let base = group.snapshot.as_ref().ok_or(Rejection::NotReady)?;
        let applied = base.apply(&change, &self.compile);
        let (snapshot, applied) = applied.map_err(Rejection::Invalid)?;
        let digests = digests(&group.state, &change, &applied);
        let changed = digests.changed(&group.state.digests);
        let (links_removed, parents_dropped) = (applied.links_removed, applied.orphaned.len());
        if terms.dry_run && !changed.is_empty() {
            terms.trial.put(Some(base), &snapshot);
        }
        if changed.is_empty() || terms.dry_run {
            let published = Published { revision: group.state.revision, changed };
            return Ok(Patched { published, links_removed, parents_dropped });
        }
        let mut state = group.state.clone();
        state.seed.get_or_insert_with(|| self.files.seed());
        state.digests = digests;
        state.references = self.compile.references;
        state.revision += 1;
        state.installed_at = Some(jiff::Timestamp::now());
        let body = Body {
            digests: state.digests.clone(),
            seed: state.seed.clone(),
            references: state.references,
            rules: None,
            change: Some(change),
            links_removed,
            parents_dropped,
        };
        let entry = commit::entry(&state, &changed, terms, &body)?;
        group.bytes.push(entry.body.len());
        group.entries.push(entry);
        let published = Published { revision: state.revision, changed };
        group.state = state;
        group.snapshot = Some(snapshot);
        Ok(Patched { published, links_removed: body.links_removed, parents_dropped })
    }

    /// Makes a group durable, puts it in force, and answers.
    fn finish(&mut self, group: Group) {
        let Group { state, snapshot, entries, bytes, answers } = group;
        let appended = if entries.is_empty() { Ok(Vec::new()) } else { self.append(entries) };
        let failed = appended.as_ref().err().map(|rejection| match rejection {
            Rejection::NotDurable(reason) => reason.clone(),
            other => format!("{other:?}"),
        });
        if let (Ok(records), Some(snapshot)) = (appended, snapshot)
            && !records.is_empty()
        {
            for bytes in bytes {
                self.count_for_fold(false, bytes, false);
            }
            self.install(state, snapshot);
        }
        for (answer, result, terms) in answers {
            let result = match &failed {
                Some(reason) => Err(Rejection::NotDurable(reason.clone())),
                None => result,
            };
            if !terms.dry_run {
                self.account("api", &result, |patched| patched.published.is_unchanged());
                if let Ok(Patched { published, .. }) = &result
                    && published.is_unchanged()
                {
                    self.remember(&terms, published.revision);
                }
            }
            // Whoever asked may have gone; the change stands all the same.
            let _ = answer.send(result);
        }
    }
}

// === impl Group ===

impl Group {
    /// Whether a change of the group has the same idempotency key.
    fn has_key(&self, terms: &Terms) -> bool {
        let key = |terms: &Terms| terms.key.as_ref().map(|it| it.key.clone());
        key(terms)
            .is_some_and(|it| self.answers.iter().any(|(.., terms)| key(terms) == Some(it.clone())))
    }
}

/// The digests of the parts after a change.
fn digests(state: &State, change: &Change, applied: &Applied) -> Digests {
    let Applied { upserted, removed, orphaned, linked, unlinked, links_removed } = applied;
    let entities = !(upserted.is_empty() && removed.is_empty() && orphaned.is_empty());
    let links = !(linked.is_empty() && unlinked.is_empty() && links_removed.is_empty());
    let mut digests = state.digests.clone();
    if entities || links {
        let said = said(change);
        for (part, is_new) in [(&mut digests.entities, entities), (&mut digests.links, links)] {
            if is_new {
                *part = chained(part, &said);
            }
        }
    }
    digests
}

/// What a change says, for the digest of what it changes.
fn said(change: &Change) -> String {
    let Change { unlink, remove, upsert, link } = change;
    let remove: Vec<String> = remove.iter().map(ToString::to_string).collect();
    let text = |text: &Option<Text>| text.as_ref().map(|text| text.text.to_string());
    json!([unlink, remove, text(upsert), text(link)]).to_string()
}
