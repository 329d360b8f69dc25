//! What every backend of the log is held to. A backend's test calls [`conforms`] with a way to make
//! a fresh log and to open it again.

mod records;
mod snapshots;

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
    let checks: [fn(&B); 15] = [
        records::an_empty_log_has_a_head_and_nothing_else,
        records::records_are_contiguous_and_chained,
        records::a_head_that_is_not_the_newest_is_refused,
        records::of_two_writers_on_one_head_one_wins,
        records::large_bodies_come_back_whole,
        records::what_is_over_its_bound_is_refused,
        records::a_key_stands_for_a_day,
        snapshots::snapshots_are_found_by_revision,
        snapshots::a_torn_or_wrong_snapshot_is_never_seen,
        snapshots::a_snapshot_ahead_counts_with_its_record,
        snapshots::compaction_keeps_the_newest_and_a_snapshot_before_them,
        snapshots::compaction_thins_snapshots_out,
        snapshots::a_key_outlives_its_record,
        records::another_log_has_another_epoch,
        snapshots::reads_go_on_beside_writes,
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
