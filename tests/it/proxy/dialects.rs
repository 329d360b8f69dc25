//! Each dialect over HTTP: what it reads, what it leaves alone, and the form of its answers.

use super::*;

const NGINX: &str = "/authz/auth-request";
const TRAEFIK: &str = "/authz/forward-auth";

fn send(service: &Service, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    Connection::open(service.data).request(method, path, headers, b"")
}

/// The headers by which Traefik and Caddy tell a request.
fn forwarded<'a>(method: &'a str, target: &'a str) -> [(&'a str, &'a str); 4] {
    [
        ("X-Forwarded-Method", method),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "iot.example"),
        ("X-Forwarded-Uri", target),
    ]
}

#[test]
fn each_dialect_allows_and_denies() {
    let service = service();
    let emma = emma();
    let token = ("X-Authorization", emma.as_str());
    for (device, status, reason) in [("SD-001", 200, "allow"), ("AM-307", 403, "no_permit")] {
        let target = format!("/api/device/{device}");
        assert_outcome(&ask(&service, "GET", &target, &[token]), status, reason);
        let url = format!("https://iot.example{target}");
        let headers = [("X-Original-Method", "GET"), ("X-Original-URL", &url), token];
        assert_outcome(&send(&service, "GET", NGINX, &headers), status, reason);
        let headers = [&forwarded("GET", &target)[..], &[token]].concat();
        assert_outcome(&send(&service, "GET", TRAEFIK, &headers), status, reason);
        let path = format!("/authz/ext-authz{target}");
        assert_outcome(&send(&service, "GET", &path, &[token]), status, reason);
    }
}

#[test]
fn the_method_the_query_and_the_body_of_the_check_itself_mean_nothing() {
    let service = service();
    let emma = emma();
    let original = [
        ("X-Original-Method", "GET"),
        ("X-Original-URI", "/api/device/SD-001"),
        ("X-Authorization", emma.as_str()),
    ];
    for method in ["GET", "HEAD", "POST", "PUT", "OPTIONS", "PROPFIND"] {
        assert_outcome(&send(&service, method, NGINX, &original), 200, "allow");
    }
    let query = format!("{NGINX}?token=x&path=/login");
    assert_outcome(&send(&service, "GET", &query, &original), 200, "allow");
    let mut connection = Connection::open(service.data);
    let answer = connection.request("POST", NGINX, &original, b"{\"path\":\"/login\"}");
    assert_outcome(&answer, 200, "allow");
    // A body that is announced and never comes is not waited for.
    let announced = [&original[..], &[("Content-Length", "1000")]].concat();
    assert_outcome(&send(&service, "POST", NGINX, &announced), 200, "allow");
}

#[test]
fn a_missing_doubled_or_contradicted_header_is_a_misconfiguration() {
    let service = service();
    let emma = emma();
    let token = ("X-Authorization", emma.as_str());
    let (method, uri) = (("X-Original-Method", "GET"), ("X-Original-URI", "/api/device/SD-001"));
    let url = ("X-Original-URL", "http://a/login");
    for headers in [
        &[token][..],
        &[method, token],
        &[uri, token],
        &[method, method, uri, token],
        &[method, uri, uri, token],
        &[method, uri, url, token],
        &[("X-Original-Method", "GET,POST"), uri, token],
        &[("X-Original-Method", ""), uri, token],
    ] {
        assert_outcome(&send(&service, "GET", NGINX, headers), 403, "proxy_misconfigured");
    }
    let all = forwarded("GET", "/api/device/SD-001");
    for missing in 0..all.len() {
        let mut headers = vec![token];
        headers.extend(all.iter().enumerate().filter(|(at, _)| *at != missing).map(|(_, it)| *it));
        assert_outcome(&send(&service, "GET", TRAEFIK, &headers), 400, "proxy_misconfigured");
        let twice = [&all[..], &all[missing..=missing], &[token]].concat();
        assert_outcome(&send(&service, "GET", TRAEFIK, &twice), 400, "proxy_misconfigured");
    }
    let counted = "doorward_proxy_misconfigured_total{door=\"auth_request\",name=\
                   \"x-original-method\",why=\"missing\"}";
    assert_eq!(metric(&service, counted).as_deref(), Some("2"));
    let log = service.log();
    assert!(log.contains("a proxy is set up wrongly: `x-original-method` is missing"), "{log}");
    assert_eq!(log.matches("`x-original-method` is missing").count(), 1, "{log}");
}

#[test]
fn two_hosts_or_none_are_told_in_the_dialect() {
    let service = service();
    let host = |path: &str, hosts: &str| {
        let mut connection = Connection::open(service.data);
        connection.send(
            format!("GET {path} HTTP/1.1\r\n{hosts}X-Original-Method: GET\r\n\r\n").as_bytes(),
        );
        connection.answer("GET")
    };
    for hosts in ["", "Host: a\r\nHost: b\r\n"] {
        assert_outcome(&host(NGINX, hosts), 403, "proxy_misconfigured");
        assert_outcome(&host(TRAEFIK, hosts), 400, "proxy_misconfigured");
        assert_outcome(&host("/authz/ext-authz/login", hosts), 400, "proxy_misconfigured");
    }
}

#[test]
fn headers_of_other_dialects_change_nothing_and_are_counted() {
    let service = service();
    let emma = emma();
    let token = ("X-Authorization", emma.as_str());
    let spoofed = [
        ("X-Forwarded-Uri", "/login"),
        ("X-Forwarded-Method", "OPTIONS"),
        ("X-Rewrite-URL", "/login"),
        ("X-HTTP-Method-Override", "OPTIONS"),
        ("X_Original_URI", "/login"),
        ("Forwarded", "host=a"),
        ("User-Agent", "GoogleHC/1.0"),
    ];
    let headers = [&spoofed[..], &[token]].concat();
    assert_outcome(&ask(&service, "GET", "/api/device/AM-307", &headers), 403, "no_permit");
    assert_outcome(&ask(&service, "GET", "/api/device/SD-001", &headers), 200, "allow");
    let ignored = |door| metric(&service, &format!("doorward_proxy_ignored_headers_total{door}"));
    assert_eq!(ignored("{door=\"auth_request\"}").as_deref(), Some("12"));
    let spoofed = [
        ("X-Original-URI", "/login"),
        ("X-Original-URL", "https://a/login"),
        ("X-Original-Method", "OPTIONS"),
        ("X_Forwarded_Uri", "/login"),
        ("X-Forwarded-Prefix", "/login"),
    ];
    let forwarded = forwarded("GET", "/api/device/AM-307");
    let headers = [&spoofed[..], &forwarded, &[token]].concat();
    assert_outcome(&send(&service, "GET", TRAEFIK, &headers), 403, "no_permit");
    assert_eq!(ignored("{door=\"forward_auth\"}").as_deref(), Some("5"));
    let path = "/authz/ext-authz/api/device/AM-307";
    let headers = [&spoofed[..], &[("X-Forwarded-Uri", "/login"), token]].concat();
    assert_outcome(&send(&service, "GET", path, &headers), 403, "no_permit");
    assert_eq!(ignored("{door=\"ext_authz\"}").as_deref(), Some("6"));
}

#[test]
fn a_request_id_is_echoed_to_proxies_too() {
    let service = service();
    for path in [NGINX, TRAEFIK, "/authz/ext-authz/login"] {
        let answer = send(&service, "GET", path, &[("X-Request-ID", "id-1")]);
        assert_eq!(answer.header("x-request-id").as_deref(), Some("id-1"), "{path}");
    }
}

#[test]
fn there_is_no_other_200_under_these_paths() {
    let service = service();
    for path in ["/authz", "/authz/", "/authz/auth-request/", "/authz/forward-auth/x", "/authz/x"] {
        let answer = send(&service, "GET", path, &[("Content-Type", "application/grpc")]);
        assert_eq!(answer.status, 404, "{path}");
    }
    // gRPC tells its errors under the status 200, which is an allow to every other proxy.
    for path in [
        "/envoy.service.auth.v3.Authorization/Check",
        "/envoy.service.auth.v3.Authorization/Other",
        "/envoy.service.auth.v2.Authorization/Check",
    ] {
        for method in ["GET", "POST"] {
            let answer = send(&service, method, path, &[("Content-Type", "application/grpc")]);
            assert!(matches!(answer.status, 404 | 415), "{path} {answer:?}");
        }
    }
}

#[test]
fn before_there_is_a_snapshot_nothing_is_allowed() {
    let project = Project::empty();
    project.write("routes.yaml", &format!("version: 1\n{ROUTES}"));
    let service = Service::start(project, &[]);
    assert_outcome(&ask(&service, "GET", "/login", &[]), 403, "not_ready");
    let forwarded = forwarded("GET", "/login");
    let answer = send(&service, "GET", TRAEFIK, &forwarded);
    assert_outcome(&answer, 503, "not_ready");
    assert_eq!(answer.header("retry-after").as_deref(), Some("1"));
    assert_outcome(&send(&service, "GET", "/authz/ext-authz/login", &[]), 503, "not_ready");
    // The routes come into force with the first snapshot that they fit.
    assert_eq!(service.admin("PUT", "/v1/bundle", &Service::shipped_bundle()).status, 200);
    assert_outcome(&ask(&service, "GET", "/login", &[]), 200, "allow");
}
