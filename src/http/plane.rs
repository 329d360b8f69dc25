//! What surrounds every request of a plane, whatever its path: the echo of `X-Request-ID`, the
//! bound on requests in flight, the judgement of host, origin and credential, and the one place
//! where a panic is caught.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::Poll;

use axum::Router;
use axum::body::Body;
use axum::http::header::HOST;
use axum::http::{HeaderName, Request, Version};
use axum::response::{IntoResponse as _, Response};
use hyper::body::Incoming;
use hyper::service::Service;
use tower::Service as _;

use super::admin::{self, Reach};
use super::problem::{Kind, Problem};
use super::proxy::{self, Verdict};
use super::{App, authzen};
use crate::engine::Code;
use crate::pdp::Door;

/// The name under which a client finds its request in several logs.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest request id that is echoed, in bytes; a longer one is ignored.
const REQUEST_ID_BYTES_MAX: usize = 1024;

/// One plane, ready to answer. Cloning is shallow.
#[derive(Debug, Clone)]
pub struct Plane {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    app: Arc<App>,
    routes: Router,
    /// `None` on the data plane.
    admin: Option<Reach>,
    in_flight: AtomicUsize,
    in_flight_max: usize,
}

/// One request in flight, until dropped.
struct Entered<'a>(&'a AtomicUsize);

// === impl Plane ===

impl Plane {
    pub(super) fn data(app: Arc<App>, routes: Router) -> Self {
        let in_flight_max = app.limits.requests_in_flight;
        let in_flight = AtomicUsize::new(0);
        Self { inner: Arc::new(Inner { app, routes, admin: None, in_flight, in_flight_max }) }
    }

    pub(super) fn admin(app: Arc<App>, routes: Router, reach: Reach) -> Self {
        let in_flight_max = app.limits.admin_requests_in_flight;
        let in_flight = AtomicUsize::new(0);
        let admin = Some(reach);
        Self { inner: Arc::new(Inner { app, routes, admin, in_flight, in_flight_max }) }
    }

    /// Answers one request.
    pub async fn answer(&self, request: Request<Body>) -> Response {
        let request_id = request
            .headers()
            .get(REQUEST_ID)
            .filter(|id| id.len() <= REQUEST_ID_BYTES_MAX)
            .cloned();
        let mut response = self.answer_or_catch(request).await;
        if let Some(id) = request_id {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        response
    }

    /// Judges a request by its head alone, and counts it as in flight.
    fn enter(&self, request: &Request<Body>) -> Result<Option<Entered<'_>>, Problem> {
        let inner = &*self.inner;
        require_host(request)?;
        if let (None, Some(callers)) = (inner.admin, &inner.app.proxies.callers) {
            match proxy::dialect(request.uri().path()) {
                Some(_) => callers.judge_proxy(request.headers())?,
                None => callers.judge(request.headers())?,
            }
        }
        if let Some(reach) = inner.admin {
            admin::judge(&inner.app.access, reach, request)?;
            if admin::is_probe(request.uri().path()) {
                return Ok(None);
            }
        }
        let entered = Entered(&inner.in_flight);
        if inner.in_flight.fetch_add(1, Relaxed) < inner.in_flight_max {
            return Ok(Some(entered));
        }
        if inner.admin.is_none() && self.dialect(request).is_none() {
            inner.app.pdp.metrics().count_refused(door(request.uri().path()), Code::Overloaded);
        }
        Err(Problem::new(Kind::Overloaded, "too many requests are in flight; try again"))
    }

    async fn judge_and_route(&self, request: Request<Body>) -> Response {
        let _entered = match self.enter(&request) {
            Ok(entered) => entered,
            Err(problem) => {
                let dialect = self.dialect(&request);
                drop(request);
                return self.refuse(dialect, problem).await;
            }
        };
        let Ok(response) = self.inner.routes.clone().call(request).await;
        response
    }

    /// A refusal: to a proxy in its dialect, to everybody else as a problem.
    async fn refuse(&self, dialect: Option<proxy::Dialect>, problem: Problem) -> Response {
        let Some(dialect) = dialect else { return problem.into_response() };
        let code = match problem.kind() {
            Kind::InvalidHost => Code::ProxyMisconfigured,
            Kind::NoCredential => Code::NoCredential,
            Kind::InvalidCredential => Code::InvalidCredential,
            _ => Code::Overloaded,
        };
        self.inner.app.proxies.guard.note_refused(dialect, code);
        proxy::refuse(dialect, Verdict::deny(code)).await
    }

    /// The dialect of a proxy that asks.
    fn dialect(&self, request: &Request<Body>) -> Option<proxy::Dialect> {
        if self.inner.admin.is_some() { None } else { proxy::dialect(request.uri().path()) }
    }

    /// A panic is a fault of one request: it is answered 500, which allows nothing, and the
    /// process goes on.
    async fn answer_or_catch(&self, request: Request<Body>) -> Response {
        let dialect = self.dialect(&request);
        let mut answering = pin!(self.judge_and_route(request));
        let answered =
            poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| answering.as_mut().poll(cx))) {
                Ok(poll) => poll.map(Some),
                Err(_) => Poll::Ready(None),
            });
        if let Some(response) = answered.await {
            return response;
        }
        tracing::error!("a request handler panicked; it was answered as a fault");
        match dialect {
            Some(dialect) => proxy::refuse(dialect, Verdict::fault()).await,
            None => Problem::new(Kind::Internal, "the service failed to answer")
                .closing()
                .into_response(),
        }
    }
}

impl Service<Request<Incoming>> for Plane {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let plane = self.clone();
        Box::pin(async move { Ok(plane.answer(request.map(Body::new)).await) })
    }
}

/// A request of HTTP/1.1 names exactly one host (RFC 9112, section 3.2).
fn require_host(request: &Request<Body>) -> Result<(), Problem> {
    let mut hosts = request.headers().get_all(HOST).iter();
    let detail = match (hosts.next(), hosts.next()) {
        (Some(_), Some(_)) => "the request has more than one `Host` header",
        (None, _) if request.version() == Version::HTTP_11 => "the request has no `Host` header",
        _ => return Ok(()),
    };
    Err(Problem::new(Kind::InvalidHost, detail).closing())
}

fn door(path: &str) -> Door {
    if path.starts_with(authzen::PREFIX) { Door::Authzen } else { Door::Native }
}

// === impl Entered ===

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests;
