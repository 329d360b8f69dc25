//! A matched route and its checks: references are followed into the request and the snapshot, and
//! what leads nowhere is a deny. Types are those that the schema declares, ids are texts; nothing
//! of a request is ever parsed as Cedar.

use std::borrow::Cow;
use std::fmt;

use cedar_policy::EntityUid;
use serde_json::{Map, Value, json};

use super::captures::Captures;
use super::path::{Ambiguity, Target};
use super::query;
use super::reference::Reference;
use super::resource::{EntityOf, Resource, TypeOf, ValueOf};
use super::route::{Check, Route};
use crate::engine::check::Undeclared;
use crate::engine::store::ValueRef;
use crate::engine::{CheckRequest, Code, Snapshot, uid};

/// The longest id that is taken from a request or an attribute.
const ID_BYTES_MAX: usize = 4096;

/// A request and the route that is for it.
#[derive(Debug, Clone)]
pub struct Matched<'m, 'r> {
    route: &'m Route,
    target: Target<'r>,
    captures: Captures,
}

/// Why a check could not be made: a deny.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unresolved {
    /// The snapshot does not hold the principal, and the route asks what it says of it.
    UnknownPrincipal,
    /// The principal is not of the type that the route is for.
    PrincipalType,
    /// The principal has no such attribute, or it names nothing.
    Attribute(String),
    /// A query parameter is not there.
    Query(String),
    /// The query has no one meaning.
    Ambiguous(Ambiguity),
    /// A word of the request stands for no type.
    Type,
    /// A text of the request is not what the context wants.
    Value,
    /// An id is too long.
    Id,
    /// The snapshot holds two entities of this id, of types that the route takes alike.
    TwoEntities,
}

// === impl Matched ===

impl<'m, 'r> Matched<'m, 'r> {
    pub(super) fn new(route: &'m Route, target: Target<'r>, captures: Captures) -> Self {
        Self { route, target, captures }
    }

    /// The route.
    pub fn route(&self) -> &'m Route {
        self.route
    }

    /// What the path captured, decoded, in the order of the path.
    pub fn captures(&self) -> impl Iterator<Item = (&'m str, Cow<'_, str>)> {
        self.route.names.iter().enumerate().filter_map(|(position, name)| {
            Some((name.as_str(), self.captures.get(&self.target.path, position)?))
        })
    }

    /// A query parameter, decoded; `None` where it is not there. For a credential that the route
    /// allows there.
    ///
    /// # Errors
    /// It is there twice, or the query cannot be read.
    pub fn query(&self, name: &str) -> Result<Option<Cow<'_, str>>, Ambiguity> {
        query::value(self.target.query, name)
    }

    /// The checks of this request for a principal; all have to allow. `now_ms` is the time in
    /// milliseconds since 1970, by which links expire.
    ///
    /// # Errors
    /// One of them cannot be made: the request is denied.
    pub fn checks(
        &self,
        principal: &EntityUid,
        snapshot: &Snapshot,
        now_ms: i64,
    ) -> Result<Vec<CheckRequest>, Unresolved> {
        let resolver = Resolver { matched: self, principal, snapshot };
        let mut checks = Vec::with_capacity(self.route.checks.len());
        for check in &self.route.checks {
            checks.push(resolver.check(check, now_ms)?);
        }
        // Such a route does not pass the compiler; without a check nothing would stand in the way.
        if checks.is_empty() { Err(Unresolved::Value) } else { Ok(checks) }
    }
}

/// Follows references.
struct Resolver<'a, 'm, 'r> {
    matched: &'a Matched<'m, 'r>,
    principal: &'a EntityUid,
    snapshot: &'a Snapshot,
}

// === impl Resolver ===

impl<'a> Resolver<'a, '_, '_> {
    fn check(&self, check: &Check, now_ms: i64) -> Result<CheckRequest, Unresolved> {
        let mut context = Map::new();
        for (name, value) in &check.context {
            context.insert(name.clone(), self.value(value)?);
        }
        Ok(CheckRequest {
            principal: self.principal.clone(),
            action: check.action.clone(),
            resource: self.entity(&check.resource)?,
            context,
            undeclared: Undeclared::Refuse,
            principal_properties: None,
            resource_properties: None,
            now_ms,
            explain: false,
        })
    }

    fn entity(&self, resource: &Resource) -> Result<EntityUid, Unresolved> {
        match resource {
            Resource::Principal => Ok(self.principal.clone()),
            Resource::Attribute(name) => match self.attribute(name)? {
                ValueRef::Entity(number) => Ok(self.snapshot.store().uid_of(number)),
                _ => Err(Unresolved::Attribute(name.clone())),
            },
            Resource::Entity(entity) => self.entity_of(entity),
        }
    }

    fn entity_of(&self, entity: &EntityOf) -> Result<EntityUid, Unresolved> {
        let types = match &entity.ty {
            TypeOf::Fixed(types) => types,
            TypeOf::Table(word, table) => {
                let word = self.text(word)?;
                let found = table.iter().find(|(known, _)| *known == word);
                found.map(|(_, types)| types).ok_or(Unresolved::Type)?
            }
        };
        let id = self.text(&entity.id)?;
        if id.len() > ID_BYTES_MAX {
            return Err(Unresolved::Id);
        }
        let [first, others @ ..] = types.as_slice() else { return Err(Unresolved::Type) };
        if entity.id == Reference::Principal && self.principal.type_name() != first {
            return Err(Unresolved::PrincipalType);
        }
        let uid = uid::of(first, &id);
        if others.is_empty() {
            return Ok(uid);
        }
        let uids = others.iter().map(|name| uid::of(name, &id));
        let mut held =
            std::iter::once(uid.clone()).chain(uids).filter(|it| self.snapshot.holds(it));
        match (held.next(), held.next()) {
            (Some(_), Some(_)) => Err(Unresolved::TwoEntities),
            (Some(held), None) => Ok(held),
            // The check says that it is not there.
            (None, _) => Ok(uid),
        }
    }

    fn text<'t>(&'t self, reference: &'t Reference) -> Result<Cow<'t, str>, Unresolved> {
        match reference {
            Reference::Fixed(text) => Ok(Cow::Borrowed(text)),
            Reference::Capture(position) => {
                let captured = self.matched.captures.get(&self.matched.target.path, *position);
                captured.ok_or(Unresolved::Value)
            }
            Reference::Query(name) => match query::value(self.matched.target.query, name) {
                Ok(Some(value)) => Ok(value),
                Ok(None) => Err(Unresolved::Query(name.clone())),
                Err(why) => Err(Unresolved::Ambiguous(why)),
            },
            Reference::Principal => Ok(Cow::Borrowed(self.principal.id().unescaped())),
            Reference::Attribute(name) => match self.attribute(name)? {
                ValueRef::Entity(number) => Ok(Cow::Borrowed(self.snapshot.store().id_of(number))),
                ValueRef::String(text) => Ok(Cow::Borrowed(text)),
                _ => Err(Unresolved::Attribute(name.clone())),
            },
        }
    }

    fn attribute(&self, name: &str) -> Result<ValueRef<'a>, Unresolved> {
        let store = self.snapshot.store();
        let number = store.number_of(self.principal).filter(|number| store.is_stored(*number));
        let number = number.ok_or(Unresolved::UnknownPrincipal)?;
        store.attribute(number, name).ok_or_else(|| Unresolved::Attribute(name.to_owned()))
    }

    fn value(&self, value: &ValueOf) -> Result<Value, Unresolved> {
        match value {
            ValueOf::Fixed(value) => Ok(value.clone()),
            ValueOf::Text(reference) => Ok(Value::String(self.text(reference)?.into_owned())),
            ValueOf::Long(reference) => {
                let number: i64 = self.text(reference)?.parse().map_err(|_| Unresolved::Value)?;
                Ok(number.into())
            }
            ValueOf::Bool(reference) => match &*self.text(reference)? {
                "true" => Ok(true.into()),
                "false" => Ok(false.into()),
                _ => Err(Unresolved::Value),
            },
            ValueOf::Entity(resource) => {
                let uid = self.entity(resource)?;
                let (ty, id) = (uid.type_name().to_string(), uid.id().unescaped());
                Ok(json!({"__entity": {"type": ty, "id": id}}))
            }
        }
    }
}

// === impl Unresolved ===

impl Unresolved {
    /// The code of the deny.
    pub fn code(&self) -> Code {
        match self {
            Self::UnknownPrincipal => Code::UnknownPrincipal,
            Self::Ambiguous(_) | Self::TwoEntities => Code::AmbiguousPath,
            Self::PrincipalType | Self::Attribute(_) | Self::Value | Self::Id => {
                Code::InvalidRequest
            }
            Self::Query(_) | Self::Type => Code::UnmappedRoute,
        }
    }
}

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownPrincipal => f.write_str("the snapshot does not hold the principal"),
            Self::PrincipalType => f.write_str("the route is for principals of another type"),
            Self::Attribute(name) => write!(f, "the principal has no attribute `{name}` to go by"),
            Self::Query(name) => write!(f, "the query parameter `{name}` is not there"),
            Self::Ambiguous(why) => why.fmt(f),
            Self::Type => f.write_str("the entity type that the request names is not in the map"),
            Self::Value => f.write_str("a value of the request is not of the form the route wants"),
            Self::TwoEntities => {
                f.write_str("two entities have this id, and the path says no type")
            }
            Self::Id => write!(f, "an id has more than {ID_BYTES_MAX} bytes"),
        }
    }
}

impl std::error::Error for Unresolved {}
