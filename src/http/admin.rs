//! The admin plane: `GET /livez`, `/readyz` and `/metrics` for whoever watches the process,
//! `GET /v1/revision` for what is in force, `PUT /v1/bundle` for what shall be, and
//! `/v1/entities` and `/v1/links` for both, in parts.
//!
//! `judge` stands before every path: the host must be one of this service's names, the origin
//! its own, and every path that is not a probe needs a token. A path that is added later is
//! therefore closed until it is listed as open.

mod bundle;
mod condition;
mod entities;
mod links;
mod lists;
mod origin;
mod query;
mod revision;
mod tokens;

pub use origin::Reach;
pub(super) use tokens::bearer;
pub use tokens::{Role, Tokens, TokensError};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, Method, Request};
use axum::response::Response;
use axum::routing::{get, put};

use super::problem::{Kind, Problem};
use super::{Doorway, json_answer};

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

pub(super) fn routes() -> Router<Doorway> {
    let only_get = || async { Problem::method_not_allowed("GET, HEAD") };
    let only_entities = || async { Problem::method_not_allowed("GET, HEAD, PATCH, PUT") };
    let only_link = || async { Problem::method_not_allowed("DELETE, GET, HEAD, PUT") };
    let only_put = || async { Problem::method_not_allowed("PUT") };
    Router::new()
        .route("/livez", get(livez).fallback(only_get))
        .route("/readyz", get(readyz).fallback(only_get))
        .route("/metrics", get(metrics).fallback(only_get))
        .route("/v1/revision", get(revision::revision).fallback(only_get))
        .route("/v1/bundle", put(bundle::put_bundle).fallback(only_put))
        .route(
            "/v1/entities",
            get(lists::entities)
                .put(entities::put_entities)
                .patch(entities::patch_entities)
                .fallback(only_entities),
        )
        .route("/v1/entities/{type}/{id}", get(lists::entity).fallback(only_get))
        .route("/v1/links", get(lists::links).fallback(only_get))
        .route(
            "/v1/links/{id}",
            get(lists::link).put(links::put_link).delete(links::delete_link).fallback(only_link),
        )
}

/// Whether the path tells about the process only, and is answered even when the plane is full.
pub(super) fn is_probe(path: &str) -> bool {
    matches!(path, "/livez" | "/readyz")
}

/// Whether the path is answered without a credential.
fn is_open(path: &str) -> bool {
    is_probe(path) || path == "/metrics"
}

/// Judges a request by its head: host, origin, credential, role.
pub(super) fn judge(access: &Access, reach: Reach, request: &Request<Body>) -> Result<(), Problem> {
    origin::judge(reach, &access.hosts, request)?;
    if is_open(request.uri().path()) {
        return Ok(());
    }
    let needed = match *request.method() {
        Method::GET | Method::HEAD => Role::Read,
        _ => Role::Write,
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

async fn metrics(State(doorway): State<Doorway>) -> Response {
    let mut response = Response::new(Body::from(doorway.app.pdp.metrics().encode()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(METRICS_TYPE));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
