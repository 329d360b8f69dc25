//! What a compaction keeps and what it lets go, of any backend.

use super::*;

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

pub(super) fn a_snapshot_that_is_the_change_stays(backend: &impl Backend) {
    let log = backend.open();
    append_many(&log, 3);
    put(&log, 1, "state 1");
    let ahead = put(&log, 4, "state 4");
    append(&log, Entry { snapshot: Some(ahead.digest), ..entry("") });
    append_many(&log, 3);
    put(&log, 6, "state 6");
    let policy = Retention { records_min: 100, older_bytes_max: 0, snapshot_spacing: 100 };
    assert_eq!(log.compact(&policy, minute(0)).unwrap().snapshots, 0);
    assert_eq!(log.latest_snapshot(5).unwrap(), Some(ahead));
}
