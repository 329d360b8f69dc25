//! The embedded log keeps the contract, and what is its own: the directory, damaged files, kills,
//! a full disk.

mod child;
mod crash;
mod damage;
mod disk;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::*;
use crate::revisions::tests::conformance::{self, append, append_many, entry, put};

impl conformance::Backend for TempDir {
    type Log = EmbeddedLog;
    fn open(&self) -> EmbeddedLog {
        open(self.path())
    }
}

/// Opens a log that was closed just before. A child that another test starts at that moment has
/// the lock too, until it becomes another program: that is waited for.
fn reopen(path: &Path) -> Result<EmbeddedLog, LogError> {
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        match EmbeddedLog::open(path, EmbeddedOptions::default()) {
            Err(LogError::Locked { .. }) if Instant::now() < end => std::thread::yield_now(),
            result => return result,
        }
    }
}

#[track_caller]
fn open(path: &Path) -> EmbeddedLog {
    reopen(path).unwrap()
}

#[track_caller]
fn open_fails(path: &Path) -> String {
    reopen(path).unwrap_err().to_string()
}

fn files(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> =
        entries.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn it_keeps_the_contract() {
    conformance::conforms(|| tempfile::tempdir().unwrap());
}

#[test]
fn only_the_owner_can_enter_and_one_process_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a/b");
    let log = open(&path);
    for made in [directory.path().join("a"), path.clone(), path.join("content")] {
        assert_eq!(fs::metadata(&made).unwrap().permissions().mode() & 0o777, 0o700, "{made:?}");
    }
    let second = EmbeddedLog::open(&path, EmbeddedOptions::default());
    let error = second.unwrap_err().to_string();
    assert!(error.ends_with("is in use by another process"), "{error}");
    drop(log);
    open(&path);
}

#[test]
fn what_nothing_refers_to_is_removed() {
    let directory = tempfile::tempdir().unwrap();
    let content = directory.path().join("content");
    let log = open(directory.path());
    append(&log, entry(vec![1; 100_000]));
    put(&log, 1, "one");
    put(&log, 1, "another");
    assert_eq!(files(&content).len(), 2);
    drop(log);
    let (marked, unmarked, used) = ("ab".repeat(32), "cd".repeat(32), files(&content)[0].clone());
    let marks = [&marked, &used].map(|it| format!("{it}.mark"));
    for name in ["7.part", "notes.txt", &marked, &unmarked, &marks[0], &marks[1]] {
        fs::write(content.join(name), "left by a crash, or by somebody").unwrap();
    }
    let log = open(directory.path());
    let left = files(&content);
    assert_eq!(left.len(), 4, "{left:?}");
    assert!(left.contains(&"notes.txt".to_owned()) && left.contains(&unmarked), "{left:?}");
    log.verify().unwrap();
}

#[test]
fn bodies_and_snapshots_have_their_bounds() {
    let directory = tempfile::tempdir().unwrap();
    let options = EmbeddedOptions { body_bytes_max: 100_000, snapshot_bytes_max: 200_000 };
    let log = EmbeddedLog::open(directory.path(), options).unwrap();
    append(&log, entry(vec![1; 100_000]));
    let over = log.append(&log.head().unwrap(), entry(vec![1; 100_001])).unwrap_err();
    assert_eq!(over.to_string(), "the body of a change is too large: 100000 is the most");
    log.put_snapshot(1, None, &mut std::io::repeat(2).take(200_000)).unwrap();
    let over = log.put_snapshot(1, None, &mut std::io::repeat(2)).unwrap_err();
    assert_eq!(over.to_string(), "a snapshot is too large: 200000 is the most");
    assert_eq!(files(&directory.path().join("content")).len(), 2);
    assert_eq!(log.verify().unwrap().snapshot_bytes, 200_000);
}

#[test]
fn another_or_an_emptied_database_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    append_many(&open(directory.path()), 1);
    let path = directory.path().join("log.sqlite3");
    let other = tempfile::tempdir().unwrap();
    Connection::open(other.path().join("x")).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
    for (bytes, expected) in [
        (fs::read(other.path().join("x")).unwrap(), "is not a log of doorward"),
        (Vec::new(), "is not a log of doorward"),
        (b"text".repeat(1_000), "file is not a database"),
    ] {
        fs::write(&path, bytes).unwrap();
        let error = open_fails(directory.path());
        assert!(error.contains(expected), "{error}");
    }
}

/// No test can take the power away. What a commit is worth then stands in these two settings.
#[test]
fn a_commit_waits_for_the_disk() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    for connection in [&log.writer(), &log.reader()] {
        let setting = |name| {
            let value = |row: &rusqlite::Row<'_>| row.get::<_, rusqlite::types::Value>(0);
            connection.pragma_query_value(None, name, value).unwrap()
        };
        assert_eq!(setting("journal_mode"), "wal".to_owned().into());
        // `FULL`: after each commit, the WAL is synced.
        assert_eq!(setting("synchronous"), 2.into());
    }
}

#[test]
fn large_bodies_and_snapshots_take_no_memory_of_their_own() {
    const LARGE: usize = 64 << 20;
    /// The most memory, beside the body that the caller has, in KiB.
    const MORE_KIB_MAX: u64 = 16 << 10;
    let test = "large_bodies_and_snapshots_take_no_memory_of_their_own";
    let Some(path) = child::directory() else {
        let directory = tempfile::tempdir().unwrap();
        return child::passes(child::command(test, directory.path(), false));
    };
    let peak_kib = || -> u64 {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    };
    let log = open(&path);
    let whole = entry(vec![7; LARGE]);
    let before = peak_kib();
    append(&log, whole);
    log.put_snapshot(1, None, &mut std::io::repeat(7).take(4 * LARGE as u64)).unwrap();
    log.verify().unwrap();
    // The kernel counts in batches: a peak may be told lower than before.
    let more = peak_kib().saturating_sub(before);
    assert!(more < MORE_KIB_MAX, "{more} KiB");
}
