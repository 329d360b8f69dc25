//! Uids, actions, ids and objects as suites write them.

use serde_json::{Map, Value};

use super::super::suite::Named;
use crate::engine::uid::{self, UidText};
use crate::yaml::{Kind, Node, Reader};

/// An id, as it is written.
pub(super) fn name(node: &Node) -> Option<String> {
    node.text().map(str::to_owned)
}

/// A uid: `Type::"id"`, or its type and its id.
pub(super) fn uid(node: &Node, reader: &mut Reader<'_>) -> Option<Named> {
    let read = match &node.kind {
        Kind::Text(text) => uid::parse(text).map_err(Some),
        Kind::Map(_) => {
            reader.keys(node, "a uid", &["type", "id"]);
            let part = |key| node.get(key).and_then(Node::text).map(str::to_owned);
            match (part("type"), part("id")) {
                (Some(type_name), Some(id)) => Ok(UidText { type_name, id }),
                _ => Err(Some("a uid has a `type` and an `id`".to_owned())),
            }
        }
        _ => Err(None),
    };
    let place = reader.source().of(node);
    match read {
        Ok(uid) => Some(Named { uid, place }),
        Err(why) => {
            let why = why.unwrap_or_else(|| format!("expected a uid, found {}", node.what()));
            let hint = "write it as User::\"emma\"; in quotes, 'User::\"a, b\"', where the id has a \
                        comma, a bracket or ` #`";
            reader.fail_with_hint(node, why, hint);
            None
        }
    }
}

/// An action, by its uid or by its bare name.
pub(super) fn action(node: &Node, reader: &mut Reader<'_>) -> Option<Named> {
    match node.text() {
        Some(text) if !text.contains("::\"") && !text.is_empty() => {
            let uid = UidText { type_name: "Action".to_owned(), id: text.to_owned() };
            Some(Named { uid, place: reader.source().of(node) })
        }
        _ => uid(node, reader),
    }
}

/// A list of them.
pub(super) fn many(
    node: Option<&Node>,
    one: fn(&Node, &mut Reader<'_>) -> Option<Named>,
    reader: &mut Reader<'_>,
) -> Vec<Named> {
    reader.list(node).iter().filter_map(|node| one(node, reader)).collect()
}

/// A JSON object.
pub(super) fn object(node: &Node, what: &str, reader: &mut Reader<'_>) -> Map<String, Value> {
    if let Value::Object(members) = node.to_json() {
        return members;
    }
    reader.fail(node, format!("{what} is made of keys with values, not of {}", node.what()));
    Map::new()
}
