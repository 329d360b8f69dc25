//! One check: a [`CheckRequest`] against one [`Snapshot`] gives a [`CheckResponse`].
//!
//! Cedar's authorizer decides. What is added stands here: requests are validated against the
//! schema first, properties sent with a request build entities only where the snapshot has none,
//! an erring `forbid` denies (unless configured otherwise), and every deny says why by a code.

use std::fmt;

use cedar_policy::{Authorizer, Context, Entities, Entity, EntityUid, Request};
use serde_json::{Map, Value};

use super::entities::null_in;
use super::explain::Explanation;
use super::policies::chain;
use super::schema::drop_undeclared;
use super::snapshot::Snapshot;

/// What a check asks.
#[derive(Debug, Clone)]
pub struct CheckRequest {
    /// Who asks.
    pub principal: EntityUid,
    /// What they want to do.
    pub action: EntityUid,
    /// To what.
    pub resource: EntityUid,
    /// The context, as JSON; must fit the action's context type.
    pub context: Map<String, Value>,
    /// What happens to context members that the schema does not declare.
    pub undeclared: Undeclared,
    /// Properties of the principal that came with the request, if any did.
    pub principal_properties: Option<Map<String, Value>>,
    /// Properties of the resource that came with the request, if any did.
    pub resource_properties: Option<Map<String, Value>>,
    /// The time of the check, in milliseconds since 1970; expired links do not decide.
    pub now_ms: i64,
    /// Whether the response carries an [`Explanation`].
    pub explain: bool,
}

/// What happens to context members that the schema does not declare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undeclared {
    /// The request is refused: the caller named something that no policy can read.
    Refuse,
    /// They are left out, as `AuthZEN` callers send what other policy engines may want.
    Drop,
}

/// How checks are evaluated, as the operator configured it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CheckOptions {
    /// What an erring `forbid` does.
    pub forbid_errors: ForbidErrors,
    /// When properties that came with a request are used.
    pub request_properties: RequestProperties,
}

/// What a `forbid` does whose condition errs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ForbidErrors {
    /// It denies: whether the request was forbidden is not known.
    #[default]
    Deny,
    /// It is skipped, which is Cedar's own rule.
    Skip,
}

/// When properties that came with a request are used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RequestProperties {
    /// Only for entities that the snapshot does not hold.
    #[default]
    UnknownEntities,
    /// Also for attributes that a stored entity lacks.
    Fill,
    /// They take precedence over stored attributes.
    Override,
    /// Never.
    Ignore,
}

/// Allow or deny; there is nothing third.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Decision {
    /// The request may go on.
    Allow,
    /// It may not.
    Deny,
}

/// Why a decision came out as it did, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Code {
    /// A permit was satisfied and no forbid.
    Allow,
    /// No permit was satisfied.
    NoPermit,
    /// A forbid was satisfied.
    Forbidden,
    /// A forbid could not be evaluated.
    ForbidError,
    /// Denied, and the snapshot does not hold the principal.
    UnknownPrincipal,
    /// Denied, and the snapshot does not hold the resource.
    UnknownResource,
    /// The request does not fit the schema.
    InvalidRequest,
    /// No snapshot is in force yet.
    NotReady,
    /// The revision asked for is not in force yet.
    NotYet,
    /// Too many requests are in flight.
    Overloaded,
}

/// What a check answers.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckResponse {
    /// Allow or deny.
    pub decision: Decision,
    /// Why.
    pub code: Code,
    /// The ids of the determining policies, sorted; a link's is its link id.
    pub reason: Vec<String>,
    /// Policies that could not be evaluated, sorted by id.
    pub errors: Vec<PolicyError>,
    /// Whether the snapshot holds the principal.
    pub principal_known: bool,
    /// Whether the snapshot holds the resource.
    pub resource_known: bool,
    /// Why, for people, where the request asked for it.
    pub explanation: Option<Explanation>,
}

/// A policy that could not be evaluated.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PolicyError {
    /// The policy's id.
    pub policy: String,
    /// What went wrong, as Cedar says it.
    pub message: String,
}

/// A request that does not fit the schema. It has no decision; whoever must answer with one
/// answers deny.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidRequest {
    /// One lower-case sentence, input in backticks.
    pub message: String,
    /// What to do about it, if that is known.
    pub hint: Option<String>,
}

// === impl Decision ===

impl Decision {
    /// `allow` or `deny`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

// === impl Code ===

impl Code {
    /// Every code, in the order of the variants.
    pub const ALL: [Self; 10] = [
        Self::Allow,
        Self::NoPermit,
        Self::Forbidden,
        Self::ForbidError,
        Self::UnknownPrincipal,
        Self::UnknownResource,
        Self::InvalidRequest,
        Self::NotReady,
        Self::NotYet,
        Self::Overloaded,
    ];

    /// The code as it goes over the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::NoPermit => "no_permit",
            Self::Forbidden => "forbidden",
            Self::ForbidError => "forbid_error",
            Self::UnknownPrincipal => "unknown_principal",
            Self::UnknownResource => "unknown_resource",
            Self::InvalidRequest => "invalid_request",
            Self::NotReady => "not_ready",
            Self::NotYet => "not_yet",
            Self::Overloaded => "overloaded",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

// === impl Snapshot ===

impl Snapshot {
    /// Decides one request.
    ///
    /// # Errors
    /// The request does not fit the schema: an action that does not apply to these types, a context
    /// of another shape, a property of the wrong type.
    pub fn check(
        &self,
        request: &CheckRequest,
        options: CheckOptions,
    ) -> Result<CheckResponse, InvalidRequest> {
        let cedar = self.cedar_request(request)?;
        let sent = self.sent_entities(request, options.request_properties)?;
        let with_sent;
        let entities = if sent.is_empty() {
            &self.entities
        } else {
            with_sent = self.with_entities(sent)?;
            &with_sent
        };
        let authorizer = Authorizer::new();
        let mut response = authorizer.is_authorized(&cedar, &self.set, entities);
        let expired: Vec<_> = self
            .expiring
            .iter()
            .filter(|(_, expires_ms)| **expires_ms <= request.now_ms)
            .map(|(id, _)| id)
            .collect();
        if !expired.is_empty() {
            let mut set = self.set.clone();
            for id in expired {
                // A link that is not there would be a fault of the snapshot; it decides nothing.
                let _ = set.unlink(id.clone());
            }
            response = authorizer.is_authorized(&cedar, &set, entities);
        }
        let known = |uid: &EntityUid| entities.get(uid).is_some();
        Ok(self.respond(request, options, &response, known(&request.principal), known(&request.resource)))
    }

    fn cedar_request(&self, request: &CheckRequest) -> Result<Request, InvalidRequest> {
        let mut members = request.context.clone();
        if request.undeclared == Undeclared::Drop
            && let Some(action) = self.schema.action(&request.action)
        {
            drop_undeclared(&mut members, &action.context);
        }
        if let Some(at) = null_in(&Value::Object(members.clone())) {
            return Err(InvalidRequest {
                message: format!("`context{at}` is null, which is not a value in Cedar"),
                hint: Some("leave the member out".to_owned()),
            });
        }
        let invalid = |error: &dyn std::error::Error| InvalidRequest { message: chain(error), hint: None };
        let schema = &self.schema.cedar;
        let context = Context::from_json_value(Value::Object(members), Some((schema, &request.action)))
            .map_err(|error| invalid(&error))?;
        let CheckRequest { principal, action, resource, .. } = request;
        Request::new(principal.clone(), action.clone(), resource.clone(), context, Some(schema))
            .map_err(|error| invalid(&error))
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
            let stored = self.entities.get(uid);
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
        stored: Option<&Entity>,
        mode: RequestProperties,
    ) -> Result<Entity, InvalidRequest> {
        let invalid = |message: String| InvalidRequest { message, hint: None };
        let mut properties = properties.clone();
        if let Some(entity_type) = self.schema.entity_type(&uid.type_name().to_string()) {
            drop_undeclared(&mut properties, &entity_type.attributes);
        }
        if let Some(at) = null_in(&Value::Object(properties.clone())) {
            return Err(invalid(format!("the properties of the {role} have null at `{at}`, which is not a value in Cedar")));
        }
        let mut json = match stored {
            Some(entity) => entity.to_json_value().map_err(|error| invalid(chain(&error)))?,
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
        Entity::from_json_value(json, Some(&self.schema.cedar))
            .map_err(|error| invalid(format!("the properties of the {role} do not fit its type: {}", chain(&error))))
    }

    fn with_entities(&self, sent: Vec<Entity>) -> Result<Entities, InvalidRequest> {
        self.entities
            .clone()
            .upsert_entities(sent, Some(&self.schema.cedar))
            .map_err(|error| InvalidRequest { message: chain(&error), hint: None })
    }

    fn respond(
        &self,
        request: &CheckRequest,
        options: CheckOptions,
        response: &cedar_policy::Response,
        principal_known: bool,
        resource_known: bool,
    ) -> CheckResponse {
        let diagnostics = response.diagnostics();
        let mut reason: Vec<String> = diagnostics.reason().map(ToString::to_string).collect();
        let mut errors = Vec::new();
        let mut erring_forbids = Vec::new();
        for error in diagnostics.errors() {
            let cedar_policy::AuthorizationError::PolicyEvaluationError(error) = error;
            if self.is_forbid(error.policy_id()) {
                erring_forbids.push(error.policy_id().to_string());
            }
            let (policy, message) = (error.policy_id().to_string(), chain(error.inner()));
            errors.push(PolicyError { policy, message });
        }
        reason.sort_unstable();
        errors.sort_unstable();
        erring_forbids.sort_unstable();
        let forbid_error = options.forbid_errors == ForbidErrors::Deny && !erring_forbids.is_empty();
        let cedar_allows = response.decision() == cedar_policy::Decision::Allow;
        let (decision, code) = match (cedar_allows, reason.is_empty()) {
            (true, _) if forbid_error => (Decision::Deny, Code::ForbidError),
            (true, _) => (Decision::Allow, Code::Allow),
            (false, false) => (Decision::Deny, Code::Forbidden),
            (false, true) if forbid_error => (Decision::Deny, Code::ForbidError),
            (false, true) => (Decision::Deny, Code::NoPermit),
        };
        if cedar_allows && decision == Decision::Deny {
            // The permits did not determine this answer.
            reason.clear();
        }
        let code = match code {
            Code::Allow => Code::Allow,
            _ if !principal_known => Code::UnknownPrincipal,
            _ if !resource_known => Code::UnknownResource,
            other => other,
        };
        let explanation = request.explain.then(|| {
            let policies = if code == Code::ForbidError { &erring_forbids } else { &reason };
            self.explain(request, code, policies)
        });
        CheckResponse { decision, code, reason, errors, principal_known, resource_known, explanation }
    }
}
