//! Entities that policies name and nobody has stored: a misspelt `Role::"raeder"` matches nobody,
//! and Cedar is silent about it. Said only where other entities of the type are there.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Subject, Written};
use crate::engine::error::{Problem, Problems};
use crate::engine::{spelling, uid};

/// The most stored ids that a name is held against, for what may have been meant.
const COMPARED_MAX: usize = 1_000;

/// Tells of entities that policies name and that are not there.
pub(super) fn judge(subject: &Subject<'_>, policies: &[Written<'_>], found: &mut Problems) {
    let (snapshot, store) = (subject.snapshot, subject.snapshot.store());
    let schema = &snapshot.rules.schema;
    for policy in policies {
        let mut uids = BTreeSet::new();
        entities(&policy.json, &mut uids);
        for (type_name, id) in uids {
            let Some(declared) = schema.entity_type(type_name) else { continue };
            let Some(ty) = store.type_no(type_name) else { continue };
            let named = uid::of(&declared.name, id);
            let is_there = store.number_of(&named).is_some_and(|no| store.is_stored(no));
            if is_there || declared.enumerated.is_some() || store.count_of(ty) == 0 {
                continue;
            }
            let message =
                format!("policy `{}` names `{named}`, which does not exist", policy.info.id);
            let ids = store.entities_of(ty).take(COMPARED_MAX).map(|no| store.id_of(no));
            let hint = match spelling::nearest(id, ids) {
                Some(near) => format!("did you mean `{}`?", uid::of(&declared.name, near)),
                None => "add the entity; until then the policy matches nobody by it".to_owned(),
            };
            let text = named.to_string();
            let at = policy.info.source.find(&text).map(|at| at..at + text.len());
            let place = at.map_or_else(
                || subject.place_of(policy.info),
                |part| subject.place_in(policy.info, part),
            );
            found.push(Problem::warning("missing-entity", message).at(place).hint(hint));
        }
    }
}

/// Every uid that a policy names, by type and id.
fn entities<'v>(json: &'v Value, out: &mut BTreeSet<(&'v str, &'v str)>) {
    match json {
        Value::Array(items) => items.iter().for_each(|item| entities(item, out)),
        Value::Object(members) => {
            let text = |name: &str| members.get(name).and_then(Value::as_str);
            if let (Some(ty), Some(id), 2) = (text("type"), text("id"), members.len()) {
                out.insert((ty, id));
            }
            members.values().for_each(|value| entities(value, out));
        }
        _ => {}
    }
}

/// Every entity type that a policy names, by itself or in a uid.
pub(super) fn types<'v>(json: &'v Value, out: &mut BTreeSet<&'v str>) {
    match json {
        Value::Array(items) => items.iter().for_each(|item| types(item, out)),
        Value::Object(members) => {
            out.extend(members.get("entity_type").and_then(Value::as_str));
            if members.len() == 2 && members.contains_key("id") {
                out.extend(members.get("type").and_then(Value::as_str));
            }
            members.values().for_each(|value| types(value, out));
        }
        _ => {}
    }
}
