//! What every backend of the log is held to. A backend's test calls [`conforms`] with a way to make
//! a fresh log and to open it again.

mod compaction;

use std::io::{self, Cursor, Read};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};

use super::random;
use crate::revisions::*;

/// One place where a log is, fresh when this is made.
pub(crate) trait Backend {
    /// The log.
    type Log: RevisionLog;
    /// Opens it. What was opened before is closed.
    fn open(&self) -> Self::Log;
}

/// Runs the whole suite against fresh logs.
pub(crate) fn conforms<B: Backend>(fresh: impl Fn() -> B) {
    let checks: [fn(&B); 17] = [
        an_empty_log_has_a_head_and_nothing_else,
        records_are_contiguous_and_chained,
        a_head_that_is_not_the_newest_is_refused,
        of_two_writers_on_one_head_one_wins,
        large_bodies_come_back_whole,
        what_is_over_its_bound_is_refused,
        a_key_stands_for_a_day,
        snapshots_are_found_by_revision,
        a_torn_or_wrong_snapshot_is_never_seen,
        a_snapshot_ahead_counts_with_its_record,
        compaction::compaction_keeps_the_newest_and_a_snapshot_before_them,
        compaction::compaction_thins_snapshots_out,
        compaction::a_key_outlives_its_record,
        several_are_appended_all_or_none,
        compaction::a_snapshot_that_is_the_change_stays,
        another_log_has_another_epoch,
        reads_go_on_beside_writes,
    ];
    for check in checks {
        check(&fresh());
    }
    random::agrees_with_the_model(fresh);
}

/// A time, `minutes` after an arbitrary one.
pub(crate) fn minute(minutes: i64) -> Timestamp {
    let start: Timestamp = "2026-11-21T12:00:00.123456789Z".parse().unwrap();
    start.checked_add(SignedDuration::from_mins(minutes)).unwrap()
}

/// An entry with a body and nothing that may be left out.
pub(crate) fn entry(body: impl Into<Bytes>) -> Entry {
    Entry {
        at: minute(0),
        by: "api".into(),
        changed: vec!["entities".into()],
        idempotency: None,
        digest: None,
        snapshot: None,
        body: body.into(),
    }
}

/// Appends after the head.
#[track_caller]
pub(crate) fn append(log: &impl RevisionLog, entry: Entry) -> Record {
    log.append(&log.head().unwrap(), entry).unwrap()
}

/// Appends this many small records.
#[track_caller]
pub(crate) fn append_many(log: &impl RevisionLog, count: u64) {
    for number in 0..count {
        append(log, entry(format!("change {number}")));
    }
}

/// Puts a snapshot of a text for a revision.
#[track_caller]
pub(crate) fn put(log: &impl RevisionLog, revision: u64, text: &str) -> Snapshot {
    log.put_snapshot(revision, None, &mut text.as_bytes()).unwrap()
}

fn keyed(key: &str, request: &str, at: Timestamp) -> Entry {
    let idempotency = Some(Idempotency { key: key.into(), request: request.into() });
    Entry { at, idempotency, ..entry(key.to_owned()) }
}

fn body(log: &impl RevisionLog, revision: u64) -> Vec<u8> {
    log.body(revision).unwrap().into_vec().unwrap()
}

#[track_caller]
fn fails<T: std::fmt::Debug, E: std::fmt::Display>(result: Result<T, E>, expected: &str) {
    let error = result.map(|found| panic!("{found:?}, and not: {expected}")).unwrap_err();
    let error = error.to_string();
    assert!(error.starts_with(expected), "`{error}`, and not: {expected}");
}

fn an_empty_log_has_a_head_and_nothing_else(backend: &impl Backend) {
    let log = backend.open();
    let head = log.head().unwrap();
    assert_eq!(head, Head::before_first(head.epoch));
    assert_eq!(log.read(1, 10).unwrap(), []);
    fails(log.read(0, 10), "revision 0 is not in the log, whose oldest is 1 and newest 0");
    fails(log.read(2, 10), "revision 2 is not in the log");
    fails(log.record(1), "revision 1 is not in the log");
    fails(log.body(1), "revision 1 is not in the log");
    assert_eq!(log.latest_snapshot(u64::MAX).unwrap(), None);
    assert_eq!(log.find_idempotent("a", minute(0)).unwrap(), None);
    let compacted = log.compact(&Retention::default(), minute(0)).unwrap();
    assert_eq!(compacted, Compacted { first: 1, records: 0, snapshots: 0 });
    let seen = log.verify().unwrap();
    assert_eq!((seen.epoch, seen.first, seen.head, seen.records), (head.epoch, 1, head, 0));
}

fn records_are_contiguous_and_chained(backend: &impl Backend) {
    let log = backend.open();
    let start = log.head().unwrap();
    let whole = Entry {
        by: "ops \u{fc}".into(),
        changed: vec!["policies".into(), String::new()],
        digest: Some("d".into()),
        ..keyed("k", "r", minute(-5))
    };
    let first = append(&log, whole.clone());
    let expected = Record {
        epoch: start.epoch,
        revision: 1,
        previous: start.hash,
        hash: first.hash,
        at: whole.at,
        by: whole.by,
        changed: whole.changed,
        idempotency: whole.idempotency,
        digest: whole.digest,
        snapshot: None,
        body: BodyInfo { digest: Hash::of(&whole.body), bytes: 1 },
    };
    assert_eq!(first, expected);
    append_many(&log, 8);
    let last = append(&log, entry(""));
    assert_eq!(log.head().unwrap(), last.head());
    drop(log);

    let log = backend.open();
    assert_eq!(log.head().unwrap(), last.head());
    let records = log.read(1, usize::MAX).unwrap();
    assert_eq!(records.len(), 10);
    let mut before = start;
    for record in &records {
        record.follows(&before).unwrap();
        before = record.head();
    }
    assert_eq!(records.first(), Some(&first));
    assert_eq!(log.read(4, 3).unwrap(), &records[3..6]);
    assert_eq!(log.read(9, 3).unwrap(), &records[8..]);
    assert_eq!(log.read(9, 0).unwrap(), []);
    assert_eq!(log.read(11, 3).unwrap(), []);
    assert_eq!(log.record(4).unwrap(), records[3]);
    assert_eq!(
        (body(&log, 1), body(&log, 3), body(&log, 10)),
        (b"k".into(), b"change 1".into(), vec![])
    );
    assert_eq!(log.verify().unwrap().records, 10);
}

fn a_head_that_is_not_the_newest_is_refused(backend: &impl Backend) {
    let log = backend.open();
    let start = log.head().unwrap();
    append_many(&log, 2);
    let head = log.head().unwrap();
    let ahead = Head { revision: 3, ..head };
    let forked = Head { hash: start.hash, ..head };
    let other = Head { epoch: Epoch::from([7; 16]), ..head };
    for (expected, standing) in [
        (start, Standing::Ahead),
        (ahead, Standing::Behind),
        (forked, Standing::Forked),
        (other, Standing::OtherEpoch),
    ] {
        for body in [vec![1], vec![1; 300_000]] {
            let refused = log.append(&expected, entry(body)).unwrap_err();
            let AppendError::NotHead { expected: told, head: found, standing: how } = refused
            else {
                panic!("{refused}");
            };
            assert_eq!((told, found, how), (expected, head, standing));
        }
    }
    assert_eq!(log.head().unwrap(), head);
    assert_eq!(head.standing_to(&head), Standing::Same);
    log.verify().unwrap();
}

fn of_two_writers_on_one_head_one_wins(backend: &impl Backend) {
    const ROUNDS: u64 = 25;
    let log = backend.open();
    for round in 0..ROUNDS {
        let head = log.head().unwrap();
        let barrier = Barrier::new(2);
        let write = |writer: u8| {
            // Every fifth body is a large one.
            let size = if round % 5 == 0 { 100_000 } else { 10 };
            barrier.wait();
            log.append(&head, entry(vec![writer; size]))
        };
        let (one, other) = std::thread::scope(|scope| {
            let one = scope.spawn(|| write(1));
            (write(2), one.join().unwrap())
        });
        let (won, lost) = if one.is_ok() { (one, other) } else { (other, one) };
        let won = won.unwrap();
        let Err(AppendError::NotHead { head: found, standing: Standing::Ahead, .. }) = lost else {
            panic!("{lost:?}");
        };
        assert_eq!((found, log.head().unwrap()), (won.head(), won.head()));
    }
    assert_eq!(log.verify().unwrap().records, ROUNDS);
}

fn large_bodies_come_back_whole(backend: &impl Backend) {
    let log = backend.open();
    let large: Vec<u8> = (0..3_000_000_u32).map(|it| it.to_le_bytes()[1]).collect();
    append(&log, entry(large.clone()));
    append(&log, entry("small"));
    // The same bytes once more: both records have them.
    append(&log, entry(large.clone()));
    drop(log);
    let log = backend.open();
    for revision in [1, 3] {
        assert_eq!(body(&log, revision), large);
    }
    assert_eq!(body(&log, 2), b"small");
    assert_eq!(log.verify().unwrap().body_bytes, 6_000_005);
}

fn what_is_over_its_bound_is_refused(backend: &impl Backend) {
    let log = backend.open();
    let head = log.head().unwrap();
    let over = "x".repeat(TEXT_BYTES_MAX + 1);
    let fits = "x".repeat(TEXT_BYTES_MAX);
    let refused =
        |entry, what: &str| fails(log.append(&head, entry), &format!("{what} is too large"));
    refused(Entry { by: over.clone(), ..entry("") }, "the author of a change");
    refused(Entry { changed: vec![over.clone()], ..entry("") }, "the summary of a change");
    let many = vec![String::new(); CHANGED_ITEMS_MAX + 1];
    refused(Entry { changed: many, ..entry("") }, "the summary of a change");
    refused(Entry { digest: Some(over.clone()), ..entry("") }, "a digest");
    refused(keyed(&over, "", minute(0)), "a key");
    refused(keyed("", &over, minute(0)), "a digest");
    assert_eq!(log.head().unwrap(), head);
    append(
        &log,
        Entry { by: fits.clone(), digest: Some(fits.clone()), ..keyed(&fits, &fits, minute(0)) },
    );
    log.verify().unwrap();
}

fn a_key_stands_for_a_day(backend: &impl Backend) {
    const DAY: i64 = IDEMPOTENCY_HOURS * 60;
    let log = backend.open();
    let first = append(&log, keyed("a", "one", minute(0)));
    append(&log, keyed("b", "two", minute(1)));
    let find = |key, at| log.find_idempotent(key, minute(at)).unwrap();
    assert_eq!(find("a", DAY - 1), Some(first));
    assert_eq!(find("a", DAY), None);
    assert_eq!(find("b", DAY).map(|it| it.revision), Some(2));
    assert_eq!(find("c", 0), None);
    // A clock that was set back does not forget.
    assert_eq!(find("b", -DAY).map(|it| it.revision), Some(2));
    let again = log.append(&log.head().unwrap(), keyed("a", "three", minute(DAY - 1)));
    assert!(matches!(again, Err(AppendError::KeyTaken { revision: 1 })), "{again:?}");
    append(&log, keyed("a", "three", minute(DAY)));
    assert_eq!(find("a", DAY).map(|it| it.revision), Some(3));
}

fn snapshots_are_found_by_revision(backend: &impl Backend) {
    let log = backend.open();
    append_many(&log, 6);
    let (two, five) = (put(&log, 2, "state two"), put(&log, 5, "state five"));
    assert_eq!(two, Snapshot { revision: 2, digest: Hash::of(b"state two"), bytes: 9 });
    fails(log.put_snapshot(8, None, &mut io::empty()), "revision 8 is not in the log");
    fails(log.put_snapshot(0, None, &mut io::empty()), "revision 0 is not in the log");
    drop(log);
    let log = backend.open();
    let latest = |revision| log.latest_snapshot(revision).unwrap();
    assert_eq!((latest(1), latest(2), latest(4)), (None, Some(two.clone()), Some(two.clone())));
    assert_eq!((latest(5), latest(u64::MAX)), (Some(five.clone()), Some(five.clone())));
    let read = |snapshot: &Snapshot| log.open_snapshot(snapshot).map(|it| it.into_vec().unwrap());
    assert_eq!(read(&five).unwrap(), b"state five");
    // The same bytes for another revision, and other bytes for the same one.
    put(&log, 3, "state two");
    put(&log, 2, "state two, again");
    fails(read(&two), "revision 2 is not in the log");
    assert_eq!(read(&latest(3).unwrap()).unwrap(), b"state two");
    assert_eq!(read(&latest(2).unwrap()).unwrap(), b"state two, again");
    let seen = log.verify().unwrap();
    assert_eq!((seen.snapshots, seen.snapshot_bytes), (3, 9 + 10 + 16));
}

fn a_torn_or_wrong_snapshot_is_never_seen(backend: &impl Backend) {
    struct Torn;
    impl Read for Torn {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the connection was reset"))
        }
    }
    let log = backend.open();
    append_many(&log, 2);
    let good = put(&log, 1, "good");
    let mut torn = Cursor::new(vec![7; 1_000_000]).chain(Torn);
    let expected = "cannot read what is to be stored: the connection was reset";
    fails(log.put_snapshot(2, None, &mut torn), expected);
    let other = Some(Hash::of(b"other"));
    fails(log.put_snapshot(2, other, &mut &b"bytes"[..]), "the snapshot has the digest");
    assert_eq!(log.latest_snapshot(2).unwrap(), Some(good.clone()));
    log.put_snapshot(2, Some(Hash::of(b"bytes")), &mut &b"bytes"[..]).unwrap();
    assert_eq!(log.latest_snapshot(2).unwrap().map(|it| it.bytes), Some(5));
    log.verify().unwrap();
}

fn a_snapshot_ahead_counts_with_its_record(backend: &impl Backend) {
    let log = backend.open();
    let ahead = put(&log, 1, "all");
    assert_eq!(log.latest_snapshot(1).unwrap(), None);
    let missing = Entry { snapshot: Some(Hash::of(b"else")), ..entry("") };
    fails(log.append(&log.head().unwrap(), missing), "no snapshot with the digest");
    append(&log, Entry { snapshot: Some(ahead.digest), ..entry("") });
    assert_eq!(log.latest_snapshot(1).unwrap(), Some(ahead));
    // Another record takes the revision: the snapshot is dropped.
    let lost = put(&log, 2, "lost");
    append(&log, entry("other"));
    assert_eq!(log.latest_snapshot(2).unwrap().map(|it| it.revision), Some(1));
    fails(log.open_snapshot(&lost), "revision 2 is not in the log");
    let named = Entry { snapshot: Some(lost.digest), ..entry("") };
    fails(log.append(&log.head().unwrap(), named), "no snapshot with the digest");
    assert_eq!(log.verify().unwrap().snapshots, 1);
}

fn several_are_appended_all_or_none(backend: &impl Backend) {
    let log = backend.open();
    let start = log.head().unwrap();
    let entries: Vec<Entry> = (0..5_u8)
        .map(|number| Entry {
            body: vec![number; if number == 3 { 90_000 } else { 10 }].into(),
            ..keyed(&format!("key {number}"), "request", minute(0))
        })
        .collect();
    let records = log.append_all(&start, entries.clone()).unwrap();
    assert_eq!(records.iter().map(|it| it.revision).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    let head = records.last().unwrap().head();
    // A key that is taken, by an earlier record or within the group, refuses all of it.
    for taken in [keyed("key 1", "other", minute(1)), keyed("new", "other", minute(1))] {
        let group = vec![entry("first"), keyed("new", "one", minute(1)), taken, entry("last")];
        assert!(matches!(log.append_all(&head, group), Err(AppendError::KeyTaken { .. })));
        assert_eq!(log.head().unwrap(), head);
    }
    let stale = log.append_all(&start, vec![entry("a"), entry("b")]);
    assert!(matches!(stale, Err(AppendError::NotHead { .. })), "{stale:?}");
    assert_eq!(log.append_all(&head, Vec::new()).unwrap(), []);
    assert_eq!(log.head().unwrap(), head);
    drop(log);
    let log = backend.open();
    assert_eq!(log.read(1, 10).unwrap(), records);
    assert_eq!(body(&log, 4), vec![3; 90_000]);
    log.verify().unwrap();
    assert_eq!(append(&log, entry("more")).revision, 6);
}

fn another_log_has_another_epoch(backend: &impl Backend) {
    let log = backend.open();
    let epoch = log.head().unwrap().epoch;
    append_many(&log, 1);
    assert_eq!(log.record(1).unwrap().epoch, epoch);
    assert_ne!(epoch, Epoch::random().unwrap());
    drop(log);
    assert_eq!(backend.open().head().unwrap().epoch, epoch);
}

/// What is dropped under a reader is absent, and never damaged.
fn reads_go_on_beside_writes(backend: &impl Backend) {
    fn present<T>(result: Result<T, LogError>) -> Option<T> {
        match result {
            Ok(found) => Some(found),
            Err(LogError::Absent { .. }) => None,
            Err(error) => panic!("{error}"),
        }
    }
    let log = &backend.open();
    let done = &AtomicBool::new(false);
    append_many(log, 1);
    let read = || {
        let mut rounds = 0;
        while !done.load(Ordering::Relaxed) {
            let seen = log.verify().unwrap();
            for record in present(log.read(seen.first, 100)).unwrap_or_default() {
                present(log.body(record.revision)).map(Content::into_vec).transpose().unwrap();
            }
            let snapshot = log.latest_snapshot(seen.head.revision).unwrap();
            let bytes = snapshot.and_then(|it| present(log.open_snapshot(&it)));
            bytes.map(Content::into_vec).transpose().unwrap();
            rounds += 1;
        }
        rounds
    };
    let policy = Retention { records_min: 2, older_bytes_max: 0, snapshot_spacing: 1 };
    let rounds = std::thread::scope(|scope| {
        let reader = scope.spawn(read);
        for number in 0..60_u8 {
            let size = if number % 2 == 0 { 90_000 } else { 10 };
            let record = append(log, entry(vec![number; size]));
            put(log, record.revision, &number.to_string());
            log.compact(&policy, minute(0)).unwrap();
        }
        done.store(true, Ordering::Relaxed);
        reader.join().unwrap()
    });
    assert!(rounds > 0);
    assert_eq!(log.verify().unwrap().records, 2);
}
