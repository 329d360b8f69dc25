//! What a schema says of single attributes beside their types: which are secret, by the annotation
//! `@secret`, and which types an entity type names as its parents. Cedar's compiled schema has
//! neither, so this is read off the schema as JSON, where common types stand under their names.

use std::collections::BTreeSet;

use cedar_policy::SchemaFragment;
use serde_json::{Map, Value};

use super::{Record, SchemaInfo, Type};
use crate::engine::bundle::Text;
use crate::engine::error::{Place, Problem, Problems};

/// Where in an attribute's declaration it is said that its values are told to nobody.
const SECRET: &str = "/annotations/secret";

/// How deep common types may lie in each other; Cedar refuses those that contain themselves.
const COMMON_DEPTH_MAX: usize = 64;

/// A schema as JSON, and what common types of it are called.
struct Json<'a>(&'a Map<String, Value>);

/// Marks the attributes that are secret and notes the parents that types name.
pub(super) fn read(
    info: &mut SchemaInfo,
    fragment: &SchemaFragment,
    text: &Text,
    problems: &mut Problems,
) {
    let Ok(Value::Object(json)) = fragment.clone().to_json_value() else { return };
    let json = Json(&json);
    for (namespace, definitions) in json.0 {
        let qualified = |name: &str| {
            if namespace.is_empty() { name.to_owned() } else { format!("{namespace}::{name}") }
        };
        for (name, declared) in members(definitions, "entityTypes") {
            let Some(ty) = info.types.get_mut(&qualified(name)) else { continue };
            if declared.pointer(SECRET).is_some() {
                let message =
                    format!("`@secret` on the entity type `{}` masks nothing", qualified(name));
                let warning = Problem::warning("schema-secret", message);
                let warning = warning.at(Place::whole(&text.name));
                problems.push(warning.hint("put it before each attribute that is secret"));
            }
            if let Some(shape) = declared.get("shape") {
                json.mark(namespace, shape, &mut ty.attributes, 0);
            }
            if let (Some(tags), Some(ty)) = (declared.get("tags"), &mut ty.tags) {
                json.mark_type(namespace, tags, ty, 0);
            }
            let named = declared.get("memberOfTypes").and_then(Value::as_array);
            ty.parents = named
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(|parent| {
                    let near = qualified(parent);
                    if ty.ancestors.contains(&near) { near } else { parent.to_owned() }
                })
                .collect();
        }
        for (id, declared) in members(definitions, "actions") {
            let context = declared.pointer("/appliesTo/context");
            let of_namespace = qualified("Action");
            let uid = info.action_uids.get(&of_namespace).and_then(|ids| ids.get(id)).cloned();
            let action = uid.and_then(|uid| info.actions.get_mut(&uid));
            if let (Some(context), Some(action)) = (context, action) {
                json.mark(namespace, context, &mut action.context, 0);
            }
        }
    }
    let of_types = info.types.values().map(|ty| &ty.attributes);
    let all = of_types.chain(info.actions.values().map(|action| &action.context));
    let mut names = BTreeSet::new();
    all.for_each(|record| secret_names(record, &mut names));
    for tags in info.types.values().filter_map(|ty| ty.tags.as_ref()) {
        secret_names_in(tags, &mut names);
    }
    info.secrets = names;
}

fn members<'a>(of: &'a Value, name: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    of.get(name).and_then(Value::as_object).into_iter().flatten()
}

// === impl Json ===

impl Json<'_> {
    /// Marks members of a record that a type written as JSON declares to be secret.
    fn mark(&self, namespace: &str, written: &Value, record: &mut Record, depth: usize) {
        if let Some((namespace, common)) = self.common(namespace, written, depth) {
            self.mark(&namespace, common, record, depth + 1);
            return;
        }
        for (name, declared) in members(written, "attributes") {
            let Some(member) = record.get_mut(name) else { continue };
            member.secret |= declared.pointer(SECRET).is_some();
            self.mark_type(namespace, declared, &mut member.ty, depth);
        }
    }

    fn mark_type(&self, namespace: &str, written: &Value, ty: &mut Type, depth: usize) {
        if let Some((namespace, common)) = self.common(namespace, written, depth) {
            self.mark_type(&namespace, common, ty, depth + 1);
            return;
        }
        match ty {
            Type::Record(record) => self.mark(namespace, written, record, depth),
            Type::Set(element) => {
                if let Some(written) = written.get("element") {
                    self.mark_type(namespace, written, element, depth);
                }
            }
            _ => {}
        }
    }

    /// The common type that a type written as JSON is the name of, with its namespace.
    fn common(&self, namespace: &str, written: &Value, depth: usize) -> Option<(String, &Value)> {
        if depth > COMMON_DEPTH_MAX {
            return None;
        }
        let kind = written.get("type").and_then(Value::as_str)?;
        let name = match kind {
            "EntityOrCommon" => written.get("name").and_then(Value::as_str)?,
            other => other,
        };
        let find = |namespace: &str, name: &str| {
            let found = self.0.get(namespace)?.get("commonTypes")?.get(name)?;
            Some((namespace.to_owned(), found))
        };
        match name.rsplit_once("::") {
            Some((namespace, name)) => find(namespace, name),
            None => find(namespace, name).or_else(|| find("", name)),
        }
    }
}

/// The names of members that are secret, or have something secret in them.
fn secret_names(record: &Record, names: &mut BTreeSet<String>) {
    for (name, member) in record {
        secret_names_in(&member.ty, names);
        if member.secret || member.ty.has_secrets() {
            names.insert(name.clone());
        }
    }
}

fn secret_names_in(ty: &Type, names: &mut BTreeSet<String>) {
    match ty {
        Type::Record(record) => secret_names(record, names),
        Type::Set(element) => secret_names_in(element, names),
        _ => {}
    }
}

// === impl Type ===

impl Type {
    /// Whether some member in it, at any depth, is secret.
    pub fn has_secrets(&self) -> bool {
        match self {
            Self::Record(record) => has_secrets(record),
            Self::Set(element) => element.has_secrets(),
            _ => false,
        }
    }
}

/// Whether a record has a secret member, at any depth.
pub fn has_secrets(record: &Record) -> bool {
    record.values().any(|member| member.secret || member.ty.has_secrets())
}
