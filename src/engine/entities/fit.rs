//! Why an entity does not fit the schema, in words: which attribute holds what instead of what. It
//! explains and does not judge; it is asked of entities that are refused already, and where it finds
//! nothing, Cedar's own words are told.

use cedar_policy::EntityUid;
use serde_json::{Map, Number, Value};

use super::{fault, reference};
use crate::engine::error::Problem;
use crate::engine::json::locate::{Fault, Step};
use crate::engine::schema::{Record, SchemaInfo, Type, TypeInfo};
use crate::engine::spelling;

/// An entity that is refused.
pub(super) struct Subject<'a> {
    pub(super) uid: &'a EntityUid,
    pub(super) entity_type: &'a TypeInfo,
    pub(super) schema: &'a SchemaInfo,
}

/// The most characters of a value that a message quotes.
const QUOTED_CHARS_MAX: usize = 60;

// === impl Subject ===

impl Subject<'_> {
    /// What is wrong with its id, its attributes and its parents. Nulls, and attributes of its own
    /// that are undeclared or missing, are told elsewhere.
    pub(super) fn faults(&self, attributes: Option<&Value>, parents: &[EntityUid]) -> Vec<Fault> {
        let mut faults = Vec::new();
        let (uid, ids) = (self.uid, &self.entity_type.enumerated);
        if let Some(ids) = ids
            && !ids.contains(uid.id().unescaped())
        {
            let message = format!("`{uid}` is not one of the entities that the schema lists");
            let mut problem = fault(message);
            let known = ids.iter().map(String::as_str);
            problem.hint = spelling::hint(uid.id().unescaped(), "it lists", known);
            faults.push(Fault::at(problem, &["uid", "id"]));
        }
        if let Some(Value::Object(attributes)) = attributes {
            for (name, member) in &self.entity_type.attributes {
                let Some(value) = attributes.get(name) else { continue };
                let path = vec![Step::Member("attrs".to_owned()), Step::Member(name.clone())];
                self.value(name, path, value, &member.ty, &mut faults);
            }
        }
        for (number, parent) in parents.iter().enumerate() {
            let at = |problem| Fault::at(problem, &["parents"]).step(Step::Item(number));
            faults.extend(self.parent(parent).map(at));
        }
        faults
    }

    fn parent(&self, parent: &EntityUid) -> Option<Problem> {
        let (name, ty) = (parent.type_name().to_string(), &self.entity_type.name);
        if self.schema.entity_type(&name).is_none() {
            let message = format!(
                "the parent `{parent}` of `{}` has a type that the schema does not declare",
                self.uid
            );
            let mut problem = Problem::error("unknown-type", message);
            let known = self.schema.type_names();
            problem.hint = spelling::hint(&name, "the schema declares", known);
            return Some(problem);
        }
        let allowed = &self.entity_type.ancestors;
        if allowed.contains(&name) {
            return None;
        }
        let problem = fault(format!("`{}` cannot be in `{parent}`", self.uid));
        Some(if allowed.is_empty() {
            problem.hint(format!("the schema declares `{ty}` without `in`: nothing is its parent"))
        } else {
            let allowed: Vec<_> = allowed.iter().map(|name| format!("`{name}`")).collect();
            problem.hint(format!("the schema lets a `{ty}` be in {}", allowed.join(", ")))
        })
    }

    fn value(
        &self,
        name: &str,
        path: Vec<Step>,
        value: &Value,
        ty: &Type,
        faults: &mut Vec<Fault>,
    ) {
        let into = |step: Step| path.iter().cloned().chain([step]).collect();
        match (ty, value) {
            // Nulls are told elsewhere; what Cedar takes for an extension value is not known here.
            (_, Value::Null) | (Type::Extension(_), Value::String(_) | Value::Object(_)) => {}
            (Type::Set(element), Value::Array(items)) => {
                for (number, item) in items.iter().enumerate() {
                    let name = format!("{name}[{number}]");
                    self.value(&name, into(Step::Item(number)), item, element, faults);
                }
            }
            (Type::Record(declared), Value::Object(members))
                if !members.contains_key("__entity") =>
            {
                faults.extend(self.members(name, &path, members, declared));
                for (member, value) in members {
                    let Some(declared) = declared.get(member) else { continue };
                    let name = format!("{name}.{member}");
                    let path = into(Step::Member(member.clone()));
                    self.value(&name, path, value, &declared.ty, faults);
                }
            }
            _ => {
                if let Some(problem) = self.mismatch(name, value, ty) {
                    faults.push(Fault { problem, path });
                }
            }
        }
    }

    /// Members of a record that it does not declare, and those that it needs.
    fn members(
        &self,
        name: &str,
        path: &[Step],
        members: &Map<String, Value>,
        declared: &Record,
    ) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut push = |problem: Problem, steps: &[Step]| {
            faults.push(Fault { problem, path: [path, steps].concat() });
        };
        for member in members.keys().filter(|member| !declared.contains_key(*member)) {
            let message = format!(
                "`{name}` of `{}` has the member `{member}`, which the schema does not declare",
                self.uid
            );
            let mut problem = fault(message);
            let known = declared.keys().map(String::as_str);
            problem.hint = spelling::hint(member, "it declares", known);
            push(problem, &[Step::Member(member.clone())]);
        }
        let is_missing = |member: &str, required| required && !members.contains_key(member);
        for (member, _) in declared.iter().filter(|(name, of)| is_missing(name, of.required)) {
            push(fault(format!("`{name}` of `{}` needs the member `{member}`", self.uid)), &[]);
        }
        faults
    }

    /// What a value is, and what it should be; `None` where it fits.
    fn mismatch(&self, name: &str, value: &Value, ty: &Type) -> Option<Problem> {
        let wanted = name_of(ty);
        let is = |what: String| {
            fault(format!("`{name}` of `{}` has to be {wanted}, and is {what}", self.uid))
        };
        match (ty, value) {
            (Type::Bool, Value::Bool(_)) | (Type::String, Value::String(_)) => None,
            (Type::Long, Value::Number(number)) => {
                let (what, hint) = number_fault(number)?;
                Some(is(what).hint(hint))
            }
            (Type::Entity(of), value) => match reference(value) {
                Some(uid) if uid.type_name().to_string() == *of => None,
                Some(uid) => Some(is(format!("the entity `{uid}`"))),
                None => Some(is(shown(value)).hint(format!(
                    "an entity is written `{{\"__entity\": {{\"type\": \"{of}\", \"id\": …}}}}`"
                ))),
            },
            (_, Value::Object(object)) if object.contains_key("__entity") => {
                let uid = reference(value).map(|uid| format!(" `{uid}`")).unwrap_or_default();
                Some(is(format!("an entity{uid}")))
            }
            _ => Some(is(shown(value))),
        }
    }
}

/// What keeps a number from being a `Long`, and what to do about it.
fn number_fault(number: &Number) -> Option<(String, &'static str)> {
    if number.is_i64() {
        return None;
    }
    let whole = number.is_u64() || number.as_f64().is_some_and(|value| value.fract() == 0.0);
    Some(if whole {
        (
            "a number of more than 64 bits".to_owned(),
            "a `Long` is a whole number of 64 bits, from -9223372036854775808 to \
             9223372036854775807, written without a point; keep larger ones as strings",
        )
    } else {
        (
            format!("the fraction `{number}`"),
            "Cedar has no floating-point numbers: use whole numbers of a smaller unit, or declare \
             the attribute as `decimal` and write it as a string",
        )
    })
}

/// A type, in the words of the schema.
pub(super) fn name_of(ty: &Type) -> String {
    match ty {
        Type::Bool => "`Bool`".to_owned(),
        Type::Long => "`Long`".to_owned(),
        Type::String => "`String`".to_owned(),
        Type::Entity(name) | Type::Extension(name) => format!("`{name}`"),
        Type::Set(element) => format!("a set of {}", name_of(element)),
        Type::Record(_) => "a record".to_owned(),
    }
}

/// What a value is, and the beginning of it.
fn shown(value: &Value) -> String {
    let what = match value {
        Value::Null => return "null".to_owned(),
        Value::Bool(_) => "the boolean",
        Value::Number(_) => "the number",
        Value::String(_) => "the string",
        Value::Array(_) => "the array",
        Value::Object(_) => "the object",
    };
    let text = value.to_string();
    let quoted: String = text.chars().take(QUOTED_CHARS_MAX).collect();
    let rest = if quoted.len() < text.len() { "…" } else { "" };
    format!("{what} `{quoted}{rest}`")
}
