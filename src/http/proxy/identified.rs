//! Who asks for a route: by a header, or by a token in a place that the route names for it.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use axum::http::header::COOKIE;

use crate::engine::Code;
use crate::identity::{Identities, Identity, IdentityError, Peer, Presented};
use crate::mapping::{Ambiguity, CredentialPlace, Matched};

/// How long a token of an unknown key waits for the key set that may have it.
const KEYS_PATIENCE: Duration = Duration::from_secs(1);

/// Why nobody can be said to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unidentified {
    /// The query has no one meaning.
    #[error("{}", .0.as_str())]
    Ambiguous(Ambiguity),
    /// Of the places of the route, several hold a token, or one holds two.
    #[error("the request has two credentials, or cookies that cannot be read")]
    Unclear,
    /// There is no credential, or it does not hold.
    #[error(transparent)]
    Credential(#[from] IdentityError),
}

// === impl Unidentified ===

impl Unidentified {
    /// The code of the deny.
    pub fn code(self) -> Code {
        match self {
            Self::Ambiguous(_) => Code::AmbiguousPath,
            Self::Unclear => Code::InvalidCredential,
            Self::Credential(error) => error.code(),
        }
    }
}

/// Who asks for a route, at a time in milliseconds since 1970.
///
/// # Errors
/// Nobody, or nobody for sure.
pub async fn identify(
    identities: &Identities,
    matched: &Matched<'_, '_>,
    headers: &HeaderMap,
    peer: Peer,
    now_ms: i64,
) -> Result<Arc<Identity>, Unidentified> {
    let token = placed_token(matched, headers)?;
    let presented = Presented { headers, token: token.as_deref(), peer };
    Ok(identities.identify_or_refresh(&presented, now_ms, KEYS_PATIENCE).await?)
}

/// The one token in the places that a route names beside the headers. Two are no clear credential,
/// and neither is a parameter or a cookie that is there twice.
fn placed_token<'a>(
    matched: &'a Matched<'_, '_>,
    headers: &'a HeaderMap,
) -> Result<Option<Cow<'a, str>>, Unidentified> {
    let mut found = None;
    for place in matched.route().credentials() {
        let token = match place {
            CredentialPlace::Query(name) => matched.query(name).map_err(Unidentified::Ambiguous)?,
            CredentialPlace::Cookie(name) => cookie(headers, name)?.map(Cow::Borrowed),
        };
        if found.is_some() && token.is_some() {
            return Err(Unidentified::Unclear);
        }
        found = found.or(token);
    }
    Ok(found)
}

/// The value of a cookie, which may be there once.
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Unidentified> {
    let mut found = None;
    for header in headers.get_all(COOKIE) {
        let text = header.to_str().map_err(|_| Unidentified::Unclear)?;
        for pair in text.split(';') {
            let Some((key, value)) = pair.split_once('=') else { continue };
            if key.trim() == name && found.replace(value.trim()).is_some() {
                return Err(Unidentified::Unclear);
            }
        }
    }
    Ok(found)
}
