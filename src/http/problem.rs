//! The only place where an error becomes a status: [`Kind`] names every way in which a request can
//! fail, and [`Problem`] is its answer, RFC 9457 `application/problem+json`. Nothing inner is in
//! it: what it says comes from the request, from the bundle that the request uploads, or from here.

mod conversions;

use std::borrow::Cow;

use axum::body::Body;
use axum::http::header::{ALLOW, CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::engine::{self, Code};

/// How long a client is asked to wait before it tries again, in seconds.
const RETRY_AFTER_SECONDS: u16 = 1;
/// The most characters of a request's own text that a detail quotes.
const QUOTED_CHARS_MAX: usize = 100;

/// What is wrong with a request, or with answering it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The body is not JSON as this service reads it.
    InvalidJson,
    /// A member that must be there is not.
    MissingMember,
    /// A member that is not known.
    UnknownMember,
    /// A member that is not of its type.
    InvalidMember,
    /// The body broke off.
    BrokenBody,
    /// No host, or several.
    InvalidHost,
    /// A header that does not say anything that can be followed.
    InvalidHeader,
    /// `AuthZEN`: the body is not declared to be JSON.
    NotDeclaredJson,
    /// No credential came with the request.
    NoCredential,
    /// A credential came, and is not valid.
    InvalidCredential,
    /// The credential is valid and does not suffice.
    InsufficientRole,
    /// The host is not a name of this service.
    ForeignHost,
    /// A page of another origin sent the request.
    ForeignOrigin,
    /// Nothing is there.
    NotFound,
    /// Something is there, but not for this method.
    MethodNotAllowed,
    /// The body did not arrive in time.
    BodyTimeout,
    /// The revision asked for is not in force yet.
    NotYet,
    /// Another source owns a part.
    OwnedElsewhere,
    /// Nothing is kept on disk, so nothing is taken.
    Ephemeral,
    /// The revision in force is not the one that the request builds on.
    RevisionMismatch,
    /// The body is too large.
    BodyTooLarge,
    /// The batch has too many items.
    TooManyItems,
    /// The body is not declared to be JSON.
    UnsupportedMediaType,
    /// The body is compressed.
    UnsupportedEncoding,
    /// A check that does not fit the schema.
    InvalidRequest,
    /// A bundle that does not compile.
    InvalidBundle,
    /// A fault of this service.
    Internal,
    /// A change that could not be written to disk.
    NotDurable,
    /// No snapshot is in force yet.
    NotReady,
    /// Too many requests are in flight.
    Overloaded,
    /// Too many changes are under way.
    Busy,
    /// The service is stopping.
    Stopping,
}

/// An error as it is answered.
#[derive(Debug, Clone)]
pub struct Problem {
    kind: Kind,
    detail: Cow<'static, str>,
    hint: Option<String>,
    problems: Vec<Fault>,
    problem_count: usize,
    allow: Option<&'static str>,
    closes: bool,
    counted: bool,
}

/// One fault of an uploaded bundle.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Fault {
    severity: &'static str,
    code: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    excerpt: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

/// The body of a problem, in the order of its members.
#[derive(Serialize)]
struct Wire<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    #[serde(skip_serializing_if = "<[Fault]>::is_empty")]
    problems: &'a [Fault],
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<usize>,
}

/// The error of one item of a batch.
#[derive(Serialize)]
struct ItemWire<'a> {
    status: u16,
    code: &'static str,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
}

// === impl Kind ===

impl Kind {
    /// The status, the stable code and the title.
    fn facts(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::InvalidJson => (S::BAD_REQUEST, "invalid_json", "The body is not valid JSON"),
            Self::MissingMember => (S::BAD_REQUEST, "missing_member", "A member is missing"),
            Self::UnknownMember => (S::BAD_REQUEST, "unknown_member", "A member is not known"),
            Self::InvalidMember => (S::BAD_REQUEST, "invalid_member", "A member is not valid"),
            Self::BrokenBody => (S::BAD_REQUEST, "broken_body", "The body broke off"),
            Self::InvalidHost => (S::BAD_REQUEST, "invalid_host", "The host is not clear"),
            Self::InvalidHeader => (S::BAD_REQUEST, "invalid_header", "A header is not valid"),
            Self::NotDeclaredJson => {
                (S::BAD_REQUEST, "unsupported_media_type", "The body is not declared to be JSON")
            }
            Self::NoCredential => (S::UNAUTHORIZED, "no_credential", "A credential is missing"),
            Self::InvalidCredential => {
                (S::UNAUTHORIZED, "invalid_credential", "The credential is not valid")
            }
            Self::InsufficientRole => {
                (S::FORBIDDEN, "insufficient_role", "The credential does not suffice")
            }
            Self::ForeignHost => (S::FORBIDDEN, "foreign_host", "The host is foreign"),
            Self::ForeignOrigin => (S::FORBIDDEN, "foreign_origin", "The origin is foreign"),
            Self::NotFound => (S::NOT_FOUND, "not_found", "Nothing is there"),
            Self::MethodNotAllowed => {
                (S::METHOD_NOT_ALLOWED, "method_not_allowed", "The method is not allowed")
            }
            Self::BodyTimeout => {
                (S::REQUEST_TIMEOUT, "body_timeout", "The body did not arrive in time")
            }
            Self::NotYet => (S::CONFLICT, "not_yet", "The revision is not in force yet"),
            Self::OwnedElsewhere => {
                (S::CONFLICT, "owned_elsewhere", "Another source owns the part")
            }
            Self::Ephemeral => (S::CONFLICT, "ephemeral", "Nothing is kept on disk"),
            Self::RevisionMismatch => {
                (S::PRECONDITION_FAILED, "revision_mismatch", "Another revision is in force")
            }
            Self::BodyTooLarge => {
                (S::PAYLOAD_TOO_LARGE, "body_too_large", "The body is too large")
            }
            Self::TooManyItems => {
                (S::PAYLOAD_TOO_LARGE, "too_many_items", "The batch has too many items")
            }
            Self::UnsupportedMediaType => (
                S::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "The body is not declared to be JSON",
            ),
            Self::UnsupportedEncoding => {
                (S::UNSUPPORTED_MEDIA_TYPE, "unsupported_encoding", "The body is encoded")
            }
            Self::InvalidRequest => (
                S::UNPROCESSABLE_ENTITY,
                Code::InvalidRequest.as_str(),
                "The request does not fit the schema",
            ),
            Self::InvalidBundle => {
                (S::UNPROCESSABLE_ENTITY, "invalid_bundle", "The bundle is refused")
            }
            Self::Internal => (S::INTERNAL_SERVER_ERROR, "internal", "The service failed"),
            Self::NotDurable => {
                (S::INTERNAL_SERVER_ERROR, "not_durable", "The change could not be kept")
            }
            Self::NotReady => {
                (S::SERVICE_UNAVAILABLE, Code::NotReady.as_str(), "No snapshot is in force")
            }
            Self::Overloaded => {
                (S::SERVICE_UNAVAILABLE, Code::Overloaded.as_str(), "Too many requests in flight")
            }
            Self::Busy => (S::SERVICE_UNAVAILABLE, "busy", "Too many changes under way"),
            Self::Stopping => (S::SERVICE_UNAVAILABLE, "stopping", "The service is stopping"),
        }
    }

    /// The code under which a check that ended so is counted.
    pub(crate) fn counted_as(self) -> Code {
        match self {
            Self::NotReady | Self::Stopping => Code::NotReady,
            Self::NotYet => Code::NotYet,
            Self::Overloaded => Code::Overloaded,
            _ => Code::InvalidRequest,
        }
    }

    /// Whether trying again soon makes sense.
    fn passes(self) -> bool {
        matches!(self, Self::NotReady | Self::Overloaded | Self::Busy | Self::Stopping)
    }

    fn challenge(self) -> Option<&'static str> {
        match self {
            Self::NoCredential => Some("Bearer realm=\"doorward\""),
            Self::InvalidCredential => Some("Bearer realm=\"doorward\", error=\"invalid_token\""),
            _ => None,
        }
    }
}

// === impl Problem ===

impl Problem {
    /// A problem whose detail is one sentence for people.
    pub fn new(kind: Kind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            hint: None,
            problems: Vec::new(),
            problem_count: 0,
            allow: None,
            closes: false,
            counted: false,
        }
    }

    /// What is wrong.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The sentence for people.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The same, with what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same, as an answer after which the connection is closed: the rest of the request's
    /// body is not wanted.
    #[must_use]
    pub(crate) fn closing(mut self) -> Self {
        self.closes = true;
        self
    }

    /// The same, noted as counted in the metrics.
    #[must_use]
    pub(crate) fn already_counted(mut self) -> Self {
        self.counted = true;
        self
    }

    pub(crate) fn is_counted(&self) -> bool {
        self.counted
    }

    /// No snapshot is in force.
    pub(crate) fn not_ready() -> Self {
        Self::new(Kind::NotReady, "no snapshot is in force yet; nothing is decided before")
    }

    /// A member that is not known. Only its beginning is quoted.
    pub(crate) fn unknown_member(member: &str, of: &str) -> Self {
        let shown: String = member.chars().take(QUOTED_CHARS_MAX).collect();
        Self::new(Kind::UnknownMember, format!("`{shown}` is not a member of {of}"))
    }

    /// A method that is not allowed, and those that are.
    pub(crate) fn method_not_allowed(allow: &'static str) -> Self {
        let detail = format!("this path answers only to {allow}");
        Self { allow: Some(allow), ..Self::new(Kind::MethodNotAllowed, detail) }
    }

    /// A bundle that does not compile, with all that is wrong with it.
    pub(crate) fn invalid_bundle(problems: &engine::Problems) -> Self {
        let count = problems.error_count() + problems.warning_count();
        let detail = match problems.error_count() {
            1 => "1 error; what is in force stays in force".to_owned(),
            errors => format!("{errors} errors; what is in force stays in force"),
        };
        Self {
            problems: faults(problems),
            problem_count: count,
            ..Self::new(Kind::InvalidBundle, detail)
        }
    }

    /// Writes the problem as the error of one item of a batch.
    pub(crate) fn write_item(&self, out: &mut Vec<u8>) {
        let (status, code, _) = self.kind.facts();
        let hint = self.hint.as_deref();
        write_json(out, &ItemWire { status: status.as_u16(), code, detail: &self.detail, hint });
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, code, title) = self.kind.facts();
        let mut body = Vec::with_capacity(256);
        let wire = Wire {
            r#type: "about:blank",
            title,
            status: status.as_u16(),
            detail: &self.detail,
            code,
            hint: self.hint.as_deref(),
            problems: &self.problems,
            count: (!self.problems.is_empty()).then_some(self.problem_count),
        };
        write_json(&mut body, &wire);
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.kind.passes() {
            headers.insert(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS));
        }
        if let Some(challenge) = self.kind.challenge() {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if let Some(allow) = self.allow {
            headers.insert(ALLOW, HeaderValue::from_static(allow));
        }
        if self.closes {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// The faults as they go over the wire.
pub(crate) fn faults(problems: &engine::Problems) -> Vec<Fault> {
    problems.iter().map(Fault::from).collect()
}

/// Writes a value that always has a JSON form: its maps have string keys, and memory does not fail.
pub(crate) fn write_json(out: &mut Vec<u8>, value: &impl Serialize) {
    let start = out.len();
    if serde_json::to_writer(&mut *out, value).is_err() {
        out.truncate(start);
        out.extend_from_slice(b"null");
    }
}
