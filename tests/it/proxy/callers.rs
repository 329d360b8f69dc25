//! `--check-token-file`: every route of the data plane needs a token, proxies send theirs in a
//! header of its own.

use super::*;
use crate::service::{EMMA_READS, until};

const APP: &str = "the-token-of-the-app";
const NGINX: &str = "the-token-of-nginx";

const ROUTES: [(&str, &str); 9] = [
    ("POST", "/v1/check"),
    ("POST", "/v1/checks"),
    ("GET", "/v1/check"),
    ("POST", "/access/v1/evaluation"),
    ("POST", "/access/v1/evaluations"),
    ("GET", "/.well-known/authzen-configuration"),
    ("POST", "/v1/nothing"),
    ("GET", "/"),
    ("GET", "/authz"),
];

fn held() -> Service {
    let project = project(&routes());
    project.write("check.tokens", &format!("app {APP}\nnginx {NGINX}\n"));
    Service::start(project, &["--ephemeral", "--check-token-file", "check.tokens"])
}

#[test]
fn every_route_of_the_data_plane_needs_a_token() {
    let service = held();
    let (right, wrong) = (format!("Bearer {APP}"), format!("Bearer {APP}x"));
    for (method, path) in ROUTES {
        let send = |headers: &[(&str, &str)]| {
            let json = [("Content-Type", "application/json")];
            let headers = [&json[..], headers].concat();
            Connection::open(service.data).request(method, path, &headers, b"{}")
        };
        for headers in [&[][..], &[("X-Doorward-Token", APP)]] {
            let answer = send(headers);
            assert_eq!((answer.status, &answer.json()["code"]), (401, &json!("no_credential")));
            let challenge = answer.header("www-authenticate");
            assert_eq!(challenge.as_deref(), Some("Bearer realm=\"doorward\""), "{path}");
        }
        let answer = send(&[("Authorization", &wrong)]);
        assert_eq!((answer.status, &answer.json()["code"]), (401, &json!("invalid_credential")));
        assert_ne!(send(&[("Authorization", &right)]).status, 401, "{path}");
    }
    let headers = [("Content-Type", "application/json"), ("Authorization", right.as_str())];
    let answer = Connection::open(service.data).request(
        "POST",
        "/v1/check",
        &headers,
        EMMA_READS.as_bytes(),
    );
    assert_eq!(answer.json()["decision"], "allow");
}

#[test]
fn proxies_send_theirs_in_a_header_of_its_own() {
    let service = held();
    let emma = emma();
    let client = ("X-Authorization", emma.as_str());
    let app = format!("Bearer {APP}");
    let with = |headers: &[(&'static str, &str)]| {
        let headers = [&[client][..], headers].concat();
        ask(&service, "GET", "/api/device/SD-001", &headers)
    };
    assert_outcome(&with(&[("X-Doorward-Token", NGINX)]), 200, "allow");
    assert_outcome(&with(&[]), 401, "no_credential");
    assert!(with(&[]).header("www-authenticate").is_some());
    assert_outcome(&with(&[("Authorization", app.as_str())]), 401, "no_credential");
    assert_outcome(&with(&[("X-Doorward-Token", "wrong")]), 401, "invalid_credential");
    let twice = [("X-Doorward-Token", NGINX), ("X-Doorward-Token", NGINX)];
    assert_outcome(&with(&twice), 401, "invalid_credential");
    let mut connection = Connection::open(service.data);
    for path in ["/authz/forward-auth", "/authz/ext-authz/login"] {
        assert_outcome(&connection.request("GET", path, &[], b""), 401, "no_credential");
    }
    let token = [("X-Doorward-Token", NGINX)];
    let answer = connection.request("GET", "/authz/ext-authz/login", &token, b"");
    assert_outcome(&answer, 200, "allow");
    assert!(!service.log().contains(NGINX));
}

#[test]
fn the_tokens_are_read_again_and_a_bad_file_changes_nothing() {
    let service = held();
    let with = |token: &str| ask(&service, "GET", "/login", &[("X-Doorward-Token", token)]).status;
    service.project.write("check.tokens", "nginx the-next-token-of-nginx\n");
    service.signal("HUP");
    until("the tokens are read again", || {
        service.log().contains("the callers' tokens were read again").then_some(())
    });
    assert_eq!((with(NGINX), with("the-next-token-of-nginx")), (401, 200));
    service.project.write("check.tokens", "");
    service.signal("HUP");
    until("the file is refused", || {
        service.log().contains("the callers' tokens stay as they were").then_some(())
    });
    assert_eq!(with("the-next-token-of-nginx"), 200);
}
