//! What an answer holds, whatever was asked.

use super::*;

#[test]
fn an_allow_is_200_without_a_body_and_says_who_and_by_what() {
    let service = service();
    let answer = ask(&service, "GET", "/api/device/SD-001", &[("X-Authorization", &emma())]);
    assert_outcome(&answer, 200, "allow");
    assert_eq!(answer.header("x-doorward-principal").as_deref(), Some("User::\"emma\""));
    assert_eq!(answer.header("x-doorward-revision").as_deref(), Some("1"));
    assert_eq!(answer.header("x-doorward-decision-id").unwrap().len(), 36);
    assert_eq!(answer.header("content-length").as_deref(), Some("0"));
    assert_eq!(answer.header("cache-control").as_deref(), Some("no-store"));
}

#[test]
fn our_headers_are_always_there_and_the_head_is_small() {
    let service = service();
    let emma = emma();
    let token = [("X-Authorization", emma.as_str())];
    let long = "x".repeat(500);
    let long = [("X-Forwarded-User", long.as_str()), ("X-Proxy-Secret", PROXY_SECRET)];
    for (method, target, headers, status) in [
        ("GET", "/api/device/SD-001", &token[..], 200),
        ("GET", "/api/device/AM-307", &token[..], 403),
        ("GET", "/login", &[], 200),
        ("GET", "/api/device/SD-001", &[], 401),
        ("GET", "/nowhere", &[], 403),
        ("GET", "/a//b", &[], 403),
        ("GET", "/api/device/SD-001", &long[..], 403),
    ] {
        let answer = ask(&service, method, target, headers);
        assert_eq!(answer.status, status, "{target} {answer:?}");
        let ours = ["principal", "decision-id", "revision", "reason"];
        for name in ours.map(|name| format!("x-doorward-{name}")) {
            assert_eq!(answer.headers.iter().filter(|(it, _)| *it == name).count(), 1, "{target}");
        }
        let head: usize =
            answer.headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
        assert!(head < 4096, "{head}");
        assert_eq!(answer.header("www-authenticate").is_some(), status == 401, "{target}");
    }
}

#[test]
fn public_routes_and_preflights_ask_nobody() {
    let service = service();
    // Not even a bad credential keeps anybody from the page where they sign in.
    for headers in [&[][..], &[("X-Authorization", "Bearer x")]] {
        let answer = ask(&service, "GET", "/login", headers);
        assert_outcome(&answer, 200, "allow");
        assert_eq!(answer.header("x-doorward-principal").as_deref(), Some(""));
    }
    let cors = [("Origin", "https://a.example"), ("Access-Control-Request-Method", "GET")];
    assert_outcome(&ask(&service, "OPTIONS", "/api/device/SD-001", &cors), 200, "allow");
    assert_outcome(&ask(&service, "OPTIONS", "/nowhere", &cors), 403, "unmapped_route");
    assert_outcome(&ask(&service, "OPTIONS", "/api/device/SD-001", &[]), 403, "unmapped_route");
    assert_outcome(&ask(&service, "POST", "/login", &cors), 403, "unmapped_route");
}

#[test]
fn every_check_of_a_route_must_allow() {
    let service = service();
    let emma = emma();
    let asks = |path| outcome(&ask(&service, "PUT", path, &[("X-Authorization", &emma)]));
    assert_eq!(asks("/api/relation/SD-001/EM-002"), (200, "allow".to_owned()));
    assert_eq!(asks("/api/relation/SD-001/AM-307"), (403, "no_permit".to_owned()));
    assert_eq!(asks("/api/relation/AM-307/SD-001"), (403, "no_permit".to_owned()));
    assert_eq!(asks("/api/relation/SD-001/SD-999"), (403, "unknown_resource".to_owned()));
}

#[test]
fn what_has_no_one_meaning_is_refused() {
    let service = service();
    let emma = emma();
    for path in [
        "/api/device/../device/SD-001",
        "/api//device/SD-001",
        "/api/device/SD-001%2F",
        "/api/device/SD%2500",
        "/api/device/SD-001;x",
        "/api/device/SD-001#x",
        "/api/device/%zz",
        "/api\\device/SD-001",
        "http://iot.example/api/device/SD-001",
        "*",
    ] {
        let answer = ask(&service, "GET", path, &[("X-Authorization", &emma)]);
        assert_outcome(&answer, 403, "ambiguous_path");
    }
    for (method, path) in [
        ("get", "/api/device/SD-001"),
        ("DELETE", "/api/device/SD-001"),
        ("HEAD", "/api/device/SD-001"),
        ("GET", "/api/device/SD-001/"),
        ("GET", "/API/device/SD-001"),
        ("GET", "/api/device"),
    ] {
        let answer = ask(&service, method, path, &[("X-Authorization", &emma)]);
        assert_outcome(&answer, 403, "unmapped_route");
    }
}

#[test]
fn a_web_socket_has_a_route_of_its_own_and_its_token_in_one_place() {
    let service = service();
    let emma = emma();
    let token = emma.strip_prefix("Bearer ").unwrap();
    let target = format!("/api/ws?token={token}");
    let cookie = format!("a=b; jwt={token}");
    let upgrade = [("Upgrade", "websocket"), ("Connection", "upgrade")];
    let with = |more: &[(&'static str, &str)], target: &str| {
        let headers = [&upgrade[..], more].concat();
        outcome(&ask(&service, "GET", target, &headers))
    };
    let allow = (200, "allow".to_owned());
    let invalid = (401, "invalid_credential".to_owned());
    assert_eq!(with(&[], &target), allow);
    assert_eq!(with(&[("Cookie", cookie.as_str())], "/api/ws"), allow);
    assert_eq!(with(&[], "/api/ws"), (401, "no_credential".to_owned()));
    assert_eq!(with(&[], "/api/ws?token="), invalid);
    assert_eq!(with(&[("Cookie", cookie.as_str())], &target), invalid);
    assert_eq!(with(&[("X-Authorization", emma.as_str())], &target), invalid);
    let twice = format!("{cookie}; jwt={token}");
    assert_eq!(with(&[("Cookie", twice.as_str())], "/api/ws"), invalid);
    let twice = format!("{target}&token={token}");
    assert_eq!(with(&[], &twice), (403, "ambiguous_path".to_owned()));
    // The proxy that keeps `Upgrade` to itself passes on the key.
    let keyed = ask(&service, "GET", &target, &[("Sec-WebSocket-Key", "x")]);
    assert_outcome(&keyed, 200, "allow");
    assert_outcome(&ask(&service, "GET", &target, &[]), 403, "unmapped_route");
    // A token in a query is a credential only where the route says so.
    let elsewhere = format!("/api/device/SD-001?token={token}");
    assert_outcome(&ask(&service, "GET", &elsewhere, &[]), 401, "no_credential");
    assert!(!service.log().contains(token), "{}", service.log());
    assert!(!service.metrics().contains(token));
}

#[test]
fn requests_are_counted_by_route_and_never_by_what_was_sent() {
    let service = service();
    let emma = emma();
    for device in ["SD-001", "EM-002", "AM-307"] {
        ask(&service, "GET", &format!("/api/device/{device}"), &[("X-Authorization", &emma)]);
    }
    ask(&service, "GET", "/a/made-up/path", &[]);
    let labels = "methods=\"GET\",route=\"/api/device/{id}\"";
    let count =
        |labels: &str| metric(&service, &format!("doorward_route_requests_total{{{labels}}}"));
    assert_eq!(count(&format!("{labels},outcome=\"allow\"")).as_deref(), Some("2"));
    assert_eq!(count(&format!("{labels},outcome=\"no_permit\"")).as_deref(), Some("1"));
    let none = "methods=\"\",route=\"\",outcome=\"unmapped_route\"";
    assert_eq!(count(none).as_deref(), Some("1"));
    let times = format!("doorward_route_request_seconds_count{{{labels}}}");
    assert_eq!(metric(&service, &times).as_deref(), Some("3"));
    let checks = "doorward_checks_total{door=\"auth_request\",decision=";
    let checked = |rest: &str| metric(&service, &format!("{checks}{rest}}}"));
    assert_eq!(checked("\"allow\",code=\"allow\"").as_deref(), Some("2"));
    assert_eq!(checked("\"deny\",code=\"unmapped_route\"").as_deref(), Some("1"));
    assert_eq!(metric(&service, "doorward_routes").as_deref(), Some("4"));
    let tokens = "doorward_tokens_total{issuer=\"thingsboard.io\",result=\"remembered\"}";
    assert_eq!(metric(&service, tokens).as_deref(), Some("2"));
    assert!(!service.metrics().contains("made-up"));
    assert!(!service.log().contains("made-up"));
}
