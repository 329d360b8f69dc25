//! Every way in which a request can fail, with its status and its code: the one table of both.

use axum::http::StatusCode;

use crate::engine::Code;

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
    /// The body is not the one that its digest is of.
    WrongDigest,
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
    /// A cursor that is none, or of another question.
    InvalidCursor,
    /// The revision that a cursor goes on in is not kept any more.
    CursorGone,
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
    /// An idempotency key that stands for another request.
    KeyReused,
    /// A change that takes out what it puts in.
    Contradiction,
    /// A link with this id says something else.
    LinkConflict,
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

// === impl Kind ===

impl Kind {
    /// The status and the stable code.
    pub(super) fn facts(self) -> (StatusCode, &'static str) {
        use StatusCode as S;
        match self {
            Self::InvalidJson => (S::BAD_REQUEST, "invalid_json"),
            Self::MissingMember => (S::BAD_REQUEST, "missing_member"),
            Self::UnknownMember => (S::BAD_REQUEST, "unknown_member"),
            Self::InvalidMember => (S::BAD_REQUEST, "invalid_member"),
            Self::InvalidCursor => (S::BAD_REQUEST, "invalid_cursor"),
            Self::CursorGone => (S::GONE, "cursor_gone"),
            Self::BrokenBody => (S::BAD_REQUEST, "broken_body"),
            Self::WrongDigest => (S::BAD_REQUEST, "wrong_digest"),
            Self::Contradiction => (S::BAD_REQUEST, "removed_and_upserted"),
            Self::InvalidHost => (S::BAD_REQUEST, "invalid_host"),
            Self::InvalidHeader => (S::BAD_REQUEST, "invalid_header"),
            Self::NotDeclaredJson => (S::BAD_REQUEST, "unsupported_media_type"),
            Self::NoCredential => (S::UNAUTHORIZED, "no_credential"),
            Self::InvalidCredential => (S::UNAUTHORIZED, "invalid_credential"),
            Self::InsufficientRole => (S::FORBIDDEN, "insufficient_role"),
            Self::ForeignHost => (S::FORBIDDEN, "foreign_host"),
            Self::ForeignOrigin => (S::FORBIDDEN, "foreign_origin"),
            Self::NotFound => (S::NOT_FOUND, "not_found"),
            Self::MethodNotAllowed => (S::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::BodyTimeout => (S::REQUEST_TIMEOUT, "body_timeout"),
            Self::NotYet => (S::CONFLICT, Code::NotYet.as_str()),
            Self::OwnedElsewhere => (S::CONFLICT, "owned_elsewhere"),
            Self::LinkConflict => (S::CONFLICT, "link_conflict"),
            Self::Ephemeral => (S::CONFLICT, "ephemeral"),
            Self::RevisionMismatch => (S::PRECONDITION_FAILED, "revision_mismatch"),
            Self::BodyTooLarge => (S::PAYLOAD_TOO_LARGE, "body_too_large"),
            Self::TooManyItems => (S::PAYLOAD_TOO_LARGE, "too_many_items"),
            Self::UnsupportedMediaType => (S::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type"),
            Self::UnsupportedEncoding => (S::UNSUPPORTED_MEDIA_TYPE, "unsupported_encoding"),
            Self::InvalidRequest => (S::UNPROCESSABLE_ENTITY, Code::InvalidRequest.as_str()),
            Self::InvalidBundle => (S::UNPROCESSABLE_ENTITY, "invalid_bundle"),
            Self::KeyReused => (S::UNPROCESSABLE_ENTITY, "key_reused"),
            Self::Internal => (S::INTERNAL_SERVER_ERROR, "internal"),
            Self::NotDurable => (S::INTERNAL_SERVER_ERROR, "not_durable"),
            Self::NotReady => (S::SERVICE_UNAVAILABLE, Code::NotReady.as_str()),
            Self::Overloaded => (S::SERVICE_UNAVAILABLE, Code::Overloaded.as_str()),
            Self::Busy => (S::SERVICE_UNAVAILABLE, "busy"),
            Self::Stopping => (S::SERVICE_UNAVAILABLE, "stopping"),
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
    pub(super) fn passes(self) -> bool {
        matches!(self, Self::NotReady | Self::Overloaded | Self::Busy | Self::Stopping)
    }

    pub(super) fn challenge(self) -> Option<&'static str> {
        match self {
            Self::NoCredential => Some("Bearer realm=\"doorward\""),
            Self::InvalidCredential => Some("Bearer realm=\"doorward\", error=\"invalid_token\""),
            _ => None,
        }
    }
}
