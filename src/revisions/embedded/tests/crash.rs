//! Killed at a random moment under load, the log has what it acknowledged, whole, and nothing half.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use super::child;
use super::{entry, files, open};
use crate::revisions::tests::conformance::minute;
use crate::revisions::*;

/// How often the child is killed, if the variable does not say otherwise.
const ROUNDS: u32 = 30;
const ROUNDS_VARIABLE: &str = "DOORWARD_CRASH_ROUNDS";
/// A child is killed at some time within this, in milliseconds, of its first acknowledgement.
const LIFE_MS: u64 = 150;

/// The body of a revision: small, in a file, or large, by turns.
fn body(revision: u64) -> Vec<u8> {
    let size = match revision % 7 {
        3 => 70_000,
        5 => 400_000,
        _ => 200,
    };
    vec![u8::try_from(revision % 256).unwrap(); size]
}

/// The child: works until it is killed, and says what was acknowledged.
fn work(path: &Path) {
    let log = open(path);
    let mut out = std::io::stdout();
    let mut say = |line: String| {
        // One write, so that a line is there whole or not at all.
        out.write_all(format!("\n{line}\n").as_bytes()).unwrap();
        out.flush().unwrap();
    };
    loop {
        let head = log.head().unwrap();
        let next = head.revision + 1;
        let ahead = next.is_multiple_of(11);
        let snapshot = ahead.then(|| log.put_snapshot(next, None, &mut &body(next)[..]).unwrap());
        let idempotency = Some(Idempotency { key: next.to_string(), request: String::new() });
        let snapshot = snapshot.map(|it| it.digest);
        let whole = Entry { idempotency, snapshot, ..entry(body(next)) };
        let record = log.append(&head, whole).unwrap();
        say(format!("acked {} {}", record.revision, record.hash));
        if next.is_multiple_of(5) {
            log.put_snapshot(next, None, &mut &body(next)[..]).unwrap();
            say(format!("snapshot {next}"));
        }
        if next.is_multiple_of(13) {
            let policy = Retention { records_min: 20, older_bytes_max: 0, snapshot_spacing: 10 };
            log.compact(&policy, minute(0)).unwrap();
        }
    }
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    if let Some(path) = child::directory() {
        return work(&path);
    }
    let directory = tempfile::tempdir().unwrap();
    let mut acked = BTreeMap::new();
    for round in 0..child::number(ROUNDS_VARIABLE, ROUNDS) {
        let newest_snapshot = run_and_kill(directory.path(), &mut acked);
        check(directory.path(), &acked, newest_snapshot, round);
    }
    assert!(acked.len() > 30, "only {} appends", acked.len());
}

/// Lets a child work and kills it. Notes what it acknowledged, and its newest snapshot.
fn run_and_kill(path: &Path, acked: &mut BTreeMap<u64, String>) -> u64 {
    let mut command = child::command("crash::what_was_acknowledged_survives_a_kill", path, false);
    let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
    let out = BufReader::new(process.stdout.take().unwrap());
    let (sender, lines) = channel();
    let reader = std::thread::spawn(move || {
        for line in out.lines().map_while(Result::ok) {
            sender.send(line).unwrap();
        }
    });
    let mut random = [0; 8];
    getrandom::fill(&mut random).unwrap();
    let lifetime = Duration::from_micros(u64::from_ne_bytes(random) % (LIFE_MS * 1000));
    let mut newest_snapshot = 0;
    let mut note = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["acked", revision, hash] => {
                acked.insert(revision.parse().unwrap(), hash.to_owned());
            }
            ["snapshot", revision] => newest_snapshot = revision.parse().unwrap(),
            _ => return false,
        }
        true
    };
    // Its start is as long as the machine likes; its life is counted from its first word on, or
    // not even that: the shortest lives end while it opens the log.
    if !lifetime.as_millis().is_multiple_of(5) {
        while !note(&lines.recv_timeout(Duration::from_mins(1)).unwrap()) {}
    }
    let end = std::time::Instant::now() + lifetime;
    loop {
        match lines.recv_timeout(end.saturating_duration_since(std::time::Instant::now())) {
            Ok(line) => note(&line),
            Err(RecvTimeoutError::Timeout) => break,
            Err(RecvTimeoutError::Disconnected) => panic!("it ended by itself"),
        };
    }
    process.kill().unwrap();
    process.wait().unwrap();
    reader.join().unwrap();
    // What it said before it died counts.
    for line in &lines {
        note(&line);
    }
    newest_snapshot
}

fn check(path: &Path, acked: &BTreeMap<u64, String>, newest_snapshot: u64, round: u32) {
    let log = open(path);
    let mut what = format!("round {round}");
    let last = acked.keys().next_back().copied().unwrap_or_default();
    let seen = log.verify().unwrap_or_else(|error| panic!("{what}: {error}"));
    write!(what, ": acknowledged {last}, found {seen:?}").unwrap();
    // One append at the most was done and not yet said.
    assert!(seen.head.revision == last || seen.head.revision == last + 1, "{what}");
    for record in log.read(seen.first, usize::MAX).unwrap() {
        let revision = record.revision;
        if let Some(hash) = acked.get(&revision) {
            assert_eq!(record.hash.to_string(), *hash, "{what}");
        }
        assert_eq!(log.body(revision).unwrap().into_vec().unwrap(), body(revision), "{what}");
        assert_eq!(log.find_idempotent(&revision.to_string(), minute(0)).unwrap(), Some(record));
    }
    let latest = log.latest_snapshot(u64::MAX).unwrap().map_or(0, |it| it.revision);
    assert!(latest >= newest_snapshot, "{what}, snapshot {latest} and not {newest_snapshot}");
    let left = files(&path.join("content"));
    let leftover = |name: &String| name.contains("part") || name.contains("mark");
    assert!(!left.iter().any(leftover), "{what}: {left:?}");
    let mut kept: Vec<String> = Vec::new();
    let inline = |it: &Record| it.body.bytes < 70_000;
    let records = log.read(seen.first, usize::MAX).unwrap();
    kept.extend(records.iter().filter(|it| !inline(it)).map(|it| it.body.digest.to_string()));
    for revision in 0..=seen.head.revision {
        kept.extend(log.latest_snapshot(revision).unwrap().map(|it| it.digest.to_string()));
    }
    // A snapshot ahead of its record may be there, and is not in sight.
    let orphans: Vec<_> = left.iter().filter(|name| !kept.contains(name)).collect();
    assert!(orphans.len() <= 1, "{what}: nothing refers to {orphans:?}");
}
