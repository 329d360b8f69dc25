//! That the quick reader gives what the full reader gives, or nothing.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::engine::json;

const DEPTH: usize = 8;

/// What the full reader makes of a text; `None` where it refuses it.
fn in_full(text: &[u8], depth_max: usize) -> Option<Check<'static>> {
    let Ok(Value::Object(mut members)) = json::parse(text, depth_max) else { return None };
    // It is read apart, and the quick reader never takes it.
    members.remove("at_least");
    Check::read(members).ok()
}

#[test]
fn the_usual_forms_are_read_quickly() {
    let uid = json!({"type": "User", "id": "emma"});
    for text in [
        json!({"principal": uid, "action": "read", "resource": uid}).to_string(),
        json!({"principal": uid, "action": uid, "resource": uid, "explain": true}).to_string(),
        json!({"principal": uid, "action": "read", "resource": uid, "context": {"a": [1, {}]}})
            .to_string(),
    ] {
        let quick = read(text.as_bytes(), DEPTH);
        assert!(quick.is_some(), "{text}");
        assert_eq!(quick, in_full(text.as_bytes(), DEPTH), "{text}");
    }
}

#[test]
fn whatever_the_full_reader_refuses_is_not_read_quickly() {
    let whole = r#"{"principal":{"type":"User","id":"e"},"action":"read","resource":{"type":"D","id":"d"}}"#;
    assert!(read(whole.as_bytes(), 2).is_some());
    assert!(read(whole.as_bytes(), 1).is_none());
    for (from, to) in [
        ("}}", "}} x"),
        ("}}", "}"),
        ("{\"principal\"", "{\"principal\":{\"type\":\"User\",\"id\":\"e\"},\"principal\""),
        ("\"id\":\"e\"", "\"id\":\"e\",\"id\":\"f\""),
        ("\"id\":\"e\"", "\"id\":\"\\ud800\""),
        ("\"id\":\"e\"", "\"id\":7"),
        ("\"id\":\"e\"", "\"id\":null"),
        ("\"id\":\"e\"", "\"name\":\"e\""),
        ("\"read\"", "null"),
        ("\"read\"", "[\"read\"]"),
        ("\"read\"", "\"read\",\"explain\":1"),
        ("\"read\"", "\"read\",\"context\":[]"),
        ("\"read\"", "\"read\",\"context\":{\"a\":1,\"a\":1}"),
        ("\"read\"", "\"read\",\"context\":{\"a\":[[[[[[[1]]]]]]]}"),
        ("\"read\"", "\"read\",\"colour\":1"),
    ] {
        let text = whole.replacen(from, to, 1);
        assert_eq!(in_full(text.as_bytes(), DEPTH), None, "{text}");
        assert_eq!(read(text.as_bytes(), DEPTH), None, "{text}");
    }
}

fn part() -> impl Strategy<Value = Value> {
    let uid = |ty: &str, id: &str| json!({"type": ty, "id": id});
    let plain = vec![
        json!("read"),
        json!("User::\"emma\""),
        json!("a\\\"b"),
        json!(null),
        json!(true),
        json!(1),
        uid("User", "emma"),
        uid("Us\"er", "\u{1F600}"),
        json!({"type": "User", "id": 1}),
        json!({"type": "User", "id": "e", "more": 1}),
    ];
    prop::sample::select(plain).prop_recursive(3, 8, 3, |inner| {
        prop::collection::btree_map("[a-c]{1,2}", inner, 0..3)
            .prop_map(|members| Value::Object(members.into_iter().collect()))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn what_is_read_quickly_is_what_is_read_in_full(
        parts in prop::collection::btree_map(
            prop::sample::select(
                &["principal", "action", "resource", "context", "explain", "at_least", "other"]
            ),
            part(),
            0..7,
        ),
        cut in prop::option::of(0_usize..200),
        depth in 0_usize..5,
    ) {
        let members: Map<String, Value> =
            parts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let text = Value::Object(members).to_string();
        let text = text.get(..cut.unwrap_or(text.len())).unwrap_or(&text);
        if let Some(quick) = read(text.as_bytes(), depth) {
            prop_assert_eq!(Some(quick), in_full(text.as_bytes(), depth));
        }
    }
}
