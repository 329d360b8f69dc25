//! A closed log with one byte changed is either refused or the same as before.

use std::fs;
use std::path::Path;

use super::{append, append_many, entry, open, put, reopen};
use crate::revisions::*;

/// What can be seen of a log: records, bodies, snapshots, the keys.
type Seen = (Head, Vec<(Record, Vec<u8>)>, Vec<(Snapshot, Vec<u8>)>, Vec<Option<Record>>);

/// Opens the log, verifies it, and reads everything.
fn look(path: &Path) -> Result<Seen, LogError> {
    let log = reopen(path)?;
    let read = |content: Content| {
        let damaged = |error: std::io::Error| LogError::Damaged { reason: error.to_string() };
        content.into_vec().map_err(damaged)
    };
    let seen = log.verify()?;
    let mut records = Vec::new();
    for record in log.read(seen.first, usize::MAX)? {
        let body = read(log.body(record.revision)?)?;
        records.push((record, body));
    }
    let mut snapshots = Vec::new();
    for revision in 0..=seen.head.revision {
        if let Some(snapshot) = log.latest_snapshot(revision)? {
            let bytes = read(log.open_snapshot(&snapshot)?)?;
            snapshots.push((snapshot, bytes));
        }
    }
    let at = "2026-11-21T12:00:00Z".parse().unwrap();
    let keys = ["a", "b"].map(|key| log.find_idempotent(key, at));
    let keys = keys.into_iter().collect::<Result<_, _>>()?;
    Ok((log.head()?, records, snapshots, keys))
}

/// A log with everything that there is: compacted, with keys in and out of the chain.
fn log(path: &Path) {
    let log = open(path);
    for key in ["a", "b"] {
        let idempotency = Some(Idempotency { key: key.into(), request: "r".into() });
        append(&log, Entry { idempotency, ..entry("keyed") });
        put(&log, log.head().unwrap().revision, key);
    }
    let policy = Retention { records_min: 1, older_bytes_max: 0, snapshot_spacing: 1 };
    log.compact(&policy, "2026-11-21T12:00:00Z".parse().unwrap()).unwrap();
    append_many(&log, 4);
    append(&log, entry(vec![3; 70_000]));
}

/// Changes a byte of a file, looks, and puts it back.
fn changed(path: &Path, file: &Path, bytes: &[u8], at: usize, flip: u8) -> Result<Seen, LogError> {
    let mut other = bytes.to_vec();
    other[at] ^= flip;
    fs::write(file, &other).unwrap();
    let seen = look(path);
    // A look may have written: an open sets the journal mode, a close brings in the WAL.
    for end in ["-wal", "-shm"] {
        let _ = fs::remove_file(file.with_file_name(format!("log.sqlite3{end}")));
    }
    fs::write(file, bytes).unwrap();
    seen
}

#[test]
fn a_changed_byte_of_a_record_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    log(path);
    let records = open(path).read(2, 10).unwrap();
    let file = path.join("log.sqlite3");
    let bytes = fs::read(&file).unwrap();
    for record in &records {
        let form = record.canonical();
        let start = bytes.windows(form.len()).position(|it| it == form).unwrap();
        // The form, and the hash that stands behind it.
        for at in start..start + form.len() + 32 {
            let error = changed(path, &file, &bytes, at, 1 << (at % 8)).unwrap_err().to_string();
            let expected = format!("revision {} in the log is damaged: ", record.revision);
            assert!(error.starts_with(&expected), "byte {at}: {error}");
        }
    }
}

#[test]
fn a_changed_byte_anywhere_in_the_database_is_no_other_log() {
    // Every byte takes minutes; a stride without a common factor with a page visits all columns.
    const STRIDE: usize = 29;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    log(path);
    let before = look(path).unwrap();
    let file = path.join("log.sqlite3");
    let bytes = fs::read(&file).unwrap();
    let used = (0..bytes.len()).filter(|at| *at < 200 || bytes[*at] != 0 || at % 4096 < 64);
    let (mut refused, mut same) = (0, 0);
    for at in used.step_by(STRIDE).chain(0..200) {
        match changed(path, &file, &bytes, at, 1 << (at % 8)) {
            Ok(seen) => {
                assert_eq!(seen, before, "byte {at}");
                same += 1;
            }
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 0, "{refused} refused, {same} the same");
    assert_eq!(look(path).unwrap(), before);
}

#[test]
fn a_changed_byte_of_a_file_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    log(path);
    let mut found = Vec::new();
    for name in super::files(&path.join("content")) {
        let file = path.join("content").join(name);
        let bytes = fs::read(&file).unwrap();
        for at in [0, bytes.len() / 2, bytes.len() - 1] {
            found.push(changed(path, &file, &bytes, at, 1).unwrap_err().to_string());
        }
        fs::write(&file, &bytes[1..]).unwrap();
        found.push(look(path).unwrap_err().to_string());
        fs::remove_file(&file).unwrap();
        found.push(look(path).unwrap_err().to_string());
        fs::write(&file, bytes).unwrap();
    }
    found.sort();
    found.dedup();
    let expected = [
        "revision 7 in the log is damaged: its body is missing or has another digest",
        "the log is damaged: the file of the snapshot of revision 2 is missing",
        "the log is damaged: the snapshot of revision 2: stored bytes are damaged: their digest is \
         another than when they were stored",
        "the log is damaged: the snapshot of revision 2: stored bytes are damaged: their length is \
         another than when they were stored",
    ];
    assert_eq!(found, expected);
    look(path).unwrap();
}

#[test]
fn a_record_that_vanished_is_missed() {
    let directory = tempfile::tempdir().unwrap();
    log(directory.path());
    let file = directory.path().join("log.sqlite3");
    let bytes = fs::read(&file).unwrap();
    for (statement, expected) in [
        (
            "DELETE FROM records WHERE revision = 7",
            "revision 7 in the log is damaged: it is missing",
        ),
        (
            "DELETE FROM records WHERE revision = 2",
            "revision 2 in the log is damaged: it is missing",
        ),
        (
            "DELETE FROM records WHERE revision = 4",
            "revision 4 in the log is damaged: it is missing",
        ),
        (
            "UPDATE records SET key = 'c' WHERE revision = 2",
            "revision 2 in the log is damaged: it is filed",
        ),
        (
            "UPDATE records SET at = at + 1 WHERE revision = 1",
            "revision 1 in the log is damaged: it is filed",
        ),
        (
            "UPDATE records SET total = total + 1 WHERE revision = 4",
            "revision 4 in the log is damaged: it is filed",
        ),
        (
            "UPDATE records SET body = x'00' WHERE revision = 4",
            "revision 4 in the log is damaged: its body",
        ),
        (
            "UPDATE snapshots SET bytes = 2",
            "the log is damaged: the entry of the snapshot of revision 2",
        ),
        ("DELETE FROM state", "the log is damaged: its database"),
        ("DROP TABLE snapshots", "the log is damaged: its database"),
        ("PRAGMA user_version = 2", "the log is damaged: "),
    ] {
        rusqlite::Connection::open(&file).unwrap().execute_batch(statement).unwrap();
        let error = look(directory.path()).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{statement}: {error}");
        fs::write(&file, &bytes).unwrap();
    }
    look(directory.path()).unwrap();
}
