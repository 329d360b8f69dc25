//! Which hosts and origins the admin plane answers to.

use super::*;

#[track_caller]
fn judged(reach: Reach, host: Option<&str>, origin: Option<&str>) -> Result<(), Kind> {
    let mut request = Request::builder().uri("/v1/revision");
    if let Some(host) = host {
        request = request.header(HOST, host);
    }
    if let Some(origin) = origin {
        request = request.header(ORIGIN, origin);
    }
    let hosts = ["pdp.example".to_owned()];
    judge(reach, &hosts, &request.body(Body::empty()).unwrap()).map_err(|problem| problem.kind())
}

fn host(host: &str) -> Result<(), Kind> {
    judged(Reach::Network, Some(host), None)
}

fn origin(host: &str, origin: &str) -> Result<(), Kind> {
    judged(Reach::Network, Some(host), Some(origin))
}

#[test]
fn addresses_localhost_and_configured_names_are_known_whatever_the_port() {
    for name in [
        "127.0.0.1",
        "127.0.0.1:3668",
        "10.1.2.3:80",
        "[::1]",
        "[::1]:3668",
        "localhost",
        "LocalHost:9",
        "localhost.",
        "pdp.example",
        "PDP.example:8443",
        "pdp.example.:1",
    ] {
        assert_eq!(host(name), Ok(()), "{name}");
    }
}

#[test]
fn other_names_are_foreign_also_those_that_look_like_addresses() {
    for name in [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "2130706433",
        "0x7f.1",
        "127.1",
        "xpdp.example",
        "pdp.example.evil",
    ] {
        assert_eq!(host(name), Err(Kind::ForeignHost), "{name}");
    }
}

#[test]
fn what_is_no_host_is_refused() {
    for name in ["", "user@localhost", "local host", "localhost/x", ":80"] {
        assert_eq!(host(name), Err(Kind::InvalidHost), "{name}");
    }
}

#[test]
fn the_host_in_the_target_counts_too() {
    let request =
        Request::builder().uri("http://evil.example/v1/revision").header(HOST, "localhost");
    let problem = judge(Reach::Network, &[], &request.body(Body::empty()).unwrap()).unwrap_err();
    assert_eq!(problem.kind(), Kind::ForeignHost);
}

#[test]
fn over_a_unix_socket_any_name_goes_but_no_foreign_origin() {
    assert_eq!(judged(Reach::UnixSocket, Some("docker"), None), Ok(()));
    assert_eq!(judged(Reach::UnixSocket, Some(""), None), Ok(()));
    assert_eq!(judged(Reach::UnixSocket, Some("a b"), None), Err(Kind::InvalidHost));
    let foreign = judged(Reach::UnixSocket, Some("docker"), Some("http://evil.example"));
    assert_eq!(foreign, Err(Kind::ForeignOrigin));
}

#[test]
fn an_origin_must_be_the_host_with_its_port() {
    assert_eq!(origin("localhost:3668", "http://localhost:3668"), Ok(()));
    assert_eq!(origin("localhost", "http://LOCALHOST:80"), Ok(()));
    assert_eq!(origin("pdp.example", "https://pdp.example"), Ok(()));
    for foreign in
        ["http://localhost:8080", "http://localhost", "null", "https://evil.example", "", "file://"]
    {
        assert_eq!(origin("localhost:3668", foreign), Err(Kind::ForeignOrigin), "{foreign}");
    }
    assert_eq!(judged(Reach::Network, None, Some("http://localhost")), Err(Kind::ForeignOrigin));
}
