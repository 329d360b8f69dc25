//! A token's compact form: three parts, each bounded and strictly read, and every way in which a
//! credential can fail.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::header::HeaderValue;
use jsonwebtoken::Algorithm;
use serde_json::{Map, Value};

use crate::engine::json;

/// The longest token, in bytes. A longer one is refused unread.
pub const TOKEN_BYTES_MAX: usize = 16 * 1024;
/// The deepest nesting of a token's JSON.
const DEPTH_MAX: usize = 16;

/// Why a credential does not hold. For logs and tests: the client is told a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// There is another credential.
    TwoCredentials,
    /// Its header stands there twice.
    Duplicated,
    /// A header that is spelt with `_` for `-` can be taken for a credential's.
    Twin,
    /// It is not `Bearer` with a space and a token.
    Scheme,
    /// It is longer than what is read.
    TooLong,
    /// It is not of its form.
    Malformed,
    /// It demands something that this service does not do.
    Critical,
    /// It is not signed with an algorithm that the route file lists.
    Algorithm,
    /// It is signed with a key that is not known.
    UnknownKey,
    /// Its signature is not that key's.
    Signature,
    /// It has no end, or one that is not a number.
    Expiry,
    /// It has ended.
    Expired,
    /// It has not begun.
    NotYetValid,
    /// Its `nbf` or `iat` is not a number.
    Dates,
    /// It lasts longer than the route file allows.
    Lifetime,
    /// Another issuer made it.
    Issuer,
    /// It is meant for somebody else.
    Audience,
    /// It has none of the scopes, or is no access token.
    Scope,
    /// Nobody can be told from it.
    Principal,
    /// Its claim of an owner is not a text.
    Owner,
    /// The peer is not trusted to set its header.
    Peer,
    /// The peer's secret is missing or wrong.
    Secret,
}

/// A token in its three parts.
#[derive(Debug)]
pub(super) struct Compact<'a> {
    header: &'a str,
    payload: &'a str,
    /// What is signed: header and payload.
    pub(super) signed: &'a str,
    /// The signature in base64.
    pub(super) signature: &'a str,
}

/// What counts of a token's header.
#[derive(Debug)]
pub(super) struct Header {
    /// `None` for one that is not known, such as `none`.
    pub(super) algorithm: Option<Algorithm>,
    pub(super) kid: Option<String>,
}

// === impl Fault ===

impl Fault {
    /// The fault in a few words, without anything that was sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TwoCredentials => "there is another credential",
            Self::Duplicated => "its header stands there twice",
            Self::Twin => "a header with `_` for `-` can be taken for a credential's",
            Self::Scheme => "it is not `Bearer`, one space and a token",
            Self::TooLong => "it is too long",
            Self::Malformed => "it is malformed",
            Self::Critical => "it demands an extension by `crit`",
            Self::Algorithm => "its algorithm is not one of those configured",
            Self::UnknownKey => "its key is not known",
            Self::Signature => "its signature is wrong",
            Self::Expiry => "it has no `exp` that is a whole number",
            Self::Expired => "it has expired",
            Self::NotYetValid => "it is not valid yet",
            Self::Dates => "its `nbf` or `iat` is not a whole number",
            Self::Lifetime => "it lasts longer than `max_lifetime`",
            Self::Issuer => "it is of another issuer",
            Self::Audience => "it is meant for another audience",
            Self::Scope => "it does not have a scope that counts here",
            Self::Principal => "no principal can be told from it",
            Self::Owner => "its claim of an owner is not a text",
            Self::Peer => "the peer is not trusted to send it",
            Self::Secret => "the secret beside it is missing or wrong",
        }
    }
}

/// The token of `Bearer TOKEN`: the scheme in any case, exactly one space. `ThingsBoard` cuts seven
/// characters off without looking at them; what is taken here it reads alike, and what stands
/// behind seven other characters is not taken here.
pub(in crate::identity) fn bearer(value: &HeaderValue) -> Result<&str, Fault> {
    let (scheme, token) =
        value.as_bytes().split_at_checked(b"Bearer ".len()).ok_or(Fault::Scheme)?;
    if !scheme.eq_ignore_ascii_case(b"Bearer ") || token.is_empty() || token.starts_with(b" ") {
        return Err(Fault::Scheme);
    }
    std::str::from_utf8(token).map_err(|_| Fault::Malformed)
}

/// The `iss` that a token claims. It proves nothing and only says whose keys to ask.
pub(in crate::identity) fn named_issuer(token: &str) -> Result<String, Fault> {
    let payload = Compact::split(token)?.payload()?;
    payload.get("iss").and_then(Value::as_str).map(str::to_owned).ok_or(Fault::Issuer)
}

// === impl Compact ===

impl<'a> Compact<'a> {
    pub(super) fn split(token: &'a str) -> Result<Self, Fault> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(Fault::TooLong);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(Fault::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(Fault::Malformed)?;
        if payload.contains('.') {
            return Err(Fault::Malformed);
        }
        Ok(Self { header, payload, signed, signature })
    }

    pub(super) fn header(&self) -> Result<Header, Fault> {
        let header = object(self.header)?;
        if header.contains_key("crit") {
            return Err(Fault::Critical);
        }
        let algorithm = header.get("alg").and_then(Value::as_str).ok_or(Fault::Malformed)?;
        let kid = match header.get("kid") {
            None => None,
            Some(Value::String(kid)) => Some(kid.clone()),
            Some(_) => return Err(Fault::Malformed),
        };
        Ok(Header { algorithm: algorithm.parse().ok(), kid })
    }

    pub(super) fn payload(&self) -> Result<Map<String, Value>, Fault> {
        object(self.payload)
    }
}

/// A part of a token that is a JSON object without duplicate members.
fn object(part: &str) -> Result<Map<String, Value>, Fault> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| Fault::Malformed)?;
    match json::parse(&bytes, DEPTH_MAX) {
        Ok(Value::Object(members)) => Ok(members),
        _ => Err(Fault::Malformed),
    }
}
