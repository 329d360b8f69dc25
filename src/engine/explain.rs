//! Why a decision came out as it did, for people: the policies that determined it with what each of
//! their clauses saw, the permits that came nearest, and a change of data that would allow.
//!
//! Nothing here decides. Clauses are told as [`crate::engine::clauses`] evaluates them, which a test
//! holds against the check, and a change is named only after it was applied to a copy and the copy
//! allowed. Values that the schema declares `@secret` are masked wherever they would stand.

mod change;
mod nearest;
mod path;
mod plan;
mod told;

use std::collections::BTreeMap;

use super::check::{CheckOptions, CheckRequest, Code, PolicyError};
use super::clauses::{ClauseKind, Outcome};
use super::request::Fitted;
use super::slice::{Scene, Slice};
use super::snapshot::Snapshot;

/// Of how many determining policies the clauses are told; the rest are named.
const POLICIES_TOLD_MAX: usize = 32;

/// What stands in the place of a message that could tell a secret value.
const WITHHELD: &str = "it reads a secret attribute, so the message is withheld";

/// Why a decision came out as it did.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// One sentence.
    pub summary: String,
    /// The determining policies, and those that could not be evaluated where they denied. Of the
    /// first 32 the clauses are told.
    pub policies: Vec<ExplainedPolicy>,
    /// Where no permit is satisfied and no forbid determined the deny: the permits that came
    /// nearest, the nearest first, at most three.
    pub nearest: Vec<NearMiss>,
    /// For a deny: what data would have to say for an allow.
    pub change: Option<Sought>,
}

/// One policy of an explanation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainedPolicy {
    /// Its id; a link's is its link id.
    pub id: String,
    /// `permit` or `forbid`.
    pub effect: String,
    /// The template, where the policy is a link.
    pub template: Option<String>,
    /// The text that it or its template stands in.
    pub file: String,
    /// The line there, from 1.
    pub line: usize,
    /// The comment above it.
    pub why: Option<String>,
    /// Its annotations, `@id` left out; a link's own come over its template's.
    pub annotations: BTreeMap<String, String>,
    /// What fills the principal slot of a link.
    pub principal: Option<String>,
    /// What fills the resource slot of a link.
    pub resource: Option<String>,
    /// When a link stops deciding, in RFC 3339.
    pub expires: Option<String>,
    /// Its clauses, in the order of evaluation.
    pub clauses: Vec<ExplainedClause>,
}

/// One clause of an explanation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainedClause {
    /// Which part of the policy it is.
    pub kind: ClauseKind,
    /// Its source.
    pub source: String,
    /// The line it begins on, from 1.
    pub line: usize,
    /// A part of the scope that asks for nothing.
    pub open: bool,
    /// What it comes to; for a conjunct of an `unless`, before the block is negated.
    pub outcome: Outcome,
    /// The values that it read, at most 16.
    pub values: Vec<SeenValue>,
    /// Who it asks to be in what, at most 16.
    pub paths: Vec<SeenPath>,
}

/// A value that a clause read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenValue {
    /// As Cedar writes it: `resource.owner`.
    pub expression: String,
    /// As Cedar writes it, shortened, or `(secret)`; `None` where nothing is there.
    pub value: Option<String>,
    /// Whether the schema declares it secret.
    pub secret: bool,
}

/// An entity that a clause asks to be in another, and the way through the hierarchy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenPath {
    /// What is asked about, as Cedar writes it.
    pub expression: String,
    /// The entity that it is.
    pub from: String,
    /// In any of these, or one of them.
    pub groups: Vec<String>,
    /// From the entity to the group, each in the next; empty where there is no way.
    pub through: Vec<String>,
    /// Where there is no way: what the entity is in, the nearest first, at most eight.
    pub ancestors: Vec<String>,
}

/// A permit that came near.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NearMiss {
    /// The permit, or the template.
    pub policy: ExplainedPolicy,
    /// The first clause, in the order of evaluation, that kept it from permitting; `None` where
    /// nothing is wrong but the time of a link.
    pub failed: Option<ExplainedClause>,
    /// How many things kept it from permitting; each conjunct counts, and each `unless`.
    pub unmet: usize,
    /// Whether it is a template that no link fits for this principal and resource.
    pub needs_link: bool,
    /// The links that fit in part, at most three.
    pub links: Vec<NearLink>,
}

/// A link of a template that fits in part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NearLink {
    /// Its id.
    pub id: String,
    /// What fills its principal slot.
    pub principal: Option<String>,
    /// What fills its resource slot.
    pub resource: Option<String>,
    /// When it stops deciding, in RFC 3339.
    pub expires: Option<String>,
    /// What keeps it from fitting.
    pub misfit: Misfit,
}

/// What keeps a link from fitting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Misfit {
    /// Nothing but its time, which is over.
    Expired,
    /// The resource is not in what its resource slot names.
    Resource,
    /// The principal is not in what its principal slot names.
    Principal,
}

/// What came of the search for a change that would allow.
#[derive(Debug, Clone, PartialEq)]
pub struct Sought {
    /// In words: what the change does, or that none was found.
    pub summary: String,
    /// The body of `PATCH /v1/entities`. Applied to a copy of this snapshot, it was taken, and the
    /// request was allowed there.
    pub patch: Option<serde_json::Value>,
}

/// What an explanation is made from.
pub(super) struct Basis<'a> {
    pub(super) code: Code,
    /// The determining policies, or the forbids that erred where that denied.
    pub(super) policies: &'a [String],
    /// The forbids that stand in the way: satisfied, or erring where that denies.
    pub(super) forbids: &'a [String],
    /// Whether a permit is satisfied.
    pub(super) permitted: bool,
}

/// A request as explanations look at it.
struct View<'v> {
    request: &'v CheckRequest,
    options: CheckOptions,
    fitted: &'v Fitted<'v>,
    scene: Scene<'v>,
    slice: Slice,
}

// === impl Misfit ===

impl Misfit {
    /// `expired`, `resource` or `principal`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Resource => "resource",
            Self::Principal => "principal",
        }
    }
}

// === impl Snapshot ===

impl Snapshot {
    /// Explains a decision of this snapshot.
    pub(super) fn explain(
        &self,
        request: &CheckRequest,
        options: CheckOptions,
        fitted: &Fitted<'_>,
        basis: &Basis<'_>,
    ) -> Explanation {
        let scene = self.scene(request, fitted);
        let slice = scene.slice(&fitted.environment.needs);
        let view = View { request, options, fitted, scene, slice };
        let numbered = basis.policies.iter().enumerate();
        let policies = numbered.filter_map(|(number, id)| {
            if number < POLICIES_TOLD_MAX { self.told(id, &view) } else { self.named(id) }
        });
        let policies = policies.collect();
        let allowed = basis.code == Code::Allow;
        let near = if allowed || basis.permitted { Vec::new() } else { self.near(&view) };
        let nearest =
            if basis.forbids.is_empty() { self.nearest(&view, &near) } else { Vec::new() };
        let change = (!allowed).then(|| self.sought(&view, basis, &near));
        Explanation { summary: summary(request, basis.code), policies, nearest, change }
    }

    /// Takes the messages of policies back that could tell a secret value.
    pub(super) fn withhold(&self, errors: &mut [PolicyError]) {
        let secrets = self.rules.schema.secret_names();
        if secrets.is_empty() {
            return;
        }
        for error in errors {
            let info = self.policy(&error.policy);
            let number = info.and_then(|info| self.rules.index.number(&info.id));
            let entry = number.and_then(|number| self.rules.index.entry(number));
            let condition = entry.and_then(|entry| entry.condition.as_ref());
            if condition.is_none_or(|condition| condition.reads_any(secrets)) {
                WITHHELD.clone_into(&mut error.message);
            }
        }
    }
}

fn summary(request: &CheckRequest, code: Code) -> String {
    let CheckRequest { principal, action, resource, .. } = request;
    let action = action.id().unescaped();
    match code {
        Code::Allow => {
            format!(
                "{principal} may {action} {resource}: a permit says so, and no forbid speaks against it"
            )
        }
        Code::NoPermit => {
            format!(
                "no permit lets {principal} {action} {resource}; what nothing permits is denied"
            )
        }
        Code::Forbidden => {
            format!("a forbid denies {action} on {resource} to {principal}, whatever is permitted")
        }
        Code::ForbidError => format!(
            "a forbid could not be evaluated for {principal}, {action} and {resource}; it may forbid, so this is denied"
        ),
        Code::UnknownPrincipal => format!("the snapshot does not hold {principal}"),
        Code::UnknownResource => format!("the snapshot does not hold {resource}"),
        // The codes of requests that no policy was asked about.
        _ => "the request was not decided".to_owned(),
    }
}

#[cfg(test)]
mod tests;
