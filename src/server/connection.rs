//! One connection from accept to close: hyper reads requests and writes answers, a supervisor
//! beside it applies the timeouts and the drain.

use std::convert::Infallible;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::service::Service;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio_util::sync::CancellationToken;

use super::Options;
use super::activity::{Activity, InFlight, Verdict};
use super::stream::{Stream, Watched};
use crate::identity::Peer;

/// hyper's own lower bound on its read buffer, in bytes; below it hyper panics.
const HEAD_BYTES_MIN: usize = 8 * 1024;
/// The most and the least time between two looks at a connection's timeouts.
const TICK_MAX: Duration = Duration::from_secs(5);
const TICK_MIN: Duration = Duration::from_millis(10);

/// The two stages of stopping: requests in flight may finish; then what is left is cut.
#[derive(Debug, Clone)]
pub(super) struct Stop {
    pub(super) drain: CancellationToken,
    pub(super) cut: CancellationToken,
}

pub(super) fn builder(options: &Options) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    let head_bytes = options.head_bytes.max(HEAD_BYTES_MIN);
    builder
        .http1()
        // The supervisor times heads and idle connections; hyper's own timer costs every request.
        .header_read_timeout(None)
        .max_buf_size(head_bytes)
        .timer(TokioTimer::new());
    builder
        .http2()
        .max_header_list_size(u32::try_from(head_bytes).unwrap_or(u32::MAX))
        .max_concurrent_streams(options.streams_max)
        .timer(TokioTimer::new());
    builder
}

/// Serves one connection until the client closes it, a timeout does, or `stop` does.
pub(super) async fn serve<S, B>(
    stream: Stream,
    service: S,
    builder: Arc<Builder<TokioExecutor>>,
    options: Options,
    stop: Stop,
) where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S::Future: Unpin + Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let activity = Arc::new(Activity::new());
    let peer = stream.peer();
    let io = TokioIo::new(Watched::new(stream, Arc::clone(&activity), options));
    let service = Counted { service, peer, activity: Shared(Arc::clone(&activity)) };
    let mut connection = pin!(builder.serve_connection(io, service));
    let (head_timeout, idle_timeout) = (options.head_timeout, options.idle_timeout);
    let tick = (head_timeout.min(idle_timeout) / 4).clamp(TICK_MIN, TICK_MAX);
    let mut draining = false;
    let mut idle = false;
    loop {
        let stopped = async {
            if draining { stop.cut.cancelled().await } else { stop.drain.cancelled().await }
        };
        tokio::select! {
            biased;
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "connection ended");
                }
                return;
            }
            () = stopped => {
                if draining {
                    return;
                }
                draining = true;
                activity.close();
                connection.as_mut().graceful_shutdown();
            }
            () = tokio::time::sleep(tick) => match activity.verdict(head_timeout, idle_timeout) {
                Verdict::Keep => {}
                // Asked to close at the previous look, and still here.
                Verdict::Idle if idle => return,
                Verdict::Idle => {
                    idle = true;
                    activity.close();
                    connection.as_mut().graceful_shutdown();
                }
                Verdict::SlowHead => {
                    tracing::debug!("connection cut: its request head took too long");
                    return;
                }
            }
        }
    }
}

/// A service that notes in the connection's [`Activity`] when it is at work, and in each request
/// who opened the connection.
#[derive(Debug)]
struct Counted<S> {
    service: S,
    peer: Peer,
    activity: Shared,
}

#[derive(Debug, Clone)]
struct Shared(Arc<Activity>);

/// The future of a [`Counted`] service.
#[derive(Debug)]
struct CountedFuture<F> {
    answer: F,
    _in_flight: InFlight<Shared>,
}

// === impl Counted ===

impl<S> Service<Request<Incoming>> for Counted<S>
where
    S: Service<Request<Incoming>>,
    S::Future: Unpin,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = CountedFuture<S::Future>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(self.peer);
        let in_flight = InFlight::begin(self.activity.clone());
        CountedFuture { answer: self.service.call(request), _in_flight: in_flight }
    }
}

// === impl Shared ===

impl AsRef<Activity> for Shared {
    fn as_ref(&self) -> &Activity {
        &self.0
    }
}

// === impl CountedFuture ===

impl<F: Future + Unpin> Future for CountedFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.get_mut().answer).poll(cx)
    }
}
