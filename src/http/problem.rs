//! The only place where an error becomes a status: [`Kind`] names every way in which a request can
//! fail, and [`Problem`] is its answer, RFC 9457 `application/problem+json`. Nothing inner is in
//! it: what it says comes from the request, from the bundle that the request uploads, or from here.

mod conversions;
mod fault;
mod kind;

pub(crate) use fault::{Fault, faults};
pub use kind::Kind;

use std::borrow::Cow;

use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::{ALLOW, CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::engine;
use crate::engine::json::JsonError;
use crate::engine::store::{LINK_CONFLICT, REMOVED_AND_UPSERTED};

/// How long a client is asked to wait before it tries again, in seconds.
const RETRY_AFTER_SECONDS: u16 = 1;
/// The most characters of a request's own text that a detail quotes.
const QUOTED_CHARS_MAX: usize = 100;

/// An error as it is answered.
#[derive(Debug, Clone)]
pub struct Problem {
    kind: Kind,
    detail: Cow<'static, str>,
    hint: Option<String>,
    problems: Vec<Fault>,
    count: usize,
    allow: Option<String>,
    closes: bool,
    counted: bool,
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

// === impl Problem ===

impl Problem {
    /// A problem whose detail is one sentence for people.
    pub fn new(kind: Kind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            hint: None,
            problems: Vec::new(),
            count: 0,
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

    /// The same, with what to do about it unless that is said already.
    #[must_use]
    pub(crate) fn or_hint(mut self, hint: impl FnOnce(Kind) -> Option<&'static str>) -> Self {
        let kind = self.kind;
        self.hint = self.hint.or_else(|| hint(kind).map(str::to_owned));
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

    /// A body whose reader failed.
    pub(crate) fn unread() -> Self {
        Self::new(Kind::Internal, "the service failed to read the body")
    }

    /// A body that is not JSON as this service reads it.
    pub(crate) fn invalid_json(error: &serde_json::Error) -> Self {
        let text = error.to_string();
        let at = text.rfind(" at line ").unwrap_or(text.len());
        let message = if error.is_eof() {
            "the text ends too early"
        } else {
            text.get(..at).unwrap_or(&text)
        };
        let (line, column) = (error.line().max(1), error.column().max(1));
        Self::from(JsonError { message: message.to_owned(), line, column })
    }

    /// A member that must be something else.
    pub(crate) fn wrong_member(member: &str, expected: &str) -> Self {
        Self::new(Kind::InvalidMember, format!("`{member}` must be {expected}"))
    }

    /// A member that must be there.
    pub(crate) fn missing_member(member: &str) -> Self {
        Self::new(Kind::MissingMember, format!("`{member}` is missing"))
    }

    /// A batch with more items than are taken.
    pub(crate) fn too_many(what: &str, count: usize, most: usize) -> Self {
        Self::new(Kind::TooManyItems, format!("{what} has {count} items; at most {most} are taken"))
    }

    /// One item of a batch that is larger than a body of one check may be.
    pub(crate) fn item_too_large(most: usize) -> Self {
        Self::new(Kind::BodyTooLarge, format!("the item is over the limit of {most} bytes"))
    }

    /// A member that is not known. Only its beginning is quoted.
    pub(crate) fn unknown_member(member: &str, of: &str) -> Self {
        let shown: String = member.chars().take(QUOTED_CHARS_MAX).collect();
        Self::new(Kind::UnknownMember, format!("`{shown}` is not a member of {of}"))
    }

    /// The same of one item of a list, named by its place.
    #[must_use]
    pub(crate) fn of_item(self, list: &str, at: usize) -> Self {
        let detail = format!("`{list}[{at}]`: {}", self.detail);
        Self { detail: detail.into(), ..self }
    }

    /// A path that leads nowhere.
    pub(crate) fn nothing_here() -> Self {
        Self::new(Kind::NotFound, "nothing is at this path")
    }

    /// A method that is not allowed, and those that are.
    pub(crate) fn method_not_allowed(allow: String) -> Self {
        let detail = format!("this path answers only to {allow}");
        Self { allow: Some(allow), ..Self::new(Kind::MethodNotAllowed, detail) }
    }

    /// Another revision is in force than the one that the request builds on.
    pub(crate) fn revision_mismatch(current: u64) -> Self {
        let detail = match current {
            0 => "no revision is in force yet, and `If-Match` asks for one".to_owned(),
            _ => format!("revision {current} is in force, which `If-Match` does not name"),
        };
        Self::new(Kind::RevisionMismatch, detail)
    }

    /// What does not compile or does not fit, with all that is wrong with it. A change that
    /// contradicts itself is none, and one that contradicts a link in force is a conflict.
    pub(crate) fn invalid_bundle(problems: &engine::Problems) -> Self {
        let count = problems.error_count() + problems.warning_count();
        let errors = problems.error_count();
        let detail = match errors {
            1 => "1 error; what is in force stays in force".to_owned(),
            errors => format!("{errors} errors; what is in force stays in force"),
        };
        let with = |code| problems.errors().filter(|it| it.code == code).count();
        let kind = if with(REMOVED_AND_UPSERTED) > 0 {
            Kind::Contradiction
        } else if errors > 0 && with(LINK_CONFLICT) == errors {
            Kind::LinkConflict
        } else {
            Kind::InvalidBundle
        };
        let hint = "correct what `problems` lists; `POST /v1/validate` judges without changing \
                    anything";
        Self { problems: faults(problems), count, ..Self::new(kind, detail).hint(hint) }
    }

    /// Writes the problem as the error of one item of a batch.
    pub(crate) fn write_item(&self, out: &mut Vec<u8>) {
        let (status, code) = self.kind.facts();
        let hint = self.hint.as_deref();
        write_json(out, &ItemWire { status: status.as_u16(), code, detail: &self.detail, hint });
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, code) = self.kind.facts();
        let mut body = Vec::with_capacity(256);
        let wire = Wire {
            r#type: "about:blank",
            title: status.canonical_reason().unwrap_or_default(),
            status: status.as_u16(),
            detail: &self.detail,
            code,
            hint: self.hint.as_deref(),
            problems: &self.problems,
            count: (!self.problems.is_empty()).then_some(self.count),
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
        if let Some(allow) = self.allow.and_then(|allow| HeaderValue::try_from(allow).ok()) {
            headers.insert(ALLOW, allow);
        }
        if self.closes {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// Writes a value that always has a JSON form: its maps have string keys, and memory does not fail.
pub(crate) fn write_json(out: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    let start = out.len();
    if serde_json::to_writer(&mut *out, value).is_err() {
        out.truncate(start);
        out.extend_from_slice(b"null");
    }
}
