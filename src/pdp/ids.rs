//! Ids of decisions: `UUIDv7` (RFC 9562), in the order of time, without a system call for each.
//!
//! What is random in them tells ids apart and keeps no secret, so it is drawn once from the system,
//! and from then on made of a counter.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use uuid::{Builder, Uuid};

/// Makes ids that no two decisions share.
#[derive(Debug)]
pub(super) struct Ids {
    /// What tells this process from others.
    seed: [u64; 2],
    made: AtomicU64,
}

// === impl Ids ===

impl Ids {
    pub(super) fn new() -> Self {
        // Each `RandomState` is keyed by the system's randomness.
        let random = || RandomState::new().hash_one(0);
        Self { seed: [random(), random()], made: AtomicU64::new(0) }
    }

    pub(super) fn next(&self) -> Uuid {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let [first, second] = self.seed.map(|seed| mixed(seed.wrapping_add(number)));
        let mut random = [0; 10];
        let bytes = first.to_le_bytes().into_iter().chain(second.to_le_bytes());
        random.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
        let now_ms = u64::try_from(Timestamp::now().as_millisecond()).unwrap_or_default();
        Builder::from_unix_timestamp_millis(now_ms, &random).into_uuid()
    }
}

/// One step of `SplitMix64`, which gives every number another.
fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_differ_and_say_their_version() {
        let ids = Ids::new();
        let made: HashSet<Uuid> = (0..100_000).map(|_| ids.next()).collect();
        assert_eq!(made.len(), 100_000);
        assert!(made.iter().all(|id| id.get_version_num() == 7));
        assert_ne!(Ids::new().next(), Ids::new().next());
    }
}
