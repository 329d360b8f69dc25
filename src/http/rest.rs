//! What an answer leaves unread of its request's body. hyper closes a connection whose request was
//! not read to its end, and the client that goes on sending learns it from a reset. So a small rest
//! is read and dropped, and a larger one makes the answer say that it is the connection's last.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::Error;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::header::{CONNECTION, EXPECT};
use axum::http::{HeaderValue, Request};
use axum::response::Response;
use http_body_util::BodyExt as _;
use hyper::body::{Frame, SizeHint};

use super::body::Bounds;

/// The body of a request, when whoever answers it is done with it.
#[derive(Debug)]
pub(super) struct Rest {
    left: Arc<Mutex<Option<Body>>>,
    /// The client waits to be told before it sends a body, and shall not be told so in vain.
    waits: bool,
}

/// A body that comes back when it is dropped before its end.
#[derive(Debug)]
struct Lent {
    /// `None` from its end on.
    body: Option<Body>,
    left: Arc<Mutex<Option<Body>>>,
}

// === impl Rest ===

impl Rest {
    /// The same request, whose body is watched.
    pub(super) fn of(request: Request<Body>) -> (Request<Body>, Self) {
        let left = Arc::new(Mutex::new(None));
        let waits = request.headers().contains_key(EXPECT);
        let watched = |body: Body| {
            if body.is_end_stream() {
                return body;
            }
            Body::new(Lent { body: Some(body), left: Arc::clone(&left) })
        };
        (request.map(watched), Self { left, waits })
    }

    /// Reads what is left within bounds; where that is not all, the answer closes the connection.
    pub(super) async fn settle(self, mut response: Response, bounds: Bounds) -> Response {
        let left = self.left.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(body) = left else { return response };
        if response.headers().contains_key(CONNECTION) {
            return response;
        }
        if self.waits || !is_drained(body, bounds).await {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// Reads a body and keeps nothing of it; whether it came to its end.
async fn is_drained(mut body: Body, bounds: Bounds) -> bool {
    let mut left = bounds.bytes;
    if body.size_hint().lower() > left as u64 {
        return false;
    }
    let reading = async {
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else { return false };
            let bytes = frame.data_ref().map_or(0, Bytes::len);
            let Some(rest) = left.checked_sub(bytes) else { return false };
            left = rest;
        }
        true
    };
    tokio::time::timeout(bounds.timeout, reading).await.unwrap_or(false)
}

// === impl Lent ===

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let polled = Pin::new(body).poll_frame(cx);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.body = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let body = self.body.take().filter(|body| !body.is_end_stream());
        *self.left.lock().unwrap_or_else(PoisonError::into_inner) = body;
    }
}
