//! What `doorward.yaml` may say, and where a mistake in it is told.

use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Result<ConfigFile, Problem> {
    ConfigFile::parse(Path::new("etc/doorward.yaml"), text)
}

#[track_caller]
fn refused(text: &str, message: &str, line: usize, column: usize, hint: Option<&str>) {
    let problem = parse(text).unwrap_err();
    assert_eq!(problem.message, message);
    let place = problem.place.unwrap();
    assert_eq!(
        (place.name.as_str(), place.line, place.column),
        ("etc/doorward.yaml", line, column)
    );
    assert_eq!(problem.hint.as_deref(), hint);
}

#[test]
fn relative_paths_are_relative_to_the_file() {
    let file =
        parse("policies: p\nentities: [e, /abs]\ndata_dir: d\nlisten: unix:s.sock\n").unwrap();
    assert_eq!(file.policies.unwrap().into_vec(), [Path::new("etc/p")]);
    assert_eq!(file.entities.unwrap().into_vec(), [Path::new("etc/e"), Path::new("/abs")]);
    assert_eq!(file.data_dir.unwrap(), Path::new("etc/d"));
    assert_eq!(file.listen.unwrap().to_string(), "unix:etc/s.sock");
}

#[test]
fn a_file_without_keys_says_nothing() {
    for text in ["", "\n\n", "# only a comment\n"] {
        assert!(parse(text).unwrap().listen.is_none(), "{text:?}");
    }
}

#[test]
fn a_mistake_is_told_with_its_place_and_a_hint() {
    refused("a: 1\n", "unknown key `a`", 1, 1, Some(&known_at_the_top()));
    refused("\nlisen: x\n", "unknown key `lisen`", 2, 1, Some("did you mean `listen`?"));
    refused(
        "limits:\n  check_byte: 1\n",
        "unknown key `check_byte`",
        2,
        3,
        Some("did you mean `check_bytes`?"),
    );
    refused("references: strct\n", "unknown value `strct`", 1, 13, Some("did you mean `strict`?"));
    refused(
        "listen: a:1\nlisten: a:2\n",
        "the key `listen` stands here for the second time",
        2,
        1,
        None,
    );
    refused("ephemeral: maybe\n", "expected `true` or `false`", 1, 12, None);
    refused("admin: {hosts: a}\n", "expected a list, such as `[one, two]`", 1, 16, None);
    refused("limits: {batch_items: 0}\n", "a limit is more than 0", 1, 23, None);
    refused("- a\n", "expected keys with values", 1, 1, None);
}

fn known_at_the_top() -> String {
    let problem = parse("a: 1\n").unwrap_err();
    let hint = problem.hint.unwrap();
    assert!(hint.starts_with("known here: `policies`, `schema`"), "{hint}");
    hint
}

proptest! {
    #[test]
    fn no_text_ends_the_process(text in any::<String>()) {
        let _ = parse(&text);
    }

    #[test]
    fn no_text_of_yaml_s_own_marks_ends_the_process(text in r#"[-:,\[\]{}&*!|>'"%@#a1 \n]{0,80}"#) {
        let _ = parse(&text);
    }
}
