//! Links: template-linked policies, which is what shares are stored as. They are read in the format
//! of Cedar's CLI with two members of our own, `expires` and `annotations`, and checked against
//! the template they name, whose `@slot_principal` and `@slot_resource` say what may fill its slots.

use std::collections::BTreeMap;

use cedar_policy::{EntityUid, SlotId, Template};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::bundle::Text;
use super::error::{Place, Problem};
use super::json::JsonError;
use super::policies::Policies;
use super::schema::SchemaInfo;
use super::uid;

/// The annotation of a template that lists the types that may fill its principal slot.
const SLOT_PRINCIPAL: &str = "slot_principal";
/// The same for its resource slot.
const SLOT_RESOURCE: &str = "slot_resource";

/// A template-linked policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its id, which decisions name.
    pub id: String,
    /// The template it fills.
    pub template: String,
    /// What fills `?principal`, if the template has that slot.
    pub principal: Option<EntityUid>,
    /// What fills `?resource`, if the template has that slot.
    pub resource: Option<EntityUid>,
    /// When it stops deciding, in milliseconds since 1970.
    pub expires_ms: Option<i64>,
    /// What its author wrote beside it.
    pub annotations: BTreeMap<String, String>,
}

/// The place of a JSON error in a value that begins on `first_line` of a text.
pub(super) fn json_place(text: &Text, first_line: usize, error: &JsonError) -> Place {
    let number = first_line + error.line - 1;
    let whole = text.text.split('\n').nth(number - 1).unwrap_or_default();
    Place::in_line(&text.name, number, whole.trim_end_matches('\r'), error.column - 1, 1)
}

/// Judges one link; whether the entities that it names exist is asked when all are read.
///
/// # Errors
/// Everything that is found wrong with it, at least one fault.
pub(super) fn judge(
    object: Map<String, Value>,
    policies: &Policies,
    schema: &SchemaInfo,
) -> Result<Link, Vec<Problem>> {
    let link = read(object).map_err(|message| vec![Problem::error("link", message)])?;
    if let Some(info) = policies.infos.iter().find(|info| info.id == link.id) {
        let message = format!(
            "the link `{}` has the id of a policy, at {}:{}",
            link.id, info.file, info.line
        );
        return Err(vec![Problem::error("duplicate-policy-id", message)]);
    }
    let faults = Judge { policies, schema }.faults(&link);
    if faults.is_empty() { Ok(link) } else { Err(faults) }
}

struct Judge<'a> {
    policies: &'a Policies,
    schema: &'a SchemaInfo,
}

// === impl Judge ===

impl Judge<'_> {
    fn faults(&self, link: &Link) -> Vec<Problem> {
        let Some(template) = self.template(&link.template) else {
            let message = format!(
                "link `{}` names the template `{}`, which is not there",
                link.id, link.template
            );
            let known: Vec<_> = self
                .policies
                .set
                .templates()
                .map(|template| format!("`{}`", template.id()))
                .collect();
            let problem = Problem::error("unknown-template", message);
            return vec![if known.is_empty() {
                problem.hint("there are no templates among the policies")
            } else {
                problem.hint(format!("the templates are {}", known.join(", ")))
            }];
        };
        let mut faults = Vec::new();
        let slots: Vec<_> = template.slots().cloned().collect();
        let filled = [
            (SlotId::principal(), &link.principal, SLOT_PRINCIPAL),
            (SlotId::resource(), &link.resource, SLOT_RESOURCE),
        ];
        for (slot, value, annotation) in filled {
            match (slots.contains(&slot), value) {
                (true, None) => {
                    let message = format!(
                        "link `{}` leaves the slot `{slot}` of template `{}` open",
                        link.id, link.template
                    );
                    faults.push(Problem::error("link-slot", message));
                }
                (false, Some(_)) => {
                    let message = format!(
                        "link `{}` fills `{slot}`, which template `{}` does not have",
                        link.id, link.template
                    );
                    faults.push(Problem::error("link-slot", message));
                }
                (true, Some(value)) => {
                    faults.extend(self.slot_faults(
                        link,
                        value,
                        template.annotation(annotation),
                        &slot,
                    ));
                }
                (false, None) => {}
            }
        }
        faults
    }

    fn slot_faults(
        &self,
        link: &Link,
        value: &EntityUid,
        allowed: Option<&str>,
        slot: &SlotId,
    ) -> Option<Problem> {
        let type_name = value.type_name().to_string();
        if let Some(allowed) = allowed
            && !allowed.split(',').any(|name| name.trim() == type_name)
        {
            let message = format!(
                "link `{}` fills `{slot}` with `{value}`, but template `{}` takes only {allowed} there",
                link.id, link.template
            );
            return Some(Problem::error("link-slot-type", message));
        }
        if self.schema.entity_type(&type_name).is_none() && self.schema.action(value).is_none() {
            let message = format!(
                "link `{}` fills `{slot}` with `{value}`, whose type the schema does not declare",
                link.id
            );
            return Some(Problem::error("unknown-type", message));
        }
        None
    }

    fn template(&self, id: &str) -> Option<&Template> {
        self.policies.set.template(&cedar_policy::PolicyId::new(id))
    }
}

/// Reads one link's members.
fn read(object: Map<String, Value>) -> Result<Link, String> {
    let mut link = Link {
        id: String::new(),
        template: String::new(),
        principal: None,
        resource: None,
        expires_ms: None,
        annotations: BTreeMap::new(),
    };
    let mut args = None;
    for (name, value) in object {
        match (name.as_str(), value) {
            ("link_id", Value::String(id)) if !id.is_empty() => link.id = id,
            ("template_id", Value::String(id)) if !id.is_empty() => link.template = id,
            ("args", Value::Object(slots)) => args = Some(slots),
            ("expires", Value::String(time)) => link.expires_ms = Some(expiry(&time)?),
            ("annotations", Value::Object(pairs)) => link.annotations = annotations(pairs)?,
            ("expires" | "annotations", Value::Null) => {}
            ("link_id" | "template_id", _) => {
                return Err(format!("`{name}` must be a string that is not empty"));
            }
            ("args" | "annotations", _) => {
                return Err(format!("`{name}` must be an object of strings"));
            }
            ("expires", _) => return Err("`expires` must be a time in RFC 3339".to_owned()),
            _ => return Err(format!("a link has no member `{name}`")),
        }
    }
    for (name, value) in [("link_id", &link.id), ("template_id", &link.template)] {
        if value.is_empty() {
            return Err(format!("a link needs the member `{name}`"));
        }
    }
    for (slot, value) in args.ok_or("a link needs the member `args`")? {
        let Value::String(text) = value else {
            return Err(format!(
                "`{slot}` must be a uid as text, such as `\"User::\\\"emma\\\"\"`"
            ));
        };
        let entity = entity(&text)?;
        match slot.as_str() {
            "?principal" => link.principal = Some(entity),
            "?resource" => link.resource = Some(entity),
            _ => {
                return Err(format!(
                    "there is no slot `{slot}`, only `?principal` and `?resource`"
                ));
            }
        }
    }
    Ok(link)
}

fn entity(text: &str) -> Result<EntityUid, String> {
    let parts = uid::parse(text)?;
    let type_name = parts.type_name.parse().map_err(|_| format!("`{text}` is not a uid"))?;
    Ok(uid::of(&type_name, &parts.id))
}

fn expiry(text: &str) -> Result<i64, String> {
    let time: Timestamp = text.parse().map_err(|error| {
        format!("`expires` is `{text}`, which is not a time in RFC 3339: {error}")
    })?;
    Ok(time.as_millisecond())
}

fn annotations(pairs: Map<String, Value>) -> Result<BTreeMap<String, String>, String> {
    pairs
        .into_iter()
        .map(|(key, value)| match value {
            Value::String(value) => Ok((key, value)),
            _ => Err(format!("the annotation `{key}` must be a string")),
        })
        .collect()
}
