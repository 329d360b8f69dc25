//! The outline of a body is strict JSON, member by member, each with its own text.

use serde_json::Map;

use super::*;
use crate::engine::json;

const DEPTH: usize = 8;

/// A body is refused by the scan just when it is refused by the reader of single checks, in the
/// same words; the places may differ by a few characters.
#[track_caller]
fn alike(text: &[u8]) -> Result<(), String> {
    let parsed = json::parse(text, DEPTH).map(|_| ()).map_err(|error| error.message);
    let scanned = scan(text, DEPTH).map_err(|error| {
        let detail = Problem::invalid_json(&error).detail().to_owned();
        detail.split(" (line").next().unwrap_or_default().to_owned()
    });
    assert_eq!(scanned, parsed, "{}", String::from_utf8_lossy(text));
    scanned
}

#[test]
fn the_scan_is_as_strict_as_the_reader() {
    for text in [
        "{}",
        " [1, -2.5e3, true, null, \"x\\u00e9\"] ",
        "{\"a\":{\"a\":1},\"b\":[{\"a\":2}]}",
        "[[[[[[[[]]]]]]]]",
        "18446744073709551615",
        "\"\\ud83d\\ude00\"",
    ] {
        assert_eq!(alike(text.as_bytes()), Ok(()), "{text}");
    }
    for text in [
        "",
        "{",
        "[1,]",
        "{\"a\":1,}",
        "{\"a\":1,\"a\":2}",
        "{\"a\":{\"b\":1,\"\\u0062\":2}}",
        "\"\\ud800\"",
        "{\"\\udc00\":1}",
        "[[[[[[[[[]]]]]]]]]",
        "{} x",
        "01",
        "1e999",
        "\"\u{1}\"",
        "nul",
        "{\"a\" 1}",
        "{1:2}",
    ] {
        alike(text.as_bytes()).expect_err(text);
    }
    alike(b"\"\xff\"").expect_err("not UTF-8");
    alike(b"{\"\xc3\":1}").expect_err("not UTF-8");
}

#[test]
fn an_outline_has_the_texts_of_known_members_and_the_first_unknown_name() {
    let text = br#" { "b" : [1, 2] , "x": {}, "y": 1, "a": "t" } "#;
    let mut outline = Outline::read(text, DEPTH, &["a", "b", "c"]).unwrap();
    assert_eq!(outline.take("b").unwrap().get(), "[1, 2]");
    assert_eq!(outline.take("a").unwrap().get(), "\"t\"");
    assert!(outline.take("c").is_none() && outline.take("a").is_none());
    let problem = outline.refuse_unknown("a test").unwrap_err();
    assert_eq!(problem.detail(), "`x` is not a member of a test");
}

#[test]
fn what_is_no_object_is_refused() {
    let refused = |text: &'static [u8]| Outline::read(text, DEPTH, &[]).unwrap_err().kind();
    assert_eq!(refused(b" \n"), Kind::InvalidJson);
    assert_eq!(refused(b"[]"), Kind::InvalidMember);
    assert_eq!(refused(b"1"), Kind::InvalidMember);
    assert_eq!(refused(b"{}}"), Kind::InvalidJson);
}

#[test]
fn parts_are_counted_where_they_are_too_many() {
    let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
    let three = raw("[1, [2], {}]");
    let texts = items(&three, 3).unwrap().unwrap();
    assert_eq!(texts.iter().map(|item| item.get()).collect::<Vec<_>>(), ["1", "[2]", "{}"]);
    assert_eq!(items(&three, 2).unwrap().unwrap_err(), 3);
    assert!(items(&raw("{}"), 2).is_none());
    let two = raw(r#"{"a": 1, "b": []}"#);
    assert_eq!(members(&two, 2).unwrap().unwrap().len(), 2);
    assert_eq!(members(&two, 1).unwrap().unwrap_err(), 2);
    assert!(members(&raw("[]"), 2).is_none());
    assert_eq!(value(&raw("{}")).unwrap(), Value::Object(Map::new()));
}
