//! A search as a client writes it. Every member is known or refused: a misspelt `where` must not
//! become a search for everything.

use serde_json::{Map, Value};

use super::{Asked, Wish};
use crate::engine::check::Undeclared;
use crate::http::native::{action_uid, uid};
use crate::http::problem::Problem;
use crate::pdp::metrics::SearchKind;

/// Reads the members of a search.
pub(super) fn read(
    members: Map<String, Value>,
    kind: SearchKind,
    limit_max: u64,
) -> Result<(Asked, Wish), Problem> {
    let mut asked = Asked::new(kind, Undeclared::Refuse);
    if kind == SearchKind::Actions {
        // No context fits every action: what one does not declare is left out for it.
        asked.undeclared = Undeclared::Drop;
    }
    let mut wish = Wish { limit: None, cursor: None, count: false };
    for (name, value) in members {
        match (name.as_str(), kind) {
            ("principal", SearchKind::Resources | SearchKind::Actions) => {
                asked.principal = Some(uid("principal", value)?);
            }
            ("resource", SearchKind::Principals | SearchKind::Actions) => {
                asked.resource = Some(uid("resource", value)?);
            }
            ("action", SearchKind::Resources | SearchKind::Principals) => {
                asked.action = Some(action_uid(value)?);
            }
            ("type", SearchKind::Resources | SearchKind::Principals) => match value {
                Value::String(name) => asked.type_name = Some(name),
                _ => return Err(Problem::wrong_member("type", "the name of an entity type")),
            },
            ("where", SearchKind::Resources | SearchKind::Principals) => {
                asked.wanted = object("where", value)?;
            }
            ("context", _) => asked.context = object("context", value)?,
            ("limit", _) => wish.limit = Some(limit(&value, limit_max)?),
            ("cursor", _) => match value {
                Value::String(text) => wish.cursor = Some(text),
                _ => return Err(Problem::wrong_member("cursor", "the `cursor` of a page")),
            },
            ("count", _) => match value {
                Value::Bool(value) => wish.count = value,
                _ => return Err(Problem::wrong_member("count", "`true` or `false`")),
            },
            _ => {
                let of = format!("a search for {}", kind.as_str());
                return Err(Problem::unknown_member(&name, &of));
            }
        }
    }
    let needed: [(&str, bool); 2] = match kind {
        SearchKind::Resources => {
            [("principal", asked.principal.is_some()), ("action", asked.action.is_some())]
        }
        SearchKind::Principals => {
            [("resource", asked.resource.is_some()), ("action", asked.action.is_some())]
        }
        SearchKind::Actions => {
            [("principal", asked.principal.is_some()), ("resource", asked.resource.is_some())]
        }
    };
    match needed.iter().find(|(_, there)| !there) {
        Some((name, _)) => Err(Problem::missing_member(name)),
        None => Ok((asked, wish)),
    }
}

fn object(name: &str, value: Value) -> Result<Map<String, Value>, Problem> {
    match value {
        Value::Object(members) => Ok(members),
        _ => Err(Problem::wrong_member(name, "an object")),
    }
}

fn limit(value: &Value, most: u64) -> Result<u64, Problem> {
    value.as_u64().filter(|limit| (1..=most).contains(limit)).ok_or_else(|| {
        let expected = match most {
            u64::MAX => "an integer from 1 on".to_owned(),
            most => format!("an integer from 1 to {most}"),
        };
        Problem::wrong_member("limit", &expected)
    })
}
