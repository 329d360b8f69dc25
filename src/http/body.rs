//! Reading a request's body: declared as JSON, not encoded, within its bound, in time. No more
//! than the bound is ever held, and all bodies together are bounded too.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;

use super::problem::{Kind, Problem};

/// The most bytes that the bodies of all requests of a plane hold together.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    used: Arc<AtomicUsize>,
    most: usize,
}

/// What one body takes of a [`Budget`], given back when dropped.
#[derive(Debug)]
struct Share {
    budget: Budget,
    bytes: usize,
}

/// A whole body.
#[derive(Debug)]
pub(crate) struct Buffered {
    pub(crate) bytes: Bytes,
    _share: Share,
}

/// The bounds on one body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) bytes: usize,
    pub(crate) timeout: Duration,
}

/// Whether the body is declared to be `application/json`, in UTF-8 if a charset is named.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return false };
    let Ok(text) = value.to_str() else { return false };
    if text == "application/json" {
        return true;
    }
    let mut parts = text.split(';').map(str::trim);
    parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"))
        && parts.all(|parameter| match parameter.split_once('=') {
            Some((name, value)) if name.eq_ignore_ascii_case("charset") => {
                value.trim_matches('"').eq_ignore_ascii_case("utf-8")
            }
            _ => true,
        })
}

/// Refuses a body that is compressed: what it unpacks to has no bound.
pub(crate) fn refuse_encoding(headers: &HeaderMap) -> Result<(), Problem> {
    let plain = headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .all(|value| value.as_bytes().eq_ignore_ascii_case(b"identity"));
    if plain {
        return Ok(());
    }
    let detail = "the body has a `Content-Encoding`; it is read only as it is";
    Err(Problem::new(Kind::UnsupportedEncoding, detail).closing())
}

/// Reads a body that is declared as JSON; anything else is 415.
pub(crate) async fn read_json(
    headers: &HeaderMap,
    body: Body,
    bounds: Bounds,
    budget: &Budget,
) -> Result<Buffered, Problem> {
    if !is_json(headers) {
        let detail = "the body must be declared as `Content-Type: application/json`";
        return Err(Problem::new(Kind::UnsupportedMediaType, detail));
    }
    refuse_encoding(headers)?;
    read(body, bounds, budget).await
}

/// Reads a body whole.
pub(crate) async fn read(body: Body, bounds: Bounds, budget: &Budget) -> Result<Buffered, Problem> {
    if body.size_hint().lower() > bounds.bytes as u64 {
        return Err(too_large(bounds));
    }
    let reading = tokio::time::timeout(bounds.timeout, collect(body, bounds, budget));
    reading.await.unwrap_or_else(|_| {
        let seconds = bounds.timeout.as_secs_f32();
        let detail = format!("the body did not arrive within {seconds} seconds");
        Err(Problem::new(Kind::BodyTimeout, detail).closing())
    })
}

async fn collect(mut body: Body, bounds: Bounds, budget: &Budget) -> Result<Buffered, Problem> {
    let mut share = Share { budget: budget.clone(), bytes: 0 };
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            let detail = "the body ended before it was whole";
            return Err(Problem::new(Kind::BrokenBody, detail).closing());
        };
        let Ok(data) = frame.into_data() else { continue };
        if share.bytes.saturating_add(data.len()) > bounds.bytes {
            return Err(too_large(bounds));
        }
        share.take(data.len())?;
        // A small body is one chunk, which is not copied.
        if first.is_empty() && rest.is_empty() {
            first = data;
        } else {
            if rest.is_empty() {
                rest.extend_from_slice(&first);
            }
            rest.extend_from_slice(&data);
        }
    }
    let bytes = if rest.is_empty() { first } else { rest.freeze() };
    Ok(Buffered { bytes, _share: share })
}

fn too_large(bounds: Bounds) -> Problem {
    let detail = format!("the body is over the limit of {} bytes", bounds.bytes);
    Problem::new(Kind::BodyTooLarge, detail).closing()
}

// === impl Budget ===

impl Budget {
    pub(crate) fn new(most: usize) -> Self {
        Self { used: Arc::new(AtomicUsize::new(0)), most }
    }
}

// === impl Share ===

impl Share {
    fn take(&mut self, bytes: usize) -> Result<(), Problem> {
        let used = self.budget.used.fetch_add(bytes, Relaxed).saturating_add(bytes);
        self.bytes = self.bytes.saturating_add(bytes);
        if used <= self.budget.most {
            return Ok(());
        }
        let detail = "the bodies of requests in flight are too large together; try again";
        Err(Problem::new(Kind::Overloaded, detail).closing())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.bytes, Relaxed);
    }
}

#[cfg(test)]
mod tests;
