//! Which entities a search looks at: those whose attributes have certain values. Only attributes
//! that the type declares can be asked for, so that a misspelt name is no empty answer.

use serde_json::{Map, Value};

use super::super::check::InvalidRequest;
use super::super::schema::Type;
use super::super::snapshot::Snapshot;
use super::super::store::{EntityNo, TypeNo, ValueRef};
use super::super::uid::{self, UidText};

/// Values that attributes of an entity must have; nothing is asked of an attribute not among them.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted {
    attributes: Vec<(String, WantedValue)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum WantedValue {
    Bool(bool),
    Long(i64),
    String(String),
    /// `None`: an entity that nothing names, which no attribute refers to.
    Entity(Option<EntityNo>),
}

// === impl Snapshot ===

impl Snapshot {
    /// Reads what attributes of a type must be.
    pub(super) fn wanted(
        &self,
        type_name: &str,
        members: &Map<String, Value>,
    ) -> Result<Wanted, InvalidRequest> {
        let Some(entity_type) = self.rules.schema.entity_type(type_name) else {
            return Ok(Wanted::default());
        };
        let mut attributes = Vec::with_capacity(members.len());
        for (name, value) in members {
            let Some(member) = entity_type.attributes.get(name) else {
                let declared: Vec<&str> =
                    entity_type.attributes.keys().map(String::as_str).collect();
                return Err(InvalidRequest {
                    message: format!(
                        "`where`: entity type `{type_name}` declares no attribute `{}`",
                        shown(name)
                    ),
                    hint: Some(if declared.is_empty() {
                        "it declares none".to_owned()
                    } else {
                        format!("it declares {}", declared.join(", "))
                    }),
                });
            };
            let value = self.wanted_value(value, &member.ty).ok_or_else(|| InvalidRequest {
                message: format!("`where.{name}` must be {}", expected(&member.ty)),
                hint: None,
            })?;
            attributes.push((name.clone(), value));
        }
        Ok(Wanted { attributes })
    }

    fn wanted_value(&self, value: &Value, ty: &Type) -> Option<WantedValue> {
        match (ty, value) {
            (Type::Bool, Value::Bool(value)) => Some(WantedValue::Bool(*value)),
            (Type::Long, Value::Number(number)) => number.as_i64().map(WantedValue::Long),
            (Type::String, Value::String(text)) => Some(WantedValue::String(text.clone())),
            (Type::Entity(of), value) => {
                let uid = uid_in(value)?;
                if !of.is_empty() && *of != uid.type_name {
                    return None;
                }
                let ty = self.store.type_no(&uid.type_name)?;
                Some(WantedValue::Entity(self.store.number(ty, &uid.id)))
            }
            _ => None,
        }
    }

    /// Whether an entity has the values.
    pub(super) fn has_wanted(&self, no: EntityNo, wanted: &Wanted) -> bool {
        wanted.attributes.is_empty()
            || self.store.attributes(no).is_some_and(|attributes| {
                wanted.attributes.iter().all(|(name, wanted)| {
                    attributes.get(name).is_some_and(|found| wanted.is(found))
                })
            })
    }

    /// The entities that refer to one that is asked for, by number; `None` if none is asked for.
    pub(super) fn reached_by_wanted(&self, ty: TypeNo, wanted: &Wanted) -> Option<Vec<EntityNo>> {
        let mut references = wanted.attributes.iter().filter_map(|(name, value)| match value {
            WantedValue::Entity(no) => Some((name, *no)),
            _ => None,
        });
        let (name, to) = references.next()?;
        let attribute = self.store.attribute_no(ty, name)?;
        let referrers = to.into_iter().flat_map(|to| self.store.referrers(attribute, to));
        let mut found: Vec<EntityNo> = referrers.filter(|no| self.store.is_stored(*no)).collect();
        found.sort_unstable();
        found.dedup();
        Some(found)
    }
}

// === impl WantedValue ===

impl WantedValue {
    fn is(&self, found: ValueRef<'_>) -> bool {
        match (self, found) {
            (Self::Bool(wanted), ValueRef::Bool(found)) => *wanted == found,
            (Self::Long(wanted), ValueRef::Long(found)) => *wanted == found,
            (Self::String(wanted), ValueRef::String(found)) => wanted == found,
            (Self::Entity(wanted), ValueRef::Entity(found)) => *wanted == Some(found),
            _ => false,
        }
    }
}

/// A uid as entity JSON writes it, with or without `__entity`, or as Cedar text.
fn uid_in(value: &Value) -> Option<UidText> {
    match value {
        Value::String(text) => uid::parse(text).ok(),
        Value::Object(members) => {
            let inner = match (members.len(), members.get("__entity")) {
                (1, Some(Value::Object(inner))) => inner,
                _ => members,
            };
            let text = |name| inner.get(name).and_then(Value::as_str).map(str::to_owned);
            let whole = inner.len() == 2;
            Some(UidText { type_name: text("type")?, id: text("id")? }).filter(|_| whole)
        }
        _ => None,
    }
}

fn expected(ty: &Type) -> String {
    match ty {
        Type::Bool => "`true` or `false`".to_owned(),
        Type::Long => "an integer of 64 bits".to_owned(),
        Type::String => "a string".to_owned(),
        Type::Entity(of) if of.is_empty() => "the uid of an entity".to_owned(),
        Type::Entity(of) => format!("the uid of a `{of}`, such as `{of}::\"…\"`"),
        Type::Set(_) | Type::Record(_) | Type::Extension(_) => {
            "left out: an attribute of this type cannot be asked for".to_owned()
        }
    }
}

/// The beginning of a name that somebody else chose.
fn shown(name: &str) -> String {
    name.chars().take(100).collect()
}
