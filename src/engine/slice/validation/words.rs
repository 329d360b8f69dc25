//! The validator's errors in words: one sentence for all that it says at one place, and what to do
//! about it. What has no words here is told in Cedar's.

use cedar_policy_core::validator::ValidationError;
use cedar_policy_core::validator::types::{EntityKind, EntityLUB, Type};
use cedar_policy_core::validator::validation_errors::{
    AttributeAccess, LubHelp, UnexpectedType, UnsafeOptionalAttributeAccess,
};
use miette::Diagnostic;

use crate::engine::schema::{Record, SchemaInfo, Type as Declared};
use crate::engine::spelling;

/// The most types that one sentence names.
const TYPES_TOLD_MAX: usize = 4;

pub(super) struct Words<'a> {
    pub(super) schema: &'a SchemaInfo,
}

/// A sentence and a hint.
type Said = (String, Option<String>);

// === impl Words ===

impl Words<'_> {
    /// Errors of one kind at one place, as a sentence and a hint.
    pub(super) fn of(&self, errors: &[&ValidationError]) -> Said {
        let Some(first) = errors.first() else { return Said::default() };
        match first {
            ValidationError::UnrecognizedEntityType(error) => {
                let name = &error.actual_entity_type;
                let hint = spelling::hint(name, "the schema declares", self.schema.type_names());
                (format!("the schema declares no entity type `{name}`"), hint)
            }
            ValidationError::UnrecognizedActionId(error) => self.action(&error.actual_action_id),
            ValidationError::UnexpectedType(error) => unexpected(errors, error),
            ValidationError::IncompatibleTypes(error) => {
                let types: Vec<String> = error.types.iter().map(name_of).collect();
                let message = format!(
                    "{} must be of one type, and are {}",
                    error.context,
                    joined(&types, "and")
                );
                let hint = match error.hint {
                    LubHelp::None => None,
                    ref help => Some(lower_first(&help.to_string())),
                };
                (message, hint)
            }
            ValidationError::UnsafeAttributeAccess(_) => self.no_attribute(errors),
            ValidationError::UnsafeOptionalAttributeAccess(error) => optional(errors, error),
            ValidationError::UndefinedFunction(error) => {
                (format!("there is no function `{}`", error.name), None)
            }
            ValidationError::WrongNumberArguments(error) => (
                format!("this function takes {} arguments, not {}", error.expected, error.actual),
                None,
            ),
            ValidationError::EmptySetForbidden(_) => (
                "`[]` has no type: nothing says what it would hold".to_owned(),
                Some("ask whether a set is empty with `.isEmpty()`".to_owned()),
            ),
            other => {
                let message = without_policy(&other.to_string());
                let hint = other.help().map(|help| without_policy(&help.to_string()));
                (message, hint)
            }
        }
    }

    fn action(&self, written: &str) -> Said {
        let mut known: Vec<String> =
            self.schema.actions().map(|(uid, _)| uid.to_string()).collect();
        known.sort_unstable();
        let id =
            |uid: &str| uid.split_once("::\"").map(|(_, id)| id.trim_end_matches('"').to_owned());
        let ids: Vec<String> = known.iter().filter_map(|uid| id(uid)).collect();
        let near =
            spelling::nearest(&id(written).unwrap_or_default(), ids.iter().map(String::as_str))
                .and_then(|near| known.iter().find(|uid| id(uid).as_deref() == Some(near)));
        let hint = match near {
            Some(near) => Some(format!("did you mean `{near}`?")),
            None => spelling::hint(written, "it declares", known.iter().map(String::as_str)),
        };
        (format!("the schema declares no action `{written}`"), hint)
    }

    fn no_attribute(&self, errors: &[&ValidationError]) -> Said {
        let mut subjects: Vec<String> = Vec::new();
        let mut known: Vec<&str> = Vec::new();
        let mut name = String::new();
        for error in errors {
            let ValidationError::UnsafeAttributeAccess(error) = error else { continue };
            let access = &error.attribute_access;
            let (subject, steps) = subject(access);
            let beside = self.attributes(access, &steps);
            known.extend(beside.into_iter().flat_map(Record::keys).map(String::as_str));
            name = steps.join(".");
            subjects.push(subject);
        }
        subjects.sort_unstable();
        subjects.dedup();
        known.sort_unstable();
        known.dedup();
        let last = name.rsplit('.').next().unwrap_or_default();
        let have = if subjects.len() == 1 { "has" } else { "have" };
        let message = format!("{} {have} no attribute `{name}`", joined(&subjects, "and"));
        let lead = if subjects.len() == 1 { "declared are" } else { "declared for some are" };
        (message, spelling::hint(last, lead, known))
    }

    /// The attributes beside the one that an access asks for.
    fn attributes(&self, access: &AttributeAccess, steps: &[&str]) -> Option<&Record> {
        let mut record = match access {
            AttributeAccess::EntityLUB(types, _) => {
                let name = types.get_single_entity()?.to_string();
                &self.schema.entity_type(&name)?.attributes
            }
            AttributeAccess::Context(action, _) => {
                &self.schema.action(&cedar_policy::EntityUid::from(action.clone()))?.context
            }
            AttributeAccess::Other(_) => return None,
        };
        // The last step is the one that is not there.
        for step in steps.iter().take(steps.len().saturating_sub(1)) {
            match &record.get(*step)?.ty {
                Declared::Record(inner) => record = inner,
                _ => return None,
            }
        }
        Some(record)
    }
}

/// Of whom an attribute is asked, and the attributes that lead to it.
fn subject(access: &AttributeAccess) -> (String, Vec<&str>) {
    // They are kept from the inside out.
    match access {
        AttributeAccess::EntityLUB(types, steps) => {
            (entity(types), steps.iter().rev().map(AsRef::as_ref).collect())
        }
        AttributeAccess::Context(action, steps) => {
            (format!("the context of `{action}`"), steps.iter().rev().map(AsRef::as_ref).collect())
        }
        AttributeAccess::Other(steps) => {
            ("this record".to_owned(), steps.iter().rev().map(AsRef::as_ref).collect())
        }
    }
}

fn entity(types: &EntityLUB) -> String {
    types.get_single_entity().map_or("this entity".to_owned(), |name| format!("`{name}`"))
}

fn unexpected(errors: &[&ValidationError], first: &UnexpectedType) -> Said {
    let mut found: Vec<String> = errors
        .iter()
        .filter_map(|error| match error {
            ValidationError::UnexpectedType(error) => Some(name_of(&error.actual)),
            _ => None,
        })
        .collect();
    found.sort_unstable();
    found.dedup();
    let mut wanted: Vec<String> = first.expected.iter().map(name_of).collect();
    wanted.dedup();
    let message = format!("expected {}, found {}", joined(&wanted, "or"), joined(&found, "or"));
    (message, first.help.as_ref().map(ToString::to_string))
}

fn optional(errors: &[&ValidationError], first: &UnsafeOptionalAttributeAccess) -> Said {
    let mut subjects: Vec<String> = errors
        .iter()
        .filter_map(|error| match error {
            ValidationError::UnsafeOptionalAttributeAccess(error) => {
                Some(subject(&error.attribute_access).0)
            }
            _ => None,
        })
        .collect();
    subjects.sort_unstable();
    subjects.dedup();
    let name = subject(&first.attribute_access).1.join(".");
    let message =
        format!("`{name}` of {} is optional, and may be missing here", joined(&subjects, "and"));
    let written = first.source_loc.as_ref().and_then(|loc| loc.snippet());
    let guard = written.and_then(|text| text.rsplit_once('.')).map(|(base, attribute)| {
        format!("test for it first: `{} has {} && …`", base.trim(), attribute.trim())
    });
    (message, guard.or_else(|| first.help().map(|help| help.to_string())))
}

/// A type, in the words of the schema.
fn name_of(ty: &Type) -> String {
    match ty {
        Type::Bool(_) => "`Bool`".to_owned(),
        Type::Entity(EntityKind::AnyEntity) => "an entity".to_owned(),
        Type::Entity(EntityKind::Entity(types)) => entity(types),
        Type::Set { element_type: None } => "a set".to_owned(),
        Type::Set { element_type: Some(element) } => format!("a set of {}", name_of(element)),
        Type::Record { .. } => "a record".to_owned(),
        other => format!("`{other}`"),
    }
}

/// Names as a list in words, the end of a long one left out.
fn joined(names: &[String], word: &str) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] if names.len() <= TYPES_TOLD_MAX => {
            format!("{} {word} {last}", first.join(", "))
        }
        names => {
            let told: Vec<&str> = names.iter().take(TYPES_TOLD_MAX).map(String::as_str).collect();
            format!("{} {word} {} more", told.join(", "), names.len() - told.len())
        }
    }
}

/// One of Cedar's warnings, which begins by naming the policy.
pub(super) fn of_warning(policy: &str, message: &str) -> String {
    format!("policy `{policy}`: {}", without_policy(message))
}

/// The sentence without the policy, which is named beside it.
fn without_policy(message: &str) -> String {
    let rest = message.strip_prefix("for policy `").and_then(|rest| rest.split_once("`, "));
    lower_first(rest.map_or(message, |(_, rest)| rest))
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}
