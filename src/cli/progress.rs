//! How far a long load or another long work is, on standard error where that is a terminal, and
//! nowhere else. It shows itself only when it takes long, and leaves nothing behind.

use std::io::{self, IsTerminal as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::engine::store::Taken;

/// How long it may take before it is shown.
const PATIENCE: Duration = Duration::from_millis(500);
/// How often the bar is drawn.
const DRAWN_EVERY: Duration = Duration::from_millis(100);
/// What the bar says of a load.
const OF_BYTES: &str = "{msg} [{bar:30}] {bytes} of {total_bytes} ({elapsed})";
/// What the bar says of things that are done one after the other.
const OF_THINGS: &str = "{msg} [{bar:30}] {pos} of {len} ({elapsed})";

/// What is said where nobody knows how much there is to do.
const OF_MANY: &str = "{spinner} {msg}: {pos} decisions ({elapsed})";

/// A bar that is shown until it is dropped.
#[derive(Debug)]
pub(super) struct Progress {
    drawing: Option<(Sender<()>, JoinHandle<()>)>,
}

// === impl Progress ===

impl Progress {
    /// A bar for a load of so many bytes, of which `taken` counts those that are loaded.
    pub(super) fn start(bytes: u64, taken: Taken) -> Self {
        Self::draw(bytes, "loading entities", OF_BYTES, move || taken.bytes())
    }

    /// A bar for so many things, of which `done` counts those that are done.
    pub(super) fn count(things: u64, message: &'static str, done: Arc<AtomicU64>) -> Self {
        Self::draw(things, message, OF_THINGS, move || done.load(Ordering::Relaxed))
    }

    /// Decisions that are made, of which nobody knows how many it will take.
    pub(super) fn decisions(message: &'static str, made: Arc<AtomicU64>) -> Self {
        Self::draw(u64::MAX, message, OF_MANY, move || made.load(Ordering::Relaxed))
    }

    fn draw(
        total: u64,
        message: &'static str,
        template: &'static str,
        done: impl Fn() -> u64 + Send + 'static,
    ) -> Self {
        if total == 0 || !io::stderr().is_terminal() {
            return Self { drawing: None };
        }
        let (stop, stopped) = mpsc::channel();
        let draw = move || {
            let goes_on = |time| stopped.recv_timeout(time) == Err(RecvTimeoutError::Timeout);
            if !goes_on(PATIENCE) {
                return;
            }
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar.set_message(message);
            while goes_on(DRAWN_EVERY) {
                bar.set_position(done().min(total));
                bar.tick();
            }
            bar.finish_and_clear();
        };
        let drawing = std::thread::Builder::new().name("progress".into()).spawn(draw);
        Self { drawing: drawing.ok().map(|thread| (stop, thread)) }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.drawing.take() {
            drop(stop);
            // A bar that failed is no failure of the load.
            let _ = thread.join();
        }
    }
}
