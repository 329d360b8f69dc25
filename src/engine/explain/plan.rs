//! A plan: steps in the data that together might allow a request, and the same as a change that can
//! be applied.

use std::collections::BTreeMap;

use cedar_policy::EntityUid;
use serde_json::{Map, Value, json};

use crate::engine::bundle::Text;
use crate::engine::schema::has_secrets;
use crate::engine::snapshot::Snapshot;
use crate::engine::store::Change;

/// An entity whose JSON is longer, in bytes, is not written out.
const ENTITY_BYTES_MAX: usize = 64 * 1024;
/// The most bytes of a new link's id.
const LINK_ID_BYTES_MAX: usize = 200;

/// One step.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// A link of a template.
    Link { template: String, principal: Option<EntityUid>, resource: Option<EntityUid> },
    /// A link is taken out.
    Unlink { id: String },
    /// An entity gets a parent.
    Join { entity: EntityUid, parent: EntityUid },
    /// It loses one.
    Leave { entity: EntityUid, parent: EntityUid },
    /// An attribute gets a value, in JSON and as Cedar writes it.
    Set { entity: EntityUid, attribute: String, value: Value, told: String },
    /// It is taken away.
    Clear { entity: EntityUid, attribute: String },
}

/// Steps that are taken together.
pub(super) type Plan = Vec<Step>;

// === impl Step ===

impl Step {
    /// What people would rather do: to share and to group come before facts about an entity, and to
    /// take something away comes last.
    fn weight(&self) -> usize {
        match self {
            Self::Link { .. } => 0,
            Self::Join { .. } => 1,
            Self::Set { value: Value::Bool(_), .. } => 2,
            Self::Set { .. } => 4,
            Self::Clear { .. } | Self::Leave { .. } => 6,
            Self::Unlink { .. } => 7,
        }
    }

    fn entity(&self) -> Option<&EntityUid> {
        match self {
            Self::Link { .. } | Self::Unlink { .. } => None,
            Self::Join { entity, .. }
            | Self::Leave { entity, .. }
            | Self::Set { entity, .. }
            | Self::Clear { entity, .. } => Some(entity),
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Link { template, principal, resource } => {
                let slot = |word: &str, filled: &Option<EntityUid>| {
                    filled.as_ref().map(|uid| format!(" {word} {uid}")).unwrap_or_default()
                };
                let (principal, resource) = (slot("for", principal), slot("on", resource));
                format!("link `{template}`{principal}{resource}")
            }
            Self::Unlink { id } => format!("take out the link `{id}`"),
            Self::Join { entity, parent } => format!("put {entity} into {parent}"),
            Self::Leave { entity, parent } => format!("take {entity} out of {parent}"),
            Self::Set { entity, attribute, told, .. } => {
                format!("set `{attribute}` of {entity} to {told}")
            }
            Self::Clear { entity, attribute } => format!("take `{attribute}` from {entity}"),
        }
    }
}

/// How many entities and links a plan changes, and then how welcome its steps are.
pub(super) fn cost(plan: &Plan) -> (usize, usize) {
    let mut entities: Vec<&EntityUid> = plan.iter().filter_map(Step::entity).collect();
    entities.sort_unstable();
    entities.dedup();
    let links = plan.iter().filter(|step| step.entity().is_none()).count();
    (entities.len() + links, plan.iter().map(Step::weight).sum())
}

/// What a plan does, in words.
pub(super) fn words(plan: &Plan) -> String {
    let steps: Vec<String> = plan.iter().map(Step::words).collect();
    match steps.split_last() {
        Some((last, before)) if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        _ => steps.join(", "),
    }
}

/// The body of `PATCH /v1/entities` that says what a change does.
pub(super) fn body(change: &Change) -> Value {
    let list = |text: &Option<Text>| {
        text.as_ref().and_then(|text| serde_json::from_str::<Value>(&text.text).ok())
    };
    let mut body = Map::new();
    if !change.unlink.is_empty() {
        body.insert("unlink".to_owned(), json!(change.unlink));
    }
    body.extend(list(&change.upsert).map(|list| ("upsert".to_owned(), list)));
    body.extend(list(&change.link).map(|list| ("link".to_owned(), list)));
    Value::Object(body)
}

// === impl Snapshot ===

impl Snapshot {
    /// A plan as a change; `None` where it changes nothing, or needs an entity written out that is
    /// not there, is too long, or has secrets.
    pub(super) fn change_of(&self, plan: &Plan) -> Option<Change> {
        let mut change = Change::default();
        let mut links: Vec<Value> = Vec::new();
        let mut entities: BTreeMap<&EntityUid, Value> = BTreeMap::new();
        for step in plan {
            match step {
                Step::Link { template, principal, resource } => {
                    links.push(self.link_json(template, principal.as_ref(), resource.as_ref()));
                }
                Step::Unlink { id } => change.unlink.push(id.clone()),
                Step::Join { entity, .. }
                | Step::Leave { entity, .. }
                | Step::Set { entity, .. }
                | Step::Clear { entity, .. } => {
                    if !entities.contains_key(entity) {
                        entities.insert(entity, self.written_out(entity)?);
                    }
                    edit(entities.get_mut(entity)?, step)?;
                }
            }
        }
        let text = |name: &str, list: Vec<Value>| {
            (!list.is_empty()).then(|| Text::new(name, Value::from(list).to_string()))
        };
        change.upsert = text("upsert", entities.into_values().collect());
        change.link = text("link", links);
        (!change.is_empty()).then_some(change)
    }

    fn written_out(&self, entity: &EntityUid) -> Option<Value> {
        let info = self.rules.schema.entity_type_of(entity)?;
        let tags = info.tags.as_ref().is_some_and(crate::engine::schema::Type::has_secrets);
        if has_secrets(&info.attributes) || tags {
            return None;
        }
        let json = self.store.entity_json(self.number_of(entity)?)?;
        (json.to_string().len() <= ENTITY_BYTES_MAX).then_some(json)
    }

    fn link_json(
        &self,
        template: &str,
        principal: Option<&EntityUid>,
        resource: Option<&EntityUid>,
    ) -> Value {
        let mut args = Map::new();
        for (slot, filled) in [("?principal", principal), ("?resource", resource)] {
            args.extend(filled.map(|uid| (slot.to_owned(), uid.to_string().into())));
        }
        let filled = [principal, resource].into_iter().flatten();
        let names: Vec<&str> = filled.map(|uid| uid.id().unescaped()).collect();
        json!({
            "template_id": template,
            "link_id": self.new_link_id(&format!("{template}: {}", names.join(" on "))),
            "args": args,
        })
    }

    /// An id that no link and no policy has.
    fn new_link_id(&self, wish: &str) -> String {
        let wish: String = wish
            .chars()
            .map(|it| if it.is_control() { ' ' } else { it })
            .scan(0, |bytes, it| {
                *bytes += it.len_utf8();
                (*bytes <= LINK_ID_BYTES_MAX).then_some(it)
            })
            .collect();
        let is_free = |id: &String| self.policy(id).is_none();
        let numbered = (2_u32..).map(|number| format!("{wish} ({number})"));
        std::iter::once(wish.clone()).chain(numbered).find(is_free).unwrap_or_default()
    }
}

/// Makes an entity's JSON say what a step asks; `None` where it does so already.
fn edit(entity: &mut Value, step: &Step) -> Option<()> {
    let uid =
        |uid: &EntityUid| json!({"type": uid.type_name().to_string(), "id": uid.id().unescaped()});
    match step {
        Step::Join { parent, .. } => {
            let (parents, parent) = (entity.get_mut("parents")?.as_array_mut()?, uid(parent));
            if parents.contains(&parent) {
                return None;
            }
            parents.push(parent);
        }
        Step::Leave { parent, .. } => {
            let (parents, parent) = (entity.get_mut("parents")?.as_array_mut()?, uid(parent));
            parents.retain(|other| *other != parent);
        }
        Step::Set { attribute, value, .. } => {
            let attributes = entity.get_mut("attrs")?.as_object_mut()?;
            attributes.insert(attribute.clone(), value.clone());
        }
        Step::Clear { attribute, .. } => {
            entity.get_mut("attrs")?.as_object_mut()?.remove(attribute)?;
        }
        Step::Link { .. } | Step::Unlink { .. } => {}
    }
    Some(())
}
