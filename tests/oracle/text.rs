//! The world as text: Cedar's schema language, Cedar policies, and the JSON of entities, links and
//! contexts. Where JSON has several forms for one value, dice choose among them.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Map, Value as Json, json};

use crate::dice::Dice;
use crate::model::{
    Action, ActionScope, Entity, EntityType, Expr, Field, Link, Members, Policy, Schema, Scope,
    Target, Ty, Uid, Value,
};

/// A string literal.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            _ if character.is_control() => {
                let _ = write!(quoted, "\\u{{{:x}}}", u32::from(character));
            }
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

fn is_plain(name: &str) -> bool {
    let reserved = ["true", "false", "if", "then", "else", "in", "is", "like", "has"];
    name.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphabetic()) && !reserved.contains(&name)
}

fn name(name: &str) -> String {
    if is_plain(name) { name.to_owned() } else { quoted(name) }
}

pub(crate) fn uid(uid: &Uid) -> String {
    format!("{}::{}", uid.ty, quoted(&uid.id))
}

fn join<T>(items: &[T], text: impl Fn(&T) -> String) -> String {
    items.iter().map(text).collect::<Vec<_>>().join(", ")
}

// === the schema ===

/// The namespace of a name, and the rest.
fn split(name: &str) -> (&str, &str) {
    name.rsplit_once("::").unwrap_or(("", name))
}

pub(crate) fn schema(schema: &Schema) -> String {
    let mut spaces: BTreeMap<&str, String> = BTreeMap::new();
    for ty in &schema.types {
        let (space, base) = split(&ty.name);
        spaces.entry(space).or_default().push_str(&entity_type(base, ty));
    }
    for declared in &schema.actions {
        let (space, _) = split(&declared.uid.ty);
        spaces.entry(space).or_default().push_str(&action(declared));
    }
    let wrapped = spaces.into_iter().map(|(space, text)| match space {
        "" => text,
        _ => format!("namespace {space} {{\n{text}}}\n"),
    });
    wrapped.collect()
}

fn entity_type(base: &str, ty: &EntityType) -> String {
    if let Some(ids) = &ty.enumerated {
        return format!("entity {base} enum [{}];\n", join(ids, |id| quoted(id)));
    }
    let mut text = format!("entity {base}");
    if !ty.parents.is_empty() {
        let _ = write!(text, " in [{}]", ty.parents.join(", "));
    }
    let _ = write!(text, " {}", fields(&ty.fields));
    if let Some(tags) = &ty.tags {
        let _ = write!(text, " tags {}", type_name(tags));
    }
    text + ";\n"
}

fn action(action: &Action) -> String {
    let mut text = format!("action {}", quoted(&action.uid.id));
    if !action.groups.is_empty() {
        let _ = write!(text, " in [{}]", join(&action.groups, uid));
    }
    if !action.principals.is_empty() {
        let (principals, resources) = (action.principals.join(", "), action.resources.join(", "));
        let context = fields(&action.context);
        let _ = write!(
            text,
            " appliesTo {{ principal: [{principals}], resource: [{resources}], context: {context} }}"
        );
    }
    text + ";\n"
}

fn fields(fields: &[Field]) -> String {
    let list = join(fields, |field| {
        let mark = if field.required { "" } else { "?" };
        format!("{}{mark}: {}", name(&field.name), type_name(&field.ty))
    });
    format!("{{ {list} }}")
}

fn type_name(ty: &Ty) -> String {
    match ty {
        Ty::Bool => "Bool".to_owned(),
        Ty::Long => "Long".to_owned(),
        Ty::Str => "String".to_owned(),
        Ty::Extension(name) => (*name).to_owned(),
        Ty::Entity(name) => name.clone(),
        Ty::Set(element) => format!("Set<{}>", type_name(element)),
        Ty::Record(members) => fields(members),
    }
}

// === policies ===

pub(crate) fn policy(policy: &Policy) -> String {
    let mut text = format!("@id({})\n", quoted(&policy.id));
    for (slot, types) in ["slot_principal", "slot_resource"].iter().zip(&policy.slot_types) {
        if let Some(types) = types {
            let _ = writeln!(text, "@{slot}({})", quoted(types));
        }
    }
    let effect = if policy.permit { "permit" } else { "forbid" };
    let principal = scope("principal", &policy.principal);
    let resource = scope("resource", &policy.resource);
    let _ = write!(text, "{effect} ({principal}, {}, {resource})", action_scope(&policy.action));
    for clause in &policy.clauses {
        let word = if clause.when { "when" } else { "unless" };
        let _ = write!(text, "\n{word} {{ {} }}", expr(&clause.condition));
    }
    text + ";\n"
}

fn scope(variable: &str, scope: &Scope) -> String {
    let target = |target: &Target| match target {
        Target::Uid(named) => uid(named),
        Target::Slot => format!("?{variable}"),
    };
    match scope {
        Scope::Any => variable.to_owned(),
        Scope::Equals(named) => format!("{variable} == {}", target(named)),
        Scope::In(named) => format!("{variable} in {}", target(named)),
        Scope::Is(ty) => format!("{variable} is {ty}"),
        Scope::IsIn(ty, named) => format!("{variable} is {ty} in {}", target(named)),
    }
}

fn action_scope(scope: &ActionScope) -> String {
    match scope {
        ActionScope::Any => "action".to_owned(),
        ActionScope::Equals(named) => format!("action == {}", uid(named)),
        ActionScope::In(named) => format!("action in {}", uid(named)),
        ActionScope::InAny(list) => format!("action in [{}]", join(list, uid)),
    }
}

pub(crate) fn expr(of: &Expr) -> String {
    match of {
        Expr::Literal(value) => literal(value),
        Expr::Variable(name) => (*name).to_owned(),
        Expr::Get(record, member) if is_plain(member) => format!("{}.{member}", expr(record)),
        Expr::Get(record, member) => format!("{}[{}]", expr(record), quoted(member)),
        Expr::Has(record, path) if path.iter().all(|step| is_plain(step)) => {
            format!("({} has {})", expr(record), path.join("."))
        }
        Expr::Has(record, path) => {
            format!("({} has {})", expr(record), join(path, |step| quoted(step)))
        }
        Expr::Unary(operator, operand) => format!("({operator}{})", expr(operand)),
        Expr::Binary(left, operator, right) => {
            format!("({} {operator} {})", expr(left), expr(right))
        }
        Expr::Call(on, method, arguments) => {
            format!("{}.{method}({})", expr(on), join(arguments, expr))
        }
        Expr::Like(text, pattern) => format!("({} like \"{pattern}\")", expr(text)),
        Expr::Is(entity, ty, None) => format!("({} is {ty})", expr(entity)),
        Expr::Is(entity, ty, Some(group)) => {
            format!("({} is {ty} in {})", expr(entity), expr(group))
        }
        Expr::If(condition, then, other) => {
            format!("(if {} then {} else {})", expr(condition), expr(then), expr(other))
        }
        Expr::Set(items) => format!("[{}]", join(items, expr)),
        Expr::Record(members) => {
            format!(
                "{{{}}}",
                join(members, |(key, value)| format!("{}: {}", quoted(key), expr(value)))
            )
        }
    }
}

fn literal(value: &Value) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::Long(value) if *value < 0 => format!("({value})"),
        Value::Long(value) => value.to_string(),
        Value::Str(text) => quoted(text),
        Value::Extension(function, argument) => format!("{function}({})", quoted(argument)),
        Value::Entity(named) => uid(named),
        Value::Set(items) => format!("[{}]", join(items, literal)),
        Value::Record(members) => format!(
            "{{{}}}",
            join(members, |(key, value)| format!("{}: {}", quoted(key), literal(value)))
        ),
    }
}

// === JSON ===

pub(crate) fn entity(entity: &Entity, forms: &mut Dice) -> Json {
    let mut parents: Vec<_> =
        entity.parents.iter().map(|parent| plain_uid(parent, forms)).collect();
    if forms.one_in(8) {
        // Whoever is named twice is a parent all the same.
        parents.extend(parents.last().cloned());
    }
    let mut object = json!({
        "uid": plain_uid(&entity.uid, forms),
        "attrs": members(&entity.attributes, forms),
        "parents": parents,
    });
    if !entity.tags.is_empty() {
        object["tags"] = Json::Object(members(&entity.tags, forms));
    }
    object
}

/// An action as an entity: what the schema declares, said again, with every group that it is in.
pub(crate) fn action_entity(schema: &Schema, action: &Uid) -> Json {
    let plain = |uid: &Uid| json!({"type": uid.ty, "id": uid.id});
    let groups = schema.groups_of(action);
    let groups: Vec<_> = groups.iter().filter(|group| *group != action).map(plain).collect();
    json!({"uid": plain(action), "attrs": {}, "parents": groups})
}

pub(crate) fn members(members: &Members, forms: &mut Dice) -> Map<String, Json> {
    members.iter().map(|(name, item)| (name.clone(), value(item, forms))).collect()
}

fn plain_uid(uid: &Uid, forms: &mut Dice) -> Json {
    let plain = json!({"type": uid.ty, "id": uid.id});
    if forms.one_in(4) { json!({"__entity": plain}) } else { plain }
}

fn value(of: &Value, forms: &mut Dice) -> Json {
    match of {
        Value::Bool(value) => json!(value),
        Value::Long(value) => json!(value),
        Value::Str(text) => json!(text),
        Value::Extension(function, argument) => match forms.below(3) {
            0 => json!(argument),
            1 => json!({"fn": function, "arg": argument}),
            _ => json!({"__extn": {"fn": function, "arg": argument}}),
        },
        Value::Entity(named) => plain_uid(named, forms),
        Value::Set(items) => items.iter().map(|item| value(item, forms)).collect(),
        Value::Record(record) => Json::Object(members(record, forms)),
    }
}

pub(crate) fn link(link: &Link) -> Json {
    let mut slots = Map::new();
    for (slot, filled) in [("?principal", &link.principal), ("?resource", &link.resource)] {
        if let Some(filled) = filled {
            slots.insert(slot.to_owned(), json!(uid(filled)));
        }
    }
    let mut object = json!({"template_id": link.template, "link_id": link.id, "args": slots});
    if let Some(expires_s) = link.expires_s {
        let time = jiff::Timestamp::from_second(expires_s).unwrap();
        object["expires"] = json!(time.to_string());
    }
    object
}
