//! The oracle: plain Cedar, as its documentation says to use it. Full `Entities`, a `PolicySet` with
//! every link, a validated `Request`, and `Authorizer::is_authorized`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::error::Error;

use cedar_policy::{
    AuthorizationError, Authorizer, Context, Decision, Effect, Entities, Entity, EntityId,
    EntityTypeName, EntityUid, Policy, PolicyId, PolicySet, Request, Schema, SlotId, Template,
    ValidationMode, Validator,
};
use serde_json::{Map, Value as Json, json};

use crate::dice::Dice;
use crate::model::{self, Field, Members, Properties, Question, Ty, Uid, Value, World};
use crate::text;

/// What Cedar answers to a request that is valid.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) allow: bool,
    pub(crate) reason: BTreeSet<String>,
    /// Messages by policy.
    pub(crate) errors: BTreeMap<String, String>,
    /// Whether Cedar's entities hold the principal and the resource, sent ones included.
    pub(crate) known: [bool; 2],
}

/// A world, loaded.
pub(crate) struct Plain {
    schema: Schema,
    set: PolicySet,
    /// The links that expire, with the seconds at which they do.
    expiring: Vec<(PolicyId, i64)>,
    entities: Entities,
}

pub(crate) fn schema(schema: &model::Schema) -> Result<Schema, String> {
    let parsed = Schema::from_cedarschema_str(&text::schema(schema));
    parsed.map(|(schema, _)| schema).map_err(|error| chain(&error))
}

/// Whether a policy passes strict validation; those that do not are no cases.
pub(crate) fn accepts(schema: &Schema, policy: &model::Policy) -> bool {
    let mut set = PolicySet::new();
    add(&mut set, policy).is_ok()
        && Validator::new(schema.clone()).validate(&set, ValidationMode::Strict).validation_passed()
}

fn add(set: &mut PolicySet, policy: &model::Policy) -> Result<(), String> {
    let (id, source) = (PolicyId::new(&policy.id), text::policy(policy));
    let added = if policy.is_template() {
        let template = Template::parse(Some(id), source).map_err(|error| chain(&error))?;
        set.add_template(template)
    } else {
        let policy = Policy::parse(Some(id), source).map_err(|error| chain(&error))?;
        set.add(policy)
    };
    added.map_err(|error| chain(&error))
}

pub(crate) fn uid(uid: &Uid) -> EntityUid {
    let name: EntityTypeName = uid.ty.parse().unwrap();
    EntityUid::from_type_name_and_id(name, EntityId::new(&uid.id))
}

/// An error and its causes as one sentence, as doorward tells them.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut sentence = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !sentence.contains(&text) {
            sentence.push_str(": ");
            sentence.push_str(&text);
        }
        source = cause.source();
    }
    sentence
}

// === impl Plain ===

impl Plain {
    pub(crate) fn load(world: &World) -> Result<Self, String> {
        let schema = schema(&world.schema)?;
        let mut set = PolicySet::new();
        for policy in &world.policies {
            add(&mut set, policy)?;
        }
        let result = Validator::new(schema.clone()).validate(&set, ValidationMode::Strict);
        if !result.validation_passed() {
            return Err(result.to_string());
        }
        let mut expiring = Vec::new();
        for link in &world.links {
            let mut slots = HashMap::new();
            slots.extend(link.principal.iter().map(|named| (SlotId::principal(), uid(named))));
            slots.extend(link.resource.iter().map(|named| (SlotId::resource(), uid(named))));
            let id = PolicyId::new(&link.id);
            set.link(PolicyId::new(&link.template), id.clone(), slots)
                .map_err(|error| chain(&error))?;
            expiring.extend(link.expires_s.map(|expires_s| (id, expires_s)));
        }
        let mut forms = Dice::new(world.forms);
        let all = world.entities.iter().map(|entity| text::entity(entity, &mut forms)).collect();
        let entities =
            Entities::from_json_value(all, Some(&schema)).map_err(|error| chain(&error))?;
        Ok(Self { schema, set, expiring, entities })
    }

    /// Cedar's answer; `None` where Cedar calls the request invalid.
    pub(crate) fn answer(&self, world: &World, question: &Question) -> Option<Answer> {
        let request = self.request(question)?;
        let sent = self.sent(world, question)?;
        let with_sent;
        let entities = if sent.is_empty() {
            &self.entities
        } else {
            with_sent = self.entities.clone().upsert_entities(sent, Some(&self.schema)).ok()?;
            &with_sent
        };
        let mut policies = self.set.clone();
        for (id, expires_s) in &self.expiring {
            if *expires_s <= question.now_s {
                policies.unlink(id.clone()).unwrap();
            }
        }
        let response = Authorizer::new().is_authorized(&request, &policies, entities);
        let errors = response.diagnostics().errors().map(|error| {
            let AuthorizationError::PolicyEvaluationError(error) = error;
            (written(error.policy_id()), chain(error.inner()))
        });
        let known = |named: &Uid| entities.get(&uid(named)).is_some();
        Some(Answer {
            allow: response.decision() == Decision::Allow,
            reason: response.diagnostics().reason().map(written).collect(),
            errors: errors.collect(),
            known: [known(&question.principal), known(&question.resource)],
        })
    }

    fn request(&self, question: &Question) -> Option<Request> {
        let action = uid(&question.action);
        let context = Json::Object(context(question, !question.drops_undeclared));
        let context = Context::from_json_value(context, Some((&self.schema, &action))).ok()?;
        let (principal, resource) = (uid(&question.principal), uid(&question.resource));
        Request::new(principal, action, resource, context, Some(&self.schema)).ok()
    }

    /// The entities that properties sent with the request stand for; `None` where they do not fit.
    fn sent(&self, world: &World, question: &Question) -> Option<Vec<Entity>> {
        let sides = [
            (&question.principal, &question.principal_properties),
            (&question.resource, &question.resource_properties),
        ];
        let mut sent: Vec<Entity> = Vec::new();
        for (named, properties) in sides {
            let Some(properties) = properties else { continue };
            let stored = world.entities.iter().find(|entity| entity.uid == *named);
            let used = match question.properties {
                Properties::Ignore => false,
                Properties::UnknownEntities => stored.is_none(),
                Properties::Fill | Properties::Override => true,
            };
            if !used || sent.iter().any(|entity| entity.uid() == uid(named)) {
                continue;
            }
            let mut merged = stored.cloned().unwrap_or_else(|| model::Entity {
                uid: named.clone(),
                attributes: Members::new(),
                tags: Members::new(),
                parents: Vec::new(),
            });
            let fields = world.schema.entity_type(&named.ty).map(|ty| &ty.fields);
            for (name, value) in declared(properties, fields?) {
                let there = merged.attributes.iter_mut().find(|(there, _)| *there == name);
                match there {
                    Some(there) if question.properties == Properties::Override => {
                        there.1 = value;
                    }
                    Some(_) => {}
                    None => merged.attributes.push((name, value)),
                }
            }
            let json = text::entity(&merged, &mut Dice::new(0));
            sent.push(Entity::from_json_value(json, Some(&self.schema)).ok()?);
        }
        Some(sent)
    }

    /// Whether a policy is a permit that need not be evaluated for this request.
    pub(crate) fn is_needless_permit(&self, id: &str, question: &Question) -> bool {
        !self.is_forbid(id) && self.is_needless(id, question)
    }

    /// Whether strict validation knows that a policy is unsatisfiable for requests of these types
    /// and this action.
    pub(crate) fn is_needless(&self, id: &str, question: &Question) -> bool {
        let Some(policy) = self.set.policy(&PolicyId::new(id)) else { return false };
        let (principal, resource) = (uid(&question.principal), uid(&question.resource));
        let mut environments = policy.get_valid_request_envs(&self.schema);
        !environments.any(|environment| {
            environment.principal() == principal.type_name()
                && environment.resource() == resource.type_name()
                && *environment.action() == uid(&question.action)
        })
    }

    /// Whether no policy dereferences entities more often in a row than this.
    pub(crate) fn is_of_level(&self, level: u32) -> bool {
        let validator = Validator::new(self.schema.clone());
        let mode = ValidationMode::Strict;
        validator.validate_with_level(&self.set, mode, level).validation_passed()
    }

    pub(crate) fn is_forbid(&self, id: &str) -> bool {
        let policy = self.set.policy(&PolicyId::new(id));
        policy.is_some_and(|policy| policy.effect() == Effect::Forbid)
    }
}

/// An id as its author wrote it; `Display` would escape it.
fn written(id: &PolicyId) -> String {
    AsRef::<str>::as_ref(id).to_owned()
}

/// Members that a record declares, at every depth; doorward drops others from sent properties.
fn declared(members: &Members, fields: &[Field]) -> Members {
    let kept = members.iter().filter_map(|(name, value)| {
        let field = fields.iter().find(|field| field.name == *name)?;
        Some((name.clone(), declared_value(value, &field.ty)))
    });
    kept.collect()
}

fn declared_value(value: &Value, ty: &Ty) -> Value {
    match (value, ty) {
        (Value::Record(members), Ty::Record(fields)) => Value::Record(declared(members, fields)),
        (Value::Set(items), Ty::Set(element)) => {
            Value::Set(items.iter().map(|item| declared_value(item, element)).collect())
        }
        _ => value.clone(),
    }
}

/// The context of a question as JSON.
pub(crate) fn context(question: &Question, with_extra: bool) -> Map<String, Json> {
    let mut context = text::members(&question.context, &mut Dice::new(1));
    if with_extra {
        context.extend(question.extra.iter().cloned());
    }
    context
}

/// The JSON text of all entities, one form chosen by the world's dice.
pub(crate) fn entities_json(world: &World) -> Vec<Json> {
    let mut forms = Dice::new(world.forms);
    world.entities.iter().map(|entity| text::entity(entity, &mut forms)).collect()
}

/// A whole world as JSON and Cedar text, for people who look into a failure.
pub(crate) fn links_json(world: &World) -> Json {
    json!(world.links.iter().map(text::link).collect::<Vec<_>>())
}
