//! The owner that a token claims, against the one that the snapshot knows.

use super::*;
use crate::engine::{Bundle, CompileOptions, Snapshot, Text, compile};

fn snapshot() -> Snapshot {
    let entity = |id: &str| json!({"__entity": {"type": "Owner", "id": id}});
    let entities = json!([
        {"uid": {"type": "Owner", "id": "A"}, "attrs": {}, "parents": []},
        {"uid": {"type": "Owner", "id": "B"}, "attrs": {}, "parents": []},
        {"uid": {"type": "User", "id": "emma"}, "attrs": {"owner": entity("A")}, "parents": []},
        {"uid": {"type": "User", "id": "root"}, "attrs": {}, "parents": []},
        {"uid": {"type": "Robot", "id": "r"}, "attrs": {"owner": "A"}, "parents": []},
    ]);
    let schema = "entity Owner; entity User { owner?: Owner }; entity Robot { owner: String };
        entity Thing; action look appliesTo { principal: [User, Robot], resource: [Thing] };";
    let bundle = Bundle {
        schema: Some(Text::new("schema.cedarschema", schema)),
        entities: vec![Text::new("entities.json", entities.to_string())],
        ..Bundle::default()
    };
    compile(&bundle, &CompileOptions::default()).unwrap()
}

fn agrees(type_name: &str, id: &str, owner: ClaimedOwner) -> bool {
    let identity = Identity {
        type_name: type_name.to_owned(),
        id: id.to_owned(),
        owner,
        owner_attribute: "owner".into(),
        expires_at: None,
        source: Source::Jwt,
    };
    identity.agrees(&snapshot()).is_ok()
}

#[test]
fn a_token_with_another_owner_is_stale() {
    let owner = |id: &str| ClaimedOwner::Id(id.to_owned());
    assert!(agrees("User", "emma", owner("A")));
    assert!(!agrees("User", "emma", owner("B")));
    assert!(!agrees("User", "emma", owner("a")));
    assert!(!agrees("User", "emma", ClaimedOwner::Nobody));
    assert!(agrees("User", "emma", ClaimedOwner::Unasked));
    assert!(agrees("User", "root", ClaimedOwner::Nobody));
    assert!(!agrees("User", "root", owner("A")));
    assert!(agrees("Robot", "r", owner("A")));
    assert!(!agrees("Robot", "r", owner("B")));
}

#[test]
fn whoever_is_not_in_the_snapshot_is_not_stale_but_unknown() {
    assert!(agrees("User", "jack", ClaimedOwner::Id("B".to_owned())));
    assert!(agrees("Ghost", "g", ClaimedOwner::Id("B".to_owned())));
    assert_eq!(StaleToken.code(), Code::StaleToken);
}
