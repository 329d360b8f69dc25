//! What holds for every text, not only for those that somebody thought of: readers never panic and
//! agree with the ones they stand in front of, and whatever passes the gate can be parsed.

#![cfg(test)]

use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;

use cedar_policy::{EntityId, EntityTypeName, EntityUid, PolicySet, Schema};
use doorward::engine::gate::{self, Limits};
use doorward::engine::{Bundle, CompileOptions, Text, compile, json, uid};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::Value;

/// A JSON value without floats, whose texts are not unique.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            btree_map(any::<String>(), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// A text that is nearly one of these: cut, doubled, and with pieces put in.
fn mutated(texts: Vec<String>) -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "(",
            ")",
            "{",
            "}",
            "[",
            "]",
            "<",
            ">",
            "\"",
            "\\",
            "//",
            "@",
            ";",
            ",",
            "::",
            "!",
            "-",
            " if ",
            " then ",
            " else ",
            "&&",
            "||",
            "==",
            " in ",
            " is ",
            " has ",
            ".",
            "0",
            "9223372036854775808",
            "?principal",
            "permit",
            "entity",
            "action",
            "é",
            "\u{0}",
            "\n",
        ])
        .prop_map(str::to_owned),
        any::<String>(),
    ];
    let edit = (any::<prop::sample::Index>(), any::<prop::sample::Index>(), piece);
    (prop::sample::select(texts), vec(edit, 1..6)).prop_map(|(text, edits)| {
        let mut characters: Vec<char> = text.chars().collect();
        for (from, to, piece) in edits {
            let (from, to) = (from.index(characters.len() + 1), to.index(characters.len() + 1));
            // Half of the edits only put something in.
            let to =
                if to % 2 == 0 { from } else { to.clamp(from, (from + 40).min(characters.len())) };
            characters.splice(from..to, piece.chars());
        }
        characters.into_iter().collect()
    })
}

/// What ships, by extension.
fn shipped(extension: &str) -> Vec<String> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let mut paths: Vec<_> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|found| found == extension));
    paths.sort();
    paths.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

fn bundle(schema: &str, policies: &str, entities: &str, links: &str) -> Bundle {
    Bundle {
        schema: Some(Text::new("schema.cedarschema", schema)),
        policies: vec![Text::new("case.cedar", policies)],
        entities: vec![Text::new("entities.json", entities)],
        links: vec![Text::new("links.json", links)],
    }
}

/// Compiles, for what it does to the process; whether it succeeds is not the question.
fn compiles_or_says_why(bundle: &Bundle) {
    if let Err(problems) = compile(bundle, &CompileOptions::default()) {
        assert!(problems.refuses());
        assert!(!problems.to_string().is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn strict_json_never_panics(bytes in vec(any::<u8>(), 0..200)) {
        let strict = json::parse(&bytes, json::DEPTH_MAX);
        if let Ok(value) = strict {
            prop_assert_eq!(serde_json::from_slice::<Value>(&bytes).unwrap(), value);
        }
    }

    #[test]
    fn strict_json_never_panics_near_json(text in mutated(vec![
        r#"{"principal":{"type":"User","id":"emma"},"n":[1,-2.5e3,true,null],"s":"\ud83d\ude00"}"#.to_owned(),
    ])) {
        if let Ok(value) = json::parse(text.as_bytes(), json::DEPTH_MAX) {
            prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        }
    }

    #[test]
    fn strict_json_reads_what_is_json(value in value()) {
        let text = value.to_string();
        prop_assert_eq!(json::parse(text.as_bytes(), json::DEPTH_MAX), Ok(value));
    }

    #[test]
    fn strict_json_refuses_a_doubled_member(
        members in btree_map(any::<String>(), value(), 1..6),
        doubled in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
    ) {
        let mut texts: Vec<String> =
            members.iter().map(|(name, value)| format!("{}:{value}", Value::from(name.as_str()))).collect();
        let copy = texts[doubled.index(texts.len())].clone();
        texts.insert(at.index(texts.len() + 1), copy);
        let text = format!("[{{{}}}]", texts.join(","));
        let error = json::parse(text.as_bytes(), json::DEPTH_MAX).unwrap_err();
        prop_assert!(error.message.ends_with("occurs twice"), "{}", error);
    }

    #[test]
    fn strict_json_bounds_the_depth(depth in 1_usize..200, object in any::<bool>()) {
        let (open, close) = if object { ("{\"a\":", "}") } else { ("[", "]") };
        let text = format!("{}1{}", open.repeat(depth), close.repeat(depth));
        prop_assert_eq!(json::parse(text.as_bytes(), 64).is_ok(), depth <= 64);
    }

    #[test]
    fn a_uid_that_cedar_writes_is_read_back(
        type_name in "[a-zA-Z_][a-zA-Z0-9_]{0,8}(::[a-zA-Z_][a-zA-Z0-9_]{0,8}){0,2}",
        id in any::<String>(),
    ) {
        let parsed = EntityTypeName::from_str(&type_name);
        prop_assume!(parsed.is_ok(), "some words are reserved");
        let written = EntityUid::from_type_name_and_id(parsed.unwrap(), EntityId::new(&id)).to_string();
        let read = uid::parse(&written).map(|read| (read.type_name, read.id));
        prop_assert_eq!(read, Ok((type_name, id)));
    }

    #[test]
    fn a_uid_means_what_cedar_takes_it_for(text in mutated(vec![
        r#"User::"emma""#.to_owned(),
        r#"Jira::Issue::"a\"b\n\u{1F600}\x41""#.to_owned(),
    ])) {
        if let (Ok(ours), Ok(cedars)) = (uid::parse(&text), EntityUid::from_str(&text)) {
            prop_assert_eq!(ours.type_name, cedars.type_name().to_string());
            let id: &str = cedars.id().unescaped();
            prop_assert_eq!(ours.id, id);
        }
    }

    #[test]
    fn a_uid_never_panics(text in any::<String>()) {
        if let Err(message) = uid::parse(&text) {
            prop_assert!(!message.is_empty());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_texts_compile_or_say_why(
        schema in any::<String>(), policies in any::<String>(),
        entities in any::<String>(), links in any::<String>(),
    ) {
        compiles_or_says_why(&bundle(&schema, &policies, &entities, &links));
    }

    #[test]
    fn mutated_policies_compile_or_say_why(policies in mutated(shipped("cedar"))) {
        compiles_or_says_why(&bundle(&shipped("cedarschema")[0], &policies, "[]", "[]"));
    }

    #[test]
    fn mutated_schemas_compile_or_say_why(schema in mutated(shipped("cedarschema"))) {
        compiles_or_says_why(&bundle(&schema, &shipped("cedar").concat(), "[]", "[]"));
    }

    #[test]
    fn mutated_entities_and_links_compile_or_say_why(
        entities in mutated(vec![r#"[
            {"uid": {"type": "Owner", "id": "A"}, "attrs": {}, "parents": []},
            {"uid": {"type": "UserGroup", "id": "g"}, "attrs": {
                "owner": {"__entity": {"type": "Owner", "id": "A"}},
                "tenant": {"__entity": {"type": "Owner", "id": "A"}}}, "parents": []}
        ]"#.to_owned()]),
        links in mutated(vec![r#"[{"template_id": "group-share-read", "link_id": "s", "args":
            {"?principal": "UserGroup::\"g\"", "?resource": "UserGroup::\"g\""},
            "expires": "2026-11-21T12:00:00Z"}]"#.to_owned()]),
    ) {
        let (schema, policies) = (&shipped("cedarschema")[0], shipped("cedar").concat());
        compiles_or_says_why(&bundle(schema, &policies, &entities, &links));
    }
}

/// What can be nested in a policy: the text before, between and after `count` levels.
fn nested(count: usize) -> BTreeMap<&'static str, String> {
    let around = |open: &str, inner: &str, close: &str| {
        format!("{}{inner}{}", open.repeat(count), close.repeat(count))
    };
    BTreeMap::from([
        ("parentheses", around("(", "true", ")")),
        ("negations", around("!", "true", "")),
        ("negations in parentheses", around("!(", "true", ")")),
        ("minuses", format!("{} == 1", around("-", "1", ""))),
        ("sets", format!("{} == []", around("[", "1", "]"))),
        ("records", format!("{} == {{}}", around("{a: ", "1", "}"))),
        ("conditions", around("if true then true else ", "true", "")),
        ("conditions in conditions", around("if ", "true", " then true else false")),
        ("conjunctions", around("true && ", "true", "")),
        ("disjunctions", around("false || ", "true", "")),
        ("sums", format!("{} == 1", around("1 + ", "1", ""))),
        ("products", format!("{} == 1", around("1 * ", "1", ""))),
        ("attributes", format!("context{}", around("", "", ".a"))),
        ("indexes", format!("context{}", around("", "", "[\"a\"]"))),
        ("calls", around("[1].contains(", "1", ")")),
        ("method chains", format!("[1]{}", around("", "", ".contains(1)"))),
        ("alternating", around("(true && (false || ", "true", "))")),
    ])
}

/// A schema under which the policies are typed is not needed: what is asked is that no text that
/// passes the gate ends the process, in Cedar's parser, in its validator or in its evaluator.
#[test]
fn what_passes_the_gate_is_parsed_and_what_is_too_deep_does_not_pass() {
    let limits = Limits::default();
    for count in [1, 2, 15, 31, 32, 62, 63, 64, 65, 200, 2_000, 100_000] {
        for (what, condition) in nested(count) {
            let text = format!("permit (principal, action, resource) when {{ {condition} }};");
            match gate::policies("case.cedar", &text, &limits) {
                Ok(()) => {
                    assert!(count <= 64, "{count} {what} pass the gate");
                    let parsed = gate::on_large_stack(|| PolicySet::from_str(&text).is_ok());
                    // Cedar itself allows only four unary operators in a row.
                    let refused = ["negations", "minuses"].contains(&what) && count > 4;
                    assert_eq!(parsed, !refused, "{count} {what}");
                }
                Err(problem) => assert!(count > 15, "{count} {what}: {problem}"),
            }
            compiles_or_says_why(&bundle(&shipped("cedarschema")[0], &text, "[]", "[]"));
        }
    }
}

#[test]
fn a_schema_that_is_too_deep_does_not_pass() {
    let limits = Limits::default();
    for count in [1, 15, 31, 62, 63, 64, 65, 200, 2_000, 100_000] {
        let nested = [
            format!("entity A {{ a: {}Long{} }};", "Set<".repeat(count), ">".repeat(count)),
            format!("entity A {{ a: {}Long{} }};", "{a: ".repeat(count), "}".repeat(count)),
        ];
        for text in nested {
            match gate::schema("schema.cedarschema", &text, &limits) {
                Ok(()) => {
                    assert!(count <= 64, "{count} levels pass the gate");
                    let parsed = gate::on_large_stack(|| Schema::from_str(&text).is_ok());
                    assert!(parsed, "{count} levels");
                }
                Err(problem) => assert!(count > 31, "{count}: {problem}"),
            }
            compiles_or_says_why(&bundle(&text, "", "[]", "[]"));
        }
        let json = format!(
            r#"{{"":{{"actions":{{}},"entityTypes":{{"A":{{"shape":{{"type":"Record","attributes":{{"a":{}{{"type":"Long"}}{}}}}}}}}}}}}}"#,
            r#"{"type":"Set","element":"#.repeat(count),
            "}".repeat(count)
        );
        compiles_or_says_why(&bundle(&json, "", "[]", "[]"));
    }
}
