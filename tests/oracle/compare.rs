//! Holds one answer of doorward against Cedar's. What may differ is stated here, and nowhere else.

use std::collections::{BTreeMap, BTreeSet};

use doorward::engine::{CheckResponse, Code, Decision};

use crate::model::Question;
use crate::plain::{Answer, Plain};

/// How an answer differs from Cedar's; the kind is what shrinking keeps.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Difference {
    pub(crate) kind: String,
    pub(crate) ours: String,
    pub(crate) cedars: String,
}

impl Difference {
    pub(crate) fn new(
        kind: &str,
        ours: impl std::fmt::Debug,
        cedars: impl std::fmt::Debug,
    ) -> Self {
        Self { kind: kind.to_owned(), ours: format!("{ours:?}"), cedars: format!("{cedars:?}") }
    }
}

/// What doorward must answer where Cedar answers `cedar`: Cedar's own decision and reason, but for
/// forbids that err under `ForbidErrors::Deny`, and codes that say why.
fn expected(
    plain: &Plain,
    question: &Question,
    cedar: &Answer,
) -> (Decision, Code, BTreeSet<String>) {
    let errs = question.forbid_errors_deny && cedar.errors.keys().any(|id| plain.is_forbid(id));
    let code = match (cedar.allow, cedar.reason.is_empty()) {
        (true, _) if !errs => return (Decision::Allow, Code::Allow, cedar.reason.clone()),
        (false, false) => Code::Forbidden,
        _ if errs => Code::ForbidError,
        _ => Code::NoPermit,
    };
    let code = match cedar.known {
        [false, _] => Code::UnknownPrincipal,
        [_, false] => Code::UnknownResource,
        _ => code,
    };
    // Where Cedar would have allowed, its permits did not determine this answer.
    let reason = if cedar.allow { BTreeSet::new() } else { cedar.reason.clone() };
    (Decision::Deny, code, reason)
}

/// Whether an explanation is missing, unasked for, or tells of other policies than the answer does.
fn explains_otherwise(question: &Question, ours: &CheckResponse) -> bool {
    let Some(explanation) = &ours.explanation else { return question.explains };
    let told: Vec<&String> = explanation.policies.iter().map(|policy| &policy.id).collect();
    let told_of = ours.code == Code::ForbidError || told.iter().copied().eq(&ours.reason);
    !question.explains || !told_of
}

/// Compares decision, code, determining policies and errors.
///
/// Of errors one thing may differ. A permit that strict validation knows to be unsatisfiable for the
/// request's types and action can be left out without evaluating it, so an error that it would have
/// had (by a number out of range, or an entity that is not stored) may be missing, provided that
/// principal and resource are stored. Every other error must be there with its message, and doorward
/// must report none that Cedar does not.
pub(crate) fn compare(
    plain: &Plain,
    question: &Question,
    cedar: &Answer,
    ours: &CheckResponse,
) -> Option<Difference> {
    let (decision, code, reason) = expected(plain, question, cedar);
    if ours.decision != decision {
        return Some(Difference::new("decision", ours, cedar));
    }
    let our_reason: BTreeSet<String> = ours.reason.iter().cloned().collect();
    if our_reason != reason || our_reason.len() != ours.reason.len() {
        return Some(Difference::new("reason", ours, cedar));
    }
    if ours.code != code {
        return Some(Difference::new("code", ours, (code, cedar)));
    }
    if explains_otherwise(question, ours) {
        return Some(Difference::new("explanation", ours, cedar));
    }
    let our_errors: BTreeMap<String, String> =
        ours.errors.iter().map(|error| (error.policy.clone(), error.message.clone())).collect();
    let both_stored = cedar.known == [true, true];
    let missing = cedar.errors.iter().filter(|(id, message)| our_errors.get(*id) != Some(message));
    let excused = |id: &str| {
        both_stored && !our_errors.contains_key(id) && plain.is_needless_permit(id, question)
    };
    let differs = missing.into_iter().any(|(id, _)| !excused(id))
        || our_errors.keys().any(|id| !cedar.errors.contains_key(id));
    differs.then(|| Difference::new("errors", ours, cedar))
}
