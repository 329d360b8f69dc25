//! Work that may take seconds runs on threads of lower priority, so that checks, which take
//! microseconds, do not wait for it: while a million entities are loaded the slowest checks were
//! several times slower without this (`docs/performance.md`).

use rustix::process::{getpriority_process, setpriority_process};

/// How much nicer such a thread is. It still gets its share of a busy processor.
const NICER: i32 = 10;
/// The nicest there is.
const NICE_MAX: i32 = 19;

/// Does some work on a thread of lower priority, and waits for it. Threads that the work starts have
/// that priority too.
pub(super) fn unhurried<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let done = std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            lower_priority();
            work()
        });
        thread.join()
    });
    done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Lowers the priority of the thread that calls this, for good. On Linux a process id of zero
/// means the calling thread, not its process.
pub(super) fn lower_priority() {
    let lowered = getpriority_process(None)
        .and_then(|now| setpriority_process(None, (now + NICER).min(NICE_MAX)));
    // The work is done all the same.
    if let Err(error) = lowered {
        tracing::debug!(%error, "a thread keeps its priority");
    }
}
