//! What proxies are told in the log: that one is set up wrongly, and how. It is the same fault with
//! every request, so each fault is told once in a while, with the number of times since; all of
//! them are counted.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use super::{Dialect, Misconfigured};
use crate::pdp::Door;

/// How long a fault is not told again.
const TELL_EVERY: Duration = Duration::from_mins(1);

/// Faults of proxies. There are as many as there are headers, dialects and ways to be wrong.
#[derive(Debug, Default)]
pub(super) struct Complaints {
    faults: Mutex<BTreeMap<(Door, Fault), Told>>,
}

/// What a proxy does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    /// It does not tell the client's request.
    Misconfigured(Misconfigured),
    /// It has no token, and callers need one.
    NoToken,
    /// Its token is not valid.
    InvalidToken,
    /// Its request has no host, or two.
    Host,
}

/// How often a fault was met.
#[derive(Debug, Default)]
struct Told {
    count: u64,
    at: Option<Instant>,
    untold: u64,
}

// === impl Complaints ===

impl Complaints {
    /// Notes a fault.
    pub(super) fn note(&self, dialect: Dialect, fault: Fault) {
        let door = dialect.door();
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let told = faults.entry((door, fault)).or_default();
        told.count += 1;
        if told.at.is_some_and(|at| at.elapsed() < TELL_EVERY) {
            told.untold += 1;
            return;
        }
        let untold = std::mem::take(&mut told.untold);
        told.at = Some(Instant::now());
        drop(faults);
        let door = door.as_str();
        tracing::warn!(door, untold, "a proxy is set up wrongly: {}", fault.sentence());
    }

    /// Every fault that was met: door, header or field, what is wrong, how often.
    pub(super) fn counts(&self) -> Vec<(Door, &'static str, &'static str, u64)> {
        let faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let one = |((door, fault), told): (&(Door, Fault), &Told)| {
            let (name, why) = fault.labels();
            (*door, name, why, told.count)
        };
        faults.iter().map(one).collect()
    }
}

// === impl Fault ===

impl Fault {
    fn sentence(self) -> String {
        match self {
            Self::Misconfigured(misconfigured) => misconfigured.to_string(),
            Self::NoToken => {
                "`x-doorward-token` is missing, and callers need a token: have the proxy send it"
                    .to_owned()
            }
            Self::InvalidToken => "`x-doorward-token` is not a token that is valid".to_owned(),
            Self::Host => "its own request does not name exactly one host".to_owned(),
        }
    }

    fn labels(self) -> (&'static str, &'static str) {
        match self {
            Self::Misconfigured(misconfigured) => (misconfigured.name, misconfigured.why.as_str()),
            Self::NoToken => ("x-doorward-token", "missing"),
            Self::InvalidToken => ("x-doorward-token", "invalid"),
            Self::Host => ("host", "not_one"),
        }
    }
}
