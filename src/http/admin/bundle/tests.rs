//! How a bundle is read from a body, and when a condition on its revision is met.

use super::*;

fn met(if_match: &str, current: Option<u64>) -> Option<bool> {
    Condition::parse(if_match).map(|condition| condition.is_met(current))
}

#[test]
fn a_condition_names_revisions_by_their_tags() {
    assert_eq!(met("\"7\"", Some(7)), Some(true));
    assert_eq!(met("\"7\"", Some(8)), Some(false));
    assert_eq!(met("\"6\", \"7\"", Some(7)), Some(true));
    assert_eq!(met("W/\"7\"", Some(7)), Some(false));
    assert_eq!(met("\"x\"", Some(7)), Some(false));
    assert_eq!(met("\"0\"", None), Some(true));
    assert_eq!(met("*", None), Some(false));
    assert_eq!(met("*", Some(1)), Some(true));
    for text in ["", "7", "\"7", "7\"", "\"7\",", "\"7\"8\""] {
        assert_eq!(met(text, Some(7)), None, "{text}");
    }
}

fn parts(text: &str) -> Result<Parts, Kind> {
    read_parts(text.as_bytes(), 64).map_err(|problem| problem.kind())
}

#[test]
fn entities_and_links_keep_their_text() {
    let parts = parts("{\"links\": [ ],\n \"entities\": [{\"a\" :  1.0}]}").unwrap();
    assert_eq!(parts.entities.as_deref(), Some("[{\"a\" :  1.0}]"));
    assert_eq!(parts.links.as_deref(), Some("[ ]"));
    assert!(parts.schema.is_none() && parts.policies.is_none());
}

#[test]
fn what_is_no_bundle_is_refused() {
    let refused = |text| parts(text).map(|_| ()).unwrap_err();
    assert_eq!(refused("{}"), Kind::MissingMember);
    assert_eq!(refused("[]"), Kind::InvalidMember);
    assert_eq!(refused("{\"schema\":null}"), Kind::InvalidMember);
    assert_eq!(refused("{\"entities\":{}}"), Kind::InvalidMember);
    assert_eq!(refused("{\"policies\":{\"a.cedar\":1}}"), Kind::InvalidMember);
    assert_eq!(refused("{\"policies\":{\"\":\"\"}}"), Kind::InvalidMember);
    assert_eq!(refused("{\"policy\":{}}"), Kind::UnknownMember);
    assert_eq!(refused("{\"links\":[],\"links\":[]}"), Kind::InvalidJson);
    assert_eq!(refused(" "), Kind::InvalidJson);
}
