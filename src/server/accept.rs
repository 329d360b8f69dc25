//! The accept loop, and the drain that ends it.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::service::Service;
use hyper::{Request, Response};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::{self, Stop};
use super::descriptors::open_files_max;
use super::{Listener, Options};

/// How long the loop waits after an accept that failed, at first and at most.
const BACK_OFF_MIN: Duration = Duration::from_millis(5);
const BACK_OFF_MAX: Duration = Duration::from_secs(1);
/// Descriptors kept for files, where connections are bounded by what the process may open.
const FILES_RESERVED: usize = 64;
/// How many listeners share the rest: one for each plane.
const LISTENERS: usize = 2;

/// Serves connections until `shutdown`, then lets requests in flight finish, for at most the drain
/// timeout. No connection's failure ends it.
pub async fn run<S, B>(
    listener: Listener,
    service: S,
    options: Options,
    shutdown: CancellationToken,
) where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + Sync + 'static,
    S::Future: Unpin + Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let builder = Arc::new(connection::builder(&options));
    let places = Arc::new(Semaphore::new(connections_max(&options)));
    let tasks = TaskTracker::new();
    let stop = Stop { drain: shutdown.clone(), cut: CancellationToken::new() };
    let accepting = async {
        let mut back_off = BACK_OFF_MIN;
        loop {
            // The place is taken before the connection is: one too many waits in the backlog of
            // the system and costs this process nothing. The semaphore is never closed.
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            let stream = match listener.accept().await {
                Ok(stream) => stream,
                Err(error) if is_of_connection(&error) => continue,
                Err(error) => {
                    tracing::warn!(%error, "accept failed; trying again");
                    tokio::time::sleep(back_off).await;
                    back_off = (back_off * 2).min(BACK_OFF_MAX);
                    continue;
                }
            };
            back_off = BACK_OFF_MIN;
            let serving = connection::serve(
                stream,
                service.clone(),
                Arc::clone(&builder),
                options,
                stop.clone(),
            );
            tasks.spawn(async move {
                serving.await;
                drop(place);
            });
        }
    };
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = accepting => {}
    }
    // Closing the socket first makes clients that come now go elsewhere at once.
    drop(listener);
    tasks.close();
    if tokio::time::timeout(options.drain_timeout, tasks.wait()).await.is_err() {
        tracing::warn!(connections = tasks.len(), "drain timeout is over; connections are cut");
        stop.cut.cancel();
        tasks.wait().await;
    }
}

/// Whether an accept failed because of the connection that was to be accepted, which is gone.
fn is_of_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::NotConnected
    )
}

/// As many connections as configured, or as the process may open files, whichever is less: a
/// connection that took the last descriptor would keep a reload from reading its files.
fn connections_max(options: &Options) -> usize {
    let configured = options.connections_max.clamp(1, Semaphore::MAX_PERMITS);
    let Some(files) = open_files_max() else { return configured };
    let most = (files.saturating_sub(FILES_RESERVED) / LISTENERS).max(1);
    if most < configured {
        tracing::debug!(configured, most, "fewer connections: the open files limit is lower");
    }
    configured.min(most)
}
