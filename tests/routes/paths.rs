//! The strict rule for paths: every trick is refused, and what is not refused means one thing.

use doorward::mapping::{Mapped, RouteMap};
use proptest::prelude::*;

use crate::world::{emma, map, map_with, request};

fn device() -> RouteMap {
    map(r#"
  - { methods: [GET], path: "/api/device/{id}", action: read, resource: { type: Device, id: "{id}" } }
  - { methods: [GET], path: "/api/device/list", action: administer, resource: { type: Tenant, id: "{principal.tenant}" } }
  - { methods: [GET], path: "/open/{*rest}", public: true }
"#)
}

/// Each trick with a part of the reason that is told.
const TRICKS: &[(&str, &str)] = &[
    ("/open/../api/device/list", "`.` or `..`"),
    ("/open/..", "`.` or `..`"),
    ("/open/./x", "`.` or `..`"),
    ("/./open/x", "`.` or `..`"),
    ("/open/%2e%2e/api/device/list", "encoded dot"),
    ("/open/%2E%2E/api", "encoded dot"),
    ("/open/.%2e/api", "encoded dot"),
    ("/open/%2e/x", "encoded dot"),
    ("//api/device/list", "empty segment"),
    ("/api//device/list", "empty segment"),
    ("/open//", "empty segment"),
    ("/open/..%2fapi/device/list", "`.` or `..`"),
    ("/api/device/a%2fb", "encoded slash"),
    ("/api/device/a%2Fb", "encoded slash"),
    ("/api%2fdevice/list", "encoded slash"),
    ("/api/device\\list", "backslash"),
    ("/open/..\\api", "backslash"),
    ("/open/..%5capi", "backslash"),
    ("/open/..%5Capi", "backslash"),
    ("/api/device/list;x=1", "`;`"),
    ("/api/device;x/list", "`;`"),
    ("/open/..;/api/device/list", "`;`"),
    ("/open/..%3b/api", "`;`"),
    ("/api/device/SD-001%3Bx", "`;`"),
    ("/open/%252e%252e/api", "encoded percent"),
    ("/api/device/%2561", "encoded percent"),
    ("/api/device/SD-001%00", "control character"),
    ("/api/device/SD-001\0", "control character"),
    ("/api/device/a%0d%0aX:y", "control character"),
    ("/api/device/a\tb", "control character"),
    ("/api/device/a%7f", "control character"),
    ("/api/device/list#x", "`#`"),
    ("/open/x#/../api", "`#`"),
    ("/open/x?y#z", "`#`"),
    ("/api/device/list%23", "encoded `?` or `#`"),
    ("/api/device/list%3fx", "encoded `?` or `#`"),
    ("http://iot.example/api/device/list", "not a path"),
    ("iot.example:443", "not a path"),
    ("*", "not a path"),
    ("", "not a path"),
    ("?x", "not a path"),
    ("api/device/list", "not a path"),
    ("/api/device/%zz", "two hexadecimal"),
    ("/api/device/%", "two hexadecimal"),
    ("/api/device/%4", "two hexadecimal"),
    ("/api/device/%+1", "two hexadecimal"),
    ("/api/devicé/list", "not ASCII"),
    ("/api/device/%ff", "not UTF-8"),
    ("/api/device/%c0%ae%c0%ae", "not UTF-8"),
    ("/api/device/%ed%a0%80", "not UTF-8"),
    ("/api/device/%6cist", "escaped letter"),
    ("/%61pi/device/list", "escaped letter"),
    ("/api/device/SD%2D001", "escaped letter"),
    ("/api/device/a b", "must be escaped"),
    ("/api/device/{id}", "must be escaped"),
    ("/api/device/\"x\"", "must be escaped"),
    ("/api/device/<x>", "must be escaped"),
    ("/api/device/a|b", "must be escaped"),
];

#[test]
fn every_trick_is_refused_with_its_reason() {
    let map = device();
    for (target, reason) in TRICKS {
        let said = emma(&map, "GET", target);
        let right = said.starts_with("deny ambiguous_path: ") && said.contains(reason);
        assert!(right, "{target:?}: {said}, and expected {reason}");
    }
    let long = format!("/open/{}", "a".repeat(16 * 1024));
    assert_eq!(emma(&map, "GET", &long), "deny ambiguous_path: the target is too long");
}

#[test]
fn case_and_the_last_slash_matter() {
    let map = device();
    for target in ["/API/device/list", "/api/device/", "/api/device/list/", "/api/Device/list"] {
        assert_eq!(emma(&map, "GET", target), "deny unmapped_route", "{target}");
    }
}

#[test]
fn what_is_not_refused_has_one_meaning() {
    let map = map(
        "  - { methods: [GET], path: '/d/{id}', action: read, resource: { type: Device, id: '{id}' } }\n  \
           - { methods: [GET], path: '/d/$all', public: true }\n",
    );
    for (target, expected) in [
        ("/d/a%20b", r#"read Device::"a b""#),
        ("/d/emma%40a.example", r#"read Device::"emma@a.example""#),
        ("/d/emma@a.example", r#"read Device::"emma@a.example""#),
        ("/d/%C3%A9", r#"read Device::"é""#),
        ("/d/%c3%a9", r#"read Device::"é""#),
        ("/d/a+b", r#"read Device::"a+b""#),
        ("/d/...", r#"read Device::"...""#),
        ("/d/..a", r#"read Device::"..a""#),
        // A literal is the same however its characters are written.
        ("/d/$all", "allow public"),
        ("/d/%24all", "allow public"),
        ("/d/x?id=y&/../", r#"read Device::"x""#),
    ] {
        assert_eq!(emma(&map, "GET", target), expected, "{target}");
    }
}

#[test]
fn a_capture_may_be_allowed_to_hold_slashes() {
    let map = map(
        "  - { methods: [GET], path: '/d/{id}/x/{y}', allow_encoded_slash_in: [id], action: read, \
           resource: { type: Device, id: '{id}' } }\n",
    );
    for (target, expected) in [
        ("/d/a%2Fb/x/y", r#"read Device::"a/b""#),
        ("/d/a%2fb/x/y", r#"read Device::"a/b""#),
        ("/d/a/x/b%2Fc", "deny ambiguous_path: the path has an encoded slash (`%2F`)"),
        ("/d/a%2Fb/x/b%2Fc", "deny ambiguous_path: the path has an encoded slash (`%2F`)"),
        ("/d/..%2Fb/x/y", "deny ambiguous_path: the path has a `.` or `..` segment"),
        ("/d/a%2F%2Fb/x/y", "deny ambiguous_path: the path has an encoded slash (`%2F`)"),
        ("/e/a%2Fb", "deny ambiguous_path: the path has an encoded slash (`%2F`)"),
    ] {
        assert_eq!(emma(&map, "GET", target), expected, "{target}");
    }
}

#[test]
fn slashes_may_count_as_one() {
    let route = "  - { methods: [GET], path: '/a/{x}', public: true }\n";
    let merging = map_with("defaults: { merge_slashes: true }", route);
    assert_eq!(emma(&merging, "GET", "//a///b"), "allow public");
    assert_eq!(
        emma(&merging, "GET", "/a//../b"),
        "deny ambiguous_path: the path has a `.` or `..` segment"
    );
    assert!(emma(&map(route), "GET", "/a//b").starts_with("deny ambiguous_path"));
}

proptest! {
    /// Whatever is sent, the map answers; and what is mapped has no escape, dot or slash left that
    /// another reader could make another path of.
    #[test]
    fn nothing_that_is_mapped_can_be_read_twice(target in "/(open|api)?/?[ -~é%./;\\\\]{0,40}") {
        let map = device();
        if let Mapped::Matched(_) | Mapped::Public(_) = map.map(&request("GET", &target)) {
            let path = target.split('?').next().unwrap();
            let decoded = percent_encoding::percent_decode_str(path).decode_utf8().unwrap();
            let again = percent_encoding::percent_decode_str(&decoded).decode_utf8().unwrap();
            prop_assert_eq!(&decoded, &again);
            prop_assert!(!decoded.contains("//") && !decoded.contains('\\') && !decoded.contains(';'));
            prop_assert_eq!(decoded.matches('/').count(), path.matches('/').count());
            prop_assert!(!decoded.split('/').any(|segment| segment == "." || segment == ".."));
        }
    }

    #[test]
    fn any_text_is_answered(method in any::<String>(), target in any::<String>(), host in any::<String>()) {
        let map = device();
        let request = doorward::mapping::OriginalRequest {
            method: &method,
            host: Some(&host),
            target: &target,
            cors: true,
            upgrade: doorward::mapping::Upgrade::Other,
        };
        let mapped = map.map(&request);
        prop_assert!(matches!(mapped, Mapped::Unmapped | Mapped::Ambiguous(_)));
    }
}
