//! The document holds together: what it refers to is there, and its examples are JSON.

use std::collections::BTreeSet;

use super::*;

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(target)) = members.get("$ref") {
                found.insert(target.trim_start_matches("#/components/schemas/").to_owned());
            }
            members.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[test]
fn every_schema_is_there_and_is_used() {
    let document = document();
    let schemas: Map<String, Value> = serde_json::from_str(SCHEMAS).unwrap();
    let mut named = BTreeSet::new();
    references(&document, &mut named);
    let there: BTreeSet<String> = schemas.keys().cloned().collect();
    assert_eq!(named, there);
}

#[test]
fn every_route_has_a_name_an_answer_and_examples() {
    let routes: Vec<_> = routes::data().chain(routes::admin()).collect();
    let names: BTreeSet<_> = routes.iter().map(|route| route.about.id).collect();
    assert_eq!(names.len(), routes.len(), "an id is there twice");
    for route in routes {
        let about = &route.about;
        assert!(!about.answer.is_empty(), "{} has no answer", about.id);
        for content in about.request.iter().chain(about.answer) {
            let example = serde_json::from_str::<Value>(content.example);
            assert!(content.schema.is_empty() || example.is_ok(), "{}: {example:?}", about.id);
        }
        let segments = route.path.matches('{').count();
        let described = about.parameters.iter().filter(|it| it.place == "path").count();
        assert_eq!(segments, described, "{} does not describe its path", about.id);
    }
}

/// The order of a path's methods is that of the table, and the text is the same every time.
#[test]
fn the_text_is_stable() {
    assert_eq!(format!("{:#}\n", document()), text());
}
