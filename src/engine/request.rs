//! A request, fitted to a snapshot: its action applies to its types, its context and what was sent
//! of its entities have the declared shapes, and principal and resource are found in the store.

use cedar_policy::{Context, Entity, EntityUid, Request};
use serde_json::{Map, Value};

use super::check::{CheckRequest, InvalidRequest, RequestProperties, Undeclared};
use super::entities::null_in;
use super::index::Environment;
use super::policies::chain;
use super::schema::drop_undeclared;
use super::snapshot::Snapshot;
use super::store::EntityNo;

/// A request that fits the schema.
#[derive(Debug)]
pub(super) struct Fitted<'a> {
    pub(super) environment: &'a Environment,
    pub(super) principal: Standing,
    pub(super) resource: Standing,
    /// `None` for the empty context.
    pub(super) context: Option<Context>,
    /// Entities that properties of the request stand for.
    pub(super) sent: Vec<Entity>,
}

/// Where an entity of the request stands.
#[derive(Debug, Default, Clone)]
pub(super) struct Standing {
    /// Whether the snapshot holds it, or properties were sent for it.
    pub(super) known: bool,
    /// Whether the snapshot holds it.
    pub(super) stored: bool,
    /// Itself, if anything names it, and its ancestors.
    pub(super) line: Vec<EntityNo>,
}

impl Standing {
    /// The number of the stored entity.
    pub(super) fn number(&self) -> Option<EntityNo> {
        self.line.first().copied().filter(|_| self.stored)
    }
}

impl Snapshot {
    /// Fits a request to this snapshot.
    pub(super) fn fit(
        &self,
        request: &CheckRequest,
        mode: RequestProperties,
    ) -> Result<Fitted<'_>, InvalidRequest> {
        let CheckRequest { principal, action, resource, .. } = request;
        let Some(environment) = self.rules.index.environment(principal, action, resource) else {
            return Err(self.refusal(request));
        };
        let context = self.context(request)?;
        if context.is_some() || self.is_enumerated(principal) || self.is_enumerated(resource) {
            self.cedar_request(request, context.clone())?;
        }
        let sent = self.sent_entities(request, mode)?;
        let standing = |uid: &EntityUid| {
            let mut standing = self.standing(uid);
            standing.known = standing.stored || sent.iter().any(|entity| entity.uid() == *uid);
            standing
        };
        let (principal, resource) = (standing(principal), standing(resource));
        Ok(Fitted { environment, principal, resource, context, sent })
    }

    /// Where an entity stands that no properties were sent for.
    pub(super) fn standing(&self, uid: &EntityUid) -> Standing {
        self.number_of(uid).map_or_else(Standing::default, |number| self.standing_of(number))
    }

    /// The same of an entity whose number is known.
    pub(super) fn standing_of(&self, number: EntityNo) -> Standing {
        let mut line = Vec::with_capacity(8);
        line.push(number);
        let stored = self.store.is_stored(number);
        if stored {
            self.store.ancestors_into(number, &mut line);
        }
        Standing { known: stored, stored, line }
    }

    fn is_enumerated(&self, uid: &EntityUid) -> bool {
        let entity_type = self.rules.schema.entity_type_of(uid);
        entity_type.is_some_and(|entity_type| entity_type.enumerated.is_some())
    }

    /// Why a request does not fit, in Cedar's words.
    fn refusal(&self, request: &CheckRequest) -> InvalidRequest {
        match self.cedar_request(request, None) {
            Err(invalid) => invalid,
            // Cedar sees nothing wrong where the index has no environment: say at least this much.
            Ok(()) => InvalidRequest {
                message: format!(
                    "`{}` does not apply to `{}` and `{}`",
                    request.action,
                    request.principal.type_name(),
                    request.resource.type_name()
                ),
                hint: None,
            },
        }
    }

    fn cedar_request(
        &self,
        request: &CheckRequest,
        context: Option<Context>,
    ) -> Result<(), InvalidRequest> {
        let CheckRequest { principal, action, resource, .. } = request;
        let context = context.unwrap_or_else(Context::empty);
        let schema = Some(&self.rules.schema.cedar);
        Request::new(principal.clone(), action.clone(), resource.clone(), context, schema)
            .map(|_| ())
            .map_err(|error| InvalidRequest { message: chain(&error), hint: None })
    }

    pub(super) fn context(
        &self,
        request: &CheckRequest,
    ) -> Result<Option<Context>, InvalidRequest> {
        let declared = self.rules.schema.action(&request.action).map(|action| &action.context);
        let required = declared.is_some_and(|members| members.values().any(|it| it.required));
        if request.context.is_empty() && !required {
            return Ok(None);
        }
        let mut members = request.context.clone();
        if let (Undeclared::Drop, Some(declared)) = (request.undeclared, declared) {
            drop_undeclared(&mut members, declared);
        }
        let members = Value::Object(members);
        if let Some((at, _)) = null_in(&members) {
            return Err(InvalidRequest {
                message: format!("`context{at}` is null, which is not a value in Cedar"),
                hint: Some("leave the member out".to_owned()),
            });
        }
        Context::from_json_value(members, Some((&self.rules.schema.cedar, &request.action)))
            .map(Some)
            .map_err(|error| InvalidRequest { message: chain(&error), hint: None })
    }

    /// The entities that properties of the request stand for.
    fn sent_entities(
        &self,
        request: &CheckRequest,
        mode: RequestProperties,
    ) -> Result<Vec<Entity>, InvalidRequest> {
        let sent = [
            ("subject", &request.principal, &request.principal_properties),
            ("resource", &request.resource, &request.resource_properties),
        ];
        let mut entities: Vec<Entity> = Vec::new();
        for (role, uid, properties) in sent {
            let Some(properties) = properties else { continue };
            let stored = self.number_of(uid).filter(|number| self.store.is_stored(*number));
            let unused = match mode {
                RequestProperties::Ignore => true,
                RequestProperties::UnknownEntities => stored.is_some(),
                RequestProperties::Fill | RequestProperties::Override => false,
            };
            if unused || entities.iter().any(|entity| entity.uid() == *uid) {
                continue;
            }
            entities.push(self.sent_entity(role, uid, properties, stored, mode)?);
        }
        Ok(entities)
    }

    fn sent_entity(
        &self,
        role: &str,
        uid: &EntityUid,
        properties: &Map<String, Value>,
        stored: Option<EntityNo>,
        mode: RequestProperties,
    ) -> Result<Entity, InvalidRequest> {
        let invalid = |message: String| InvalidRequest { message, hint: None };
        let mut properties = properties.clone();
        if let Some(entity_type) = self.rules.schema.entity_type_of(uid) {
            drop_undeclared(&mut properties, &entity_type.attributes);
        }
        if let Some((at, _)) = null_in(&Value::Object(properties.clone())) {
            let message = format!(
                "the properties of the {role} have null at `{at}`, which is not a value in Cedar"
            );
            return Err(invalid(message));
        }
        let mut json = match stored {
            Some(number) => self.store.entity_json(number).unwrap_or_default(),
            None => serde_json::json!({
                "uid": {"type": uid.type_name().to_string(), "id": uid.id().unescaped()},
                "attrs": {},
                "parents": [],
            }),
        };
        if let Some(Value::Object(attributes)) = json.get_mut("attrs") {
            for (name, value) in properties {
                if mode == RequestProperties::Override || !attributes.contains_key(&name) {
                    attributes.insert(name, value);
                }
            }
        }
        Entity::from_json_value(json, Some(&self.rules.schema.cedar)).map_err(|error| {
            invalid(format!("the properties of the {role} do not fit its type: {}", chain(&error)))
        })
    }
}
