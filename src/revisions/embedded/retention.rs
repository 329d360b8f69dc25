//! What a compaction keeps and what it lets go.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, TransactionBehavior, params};

use super::EmbeddedLog;
use super::rows::{self, State};
use crate::revisions::error::LogError;
use crate::revisions::log::{Compacted, Retention, Snapshot};
use crate::revisions::record::IDEMPOTENCY_HOURS;

// === impl EmbeddedLog ===

impl EmbeddedLog {
    pub(super) fn compact_to(
        &self,
        policy: &Retention,
        now: Timestamp,
    ) -> Result<Compacted, LogError> {
        self.may_write()?;
        let mut writer = self.writer();
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let state = rows::check_head(&transaction)?;
        let snapshots = rows::snapshots(&transaction, state.head.epoch)?;
        let first = first_to_keep(&transaction, &state, &snapshots, policy)?;
        if first > state.first {
            let before_first = rows::record(&transaction, &state, first)?.previous;
            rows::put_state(&transaction, &State { first, before_first, ..state })?;
        }
        let mut files = rows::files_before(&transaction, first)?;
        delete_records(&transaction, first, now)?;
        let mut named = Vec::new();
        for revision in snapshots.iter().map(|it| it.revision).filter(|it| *it >= first) {
            if revision <= state.head.revision
                && rows::record(&transaction, &state, revision)?.snapshot.is_some()
            {
                named.push(revision);
            }
        }
        let spacing = policy.snapshot_spacing;
        let dropped = to_drop(&snapshots, first, spacing, state.head.revision, &named);
        for revision in &dropped {
            rows::delete_snapshot(&transaction, *revision)?;
        }
        let of_dropped = snapshots.iter().filter(|it| dropped.contains(&it.revision));
        files.extend(of_dropped.map(|it| it.digest));
        for digest in &files {
            self.files.mark(*digest);
        }
        transaction.commit()?;
        // The rows are gone for good before the files are: a crash between leaves marked files
        // that nothing refers to, not rows that refer to nothing.
        self.settle(&writer, files);
        let (records, snapshots) = (first - state.first, dropped.len() as u64);
        Ok(Compacted { first, records, snapshots })
    }
}

/// The oldest revision that stays: of those from which on everything can be rebuilt, the oldest one
/// with which the records beyond the newest are within their bytes; or else the last that still
/// leaves the newest. Those are the oldest one now, and every one with a snapshot.
fn first_to_keep(
    db: &Connection,
    state: &State,
    snapshots: &[Snapshot],
    policy: &Retention,
) -> Result<u64, LogError> {
    let head = state.head.revision;
    let newest = policy.records_min.clamp(1, head.max(1));
    // The first of the newest records.
    let end = (head + 1).saturating_sub(newest);
    if end <= state.first {
        return Ok(state.first);
    }
    let bytes_until = |revision: u64| {
        let older = snapshots.iter().filter(|it| it.revision < revision);
        let older: u64 = older.map(|it| it.bytes).fold(0, u64::saturating_add);
        // The record before is there, or this is the oldest and its own bytes tell.
        let total = if revision > state.first {
            rows::total(db, revision - 1)?
        } else {
            let record = rows::record(db, state, revision)?;
            rows::total(db, revision)?.saturating_sub(record.bytes())
        };
        Ok::<_, LogError>(total.saturating_add(older))
    };
    let limit = bytes_until(end)?.saturating_sub(policy.older_bytes_max);
    let mut first = state.first;
    let after = state.first + 1;
    for base in snapshots.iter().map(|it| it.revision).filter(|it| (after..=end).contains(it)) {
        if bytes_until(first)? >= limit {
            break;
        }
        first = base;
    }
    Ok(first)
}

/// Deletes the records before `first`. Those whose idempotency key still stands stay without their
/// body, outside the chain, until it does not.
fn delete_records(db: &Connection, first: u64, now: Timestamp) -> Result<(), LogError> {
    let since = now
        .checked_sub(SignedDuration::from_hours(IDEMPOTENCY_HOURS))
        .map_or(i64::MIN, Timestamp::as_millisecond);
    let first = rows::row_of(first);
    db.execute(
        "DELETE FROM records WHERE revision < ?1 AND (key IS NULL OR at < ?2)",
        params![first, since],
    )?;
    db.execute(
        "UPDATE records SET file = NULL, body = NULL
            WHERE revision < ?1 AND (file IS NOT NULL OR body IS NOT NULL)",
        [first],
    )?;
    Ok(())
}

/// The revisions of the snapshots to drop: those before `first`, and those in the middle without
/// which their neighbours are close enough. The one ahead of its record is not looked at, and one
/// that its record names stays.
fn to_drop(snapshots: &[Snapshot], first: u64, spacing: u64, head: u64, named: &[u64]) -> Vec<u64> {
    let old = snapshots.iter().map(|it| it.revision).filter(|it| *it < first);
    let mut dropped: Vec<u64> = old.collect();
    let kept = snapshots.iter().map(|it| it.revision).filter(|it| (first..=head).contains(it));
    let kept: Vec<u64> = kept.collect();
    let mut last = kept.first().copied().unwrap_or_default();
    for pair in kept.windows(2).skip(1) {
        let [revision, next] = pair else { continue };
        if next - last <= spacing && !named.contains(revision) {
            dropped.push(*revision);
        } else {
            last = *revision;
        }
    }
    dropped
}
