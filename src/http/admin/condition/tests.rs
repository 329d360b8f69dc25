//! When a condition on the revision in force is met.

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
