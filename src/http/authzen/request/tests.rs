//! How the items of a batch take what they lack from its defaults.

use serde_json::json;

use super::*;

#[track_caller]
fn partial(value: Value) -> Partial {
    let Value::Object(members) = value else { panic!("an object") };
    Partial::read(members).unwrap()
}

fn defaults() -> Partial {
    partial(json!({
        "subject": {"type": "User", "id": "emma", "properties": {"a": 1}},
        "action": {"name": "read", "properties": {"b": 2}},
        "resource": {"type": "Device", "id": "d0", "properties": {"c": 3}},
        "context": {"ip": "10.0.0.1", "doorward": {"explain": true}},
    }))
}

#[test]
fn an_item_without_anything_takes_the_defaults_whole() {
    let question = Partial::default().or(&defaults()).complete().unwrap();
    assert_eq!(question.subject.id, "emma");
    assert_eq!(question.subject.properties, json!({"a": 1}).as_object().cloned());
    assert_eq!(question.action.properties, json!({"b": 2}).as_object().cloned());
    assert_eq!(question.context, *json!({"ip": "10.0.0.1"}).as_object().unwrap());
    assert!(question.explain);
}

#[test]
fn an_item_entity_replaces_the_default_with_its_properties() {
    let item = partial(json!({"resource": {"type": "Device", "id": "d1"}, "context": {}}));
    let question = item.or(&defaults()).complete().unwrap();
    assert_eq!(question.resource.id, "d1");
    assert_eq!(question.resource.properties, None);
    assert_eq!(question.context, Members::new());
    assert!(!question.explain);
}

#[test]
fn an_incomplete_item_entity_takes_only_what_it_must_have() {
    let item = partial(json!({"resource": {"id": "d1"}, "action": {"properties": {"x": 1}}}));
    let question = item.or(&defaults()).complete().unwrap();
    assert_eq!(
        (question.resource.type_name.as_str(), question.resource.id.as_str()),
        ("Device", "d1")
    );
    assert_eq!(question.resource.properties, None);
    assert_eq!(question.action.name, "read");
    assert_eq!(question.action.properties, json!({"x": 1}).as_object().cloned());
}

#[test]
fn what_stays_missing_is_named() {
    let problem = partial(json!({"subject": {"type": "User"}, "action": {"name": "read"}}))
        .or(&partial(json!({"resource": {"type": "Device", "id": "d"}})))
        .complete()
        .unwrap_err();
    assert_eq!(problem.detail(), "`subject.id` is missing");
}
