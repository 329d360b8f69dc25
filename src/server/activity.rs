//! What one connection is doing, as far as its timeouts ask: whether a request is being answered,
//! since when none is, and since when a head is arriving. Kept in atomics and looked at by a slow
//! tick, so that a request costs no timer.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Stands for "no head is arriving" in [`Activity::head_since`].
const NONE: u64 = u64::MAX;

/// The state of one connection; shared by its stream, its service and its supervisor.
#[derive(Debug)]
pub(super) struct Activity {
    start: Instant,
    in_flight: AtomicUsize,
    /// When the last request was answered, or the connection accepted, in milliseconds.
    quiet_since: AtomicU64,
    /// When the first byte of a head arrived whose request is not there yet, in milliseconds.
    head_since: AtomicU64,
    /// Whether the connection speaks HTTP/2, where bytes without a request are no slow head.
    multiplexed: AtomicBool,
    /// Whether this side decided to close; set by the supervisor, read by the stream.
    closing: AtomicBool,
}

/// What the timeouts say about a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Within all of them.
    Keep,
    /// Without a request for too long.
    Idle,
    /// A head has been arriving for too long.
    SlowHead,
}

/// Counts one request as being answered, until dropped.
#[derive(Debug)]
pub(super) struct InFlight<A: AsRef<Activity>>(A);

// === impl Activity ===

impl Activity {
    pub(super) fn new() -> Self {
        Self {
            start: Instant::now(),
            in_flight: AtomicUsize::new(0),
            quiet_since: AtomicU64::new(0),
            head_since: AtomicU64::new(NONE),
            multiplexed: AtomicBool::new(false),
            closing: AtomicBool::new(false),
        }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(NONE - 1)
    }

    /// Bytes arrived. Without a request in flight they are the beginning of a head.
    pub(super) fn received(&self) {
        if self.in_flight.load(Relaxed) == 0
            && self.head_since.load(Relaxed) == NONE
            && !self.multiplexed.load(Relaxed)
        {
            self.head_since.store(self.now_ms(), Relaxed);
        }
    }

    pub(super) fn speaks_http2(&self) {
        self.multiplexed.store(true, Relaxed);
    }

    pub(super) fn close(&self) {
        self.closing.store(true, Relaxed);
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing.load(Relaxed)
    }

    pub(super) fn verdict(&self, head_timeout: Duration, idle_timeout: Duration) -> Verdict {
        if self.in_flight.load(Relaxed) > 0 {
            return Verdict::Keep;
        }
        let now = self.now_ms();
        let over = |since: u64, timeout: Duration| {
            since != NONE && u128::from(now.saturating_sub(since)) >= timeout.as_millis()
        };
        if over(self.head_since.load(Relaxed), head_timeout) {
            Verdict::SlowHead
        } else if over(self.quiet_since.load(Relaxed), idle_timeout) {
            Verdict::Idle
        } else {
            Verdict::Keep
        }
    }
}

// === impl InFlight ===

impl<A: AsRef<Activity>> InFlight<A> {
    pub(super) fn begin(owner: A) -> Self {
        let activity = owner.as_ref();
        activity.in_flight.fetch_add(1, Relaxed);
        activity.head_since.store(NONE, Relaxed);
        Self(owner)
    }
}

impl<A: AsRef<Activity>> Drop for InFlight<A> {
    fn drop(&mut self) {
        let activity = self.0.as_ref();
        activity.quiet_since.store(activity.now_ms(), Relaxed);
        activity.in_flight.fetch_sub(1, Relaxed);
    }
}
