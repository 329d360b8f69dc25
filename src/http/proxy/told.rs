//! What a proxy tells of the client's request, and the reading of single headers that all dialects
//! share. A header that must be there, and is not, or is there twice, means that the proxy is set
//! up wrongly; there is no second place to look.

use std::fmt;

use axum::http::header::{ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, SEC_WEBSOCKET_KEY, UPGRADE};
use axum::http::{HeaderMap, HeaderName, HeaderValue};

use super::Dialect;
use crate::mapping::Upgrade;

/// The longest value of a header that says where a request goes, in bytes.
const VALUE_BYTES_MAX: usize = 16 * 1024;
/// The headers by which nginx's and `HAProxy`'s dialect is told.
const ORIGINAL: [&str; 3] = ["x-original-method", "x-original-url", "x-original-uri"];
/// Those of Traefik's and Caddy's. Host and protocol are left out: every proxy sets them.
const FORWARDED: [&str; 2] = ["x-forwarded-method", "x-forwarded-uri"];
/// Those that no dialect reads, and that applications have been known to believe.
const NOBODYS: [&str; 7] = [
    "forwarded",
    "x-envoy-original-path",
    "x-forwarded-prefix",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-rewrite-url",
];

/// The client's request, as a proxy tells it and before anybody has judged it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The method, as sent.
    pub method: String,
    /// `http` or `https`, if the dialect tells it.
    pub scheme: Option<String>,
    /// The host, with or without port, if the dialect tells it.
    pub host: Option<String>,
    /// Path and query, as sent.
    pub target: String,
    /// Whether both `Origin` and `Access-Control-Request-Method` are there.
    pub cors: bool,
    /// What the client wants to speak instead.
    pub upgrade: Upgrade,
}

/// The proxy does not tell the client's request, or tells two: `proxy_misconfigured`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Misconfigured {
    /// The header that is at fault, or the field.
    pub name: &'static str,
    /// What is wrong with it.
    pub why: Why,
}

/// What is wrong with a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// It is not there.
    Missing,
    /// It is there twice, or holds two values.
    Duplicated,
    /// It says nothing.
    Empty,
    /// It is longer than what is read.
    TooLong,
    /// It is not text, or not of its form.
    Malformed,
    /// Another says something else.
    Contradicted,
}

// === impl Misconfigured ===

impl fmt::Display for Misconfigured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = match self.why {
            Why::Missing => "is missing: have the proxy send it",
            Why::Duplicated => "is there twice: have the proxy replace what the client sends",
            Why::Empty => "is empty: have the proxy fill it",
            Why::TooLong => "is too long",
            Why::Malformed => "is malformed",
            Why::Contradicted => {
                "is contradicted: have the proxy send one form of it, and drop \
                                  the other that clients may send"
            }
        };
        write!(f, "`{}` {why}", self.name)
    }
}

impl Why {
    /// The label in metrics.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Duplicated => "duplicated",
            Self::Empty => "empty",
            Self::TooLong => "too_long",
            Self::Malformed => "malformed",
            Self::Contradicted => "contradicted",
        }
    }

    pub(super) fn of(self, name: &'static str) -> Misconfigured {
        Misconfigured { name, why: self }
    }
}

/// The one value of a header.
pub(super) fn one<'a>(
    headers: &'a HeaderMap,
    name: &'static str,
) -> Result<&'a str, Misconfigured> {
    let mut values = headers.get_all(HeaderName::from_static(name)).iter();
    let (Some(value), second) = (values.next(), values.next()) else {
        return Err(Why::Missing.of(name));
    };
    if second.is_some() {
        return Err(Why::Duplicated.of(name));
    }
    if value.is_empty() {
        return Err(Why::Empty.of(name));
    }
    if value.len() > VALUE_BYTES_MAX {
        return Err(Why::TooLong.of(name));
    }
    // Bytes beyond ASCII are the path rules' to judge, so they are kept if they are text at all.
    std::str::from_utf8(value.as_bytes()).map_err(|_| Why::Malformed.of(name))
}

/// The one value of a header that cannot be a list: a proxy that joins its own value to the
/// client's has sent both.
pub(super) fn single<'a>(
    headers: &'a HeaderMap,
    name: &'static str,
) -> Result<&'a str, Misconfigured> {
    let value = one(headers, name)?;
    if value.contains(',') {
        return Err(Why::Duplicated.of(name));
    }
    if !value.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Why::Malformed.of(name));
    }
    Ok(value)
}

/// Whether a preflight's headers are there.
pub fn cors(headers: &HeaderMap) -> bool {
    headers.contains_key(ORIGIN) && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// What the client wants to speak. Proxies that keep `Upgrade` to themselves pass on
/// `Sec-WebSocket-Key`, which says the same.
pub fn upgrade(headers: &HeaderMap) -> Upgrade {
    let values = headers.get_all(UPGRADE).iter().map(HeaderValue::as_bytes);
    Upgrade::told(values, headers.contains_key(SEC_WEBSOCKET_KEY))
}

/// How many headers would say where the request goes, but in another dialect or in none.
pub(super) fn ignored(headers: &HeaderMap, dialect: Dialect) -> usize {
    let plain = |name: &HeaderName| name.as_str().replace('_', "-");
    let own: &[&str] = match dialect {
        Dialect::AuthRequest => &ORIGINAL,
        Dialect::ForwardAuth => &FORWARDED,
        Dialect::ExtAuthz | Dialect::Grpc => &[],
    };
    let foreign = |name: &&HeaderName| {
        let plain = plain(name);
        let one = |names: &[&str]| names.contains(&plain.as_str());
        (one(&ORIGINAL) || one(&FORWARDED) || one(&NOBODYS)) && !own.contains(&name.as_str())
    };
    headers.keys().filter(foreign).count()
}
