//! Snapshots that are kept although others replaced them, because somebody holds a cursor that goes
//! on in them. They are few and young: whoever comes later begins again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Installed;

/// How many replaced snapshots are kept, how long, and how much beside them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PinLimits {
    /// Snapshots at a time. They share what did not change between them.
    pub revisions_max: usize,
    /// Since a cursor was last given out.
    pub age_max: Duration,
    /// What candidates may take that are kept for cursors, in bytes together.
    pub candidates_bytes_max: usize,
}

/// The snapshots that cursors name.
#[derive(Debug, Default)]
pub(super) struct Pins {
    kept: Mutex<Vec<Pin>>,
}

#[derive(Debug)]
struct Pin {
    installed: Arc<Installed>,
    last_cursor: Instant,
}

// === impl Pins ===

impl Pins {
    /// Keeps a snapshot, from now on as young as can be. Gives back what is kept no longer, which
    /// may take a while to drop.
    pub(super) fn pin(
        &self,
        installed: &Arc<Installed>,
        now: Instant,
        limits: PinLimits,
    ) -> Vec<Arc<Installed>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut gone = expire(&mut kept, now, limits.age_max);
        let same = kept.iter().position(|pin| pin.installed.revision == installed.revision);
        same.map(|at| kept.remove(at));
        // The oldest is the first: each that is used goes to the end.
        while kept.len() >= limits.revisions_max.max(1) {
            gone.push(kept.remove(0).installed);
        }
        kept.push(Pin { installed: Arc::clone(installed), last_cursor: now });
        gone
    }

    /// A snapshot that is kept still.
    pub(super) fn find(
        &self,
        revision: u64,
        now: Instant,
        limits: PinLimits,
    ) -> Option<Arc<Installed>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let pin = kept.iter().find(|pin| pin.installed.revision == revision)?;
        (now.duration_since(pin.last_cursor) <= limits.age_max).then(|| Arc::clone(&pin.installed))
    }

    /// Lets go of what is too old.
    pub(super) fn expire(&self, now: Instant, limits: PinLimits) -> Vec<Arc<Installed>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        expire(&mut kept, now, limits.age_max)
    }

    /// Whether a snapshot is kept.
    pub(super) fn holds(&self, revision: u64) -> bool {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().any(|pin| pin.installed.revision == revision)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

fn expire(kept: &mut Vec<Pin>, now: Instant, age_max: Duration) -> Vec<Arc<Installed>> {
    let is_old = |pin: &mut Pin| now.duration_since(pin.last_cursor) > age_max;
    kept.extract_if(.., is_old).map(|pin| pin.installed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Bundle, CompileOptions, Text, compile};
    use crate::pdp::{Owner, Owners};

    fn installed(revision: u64) -> Arc<Installed> {
        let bundle = Bundle {
            schema: Some(Text::new(
                "s",
                "entity A; action a appliesTo {principal: A, resource: A};",
            )),
            ..Bundle::default()
        };
        let snapshot = compile(&bundle, &CompileOptions::default()).unwrap();
        Arc::new(Installed {
            snapshot,
            revision,
            installed_at: jiff::Timestamp::UNIX_EPOCH,
            digest: String::new(),
            owners: Owners { policies: Owner::Files, entities: Owner::Files },
            texts: Arc::default(),
        })
    }

    fn limits(revisions_max: usize) -> PinLimits {
        PinLimits { revisions_max, age_max: Duration::from_secs(10), candidates_bytes_max: 0 }
    }

    #[test]
    fn few_are_kept_and_the_one_not_asked_for_goes_first() {
        let limits = limits(2);
        let (pins, now) = (Pins::default(), Instant::now());
        let gone = |revision| -> Vec<u64> {
            pins.pin(&installed(revision), now, limits).iter().map(|it| it.revision).collect()
        };
        assert!(gone(1).is_empty() && gone(2).is_empty() && gone(1).is_empty());
        assert_eq!(gone(3), [2]);
        assert!(pins.find(1, now, limits).is_some() && pins.find(2, now, limits).is_none());
    }

    #[test]
    fn the_old_are_gone_whoever_looks() {
        let limits = limits(9);
        let (pins, now) = (Pins::default(), Instant::now());
        pins.pin(&installed(1), now, limits);
        let later = now + Duration::from_secs(10);
        assert!(pins.find(1, later, limits).is_some());
        let too_late = later + Duration::from_millis(1);
        assert!(pins.find(1, too_late, limits).is_none());
        assert_eq!((pins.expire(too_late, limits).len(), pins.len()), (1, 0));
    }
}
