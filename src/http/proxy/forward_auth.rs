//! Traefik's and Caddy's dialect: `X-Forwarded-Method`, `-Proto`, `-Host` and `-Uri`, all of them.

use axum::http::HeaderMap;

use super::told::{self, Misconfigured, Told, Why};
use crate::mapping::Upgrade;

const METHOD: &str = "x-forwarded-method";
const PROTO: &str = "x-forwarded-proto";
const HOST: &str = "x-forwarded-host";
const URI: &str = "x-forwarded-uri";

/// The client's request.
pub(super) fn read(headers: &HeaderMap) -> Result<Told, Misconfigured> {
    let method = told::single(headers, METHOD)?;
    // Traefik writes `ws` where the client asks for a WebSocket.
    let (scheme, socket) = match told::single(headers, PROTO)? {
        "http" => ("http", false),
        "https" => ("https", false),
        "ws" => ("http", true),
        "wss" => ("https", true),
        _ => return Err(Why::Malformed.of(PROTO)),
    };
    let upgrade = match told::upgrade(headers) {
        Upgrade::None if socket => Upgrade::WebSocket,
        other => other,
    };
    Ok(Told {
        method: method.to_owned(),
        scheme: Some(scheme.to_owned()),
        host: Some(told::single(headers, HOST)?.to_owned()),
        target: told::one(headers, URI)?.to_owned(),
        cors: told::cors(headers),
        upgrade,
    })
}
