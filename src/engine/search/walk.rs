//! A search as a walk that is taken in steps: it holds its snapshot, so that all steps are of one
//! revision, and it can be left at any step and taken up again at the position where it stood.

use std::sync::Arc;

use cedar_policy::EntityUid;
use serde_json::{Map, Value};

use super::super::check::{CheckRequest, Decision, InvalidRequest};
use super::super::snapshot::Snapshot;
use super::prepared::{Prepared, Reached};
use super::reach::Sought;
use super::{ActionSearch, Terms};

/// What is asked.
#[derive(Debug, Clone)]
pub enum Question {
    /// Which resources may the principal do the action to?
    Resources {
        /// Who asks.
        principal: EntityUid,
        /// What they want to do.
        action: EntityUid,
        /// Of this type; without one, of every type that the action applies to.
        type_name: Option<String>,
        /// Values that attributes must have. It needs a type.
        wanted: Map<String, Value>,
        /// What the checks have in common beside that.
        terms: Terms,
    },
    /// Which principals may do the action to the resource?
    Principals {
        /// To what.
        resource: EntityUid,
        /// What they would do.
        action: EntityUid,
        /// Of this type; without one, of every type that the action applies to.
        type_name: Option<String>,
        /// Values that attributes must have. It needs a type.
        wanted: Map<String, Value>,
        /// What the checks have in common beside that.
        terms: Terms,
    },
    /// Which actions may the principal do to the resource?
    Actions(ActionSearch),
}

/// Where a walk stands: behind an id of a type, or before the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The type whose entities are looked at.
    pub type_name: String,
    /// The last id that was looked at.
    pub after: Option<String>,
}

/// What one step found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Step {
    /// What is allowed, in order of type and id.
    pub found: Vec<EntityUid>,
    /// How many candidates were looked at.
    pub examined: usize,
}

/// The candidates of one type, found once: walks of the same question over the same snapshot look
/// at them without finding them again. They hold neither the question nor the snapshot.
#[derive(Debug, Clone)]
pub struct Candidates {
    pub(super) type_name: String,
    /// The time for which they were found. Before it links counted that they lack.
    pub(super) found_at_ms: i64,
    reached: Arc<Reached>,
}

/// A search under way.
#[derive(Debug)]
pub struct Walk {
    snapshot: Snapshot,
    question: Question,
    /// Types that are left, the next one last.
    types: Vec<String>,
    /// The candidates of the type that is being looked at.
    prepared: Option<Prepared>,
    /// When they were found.
    found_at_ms: i64,
    /// Candidates of another walk, for the type that is looked at first.
    given: Option<Candidates>,
    after: Option<String>,
    /// Actions have no type to prepare and are looked at after this one.
    after_action: Option<(String, String)>,
    complete: bool,
}

// === impl Walk ===

impl Walk {
    /// Begins, or goes on where another walk of the same question over the same snapshot stood.
    ///
    /// # Errors
    /// The schema does not declare the type, the action applies to no such type, or a value that
    /// is asked for is none that its attribute may have.
    pub fn new(
        snapshot: Snapshot,
        question: Question,
        at: Option<Position>,
    ) -> Result<Self, InvalidRequest> {
        let mut types = question.types(&snapshot)?;
        types.sort_unstable_by(|a, b| b.cmp(a));
        let mut walk = Self {
            snapshot,
            question,
            types,
            prepared: None,
            found_at_ms: 0,
            given: None,
            after: None,
            after_action: None,
            complete: false,
        };
        if let Some(at) = at {
            walk.types.retain(|name| *name >= at.type_name);
            if matches!(walk.question, Question::Actions(_)) {
                walk.after_action = at.after.map(|id| (at.type_name, id));
            } else if walk.types.last().is_some_and(|next| *next == at.type_name) {
                walk.after = at.after;
            }
        }
        Ok(walk)
    }

    /// The candidates of the type that it stands in; `None` if none were looked at.
    pub fn candidates(&self) -> Option<Candidates> {
        let (type_name, prepared) = (self.types.last()?.clone(), self.prepared.as_ref()?);
        let reached = Arc::clone(prepared.reached());
        Some(Candidates { type_name, found_at_ms: self.found_at_ms, reached })
    }

    /// Has the candidates of another walk looked at, which must be one of the same question over
    /// the same snapshot. Where they are of a type that is not looked at next, nothing changes.
    pub fn take_up(&mut self, candidates: Candidates) {
        self.given = Some(candidates);
    }

    /// Looks at no more than `budget` candidates and finds no more than `limit`.
    ///
    /// # Errors
    /// The request does not fit the schema, whatever the candidate.
    pub fn step(
        &mut self,
        now_ms: i64,
        limit: usize,
        budget: usize,
    ) -> Result<Step, InvalidRequest> {
        if let Question::Actions(search) = &self.question {
            let mut search = search.clone();
            search.terms.now_ms = now_ms;
            return Ok(self.step_actions(&search, limit, budget));
        }
        let mut step = Step::default();
        while let Some(type_name) = self.types.last() {
            let prepared = if let Some(mut prepared) = self.prepared.take() {
                prepared.put_in_order(&self.snapshot.store);
                Some(prepared)
            } else {
                let given = self.given.take().filter(|it| it.serves(type_name, now_ms));
                self.found_at_ms = given.as_ref().map_or(now_ms, |it| it.found_at_ms);
                let reached = given.map(|it| it.reached);
                self.question.prepare(&self.snapshot, type_name, now_ms, reached)?
            };
            let Some(prepared) = prepared else {
                self.next_type();
                continue;
            };
            let left = (limit - step.found.len(), budget - step.examined);
            let page = self.snapshot.page(&prepared, now_ms, self.after.as_deref(), left)?;
            step.examined += page.examined;
            step.found.extend(page.found);
            if !page.complete {
                self.after = page.after;
                self.prepared = Some(prepared);
                return Ok(step);
            }
            self.next_type();
        }
        self.complete = true;
        Ok(step)
    }

    /// Whether nothing is left.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// Where it stands; `None` if nothing is left, or nothing was looked at.
    pub fn position(&self) -> Option<Position> {
        if self.complete {
            return None;
        }
        if let Some((type_name, id)) = &self.after_action {
            return Some(Position { type_name: type_name.clone(), after: Some(id.clone()) });
        }
        let type_name = self.types.last()?.clone();
        Some(Position { type_name, after: self.after.clone() })
    }

    fn next_type(&mut self) {
        self.types.pop();
        self.after = None;
    }

    fn step_actions(&mut self, search: &ActionSearch, limit: usize, budget: usize) -> Step {
        let mut step = Step::default();
        for action in self.snapshot.applicable(search) {
            let key = (action.type_name().to_string(), action.id().unescaped().to_owned());
            if self.after_action.as_ref().is_some_and(|after| key <= *after) {
                continue;
            }
            if step.found.len() == limit || step.examined == budget {
                return step;
            }
            step.examined += 1;
            self.after_action = Some(key);
            if self.snapshot.allows_action(search, &action) {
                step.found.push(action);
            }
        }
        self.complete = true;
        step
    }
}

// === impl Candidates ===

impl Candidates {
    /// The type whose entities they are.
    pub fn type_name(&self) -> &str {
        &self.type_name
    }

    /// What holding them takes, in bytes.
    pub fn bytes(&self) -> usize {
        self.type_name.capacity() + self.reached.bytes()
    }

    fn serves(&self, type_name: &str, now_ms: i64) -> bool {
        self.type_name == type_name && self.found_at_ms <= now_ms
    }
}

// === impl Question ===

impl Question {
    /// The types of what is sought.
    fn types(&self, snapshot: &Snapshot) -> Result<Vec<String>, InvalidRequest> {
        let (action, given, type_name, wanted) = match self {
            Self::Resources { principal, action, type_name, wanted, .. } => {
                (action, principal, type_name, wanted)
            }
            Self::Principals { resource, action, type_name, wanted, .. } => {
                (action, resource, type_name, wanted)
            }
            Self::Actions(_) => return Ok(Vec::new()),
        };
        if let Some(name) = type_name {
            // The type must be one, and what is asked of its attributes must make sense, also
            // where there is no entity of it.
            snapshot.uid(name, "")?;
            snapshot.wanted(name, wanted)?;
            return Ok(vec![name.clone()]);
        }
        if !wanted.is_empty() {
            return Err(InvalidRequest {
                message: "`where` needs a `type` whose attributes it is about".to_owned(),
                hint: None,
            });
        }
        let info = snapshot.schema().action(action);
        let given = given.type_name().to_string();
        let types = info.map(|info| match self {
            Self::Principals { .. } if info.resources.contains(&given) => &info.principals,
            Self::Resources { .. } if info.principals.contains(&given) => &info.resources,
            _ => const { &std::collections::BTreeSet::new() },
        });
        let types: Vec<String> = types.into_iter().flatten().cloned().collect();
        if types.is_empty() {
            return Err(InvalidRequest {
                message: format!("`{action}` does not apply to `{given}`"),
                hint: None,
            });
        }
        Ok(types)
    }

    /// The candidates of one type; `None` if there is nothing of it.
    fn prepare(
        &self,
        snapshot: &Snapshot,
        type_name: &str,
        now_ms: i64,
        found: Option<Arc<Reached>>,
    ) -> Result<Option<Prepared>, InvalidRequest> {
        let Some((ty, any)) = snapshot.some_of(type_name) else { return Ok(None) };
        let (sought, request, terms, wanted): (_, CheckRequest, &Terms, _) = match self {
            Self::Resources { principal, action, wanted, terms, .. } => {
                let mut request = terms.check(principal.clone(), action.clone(), any);
                request.resource_properties = None;
                (Sought::Resource, request, terms, wanted)
            }
            Self::Principals { resource, action, wanted, terms, .. } => {
                let mut request = terms.check(any, action.clone(), resource.clone());
                request.principal_properties = None;
                (Sought::Principal, request, terms, wanted)
            }
            Self::Actions(_) => return Ok(None),
        };
        let wanted = snapshot.wanted(type_name, wanted)?;
        let request = CheckRequest { now_ms, ..request };
        snapshot.prepare(sought, ty, request, terms.options, wanted, found).map(Some)
    }
}

// === impl Snapshot ===

impl Snapshot {
    /// The actions that apply to the two, in the order of type and id.
    pub(super) fn applicable(&self, search: &ActionSearch) -> Vec<EntityUid> {
        let (principal, resource) = (&search.principal, &search.resource);
        let index = &self.rules.index;
        let actions = self.rules.schema.actions().map(|(action, _)| action);
        let mut actions: Vec<EntityUid> = actions
            .filter(|action| index.environment(principal, action, resource).is_some())
            .cloned()
            .collect();
        actions.sort_by_cached_key(|uid| {
            (uid.type_name().to_string(), uid.id().unescaped().to_owned())
        });
        actions
    }

    /// Whether one of them is allowed. One that the context does not fit is not.
    pub(super) fn allows_action(&self, search: &ActionSearch, action: &EntityUid) -> bool {
        let (principal, resource) = (search.principal.clone(), search.resource.clone());
        let request = search.terms.check(principal, action.clone(), resource);
        let answer = self.check(&request, search.terms.options);
        answer.is_ok_and(|answer| answer.decision == Decision::Allow)
    }
}
