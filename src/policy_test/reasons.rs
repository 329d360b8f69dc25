//! What can be said of a test before it is run: that a policy it expects to decide is none, and
//! that the change it makes first is refused. Both fail when they are run; to say so before costs
//! nothing.

use std::collections::BTreeSet;

use super::case::{Case, Question};
use super::suite::{Because, Test};
use super::{CODE, Verdict};
use crate::engine::{Problem, Problems};

// === impl Test ===

impl Test {
    /// Why the test cannot pass: a change under `given` that is refused, although that is not what
    /// is expected, and, as warnings, ids in `because` that are no policy's and no link's. `cases`
    /// is what [`Test::cases`] made of this test.
    pub fn foreseen(&self, cases: &[Case]) -> Problems {
        let unknown: BTreeSet<&str> = cases.iter().flat_map(Case::unknown_reasons).collect();
        let mut problems = Problems::default();
        for id in unknown {
            let message =
                format!("`because` names `{id}`, which is the id of no policy and no link");
            problems.push(Problem::warning(CODE, message).at(self.place.clone()));
        }
        for refusal in cases.iter().filter_map(Case::refusal) {
            let messages = refusal.iter().map(|problem| problem.message.as_str());
            let messages = messages.collect::<Vec<_>>().join("; ");
            let message = format!("the change under `given` is refused: {messages}");
            let problem = Problem::error(CODE, message).at(self.place.clone());
            problems.push(problem.hint("a test of a refusal says `expect: rejected`"));
        }
        problems
    }
}

// === impl Case ===

impl Case {
    /// What is wrong with the change before it, unless that is expected.
    fn refusal(&self) -> Option<&Problems> {
        match &self.question {
            Question::Rejected(problems, expect) => {
                let expected = expect.as_ref().is_some_and(|it| it.verdict == Verdict::Rejected);
                (!expected).then_some(problems)
            }
            _ => None,
        }
    }

    fn unknown_reasons(&self) -> Vec<&str> {
        let (Question::Check { expect, .. } | Question::Http { expect, .. }) = &self.question
        else {
            return Vec::new();
        };
        let Some(Because::Exactly(ids) | Because::AtLeast(ids)) = &expect.because else {
            return Vec::new();
        };
        let snapshot = &self.scene.snapshot;
        ids.iter().map(String::as_str).filter(|id| snapshot.policy(id).is_none()).collect()
    }
}
