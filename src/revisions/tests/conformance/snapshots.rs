//! What is asked of a log about its snapshots, and about what stays and what goes.

use std::io::{self, Cursor, Read};
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Backend, append, append_many, entry, fails, keyed, minute, put};
use crate::revisions::*;

pub(super) fn snapshots_are_found_by_revision(backend: &impl Backend) {
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

pub(super) fn a_torn_or_wrong_snapshot_is_never_seen(backend: &impl Backend) {
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

pub(super) fn a_snapshot_ahead_counts_with_its_record(backend: &impl Backend) {
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

pub(super) fn compaction_keeps_the_newest_and_a_snapshot_before_them(backend: &impl Backend) {
    let log = backend.open();
    append_many(&log, 20);
    let policy = Retention { records_min: 5, older_bytes_max: 0, snapshot_spacing: 100 };
    let nothing = Compacted { first: 1, records: 0, snapshots: 0 };
    // Without a snapshot nothing could be rebuilt: everything stays.
    assert_eq!(log.compact(&policy, minute(0)).unwrap(), nothing);
    for revision in [3, 9, 14, 18] {
        put(&log, revision, &format!("state {revision}"));
    }
    // The last five are 16 to 20; 14 is the newest snapshot that leaves them whole.
    let wide = Retention { older_bytes_max: u64::MAX, ..policy.clone() };
    assert_eq!(log.compact(&wide, minute(0)).unwrap().first, 1);
    // That thinned the snapshots out.
    put(&log, 9, "state 9");
    put(&log, 14, "state 14");
    // Room for six records older than those, with their snapshots: from 9 on it would be seven.
    let bytes: u64 = (10..=15).map(|it| log.record(it).unwrap().bytes()).sum();
    let some = Retention { older_bytes_max: bytes + 100, ..policy.clone() };
    assert_eq!(log.compact(&some, minute(0)).unwrap().first, 14);
    assert_eq!(log.latest_snapshot(20).unwrap().map(|it| it.revision), Some(18));
    assert_eq!(log.latest_snapshot(17).unwrap().map(|it| it.revision), Some(14));
    assert_eq!(log.latest_snapshot(13).unwrap(), None);
    fails(log.read(13, 1), "revision 13 is not in the log, whose oldest is 14 and newest 20");
    fails(log.put_snapshot(13, None, &mut io::empty()), "revision 13 is not in the log");
    assert_eq!(log.read(14, 100).unwrap().len(), 7);
    drop(log);
    let log = backend.open();
    assert_eq!(log.compact(&policy, minute(0)).unwrap(), Compacted { first: 14, ..nothing });
    append_many(&log, 1);
    assert_eq!(log.verify().unwrap().first, 14);
    // However little is asked for, the newest record stays.
    put(&log, 21, "state 21");
    let least = Retention { records_min: 0, older_bytes_max: 0, snapshot_spacing: 0 };
    assert_eq!(log.compact(&least, minute(0)).unwrap().first, 21);
    append_many(&log, 1);
    let seen = log.verify().unwrap();
    assert_eq!((seen.first, seen.records, seen.snapshots), (21, 2, 1));
}

pub(super) fn compaction_thins_snapshots_out(backend: &impl Backend) {
    let log = backend.open();
    append_many(&log, 30);
    for revision in (2..=30).step_by(2) {
        put(&log, revision, &format!("state {revision}"));
    }
    let policy = Retention { records_min: 24, older_bytes_max: 0, snapshot_spacing: 7 };
    assert_eq!(log.compact(&policy, minute(0)).unwrap().first, 6);
    let left = || {
        let before = |at: u64| log.latest_snapshot(at).unwrap().map(|it| it.revision);
        let mut left: Vec<u64> = (1..=30).filter_map(before).collect();
        left.dedup();
        left
    };
    assert_eq!(left(), [6, 12, 18, 24, 30]);
    assert_eq!(log.compact(&policy, minute(0)).unwrap().snapshots, 0);
    assert_eq!(left(), [6, 12, 18, 24, 30]);
    log.verify().unwrap();
}

pub(super) fn a_key_outlives_its_record(backend: &impl Backend) {
    let log = backend.open();
    let old = append(&log, keyed("old", "one", minute(0)));
    let young =
        append(&log, Entry { body: vec![3; 200_000].into(), ..keyed("young", "two", minute(700)) });
    append_many(&log, 3);
    put(&log, 5, "state");
    let policy = Retention { records_min: 1, older_bytes_max: 0, snapshot_spacing: 1 };
    let later = minute(IDEMPOTENCY_HOURS * 60);
    assert_eq!(log.compact(&policy, later).unwrap().first, 5);
    drop(log);
    let log = backend.open();
    let find = |key, at| log.find_idempotent(key, at).unwrap();
    assert_eq!(find("young", later), Some(young));
    // Found only by somebody whose clock is behind; and gone for good, or not yet.
    assert!(find("old", later).is_none_or(|it| it == old));
    fails(log.record(2), "revision 2 is not in the log");
    fails(log.body(2), "revision 2 is not in the log");
    log.verify().unwrap();
    log.compact(&policy, minute(2 * IDEMPOTENCY_HOURS * 60)).unwrap();
    assert_eq!(find("young", later), None);
    log.verify().unwrap();
}

/// What is dropped under a reader is absent, and never damaged.
pub(super) fn reads_go_on_beside_writes(backend: &impl Backend) {
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
