//! Directories are read in a fixed order and within their bounds.

use std::fs;

use super::*;

#[test]
fn a_directory_is_read_in_the_order_of_names() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    for (name, text) in [
        ("b.cedar", "b"),
        ("a.cedar", "a"),
        ("schema.cedarschema", "s"),
        ("notes.md", "n"),
        (".hidden.cedar", "h"),
        ("links.json", "[1]"),
        ("x.jsonl", "{}"),
        ("e.json", "[]"),
    ] {
        fs::write(path.join(name), text).unwrap();
    }
    let inputs = Inputs {
        policies: vec![path.to_owned()],
        entities: vec![path.to_owned()],
        ..Inputs::default()
    };
    let bundle = read(&inputs, &FileLimits::default()).unwrap();
    let texts = |list: &[crate::engine::Text]| -> Vec<String> {
        list.iter().map(|text| text.text.to_string()).collect()
    };
    assert_eq!(texts(&bundle.policies), ["a", "b"]);
    assert_eq!(bundle.schema.as_ref().map(|text| &*text.text), Some("s"));
    assert_eq!(texts(&bundle.entities), ["[]", "{}"]);
    assert_eq!(texts(&bundle.links), ["[1]"]);
}

#[test]
fn two_schemas_and_missing_files_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    fs::write(path.join("a.cedarschema"), "").unwrap();
    fs::write(path.join("b.cedarschema"), "").unwrap();
    let inputs =
        Inputs { policies: vec![path.to_owned(), path.join("gone.cedar")], ..Inputs::default() };
    let problems = read(&inputs, &FileLimits::default()).unwrap_err();
    let codes: Vec<_> = problems.iter().map(|problem| problem.code).collect();
    assert_eq!(codes, ["unreadable-file", "two-schemas"]);
    let one = Inputs {
        schema: Some(path.join("a.cedarschema")),
        policies: vec![path.to_owned()],
        ..Inputs::default()
    };
    assert!(read(&one, &FileLimits::default()).is_ok());
}

#[test]
fn files_beyond_the_bound_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("a.cedar");
    fs::write(&file, "x".repeat(100)).unwrap();
    let inputs = Inputs { policies: vec![file], ..Inputs::default() };
    let limits = FileLimits { bundle_bytes_max: 99, ..FileLimits::default() };
    assert!(read(&inputs, &limits).is_err());
    let limits = FileLimits { bundle_bytes_max: 100, ..limits };
    assert!(read(&inputs, &limits).is_ok());
}
