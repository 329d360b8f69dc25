//! Search: which resources a principal may do something to, which principals may do it, and what a
//! principal may do.
//!
//! Indexes give candidates, and every candidate is decided as a check is, so that a search finds
//! what a loop of checks over the stored entities of a type would allow; the indexes only save it
//! the entities that no permit can reach. Entities are found that are stored, and no others.
//! [`Walk`] takes any of the three in steps; [`Listed`] is what a list of checks has in common.

mod listed;
mod prepared;
pub(super) mod reach;
mod walk;
mod wanted;

pub use listed::Listed;
pub use walk::{Candidates, Position, Question, Step, Walk};

use cedar_policy::EntityUid;
use serde_json::{Map, Value};

use super::check::{CheckOptions, CheckRequest, InvalidRequest, Undeclared};
use super::snapshot::Snapshot;
use super::store::TypeNo;
use super::uid;
use reach::Sought;
use wanted::Wanted;

/// Which resources of a type may the principal do the action to?
#[derive(Debug, Clone)]
pub struct ResourceSearch {
    /// Who asks.
    pub principal: EntityUid,
    /// What they want to do.
    pub action: EntityUid,
    /// The type of the resources.
    pub resource_type: String,
    /// What the checks have in common beside that.
    pub terms: Terms,
}

/// Which principals of a type may do the action to the resource?
#[derive(Debug, Clone)]
pub struct PrincipalSearch {
    /// The type of the principals.
    pub principal_type: String,
    /// What they would do.
    pub action: EntityUid,
    /// To what.
    pub resource: EntityUid,
    /// What the checks have in common beside that.
    pub terms: Terms,
}

/// Which actions may the principal do to the resource?
#[derive(Debug, Clone)]
pub struct ActionSearch {
    /// Who asks.
    pub principal: EntityUid,
    /// What they would act on.
    pub resource: EntityUid,
    /// What the checks have in common beside that.
    pub terms: Terms,
}

/// What all checks of one search have in common; see [`CheckRequest`] and [`CheckOptions`].
#[derive(Debug, Clone)]
pub struct Terms {
    /// The context, as JSON.
    pub context: Map<String, Value>,
    /// What happens to context members that the schema does not declare.
    pub undeclared: Undeclared,
    /// Properties of the principal that came with the request, where it names one.
    pub principal_properties: Option<Map<String, Value>>,
    /// Properties of the resource that came with the request, where it names one.
    pub resource_properties: Option<Map<String, Value>>,
    /// The time of the checks, in milliseconds since 1970.
    pub now_ms: i64,
    /// How they are evaluated.
    pub options: CheckOptions,
}

/// A part of what a search finds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// What is allowed, in the byte order of the ids.
    pub found: Vec<EntityUid>,
    /// Whether nothing is left behind this page.
    pub complete: bool,
    /// Where the next page begins: behind this id, the last one that was looked at. `None` if
    /// nothing is left, or if nothing was looked at from the first id on.
    pub after: Option<String>,
    /// How many candidates were decided.
    pub examined: usize,
}

// === impl Terms ===

impl Terms {
    /// Nothing but a time.
    pub fn at(now_ms: i64) -> Self {
        Self {
            context: Map::new(),
            undeclared: Undeclared::Refuse,
            principal_properties: None,
            resource_properties: None,
            now_ms,
            options: CheckOptions::default(),
        }
    }

    /// A check with these terms.
    pub fn check(
        &self,
        principal: EntityUid,
        action: EntityUid,
        resource: EntityUid,
    ) -> CheckRequest {
        CheckRequest {
            principal,
            action,
            resource,
            context: self.context.clone(),
            undeclared: self.undeclared,
            principal_properties: self.principal_properties.clone(),
            resource_properties: self.resource_properties.clone(),
            now_ms: self.now_ms,
            explain: false,
        }
    }
}

// === impl Page ===

impl Page {
    /// Nothing, and nothing left.
    fn empty() -> Self {
        Self { complete: true, ..Self::default() }
    }
}

// === impl Snapshot ===

impl Snapshot {
    /// The stored resources of a type that a principal may do an action to: at most `limit`, from
    /// the first id on that comes after `after`, and at most `budget` candidates are decided.
    ///
    /// A principal that is not stored is decided on as by a check, and a type that the schema does
    /// not declare has no resources.
    ///
    /// # Errors
    /// The request does not fit the schema, whatever the resource: an action that does not apply to
    /// these types, a context of another shape, a property of the wrong type.
    pub fn search_resources(
        &self,
        search: &ResourceSearch,
        after: Option<&str>,
        limit: usize,
        budget: usize,
    ) -> Result<Page, InvalidRequest> {
        let Some((ty, any)) = self.some_of(&search.resource_type) else { return Ok(Page::empty()) };
        let mut request = search.terms.check(search.principal.clone(), search.action.clone(), any);
        request.resource_properties = None;
        let options = search.terms.options;
        let prepared =
            self.prepare(Sought::Resource, ty, request, options, Wanted::default(), None)?;
        self.page(&prepared, search.terms.now_ms, after, (limit, budget))
    }

    /// The stored principals of a type that may do an action to a resource, in the same way.
    ///
    /// # Errors
    /// The request does not fit the schema, whatever the principal.
    pub fn search_principals(
        &self,
        search: &PrincipalSearch,
        after: Option<&str>,
        limit: usize,
        budget: usize,
    ) -> Result<Page, InvalidRequest> {
        let Some((ty, any)) = self.some_of(&search.principal_type) else {
            return Ok(Page::empty());
        };
        let mut request = search.terms.check(any, search.action.clone(), search.resource.clone());
        request.principal_properties = None;
        let options = search.terms.options;
        let prepared =
            self.prepare(Sought::Principal, ty, request, options, Wanted::default(), None)?;
        self.page(&prepared, search.terms.now_ms, after, (limit, budget))
    }

    /// The actions that a principal may do to a resource, in the order of their uids. Actions that
    /// do not apply to the two, or that the context does not fit, are none of them; a context that
    /// is meant for some actions only is sent with [`Undeclared::Drop`].
    pub fn search_actions(&self, search: &ActionSearch) -> Vec<EntityUid> {
        let mut found = self.applicable(search);
        found.retain(|action| self.allows_action(search, action));
        found
    }

    /// A type's number and some uid of it, by which a request is fitted before anything is found.
    fn some_of(&self, type_name: &str) -> Option<(TypeNo, EntityUid)> {
        let entity_type = self.rules.schema.entity_type(type_name)?;
        let id = match &entity_type.enumerated {
            Some(ids) => ids.first()?.as_str(),
            None => "",
        };
        Some((self.store.type_no(type_name)?, uid::of(&entity_type.name, id)))
    }
}

#[cfg(test)]
mod tests;
