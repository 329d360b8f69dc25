//! Which route a request finds: literals before captures, methods, hosts, query, upgrade, preflight.

use doorward::mapping::{CredentialPlace, Mapped, OriginalRequest, Upgrade};

use crate::world::{emma, map, map_with, request, said};

const EMMA: (&str, &str) = ("User", "emma");

#[test]
fn literals_come_before_captures_wherever_they_stand_in_the_file() {
    let map = map(r#"
  - { methods: [GET], path: "/api/{type}/{id}/attributes", action: read_attributes, resource: { type: "{type}", types: { device: Device, asset: Asset }, id: "{id}" } }
  - { methods: [GET], path: "/api/{type}/{id}", action: read, resource: { type: "{type}", types: { device: Device, asset: Asset }, id: "{id}" } }
  - { methods: [GET], path: "/api/device/all", action: administer, resource: { type: Tenant, id: "{principal.tenant}" } }
  - { methods: [GET], path: "/api/device/info/{id}", action: read, resource: { type: Device, id: "{id}" } }
"#);
    for (target, expected) in [
        ("/api/device/all", r#"administer Tenant::"Tenant 1""#),
        ("/api/device/1/attributes", r#"read_attributes Device::"1""#),
        ("/api/asset/1", r#"read Asset::"1""#),
        ("/api/device/info/1", r#"read Device::"1""#),
        // Both `/api/device/info/{id}` and `/api/{type}/{id}/attributes` match: neither is taken.
        (
            "/api/device/info/attributes",
            "deny ambiguous_path: two routes match, neither the more specific one",
        ),
        (
            "/api/robot/1",
            "deny unmapped_route: the entity type that the request names is not in the map",
        ),
        ("/api/device", "deny unmapped_route"),
    ] {
        assert_eq!(emma(&map, "GET", target), expected, "{target}");
    }
}

#[test]
fn methods_are_exact() {
    let routes = r#"
  - { methods: [GET], path: "/a", public: true }
  - { methods: [POST, PUT], path: "/b", public: true }
"#;
    let exact = map(routes);
    assert_eq!(emma(&exact, "GET", "/a"), "allow public");
    assert_eq!(emma(&exact, "PUT", "/b"), "allow public");
    for method in ["get", "HEAD", "POST", "TRACE", "CONNECT", "OPTIONS", "", "GET "] {
        assert_eq!(emma(&exact, method, "/a"), "deny unmapped_route", "{method}");
    }
    let head = map_with("defaults: { head: as_get }", routes);
    assert_eq!(emma(&head, "HEAD", "/a"), "allow public");
    assert_eq!(emma(&head, "HEAD", "/b"), "deny unmapped_route");
}

#[test]
fn conditions_on_the_query_tell_routes_apart() {
    let map = map(r#"
  - { methods: [GET], path: "/d", query: { name: present, all: absent }, action: read, resource: { type: Device, id: "{?name}" } }
  - { methods: [GET], path: "/d", query: { name: absent }, action: administer, resource: { type: Tenant, id: "{principal.tenant}" } }
  - { methods: [GET], path: "/e", query: { kind: [a, b] }, public: true }
"#);
    for (target, expected) in [
        ("/d?name=SD-001", r#"read Device::"SD-001""#),
        ("/d?x=1&name=a%20b+c", r#"read Device::"a b c""#),
        ("/d?n%61me=x", r#"read Device::"x""#),
        ("/d", r#"administer Tenant::"Tenant 1""#),
        ("/d?Name=x", r#"administer Tenant::"Tenant 1""#),
        ("/d?name=x&all", "deny unmapped_route"),
        (
            "/d?name=x&name=y",
            "deny ambiguous_path: a query parameter that the route depends on is there twice",
        ),
        (
            "/d?name=x&n%61me=y",
            "deny ambiguous_path: a query parameter that the route depends on is there twice",
        ),
        ("/d?x=1;name=y", "deny ambiguous_path: the query cannot be read in one way"),
        ("/d?name[]=y", "deny ambiguous_path: the query cannot be read in one way"),
        ("/d?name%00=y", "deny ambiguous_path: the query cannot be read in one way"),
        ("/d?name=%ff", "deny ambiguous_path: the query cannot be read in one way"),
        ("/d?name=%f", "deny ambiguous_path: the target has a `%` without two hexadecimal digits"),
        ("/e?kind=b", "allow public"),
        ("/e?kind=c", "deny unmapped_route"),
        ("/e", "deny unmapped_route"),
    ] {
        assert_eq!(emma(&map, "GET", target), expected, "{target}");
    }
}

#[test]
fn hosts() {
    let map = map_with(
        "hosts: [iot.example, other.example]",
        r#"
  - { methods: [GET], path: "/a", public: true }
  - { methods: [GET], path: "/b", hosts: [other.example], public: true }
"#,
    );
    let at = |host, target| {
        let request = OriginalRequest { host, ..request("GET", target) };
        said(&map, &request, EMMA)
    };
    for host in ["iot.example", "IOT.example:8443", "iot.example."] {
        assert_eq!(at(Some(host), "/a"), "allow public", "{host}");
        assert_eq!(at(Some(host), "/b"), "deny unmapped_route", "{host}");
    }
    assert_eq!(at(Some("other.example"), "/b"), "allow public");
    assert_eq!(at(Some("third.example"), "/a"), "deny unmapped_route");
    assert_eq!(at(None, "/a"), "deny unmapped_route");
    for host in ["a,b", "a@iot.example", "iot.example/", "", "iot example", "[::1", "a:b:c", "a:"] {
        let said = at(Some(host), "/a");
        assert_eq!(said, "deny ambiguous_path: the host is not one host name or address", "{host}");
    }
}

#[test]
fn web_sockets_have_routes_of_their_own() {
    let map = map(r#"
  - { methods: [GET], path: "/ws", upgrade: websocket, credentials: ["query:token"], action: administer, resource: { type: Tenant, id: "{principal.tenant}" } }
  - { methods: [GET], path: "/ws", public: true }
  - { methods: [GET], path: "/a", public: true }
"#);
    let with =
        |upgrade, target| said(&map, &OriginalRequest { upgrade, ..request("GET", target) }, EMMA);
    assert_eq!(with(Upgrade::WebSocket, "/ws"), r#"administer Tenant::"Tenant 1""#);
    assert_eq!(with(Upgrade::None, "/ws"), "allow public");
    assert_eq!(with(Upgrade::WebSocket, "/a"), "deny unmapped_route");
    assert_eq!(with(Upgrade::Other, "/a"), "deny unmapped_route");
    assert_eq!(with(Upgrade::Other, "/ws"), "deny unmapped_route");
    let web_socket =
        OriginalRequest { upgrade: Upgrade::WebSocket, ..request("GET", "/ws?token=x") };
    let Mapped::Matched(matched) = map.map(&web_socket) else { panic!("it is mapped") };
    assert_eq!(matched.route().credentials(), [CredentialPlace::Query("token".to_owned())]);
    assert_eq!(matched.query("token").unwrap().as_deref(), Some("x"));
}

#[test]
fn preflights_are_for_paths_that_are_mapped() {
    let route =
        "  - { methods: [PUT], path: '/a/{x:int}', action: write, resource: '{principal}' }\n";
    let cors = |target| OriginalRequest { cors: true, ..request("OPTIONS", target) };
    let allowing = map(route);
    assert_eq!(said(&allowing, &cors("/a/1"), EMMA), "allow preflight");
    assert_eq!(said(&allowing, &cors("/a/x"), EMMA), "deny unmapped_route");
    assert_eq!(said(&allowing, &cors("/b"), EMMA), "deny unmapped_route");
    assert_eq!(emma(&allowing, "OPTIONS", "/a/1"), "deny unmapped_route");
    assert!(said(&allowing, &cors("/a/../b"), EMMA).starts_with("deny ambiguous_path"));
    let web_socket = OriginalRequest { upgrade: Upgrade::WebSocket, ..cors("/a/1") };
    assert_eq!(said(&allowing, &web_socket, EMMA), "deny unmapped_route");
    let denying = map_with("defaults: { preflight: deny }", route);
    assert_eq!(said(&denying, &cors("/a/1"), EMMA), "deny unmapped_route");
}

#[test]
fn all_of_makes_several_checks() {
    let map = map(r#"
  - methods: [POST]
    path: "/api/customer/{customer}/device/{id}"
    all_of:
      - { action: change_owner, resource: { type: Device, id: "{id}" }, context: { target: { type: Owner, id: "{customer}" } } }
      - { action: read, resource: 'Customer::"Customer A"' }
"#);
    assert_eq!(
        emma(&map, "POST", "/api/customer/A-East/device/SD-001"),
        r#"change_owner Device::"SD-001" {"target":{"__entity":{"type":"Owner","id":"A-East"}}} and read Customer::"Customer A""#
    );
}

#[test]
fn the_principal_says_what_is_asked() {
    let map = map(r#"
  - { methods: [GET], path: "/tenant", action: administer, resource: { type: Tenant, id: "{principal.tenant}" } }
  - { methods: [GET], path: "/me", action: read, resource: "{principal}" }
  - { methods: [GET], path: "/user", action: read, resource: { type: User, id: "{principal}" } }
"#);
    let of = |target, principal| said(&map, &request("GET", target), principal);
    assert_eq!(of("/tenant", EMMA), r#"administer Tenant::"Tenant 1""#);
    assert_eq!(of("/me", EMMA), r#"read User::"emma""#);
    let nobody = "deny unknown_principal: the snapshot does not hold the principal";
    assert_eq!(of("/tenant", ("User", "ghost")), nobody);
    assert_eq!(
        of("/tenant", ("SystemAdministrator", "sysadmin")),
        "deny invalid_request: the principal has no attribute `tenant` to go by"
    );
    // Somebody of another type who has a user's id is not that user.
    assert_eq!(
        of("/user", ("SystemAdministrator", "emma")),
        "deny invalid_request: the route is for principals of another type"
    );
}

#[test]
fn the_snapshot_says_which_of_several_types_an_id_has() {
    let map = map(
        "  - { methods: [GET], path: '/g/{id}', action: read, resource: { type: [EntityGroup, UserGroup], id: '{id}' } }\n",
    );
    assert_eq!(emma(&map, "GET", "/g/Buildings"), r#"read EntityGroup::"Buildings""#);
    assert_eq!(emma(&map, "GET", "/g/A-East%20users"), r#"read EntityGroup::"A-East users""#);
}

#[test]
fn the_label_holds_nothing_that_was_sent() {
    let map = map("  - { methods: [GET], path: '/api/v1/{accessToken}/rpc', public: true }\n");
    assert_eq!(
        map.map(&request("GET", "/api/v1/s3cret/rpc")).label(),
        Some("/api/v1/{accessToken}/rpc")
    );
}
