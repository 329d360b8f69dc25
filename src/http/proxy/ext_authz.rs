//! Envoy's dialect over HTTP: the check is the client's own request, its path put behind ours.

use axum::http::Version;
use axum::http::header::HOST;
use axum::http::request::Parts;

use super::EXT_AUTHZ_PREFIX;
use super::told::{self, Misconfigured, Told, Why};

/// The client's request.
pub(super) fn read(parts: &Parts) -> Result<Told, Misconfigured> {
    let host = match (parts.uri.authority(), parts.headers.contains_key(HOST)) {
        // Over HTTP/1.1 Envoy never asks by a whole URL.
        (Some(_), _) if parts.version < Version::HTTP_2 => return Err(Why::Malformed.of("path")),
        (Some(authority), false) => authority.as_str(),
        (Some(authority), true) => {
            let host = told::single(&parts.headers, "host")?;
            if host != authority.as_str() {
                return Err(Why::Contradicted.of("host"));
            }
            host
        }
        (None, _) => told::single(&parts.headers, "host")?,
    };
    let whole = parts.uri.path_and_query().map_or("", |target| target.as_str());
    // As it came: what is after the prefix is the client's, and must not be decoded on the way.
    let target = whole.strip_prefix(EXT_AUTHZ_PREFIX).ok_or(Why::Malformed.of("path"))?;
    Ok(Told {
        method: parts.method.as_str().to_owned(),
        scheme: None,
        host: Some(host.to_owned()),
        target: target.to_owned(),
        cors: told::cors(&parts.headers),
        upgrade: told::upgrade(&parts.headers),
    })
}
