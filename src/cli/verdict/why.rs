//! Why a decision came out as it did, as the command line reads it from a service and shows it.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::{indent, indent_hanging};
use crate::cli::terminal::{Paint, visible};
use crate::engine::clauses::Outcome;
use crate::engine::explain::{
    ExplainedClause, ExplainedPolicy, Explanation, NearLink, NearMiss, SeenPath, SeenValue,
};

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Why {
    pub(super) summary: String,
    #[serde(default)]
    pub(super) policies: Vec<Policy>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    nearest: Vec<Near>,
    /// Null where none was found; an allow has no such member.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    change: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    change_summary: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Policy {
    id: String,
    effect: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    template: Option<String>,
    file: String,
    line: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    principal: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resource: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    clauses: Vec<Clause>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Clause {
    kind: String,
    source: String,
    line: usize,
    outcome: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    values: Vec<Seen>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    paths: Vec<Path>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Seen {
    expression: String,
    value: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    secret: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct Path {
    expression: String,
    from: String,
    groups: Vec<String>,
    through: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ancestors: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Near {
    policy: Policy,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failed: Option<Clause>,
    unmet: usize,
    needs_link: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    links: Vec<Link>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Link {
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    principal: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resource: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
    misfit: String,
}

/// A member that is there may be null.
fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}

// === impl Why ===

impl Why {
    /// The policies, with what their authors say.
    pub(super) fn authored(&self, paint: Paint) -> Vec<String> {
        let mut lines = Vec::new();
        for policy in &self.policies {
            lines.push(policy.brief(paint));
            lines.extend(policy.authored());
        }
        lines
    }

    /// The same with what their clauses saw, the nearest permits, and a change.
    pub(super) fn full(&self, paint: Paint) -> Vec<String> {
        let mut lines = Vec::new();
        for policy in &self.policies {
            lines.push(policy.brief(paint));
            lines.extend(policy.authored());
            lines.extend(policy.clauses.iter().flat_map(Clause::full));
        }
        if !self.nearest.is_empty() {
            lines.push("  nearest:".to_owned());
        }
        for near in &self.nearest {
            lines.push(near.policy.brief(paint));
            lines.extend(near.full());
        }
        if let Some(summary) = &self.change_summary {
            match self.change.as_ref().filter(|change| !change.is_null()) {
                Some(change) => {
                    lines.extend(indent(
                        2,
                        &format!("this change of the data would allow it: {summary}"),
                    ));
                    // In one piece, to be sent as it stands.
                    lines.push(visible(&format!("    PATCH /v1/entities {change}")));
                }
                None => lines.extend(indent(2, summary)),
            }
        }
        lines
    }
}

impl From<Explanation> for Why {
    fn from(explanation: Explanation) -> Self {
        let Explanation { summary, policies, nearest, change } = explanation;
        let (change, change_summary) = match change {
            Some(sought) => (Some(sought.patch.unwrap_or_default()), Some(sought.summary)),
            None => (None, None),
        };
        Self {
            summary,
            policies: policies.into_iter().map(Policy::from).collect(),
            nearest: nearest.into_iter().map(Near::from).collect(),
            change,
            change_summary,
        }
    }
}

// === impl Policy ===

impl Policy {
    /// One line: effect, id, what it is a link of, and where it stands.
    pub(super) fn brief(&self, paint: Paint) -> String {
        let link = match &self.template {
            Some(template) => format!(" (a link of {})", visible(template)),
            None => String::new(),
        };
        let place = visible(&format!("{}:{}", self.file, self.line));
        let id = visible(&self.id);
        format!("  {} {}{link}  {}", self.effect, paint.bold(&id), paint.faint(&place))
    }

    /// What its author says, and what fills its slots.
    fn authored(&self) -> Vec<String> {
        let mut lines = self.why.as_deref().map(|why| indent(4, why)).unwrap_or_default();
        let slots = [("principal in", &self.principal), ("resource in", &self.resource)];
        for (slot, filled) in slots {
            if let Some(filled) = filled {
                lines.push(visible(&format!("    {slot} {filled}")));
            }
        }
        lines.extend(self.expires.as_ref().map(|time| visible(&format!("    until {time}"))));
        lines
    }
}

impl From<ExplainedPolicy> for Policy {
    fn from(policy: ExplainedPolicy) -> Self {
        Self {
            id: policy.id,
            effect: policy.effect,
            template: policy.template,
            file: policy.file,
            line: policy.line,
            why: policy.why,
            annotations: policy.annotations,
            principal: policy.principal,
            resource: policy.resource,
            expires: policy.expires,
            clauses: policy.clauses.into_iter().map(Clause::from).collect(),
        }
    }
}

// === impl Clause ===

impl Clause {
    /// What it came to and what it saw. A part of a scope that asks for nothing is passed over, and
    /// so is what was not reached.
    fn full(&self) -> Vec<String> {
        let word = match self.outcome.as_str() {
            "satisfied" => "true",
            "not_satisfied" => "false",
            "error" => "error",
            _ => return Vec::new(),
        };
        let source = match self.kind.as_str() {
            kind @ ("when" | "unless") => format!("{kind} {}", self.source),
            kind if self.source.trim() == kind => return Vec::new(),
            _ => self.source.clone(),
        };
        let mut lines = indent_hanging(4, &format!("{word:<6}"), &source);
        let seen = self.values.iter().map(Seen::full).chain(self.paths.iter().map(Path::full));
        let seen = seen.chain(self.error.clone());
        lines.extend(seen.flat_map(|text| indent_hanging(10, "", &text)));
        lines
    }
}

impl From<ExplainedClause> for Clause {
    fn from(clause: ExplainedClause) -> Self {
        Self {
            kind: clause.kind.as_str().to_owned(),
            source: clause.source,
            line: clause.line,
            outcome: clause.outcome.as_str().to_owned(),
            error: Outcome::message(&clause.outcome).map(str::to_owned),
            values: clause.values.into_iter().map(Seen::from).collect(),
            paths: clause.paths.into_iter().map(Path::from).collect(),
        }
    }
}

// === impl Seen, Path ===

impl Seen {
    fn full(&self) -> String {
        match &self.value {
            Some(value) => format!("{} is {value}", self.expression),
            None => format!("{} is not there", self.expression),
        }
    }
}

impl From<SeenValue> for Seen {
    fn from(SeenValue { expression, value, secret }: SeenValue) -> Self {
        Self { expression, value, secret }
    }
}

impl Path {
    fn full(&self) -> String {
        match (self.through.as_slice(), self.ancestors.as_slice()) {
            ([one], _) => format!("{one} is the same"),
            ([], []) => format!("{} is in nothing", self.from),
            ([], ancestors) => format!("{} is in {}", self.from, ancestors.join(", ")),
            (through, _) => through.join(" in "),
        }
    }
}

impl From<SeenPath> for Path {
    fn from(path: SeenPath) -> Self {
        let SeenPath { expression, from, groups, through, ancestors } = path;
        Self { expression, from, groups, through, ancestors }
    }
}

// === impl Near ===

impl Near {
    fn full(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if self.needs_link {
            lines.push("    no link of it fits this principal and this resource".to_owned());
        }
        lines.extend(self.failed.iter().flat_map(Clause::full));
        for link in &self.links {
            let slots = [("principal", &link.principal), ("resource", &link.resource)];
            let slots = slots.iter().filter_map(|(slot, filled)| {
                filled.as_ref().map(|filled| format!("{slot} in {filled}"))
            });
            let slots: Vec<String> = slots.collect();
            let misfit = match (link.misfit.as_str(), &link.expires) {
                ("expired", Some(time)) => format!("expired at {time}"),
                (misfit, _) => format!("the {misfit} is not"),
            };
            let text = format!("{}: {}; {misfit}", link.id, slots.join(", "));
            lines.extend(indent_hanging(4, "link  ", &text));
        }
        if self.unmet > 1 {
            let more = self.unmet - 1;
            let things = if more == 1 { "thing" } else { "things" };
            lines.push(format!("    and {more} more {things} kept it from permitting"));
        }
        lines
    }
}

impl From<NearMiss> for Near {
    fn from(near: NearMiss) -> Self {
        Self {
            policy: Policy::from(near.policy),
            failed: near.failed.map(Clause::from),
            unmet: near.unmet,
            needs_link: near.needs_link,
            links: near.links.into_iter().map(Link::from).collect(),
        }
    }
}

impl From<NearLink> for Link {
    fn from(link: NearLink) -> Self {
        Self {
            id: link.id,
            principal: link.principal,
            resource: link.resource,
            expires: link.expires,
            misfit: link.misfit.as_str().to_owned(),
        }
    }
}
