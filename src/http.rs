//! The endpoints, on two planes that never share a listener:
//!
//! | plane | paths | file |
//! |---|---|---|
//! | data | `POST /v1/check`, `POST /v1/checks` | `native` |
//! | data | `POST /access/v1/evaluation`, `POST /access/v1/evaluations`, `GET /.well-known/authzen-configuration` | [`authzen`] |
//! | data | `/authz/*`, gRPC `envoy.service.auth.v3.Authorization/Check` | [`proxy`] |
//! | admin | `GET /livez`, `/readyz`, `/metrics`, `/v1/revision`, `PUT /v1/bundle` | [`admin`] |
//! | admin | `GET`, `PUT`, `PATCH /v1/entities`, `GET /v1/entities/{type}/{id}`, `GET /v1/links`, `GET`, `PUT`, `DELETE /v1/links/{id}` | [`admin`] |
//!
//! Adapters translate and decide nothing: decisions come from [`Pdp::check`]. Errors become
//! statuses in [`problem`] only.

pub mod admin;
pub mod authzen;
pub mod problem;
pub mod proxy;

mod body;
mod callers;
mod native;
mod outline;
mod plane;

pub use callers::{Callers, CallersError};
pub use plane::Plane;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::Response;

use crate::pdp::Pdp;
use crate::pdp::publisher::Publisher;
use body::{Bounds, Budget};
use problem::{Kind, Problem};

/// What the endpoints work with.
#[derive(Debug)]
pub struct App {
    pdp: Pdp,
    publisher: Publisher,
    limits: Limits,
    authzen: authzen::Mapping,
    access: admin::Access,
    proxies: Proxies,
}

/// What stands behind the endpoints of proxies, and who may ask on the data plane.
#[derive(Debug)]
pub struct Proxies {
    /// Decides what proxies ask.
    pub guard: proxy::Guard,
    /// Who may ask; `None`: whoever reaches the data plane.
    pub callers: Option<Callers>,
}

/// The bounds on bodies and on requests in flight. Connections have bounds of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The body of a check, in bytes.
    pub check_bytes: usize,
    /// The body of a batch, in bytes.
    pub batch_bytes: usize,
    /// A batch, in items.
    pub batch_items: usize,
    /// The body of a bundle, in bytes.
    pub bundle_bytes: usize,
    /// How deep arrays and objects of a body may be nested, in levels.
    pub depth: usize,
    /// The requests of the data plane at once, in requests. Beyond it: 503.
    pub requests_in_flight: usize,
    /// The requests of the admin plane at once, in requests.
    pub admin_requests_in_flight: usize,
    /// The bodies that the data plane holds at once, in bytes together.
    pub bodies_bytes: usize,
    /// The bodies that the admin plane holds at once, in bytes together.
    pub admin_bodies_bytes: usize,
    /// How long the body of a check or a batch may take to arrive.
    pub body_timeout: Duration,
    /// How long the body of a bundle may take to arrive.
    pub bundle_timeout: Duration,
    /// How long a check waits for the revision that it asks for with `at_least`.
    pub at_least_timeout: Duration,
}

/// The data plane: checks, by whoever has a token, or by whoever reaches it.
pub fn data_plane(app: &Arc<App>) -> Plane {
    let routes = Router::new()
        .merge(native::routes())
        .merge(authzen::routes())
        .merge(proxy::routes(&app.proxies.guard.decide()))
        .fallback(not_found)
        .with_state(Doorway { app: Arc::clone(app), budget: Budget::new(app.limits.bodies_bytes) });
    Plane::data(Arc::clone(app), routes)
}

/// The admin plane. `listener` says what may be believed of a request's host.
pub fn admin_plane(app: &Arc<App>, listener: admin::Reach) -> Plane {
    let budget = Budget::new(app.limits.admin_bodies_bytes);
    let routes =
        admin::routes().fallback(not_found).with_state(Doorway { app: Arc::clone(app), budget });
    Plane::admin(Arc::clone(app), routes, listener)
}

/// What every handler is given: the app, and the plane's budget for bodies.
#[derive(Debug, Clone)]
struct Doorway {
    app: Arc<App>,
    budget: Budget,
}

async fn not_found(State(_): State<Doorway>) -> Problem {
    Problem::new(Kind::NotFound, "nothing is at this path")
}

/// A JSON answer of 200 that nobody may keep: the next revision may answer differently.
fn json_answer(body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The time of a check, in milliseconds since 1970.
fn now_ms() -> i64 {
    let milliseconds = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => milliseconds(since),
        Err(before) => -milliseconds(before.duration()),
    }
}

// === impl App ===

impl App {
    /// What decides, what takes changes, the bounds, how `AuthZEN` names are read, who may use the
    /// admin plane, and what proxies are answered by.
    pub fn new(
        pdp: Pdp,
        publisher: Publisher,
        limits: Limits,
        authzen: authzen::Mapping,
        access: admin::Access,
        proxies: Proxies,
    ) -> Self {
        Self { pdp, publisher, limits, authzen, access, proxies }
    }

    /// Reads the file of the callers' tokens again, if there is one. If it cannot be used, the
    /// tokens stay as they are.
    pub fn reload_callers(&self) -> Option<Result<(), CallersError>> {
        self.proxies.callers.as_ref().map(Callers::reload)
    }

    /// The routes that proxies are answered by.
    pub fn routes(&self) -> &Arc<proxy::Routes> {
        self.proxies.guard.routes()
    }

    /// Reads the file of the admin plane's tokens again. If it cannot be used, the tokens stay as
    /// they are.
    pub fn reload_tokens(&self) -> Result<(), admin::TokensError> {
        self.access.tokens.reload()
    }
}

// === impl Limits ===

impl Default for Limits {
    fn default() -> Self {
        Self {
            check_bytes: 256 * 1024,
            batch_bytes: 4 * 1024 * 1024,
            batch_items: 10_000,
            bundle_bytes: 64 * 1024 * 1024,
            depth: crate::engine::json::DEPTH_MAX,
            requests_in_flight: 1_024,
            admin_requests_in_flight: 64,
            bodies_bytes: 64 * 1024 * 1024,
            admin_bodies_bytes: 128 * 1024 * 1024,
            body_timeout: Duration::from_secs(30),
            bundle_timeout: Duration::from_mins(2),
            at_least_timeout: Duration::from_secs(2),
        }
    }
}

impl Limits {
    fn check(&self) -> Bounds {
        Bounds { bytes: self.check_bytes, timeout: self.body_timeout }
    }

    fn batch(&self) -> Bounds {
        Bounds { bytes: self.batch_bytes, timeout: self.body_timeout }
    }

    fn bundle(&self) -> Bounds {
        Bounds { bytes: self.bundle_bytes, timeout: self.bundle_timeout }
    }
}
