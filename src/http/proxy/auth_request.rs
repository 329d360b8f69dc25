//! nginx's and `HAProxy`'s dialect: `X-Original-Method`, and either `X-Original-URL` or
//! `X-Original-URI` with `Host`. A client can send the one that the proxy does not, so both
//! together are refused.

use axum::http::HeaderMap;

use super::told::{self, Misconfigured, Told, Why};

const METHOD: &str = "x-original-method";
const URL: &str = "x-original-url";
const URI: &str = "x-original-uri";

/// The client's request.
pub(super) fn read(headers: &HeaderMap) -> Result<Told, Misconfigured> {
    let method = told::single(headers, METHOD)?;
    let (scheme, host, target) = match (headers.contains_key(URL), headers.contains_key(URI)) {
        (true, true) => return Err(Why::Contradicted.of(URL)),
        (true, false) => {
            let (scheme, host, target) = split(told::one(headers, URL)?)?;
            (Some(scheme), host, target)
        }
        (false, _) => (None, told::single(headers, "host")?, told::one(headers, URI)?),
    };
    Ok(Told {
        method: method.to_owned(),
        scheme: scheme.map(str::to_owned),
        host: Some(host.to_owned()),
        target: target.to_owned(),
        cors: told::cors(headers),
        upgrade: told::upgrade(headers),
    })
}

/// Scheme, host and target of a URL that a proxy has put together out of these three. It is cut
/// and not parsed: a parser would mend what the path rules have to see.
fn split(url: &str) -> Result<(&str, &str, &str), Misconfigured> {
    let malformed = || Why::Malformed.of(URL);
    let (scheme, rest) = url.split_once("://").ok_or_else(malformed)?;
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    let (host, target) = rest.split_at_checked(end).ok_or_else(malformed)?;
    let legal = matches!(scheme, "http" | "https")
        && !host.is_empty()
        && host.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'@' | b','));
    if legal { Ok((scheme, host, target)) } else { Err(malformed()) }
}
