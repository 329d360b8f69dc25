//! What a route file is told: every problem at once, each with its line.

use insta::assert_snapshot;

use crate::world::problems;

#[test]
fn every_problem_of_the_file_at_once() {
    let text = r#"version: 2
colour: red
defaults: { unmatched: allow, path: strict, preflights: deny }
captures: { id: guid }
routes:
  - { methods: [get], path: "/a", public: true }
  - { methods: [GET], path: "b", public: true }
  - { methods: [GET], path: "/c/{id", public: true }
  - { methods: [GET], path: "/c/../d", public: true }
  - { methods: [GET], path: "/e", action: read }
  - { methods: [GET], path: "/f" }
  - { methods: [GET], path: "/g", all_of: [] }
  - { methods: [], path: "/h", public: true }
  - { methods: [GET], path: "/i", public: true, action: read, resource: "{principal}" }
  - { methods: [GET], path: "/{a}/{a}", public: true }
  - { methods: [GET], path: "/{*rest}/x", public: true }
"#;
    assert_snapshot!(problems(text));
}

#[test]
fn names_are_held_against_the_schema() {
    let text = r#"version: 1
types: { bad: { ROBOT: Robot } }
routes:
  - { methods: [GET], path: "/a/{id}", action: fly, resource: { type: Device, id: "{id}" } }
  - { methods: [GET], path: "/b/{id}", action: read, resource: { type: Robot, id: "{id}" } }
  - { methods: [GET], path: "/c/{id}", action: rpc_call, resource: { type: Asset, id: "{id}" } }
  - { methods: [GET], path: "/d/{id}", action: read, resource: { type: Device, id: "{x}" } }
  - { methods: [GET], path: "/e/{t}/{id}", action: read, resource: { type: "{t}", id: "{id}" } }
  - { methods: [GET], path: "/f/{t}/{id}", action: read, resource: { type: "{t}", types: bad, id: "{id}" } }
  - { methods: [GET], path: "/g/{t}/{id}", action: read, resource: { type: "{t}", types: none, id: "{id}" } }
  - { methods: [GET], path: "/h/{id}", action: change_owner, resource: { type: Device, id: "{id}" } }
  - { methods: [GET], path: "/i/{id}", action: change_owner, resource: { type: Device, id: "{id}" }, context: { target: { type: User, id: "x" }, colour: red } }
  - { methods: [GET], path: "/j", action: read, resource: { type: Tenant, id: "{principal.colour}" } }
  - { methods: [GET], path: "/k", action: rpc_call, resource: "{principal}" }
  - { methods: [GET], path: "/l/{id}", action: read, resource: "{id}" }
  - { methods: [GET], path: "/m/{id}", action: read, resource: { type: Device, id: "x-{id}" } }
"#;
    assert_snapshot!(problems(text));
}

#[test]
fn routes_that_overlap_and_routes_that_nothing_reaches() {
    let overlap = r#"version: 1
routes:
  - { methods: [GET, PUT], path: "/a/{id}", public: true }
  - { methods: [GET], path: "/a/{name}", public: true }
  - { methods: [GET], path: "/b", query: { x: present }, public: true }
  - { methods: [GET], path: "/b", query: { y: absent }, public: true }
  - { methods: [GET], path: "/c/{x}", public: true }
  - { methods: [GET], path: "/c/{*rest}", public: true }
  - { methods: [GET], path: "/d/{x}", captures: { x: [a, b] }, public: true }
  - { methods: [GET], path: "/d/{y}", captures: { y: [b, c] }, public: true }
"#;
    assert_snapshot!("overlap", problems(overlap));
    let unreachable = r#"version: 1
hosts: [a.example]
routes:
  - { methods: [GET], path: "/a/{x}", captures: { x: [one] }, public: true }
  - { methods: [GET], path: "/a/one", public: true }
  - { methods: [POST], path: "/ws", upgrade: websocket, public: true }
"#;
    assert_snapshot!("unreachable", problems(unreachable));
    let host = r#"version: 1
hosts: [a.example]
routes:
  - { methods: [GET], path: "/a", hosts: [b.example], public: true }
"#;
    assert_snapshot!("host", problems(host));
}

#[test]
fn routes_that_only_look_alike() {
    let text = r#"version: 1
routes:
  - { methods: [GET], path: "/a/{id}", public: true }
  - { methods: [POST], path: "/a/{id}", public: true }
  - { methods: [GET], path: "/a/list", public: true }
  - { methods: [GET], path: "/b", query: { x: present }, public: true }
  - { methods: [GET], path: "/b", query: { x: absent }, public: true }
  - { methods: [GET], path: "/c/{x}", captures: { x: [a] }, public: true }
  - { methods: [GET], path: "/c/{x}", captures: { x: [b, c] }, public: true }
  - { methods: [GET], path: "/d", hosts: [a.example], public: true }
  - { methods: [GET], path: "/d", hosts: [b.example], public: true }
"#;
    assert_eq!(problems(text), "nothing");
}

#[test]
fn what_is_no_route_file() {
    for (text, part) in [
        ("", "the file is empty"),
        ("# nothing\n", "the file is empty"),
        ("[]", "a route file is made of keys with values"),
        ("version: 1", "`routes` is missing"),
        ("version: 1\nversion: 1\nroutes: []", "stands here for the second time"),
        ("version: 1\nroutes: [", "routes-yaml"),
        ("version: 1\nroutes: {}", "expected a list"),
        (&"[".repeat(1000), "recursion limit"),
        (&"x".repeat(9 << 20), "has more than"),
    ] {
        let problems = problems(text);
        assert!(problems.contains(part), "{text:.40}: {problems}");
    }
}
