//! An answer as lines, for what is too large to be held: a line is sent when the client takes it,
//! and the next ones are looked for only then. Whoever goes away stops the search.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::{Body, HttpBody};
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::Response;
use bytes::Bytes;
use hyper::body::Frame;
use tokio::sync::OwnedSemaphorePermit;

use super::pages::{Begun, CANDIDATES_PER_TURN};
use super::{Asked, LINES, Wish, begin, write_uid};
use crate::http::native::answer::write_number;
use crate::http::problem::{Kind, Problem, write_json};
use crate::http::{App, now_ms};

/// A search that is answered line by line.
struct Lines {
    app: Arc<App>,
    begun: Begun,
    sent: u64,
    limit: u64,
    until: Instant,
    /// There are so many streams at a time and no more.
    _stream: OwnedSemaphorePermit,
}

/// What a step of a stream is: bytes, and the stream itself unless they were the last.
type Next = Result<(Bytes, Option<Lines>), Broken>;

/// The search could not go on. The answer ends in the middle, which no client takes for its end.
#[derive(Debug, thiserror::Error)]
#[error("the search failed")]
struct Broken;

/// A body that does its work when it is asked for.
struct Streamed {
    next: Option<Pin<Box<dyn Future<Output = Next> + Send>>>,
}

pub(super) fn answer(app: &Arc<App>, asked: Asked, wish: &Wish) -> Result<Response, Problem> {
    let stream = Arc::clone(&app.streams).try_acquire_owned().map_err(|_| {
        Problem::new(Kind::Overloaded, "too many searches are answered as streams; try again")
    })?;
    let begun = begin(app, asked, wish.cursor())?;
    if wish.count && (wish.limit.is_some() || wish.cursor.is_some()) {
        let detail = "`count` of all is not taken with a part of a stream: the last line says how \
                      many lines there were";
        return Err(Problem::new(Kind::InvalidMember, detail));
    }
    let lines = Lines {
        app: Arc::clone(app),
        begun,
        sent: 0,
        limit: wish.limit.unwrap_or(u64::MAX),
        until: Instant::now() + app.limits.stream_time,
        _stream: stream,
    };
    let mut response = Response::new(Body::new(Streamed { next: Some(Box::pin(lines.next())) }));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(LINES));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

// === impl Lines ===

impl Lines {
    /// The next lines, at least one.
    async fn next(mut self) -> Next {
        let mut out = Vec::new();
        while out.is_empty() {
            let left = usize::try_from(self.limit - self.sent).unwrap_or(usize::MAX);
            let search = &mut self.begun.search;
            let is_over = left == 0 || Instant::now() >= self.until;
            // The last look finds nothing and tells whether something is left.
            let budget = if is_over { 0 } else { CANDIDATES_PER_TURN };
            let step = search.step(now_ms(), left, budget).await.map_err(|error| {
                tracing::error!(?error, "a search that was answered as a stream failed");
                Broken
            })?;
            self.sent += step.found.len() as u64;
            for uid in &step.found {
                write_uid(&mut out, uid);
                out.push(b'\n');
            }
            if is_over || search.is_complete() {
                self.write_last(&mut out);
                return Ok((Bytes::from(out), None));
            }
        }
        Ok((Bytes::from(out), Some(self)))
    }

    fn write_last(&self, out: &mut Vec<u8>) {
        let cursor = self.begun.cursor(&self.app);
        self.begun.search.ended();
        out.extend_from_slice(b"{\"complete\":");
        out.extend_from_slice(if cursor.is_none() { b"true" } else { b"false" });
        out.extend_from_slice(b",\"revision\":");
        write_number(out, self.begun.installed.revision);
        out.extend_from_slice(b",\"count\":");
        write_number(out, self.sent);
        if let Some(cursor) = cursor {
            out.extend_from_slice(b",\"cursor\":");
            write_json(out, &cursor);
        }
        out.extend_from_slice(b"}\n");
    }
}

// === impl Streamed ===

impl HttpBody for Streamed {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let Some(next) = &mut self.next else { return Poll::Ready(None) };
        let Poll::Ready(done) = next.as_mut().poll(cx) else { return Poll::Pending };
        self.next = None;
        Poll::Ready(Some(done.map(|(bytes, lines)| {
            self.next = lines.map(|lines| Box::pin(lines.next()) as _);
            Frame::data(bytes)
        })))
    }
}
