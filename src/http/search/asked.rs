//! A search as it was asked, by names and not yet held against a snapshot, and the digest by which a
//! cursor knows its question again.

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::engine::check::{CheckOptions, Undeclared};
use crate::engine::search::{ActionSearch, Question, Terms};
use crate::engine::uid::UidText;
use crate::engine::{InvalidRequest, Snapshot};
use crate::http::now_ms;
use crate::pdp::metrics::SearchKind;

/// What is asked of a search, whichever door it came through.
#[derive(Debug, Clone)]
pub(in crate::http) struct Asked {
    pub(in crate::http) kind: SearchKind,
    /// Not given where principals are searched for.
    pub(in crate::http) principal: Option<UidText>,
    /// Not given where actions are searched for.
    pub(in crate::http) action: Option<UidText>,
    /// Not given where resources are searched for.
    pub(in crate::http) resource: Option<UidText>,
    pub(in crate::http) type_name: Option<String>,
    pub(in crate::http) wanted: Map<String, Value>,
    pub(in crate::http) context: Map<String, Value>,
    pub(in crate::http) undeclared: Undeclared,
    pub(in crate::http) principal_properties: Option<Map<String, Value>>,
    pub(in crate::http) resource_properties: Option<Map<String, Value>>,
}

// === impl Asked ===

impl Asked {
    /// A question with nothing in it.
    pub(in crate::http) fn new(kind: SearchKind, undeclared: Undeclared) -> Self {
        Self {
            kind,
            principal: None,
            action: None,
            resource: None,
            type_name: None,
            wanted: Map::new(),
            context: Map::new(),
            undeclared,
            principal_properties: None,
            resource_properties: None,
        }
    }

    /// What tells it from every other question. Each part is an element of its own, so that no two
    /// parts run into each other; the order of members makes no difference.
    pub(super) fn digest(&self) -> [u8; 32] {
        let uid = |uid: &Option<UidText>| uid.as_ref().map(|it| json!([it.type_name, it.id]));
        let object = |members: &Map<String, Value>| sorted(&Value::Object(members.clone()));
        let parts = json!([
            self.kind.as_str(),
            uid(&self.principal),
            uid(&self.action),
            uid(&self.resource),
            self.type_name,
            object(&self.wanted),
            object(&self.context),
            self.undeclared == Undeclared::Drop,
            self.principal_properties.as_ref().map(object),
            self.resource_properties.as_ref().map(object),
        ]);
        Sha256::digest(parts.to_string()).into()
    }

    /// The question in the terms of a snapshot; refused where its schema does not declare what the
    /// question names.
    pub(super) fn resolve(
        self,
        snapshot: &Snapshot,
        options: CheckOptions,
    ) -> Result<Question, InvalidRequest> {
        let entity = |uid: Option<UidText>| match uid {
            Some(uid) => snapshot.uid(&uid.type_name, &uid.id),
            None => Err(left_out()),
        };
        let action = |uid: Option<UidText>| match uid {
            Some(uid) => snapshot.action(&uid.type_name, &uid.id),
            None => Err(left_out()),
        };
        let terms = Terms {
            context: self.context,
            undeclared: self.undeclared,
            principal_properties: self.principal_properties,
            resource_properties: self.resource_properties,
            options,
            ..Terms::at(now_ms())
        };
        Ok(match self.kind {
            SearchKind::Resources => Question::Resources {
                principal: entity(self.principal)?,
                action: action(self.action)?,
                type_name: self.type_name,
                wanted: self.wanted,
                terms,
            },
            SearchKind::Principals => Question::Principals {
                resource: entity(self.resource)?,
                action: action(self.action)?,
                type_name: self.type_name,
                wanted: self.wanted,
                terms,
            },
            SearchKind::Actions => Question::Actions(ActionSearch {
                principal: entity(self.principal)?,
                resource: entity(self.resource)?,
                terms,
            }),
        })
    }
}

/// Whoever reads a question makes sure that its parts are there; this is a second look.
fn left_out() -> InvalidRequest {
    InvalidRequest { message: "the question is not whole".to_owned(), hint: None }
}

/// The same value with the members of objects in the order of their names. It is no deeper than a
/// body may be nested.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<(&String, &Value)> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            members.into_iter().map(|(name, value)| json!([name, sorted(value)])).collect()
        }
        Value::Array(items) => json!([items.iter().map(sorted).collect::<Vec<_>>()]),
        other => other.clone(),
    }
}
