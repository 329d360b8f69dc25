//! A policy or a link as it is told: where it stands, what its author says, and what each of its
//! clauses saw.

use super::{ExplainedClause, ExplainedPolicy, SeenValue, View, WITHHELD};
use crate::engine::clauses::{ClauseKind, Outcome, PolicyOutcomes, Slots};
use crate::engine::index::{Entry, Scope};
use crate::engine::policies::PolicyInfo;
use crate::engine::slice::seen::Membership;
use crate::engine::snapshot::Snapshot;
use crate::engine::store::{EntityNo, LinkRef};

// === impl Snapshot ===

impl Snapshot {
    /// A policy or link without its clauses.
    pub(super) fn named(&self, id: &str) -> Option<ExplainedPolicy> {
        let info = self.policy(id)?;
        Some(self.introduced(info, self.store.link(id).as_ref()))
    }

    /// A policy or link with what its clauses saw.
    pub(super) fn told(&self, id: &str, view: &View<'_>) -> Option<ExplainedPolicy> {
        let mut policy = self.named(id)?;
        let link = self.store.link(id);
        let slots = link.as_ref().map(Slots::of).unwrap_or_default();
        let PolicyOutcomes { info, outcomes, .. } =
            self.outcomes_fitted(id, view.request, view.fitted)?;
        let entry = self.rules.index.entry(self.rules.index.number(&info.id)?)?;
        policy.clauses = self.clauses_told(view, entry, slots, outcomes);
        Some(policy)
    }

    pub(super) fn introduced(
        &self,
        info: &PolicyInfo,
        link: Option<&LinkRef<'_>>,
    ) -> ExplainedPolicy {
        let named = |number: EntityNo| self.store.uid_of(number).to_string();
        let mut annotations = info.annotations.clone();
        annotations.remove("id");
        for (name, value) in link.into_iter().flat_map(LinkRef::annotations) {
            annotations.insert(name.to_owned(), value.to_owned());
        }
        ExplainedPolicy {
            id: link.map_or_else(|| info.id.clone(), |link| link.id.to_owned()),
            effect: info.effect.to_string(),
            template: link.map(|link| self.store.template_name(link.template).to_owned()),
            file: info.file.clone(),
            line: info.line,
            why: info.comment.clone(),
            annotations,
            principal: link.and_then(|link| link.principal).map(named),
            resource: link.and_then(|link| link.resource).map(named),
            expires: link.and_then(|link| expires(link.expires_ms)),
            clauses: Vec::new(),
        }
    }

    /// The clauses of a policy with what each saw, given what they come to.
    pub(super) fn clauses_told(
        &self,
        view: &View<'_>,
        entry: &Entry,
        slots: Slots,
        outcomes: Vec<Outcome>,
    ) -> Vec<ExplainedClause> {
        let numbered = outcomes.into_iter().enumerate();
        let told = numbered
            .filter_map(|(number, outcome)| self.clause_told(view, entry, slots, number, outcome));
        told.collect()
    }

    /// One clause with what it saw; one that was not reached saw nothing.
    pub(super) fn clause_told(
        &self,
        view: &View<'_>,
        entry: &Entry,
        slots: Slots,
        number: usize,
        outcome: Outcome,
    ) -> Option<ExplainedClause> {
        let clause = entry.clauses.list.get(number)?;
        let mut told = ExplainedClause {
            kind: clause.kind,
            source: clause.source.clone(),
            line: clause.line,
            open: clause.open,
            outcome,
            values: Vec::new(),
            paths: Vec::new(),
        };
        if told.outcome == Outcome::NotReached {
            return Some(told);
        }
        let schema = &self.rules.schema;
        let Some(term) = entry.clauses.term(number) else {
            self.scope_seen(view, entry, slots, &mut told);
            return Some(told);
        };
        if told.outcome.message().is_some() && term.reads_any(schema.secret_names()) {
            told.outcome = Outcome::Error(WITHHELD.to_owned());
        }
        let seen = view.scene.see(&view.slice, schema, term);
        told.values = seen.reads.into_iter().map(SeenValue::from).collect();
        told.paths = seen.memberships.iter().map(|asked| self.path(asked)).collect();
        Some(told)
    }

    /// What a part of a scope asks, and how it stands with it.
    fn scope_seen(&self, view: &View<'_>, entry: &Entry, slots: Slots, told: &mut ExplainedClause) {
        let (uid, scope, slot) = match told.kind {
            ClauseKind::Principal => (&view.request.principal, &entry.principal, slots.principal),
            ClauseKind::Resource => (&view.request.resource, &entry.resource, slots.resource),
            _ => {
                let groups = entry.action_groups().to_vec();
                if !groups.is_empty() {
                    let from = view.request.action.clone();
                    let asked = Membership { expression: "action".to_owned(), from, groups };
                    told.paths.push(self.path(&asked));
                }
                return;
            }
        };
        let expression = told.kind.as_str().to_owned();
        let groups: Option<Vec<_>> = match scope {
            Scope::In(group, _) => Some(vec![group.clone()]),
            // Without a link there is nothing that it should be in; what it is in says what could be.
            Scope::InSlot => Some(slot.map(|slot| self.store.uid_of(slot)).into_iter().collect()),
            Scope::Any | Scope::Eq(_) | Scope::EqSlot => None,
        };
        match groups {
            Some(groups) => {
                let asked = Membership { expression, from: uid.clone(), groups };
                told.paths.push(self.path(&asked));
            }
            None if !told.open => {
                let value = Some(uid.to_string());
                told.values.push(SeenValue { expression, value, secret: false });
            }
            None => {}
        }
    }
}

/// A moment in milliseconds since 1970 as people write it.
pub(super) fn expires(ms: Option<i64>) -> Option<String> {
    let time = jiff::Timestamp::from_millisecond(ms?).ok()?;
    Some(time.to_string())
}
