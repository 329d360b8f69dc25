//! The endpoints that reverse proxies ask, one for each dialect:
//!
//! | path | who | file |
//! |---|---|---|
//! | `/authz/auth-request` | nginx, `HAProxy` | `auth_request` |
//! | `/authz/forward-auth` | Traefik, Caddy | `forward_auth` |
//! | `/authz/ext-authz/*` | Envoy over HTTP | `ext_authz` |
//! | `/envoy.service.auth.v3.Authorization/Check` | Envoy over gRPC | `grpc` |
//!
//! A dialect reads its own family of headers and no other: proxies pass on what clients write into
//! the headers of the others. It reads the head alone, because some proxies announce a body that
//! never comes, and its own query counts for nothing, because some append the client's.

mod answer;
mod auth_request;
mod complaints;
mod decide;
mod ext_authz;
mod forward_auth;
mod grpc;
mod identified;
mod metrics;
mod route_file;
mod routes;
mod told;

pub use answer::{Outcome, Verdict};
pub use decide::Guard;
pub use identified::{Unidentified, identify};
pub use route_file::{RouteConfig, read_bounded};
pub use routes::Routes;
pub use told::{Misconfigured, Told, Why, cors, upgrade};

use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::any;

use crate::identity::Peer;
use crate::pdp::Door;

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
    let service = grpc::service(Arc::clone(decide));
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
        .route(grpc::PATH, any(move |request| grpc::answer(service.clone(), request)))
}

/// The dialect that a path is asked in; `None` where it is no endpoint of a proxy.
pub fn dialect(path: &str) -> Option<Dialect> {
    match path {
        AUTH_REQUEST_PATH => Some(Dialect::AuthRequest),
        FORWARD_AUTH_PATH => Some(Dialect::ForwardAuth),
        grpc::PATH => Some(Dialect::Grpc),
        _ => {
            let target = path.strip_prefix(EXT_AUTHZ_PREFIX)?;
            target.starts_with('/').then_some(Dialect::ExtAuthz)
        }
    }
}

/// A verdict on a request that never came to be decided, in its dialect.
pub async fn refuse(dialect: Dialect, verdict: Verdict) -> Response {
    match dialect {
        Dialect::Grpc => grpc::refuse(verdict).await,
        _ => verdict.response(dialect),
    }
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

    /// The door of its checks, whose name is the label in metrics and logs.
    pub fn door(self) -> Door {
        match self {
            Self::AuthRequest => Door::AuthRequest,
            Self::ForwardAuth => Door::ForwardAuth,
            Self::ExtAuthz => Door::ExtAuthz,
            Self::Grpc => Door::Grpc,
        }
    }
}

#[cfg(test)]
mod tests;
