//! How a bundle is read from a body.

use super::*;

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
