//! One entity from JSON, judged by Cedar, with every fault that can be told apart. The store reads
//! the plain forms itself; what is not of a plain form, or is wrong, is judged here.

mod fit;

use cedar_policy::{Entity, EntityUid};
use serde_json::{Map, Value};

use super::error::Problem;
use super::json::locate::{Fault, Step};
use super::policies::chain;
use super::schema::{SchemaInfo, TypeInfo};
use super::{spelling, uid};

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
) -> Result<Option<Loaded>, Vec<Fault>> {
    let mut faults: Vec<Fault> = Vec::new();
    for name in object.keys().filter(|name| !MEMBERS.contains(&name.as_str())) {
        let problem = fault(format!("an entity has no member `{name}`"));
        let hint = spelling::nearest(name, MEMBERS).map_or_else(
            || "its members are `uid`, `attrs`, `parents` and `tags`".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        faults.push(Fault::at(problem.hint(hint), &[name]));
    }
    let Some(uid) = object.get("uid").and_then(reference) else {
        let message = "an entity needs a `uid` of the form `{\"type\": …, \"id\": …}`";
        faults.push(Fault::at(fault(message.to_owned()), &["uid"]));
        return Err(faults);
    };
    let parents = parents(&uid, object.get("parents")).unwrap_or_else(|mut found| {
        faults.append(&mut found);
        Vec::new()
    });
    if schema.action(&uid).is_some() || uid.type_name().basename() == "Action" {
        if let Err(problem) = action(&uid, &object, &parents, schema) {
            faults.push(Fault::at(problem, &[]));
        }
        return if faults.is_empty() { Ok(None) } else { Err(faults) };
    }
    let Some(entity_type) = schema.entity_type_of(&uid) else {
        let message = format!("`{uid}` has a type that the schema does not declare");
        let mut problem = Problem::error("unknown-type", message);
        let name = uid.type_name().to_string();
        problem.hint = spelling::hint(&name, "the schema declares", schema.type_names());
        faults.push(Fault::at(problem, &["uid", "type"]));
        return Err(faults);
    };
    faults.extend(attribute_faults(&uid, object.get("attrs"), entity_type));
    let explain = |object: &Map<String, Value>| {
        let subject = fit::Subject { uid: &uid, entity_type, schema };
        subject.faults(object.get("attrs"), &parents)
    };
    if !faults.is_empty() {
        faults.extend(explain(&object));
        return Err(faults);
    }
    let object = with_defaults(object);
    match Entity::from_json_value(Value::Object(object.clone()), Some(&schema.cedar)) {
        Ok(entity) => Ok(Some(Loaded { entity, uid, parents })),
        Err(error) => {
            // Cedar's verdict stands; what is said of it is ours where we know why.
            let mut faults = explain(&object);
            if faults.is_empty() {
                faults.push(Fault::at(fault(chain(&error)), &[]));
            }
            Err(faults)
        }
    }
}

fn fault(message: String) -> Problem {
    Problem::error("entity", message)
}

/// The members of an entity in JSON.
const MEMBERS: [&str; 4] = ["uid", "attrs", "parents", "tags"];

fn parents(uid: &EntityUid, parents: Option<&Value>) -> Result<Vec<EntityUid>, Vec<Fault>> {
    let items = match parents {
        None => return Ok(Vec::new()),
        Some(Value::Array(items)) => items,
        Some(_) => {
            let problem = fault(format!("the `parents` of `{uid}` must be an array"));
            return Err(vec![Fault::at(problem, &["parents"])]);
        }
    };
    let faults: Vec<_> = items
        .iter()
        .enumerate()
        .filter(|(_, item)| reference(item).is_none())
        .map(|(number, item)| {
            let problem = fault(format!("`{uid}` has a parent that is not a uid: `{item}`"))
                .hint("a parent is written `{\"type\": …, \"id\": …}`");
            Fault::at(problem, &["parents"]).step(Step::Item(number))
        })
        .collect();
    if faults.is_empty() { Ok(items.iter().filter_map(reference).collect()) } else { Err(faults) }
}

/// What can be told of attributes one by one: nulls, undeclared ones, and those that are missing.
fn attribute_faults(
    uid: &EntityUid,
    attributes: Option<&Value>,
    entity_type: &TypeInfo,
) -> Vec<Fault> {
    let empty = Map::new();
    let attributes = match attributes {
        None => &empty,
        Some(Value::Object(attributes)) => attributes,
        Some(_) => {
            let problem = fault(format!("the `attrs` of `{uid}` must be an object"));
            return vec![Fault::at(problem, &["attrs"])];
        }
    };
    let declared = &entity_type.attributes;
    let mut faults = Vec::new();
    for (name, value) in attributes {
        if let Some((at, path)) = null_in(value) {
            let message =
                format!("attribute `{name}{at}` of `{uid}` is null, which is not a value in Cedar");
            let mut null = Fault::at(fault(message).hint("leave it out"), &["attrs", name]);
            null.path.extend(path);
            faults.push(null);
        } else if !declared.contains_key(name) {
            let message =
                format!("`{uid}` has the attribute `{name}`, which its type does not declare");
            let mut problem = fault(message);
            let lead = format!("`{}` declares", entity_type.name);
            problem.hint = spelling::hint(name, &lead, declared.keys().map(String::as_str));
            faults.push(Fault::at(problem, &["attrs", name]));
        }
    }
    for (name, member) in declared {
        if member.required && !attributes.contains_key(name) {
            let message = format!("`{uid}` needs the attribute `{name}`");
            let problem = fault(message).hint(format!(
                "give it, as {}, or let the schema declare it optional: `{name}?`",
                fit::name_of(&member.ty)
            ));
            faults.push(Fault::at(problem, &["attrs"]));
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

/// Where inside a value a null stands, in words and as a path.
pub(super) fn null_in(value: &Value) -> Option<(String, Vec<Step>)> {
    let further = |inner: &Value, word: String, step: Step| {
        null_in(inner).map(|(rest, mut path)| {
            path.insert(0, step);
            (word + &rest, path)
        })
    };
    match value {
        Value::Null => Some((String::new(), Vec::new())),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .find_map(|(number, item)| further(item, format!("[{number}]"), Step::Item(number))),
        Value::Object(members) => members
            .iter()
            .find_map(|(name, item)| further(item, format!(".{name}"), Step::Member(name.clone()))),
        _ => None,
    }
}
