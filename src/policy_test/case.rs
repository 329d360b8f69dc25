//! One case: something that is asked of one snapshot, and what has to come out.

use std::collections::BTreeSet;
use std::sync::Arc;

use cedar_policy::EntityUid;
use serde_json::{Map, Value};

use super::answer::{Answer, Verdict};
use super::compare::{Mismatch, compare, list};
use super::suite::{Expect, Http};
use super::world::Routes;
use crate::engine::check::Undeclared;
use crate::engine::search::{Question as Sought, Walk};
use crate::engine::{CheckOptions, CheckRequest, InvalidRequest, Problems, Snapshot};

/// The most uids that a difference lists.
const LISTED_MAX: usize = 20;

/// One case of a test, ready to be run.
#[derive(Debug, Clone)]
pub struct Case {
    /// The name of the test.
    pub test: String,
    /// The cell of a matrix.
    pub cell: Option<String>,
    /// The line of the test in its file.
    pub line: usize,
    pub(super) scene: Arc<Scene>,
    pub(super) question: Question,
}

/// What a case is decided by.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) snapshot: Snapshot,
    pub(super) routes: Option<Arc<Routes>>,
    pub(super) options: CheckOptions,
    pub(super) now_ms: i64,
    pub(super) context: Map<String, Value>,
}

/// What is asked.
#[derive(Debug, Clone)]
pub(super) enum Question {
    /// Nothing, and why.
    Skip(String),
    /// Nothing: the change before it is refused.
    Rejected(Problems, Option<Expect>),
    /// A check whose names the schema does not have.
    Unfit(InvalidRequest, Expect),
    Check {
        principal: EntityUid,
        action: EntityUid,
        resource: EntityUid,
        expect: Expect,
    },
    Search {
        sought: Box<Sought>,
        expected: Vec<EntityUid>,
    },
    Http {
        http: Http,
        asker: Option<EntityUid>,
        expect: Expect,
    },
}

/// What came out of a case.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// What was expected; a search has no answer of its own.
    Passed(Option<Answer>),
    /// Something else.
    Failed {
        /// The differences.
        mismatches: Vec<Mismatch>,
        /// What came out; of a search, for the first entity that differs.
        answer: Option<Answer>,
        /// The check that the answer is about.
        about: Option<String>,
    },
    /// Nothing was run, and why.
    Skipped(String),
}

// === impl Case ===

impl Case {
    /// Decides it.
    pub fn run(&self) -> Outcome {
        match &self.question {
            Question::Skip(reason) => Outcome::Skipped(reason.clone()),
            Question::Rejected(problems, expect) => rejected(problems, expect.as_ref()),
            Question::Unfit(invalid, expect) => judge(expect, Answer::from(invalid.clone())),
            Question::Check { principal, action, resource, expect } => {
                let request = self.scene.request(principal, action, resource);
                let outcome = judge(expect, self.scene.decide(&request));
                self.scene.explain(outcome, Some(request))
            }
            Question::Search { sought, expected } => self.scene.search(sought, expected),
            Question::Http { http, asker, expect } => {
                let decided = self.scene.http(http, asker.as_ref());
                self.scene.explain(judge(expect, decided.answer), decided.deciding)
            }
        }
    }
}

/// Takes what a case asks: a snapshot, a request, and how it is evaluated.
pub(super) type Take<'t> = dyn FnMut(&Snapshot, &CheckRequest, CheckOptions) + 't;

/// The most candidates of a search that are looked at again.
const CANDIDATES_MAX: usize = 100_000;

impl Case {
    /// Hands over everything that this case has decided.
    pub(super) fn each_request(&self, take: &mut Take<'_>) {
        let scene = &self.scene;
        let mut one = |request: &CheckRequest| take(&scene.snapshot, request, scene.options);
        match &self.question {
            Question::Skip(_) | Question::Rejected(..) | Question::Unfit(..) => {}
            Question::Check { principal, action, resource, .. } => {
                one(&scene.request(principal, action, resource));
            }
            Question::Search { sought, expected } => {
                for uid in scene.candidates(sought, expected) {
                    one(&scene.sought(sought, &uid));
                }
            }
            Question::Http { http, asker, .. } => {
                scene.http(http, asker.as_ref()).requests.iter().for_each(one);
            }
        }
    }
}

/// The change is refused: what was expected, or why nothing could be asked.
fn rejected(problems: &Problems, expect: Option<&Expect>) -> Outcome {
    let answer = Answer::rejected(problems);
    match expect {
        Some(expect) if expect.verdict == Verdict::Rejected => judge(expect, answer),
        _ => {
            let expected = "a change that is taken".to_owned();
            let got = format!("refused: {}", answer.why.as_deref().unwrap_or_default());
            let mismatches = vec![Mismatch { what: "given", expected, got }];
            Outcome::Failed { mismatches, answer: Some(answer), about: None }
        }
    }
}

fn judge(expect: &Expect, answer: Answer) -> Outcome {
    let mismatches = compare(expect, &answer);
    if mismatches.is_empty() {
        return Outcome::Passed(Some(answer));
    }
    Outcome::Failed { mismatches, answer: Some(answer), about: None }
}

/// A check as people write it.
fn text_of(request: &CheckRequest) -> String {
    let CheckRequest { principal, action, resource, .. } = request;
    format!("{principal} {} {resource}", action.id().unescaped())
}

// === impl Scene ===

impl Scene {
    pub(super) fn request(
        &self,
        principal: &EntityUid,
        action: &EntityUid,
        resource: &EntityUid,
    ) -> CheckRequest {
        CheckRequest {
            principal: principal.clone(),
            action: action.clone(),
            resource: resource.clone(),
            context: self.context.clone(),
            undeclared: Undeclared::Refuse,
            principal_properties: None,
            resource_properties: None,
            now_ms: self.now_ms,
            explain: false,
        }
    }

    pub(super) fn decide(&self, request: &CheckRequest) -> Answer {
        match self.snapshot.check(request, self.options) {
            Ok(response) => response.into(),
            Err(invalid) => invalid.into(),
        }
    }

    /// Where a test failed by a check, what it was and why it was decided so.
    fn explain(&self, mut outcome: Outcome, request: Option<CheckRequest>) -> Outcome {
        if let (Outcome::Failed { answer, about, .. }, Some(request)) = (&mut outcome, request) {
            *about = Some(text_of(&request));
            let request = CheckRequest { explain: true, ..request };
            if let Some(answer) = answer {
                answer.response = self.snapshot.check(&request, self.options).ok();
            }
        }
        outcome
    }

    fn search(&self, sought: &Sought, expected: &[EntityUid]) -> Outcome {
        let walk = Walk::new(self.snapshot.clone(), sought.clone(), None);
        let found = walk.and_then(|mut walk| walk.step(self.now_ms, usize::MAX, usize::MAX));
        let found = match found {
            Ok(step) => step.found,
            Err(invalid) => {
                let expected = "a search".to_owned();
                let got = format!("invalid: {}", invalid.message);
                let mismatches = vec![Mismatch { what: "decision", expected, got }];
                return Outcome::Failed { mismatches, answer: None, about: None };
            }
        };
        let (found, expected): (BTreeSet<_>, BTreeSet<_>) =
            (found.into_iter().collect(), expected.iter().cloned().collect());
        let missing: Vec<_> = expected.difference(&found).collect();
        let unexpected: Vec<_> = found.difference(&expected).collect();
        let Some(first) = missing.first().or(unexpected.first()) else {
            return Outcome::Passed(None);
        };
        let request = self.sought(sought, first);
        let answer = Some(self.decide(&request));
        let mut mismatches = Vec::new();
        if !missing.is_empty() {
            let (expected, got) = (uids(&missing), String::new());
            mismatches.push(Mismatch { what: "missing", expected, got });
        }
        if !unexpected.is_empty() {
            let (expected, got) = (String::new(), uids(&unexpected));
            mismatches.push(Mismatch { what: "unexpected", expected, got });
        }
        let failed = Outcome::Failed { mismatches, answer, about: None };
        self.explain(failed, Some(request))
    }

    /// What a search looks at: everything of its types, of which it says that there is no more to
    /// find; where attributes narrow it down, what is expected.
    fn candidates(&self, sought: &Sought, expected: &[EntityUid]) -> Vec<EntityUid> {
        let schema = self.snapshot.schema();
        let (action, type_name, wanted, of_resources) = match sought {
            Sought::Resources { action, type_name, wanted, .. } => {
                (action, type_name, wanted, true)
            }
            Sought::Principals { action, type_name, wanted, .. } => {
                (action, type_name, wanted, false)
            }
            Sought::Actions(_) => return schema.actions().map(|(uid, _)| uid.clone()).collect(),
        };
        if !wanted.is_empty() {
            return expected.to_vec();
        }
        let types = match (type_name, schema.action(action)) {
            (Some(name), _) => vec![name.clone()],
            (None, Some(info)) => {
                let types = if of_resources { &info.resources } else { &info.principals };
                types.iter().cloned().collect()
            }
            (None, None) => Vec::new(),
        };
        let store = self.snapshot.store();
        let numbers = types.iter().filter_map(|name| store.type_no(name));
        let entities = numbers.flat_map(|ty| store.entities_of(ty));
        entities.take(CANDIDATES_MAX).map(|no| store.uid_of(no)).collect()
    }

    /// The check that a search decides for one of those that it looks at.
    fn sought(&self, sought: &Sought, uid: &EntityUid) -> CheckRequest {
        match sought {
            Sought::Resources { principal, action, .. } => self.request(principal, action, uid),
            Sought::Principals { resource, action, .. } => self.request(uid, action, resource),
            Sought::Actions(search) => CheckRequest {
                undeclared: Undeclared::Drop,
                ..self.request(&search.principal, uid, &search.resource)
            },
        }
    }
}

fn uids(uids: &[&EntityUid]) -> String {
    let texts: Vec<String> = uids.iter().take(LISTED_MAX).map(ToString::to_string).collect();
    let told = list(texts.iter().map(String::as_str));
    match uids.len().saturating_sub(LISTED_MAX) {
        0 => told,
        more => format!("{told} and {more} more"),
    }
}
