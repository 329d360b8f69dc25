//! What was saved is there again, and a damaged or occupied data directory is refused.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use super::*;
use crate::engine::store::Change;
use crate::engine::{Digests, References, Text};

fn state(revision: u64) -> State {
    State {
        revision,
        installed_at: Some("2026-11-21T12:00:00Z".parse().unwrap()),
        digests: Digests { schema: "d".into(), ..Digests::default() },
        schema: Some(Text::new("schema", "entity User;")),
        policies: Some(vec![Text::new("a.cedar", "permit (principal, action, resource);\n")]),
        seed: Some("s".into()),
        image: Some(Image {
            file: "image-7".into(),
            references: References::Cedar,
            rules: Some((Text::new("schema", "entity Team;"), Vec::new())),
        }),
    }
}

fn record(revision: u64) -> Record {
    Record {
        revision,
        installed_at: "2026-11-21T12:00:00Z".parse().unwrap(),
        digests: Digests { links: format!("{revision}"), ..Digests::default() },
        seed: "s".into(),
        change: Change {
            unlink: vec![format!("share-{revision}\n")],
            remove: vec!["User::\"u\"".parse().unwrap()],
            upsert: Some(Text::new("upsert", "[\n]")),
            link: None,
        },
    }
}

/// What is found in a directory: the state, and the revisions and links of the journal.
fn load(path: &Path) -> Result<(State, Vec<(u64, String)>), String> {
    let mut data = DataDir::open(path).unwrap();
    let (state, records) = data.load().map_err(|error| error.to_string())?;
    Ok((state, records.into_iter().map(|it| (it.revision, it.change.unlink.concat())).collect()))
}

/// A directory with a state and two changes.
fn written() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let mut data = DataDir::open(directory.path()).unwrap();
    data.save(&state(7), None).unwrap();
    data.append(&record(8)).unwrap();
    data.append(&record(9)).unwrap();
    directory
}

#[test]
fn what_was_saved_is_loaded() {
    let directory = tempfile::tempdir().unwrap();
    let mut data = DataDir::open(directory.path()).unwrap();
    assert_eq!(data.load().unwrap().0, State::default());
    data.save(&state(7), None).unwrap();
    assert_eq!(data.load().unwrap().0, state(7));
}

#[test]
fn a_damaged_state_is_refused() {
    let directory = written();
    let path = directory.path().join("state.json");
    let text = fs::read_to_string(&path).unwrap().replace("\"revision\":7", "\"revision\":8");
    fs::write(&path, text).unwrap();
    let error = load(directory.path()).unwrap_err();
    assert!(error.ends_with("is damaged: its digest is another than its contents"), "{error}");
}

#[test]
fn changes_are_kept_until_the_next_state() {
    let directory = written();
    let both = [(8, "share-8\n".to_owned()), (9, "share-9\n".to_owned())];
    assert_eq!(load(directory.path()).unwrap(), (state(7), both.to_vec()));
    let mut data = DataDir::open(directory.path()).unwrap();
    let (_, records) = data.load().unwrap();
    assert_eq!(records[0].change.remove, record(8).change.remove);
    assert_eq!(records[0].change.upsert.as_ref().unwrap().text, "[\n]".into());
    data.append(&record(10)).unwrap();
    drop(data);
    assert_eq!(load(directory.path()).unwrap().1.len(), 3);
    let mut data = DataDir::open(directory.path()).unwrap();
    data.load().unwrap();
    data.save(&state(10), None).unwrap();
    drop(data);
    assert_eq!(load(directory.path()).unwrap(), (state(10), Vec::new()));
    assert!(!directory.path().join("journal-7").exists());
}

/// Whatever part of the last record was written, it was not acknowledged: it is dropped, and the
/// next record stands in its place.
#[test]
fn a_record_that_was_not_written_whole_is_dropped() {
    let whole = fs::read(written().path().join("journal-7")).unwrap();
    let first = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    for length in [first, first + 1, first + 70, whole.len() - 1] {
        let directory = written();
        let path = directory.path().join("journal-7");
        OpenOptions::new().write(true).open(&path).unwrap().set_len(length as u64).unwrap();
        assert_eq!(load(directory.path()).unwrap().1.len(), 1, "{length}");
        let mut data = DataDir::open(directory.path()).unwrap();
        data.load().unwrap();
        data.append(&record(9)).unwrap();
        drop(data);
        assert_eq!(load(directory.path()).unwrap().1.len(), 2, "{length}");
    }
    let directory = written();
    let mut file =
        OpenOptions::new().append(true).open(directory.path().join("journal-7")).unwrap();
    file.write_all(&[0; 100]).unwrap();
    assert_eq!(load(directory.path()).unwrap().1.len(), 2);
}

#[test]
fn a_damaged_record_is_refused() {
    for (from, to) in [("share-8", "share-x"), ("share-9", "share-x")] {
        let directory = written();
        let path = directory.path().join("journal-7");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace(from, to)).unwrap();
        let error = load(directory.path()).unwrap_err();
        assert!(error.contains("its hash is another than its contents"), "{error}");
    }
    // A record taken out leaves a chain that does not hold.
    let directory = written();
    let path = directory.path().join("journal-7");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.split_inclusive('\n').nth(1).unwrap()).unwrap();
    assert!(load(directory.path()).unwrap_err().contains("record 1"));
}

#[test]
fn a_second_process_is_kept_out() {
    let directory = tempfile::tempdir().unwrap();
    let first = DataDir::open(directory.path()).unwrap();
    assert!(matches!(DataDir::open(directory.path()), Err(StoreError::Locked { .. })));
    drop(first);
    DataDir::open(directory.path()).unwrap();
}
