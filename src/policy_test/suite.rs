//! A suite as its file says it: what it is run against, and its tests. Names are as they were
//! written, with their places; whether a world has them is seen when they are bound.

use serde_json::{Map, Value};

use super::answer::Verdict;
use super::{cedar_json, file};
use crate::engine::uid::UidText;
use crate::engine::{Place, Problem, Problems, Text};

/// A file of tests.
#[derive(Debug, Clone)]
pub struct Suite {
    /// The file's name.
    pub name: String,
    /// What its tests are run against.
    pub fixture: Fixture,
    /// Its tests, in the order of the file.
    pub tests: Vec<Test>,
    /// What coverage does not ask for, and why.
    pub accepted_clauses: Vec<AcceptedClause>,
    /// Mutants that no test has to fail for.
    pub accepted_mutants: Vec<Accepted>,
}

/// An outcome of a clause that cannot be seen, and why.
#[derive(Debug, Clone)]
pub struct AcceptedClause {
    /// Where it stands.
    pub place: Place,
    /// The id of the policy.
    pub policy: String,
    /// The source of the clause.
    pub clause: String,
    /// What the clause never is.
    pub never: bool,
    /// Why.
    pub reason: String,
}

/// A mutant that no test has to fail for, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The name of the mutant.
    pub mutant: String,
    /// Why.
    pub reason: String,
    /// Where that is written.
    pub place: Place,
}

/// Where the world of a suite is read from: paths as they were written, relative to the suite's
/// file. What is absent is the project's own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fixture {
    /// Policies, and the schema if it lies with them.
    pub policies: Option<Vec<String>>,
    /// The schema.
    pub schema: Option<String>,
    /// Entities, and links if they lie with them.
    pub entities: Option<Vec<String>>,
    /// The links.
    pub links: Option<String>,
    /// The route file.
    pub routes: Option<String>,
}

/// One test.
#[derive(Debug, Clone)]
pub struct Test {
    /// Its name, one of its kind in the file.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// Why it is not run, where it is not.
    pub skip: Option<String>,
    /// The time of its checks, in milliseconds since 1970; `None`: the time of the run.
    pub(super) now_ms: Option<i64>,
    /// Entities in place of the world's.
    pub(super) entities: Option<Text>,
    /// A change that is applied first.
    pub(super) given: Option<Given>,
    /// Whether it is about an entity that the snapshot does not hold.
    pub(super) unknown: bool,
    pub(super) context: Map<String, Value>,
    pub(super) ask: Ask,
}

/// What a test asks, and what has to come out.
#[derive(Debug, Clone)]
pub(super) enum Ask {
    Check(Triple, Expect),
    Matrix(Matrix),
    Search(Search),
    Http(Http, Expect),
}

/// A uid, and where it was written.
#[derive(Debug, Clone)]
pub(super) struct Named {
    pub(super) uid: UidText,
    pub(super) place: Place,
}

/// Who, what, to what.
#[derive(Debug, Clone)]
pub(super) struct Triple {
    pub(super) principal: Named,
    pub(super) action: Named,
    pub(super) resource: Named,
}

/// A change: the members of `PATCH /v1/entities`.
#[derive(Debug, Clone)]
pub(super) struct Given {
    pub(super) place: Place,
    pub(super) unlink: Vec<(String, Place)>,
    pub(super) remove: Vec<Named>,
    /// Entities, as a JSON array.
    pub(super) upsert: Option<String>,
    /// Links, as a JSON array.
    pub(super) link: Option<String>,
}

/// What has to come out of a check.
#[derive(Debug, Clone)]
pub(super) struct Expect {
    pub(super) verdict: Verdict,
    pub(super) code: Option<String>,
    pub(super) because: Option<Because>,
    pub(super) errors: Errors,
}

/// The determining policies that are expected.
#[derive(Debug, Clone)]
pub(super) enum Because {
    /// These and no others.
    Exactly(Vec<String>),
    /// At least these, as Cedar's own tests say it.
    AtLeast(Vec<String>),
}

/// The policies that are expected not to be evaluated.
#[derive(Debug, Clone)]
pub(super) enum Errors {
    /// Nothing is said of them: none, unless the test is about what is not there.
    Unsaid,
    /// Whatever errs.
    Any,
    /// These and no others.
    Exactly(Vec<String>),
    /// So many, as Cedar's own tests say it.
    Count(usize),
}

/// All of some principals, actions and resources, each of them allowed or denied.
#[derive(Debug, Clone)]
pub(super) struct Matrix {
    pub(super) principals: Vec<Named>,
    pub(super) actions: Vec<Named>,
    pub(super) resources: Vec<Named>,
    pub(super) allow: Vec<Allowed>,
    pub(super) errors: Errors,
}

/// What is allowed in a matrix; `None` stands for all.
#[derive(Debug, Clone)]
pub(super) struct Allowed {
    pub(super) principal: Option<UidText>,
    pub(super) action: Option<UidText>,
    pub(super) resource: Option<UidText>,
}

/// A search, and all that it has to find.
#[derive(Debug, Clone)]
pub(super) struct Search {
    pub(super) place: Place,
    pub(super) principal: Option<Named>,
    pub(super) action: Option<Named>,
    pub(super) resource: Option<Named>,
    pub(super) type_name: Option<String>,
    pub(super) wanted: Map<String, Value>,
    pub(super) expected: Vec<Named>,
}

/// A request of a client, as a proxy asks about it.
#[derive(Debug, Clone)]
pub(super) struct Http {
    pub(super) place: Place,
    pub(super) method: String,
    pub(super) url: String,
    /// Who asks; without it, whoever the headers say.
    pub(super) asker: Option<Named>,
    pub(super) headers: Vec<(String, String)>,
}

// === impl Suite ===

impl Suite {
    /// Reads a file of tests: a suite in YAML, or tests in the JSON of Cedar's `run-tests`, whose
    /// entities may be in files that `read` gives.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its place.
    pub fn parse(
        text: &Text,
        read: &dyn Fn(&str) -> Result<Text, Problem>,
    ) -> Result<Self, Problems> {
        if cedar_json::is_cedar_json(&text.text) {
            cedar_json::parse(text, read)
        } else {
            file::parse(text)
        }
    }

    /// Whether it has a request whose headers or query say who asks, for which the keys and secrets
    /// of its route file are needed.
    pub fn identifies(&self) -> bool {
        self.tests.iter().any(|test| match &test.ask {
            Ask::Http(http, _) => {
                http.asker.is_none() && (!http.headers.is_empty() || http.url.contains('?'))
            }
            _ => false,
        })
    }
}

// === impl Allowed ===

impl Allowed {
    /// Whether it names every part, and stands for one cell.
    pub(super) fn is_one(&self) -> bool {
        self.principal.is_some() && self.action.is_some() && self.resource.is_some()
    }

    pub(super) fn is_for(&self, principal: &UidText, action: &UidText, resource: &UidText) -> bool {
        let fits = |allowed: &Option<UidText>, uid| allowed.as_ref().is_none_or(|it| it == uid);
        fits(&self.principal, principal)
            && fits(&self.action, action)
            && fits(&self.resource, resource)
    }
}
