//! A disk that is full or cannot be written: clear errors, reads go on, and so do writes when there
//! is room again. The disk is a small one in memory, where the test may mount it.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;

use super::child;
use super::{EmbeddedLog, EmbeddedOptions, append, append_many, entry, files, open, put};
use crate::revisions::*;

/// The size of the small disk.
const DISK: &str = "size=4m";

/// Runs a test in a process that has mounts of its own, or says that this is not possible here.
fn in_own_mounts(test: &str, work: fn(&Path)) {
    if let Some(path) = child::directory() {
        return work(&path);
    }
    let directory = tempfile::tempdir().unwrap();
    let probe = Command::new("unshare")
        .args(["--mount", "--user", "--map-root-user", "mount", "-t", "tmpfs", "tmpfs"])
        .arg(directory.path())
        .output();
    if !probe.as_ref().is_ok_and(|it| it.status.success()) {
        child::tell(&format!("skipped {test}: nothing can be mounted here: {probe:?}"));
        return;
    }
    child::passes(child::command(test, directory.path(), true));
}

fn mount(arguments: &[&str], path: &Path) {
    let status = Command::new("mount").args(arguments).arg(path).status().unwrap();
    assert!(status.success(), "mount {arguments:?}");
}

#[test]
fn a_full_disk_is_told_and_survived() {
    in_own_mounts("disk::a_full_disk_is_told_and_survived", |path| {
        mount(&["-t", "tmpfs", "-o", DISK, "tmpfs"], path);
        let log = open(&path.join("log"));
        append_many(&log, 5);
        append(&log, entry(vec![5; 100_000]));
        let kept = put(&log, 3, "state");
        for round in 0..3 {
            fill(path);
            let head = until_full(&log);
            let full = |error: &str| {
                assert!(error.starts_with("the disk of the log is full: "), "{error}");
            };
            let large = log.append(&head, entry(vec![1; 100_000])).unwrap_err();
            full(&large.to_string());
            let snapshot = log.put_snapshot(2, None, &mut std::io::repeat(1).take(100_000));
            full(&snapshot.unwrap_err().to_string());
            // Reads go on, and see what was there.
            assert_eq!(log.head().unwrap(), head);
            assert_eq!(log.verify().unwrap().head, head, "round {round}");
            assert_eq!(log.latest_snapshot(9).unwrap(), Some(kept.clone()));
            assert_eq!(log.read(1, 4).unwrap().len(), 4);
            assert_eq!(files(&path.join("log/content")).len(), 2 + round);
            // There is room again.
            fs::remove_file(path.join("filler")).unwrap();
            append(&log, entry("small"));
            append(&log, entry(vec![u8::try_from(round).unwrap(); 70_000]));
        }
        let head = log.head().unwrap();
        fill(path);
        drop(log);
        // Without room for the index of its WAL it cannot be opened, and says so.
        if let Err(error) = EmbeddedLog::open(&path.join("log"), EmbeddedOptions::default()) {
            let error = error.to_string();
            assert!(error.starts_with("the disk of the log is full: "), "{error}");
        }
        fs::remove_file(path.join("filler")).unwrap();
        let log = open(&path.join("log"));
        assert_eq!(log.verify().unwrap().head, head);
    });
}

/// Takes all the room that there is.
fn fill(path: &Path) {
    let mut filler = File::create(path.join("filler")).unwrap();
    for size in [64 * 1024, 512] {
        while filler.write_all(&vec![0; size]).is_ok() {}
    }
}

/// Appends until the disk is full: the WAL may have had room of its own. Says the head.
fn until_full(log: &EmbeddedLog) -> Head {
    for _ in 0..2_000 {
        let head = log.head().unwrap();
        if let Err(error) = log.append(&head, entry(vec![7; 20_000])) {
            let error = error.to_string();
            assert!(error.starts_with("the disk of the log is full: "), "{error}");
            return head;
        }
    }
    panic!("the disk does not fill up");
}

#[test]
fn a_disk_that_cannot_be_written_is_told() {
    in_own_mounts("disk::a_disk_that_cannot_be_written_is_told", |path| {
        let name = path.to_str().unwrap();
        let (read_only, log_path) = ("the log cannot be written: ", path.join("log"));
        let log = open(&log_path);
        append(&log, entry(vec![1; 100_000]));
        // The same directory once more, on top of itself: what is open stays writable, which is
        // the database, and nothing can be made.
        mount(&["--bind", name], path);
        mount(&["-o", "remount,bind,ro", name], Path::new(name));
        let head = log.head().unwrap();
        let told = log.append(&head, entry(vec![2; 100_000])).unwrap_err().to_string();
        assert!(told.starts_with(read_only), "{told}");
        let told = log.put_snapshot(1, None, &mut &b"state"[..]).unwrap_err().to_string();
        assert!(told.starts_with(read_only), "{told}");
        assert_eq!(log.body(1).unwrap().into_vec().unwrap(), vec![1; 100_000]);
        assert_eq!(log.head().unwrap(), head);
        drop(log);
        for place in [&log_path, &path.join("new")] {
            let options = EmbeddedOptions::default();
            let told = EmbeddedLog::open(place, options).unwrap_err().to_string();
            assert!(told.starts_with(read_only), "{told}");
        }
        assert!(Command::new("umount").arg(path).status().unwrap().success());
        let log = open(&log_path);
        assert_eq!(log.head().unwrap(), head);
        append(&log, entry(vec![2; 100_000]));
        put(&log, 2, "state");
        log.verify().unwrap();
    });
}
