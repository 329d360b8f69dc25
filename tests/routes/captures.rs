//! What a client puts into a path or query is an id or a text, whatever it looks like.

use doorward::engine::CheckOptions;
use doorward::mapping::{Mapped, RouteMap};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;

use crate::world::{SNAPSHOT, emma, map, request};

/// What is never escaped.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

fn device() -> RouteMap {
    map(r#"
  - { methods: [GET], path: "/d/{id}", action: read, resource: { type: Device, id: "{id}" } }
  - { methods: [GET], path: "/u/{id:uuid}", action: read, resource: { type: Device, id: "{id}" } }
  - { methods: [GET], path: "/i/{id:int}", action: read, resource: { type: Device, id: "{id}" } }
  - { methods: [GET], path: "/w/{id:word}", action: read, resource: { type: Device, id: "{id}" } }
  - { methods: [GET], path: "/l/{id}", captures: { id: [a, "b c"] }, action: read, resource: { type: Device, id: "{id}" } }
"#)
}

#[test]
fn cedar_text_is_an_id_like_any_other() {
    let map = device();
    let principal = SNAPSHOT.uid("User", "emma").unwrap();
    for id in [
        r#"x" || true //"#,
        "SD-001",
        r#"") ; permit (principal, action, resource"#,
        r#"Device::"SD-001""#,
        "\u{202e}SD-001",
        "ü\u{0301}",
        "'; DROP TABLE devices",
        "{principal.tenant}",
        "$principal",
    ] {
        let target = format!("/d/{}", utf8_percent_encode(id, UNRESERVED));
        let mapped = map.map(&request("GET", &target));
        let Mapped::Matched(matched) = mapped else {
            // Signs that have another meaning in a path are not let in at all.
            assert!(id.contains([';', '/']), "{id} is not mapped: {mapped:?}");
            continue;
        };
        let checks = matched.checks(&principal, &SNAPSHOT, 0).unwrap();
        assert_eq!(checks[0].resource.id().unescaped(), id);
        assert_eq!(checks[0].resource.type_name().to_string(), "Device");
        let decided = SNAPSHOT.check(&checks[0], CheckOptions::default()).unwrap();
        assert_eq!(decided.reason.is_empty(), id != "SD-001", "{id}");
    }
}

#[test]
fn captures_have_forms() {
    let map = device();
    let denied = "deny unmapped_route";
    for (target, expected) in [
        ("/u/784f394c-42b6-435a-983c-b7beff2784f9", "read"),
        ("/u/784F394C-42B6-435A-983C-B7BEFF2784F9", "read"),
        ("/u/784f394c42b6435a983cb7beff2784f9", denied),
        ("/u/{784f394c-42b6-435a-983c-b7beff2784f9}", "deny ambiguous_path"),
        ("/u/SD-001", denied),
        ("/i/42", "read"),
        ("/i/-1", denied),
        ("/i/4e2", denied),
        ("/i/1234567890123456789", denied),
        ("/w/a_B-9", "read"),
        ("/w/a.b", denied),
        ("/w/%C3%A9", denied),
        ("/l/a", "read"),
        ("/l/b%20c", "read"),
        ("/l/b", denied),
    ] {
        let said = emma(&map, "GET", target);
        assert!(said.starts_with(expected), "{target}: {said}");
    }
}

proptest! {
    /// Any id that gets through is the very text that was escaped.
    #[test]
    fn an_id_comes_through_unchanged(id in "\\PC{1,30}") {
        let map = device();
        let target = format!("/d/{}", utf8_percent_encode(&id, UNRESERVED));
        let principal = SNAPSHOT.uid("User", "emma").unwrap();
        if let Mapped::Matched(matched) = map.map(&request("GET", &target)) {
            let checks = matched.checks(&principal, &SNAPSHOT, 0).unwrap();
            prop_assert_eq!(checks[0].resource.id().unescaped(), &id);
        } else {
            let refused = id.contains(['/', '\\', ';', '%', '?', '#']) || id == "." || id == "..";
            prop_assert!(refused, "{}", id);
        }
    }
}
