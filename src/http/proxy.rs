//! The endpoints that reverse proxies ask, one for each dialect:
//!
//! | path | who | file |
//! |---|---|---|
//! | `/authz/auth-request` | nginx, `HAProxy` | [`auth_request`] |
//! | `/authz/forward-auth` | Traefik, Caddy | [`forward_auth`] |
//! | `/authz/ext-authz/*` | Envoy over HTTP | [`ext_authz`] |
//! | `/envoy.service.auth.v3.Authorization/Check` | Envoy over gRPC | [`grpc`] |
//!
//! A dialect reads its own family of headers and no other: proxies pass on what clients write into
//! the headers of the others. It reads the head alone, because some proxies announce a body that
//! never comes, and its own query counts for nothing, because some append the client's.

mod answer;
mod auth_request;
mod ext_authz;
mod forward_auth;
mod grpc;
mod told;

pub use answer::{INTERNAL, Outcome, Verdict};
pub use told::{Misconfigured, Told, Upgrade, Why};

use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::any;

use crate::identity::Peer;

/// The path of nginx's and `HAProxy`'s endpoint.
pub const AUTH_REQUEST_PATH: &str = "/authz/auth-request";
/// The path of Traefik's and Caddy's.
pub const FORWARD_AUTH_PATH: &str = "/authz/forward-auth";
/// What stands before the client's own target at Envoy's.
pub const EXT_AUTHZ_PREFIX: &str = "/authz/ext-authz";

/// How a proxy asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// nginx, `HAProxy`.
    AuthRequest,
    /// Traefik, Caddy.
    ForwardAuth,
    /// Envoy over HTTP.
    ExtAuthz,
    /// Envoy over gRPC.
    Grpc,
}

/// What a proxy asks: what the client wants of the platform, or why that cannot be told.
#[derive(Debug)]
pub struct Asked {
    /// How it asks.
    pub dialect: Dialect,
    /// The client's request.
    pub told: Result<Told, Misconfigured>,
    /// The client's headers as far as the proxy passes them on, credentials among them.
    pub headers: HeaderMap,
    /// Who asks, which is the proxy.
    pub peer: Peer,
    /// How many headers of other families came along, which are ignored.
    pub ignored: usize,
}

/// A verdict to come.
pub type Deciding = Pin<Box<dyn Future<Output = Verdict> + Send>>;

/// What decides, whichever dialect asks.
pub type Decide = Arc<dyn Fn(Asked) -> Deciding + Send + Sync>;

/// The endpoints of all dialects, on top of what decides.
pub fn routes<S: Clone + Send + Sync + 'static>(decide: &Decide) -> Router<S> {
    let at = |dialect: Dialect| {
        let decide = Arc::clone(decide);
        any(move |request: axum::extract::Request| {
            let (parts, _) = request.into_parts();
            answer_head(decide, dialect, parts)
        })
    };
    Router::new()
        .route(AUTH_REQUEST_PATH, at(Dialect::AuthRequest))
        .route(FORWARD_AUTH_PATH, at(Dialect::ForwardAuth))
        .route(&format!("{EXT_AUTHZ_PREFIX}/"), at(Dialect::ExtAuthz))
        .route(&format!("{EXT_AUTHZ_PREFIX}/{{*target}}"), at(Dialect::ExtAuthz))
        .route_service(grpc::PATH, grpc::service(Arc::clone(decide)))
}

/// Answers from the head alone.
async fn answer_head(decide: Decide, dialect: Dialect, parts: Parts) -> Response<Body> {
    let told = match dialect {
        Dialect::AuthRequest => auth_request::read(&parts.headers),
        Dialect::ForwardAuth => forward_auth::read(&parts.headers),
        Dialect::ExtAuthz | Dialect::Grpc => ext_authz::read(&parts),
    };
    let ignored = told::ignored(&parts.headers, dialect);
    let peer = parts.extensions.get::<Peer>().copied().unwrap_or(Peer::Unknown);
    let asked = Asked { dialect, told, headers: parts.headers, peer, ignored };
    decide(asked).await.response(dialect)
}

// === impl Dialect ===

impl Dialect {
    /// Every dialect, in the order of the variants.
    pub const ALL: [Self; 4] = [Self::AuthRequest, Self::ForwardAuth, Self::ExtAuthz, Self::Grpc];

    /// The label in metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AuthRequest => "auth_request",
            Self::ForwardAuth => "forward_auth",
            Self::ExtAuthz => "ext_authz",
            Self::Grpc => "ext_authz_grpc",
        }
    }
}

#[cfg(test)]
mod tests;
