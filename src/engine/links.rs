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
use super::json::locate::Fault;
use super::policies::Policies;
use super::schema::SchemaInfo;
use super::{spelling, uid};

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
) -> Result<Link, Vec<Fault>> {
    let link = read(object)?;
    if let Some(info) = policies.infos.iter().find(|info| info.id == link.id) {
        let message = format!(
            "the link `{}` has the id of a policy, at {}:{}",
            link.id, info.file, info.line
        );
        let problem = Problem::error("duplicate-policy-id", message)
            .hint("decisions name policies and links by their ids: give the link another");
        return Err(vec![Fault::at(problem, &["link_id"])]);
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
    fn faults(&self, link: &Link) -> Vec<Fault> {
        let Some(template) = self.template(&link.template) else {
            return vec![Fault::at(self.unknown_template(link), &["template_id"])];
        };
        let mut faults = Vec::new();
        let slots: Vec<_> = template.slots().cloned().collect();
        let filled = [
            (SlotId::principal(), &link.principal, SLOT_PRINCIPAL),
            (SlotId::resource(), &link.resource, SLOT_RESOURCE),
        ];
        for (slot, value, annotation) in filled {
            let name = slot.to_string();
            match (slots.contains(&slot), value) {
                (true, None) => {
                    let message = format!(
                        "link `{}` leaves the slot `{slot}` of template `{}` open",
                        link.id, link.template
                    );
                    let problem = Problem::error("link-slot", message)
                        .hint(format!("add `\"{slot}\": \"Type::\\\"id\\\"\"` to `args`"));
                    faults.push(Fault::at(problem, &["args"]));
                }
                (false, Some(_)) => {
                    let message = format!(
                        "link `{}` fills `{slot}`, which template `{}` does not have",
                        link.id, link.template
                    );
                    let known: Vec<_> = slots.iter().map(|slot| format!("`{slot}`")).collect();
                    let problem = Problem::error("link-slot", message)
                        .hint(format!("it has {}", known.join(" and ")));
                    faults.push(Fault::at(problem, &["args", &name]));
                }
                (true, Some(value)) => {
                    let allowed = template.annotation(annotation);
                    let problem = self.slot_fault(link, value, allowed, &slot);
                    faults.extend(problem.map(|problem| Fault::at(problem, &["args", &name])));
                }
                (false, None) => {}
            }
        }
        faults
    }

    fn unknown_template(&self, link: &Link) -> Problem {
        let id = &link.template;
        let problem = |message| Problem::error("unknown-template", message);
        if let Some(info) = self.policies.infos.iter().find(|info| info.id == *id) {
            let message = format!(
                "link `{}` names `{id}`, which is a policy without slots, at {}:{}",
                link.id, info.file, info.line
            );
            return problem(message)
                .hint("a template has `?principal` or `?resource` in its scope");
        }
        let message = format!("link `{}` names the template `{id}`, which is not there", link.id);
        let templates = self.policies.infos.iter().filter(|info| info.template);
        let known: Vec<&str> = templates.map(|info| info.id.as_str()).collect();
        let hint = spelling::hint(id, "the templates are", known.iter().copied());
        problem(message)
            .hint(hint.unwrap_or_else(|| "there are no templates among the policies".to_owned()))
    }

    fn slot_fault(
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
            let annotation =
                if *slot == SlotId::principal() { SLOT_PRINCIPAL } else { SLOT_RESOURCE };
            return Some(
                Problem::error("link-slot-type", message)
                    .hint(format!("`@{annotation}` of the template says what it takes")),
            );
        }
        if self.schema.entity_type(&type_name).is_none() && self.schema.action(value).is_none() {
            let message = format!(
                "link `{}` fills `{slot}` with `{value}`, whose type the schema does not declare",
                link.id
            );
            let mut problem = Problem::error("unknown-type", message);
            let known = self.schema.type_names();
            problem.hint = spelling::hint(&type_name, "the schema declares", known);
            return Some(problem);
        }
        None
    }

    fn template(&self, id: &str) -> Option<&Template> {
        self.policies.set.template(&cedar_policy::PolicyId::new(id))
    }
}

/// The members of a link.
const MEMBERS: [&str; 5] = ["template_id", "link_id", "args", "expires", "annotations"];

/// Reads one link's members; everything that is wrong with them is told.
fn read(object: Map<String, Value>) -> Result<Link, Vec<Fault>> {
    let mut reading = Reading { faults: Vec::new() };
    let mut link = Link {
        id: String::new(),
        template: String::new(),
        principal: None,
        resource: None,
        expires_ms: None,
        annotations: BTreeMap::new(),
    };
    for required in ["template_id", "link_id", "args"] {
        if !object.contains_key(required) {
            reading.fail(&[], format!("a link needs the member `{required}`"));
        }
    }
    for (name, value) in object {
        let at = [name.as_str()];
        match (name.as_str(), value) {
            ("link_id", Value::String(id)) if !id.is_empty() => link.id = id,
            ("template_id", Value::String(id)) if !id.is_empty() => link.template = id,
            ("args", Value::Object(slots)) => reading.slots(slots, &mut link),
            ("expires", Value::String(time)) => link.expires_ms = reading.expiry(&time),
            ("annotations", Value::Object(pairs)) => link.annotations = reading.annotations(pairs),
            ("expires" | "annotations", Value::Null) => {}
            ("link_id" | "template_id", _) => {
                reading.fail(&at, format!("`{name}` must be a string that is not empty"));
            }
            ("args" | "annotations", _) => {
                reading.fail(&at, format!("`{name}` must be an object of strings"));
            }
            ("expires", _) => reading.fail(&at, "`expires` must be a time in RFC 3339".to_owned()),
            _ => {
                reading.fail(&at, format!("a link has no member `{name}`"));
                reading.hint(spelling::hint(&name, "its members are", MEMBERS));
            }
        }
    }
    if reading.faults.is_empty() { Ok(link) } else { Err(reading.faults) }
}

/// Gathers what is wrong with one link's members.
struct Reading {
    faults: Vec<Fault>,
}

// === impl Reading ===

impl Reading {
    fn fail(&mut self, at: &[&str], message: String) {
        self.faults.push(Fault::at(Problem::error("link", message), at));
    }

    /// What to do about the last fault.
    fn hint(&mut self, hint: Option<String>) {
        if let Some(last) = self.faults.last_mut() {
            last.problem.hint = hint;
        }
    }

    fn slots(&mut self, slots: Map<String, Value>, link: &mut Link) {
        for (slot, value) in slots {
            let at = ["args", slot.as_str()];
            let Value::String(text) = value else {
                let message =
                    format!("`{slot}` must be a uid as text, such as `\"User::\\\"emma\\\"\"`");
                self.fail(&at, message);
                continue;
            };
            let entity = match entity(&text) {
                Ok(entity) => entity,
                Err(message) => {
                    self.fail(&at, message);
                    continue;
                }
            };
            match slot.as_str() {
                "?principal" => link.principal = Some(entity),
                "?resource" => link.resource = Some(entity),
                _ => {
                    let message =
                        format!("there is no slot `{slot}`, only `?principal` and `?resource`");
                    self.fail(&at, message);
                }
            }
        }
    }

    fn expiry(&mut self, text: &str) -> Option<i64> {
        if let Ok(time) = text.parse::<Timestamp>() {
            return Some(time.as_millisecond());
        }
        let message =
            format!("`expires` is `{text}`, which is not a time in RFC 3339 with its zone");
        self.fail(&["expires"], message);
        self.hint(Some("write it as `2027-01-31T18:00:00Z`".to_owned()));
        None
    }

    fn annotations(&mut self, pairs: Map<String, Value>) -> BTreeMap<String, String> {
        let mut annotations = BTreeMap::new();
        for (key, value) in pairs {
            if let Value::String(value) = value {
                annotations.insert(key, value);
            } else {
                let message = format!("the annotation `{key}` must be a string");
                self.fail(&["annotations", &key], message);
            }
        }
        annotations
    }
}

fn entity(text: &str) -> Result<EntityUid, String> {
    let parts = uid::parse(text)?;
    let type_name = parts.type_name.parse().map_err(|_| format!("`{text}` is not a uid"))?;
    Ok(uid::of(&type_name, &parts.id))
}
