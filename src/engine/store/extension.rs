//! Values of Cedar's extension types: which texts Cedar takes for one, and the forms of the call
//! that makes one in JSON.

use std::collections::HashSet;
use std::fmt;

use cedar_policy::{Entity, EntityId, EntityTypeName, EntityUid, RestrictedExpression};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::shape::Extension;
use super::value::ExtensionRef;

/// The text of the moment from which Cedar counts.
const EPOCH: &str = "1970-01-01";

/// Whether Cedar makes a value of this text. It is Cedar that is asked.
pub(super) fn is_valid(ty: Extension, text: &str) -> bool {
    let value = ExtensionRef { ty, argument: text, since_epoch: false };
    let Some(uid) = uid() else { return false };
    let attributes = [("value".to_owned(), value.expression())].into_iter().collect();
    Entity::new(uid, attributes, HashSet::new()).is_ok()
}

fn uid() -> Option<EntityUid> {
    let type_name: EntityTypeName = "Value".parse().ok()?;
    Some(EntityUid::from_type_name_and_id(type_name, EntityId::new("")))
}

// === impl ExtensionRef ===

impl ExtensionRef<'_> {
    /// The value as an expression for Cedar.
    pub fn expression(&self) -> RestrictedExpression {
        match self.ty {
            Extension::Ip => RestrictedExpression::new_ip(self.argument),
            Extension::Decimal => RestrictedExpression::new_decimal(self.argument),
            Extension::Duration => RestrictedExpression::new_duration(self.argument),
            Extension::Datetime if !self.since_epoch => {
                RestrictedExpression::new_datetime(self.argument)
            }
            Extension::Datetime => self.moment(),
        }
    }

    /// A datetime that has no text of its own. Its argument came from Cedar, as milliseconds.
    fn moment(&self) -> RestrictedExpression {
        let text = format!("datetime(\"{EPOCH}\").offset(duration(\"{}\"))", self.argument);
        let plain = || RestrictedExpression::new_datetime(EPOCH);
        if self.argument.bytes().all(|byte| byte == b'-' || byte.is_ascii_alphanumeric()) {
            text.parse().unwrap_or_else(|_| plain())
        } else {
            plain()
        }
    }

    /// The value as Cedar writes it in JSON.
    pub fn json(&self) -> serde_json::Value {
        use serde_json::json;
        if self.since_epoch {
            return json!({"__extn": {"fn": "offset", "args": [
                {"__extn": {"fn": "datetime", "arg": EPOCH}},
                {"__extn": {"fn": "duration", "arg": self.argument}},
            ]}});
        }
        json!({"__extn": {"fn": self.ty.constructor(), "arg": self.argument}})
    }
}

/// A call in JSON: `{"fn", "arg"}` or `{"fn", "args"}`, or that inside `{"__extn": …}`.
#[derive(Debug, Default)]
pub(super) struct Call {
    function: String,
    arguments: Vec<Argument>,
    escaped: bool,
}

#[derive(Debug)]
enum Argument {
    Text(String),
    Call(Call),
}

pub(super) struct CallVisitor;
struct ArgumentVisitor;
struct ArgumentsVisitor;

// === impl Call ===

impl Call {
    /// The text in a call of the type's own constructor, or since when a datetime is. The second
    /// form is Cedar's own, so it is taken only from Cedar.
    pub(super) fn plain(&self, ty: Extension, from_cedar: bool) -> Option<(&str, bool)> {
        match self.arguments.as_slice() {
            [Argument::Text(text)] if self.function == ty.constructor() => Some((text, false)),
            [Argument::Call(epoch), Argument::Call(duration)]
                if from_cedar && ty == Extension::Datetime && self.function == "offset" =>
            {
                let (moment, _) = epoch.plain(Extension::Datetime, false)?;
                let (text, _) = duration.plain(Extension::Duration, false)?;
                (moment == EPOCH).then_some((text, true))
            }
            _ => None,
        }
    }
}

fn strange<E: Error>() -> E {
    E::custom("not a call of the plain form")
}

impl<'de> DeserializeSeed<'de> for CallVisitor {
    type Value = Call;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Call, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for CallVisitor {
    type Value = Call;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a call")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Call, A::Error> {
        let (mut function, mut arguments, mut inner) = (None, None, None);
        while let Some(name) = members.next_key::<String>()? {
            let again = match name.as_str() {
                "fn" => function.replace(members.next_value::<String>()?).is_some(),
                "arg" => {
                    let argument = members.next_value_seed(ArgumentVisitor)?;
                    arguments.replace(vec![argument]).is_some()
                }
                "args" => arguments.replace(members.next_value_seed(ArgumentsVisitor)?).is_some(),
                "__extn" => inner.replace(members.next_value_seed(CallVisitor)?).is_some(),
                _ => true,
            };
            if again {
                return Err(strange());
            }
        }
        match (function, arguments, inner) {
            (Some(function), Some(arguments), None) => {
                Ok(Call { function, arguments, escaped: false })
            }
            (None, None, Some(call)) if !call.escaped => Ok(Call { escaped: true, ..call }),
            _ => Err(strange()),
        }
    }
}

impl<'de> DeserializeSeed<'de> for ArgumentVisitor {
    type Value = Argument;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Argument, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ArgumentVisitor {
    type Value = Argument;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a call")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Argument, E> {
        Ok(Argument::Text(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Argument, A::Error> {
        CallVisitor.visit_map(members).map(Argument::Call)
    }
}

impl<'de> DeserializeSeed<'de> for ArgumentsVisitor {
    type Value = Vec<Argument>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for ArgumentsVisitor {
    type Value = Vec<Argument>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("arguments")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut arguments = Vec::new();
        while let Some(argument) = items.next_element_seed(ArgumentVisitor)? {
            arguments.push(argument);
        }
        Ok(arguments)
    }
}
