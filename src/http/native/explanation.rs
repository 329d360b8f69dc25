//! An explanation as it goes over the wire, in native answers and in the context of `AuthZEN`'s.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::engine::clauses::Outcome;
use crate::engine::explain::{
    ExplainedClause, ExplainedPolicy, Explanation, NearLink, NearMiss, SeenPath, SeenValue, Sought,
};

/// An explanation as it goes over the wire.
#[derive(Serialize)]
pub(crate) struct ExplanationWire<'a> {
    summary: &'a str,
    policies: Vec<PolicyWire<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    nearest: Vec<NearWire<'a>>,
    #[serde(flatten)]
    sought: Option<SoughtWire<'a>>,
}

#[derive(Serialize)]
struct SoughtWire<'a> {
    /// Null where none was found.
    change: Option<&'a serde_json::Value>,
    change_summary: &'a str,
}

#[derive(Serialize)]
struct PolicyWire<'a> {
    id: &'a str,
    effect: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<&'a str>,
    file: &'a str,
    line: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'a str>,
    annotations: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    clauses: Vec<ClauseWire<'a>>,
}

#[derive(Serialize)]
struct ClauseWire<'a> {
    kind: &'static str,
    source: &'a str,
    line: usize,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    values: Vec<ValueWire<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    paths: Vec<PathWire<'a>>,
}

#[derive(Serialize)]
struct ValueWire<'a> {
    expression: &'a str,
    /// Null where nothing is there.
    value: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    secret: bool,
}

#[derive(Serialize)]
struct PathWire<'a> {
    expression: &'a str,
    from: &'a str,
    groups: &'a [String],
    through: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    ancestors: &'a [String],
}

#[derive(Serialize)]
struct NearWire<'a> {
    policy: PolicyWire<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed: Option<ClauseWire<'a>>,
    unmet: usize,
    needs_link: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    links: Vec<LinkWire<'a>>,
}

#[derive(Serialize)]
struct LinkWire<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<&'a str>,
    misfit: &'static str,
}

// === impl ExplanationWire ===

impl<'a> From<&'a Explanation> for ExplanationWire<'a> {
    fn from(explanation: &'a Explanation) -> Self {
        let Explanation { summary, policies, nearest, change } = explanation;
        Self {
            summary,
            policies: policies.iter().map(PolicyWire::from).collect(),
            nearest: nearest.iter().map(NearWire::from).collect(),
            sought: change.as_ref().map(|Sought { summary, patch }| SoughtWire {
                change: patch.as_ref(),
                change_summary: summary,
            }),
        }
    }
}

impl<'a> From<&'a ExplainedPolicy> for PolicyWire<'a> {
    fn from(policy: &'a ExplainedPolicy) -> Self {
        Self {
            id: &policy.id,
            effect: &policy.effect,
            template: policy.template.as_deref(),
            // The name alone: where it lies is the operator's business.
            file: policy.file.rsplit(['/', '\\']).next().unwrap_or(&policy.file),
            line: policy.line,
            why: policy.why.as_deref(),
            annotations: &policy.annotations,
            principal: policy.principal.as_deref(),
            resource: policy.resource.as_deref(),
            expires: policy.expires.as_deref(),
            clauses: policy.clauses.iter().map(ClauseWire::from).collect(),
        }
    }
}

impl<'a> From<&'a ExplainedClause> for ClauseWire<'a> {
    fn from(clause: &'a ExplainedClause) -> Self {
        Self {
            kind: clause.kind.as_str(),
            source: &clause.source,
            line: clause.line,
            outcome: clause.outcome.as_str(),
            error: Outcome::message(&clause.outcome),
            values: clause.values.iter().map(ValueWire::from).collect(),
            paths: clause.paths.iter().map(PathWire::from).collect(),
        }
    }
}

impl<'a> From<&'a SeenValue> for ValueWire<'a> {
    fn from(SeenValue { expression, value, secret }: &'a SeenValue) -> Self {
        Self { expression, value: value.as_deref(), secret: *secret }
    }
}

impl<'a> From<&'a SeenPath> for PathWire<'a> {
    fn from(path: &'a SeenPath) -> Self {
        let SeenPath { expression, from, groups, through, ancestors } = path;
        Self { expression, from, groups, through, ancestors }
    }
}

impl<'a> From<&'a NearMiss> for NearWire<'a> {
    fn from(near: &'a NearMiss) -> Self {
        Self {
            policy: PolicyWire::from(&near.policy),
            failed: near.failed.as_ref().map(ClauseWire::from),
            unmet: near.unmet,
            needs_link: near.needs_link,
            links: near.links.iter().map(LinkWire::from).collect(),
        }
    }
}

impl<'a> From<&'a NearLink> for LinkWire<'a> {
    fn from(link: &'a NearLink) -> Self {
        Self {
            id: &link.id,
            principal: link.principal.as_deref(),
            resource: link.resource.as_deref(),
            expires: link.expires.as_deref(),
            misfit: link.misfit.as_str(),
        }
    }
}
