//! A verdict as a proxy understands it: allow is exactly 200 without a body, whatever else is a
//! deny. The headers of ours are always there, empty if there is nothing to say: a proxy that
//! copies them would else leave the client's own in their place.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use uuid::Uuid;

use super::Dialect;
use crate::engine::Code;

pub(super) const PRINCIPAL: HeaderName = HeaderName::from_static("x-doorward-principal");
pub(super) const DECISION_ID: HeaderName = HeaderName::from_static("x-doorward-decision-id");
pub(super) const REVISION: HeaderName = HeaderName::from_static("x-doorward-revision");
pub(super) const REASON: HeaderName = HeaderName::from_static("x-doorward-reason");

/// The reason of a fault of ours. It is not among the codes of decisions.
const INTERNAL: &str = "internal";

/// The longest text of a principal in an answer, in bytes: some proxies have 4 KiB for a head.
const PRINCIPAL_BYTES_MAX: usize = 2048;

/// What became of a proxy's question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What the proxy is to do.
    pub outcome: Outcome,
    /// The principal as Cedar writes it; empty if nobody was identified.
    pub principal: String,
    /// The id of the decision, if there was one.
    pub decision_id: Option<Uuid>,
    /// The revision that decided, if one did.
    pub revision: Option<u64>,
}

/// What a proxy is to do, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The request may go on.
    Allow,
    /// It may not.
    Deny(Code),
    /// It may not, because this service failed.
    Fault,
}

// === impl Verdict ===

impl Verdict {
    /// A deny before anybody was identified.
    pub fn deny(code: Code) -> Self {
        Self::nobody(Outcome::Deny(code))
    }

    /// A deny because this service failed.
    pub fn fault() -> Self {
        Self::nobody(Outcome::Fault)
    }

    /// A verdict on nobody in particular.
    pub(super) fn nobody(outcome: Outcome) -> Self {
        Self { outcome, principal: String::new(), decision_id: None, revision: None }
    }

    /// The status and our headers. A principal that a header cannot carry is allowed nothing.
    pub(super) fn facts(
        &self,
        dialect: Dialect,
    ) -> (StatusCode, Outcome, Vec<(HeaderName, HeaderValue)>) {
        let principal = HeaderValue::from_str(&self.principal)
            .or_else(|_| HeaderValue::from_bytes(self.principal.as_bytes()))
            .ok()
            .filter(|_| self.principal.len() <= PRINCIPAL_BYTES_MAX);
        let outcome = match (self.outcome, &principal) {
            (Outcome::Allow, None) => Outcome::Fault,
            (outcome, _) => outcome,
        };
        let id = self.decision_id.map(|id| id.to_string()).unwrap_or_default();
        let revision = self.revision.map(|revision| revision.to_string()).unwrap_or_default();
        let text = |text: &str| HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""));
        let mut headers = vec![
            (PRINCIPAL, principal.unwrap_or(HeaderValue::from_static(""))),
            (DECISION_ID, text(&id)),
            (REVISION, text(&revision)),
            (REASON, HeaderValue::from_static(outcome.reason())),
        ];
        let status = outcome.status(dialect);
        if let (StatusCode::UNAUTHORIZED, Outcome::Deny(code)) = (status, outcome) {
            headers.push((WWW_AUTHENTICATE, HeaderValue::from_static(challenge(code))));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.push((RETRY_AFTER, HeaderValue::from_static("1")));
        }
        (status, outcome, headers)
    }

    /// The answer over HTTP.
    pub(super) fn response(&self, dialect: Dialect) -> Response<Body> {
        let (status, _, headers) = self.facts(dialect);
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status;
        response.headers_mut().extend(headers);
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

// === impl Outcome ===

impl Outcome {
    /// The reason, which goes to the client too.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Allow => Code::Allow.as_str(),
            Self::Deny(code) => code.as_str(),
            Self::Fault => INTERNAL,
        }
    }

    /// nginx takes 401 and 403 for a deny and all else for a fault.
    fn status(self, dialect: Dialect) -> StatusCode {
        match self {
            Self::Allow => StatusCode::OK,
            Self::Deny(Code::NoCredential | Code::InvalidCredential | Code::StaleToken) => {
                StatusCode::UNAUTHORIZED
            }
            _ if dialect == Dialect::AuthRequest => StatusCode::FORBIDDEN,
            Self::Deny(Code::ProxyMisconfigured) => StatusCode::BAD_REQUEST,
            Self::Deny(Code::NotReady | Code::Overloaded) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Deny(_) => StatusCode::FORBIDDEN,
            Self::Fault => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

fn challenge(code: Code) -> &'static str {
    match code {
        Code::NoCredential => "Bearer realm=\"doorward\"",
        _ => "Bearer realm=\"doorward\", error=\"invalid_token\"",
    }
}
