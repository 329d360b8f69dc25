//! A decision as the command line shows it: the first line is the decision, below it stands why,
//! for people.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::terminal::{Paint, visible};
use crate::engine::explain::ExplainedPolicy;
use crate::engine::{CheckResponse, Decision};

/// The width that prose is wrapped to.
const WRAP_CHARS: usize = 76;

/// A decision, from this process or from a service. As JSON it is the answer of `POST /v1/check`,
/// but for the revision and the id of the decision, which only a service has.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Verdict {
    decision: Word,
    code: String,
    #[serde(default)]
    reason: Vec<String>,
    #[serde(default)]
    errors: Vec<Erring>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    advice: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    obligations: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<Why>,
}

/// How much is said about a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// The determining policies, a line each.
    Brief,
    /// Also what their authors say of them, and what a share names.
    Full,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Allow,
    Deny,
}

#[derive(Debug, Serialize, Deserialize)]
struct Erring {
    policy: String,
    message: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Why {
    summary: String,
    #[serde(default)]
    policies: Vec<WhyPolicy>,
}

#[derive(Debug, Serialize, Deserialize)]
struct WhyPolicy {
    id: String,
    effect: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<String>,
    file: String,
    line: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<String>,
}

// === impl Verdict ===

impl Verdict {
    /// Whether the decision is allow.
    pub(super) fn is_allow(&self) -> bool {
        self.decision == Word::Allow
    }

    /// For people.
    pub(super) fn render(&self, paint: Paint, detail: Detail) -> String {
        let mut lines = vec![match self.decision {
            Word::Allow => paint.good("allow").into_owned(),
            Word::Deny => paint.bad("deny").into_owned(),
        }];
        match (&self.explanation, detail) {
            (Some(why), Detail::Full) => {
                lines.extend(self.with_code(&why.summary));
                for policy in &why.policies {
                    lines.push(policy.brief(paint));
                    lines.extend(policy.full());
                }
            }
            (Some(why), Detail::Brief) => {
                lines.extend(self.unless_obvious());
                lines.extend(why.policies.iter().map(|policy| policy.brief(paint)));
            }
            (None, _) => {
                lines.extend(self.unless_obvious());
                lines
                    .extend(self.reason.iter().map(|id| format!("  {}", paint.bold(&visible(id)))));
            }
        }
        lines.extend(self.errors.iter().map(|error| {
            visible(&format!("  `{}` could not be evaluated: {}", error.policy, error.message))
        }));
        lines.extend(self.advice.iter().map(|text| visible(&format!("  advice: {text}"))));
        let obligation = |text: &String| visible(&format!("  obligation: {text}"));
        lines.extend(self.obligations.iter().map(obligation));
        lines.join("\n") + "\n"
    }

    /// A sentence and the code of a deny, wrapped and indented.
    fn with_code(&self, sentence: &str) -> Vec<String> {
        let code = match self.decision {
            Word::Allow => String::new(),
            Word::Deny => format!(" ({})", self.code),
        };
        indent(2, &format!("{sentence}{code}"))
    }

    /// What the code means; nothing where the policies listed below say as much.
    fn unless_obvious(&self) -> Vec<String> {
        if matches!(self.code.as_str(), "allow" | "forbidden") {
            return Vec::new();
        }
        self.with_code(meaning(&self.code))
    }
}

impl From<CheckResponse> for Verdict {
    fn from(response: CheckResponse) -> Self {
        Self {
            decision: match response.decision {
                Decision::Allow => Word::Allow,
                Decision::Deny => Word::Deny,
            },
            code: response.code.as_str().to_owned(),
            reason: response.reason,
            errors: response
                .errors
                .into_iter()
                .map(|error| Erring { policy: error.policy, message: error.message })
                .collect(),
            advice: response.duties.advice,
            obligations: response.duties.obligations,
            explanation: response.explanation.map(|explanation| Why {
                summary: explanation.summary,
                policies: explanation.policies.into_iter().map(WhyPolicy::from).collect(),
            }),
        }
    }
}

// === impl WhyPolicy ===

impl WhyPolicy {
    /// One line: effect, id, what it is a link of, and where it stands.
    fn brief(&self, paint: Paint) -> String {
        let link = match &self.template {
            Some(template) => format!(" (a link of {})", visible(template)),
            None => String::new(),
        };
        let place = visible(&format!("{}:{}", self.file, self.line));
        let id = visible(&self.id);
        format!("  {} {}{link}  {}", self.effect, paint.bold(&id), paint.faint(&place))
    }

    /// What its author says, and what fills its slots.
    fn full(&self) -> Vec<String> {
        let mut lines = self.why.as_deref().map(|why| indent(4, why)).unwrap_or_default();
        let slots = [("principal in", &self.principal), ("resource in", &self.resource)];
        for (slot, filled) in slots {
            if let Some(filled) = filled {
                lines.push(visible(&format!("    {slot} {filled}")));
            }
        }
        lines
    }
}

impl From<ExplainedPolicy> for WhyPolicy {
    fn from(policy: ExplainedPolicy) -> Self {
        let ExplainedPolicy {
            id,
            effect,
            template,
            file,
            line,
            why,
            annotations,
            principal,
            resource,
        } = policy;
        Self { id, effect, template, file, line, why, annotations, principal, resource }
    }
}

/// What a code means, for people.
fn meaning(code: &str) -> &'static str {
    match code {
        "allow" => "a permit allows it",
        "no_permit" => "no policy permits it",
        "forbidden" => "a policy forbids it",
        "forbid_error" => "a policy that may forbid it could not be evaluated",
        "unknown_principal" => "the principal is not among the entities",
        "unknown_resource" => "the resource is not among the entities",
        _ => "the decision is not explained",
    }
}

/// A paragraph, wrapped and indented, its words kept whole.
pub(super) fn indent(columns: usize, text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut width = WRAP_CHARS;
    for word in visible(text).split_whitespace() {
        let length = word.chars().count();
        match lines.last_mut() {
            Some(line) if width + 1 + length <= WRAP_CHARS => {
                line.push(' ');
                line.push_str(word);
                width += 1 + length;
            }
            _ => {
                lines.push(format!("{:columns$}{word}", ""));
                width = columns + length;
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_is_wrapped_between_words() {
        let lines = indent(2, &"word ".repeat(40));
        assert!(lines.iter().all(|line| line.starts_with("  word") && line.len() <= WRAP_CHARS));
        assert_eq!(lines.join(" ").split_whitespace().count(), 40);
    }

    #[test]
    fn a_deny_says_why_below_the_decision() {
        let verdict: Verdict =
            serde_json::from_str(r#"{"decision":"deny","code":"no_permit"}"#).unwrap();
        let text = verdict.render(Paint::none(), Detail::Brief);
        assert_eq!(text, "deny\n  no policy permits it (no_permit)\n");
    }
}
