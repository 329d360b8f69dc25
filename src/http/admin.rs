//! The admin plane: `GET /livez`, `/readyz` and `/metrics` for whoever watches the process,
//! `GET /v1/revision` for what is in force, `PUT /v1/bundle` for what shall be, and
//! `/v1/policies`, `/v1/entities` and `/v1/links` for both, in parts, and `/v1/revisions` for what
//! was.
//!
//! `judge` stands before every path: the host must be one of this service's names, the origin
//! its own, and every path needs a token whose entry in the table of routes does not say that it
//! is open. A path that is in no table is therefore closed.

pub(crate) mod access;
mod bundle;
mod condition;
mod digest;
mod entities;
mod links;
mod lists;
mod origin;
mod policies;
mod query;
mod revision;
mod revisions;
mod routes;
mod stream;
mod terms;
mod tokens;
mod validate;

pub use origin::Reach;
pub(super) use routes::ROUTES;
pub(super) use tokens::bearer;
pub use tokens::{Role, Tokens, TokensError};

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, Request};
use axum::response::Response;

use super::problem::{Kind, Problem};
use super::routes::{self as table, Access as Needs};
use super::{Doorway, json_answer, openapi as document};

/// What [`Metrics::encode`](crate::pdp::metrics::Metrics::encode) writes.
const METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Who may use the admin plane, and under which names it is reached.
#[derive(Debug)]
pub struct Access {
    /// The tokens that it takes.
    pub tokens: Tokens,
    /// Host names under which it is reached, besides `localhost` and IP literals.
    pub hosts: Vec<String>,
}

/// Whether the path tells about the process only, and is answered even when the plane is full.
pub(super) fn is_probe(path: &str) -> bool {
    matches!(path, "/livez" | "/readyz")
}

/// Judges a request by its head: host, origin, credential, role.
pub(super) fn judge(access: &Access, reach: Reach, request: &Request<Body>) -> Result<(), Problem> {
    origin::judge(reach, &access.hosts, request)?;
    let needed = match table::access(request.method(), request.uri().path()) {
        Needs::Data | Needs::Open => return Ok(()),
        Needs::Read => Role::Read,
        Needs::Write => Role::Write,
    };
    let role = access.tokens.role(request.headers())?;
    if role < needed {
        let detail = "the token may read only; this needs one with the role `write`";
        return Err(Problem::new(Kind::InsufficientRole, detail));
    }
    Ok(())
}

async fn livez() -> Response {
    json_answer(b"{\"status\":\"live\"}".to_vec())
}

async fn readyz(State(doorway): State<Doorway>) -> Result<Response, Problem> {
    let installed = doorway.app.pdp.current().ok_or_else(Problem::not_ready)?;
    let body = format!("{{\"status\":\"ready\",\"revision\":{}}}", installed.revision);
    Ok(json_answer(body.into_bytes()))
}

async fn openapi() -> Response {
    json_answer(document::text().as_bytes().to_vec())
}

async fn metrics(State(doorway): State<Doorway>) -> Response {
    // Whoever watches also sees to it that nothing is kept for cursors that nobody uses.
    doorway.app.pdp.expire_pins(doorway.app.limits.pins());
    let mut response = Response::new(Body::from(doorway.app.pdp.metrics().encode()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(METRICS_TYPE));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
