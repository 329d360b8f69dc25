//! Differences: what leads from one store to another, applied, makes the other, however both were
//! loaded; and two stores that say the same differ in nothing.

use super::changing::{Model, links};
use super::*;

proptest! {
    #![proptest_config(cases(1))]

    #[test]
    fn a_difference_applied_makes_the_other(
        ours in (entities(), links()),
        theirs in (entities(), links()),
        moved in 0..10_usize,
    ) {
        let fixture = fixture();
        let references = References::Strict;
        let load = |(entities, links): (Vec<Value>, Vec<Value>)| {
            let entities: Value = with_all_named(entities).into();
            let none = json!([]);
            let loaded = fixture.load(&entities, &links.into(), references);
            loaded.or_else(|_| fixture.load(&entities, &none, references)).ok()
        };
        let (Some(ours), Some(theirs)) = (load(ours), load(theirs)) else { return Ok(()) };
        let change = ours.difference(&theirs, usize::MAX).unwrap();
        let (before, after) = (Model::of(&ours), Model::of(&theirs));
        prop_assert_eq!(change.is_empty(), before == after);
        let options = LoadOptions { references, ..LoadOptions::default() };
        let applied = ours.apply(&change, &fixture.schema, &fixture.policies, &options);
        let (made, _) = applied.unwrap();
        prop_assert_eq!(&Model::of(&made), &after);
        prop_assert!(made.difference(&theirs, 0).unwrap().is_empty());
        prop_assert!(theirs.difference(&made, 0).unwrap().is_empty());
        // The same in another order has other numbers and says the same.
        let mut entities: Vec<Value> = theirs.export().collect();
        let links: Vec<Value> = theirs.links().filter_map(|no| theirs.link_json(no)).collect();
        let at = moved.min(entities.len());
        entities.rotate_left(at);
        let again = fixture.load(&entities.into(), &links.into(), references).unwrap();
        prop_assert!(theirs.difference(&again, 0).unwrap().is_empty());
    }
}

#[test]
fn more_than_is_asked_for_is_no_difference() {
    let load = |names: &[&str]| {
        let entity = |name: &&str| json!({"uid": uid_json("User", name), "attrs": {"name": name}});
        let entities: Vec<Value> = names.iter().map(entity).collect();
        fixture().load(&entities.into(), &json!([]), References::Strict).unwrap()
    };
    let (ours, theirs) = (load(&["a", "b"]), load(&["b", "c"]));
    assert!(ours.difference(&theirs, 1).is_none());
    let change = ours.difference(&theirs, 2).unwrap();
    assert_eq!(change.remove, ["User::\"a\"".parse().unwrap()]);
    assert!(change.upsert.unwrap().text.contains("\"c\""));
}
