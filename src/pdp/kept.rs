//! Candidates of searches that are kept for the next page: to find them again costs as much for each
//! page of a large search as for its first. They are only a saving: a cursor whose candidates are
//! gone goes on all the same.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::PinLimits;
use crate::engine::search::Candidates;

/// The most that is kept however little each takes, in questions. All are looked through under the
/// lock.
const QUESTIONS_MAX: usize = 256;

/// Whose candidates they are. A revision's number is never given twice in a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asker {
    /// The snapshot that is searched.
    pub revision: u64,
    /// What tells the question from all others.
    pub question: [u8; 32],
}

/// The candidates that young cursors go on in.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// The one not used for longest is the first.
    all: Mutex<Vec<Of>>,
}

#[derive(Debug)]
struct Of {
    asker: Asker,
    candidates: Candidates,
    last_used: Instant,
}

// === impl Kept ===

impl Kept {
    /// Keeps candidates, from now on as young as can be. What there is no room for goes, the one
    /// not used for longest first.
    pub(super) fn keep(
        &self,
        asker: Asker,
        candidates: Candidates,
        now: Instant,
        limits: PinLimits,
    ) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        forget_old(&mut all, now, limits.age_max);
        all.retain(|of| !of.is(asker, candidates.type_name()));
        if candidates.bytes() > limits.candidates_bytes_max {
            return;
        }
        all.push(Of { asker, candidates, last_used: now });
        let mut bytes: usize = all.iter().map(|of| of.candidates.bytes()).sum();
        let mut gone = 0;
        for of in all.iter() {
            if bytes <= limits.candidates_bytes_max && all.len() - gone <= QUESTIONS_MAX {
                break;
            }
            bytes -= of.candidates.bytes();
            gone += 1;
        }
        all.drain(..gone);
    }

    /// The candidates of a question in a type, if they are there still.
    pub(super) fn find(
        &self,
        asker: Asker,
        type_name: &str,
        now: Instant,
        limits: PinLimits,
    ) -> Option<Candidates> {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let of = all.iter().find(|of| of.is(asker, type_name))?;
        (now.duration_since(of.last_used) <= limits.age_max).then(|| of.candidates.clone())
    }

    /// Lets go of what is too old, and of those of revisions that are not kept any more.
    pub(super) fn expire(&self, now: Instant, age_max: Duration, is_kept: impl Fn(u64) -> bool) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        forget_old(&mut all, now, age_max);
        all.retain(|of| is_kept(of.asker.revision));
    }

    /// What all of them take, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().map(|of| of.candidates.bytes()).sum()
    }
}

// === impl Of ===

impl Of {
    fn is(&self, asker: Asker, type_name: &str) -> bool {
        self.asker == asker && self.candidates.type_name() == type_name
    }
}

fn forget_old(all: &mut Vec<Of>, now: Instant, age_max: Duration) {
    all.retain(|of| now.duration_since(of.last_used) <= age_max);
}

#[cfg(test)]
mod tests;
