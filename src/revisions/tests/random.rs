//! Random sequences of operations on a log, compared step by step with a small model of it.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::conformance::{Backend, entry, minute};
use crate::revisions::*;

/// The most operations of a sequence.
const STEPS_MAX: usize = 30;
/// How many sequences are tried; each is opened anew after every step.
const SEQUENCES: u32 = 20;
/// The clock goes on by this much with each step, so that keys expire within a sequence.
const STEP_MINUTES: i64 = 150;

#[derive(Debug, Clone)]
enum Step {
    /// Append after the head, perhaps with a key, perhaps with the snapshot that is ahead.
    Append { bytes: usize, key: Option<u8>, take_ahead: bool },
    /// Append after a head that is not the newest.
    Stale { back: u64, bytes: usize },
    /// Put a snapshot this far behind the revision after the head.
    Snapshot { back: u64, text: u8 },
    /// Put one under a wrong digest.
    Wrong { back: u64 },
    /// Compact.
    Compact { records: u64, bytes: u64, spacing: u64 },
}

/// What a log holds, in the plainest way.
#[derive(Debug, Default)]
struct Model {
    /// Every record that ever was, by revision less one, and its body.
    records: Vec<(Record, Vec<u8>)>,
    first: u64,
    /// By revision; the one after the head is ahead of its record.
    snapshots: BTreeMap<u64, Vec<u8>>,
    minutes: i64,
}

/// Holds a backend to the model.
pub(crate) fn agrees_with_the_model<B: Backend>(fresh: impl Fn() -> B) {
    let config = Config { cases: SEQUENCES, failure_persistence: None, ..Config::default() };
    let steps = proptest::collection::vec(step(), 1..STEPS_MAX);
    let sequence = |steps: Vec<Step>| {
        let backend = fresh();
        let mut log = backend.open();
        let start = log.head().unwrap();
        let mut model = Model { first: 1, ..Model::default() };
        for step in steps {
            model.minutes += STEP_MINUTES;
            model.take(&log, &step, start);
            model.compare(&log, start);
            drop(log);
            log = backend.open();
            model.compare(&log, start);
        }
        Ok(())
    };
    TestRunner::new(config).run(&steps, sequence).unwrap();
}

fn step() -> impl Strategy<Value = Step> {
    let bytes = prop_oneof![4 => 0..200_usize, 1 => Just(70_000_usize)];
    let append = (bytes.clone(), proptest::option::of(0..4_u8), any::<bool>());
    let append =
        append.prop_map(|(bytes, key, take_ahead)| Step::Append { bytes, key, take_ahead });
    let stale = (1..5_u64, bytes).prop_map(|(back, bytes)| Step::Stale { back, bytes });
    let snapshot = (0..6_u64, 0..3_u8).prop_map(|(back, text)| Step::Snapshot { back, text });
    let wrong = (0..6_u64).prop_map(|back| Step::Wrong { back });
    let compact = (0..8_u64, prop_oneof![Just(0), 0..3_000_u64, Just(u64::MAX)], 0..6_u64);
    let compact =
        compact.prop_map(|(records, bytes, spacing)| Step::Compact { records, bytes, spacing });
    prop_oneof![6 => append, 1 => stale, 3 => snapshot, 1 => wrong, 2 => compact]
}

// === impl Model ===

impl Model {
    fn head(&self, start: Head) -> Head {
        self.records.last().map_or(start, |(record, _)| record.head())
    }

    fn next(&self) -> u64 {
        self.records.len() as u64 + 1
    }

    fn find(&self, key: &str) -> Option<&Record> {
        let now = minute(self.minutes);
        let has = |it: &&Record| it.idempotency.as_ref().is_some_and(|it| it.key == key);
        self.records
            .iter()
            .rev()
            .map(|(record, _)| record)
            .find(has)
            .filter(|it| it.key_stands(now))
    }

    /// Does a step on both, and compares what the log says to it.
    fn take(&mut self, log: &impl RevisionLog, step: &Step, start: Head) {
        match step {
            Step::Append { bytes, key, take_ahead } => {
                self.append(log, *bytes, *key, *take_ahead, start);
            }
            Step::Stale { back, bytes } => {
                let known = self.next().saturating_sub(*back + 1);
                let stale = match known.checked_sub(1) {
                    Some(index) => self.records[usize::try_from(index).unwrap()].0.head(),
                    None => start,
                };
                if stale != self.head(start) {
                    let refused = log.append(&stale, entry(vec![1; *bytes]));
                    assert!(matches!(refused, Err(AppendError::NotHead { .. })), "{refused:?}");
                }
            }
            Step::Snapshot { back, text } => {
                let revision = self.next().saturating_sub(*back);
                let bytes = vec![*text; 400 * usize::from(*text) + 1];
                let put = log.put_snapshot(revision, None, &mut &bytes[..]);
                if (self.first..=self.next()).contains(&revision) {
                    assert_eq!(put.unwrap().digest, Hash::of(&bytes));
                    self.snapshots.insert(revision, bytes);
                } else {
                    assert!(matches!(put, Err(LogError::Absent { .. })), "{put:?}");
                }
            }
            Step::Wrong { back } => {
                let revision = self.next().saturating_sub(*back);
                let put = log.put_snapshot(revision, Some(start.hash), &mut &[1, 2, 3][..]);
                put.unwrap_err();
            }
            Step::Compact { records, bytes, spacing } => {
                let (records_min, older_bytes_max) = (*records, *bytes);
                let policy = Retention { records_min, older_bytes_max, snapshot_spacing: *spacing };
                let before = self.first;
                self.compact(&policy);
                let compacted = log.compact(&policy, minute(self.minutes)).unwrap();
                assert_eq!((compacted.first, compacted.records), (self.first, self.first - before));
            }
        }
    }

    fn append(
        &mut self,
        log: &impl RevisionLog,
        bytes: usize,
        key: Option<u8>,
        take_ahead: bool,
        start: Head,
    ) {
        let next = self.next();
        let body = vec![u8::try_from(next % 251).unwrap(); bytes];
        let key = key.map(|key| key.to_string());
        let idempotency = key.map(|key| Idempotency { key, request: next.to_string() });
        let ahead = self.snapshots.get(&next).map(|it| Hash::of(it));
        let snapshot = ahead.filter(|_| take_ahead);
        let at = minute(self.minutes);
        let given = Entry { at, idempotency, snapshot, ..entry(body.clone()) };
        let taken = given.idempotency.as_ref().and_then(|it| self.find(&it.key));
        let appended = log.append(&self.head(start), given.clone());
        if let Some(taken) = taken {
            let expected = taken.revision;
            let Err(AppendError::KeyTaken { revision }) = appended else { panic!("{appended:?}") };
            assert_eq!(revision, expected);
            return;
        }
        let record = appended.unwrap();
        record.follows(&self.head(start)).unwrap();
        assert_eq!((record.at, record.snapshot), (given.at, given.snapshot));
        assert_eq!(record.idempotency, given.idempotency);
        if snapshot.is_none() {
            self.snapshots.remove(&next);
        }
        self.records.push((record, body));
    }

    /// The contract of retention, word by word and slowly.
    fn compact(&mut self, policy: &Retention) {
        let head = self.next() - 1;
        let end = (head + 1).saturating_sub(policy.records_min.clamp(1, head.max(1)));
        let older = |from: u64| -> u64 {
            let records = self.records.iter().map(|(record, _)| record);
            let records = records.filter(|it| (from..end).contains(&it.revision));
            let snapshots = self.snapshots.iter().filter(|(it, _)| (from..end).contains(it));
            let snapshots: u64 = snapshots.map(|(_, bytes)| bytes.len() as u64).sum();
            records.map(Record::bytes).sum::<u64>() + snapshots
        };
        let counted: Vec<u64> = self.snapshots.keys().copied().filter(|it| *it <= head).collect();
        let later = counted.iter().copied().filter(|it| (self.first + 1..=end).contains(it));
        let bases: Vec<u64> = [self.first].into_iter().chain(later).collect();
        let fits = bases.iter().find(|it| older(**it) <= policy.older_bytes_max);
        self.first = *fits.or(bases.last()).unwrap();
        self.snapshots.retain(|it, _| *it >= self.first);
        // From the oldest on: drop each whose neighbours, after earlier drops, are close enough.
        for revision in counted {
            // What its record names is the change itself.
            let named = |(record, _): &&(Record, Vec<u8>)| record.revision == revision;
            if self.records.iter().find(named).is_some_and(|(it, _)| it.snapshot.is_some()) {
                continue;
            }
            let before = self.snapshots.range(..revision).next_back().map(|(it, _)| *it);
            let after =
                self.snapshots.range(revision + 1..).map(|(it, _)| *it).find(|it| *it <= head);
            if let (Some(before), Some(after)) = (before, after)
                && after - before <= policy.snapshot_spacing
            {
                self.snapshots.remove(&revision);
            }
        }
    }

    /// Compares all that can be seen of the log.
    fn compare(&self, log: &impl RevisionLog, start: Head) {
        let head = self.head(start);
        assert_eq!(log.head().unwrap(), head);
        let kept = self.records.iter().filter(|(record, _)| record.revision >= self.first);
        let kept: Vec<Record> = kept.map(|(record, _)| record.clone()).collect();
        assert_eq!(log.read(self.first, usize::MAX).unwrap(), kept);
        if let Some(before) = self.first.checked_sub(1) {
            assert!(matches!(log.read(before, 1), Err(LogError::Absent { .. })));
        }
        for (record, body) in self.records.iter().filter(|(it, _)| it.revision >= self.first) {
            assert_eq!(log.body(record.revision).unwrap().into_vec().unwrap(), *body);
        }
        for revision in 0..=self.next() {
            let expected = self.snapshots.range(..=revision.min(head.revision)).next_back();
            let found = log.latest_snapshot(revision).unwrap();
            assert_eq!(found.as_ref().map(|it| it.revision), expected.map(|(it, _)| *it));
            if let (Some(found), Some((_, bytes))) = (found, expected) {
                assert_eq!(log.open_snapshot(&found).unwrap().into_vec().unwrap(), *bytes);
            }
        }
        for key in 0..4_u8 {
            let key = key.to_string();
            let found = log.find_idempotent(&key, minute(self.minutes)).unwrap();
            assert_eq!(found.as_ref(), self.find(&key));
        }
        let seen = log.verify().unwrap();
        assert_eq!((seen.first, seen.head, seen.records), (self.first, head, kept.len() as u64));
    }
}
