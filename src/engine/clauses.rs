//! Policies as clauses, and what each clause comes to for one request.
//!
//! A clause is one part of a policy that can be true or false by itself: the principal, the action
//! and the resource of its scope, and every conjunct of every `when` and `unless`. A clause is named
//! by its policy's id and its number in [`PolicyClauses::clauses`], which is the order of the text
//! and of evaluation.
//!
//! What is told of a clause is its own value. A policy is satisfied where its scope is, every clause
//! of every `when` is, and in every `unless` at least one clause is *not*: the clauses of one
//! `unless` are told as they stand there, before the block is negated.

use std::ops::Range;

use super::check::{CheckOptions, CheckRequest, InvalidRequest, Validity};
use super::index::{Entry, Scope};
use super::policies::PolicyInfo;
use super::request::Fitted;
use super::slice::clauses::{Part, Step, Term, parts, whole};
use super::slice::{Condition, Scene};
use super::snapshot::Snapshot;
use super::store::{EntityNo, LinkNo, LinkRef};

/// How many links are looked at to tell whether the principal's part of a template's scope holds,
/// where no link fits both principal and resource.
const LINKS_MAX: usize = 4096;

/// Which part of a policy a clause is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ClauseKind {
    /// What the scope asks of the principal.
    Principal,
    /// What the scope asks of the action.
    Action,
    /// What the scope asks of the resource.
    Resource,
    /// A conjunct of a `when`.
    When,
    /// A conjunct of an `unless`.
    Unless,
}

/// A part of a policy that can be true or false by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    /// Which part it is.
    pub kind: ClauseKind,
    /// The number of its `when` or `unless` among all of them of the policy, from 0; 0 for the
    /// scope.
    pub block: usize,
    /// Where it stands in the policy's text, in bytes of the whole text.
    pub span: Range<usize>,
    /// The line it begins on, from 1.
    pub line: usize,
    /// Its source.
    pub source: String,
    /// A part of a scope that asks for nothing: it is satisfied by every request.
    pub open: bool,
}

/// What a clause comes to for one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is true.
    Satisfied,
    /// It is false.
    NotSatisfied,
    /// It cannot be evaluated, with Cedar's message.
    Error(String),
    /// An earlier clause settled the policy, or the block of an `unless`, so Cedar does not look.
    NotReached,
}

/// A policy or template with its clauses.
#[derive(Debug, Clone, Copy)]
pub struct PolicyClauses<'a> {
    /// The policy.
    pub info: &'a PolicyInfo,
    /// Its clauses, in the order of the text: principal, action, resource, then the conjuncts.
    pub clauses: &'a [Clause],
}

/// What the clauses of a policy, a link or a template come to for one request.
#[derive(Debug, Clone)]
pub struct PolicyOutcomes<'a> {
    /// The policy, or the template.
    pub info: &'a PolicyInfo,
    /// Its clauses.
    pub clauses: &'a [Clause],
    /// Of each clause, in the same order, what it comes to.
    pub outcomes: Vec<Outcome>,
    /// For a template: the ids of the links that its scope holds for, those left out that have
    /// expired. They all come to the same, as conditions have no slots. Empty for a policy, and
    /// where no link's scope holds: the template then decides nothing, whatever its clauses say.
    pub links: Vec<&'a str>,
}

/// Clauses, and what is evaluated for those that are conjuncts.
#[derive(Debug, Default)]
pub(super) struct Clauses {
    pub(super) list: Vec<Clause>,
    terms: Vec<Option<Term>>,
}

/// What fills the slots of a template's scope.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Slots {
    pub(super) principal: Option<EntityNo>,
    pub(super) resource: Option<EntityNo>,
}

// === impl ClauseKind ===

impl ClauseKind {
    /// Whether it is a part of the scope.
    pub fn is_scope(self) -> bool {
        !matches!(self, Self::When | Self::Unless)
    }

    /// `principal`, `action`, `resource`, `when` or `unless`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Principal => "principal",
            Self::Action => "action",
            Self::Resource => "resource",
            Self::When => "when",
            Self::Unless => "unless",
        }
    }
}

// === impl PolicyOutcomes ===

impl PolicyOutcomes<'_> {
    /// Whether the policy is satisfied, or how it errs, put together from its clauses alone.
    ///
    /// # Errors
    /// The message of the clause that cannot be evaluated.
    pub fn verdict(&self) -> Result<bool, &str> {
        let pairs = || self.clauses.iter().zip(&self.outcomes);
        if let Some(message) = self.outcomes.iter().find_map(Outcome::message) {
            return Err(message);
        }
        let fails = |(clause, outcome): (&Clause, &Outcome)| {
            clause.kind != ClauseKind::Unless && *outcome != Outcome::Satisfied
        };
        let mut unless = pairs().filter(|(clause, _)| clause.kind == ClauseKind::Unless);
        let blocked = unless.any(|(clause, _)| {
            let mut block =
                pairs().filter(|(it, _)| it.kind == ClauseKind::Unless && it.block == clause.block);
            block.all(|(_, outcome)| *outcome == Outcome::Satisfied)
        });
        Ok((!self.info.template || !self.links.is_empty()) && !pairs().any(fails) && !blocked)
    }
}

// === impl Outcome ===

impl Outcome {
    /// `satisfied`, `not_satisfied`, `error` or `not_reached`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Satisfied => "satisfied",
            Self::NotSatisfied => "not_satisfied",
            Self::Error(_) => "error",
            Self::NotReached => "not_reached",
        }
    }

    /// The message of an error.
    pub fn message(&self) -> Option<&str> {
        match self {
            Self::Error(message) => Some(message),
            _ => None,
        }
    }

    pub(super) fn of(holds: bool) -> Self {
        if holds { Self::Satisfied } else { Self::NotSatisfied }
    }
}

// === impl Clauses ===

impl Clauses {
    /// The clauses of a policy that has passed Cedar's parser.
    pub(super) fn of(info: &PolicyInfo, condition: Option<&Condition>) -> Self {
        let parts = parts(&info.source).unwrap_or_else(|| whole(&info.source, condition));
        let mut clauses = Self::default();
        for Part { kind, block, span, open, term } in parts {
            let before = info.source.get(..span.start).unwrap_or_default();
            clauses.list.push(Clause {
                kind,
                block,
                span: info.span.start + span.start..info.span.start + span.end,
                line: info.line + before.bytes().filter(|byte| *byte == b'\n').count(),
                source: info.source.get(span).unwrap_or_default().to_owned(),
                open,
            });
            clauses.terms.push(term);
        }
        clauses
    }

    /// What is evaluated for a clause; nothing for the scope.
    pub(super) fn term(&self, number: usize) -> Option<&Term> {
        self.terms.get(number)?.as_ref()
    }

    /// The conjuncts.
    pub(super) fn steps(&self) -> impl Iterator<Item = Step<'_>> {
        let both = self.list.iter().zip(&self.terms);
        both.filter_map(|(clause, term)| {
            Some(Step { kind: clause.kind, block: clause.block, term: term.as_ref()? })
        })
    }
}

// === impl Snapshot ===

impl Snapshot {
    /// Every policy and template with its clauses, in the order of the texts.
    pub fn clauses(&self) -> impl Iterator<Item = PolicyClauses<'_>> {
        let numbered = self.rules.policies.infos.iter().enumerate();
        numbered.filter_map(|(number, info)| {
            let entry = self.rules.index.entry(number)?;
            Some(PolicyClauses { info, clauses: &entry.clauses.list })
        })
    }

    /// What every clause of every policy and template comes to for one request, in the order of
    /// [`Snapshot::clauses`], whether or not the policy can concern the request. A template is told
    /// once, for all links whose scope holds; where there is none, its principal's part is told as
    /// true if any of its links has a slot that the principal fills (the first 4,096 links of the
    /// principal and what it is in are looked at).
    ///
    /// It costs a little for each policy, and nothing for links that do not fit.
    ///
    /// # Errors
    /// The request does not fit the schema.
    pub fn outcomes(
        &self,
        request: &CheckRequest,
        options: CheckOptions,
    ) -> Result<Vec<PolicyOutcomes<'_>>, InvalidRequest> {
        let fitted = self.fit(request, options.request_properties)?;
        let scene = self.scene(request, &fitted);
        let slice = scene.slice(&fitted.environment.needs);
        let count = self.rules.policies.infos.len();
        let all = (0..count).filter_map(|number| {
            let entry = self.rules.index.entry(number)?;
            let info = self.rules.policies.infos.get(number)?;
            let (scope, links) = if entry.template {
                self.template_scope(request, &fitted, number, entry)
            } else {
                (self.scope(request, &fitted, entry, Slots::default()), Vec::new())
            };
            let outcomes = Self::walked(&scene, &slice, &fitted, entry, scope);
            Some(PolicyOutcomes { info, clauses: &entry.clauses.list, outcomes, links })
        });
        Ok(all.collect())
    }

    /// What the clauses of one policy or link come to for one request; `None` where there is none
    /// of this id. For a template's own id see [`Snapshot::outcomes`].
    ///
    /// # Errors
    /// The request does not fit the schema.
    pub fn outcomes_of(
        &self,
        id: &str,
        request: &CheckRequest,
        options: CheckOptions,
    ) -> Result<Option<PolicyOutcomes<'_>>, InvalidRequest> {
        let fitted = self.fit(request, options.request_properties)?;
        Ok(self.outcomes_fitted(id, request, &fitted))
    }

    pub(super) fn outcomes_fitted(
        &self,
        id: &str,
        request: &CheckRequest,
        fitted: &Fitted<'_>,
    ) -> Option<PolicyOutcomes<'_>> {
        let link = self.store.link(id);
        let (number, slots) = match &link {
            Some(link) => (self.template_of(link)?, Slots::of(link)),
            None => (self.rules.index.number(id)?, Slots::default()),
        };
        let entry = self.rules.index.entry(number)?;
        let info = self.rules.policies.infos.get(number)?;
        let scene = self.scene(request, fitted);
        let slice = scene.slice(&fitted.environment.needs);
        let scope = self.scope(request, fitted, entry, slots);
        let holds = scope.iter().all(|outcome| *outcome == Outcome::Satisfied);
        let links = link.filter(|link| {
            let expired = Validity::default().expired(link.expires_ms, request.now_ms);
            holds && !expired
        });
        let outcomes = Self::walked(&scene, &slice, fitted, entry, scope);
        let links = links.map(|link| link.id).into_iter().collect();
        Some(PolicyOutcomes { info, clauses: &entry.clauses.list, outcomes, links })
    }

    /// Adds the outcomes of the conjuncts to those of the scope.
    fn walked(
        scene: &Scene<'_>,
        slice: &super::slice::Slice,
        fitted: &Fitted<'_>,
        entry: &Entry,
        scope: [Outcome; 3],
    ) -> Vec<Outcome> {
        let holds = scope.iter().all(|outcome| *outcome == Outcome::Satisfied);
        let mut outcomes = Vec::from(scope);
        if !holds {
            outcomes.extend(entry.clauses.steps().map(|_| Outcome::NotReached));
            return outcomes;
        }
        let mut walked = scene.walk(slice, entry.clauses.steps());
        if walked.iter().any(|outcome| outcome.message().is_some()) {
            // Messages of errors tell which attributes there are, so all of them have to be there.
            let slice = scene.whole_slice(&fitted.environment.needs);
            walked = scene.walk(&slice, entry.clauses.steps());
        }
        outcomes.extend(walked);
        outcomes
    }

    /// The three parts of a scope, given what fills its slots.
    fn scope(
        &self,
        request: &CheckRequest,
        fitted: &Fitted<'_>,
        entry: &Entry,
        slots: Slots,
    ) -> [Outcome; 3] {
        let [principal, action, resource] = self.scope_parts(request, fitted, entry, slots);
        in_order(principal, action, resource)
    }

    /// Whether each part of a scope holds, the others disregarded.
    pub(super) fn scope_parts(
        &self,
        request: &CheckRequest,
        fitted: &Fitted<'_>,
        entry: &Entry,
        slots: Slots,
    ) -> [bool; 3] {
        let CheckRequest { principal, action, resource, .. } = request;
        [
            entry.is_of_principal(principal.type_name())
                && self.matches(&entry.principal, principal, &fitted.principal, slots.principal),
            entry.concerns(action, &self.rules.schema),
            entry.is_of_resource(resource.type_name())
                && self.matches(&entry.resource, resource, &fitted.resource, slots.resource),
        ]
    }

    /// The scope of a template for all of its links, and the links that it holds for.
    fn template_scope<'a>(
        &'a self,
        request: &CheckRequest,
        fitted: &Fitted<'_>,
        template: usize,
        entry: &Entry,
    ) -> ([Outcome; 3], Vec<&'a str>) {
        let [_, action, _] = self.scope_parts(request, fitted, entry, Slots::default());
        let mut resources: Vec<Option<EntityNo>> =
            fitted.resource.line.iter().copied().map(Some).chain([None]).collect();
        resources.sort_unstable_by_key(|resource| resource.map_or(u32::MAX, EntityNo::number));
        let is_ours = |number: LinkNo| {
            let link = self.store.link_of(number)?;
            let expired = Validity::default().expired(link.expires_ms, request.now_ms);
            (!expired && self.template_of(&link) == Some(template)).then_some(link)
        };
        let holds = |link: &LinkRef<'_>| self.scope_parts(request, fitted, entry, Slots::of(link));
        let principals = || fitted.principal.line.iter().copied().map(Some).chain([None]);
        let mut links: Vec<&str> = Vec::new();
        for principal in principals() {
            let found = self.store.links_among(principal, &resources);
            let fitting = found.filter_map(|(_, number)| is_ours(number));
            let fitting = fitting.filter(|link| matches!(holds(link), [true, _, true]));
            links.extend(fitting.map(|link| link.id));
        }
        links.sort_unstable();
        if !links.is_empty() {
            if !action {
                links.clear();
            }
            return (in_order(true, action, true), links);
        }
        let has_slot = matches!(entry.principal, Scope::EqSlot | Scope::InSlot);
        let principal = if has_slot {
            let near = principals().flat_map(|no| self.store.links_of_principal(no));
            let mut near = near.take(LINKS_MAX).filter_map(is_ours);
            near.any(|link| holds(&link)[0])
        } else {
            self.scope_parts(request, fitted, entry, Slots::default())[0]
        };
        (in_order(principal, action, false), links)
    }

    pub(super) fn scene<'s>(
        &'s self,
        request: &'s CheckRequest,
        fitted: &'s Fitted<'_>,
    ) -> Scene<'s> {
        Scene {
            store: &self.store,
            ground: &self.rules.ground,
            principal: (&request.principal, fitted.principal.number()),
            action: &request.action,
            resource: (&request.resource, fitted.resource.number()),
            context: fitted.context.as_ref(),
            sent: &fitted.sent,
        }
    }
}

// === impl Slots ===

impl Slots {
    pub(super) fn of(link: &LinkRef<'_>) -> Self {
        Self { principal: link.principal, resource: link.resource }
    }
}

/// The parts of a scope as Cedar evaluates them: what comes behind one that is false is not reached.
fn in_order(principal: bool, action: bool, resource: bool) -> [Outcome; 3] {
    let reached = |before: bool, holds: bool| {
        if before { Outcome::of(holds) } else { Outcome::NotReached }
    };
    [Outcome::of(principal), reached(principal, action), reached(principal && action, resource)]
}

#[cfg(test)]
mod tests;
