//! What is asked of a log about its records: the chain, its head, bodies, bounds and keys.

use std::sync::Barrier;

use super::{Backend, append, append_many, body, entry, fails, keyed, minute};
use crate::revisions::*;

pub(super) fn an_empty_log_has_a_head_and_nothing_else(backend: &impl Backend) {
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

pub(super) fn records_are_contiguous_and_chained(backend: &impl Backend) {
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

pub(super) fn a_head_that_is_not_the_newest_is_refused(backend: &impl Backend) {
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

pub(super) fn of_two_writers_on_one_head_one_wins(backend: &impl Backend) {
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

pub(super) fn large_bodies_come_back_whole(backend: &impl Backend) {
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

pub(super) fn what_is_over_its_bound_is_refused(backend: &impl Backend) {
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

pub(super) fn a_key_stands_for_a_day(backend: &impl Backend) {
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

pub(super) fn another_log_has_another_epoch(backend: &impl Backend) {
    let log = backend.open();
    let epoch = log.head().unwrap().epoch;
    append_many(&log, 1);
    assert_eq!(log.record(1).unwrap().epoch, epoch);
    assert_ne!(epoch, Epoch::random().unwrap());
    drop(log);
    assert_eq!(backend.open().head().unwrap().epoch, epoch);
}
