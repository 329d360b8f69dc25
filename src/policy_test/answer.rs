//! What came out of a case, in one form whatever it asked.

use std::fmt;

use crate::engine::check::PolicyError;
use crate::engine::{CheckResponse, Decision, InvalidRequest, Problems};

/// What can come out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The decision is allow.
    Allow,
    /// The decision is deny.
    Deny,
    /// The request does not fit the schema.
    Invalid,
    /// The change under `given` is refused, so that nothing was asked.
    Rejected,
}

/// What came out.
#[derive(Debug, Clone)]
pub struct Answer {
    /// In a word.
    pub verdict: Verdict,
    /// Why, for programs: the code of the decision, or of the first problem of a refused change.
    pub code: String,
    /// The determining policies.
    pub because: Vec<String>,
    /// The policies that could not be evaluated.
    pub errors: Vec<PolicyError>,
    /// Whether the snapshot does not hold the principal or the resource.
    pub unknown: bool,
    /// Why, for people, where no policy was asked.
    pub why: Option<String>,
    /// The decision with its reason for people, where a test failed by it.
    pub response: Option<CheckResponse>,
}

// === impl Verdict ===

impl Verdict {
    /// As suites write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Invalid => "invalid",
            Self::Rejected => "rejected",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

// === impl Answer ===

impl Answer {
    /// An answer that no policy gave.
    pub(super) fn without_check(verdict: Verdict, code: &str, why: impl Into<String>) -> Self {
        Self {
            verdict,
            code: code.to_owned(),
            because: Vec::new(),
            errors: Vec::new(),
            unknown: false,
            why: Some(why.into()),
            response: None,
        }
    }

    /// The change before the question is refused.
    pub(super) fn rejected(problems: &Problems) -> Self {
        let first = problems.errors().next();
        let code = first.map_or("problem", |problem| problem.code);
        let told: Vec<String> = problems.errors().map(|problem| problem.message.clone()).collect();
        Self::without_check(Verdict::Rejected, code, told.join("; "))
    }
}

impl From<CheckResponse> for Answer {
    fn from(response: CheckResponse) -> Self {
        Self {
            verdict: match response.decision {
                Decision::Allow => Verdict::Allow,
                Decision::Deny => Verdict::Deny,
            },
            code: response.code.as_str().to_owned(),
            because: response.reason,
            errors: response.errors,
            unknown: !(response.principal_known && response.resource_known),
            why: None,
            response: None,
        }
    }
}

impl From<InvalidRequest> for Answer {
    fn from(invalid: InvalidRequest) -> Self {
        Self::without_check(Verdict::Invalid, "invalid_request", invalid.message)
    }
}
