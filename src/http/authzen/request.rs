//! An `AuthZEN` request as a client writes it. Members that are not known are ignored, as the
//! specification asks; members that are known and of the wrong type are refused. In a batch, what
//! an item leaves out comes from the request's own members.

use serde_json::Value;

use super::Members;
use crate::http::problem::Problem;

/// The member of a request's context that speaks to this service; no policy sees it.
const OWN_MEMBER: &str = "doorward";

/// A subject or a resource, as far as it is given.
#[derive(Debug, Clone, Default)]
pub(super) struct PartialEntity {
    type_name: Option<String>,
    id: Option<String>,
    properties: Option<Members>,
}

/// An action, as far as it is given.
#[derive(Debug, Clone, Default)]
pub(super) struct PartialAction {
    name: Option<String>,
    properties: Option<Members>,
}

/// A request, as far as it is given: the whole of one, an item of a batch, or a batch's defaults.
#[derive(Debug, Clone, Default)]
pub(super) struct Partial {
    subject: Option<PartialEntity>,
    action: Option<PartialAction>,
    resource: Option<PartialEntity>,
    context: Option<Members>,
}

/// A subject or a resource.
#[derive(Debug)]
pub(super) struct Entity {
    pub(super) type_name: String,
    pub(super) id: String,
    pub(super) properties: Option<Members>,
}

/// An action.
#[derive(Debug)]
pub(super) struct Action {
    pub(super) name: String,
    pub(super) properties: Option<Members>,
}

/// The parts of a search, of which one is not given whole.
#[derive(Debug)]
pub(super) struct Sides {
    pub(super) subject: Option<PartialEntity>,
    pub(super) action: Option<PartialAction>,
    pub(super) resource: Option<PartialEntity>,
    pub(super) context: Members,
}

/// A complete request.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) subject: Entity,
    pub(super) action: Action,
    pub(super) resource: Entity,
    pub(super) context: Members,
    pub(super) explain: bool,
}

// === impl Partial ===

impl Partial {
    pub(super) fn read(members: Members) -> Result<Self, Problem> {
        let mut partial = Self::default();
        for (name, value) in members {
            match name.as_str() {
                "subject" => partial.subject = entity("subject", value)?,
                "action" => partial.action = action(value)?,
                "resource" => partial.resource = entity("resource", value)?,
                "context" => partial.context = members_of("context", value)?,
                _ => {}
            }
        }
        Ok(partial)
    }

    /// What the request has, and the defaults for what it lacks. A subject, action, resource or
    /// context that is given stands as a whole; one that lacks a member it must have takes that
    /// member, and never properties, from the default.
    ///
    /// Of `AuthZEN`'s two official test suites one forbids to merge members and the other asks for
    /// a missing `type` to be filled; both hold with this.
    pub(super) fn or(self, defaults: &Self) -> Self {
        Self {
            subject: entity_or(self.subject, defaults.subject.as_ref()),
            action: match (self.action, &defaults.action) {
                (None, default) => default.clone(),
                (Some(own), Some(default)) => {
                    Some(PartialAction { name: own.name.or_else(|| default.name.clone()), ..own })
                }
                (own, None) => own,
            },
            resource: entity_or(self.resource, defaults.resource.as_ref()),
            context: self.context.or_else(|| defaults.context.clone()),
        }
    }

    /// The parts as they are.
    pub(super) fn sides(self) -> Sides {
        let mut context = self.context.unwrap_or_default();
        context.remove(OWN_MEMBER);
        Sides { subject: self.subject, action: self.action, resource: self.resource, context }
    }

    /// Whether the request's context asks for explanations.
    pub(super) fn explains(&self) -> bool {
        self.context.as_ref().is_some_and(explains)
    }

    /// The request, if nothing that it must have is missing.
    pub(super) fn complete(self) -> Result<Question, Problem> {
        let explain = self.explains();
        let subject = self.subject.ok_or_else(|| Problem::missing_member("subject"))?;
        let action = self.action.ok_or_else(|| Problem::missing_member("action"))?;
        let resource = self.resource.ok_or_else(|| Problem::missing_member("resource"))?;
        let mut context = self.context.unwrap_or_default();
        context.remove(OWN_MEMBER);
        Ok(Question {
            subject: subject.complete("subject")?,
            action: action.complete()?,
            resource: resource.complete("resource")?,
            context,
            explain,
        })
    }

    /// About how many bytes the properties and the context take, which every item of a batch
    /// that lacks them takes again.
    pub(super) fn weight(&self) -> usize {
        let entities = [&self.subject, &self.resource];
        let properties = entities.into_iter().flatten().flat_map(|it| &it.properties);
        let action = self.action.iter().flat_map(|it| &it.properties);
        properties.chain(action).chain(&self.context).map(weight_of_members).sum()
    }
}

fn entity_or(own: Option<PartialEntity>, default: Option<&PartialEntity>) -> Option<PartialEntity> {
    match (own, default) {
        (None, default) => default.cloned(),
        (Some(own), Some(default)) => Some(PartialEntity {
            type_name: own.type_name.or_else(|| default.type_name.clone()),
            id: own.id.or_else(|| default.id.clone()),
            properties: own.properties,
        }),
        (own, None) => own,
    }
}

fn explains(context: &Members) -> bool {
    let own = context.get(OWN_MEMBER).and_then(Value::as_object);
    own.and_then(|own| own.get("explain")).and_then(Value::as_bool).unwrap_or(false)
}

fn weight_of_members(members: &Members) -> usize {
    members.iter().map(|(name, value)| name.len() + weight(value)).sum()
}

/// About how many bytes a value takes. Values are as deep as a body may be nested, no deeper.
fn weight(value: &Value) -> usize {
    const NODE: usize = 8;
    NODE + match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(weight).sum(),
        Value::Object(members) => weight_of_members(members),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

// === impl PartialAction, PartialEntity ===

impl PartialAction {
    pub(super) fn complete(self) -> Result<Action, Problem> {
        Ok(Action {
            name: self.name.ok_or_else(|| Problem::missing_member("action.name"))?,
            properties: self.properties,
        })
    }
}

impl PartialEntity {
    /// The type alone, of what is searched for.
    pub(super) fn type_of(self, member: &str) -> Result<String, Problem> {
        self.type_name.ok_or_else(|| Problem::missing_member(&format!("{member}.type")))
    }

    pub(super) fn complete(self, member: &str) -> Result<Entity, Problem> {
        Ok(Entity {
            type_name: self
                .type_name
                .ok_or_else(|| Problem::missing_member(&format!("{member}.type")))?,
            id: self.id.ok_or_else(|| Problem::missing_member(&format!("{member}.id")))?,
            properties: self.properties,
        })
    }
}

// A member that is null counts as left out, as the specification asks senders to do it.

fn entity(member: &str, value: Value) -> Result<Option<PartialEntity>, Problem> {
    let Some(members) = members_of(member, value)? else { return Ok(None) };
    let mut entity = PartialEntity::default();
    for (name, value) in members {
        match name.as_str() {
            "type" => entity.type_name = text(member, "type", value)?,
            "id" => entity.id = text(member, "id", value)?,
            "properties" => entity.properties = members_of(&format!("{member}.{name}"), value)?,
            _ => {}
        }
    }
    Ok(Some(entity))
}

fn action(value: Value) -> Result<Option<PartialAction>, Problem> {
    let Some(members) = members_of("action", value)? else { return Ok(None) };
    let mut action = PartialAction::default();
    for (name, value) in members {
        match name.as_str() {
            "name" => action.name = text("action", "name", value)?,
            "properties" => action.properties = members_of("action.properties", value)?,
            _ => {}
        }
    }
    Ok(Some(action))
}

fn members_of(member: &str, value: Value) -> Result<Option<Members>, Problem> {
    match value {
        Value::Null => Ok(None),
        Value::Object(members) => Ok(Some(members)),
        _ => Err(Problem::wrong_member(member, "an object")),
    }
}

fn text(of: &str, member: &str, value: Value) -> Result<Option<String>, Problem> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        _ => Err(Problem::wrong_member(&format!("{of}.{member}"), "a string")),
    }
}

#[cfg(test)]
mod tests;
