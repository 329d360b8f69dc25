//! A decision as the command line shows it: the first line is the decision, below it stands why,
//! for people.

mod why;

use serde::{Deserialize, Serialize};

use super::terminal::{Paint, visible};
use crate::engine::{CheckResponse, Decision};
use why::Why;

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
    Authored,
    /// Also what each clause saw, which permits came nearest, and what change would allow.
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
            (Some(why), Detail::Authored) => {
                lines.extend(self.with_code(&why.summary));
                lines.extend(why.authored(paint));
            }
            (Some(why), Detail::Full) => {
                lines.extend(self.with_code(&why.summary));
                lines.extend(why.full(paint));
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
            explanation: response.explanation.map(Why::from),
        }
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
    indent_hanging(columns, "", text)
}

/// The same behind a mark, below which nothing stands.
fn indent_hanging(columns: usize, mark: &str, text: &str) -> Vec<String> {
    let begin = columns;
    let columns = columns + mark.chars().count();
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
                let mark = if lines.is_empty() { mark } else { "" };
                lines.push(format!("{:begin$}{mark:<1$}{word}", "", columns - begin));
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
