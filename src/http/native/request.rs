//! A check as a client writes it. Every member is known or refused: a misspelt `context` must not
//! become a check without one.

use std::borrow::Cow;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::engine::check::Undeclared;
use crate::engine::uid::{self, UidText};
use crate::engine::{CheckRequest, InvalidRequest, Snapshot};
use crate::http::now_ms;
use crate::http::outline;
use crate::http::problem::{Kind, Problem};

/// The entity type of actions that are given by name alone.
pub(crate) const ACTION_TYPE: &str = "Action";

/// A check, read but not yet held against a snapshot.
#[derive(Debug, PartialEq)]
pub(super) struct Check<'a> {
    pub(super) principal: Uid<'a>,
    pub(super) action: Uid<'a>,
    pub(super) resource: Uid<'a>,
    pub(super) context: Map<String, Value>,
    pub(super) explain: bool,
}

/// The two halves of a uid, borrowed from the body where they stand there as they are.
#[derive(Debug, PartialEq)]
pub(super) struct Uid<'a> {
    pub(super) type_name: Cow<'a, str>,
    pub(super) id: Cow<'a, str>,
}

// === impl Check ===

impl Check<'_> {
    pub(super) fn read(members: Map<String, Value>) -> Result<Self, Problem> {
        let (mut principal, mut action, mut resource) = (None, None, None);
        let (mut context, mut explain) = (Map::new(), false);
        for (name, value) in members {
            match name.as_str() {
                "principal" => principal = Some(uid("principal", value)?),
                "action" => action = Some(action_uid(value)?),
                "resource" => resource = Some(uid("resource", value)?),
                "context" => match value {
                    Value::Object(members) => context = members,
                    _ => return Err(Problem::wrong_member("context", "an object")),
                },
                "explain" => match value {
                    Value::Bool(value) => explain = value,
                    _ => return Err(Problem::wrong_member("explain", "`true` or `false`")),
                },
                _ => return Err(Problem::unknown_member(&name, "a check")),
            }
        }
        Ok(Self {
            principal: principal.ok_or_else(|| Problem::missing_member("principal"))?.into(),
            action: action.ok_or_else(|| Problem::missing_member("action"))?.into(),
            resource: resource.ok_or_else(|| Problem::missing_member("resource"))?.into(),
            context,
            explain,
        })
    }

    /// The check in the terms of a snapshot; refused where the snapshot's schema does not declare
    /// what it names.
    pub(super) fn resolve(self, snapshot: &Snapshot) -> Result<CheckRequest, InvalidRequest> {
        Ok(CheckRequest {
            principal: snapshot.uid(&self.principal.type_name, &self.principal.id)?,
            action: snapshot.action(&self.action.type_name, &self.action.id)?,
            resource: snapshot.uid(&self.resource.type_name, &self.resource.id)?,
            context: self.context,
            undeclared: Undeclared::Refuse,
            principal_properties: None,
            resource_properties: None,
            now_ms: now_ms(),
            explain: self.explain,
        })
    }
}

// === impl Uid ===

impl From<UidText> for Uid<'_> {
    fn from(uid: UidText) -> Self {
        Self { type_name: Cow::Owned(uid.type_name), id: Cow::Owned(uid.id) }
    }
}

/// The revision that a check or a batch asks for.
pub(super) fn at_least(member: Option<Value>) -> Result<Option<u64>, Problem> {
    match member {
        None => Ok(None),
        Some(value) => match value.as_u64() {
            Some(revision) => Ok(Some(revision)),
            None => Err(Problem::wrong_member("at_least", "a revision, an integer")),
        },
    }
}

/// One item of a batch, which is no larger than a body of its own could be.
pub(super) fn item(text: &RawValue, bytes_max: usize) -> Result<Check<'_>, Problem> {
    if text.get().len() > bytes_max {
        return Err(Problem::item_too_large(bytes_max));
    }
    match outline::value(text)? {
        Value::Object(members) => Check::read(members),
        _ => Err(Problem::wrong_member("checks", "an array of objects")),
    }
}

/// A uid: an object with `type` and `id`, or Cedar text.
pub(crate) fn uid(member: &'static str, value: Value) -> Result<UidText, Problem> {
    match value {
        Value::String(text) => uid::parse(&text).map_err(|reason| {
            let detail = format!("`{member}`: {reason}");
            Problem::new(Kind::InvalidMember, detail).hint("write `Type::\"id\"`, or an object")
        }),
        Value::Object(members) => uid_object(member, members),
        _ => Err(Problem::wrong_member(
            member,
            "a uid: `{\"type\",\"id\"}`, or Cedar text such as `User::\"emma\"`",
        )),
    }
}

fn uid_object(member: &'static str, members: Map<String, Value>) -> Result<UidText, Problem> {
    let (mut type_name, mut id) = (None, None);
    for (name, value) in members {
        match (name.as_str(), value) {
            ("type", Value::String(text)) => type_name = Some(text),
            ("id", Value::String(text)) => id = Some(text),
            ("type" | "id", _) => {
                return Err(Problem::wrong_member(&format!("{member}.{name}"), "a string"));
            }
            _ => return Err(Problem::unknown_member(&name, &format!("`{member}`"))),
        }
    }
    Ok(UidText {
        type_name: type_name.ok_or_else(|| Problem::missing_member(&format!("{member}.type")))?,
        id: id.ok_or_else(|| Problem::missing_member(&format!("{member}.id")))?,
    })
}

/// An action: a uid, or its name alone. A text that reads as a uid is one; an action whose name
/// looks like a uid must be given as an object.
pub(crate) fn action_uid(value: Value) -> Result<UidText, Problem> {
    match value {
        Value::String(name) => Ok(action_named(name)),
        value => uid("action", value),
    }
}

/// The action of a name, or of a uid in Cedar text.
pub(crate) fn action_named(name: String) -> UidText {
    // Cedar text of a uid ends in a quote; the look at it spares names the parser.
    let read = if name.ends_with('"') { uid::parse(&name).ok() } else { None };
    read.unwrap_or_else(|| UidText { type_name: ACTION_TYPE.to_owned(), id: name })
}
