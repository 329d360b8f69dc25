//! A test is held against a world: its change is applied, and what it names is looked up. What the
//! world does not have is a fault of the suite and no failure of a policy, so it is told with its
//! place before anything is run.

use std::sync::Arc;

use cedar_policy::EntityUid;

use super::case::{Case, Question, Scene};
use super::suite::{
    Allowed, Ask, Because, Errors, Expect, Given, Http, Matrix, Named, Search, Test, Triple,
};
use super::world::World;
use super::{CODE, Verdict};
use crate::engine::check::Undeclared;
use crate::engine::search::{ActionSearch, Question as Sought, Terms};
use crate::engine::store::Change;
use crate::engine::uid::UidText;
use crate::engine::{
    CompileOptions, Draft, InvalidRequest, Place, Problem, Problems, References, Snapshot, Text,
};

/// The name under which problems of a change are told.
const GIVEN: &str = "given";

/// Looks up what a test names.
struct Binder<'a> {
    snapshot: &'a Snapshot,
    problems: Problems,
    /// Whether the test may name what the snapshot does not hold.
    unknown: bool,
    /// How much of what it names the snapshot does not hold.
    missing: usize,
}

// === impl Test ===

impl Test {
    /// What this test becomes in a world: a case for each cell of a matrix, one otherwise.
    ///
    /// # Errors
    /// What it names and the world does not have.
    pub fn cases(&self, world: &World) -> Result<Vec<Case>, Problems> {
        let case = |scene: &Arc<Scene>, question, cell| Case {
            test: self.name.clone(),
            cell,
            line: self.place.line,
            scene: Arc::clone(scene),
            question,
        };
        if let Some(reason) = &self.skip {
            let scene = Arc::new(self.scene(world, world.snapshot.clone()));
            return Ok(vec![case(&scene, Question::Skip(reason.clone()), None)]);
        }
        let before = self.own_entities(world)?;
        let snapshot = match &self.given {
            None => Ok(before),
            Some(given) => given.apply(&before, &world.compile)?,
        };
        let snapshot = match snapshot {
            Ok(snapshot) => snapshot,
            Err(problems) => {
                let scene = Arc::new(self.scene(world, world.snapshot.clone()));
                let expect = match &self.ask {
                    Ask::Check(_, expect) | Ask::Http(_, expect) => Some(expect.clone()),
                    Ask::Matrix(_) | Ask::Search(_) => None,
                };
                return Ok(vec![case(&scene, Question::Rejected(problems, expect), None)]);
            }
        };
        let scene = Arc::new(self.scene(world, snapshot));
        let mut binder = Binder::new(&scene.snapshot, self.is_unknown());
        let questions = self.questions(world, &mut binder);
        let judged = match &self.ask {
            Ask::Http(http, _) => http.asker.is_some(),
            Ask::Check(_, expect) => expect.verdict != Verdict::Invalid,
            Ask::Matrix(_) | Ask::Search(_) => true,
        };
        if self.unknown && judged && binder.missing == 0 && !binder.problems.refuses() {
            let message = "the test says `unknown: true`, and the snapshot holds all that it names";
            binder.problems.push(Problem::error(CODE, message).at(self.place.clone()));
        }
        if binder.problems.refuses() {
            return Err(binder.problems);
        }
        Ok(questions.into_iter().map(|(question, cell)| case(&scene, question, cell)).collect())
    }

    fn scene(&self, world: &World, snapshot: Snapshot) -> Scene {
        Scene {
            snapshot,
            routes: world.routes.clone(),
            options: world.check,
            now_ms: self.now_ms.unwrap_or(world.now_ms),
            context: self.context.clone(),
        }
    }

    /// The world's snapshot, or one with this test's own entities.
    fn own_entities(&self, world: &World) -> Result<Snapshot, Problems> {
        let Some(entities) = &self.entities else { return Ok(world.snapshot.clone()) };
        let draft = Draft { entities: Some(std::slice::from_ref(entities)), ..Draft::default() };
        // As Cedar's own tests have it: what is named need not be there.
        let options = CompileOptions { references: References::Cedar, ..world.compile.clone() };
        world.snapshot.revise(&draft, &options)
    }

    /// Whether it is about what is not there, said by a key or by the code that it expects.
    fn is_unknown(&self) -> bool {
        let by_code = |expect: &Expect| {
            expect.code.as_deref().is_some_and(|code| code.starts_with("unknown_"))
        };
        self.unknown
            || self.entities.is_some()
            || match &self.ask {
                Ask::Check(_, expect) | Ask::Http(_, expect) => by_code(expect),
                Ask::Matrix(_) | Ask::Search(_) => false,
            }
    }

    fn questions(&self, world: &World, binder: &mut Binder<'_>) -> Vec<(Question, Option<String>)> {
        match &self.ask {
            Ask::Check(triple, expect) => {
                let question = binder.check(triple, expect);
                question.into_iter().map(|question| (question, None)).collect()
            }
            Ask::Matrix(matrix) => binder.matrix(matrix),
            Ask::Search(search) => {
                let now_ms = self.now_ms.unwrap_or(world.now_ms);
                let context = self.context.clone();
                let terms = Terms { context, options: world.check, ..Terms::at(now_ms) };
                let question = binder.search(search, terms);
                question.into_iter().map(|question| (question, None)).collect()
            }
            Ask::Http(http, expect) => {
                let question = binder.http(http, expect, world.routes.is_some());
                question.into_iter().map(|question| (question, None)).collect()
            }
        }
    }
}

// === impl Given ===

impl Given {
    /// The snapshot after the change, or why it is refused.
    fn apply(
        &self,
        before: &Snapshot,
        options: &CompileOptions,
    ) -> Result<Result<Snapshot, Problems>, Problems> {
        let mut binder = Binder::new(before, false);
        for (id, place) in &self.unlink {
            if before.store().link(id).is_none() {
                let message = format!("there is no link `{id}` to take out");
                binder.problems.push(Problem::error(CODE, message).at(place.clone()));
            }
        }
        let remove = self.remove.iter().filter_map(|named| binder.entity(named)).collect();
        if binder.problems.refuses() {
            return Err(binder.problems);
        }
        let text =
            |json: &Option<String>| json.as_ref().map(|json| Text::new(GIVEN, json.as_str()));
        let change = Change {
            unlink: self.unlink.iter().map(|(id, _)| id.clone()).collect(),
            remove,
            upsert: text(&self.upsert),
            link: text(&self.link),
        };
        if change.is_empty() {
            let message = "`given` changes nothing";
            return Err(Problem::error(CODE, message).at(self.place.clone()).into());
        }
        Ok(before.apply(&change, options).map(|(snapshot, _)| snapshot))
    }
}

// === impl Binder ===

impl<'a> Binder<'a> {
    fn new(snapshot: &'a Snapshot, unknown: bool) -> Self {
        Self { snapshot, problems: Problems::default(), unknown, missing: 0 }
    }

    fn fail(&mut self, place: &Place, message: impl Into<String>, hint: Option<String>) {
        let problem = Problem::error(CODE, message).at(place.clone());
        self.problems.push(match hint {
            Some(hint) => problem.hint(hint),
            None => problem,
        });
    }

    /// An entity of a type that the schema declares and, unless the test says otherwise, one that
    /// the snapshot holds.
    fn entity(&mut self, named: &Named) -> Option<EntityUid> {
        match self.snapshot.uid(&named.uid.type_name, &named.uid.id) {
            Ok(uid) => {
                self.must_hold(&uid, named);
                Some(uid)
            }
            Err(invalid) => {
                self.fail(&named.place, invalid.message, invalid.hint);
                None
            }
        }
    }

    fn must_hold(&mut self, uid: &EntityUid, named: &Named) {
        let listed = self.snapshot.schema().entity_type_of(uid);
        let listed = listed.and_then(|entity_type| entity_type.enumerated.as_ref());
        let is_there = match listed {
            Some(ids) => ids.contains(uid.id().unescaped()),
            None => self.snapshot.holds(uid),
        };
        if is_there {
            return;
        }
        self.missing += 1;
        if !self.unknown {
            let message = format!("the snapshot does not hold `{}`", named.uid);
            let hint = "is it misspelt? a test about what is not there says `unknown: true`";
            self.fail(&named.place, message, Some(hint.to_owned()));
        }
    }

    fn action(&mut self, named: &Named) -> Option<EntityUid> {
        match self.snapshot.action(&named.uid.type_name, &named.uid.id) {
            Ok(action) => Some(action),
            Err(invalid) => {
                let hint = invalid.hint.or_else(|| Some(self.actions()));
                self.fail(&named.place, invalid.message, hint);
                None
            }
        }
    }

    fn actions(&self) -> String {
        let schema = self.snapshot.schema();
        let mut names: Vec<String> = schema
            .actions()
            .filter(|(_, info)| !info.principals.is_empty())
            .map(|(uid, _)| uid.id().unescaped().to_owned())
            .collect();
        names.sort_unstable();
        format!("it declares {}", names.join(", "))
    }

    fn check(&mut self, triple: &Triple, expect: &Expect) -> Option<Question> {
        if expect.verdict == Verdict::Invalid {
            // What the schema does not declare is what such a test may be about.
            return Some(match self.unjudged(triple) {
                Ok((principal, action, resource)) => {
                    Question::Check { principal, action, resource, expect: expect.clone() }
                }
                Err(invalid) => Question::Unfit(invalid, expect.clone()),
            });
        }
        let principal = self.entity(&triple.principal);
        let action = self.action(&triple.action);
        let resource = self.entity(&triple.resource);
        Some(Question::Check {
            principal: principal?,
            action: action?,
            resource: resource?,
            expect: self.with_ids(expect),
        })
    }

    /// Cedar calls a policy without an id by its number.
    fn with_ids(&self, expect: &Expect) -> Expect {
        let id = |id: &String| {
            let number = id.strip_prefix("policy").and_then(|number| number.parse::<usize>().ok());
            let numbered = number.and_then(|number| self.snapshot.policies().get(number));
            match numbered {
                Some(info) if self.snapshot.policy(id).is_none() => info.id.clone(),
                _ => id.clone(),
            }
        };
        let because = match &expect.because {
            Some(Because::AtLeast(ids)) => Some(Because::AtLeast(ids.iter().map(id).collect())),
            other => other.clone(),
        };
        Expect { because, ..expect.clone() }
    }

    fn unjudged(
        &self,
        triple: &Triple,
    ) -> Result<(EntityUid, EntityUid, EntityUid), InvalidRequest> {
        let entity = |uid: &UidText| self.snapshot.uid(&uid.type_name, &uid.id);
        let action = &triple.action.uid;
        Ok((
            entity(&triple.principal.uid)?,
            self.snapshot.action(&action.type_name, &action.id)?,
            entity(&triple.resource.uid)?,
        ))
    }

    fn matrix(&mut self, matrix: &Matrix) -> Vec<(Question, Option<String>)> {
        let mut entities = |all: &[Named]| -> Vec<(UidText, EntityUid)> {
            let bound =
                all.iter().filter_map(|named| Some((named.uid.clone(), self.entity(named)?)));
            bound.collect()
        };
        let (principals, resources) = (entities(&matrix.principals), entities(&matrix.resources));
        let actions: Vec<_> = matrix
            .actions
            .iter()
            .filter_map(|named| Some((named.uid.clone(), self.action(named)?)))
            .collect();
        let mut cells = Vec::new();
        if self.problems.refuses() {
            return cells;
        }
        for (principal_text, principal) in &principals {
            for (action_text, action) in &actions {
                for (resource_text, resource) in &resources {
                    let is_for =
                        |it: &&Allowed| it.is_for(principal_text, action_text, resource_text);
                    let mut allowed = matrix.allow.iter().filter(is_for).peekable();
                    let applies = self.applies(principal, action, resource);
                    let verdict = match (allowed.peek().is_some(), applies) {
                        // Who names the very cell means it; who writes `"*"` means what there is.
                        (_, false) if !allowed.any(Allowed::is_one) => Verdict::Invalid,
                        (true, _) => Verdict::Allow,
                        (false, _) => Verdict::Deny,
                    };
                    let errors = if verdict == Verdict::Invalid {
                        Errors::Any
                    } else {
                        matrix.errors.clone()
                    };
                    let expect = Expect { verdict, code: None, because: None, errors };
                    let id = action.id().unescaped();
                    let name = format!("{principal_text} {id} {resource_text}");
                    let (principal, action, resource) =
                        (principal.clone(), action.clone(), resource.clone());
                    let question = Question::Check { principal, action, resource, expect };
                    cells.push((question, Some(name)));
                }
            }
        }
        cells
    }

    /// Whether the action applies to entities of these types.
    fn applies(&self, principal: &EntityUid, action: &EntityUid, resource: &EntityUid) -> bool {
        let of = |uid: &EntityUid| uid.type_name().to_string();
        self.snapshot.schema().action(action).is_some_and(|info| {
            info.principals.contains(&of(principal)) && info.resources.contains(&of(resource))
        })
    }

    fn search(&mut self, search: &Search, terms: Terms) -> Option<Question> {
        let mut entity = |named: &Option<Named>| named.as_ref().map(|named| self.entity(named));
        let (principal, resource) = (entity(&search.principal), entity(&search.resource));
        let action = search.action.as_ref().map(|named| self.action(named));
        let expected: Vec<_> = if search.action.is_none() {
            search.expected.iter().map(|named| self.action(named)).collect()
        } else {
            // What is not there is not found, so that it is expected is a mistake.
            let unknown = std::mem::take(&mut self.unknown);
            let expected = search.expected.iter().map(|named| self.entity(named)).collect();
            self.unknown = unknown;
            expected
        };
        if let Some(name) = &search.type_name
            && let Err(invalid) = self.snapshot.uid(name, "")
        {
            self.fail(&search.place, invalid.message, invalid.hint);
            return None;
        }
        let expected = expected.into_iter().collect::<Option<Vec<_>>>()?;
        let (type_name, wanted) = (search.type_name.clone(), search.wanted.clone());
        let sought = match (principal, action, resource) {
            (Some(principal), Some(action), None) => Sought::Resources {
                principal: principal?,
                action: action?,
                type_name,
                wanted,
                terms,
            },
            (None, Some(action), Some(resource)) => Sought::Principals {
                resource: resource?,
                action: action?,
                type_name,
                wanted,
                terms,
            },
            (Some(principal), None, Some(resource)) => Sought::Actions(ActionSearch {
                principal: principal?,
                resource: resource?,
                terms: Terms { undeclared: Undeclared::Drop, ..terms },
            }),
            // The reader has seen to it that there are two.
            _ => return None,
        };
        Some(Question::Search { sought: Box::new(sought), expected })
    }

    fn http(&mut self, http: &Http, expect: &Expect, has_routes: bool) -> Option<Question> {
        if !has_routes {
            let hint = "name it under `fixture: { routes: … }`, or by `--routes FILE`";
            self.fail(&http.place, "there is no route file", Some(hint.to_owned()));
            return None;
        }
        let asker = match &http.asker {
            Some(named) => Some(self.entity(named)?),
            None => None,
        };
        Some(Question::Http { http: http.clone(), asker, expect: expect.clone() })
    }
}
