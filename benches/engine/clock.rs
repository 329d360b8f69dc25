//! CPU time of this process by the operating system's account.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// What all threads have used, those that ended included.
pub(crate) fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// Microseconds of CPU that `work` takes for each of `operations`, with what it gives. That is
/// dropped by the caller, outside of what is measured.
pub(crate) fn cost<T>(operations: usize, work: impl FnOnce() -> T) -> (f64, T) {
    let before = cpu();
    let result = work();
    (micros(cpu().saturating_sub(before), operations), result)
}

/// The same for work that is short: does it again and again until `least` has been used.
pub(crate) fn cost_of_many(least: Duration, mut work: impl FnMut()) -> f64 {
    let (before, mut operations) = (cpu(), 0);
    loop {
        work();
        operations += 1;
        // The clock costs as much as a tenth of a check: it is looked at now and then.
        if operations % 16 == 0 || operations < 16 {
            let spent = cpu().saturating_sub(before);
            if spent >= least {
                return micros(spent, operations);
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "microseconds for people")]
fn micros(spent: Duration, operations: usize) -> f64 {
    spent.as_secs_f64() * 1e6 / operations as f64
}
