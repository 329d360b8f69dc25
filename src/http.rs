//! The endpoints, on two planes that never share a listener:
//!
//! | plane | paths | file |
//! |---|---|---|
//! | data | the service's own checks | `native` |
//! | data | its searches and filters | `search` |
//! | data | `AuthZEN` | [`authzen`] |
//! | data | `/authz/*`, gRPC `envoy.service.auth.v3.Authorization/Check` | [`proxy`] |
//! | admin | probes, and what is in force and shall be | [`admin`] |
//!
//! `routes` gathers the tables that the router and the `OpenAPI` document (`openapi`) are made of;
//! `docs/openapi.json` lists every route but those of proxies, who answer to their own protocols.
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
mod openapi;
mod outline;
mod plane;
mod rest;
mod routes;
mod search;

pub use callers::{Callers, CallersError};
pub use plane::Plane;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::Response;

use crate::pdp::publisher::Publisher;
use crate::pdp::{Pdp, PinLimits};
use body::{Bounds, Budget};
use problem::Problem;
use tokio::sync::Semaphore;

/// What the endpoints work with.
#[derive(Debug)]
pub struct App {
    pdp: Pdp,
    publisher: Publisher,
    limits: Limits,
    authzen: authzen::Mapping,
    access: admin::Access,
    proxies: Proxies,
    cursors: search::Cursors,
    /// Searches that are answered as streams.
    streams: Arc<Semaphore>,
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
    /// The streamed body of all entities, in bytes. It is not held.
    pub entities_bytes: u64,
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
    /// How long the streamed body of all entities may take to arrive.
    pub entities_timeout: Duration,
    /// How long a check waits for the revision that it asks for with `at_least`.
    pub at_least_timeout: Duration,
    /// A page of a search, in uids.
    pub search_page: usize,
    /// What is looked at for a page of a search, in candidates.
    pub search_candidates: usize,
    /// How long is looked for a page of a search.
    pub search_time: Duration,
    /// The searches that are answered as streams at once, in streams.
    pub search_streams: usize,
    /// How long a search is answered as a stream.
    pub stream_time: Duration,
    /// The replaced revisions that are kept for cursors, in revisions.
    pub cursor_revisions: usize,
    /// How long a revision is kept since a cursor of it was last given out.
    pub cursor_age: Duration,
    /// What candidates may take that are kept for cursors, in bytes together.
    pub cursor_candidates_bytes: usize,
}

/// The system has no randomness to make keys of.
#[derive(Debug, thiserror::Error)]
#[error("the system has no randomness to make keys of: {0}")]
pub struct NoRandomness(getrandom::Error);

/// The data plane: checks, by whoever has a token, or by whoever reaches it.
pub fn data_plane(app: &Arc<App>) -> Plane {
    let routes = routes::router(routes::data())
        .merge(proxy::routes(&app.proxies.guard.decide()))
        .merge(authzen::metadata_of_path())
        .fallback(not_found)
        .with_state(Doorway { app: Arc::clone(app), budget: Budget::new(app.limits.bodies_bytes) });
    Plane::data(Arc::clone(app), routes)
}

/// The admin plane. `listener` says what may be believed of a request's host.
pub fn admin_plane(app: &Arc<App>, listener: admin::Reach) -> Plane {
    let budget = Budget::new(app.limits.admin_bodies_bytes);
    let routes = routes::router(routes::admin())
        .fallback(not_found)
        .with_state(Doorway { app: Arc::clone(app), budget });
    Plane::admin(Arc::clone(app), routes, listener)
}

/// What every handler is given: the app, and the plane's budget for bodies.
#[derive(Debug, Clone)]
struct Doorway {
    app: Arc<App>,
    budget: Budget,
}

async fn not_found(State(_): State<Doorway>) -> Problem {
    Problem::nothing_here()
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
    ///
    /// # Errors
    /// Keys cannot be made.
    pub fn new(
        pdp: Pdp,
        publisher: Publisher,
        limits: Limits,
        authzen: authzen::Mapping,
        access: admin::Access,
        proxies: Proxies,
    ) -> Result<Self, NoRandomness> {
        let cursors = search::Cursors::new().map_err(NoRandomness)?;
        let streams = Arc::new(Semaphore::new(limits.search_streams.min(Semaphore::MAX_PERMITS)));
        Ok(Self { pdp, publisher, limits, authzen, access, proxies, cursors, streams })
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
            entities_bytes: 4 * 1024 * 1024 * 1024,
            depth: crate::engine::json::DEPTH_MAX,
            requests_in_flight: 1_024,
            admin_requests_in_flight: 64,
            bodies_bytes: 64 * 1024 * 1024,
            admin_bodies_bytes: 128 * 1024 * 1024,
            body_timeout: Duration::from_secs(30),
            bundle_timeout: Duration::from_mins(2),
            entities_timeout: Duration::from_hours(1),
            at_least_timeout: Duration::from_secs(2),
            search_page: 10_000,
            search_candidates: 200_000,
            search_time: Duration::from_secs(2),
            search_streams: 32,
            stream_time: Duration::from_mins(10),
            cursor_revisions: 16,
            cursor_age: Duration::from_mins(5),
            cursor_candidates_bytes: 64 * 1024 * 1024,
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

    /// The bounds on what is kept for cursors.
    fn pins(&self) -> PinLimits {
        PinLimits {
            revisions_max: self.cursor_revisions,
            age_max: self.cursor_age,
            candidates_bytes_max: self.cursor_candidates_bytes,
        }
    }

    fn bundle(&self) -> Bounds {
        Bounds { bytes: self.bundle_bytes, timeout: self.bundle_timeout }
    }
}
