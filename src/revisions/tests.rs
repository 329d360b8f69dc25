//! What was saved is there again, and a damaged or occupied data directory is refused.

pub(crate) mod conformance;
mod random;

use super::*;
use crate::engine::Text;

fn state() -> State {
    State {
        revision: 7,
        installed_at: Some("2026-11-21T12:00:00Z".parse().unwrap()),
        digest: "d".into(),
        schema: Some(Text::new("schema", "entity User;")),
        policies: Some(vec![Text::new("a.cedar", "permit (principal, action, resource);\n")]),
        entities: Some(Entities {
            entities: vec![Text::new("entities", "[]")],
            ..Entities::default()
        }),
    }
}

#[test]
fn what_was_saved_is_loaded() {
    let directory = tempfile::tempdir().unwrap();
    let data = DataDir::open(directory.path()).unwrap();
    assert_eq!(data.load().unwrap(), State::default());
    data.save(&state()).unwrap();
    assert_eq!(data.load().unwrap(), state());
}

#[test]
fn a_damaged_state_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let data = DataDir::open(directory.path()).unwrap();
    data.save(&state()).unwrap();
    let path = directory.path().join("state.json");
    let text = std::fs::read_to_string(&path).unwrap().replace("\"revision\":7", "\"revision\":8");
    std::fs::write(&path, text).unwrap();
    let error = data.load().unwrap_err().to_string();
    assert!(error.ends_with("is damaged: its digest is another than its contents"), "{error}");
}

#[test]
fn a_second_process_is_kept_out() {
    let directory = tempfile::tempdir().unwrap();
    let first = DataDir::open(directory.path()).unwrap();
    assert!(matches!(DataDir::open(directory.path()), Err(StoreError::Locked { .. })));
    drop(first);
    DataDir::open(directory.path()).unwrap();
}
