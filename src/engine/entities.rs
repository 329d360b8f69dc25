//! Entities from JSON: every one read strictly, against the schema, with its place, before any of
//! them is believed. Whether they fit together is `integrity`'s question.

use std::collections::HashMap;

use cedar_policy::{Entity, EntityUid};
use serde_json::{Map, Value};

use super::error::{Place, Problem, Problems};
use super::links::Item;
use super::policies::chain;
use super::schema::{Record, SchemaInfo, Type};
use super::uid;

/// An entity as it was written, with what integrity needs to know of it.
pub(super) struct Loaded {
    pub(super) entity: Entity,
    pub(super) uid: EntityUid,
    pub(super) parents: Vec<EntityUid>,
    /// The entities that attributes and tags name, with the name of the attribute.
    pub(super) references: Vec<(String, EntityUid)>,
    /// Attributes as plain JSON, entity references in one form.
    pub(super) attributes: HashMap<String, Value>,
    pub(super) place: Place,
}

/// Reads one entity. `None` for an action entity that equals the schema's: it is known already.
pub(super) fn read(
    object: Map<String, Value>,
    item: &Item<'_>,
    schema: &SchemaInfo,
    problems: &mut Problems,
) -> Option<Loaded> {
    match try_read(object, schema) {
        Ok(Some(mut loaded)) => {
            loaded.place = item.place();
            Some(loaded)
        }
        Ok(None) => None,
        Err(problem) => {
            problems.push(problem.at(item.place()));
            None
        }
    }
}

fn try_read(object: Map<String, Value>, schema: &SchemaInfo) -> Result<Option<Loaded>, Problem> {
    let fault = |message: String| Problem::error("entity", message);
    for name in object.keys() {
        if !matches!(name.as_str(), "uid" | "attrs" | "parents" | "tags") {
            return Err(fault(format!("an entity has no member `{name}`"))
                .hint("its members are `uid`, `attrs`, `parents` and `tags`"));
        }
    }
    let uid = object
        .get("uid")
        .and_then(reference)
        .ok_or_else(|| fault("an entity needs a `uid` of the form `{\"type\": …, \"id\": …}`".into()))?;
    let parents = match object.get("parents") {
        None => Vec::new(),
        Some(Value::Array(parents)) => parents
            .iter()
            .map(|parent| reference(parent).ok_or_else(|| fault(format!("`{uid}` has a parent that is not a uid: `{parent}`"))))
            .collect::<Result<_, _>>()?,
        Some(_) => return Err(fault(format!("the `parents` of `{uid}` must be an array"))),
    };
    if schema.action(&uid).is_some() || uid.type_name().basename() == "Action" {
        return action(&uid, &object, &parents, schema).map(|()| None);
    }
    let type_name = uid.type_name().to_string();
    let Some(entity_type) = schema.entity_type(&type_name) else {
        return Err(Problem::error("unknown-type", format!("`{uid}` has a type that the schema does not declare"))
            .hint(format!("the schema declares {}", schema.type_names().join(", "))));
    };
    let mut references = Vec::new();
    let mut attributes = HashMap::new();
    if let Some(Value::Object(attrs)) = object.get("attrs") {
        for (name, value) in attrs {
            if let Some(at) = null_in(value) {
                return Err(fault(format!("attribute `{name}{at}` of `{uid}` is null, which is not a value in Cedar"))
                    .hint("leave the attribute out"));
            }
            if let Some(member) = entity_type.attributes.get(name) {
                let value = canonical(value, &member.ty, name, &mut references);
                attributes.insert(name.clone(), value);
            }
        }
    }
    if let (Some(Value::Object(tags)), Some(ty)) = (object.get("tags"), &entity_type.tags) {
        for (name, value) in tags {
            canonical(value, ty, name, &mut references);
        }
    }
    let entity = Entity::from_json_value(Value::Object(with_defaults(object)), Some(&schema.cedar))
        .map_err(|error| Problem::error("entity", chain(&error)))?;
    let place = Place::whole("");
    Ok(Some(Loaded { entity, uid, parents, references, attributes, place }))
}

/// Cedar's entity JSON requires all three members; ours lets empty ones be left out.
fn with_defaults(mut object: Map<String, Value>) -> Map<String, Value> {
    object.entry("attrs").or_insert_with(|| Value::Object(Map::new()));
    object.entry("parents").or_insert_with(|| Value::Array(Vec::new()));
    object
}

/// An action entity is accepted where it says what the schema says.
fn action(
    uid: &EntityUid,
    object: &Map<String, Value>,
    parents: &[EntityUid],
    schema: &SchemaInfo,
) -> Result<(), Problem> {
    let differs = |what: &str| {
        Problem::error("action-entity", format!("the action entity `{uid}` differs from the schema: {what}"))
            .hint("leave action entities out; the schema declares them")
    };
    let actions = schema.cedar.action_entities().map_err(|error| Problem::error("schema", chain(&error)))?;
    if actions.get(uid).is_none() {
        return Err(differs("the schema does not declare it"));
    }
    for member in ["attrs", "tags"] {
        if object.get(member).and_then(Value::as_object).is_some_and(|members| !members.is_empty()) {
            return Err(differs(&format!("it has `{member}`")));
        }
    }
    let all: Vec<_> = actions.ancestors(uid).into_iter().flatten().collect();
    let given: Vec<_> = parents.iter().collect();
    let direct = |ancestor: &&EntityUid| {
        // A parent is an ancestor that is not above another ancestor.
        !all.iter().any(|other| other != ancestor && actions.is_ancestor_of(ancestor, other))
    };
    let mut declared: Vec<_> = all.iter().filter(|ancestor| direct(ancestor)).copied().collect();
    let mut closed = all.clone();
    for list in [&mut declared, &mut closed] {
        list.sort_by_key(ToString::to_string);
    }
    let mut given = given;
    given.sort_by_key(ToString::to_string);
    if given == declared || given == closed { Ok(()) } else { Err(differs("its parents are others")) }
}

/// A uid as entity JSON writes it: `{"type", "id"}`, or the same inside `{"__entity": …}`.
pub(super) fn reference(value: &Value) -> Option<EntityUid> {
    let object = value.as_object()?;
    let object = match object.get("__entity") {
        Some(inner) if object.len() == 1 => inner.as_object()?,
        _ => object,
    };
    if object.len() != 2 {
        return None;
    }
    let type_name = object.get("type")?.as_str()?.parse().ok()?;
    Some(uid::of(&type_name, object.get("id")?.as_str()?))
}

/// A value with entity references in one form, collecting the entities that it names.
fn canonical(
    value: &Value,
    ty: &Type,
    name: &str,
    references: &mut Vec<(String, EntityUid)>,
) -> Value {
    match (value, ty) {
        (_, Type::Entity(_)) => match reference(value) {
            Some(uid) => {
                let text = uid.to_string();
                references.push((name.to_owned(), uid));
                Value::String(text)
            }
            None => value.clone(),
        },
        (Value::Array(items), Type::Set(element)) => {
            let mut items: Vec<_> =
                items.iter().map(|item| canonical(item, element, name, references)).collect();
            items.sort_by_key(ToString::to_string);
            items.dedup();
            Value::Array(items)
        }
        (Value::Object(members), Type::Record(declared)) => {
            Value::Object(canonical_record(members, declared, name, references))
        }
        _ => value.clone(),
    }
}

fn canonical_record(
    members: &Map<String, Value>,
    declared: &Record,
    name: &str,
    references: &mut Vec<(String, EntityUid)>,
) -> Map<String, Value> {
    members
        .iter()
        .map(|(key, value)| {
            let value = match declared.get(key) {
                Some(member) => canonical(value, &member.ty, name, references),
                None => value.clone(),
            };
            (key.clone(), value)
        })
        .collect()
}

/// Where inside a value a null stands, as a path.
pub(super) fn null_in(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .find_map(|(number, item)| null_in(item).map(|rest| format!("[{number}]{rest}"))),
        Value::Object(members) => members
            .iter()
            .find_map(|(name, item)| null_in(item).map(|rest| format!(".{name}{rest}"))),
        _ => None,
    }
}
