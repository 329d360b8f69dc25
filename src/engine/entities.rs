//! One entity from JSON, judged by Cedar, with every fault that can be told apart. The store reads
//! the plain forms itself; what is not of a plain form, or is wrong, is judged here.

use cedar_policy::{Entity, EntityUid};
use serde_json::{Map, Value};

use super::error::Problem;
use super::policies::chain;
use super::schema::{SchemaInfo, TypeInfo};
use super::uid;

/// An entity that Cedar took.
pub(super) struct Loaded {
    pub(super) entity: Entity,
    pub(super) uid: EntityUid,
    pub(super) parents: Vec<EntityUid>,
}

/// Judges one entity. `None` for an action entity that equals the schema's: it is known already.
///
/// # Errors
/// Everything that is found wrong with it, at least one fault.
pub(super) fn judge(
    object: Map<String, Value>,
    schema: &SchemaInfo,
) -> Result<Option<Loaded>, Vec<Problem>> {
    let fault = |message: String| Problem::error("entity", message);
    let unknown = object.keys().filter(|name| !MEMBERS.contains(&name.as_str()));
    let mut faults: Vec<Problem> = unknown
        .map(|name| {
            fault(format!("an entity has no member `{name}`"))
                .hint("its members are `uid`, `attrs`, `parents` and `tags`")
        })
        .collect();
    let Some(uid) = object.get("uid").and_then(reference) else {
        let message = "an entity needs a `uid` of the form `{\"type\": …, \"id\": …}`";
        faults.push(fault(message.to_owned()));
        return Err(faults);
    };
    let parents = parents(&uid, object.get("parents")).unwrap_or_else(|mut found| {
        faults.append(&mut found);
        Vec::new()
    });
    if schema.action(&uid).is_some() || uid.type_name().basename() == "Action" {
        if let Err(problem) = action(&uid, &object, &parents, schema) {
            faults.push(problem);
        }
        return if faults.is_empty() { Ok(None) } else { Err(faults) };
    }
    let Some(entity_type) = schema.entity_type_of(&uid) else {
        let message = format!("`{uid}` has a type that the schema does not declare");
        let hint = format!("the schema declares {}", schema.type_names().join(", "));
        faults.push(Problem::error("unknown-type", message).hint(hint));
        return Err(faults);
    };
    faults.extend(attribute_faults(&uid, object.get("attrs"), entity_type));
    if !faults.is_empty() {
        return Err(faults);
    }
    match Entity::from_json_value(Value::Object(with_defaults(object)), Some(&schema.cedar)) {
        Ok(entity) => Ok(Some(Loaded { entity, uid, parents })),
        Err(error) => Err(vec![fault(chain(&error))]),
    }
}

/// The members of an entity in JSON.
const MEMBERS: [&str; 4] = ["uid", "attrs", "parents", "tags"];

fn parents(uid: &EntityUid, parents: Option<&Value>) -> Result<Vec<EntityUid>, Vec<Problem>> {
    let fault = |message: String| Problem::error("entity", message);
    let items = match parents {
        None => return Ok(Vec::new()),
        Some(Value::Array(items)) => items,
        Some(_) => return Err(vec![fault(format!("the `parents` of `{uid}` must be an array"))]),
    };
    let wrong = |item: &&Value| reference(item).is_none();
    let faults: Vec<_> = items
        .iter()
        .filter(wrong)
        .map(|item| fault(format!("`{uid}` has a parent that is not a uid: `{item}`")))
        .collect();
    if faults.is_empty() { Ok(items.iter().filter_map(reference).collect()) } else { Err(faults) }
}

/// What can be told of attributes one by one: nulls, undeclared ones, and those that are missing.
fn attribute_faults(
    uid: &EntityUid,
    attributes: Option<&Value>,
    entity_type: &TypeInfo,
) -> Vec<Problem> {
    let fault = |message: String| Problem::error("entity", message);
    let empty = Map::new();
    let attributes = match attributes {
        None => &empty,
        Some(Value::Object(attributes)) => attributes,
        Some(_) => return vec![fault(format!("the `attrs` of `{uid}` must be an object"))],
    };
    let declared = &entity_type.attributes;
    let mut faults = Vec::new();
    for (name, value) in attributes {
        if let Some(at) = null_in(value) {
            let message =
                format!("attribute `{name}{at}` of `{uid}` is null, which is not a value in Cedar");
            faults.push(fault(message).hint("leave the attribute out"));
        } else if !declared.contains_key(name) {
            let message =
                format!("`{uid}` has the attribute `{name}`, which its type does not declare");
            faults.push(fault(message));
        }
    }
    for (name, member) in declared {
        if member.required && !attributes.contains_key(name) {
            faults.push(fault(format!("`{uid}` needs the attribute `{name}`")));
        }
    }
    faults
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
        Problem::error(
            "action-entity",
            format!("the action entity `{uid}` differs from the schema: {what}"),
        )
        .hint("leave action entities out; the schema declares them")
    };
    let actions =
        schema.cedar.action_entities().map_err(|error| Problem::error("schema", chain(&error)))?;
    if actions.get(uid).is_none() {
        return Err(differs("the schema does not declare it"));
    }
    for member in ["attrs", "tags"] {
        if object.get(member).and_then(Value::as_object).is_some_and(|members| !members.is_empty())
        {
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
    if given == declared || given == closed {
        Ok(())
    } else {
        Err(differs("its parents are others"))
    }
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
