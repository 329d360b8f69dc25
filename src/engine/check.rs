//! One check: a [`CheckRequest`] against one [`Snapshot`] gives a [`CheckResponse`].
//!
//! Cedar's authorizer decides. What is added stands here: requests are validated against the
//! schema first, properties sent with a request build entities only where the snapshot has none,
//! an erring `forbid` denies (unless configured otherwise), and every deny says why by a code.

use std::fmt;

use cedar_policy::{Effect, EntityUid};
use serde_json::{Map, Value};

use super::duties::Duties;
use super::explain::{Basis, Explanation};
use super::request::Fitted;
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
    /// No route is for the request that a proxy asks about.
    UnmappedRoute,
    /// The request that a proxy asks about has no one meaning.
    AmbiguousPath,
    /// The proxy does not tell the request that it asks about, or tells two.
    ProxyMisconfigured,
    /// Nothing says who asks.
    NoCredential,
    /// What says who asks does not hold.
    InvalidCredential,
    /// The credential names another owner of its principal than the snapshot does.
    StaleToken,
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
    /// What the determining policies ask of the caller.
    pub duties: Duties,
    /// When the same question has the same answer, as far as links expire.
    pub valid: Validity,
}

/// A span of time between two moments at which links expire that a decision depends on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Validity {
    /// The first moment, in milliseconds since 1970; `None`: always before.
    pub from_ms: Option<i64>,
    /// The first moment after it; `None`: for ever.
    pub until_ms: Option<i64>,
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

/// What the policies that can concern a request say to it.
#[derive(Debug, Default)]
pub(super) struct Verdicts {
    pub(super) permits: Vec<String>,
    pub(super) forbids: Vec<String>,
    pub(super) errors: Vec<PolicyError>,
    pub(super) erring_forbids: Vec<String>,
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
    pub const ALL: [Self; 16] = [
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
        Self::UnmappedRoute,
        Self::AmbiguousPath,
        Self::ProxyMisconfigured,
        Self::NoCredential,
        Self::InvalidCredential,
        Self::StaleToken,
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
            Self::UnmappedRoute => "unmapped_route",
            Self::AmbiguousPath => "ambiguous_path",
            Self::ProxyMisconfigured => "proxy_misconfigured",
            Self::NoCredential => "no_credential",
            Self::InvalidCredential => "invalid_credential",
            Self::StaleToken => "stale_token",
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
        let fitted = self.fit(request, options.request_properties)?;
        Ok(self.decide(request, options, &fitted))
    }

    /// Decides a request that fits.
    pub(super) fn decide(
        &self,
        request: &CheckRequest,
        options: CheckOptions,
        fitted: &Fitted<'_>,
    ) -> CheckResponse {
        let candidates = self.candidates(request, fitted);
        let verdicts = self.evaluate(request, fitted, &candidates);
        let response = self.respond(request, options, fitted, verdicts);
        let duties = self.duties(&response);
        CheckResponse { duties, valid: candidates.valid, ..response }
    }

    /// Whether a request that fits is allowed: what `decide` says, without saying why.
    pub(super) fn allows(
        &self,
        request: &CheckRequest,
        options: CheckOptions,
        fitted: &Fitted<'_>,
    ) -> bool {
        let candidates = self.candidates(request, fitted);
        let verdicts = self.evaluate(request, fitted, &candidates);
        let forbid_error =
            options.forbid_errors == ForbidErrors::Deny && !verdicts.erring_forbids.is_empty();
        verdicts.forbids.is_empty() && !forbid_error && !verdicts.permits.is_empty()
    }

    fn respond(
        &self,
        request: &CheckRequest,
        options: CheckOptions,
        fitted: &Fitted<'_>,
        verdicts: Verdicts,
    ) -> CheckResponse {
        let Verdicts { permits, forbids, mut errors, mut erring_forbids } = verdicts;
        errors.sort_unstable();
        erring_forbids.sort_unstable();
        let forbid_error =
            options.forbid_errors == ForbidErrors::Deny && !erring_forbids.is_empty();
        let permitted = !permits.is_empty();
        let (decision, decided, mut reason) = match (forbids.is_empty(), permits.is_empty()) {
            (false, _) => (Decision::Deny, Code::Forbidden, forbids),
            // Whether it forbids is not known, so the permits do not determine the answer.
            (true, _) if forbid_error => (Decision::Deny, Code::ForbidError, Vec::new()),
            (true, false) => (Decision::Allow, Code::Allow, permits),
            (true, true) => (Decision::Deny, Code::NoPermit, Vec::new()),
        };
        reason.sort_unstable();
        let (principal_known, resource_known) = (fitted.principal.known, fitted.resource.known);
        let code = match decided {
            Code::Allow => Code::Allow,
            _ if !principal_known => Code::UnknownPrincipal,
            _ if !resource_known => Code::UnknownResource,
            other => other,
        };
        let explanation = request.explain.then(|| {
            let policies = if code == Code::ForbidError { &erring_forbids } else { &reason };
            let forbids = if decided == Code::Forbidden { reason.iter() } else { [].iter() };
            let erring = if forbid_error { erring_forbids.iter() } else { [].iter() };
            let forbids: Vec<String> = forbids.chain(erring).cloned().collect();
            let basis = Basis { code, policies, forbids: &forbids, permitted };
            self.explain(request, options, fitted, &basis)
        });
        if !errors.is_empty() {
            self.withhold(&mut errors);
        }
        CheckResponse {
            decision,
            code,
            reason,
            errors,
            principal_known,
            resource_known,
            explanation,
            duties: Duties::default(),
            valid: Validity::default(),
        }
    }
}

// === impl Validity ===

impl Validity {
    /// Whether a moment lies in it.
    pub fn holds_at(&self, now_ms: i64) -> bool {
        self.from_ms.is_none_or(|from| from <= now_ms)
            && self.until_ms.is_none_or(|until| now_ms < until)
    }

    /// Bounds it by the moment at which a link expires, and says whether it has.
    pub(super) fn expired(&mut self, expires_ms: Option<i64>, now_ms: i64) -> bool {
        let Some(at) = expires_ms else { return false };
        if at <= now_ms {
            self.from_ms = Some(self.from_ms.map_or(at, |from| from.max(at)));
            return true;
        }
        self.until_ms = Some(self.until_ms.map_or(at, |until| until.min(at)));
        false
    }
}

// === impl Verdicts ===

impl Verdicts {
    /// Notes what came out of a policy that goes by these ids.
    pub(super) fn note(&mut self, effect: Effect, ids: &[&str], satisfied: &Result<bool, String>) {
        let owned = || ids.iter().map(|id| (*id).to_owned());
        match (satisfied, effect) {
            (Ok(true), Effect::Permit) => self.permits.extend(owned()),
            (Ok(true), Effect::Forbid) => self.forbids.extend(owned()),
            (Ok(false), _) => {}
            (Err(message), _) => {
                let error = |policy| PolicyError { policy, message: message.clone() };
                self.errors.extend(owned().map(error));
                if effect == Effect::Forbid {
                    self.erring_forbids.extend(owned());
                }
            }
        }
    }
}
