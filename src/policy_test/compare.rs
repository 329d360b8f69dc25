//! What was expected, against what came out.

use std::collections::BTreeSet;

use super::answer::{Answer, Verdict};
use super::suite::{Because, Errors, Expect};

/// A difference between what was expected and what came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// Of what: `decision`, `code`, `because`, `errors`; `given` where the change is refused; of a
    /// search `missing` or `unexpected`.
    pub what: &'static str,
    /// What was expected; empty where that is nothing.
    pub expected: String,
    /// What came out; empty where that is nothing.
    pub got: String,
}

/// All differences; none where the test passes.
pub(super) fn compare(expect: &Expect, answer: &Answer) -> Vec<Mismatch> {
    let mut mismatches = Vec::new();
    if expect.verdict != answer.verdict {
        let got = match &answer.why {
            Some(why) => format!("{}: {why}", answer.verdict),
            None => answer.verdict.to_string(),
        };
        let expected = expect.verdict.to_string();
        mismatches.push(Mismatch { what: "decision", expected, got });
    }
    if let Some(code) = &expect.code
        && *code != answer.code
    {
        let (expected, got) = (code.clone(), answer.code.clone());
        mismatches.push(Mismatch { what: "code", expected, got });
    }
    mismatches.extend(expect.because.as_ref().and_then(|because| because.differs(answer)));
    // Nothing was evaluated for these, so nothing can have erred.
    if !matches!(answer.verdict, Verdict::Invalid | Verdict::Rejected) {
        mismatches.extend(expect.errors.differs(answer));
    }
    mismatches
}

/// Names for people.
pub(super) fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.into_iter().map(|name| format!("`{name}`")).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn texts(names: &[String]) -> impl Iterator<Item = &str> {
    names.iter().map(String::as_str)
}

// === impl Because ===

impl Because {
    fn differs(&self, answer: &Answer) -> Option<Mismatch> {
        let got: BTreeSet<&str> = texts(&answer.because).collect();
        let (expected, fits) = match self {
            Self::Exactly(ids) => (list(texts(ids)), texts(ids).collect::<BTreeSet<_>>() == got),
            Self::AtLeast(ids) => {
                let fits = texts(ids).all(|id| got.contains(id));
                (format!("at least {}", list(texts(ids))), fits)
            }
        };
        (!fits).then(|| Mismatch { what: "because", expected, got: list(got) })
    }
}

// === impl Errors ===

impl Errors {
    fn differs(&self, answer: &Answer) -> Option<Mismatch> {
        let erring: BTreeSet<&str> =
            answer.errors.iter().map(|error| error.policy.as_str()).collect();
        let (expected, fits) = match self {
            Self::Any => return None,
            // What is not there cannot be read: that policies err for it is no news.
            Self::Unsaid => ("none".to_owned(), answer.unknown || erring.is_empty()),
            Self::Exactly(ids) => (list(texts(ids)), texts(ids).collect::<BTreeSet<_>>() == erring),
            Self::Count(count) => (format!("{count} errors"), *count == answer.errors.len()),
        };
        (!fits).then(|| Mismatch { what: "errors", expected, got: list(erring) })
    }
}
