//! Plain Cedar over the same texts that doorward loads: full `Entities`, a `PolicySet` with every
//! link, and `Authorizer::is_authorized`. What doorward is measured against, and held against.

use std::error::Error;

use cedar_policy::{
    Authorizer, Context, Decision, Entities, EntityId, EntityTypeName, EntityUid, PolicyId,
    PolicySet, Request, Schema, SlotId,
};
use serde_json::{Map, Value, json};

use crate::texts::Texts;
use crate::world::requests;

/// A world in Cedar's own terms.
pub(crate) struct Stock {
    pub(crate) schema: Schema,
    pub(crate) set: PolicySet,
    pub(crate) entities: Entities,
}

/// A decision, what determined it, and which policies erred; both sorted.
pub(crate) type Answer = (bool, Vec<String>, Vec<String>);

// === impl Stock ===

impl Stock {
    pub(crate) fn load(texts: &Texts) -> Result<Self, Box<dyn Error>> {
        let (schema, _) = Schema::from_cedarschema_str(&texts.schema)?;
        let set = policies(texts)?;
        let lines: Vec<&str> = texts.entities.lines().collect();
        let array = format!("[{}]", lines.join(","));
        let entities = Entities::from_json_str(&array, Some(&schema))?;
        Ok(Self { schema, set, entities })
    }

    /// A request of a world as Cedar takes it.
    pub(crate) fn request(&self, asked: &requests::Request) -> Result<Request, Box<dyn Error>> {
        let [principal, action, resource] = uids(asked)?;
        let members = Value::Object(context(asked));
        let context = Context::from_json_value(members, Some((&self.schema, &action)))?;
        Ok(Request::new(principal, action, resource, context, Some(&self.schema))?)
    }

    /// Whether a policy of an answer is a link.
    pub(crate) fn is_link(&self, id: &str) -> bool {
        self.set.policy(&PolicyId::new(id)).is_some_and(|policy| !policy.is_static())
    }

    pub(crate) fn answer(&self, asked: &requests::Request) -> Result<Answer, Box<dyn Error>> {
        let request = self.request(asked)?;
        let response = Authorizer::new().is_authorized(&request, &self.set, &self.entities);
        let diagnostics = response.diagnostics();
        let mut reason: Vec<String> = diagnostics.reason().map(ToString::to_string).collect();
        let errors = diagnostics.errors().map(|error| {
            let cedar_policy::AuthorizationError::PolicyEvaluationError(error) = error;
            error.policy_id().to_string()
        });
        let mut errors: Vec<String> = errors.collect();
        reason.sort_unstable();
        errors.sort_unstable();
        Ok((response.decision() == Decision::Allow, reason, errors))
    }
}

/// Static policies and templates under the ids of their annotations, and every link.
fn policies(texts: &Texts) -> Result<PolicySet, Box<dyn Error>> {
    let mut set = PolicySet::new();
    for (name, text) in &texts.policies {
        let parsed: PolicySet = text.parse()?;
        let id = |given: Option<&str>| given.map(PolicyId::new).ok_or(format!("no id in {name}"));
        for policy in parsed.policies() {
            set.add(policy.new_id(id(policy.annotation("id"))?))?;
        }
        for template in parsed.templates() {
            set.add_template(template.new_id(id(template.annotation("id"))?))?;
        }
    }
    let links: Vec<Map<String, Value>> = serde_json::from_str(&texts.links)?;
    for link in links {
        let args = link.get("args").ok_or("a link without slots")?;
        let slot = |name: &str| -> Result<EntityUid, Box<dyn Error>> {
            Ok(args.get(name).and_then(Value::as_str).ok_or("an empty slot")?.parse()?)
        };
        let id = |name: &str| link.get(name).and_then(Value::as_str).map(PolicyId::new);
        let slots =
            [(SlotId::principal(), slot("?principal")?), (SlotId::resource(), slot("?resource")?)];
        let (template, id) = (id("template_id"), id("link_id"));
        set.link(template.ok_or("no template")?, id.ok_or("no link id")?, slots.into())?;
    }
    Ok(set)
}

/// Principal, action and resource.
pub(crate) fn uids(asked: &requests::Request) -> Result<[EntityUid; 3], Box<dyn Error>> {
    let uid = |ty: &str, id: &str| -> Result<EntityUid, Box<dyn Error>> {
        let name: EntityTypeName = ty.parse()?;
        Ok(EntityUid::from_type_name_and_id(name, EntityId::new(id)))
    };
    let (principal, resource) = (&asked.principal, &asked.resource);
    Ok([
        uid(principal.0, &principal.1)?,
        uid("Action", asked.action)?,
        uid(resource.0, &resource.1)?,
    ])
}

/// The context, as every interface takes it.
pub(crate) fn context(asked: &requests::Request) -> Map<String, Value> {
    let target = asked.target.iter();
    target.map(|id| ("target".to_owned(), json!({"type": "Owner", "id": id}))).collect()
}
