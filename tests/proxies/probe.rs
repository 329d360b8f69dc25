//! `doorward probe` through proxies that are set up as their pages say, which all agree, and through
//! ones that are not, where it names what is wrong.

use std::net::{SocketAddr, TcpListener};
use std::process::Command;

use serde_json::Value;

use super::child::until;
use super::client::{Ask, HOST};
use super::identity::token;
use super::world::{Front, Kind};

/// How the command ended, and what it wrote.
#[derive(Debug)]
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn doorward(arguments: &[&str]) -> Ended {
    let output = Command::new(env!("CARGO_BIN_EXE_doorward"))
        .args(arguments)
        .env_clear()
        .output()
        .expect("the binary runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Probes a proxy as Emma, who may read SD-001.
fn probe(kind: Kind, changes: &[(&str, &str)], flags: &[&str]) -> Ended {
    let platform = free();
    let front = Front::start(kind, changes, platform);
    // The platform is not there yet: what is let through ends in a fault of the proxy's.
    let ask = Ask::get("/public/ready");
    until(|| ask.send(front.clients).filter(|answer| answer.status >= 500)).expect("it is ready");
    let url = format!("http://{}/api/device/SD-001", front.clients);
    let (host, credential) =
        (format!("Host: {HOST}"), format!("X-Authorization: Bearer {}", token("emma")));
    let (listen, service) = (platform.to_string(), front.service.data.to_string());
    let given = ["probe", "--url", &url, "--header", &host, "--header", &credential];
    let places = ["--upstream-listen", &listen, "--doorward", &service];
    doorward(&[&given[..], &places, flags].concat())
}

#[track_caller]
fn agrees(kind: Kind) {
    let ended = probe(kind, &[], &[]);
    let expected = "153 requests: no disagreement, no notice\n";
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), expected), "{}", ended.stderr);
}

/// The findings of a proxy that disagrees, as `class severity`, each once.
#[track_caller]
fn findings(kind: Kind, changes: &[(&str, &str)], code: i32) -> Vec<String> {
    let ended = probe(kind, changes, &["--format", "json"]);
    assert_eq!(ended.code, Some(code), "{ended:?}");
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap().iter();
    let mut names: Vec<_> = findings
        .map(|finding| {
            assert!(!finding["advisories"].as_array().unwrap().is_empty());
            let text = |name: &str| finding[name].as_str().unwrap().to_owned();
            format!("{} {}", text("class"), text("severity"))
        })
        .collect();
    names.dedup();
    names
}

#[test]
fn nginx_as_documented_agrees() {
    agrees(Kind::Nginx);
}

#[test]
fn haproxy_as_documented_agrees() {
    agrees(Kind::HaProxy);
}

#[test]
fn traefik_as_documented_agrees() {
    agrees(Kind::Traefik);
}

#[test]
fn caddy_as_documented_agrees() {
    agrees(Kind::Caddy);
}

#[test]
fn envoy_over_http_as_documented_agrees() {
    agrees(Kind::EnvoyHttp);
}

#[test]
fn envoy_over_grpc_as_documented_agrees() {
    agrees(Kind::EnvoyGrpc);
}

#[test]
fn a_prefix_that_the_proxy_adds_is_learnt() {
    let changes = [(
        "proxy_pass http://platform;",
        "rewrite ^(.*)$ /base$1 break; proxy_pass http://platform;",
    )];
    let ended = probe(Kind::Nginx, &changes, &[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn a_path_that_is_resolved_for_doorward_alone_is_found() {
    let changes = [
        ("auth_request /doorward;", "set $resolved $uri; auth_request /doorward;"),
        ("X-Original-URI $request_uri", "X-Original-URI $resolved"),
    ];
    let found = findings(Kind::Nginx, &changes, 4);
    for class in ["dot-segments", "slashes", "double-encoding"] {
        assert!(found.contains(&format!("{class} disagreement")), "{class}: {found:?}");
    }
}

#[test]
fn an_identity_that_the_client_can_write_is_found() {
    let line = "proxy_set_header X-Doorward-Principal $doorward_principal;";
    let found = findings(Kind::Nginx, &[(line, "")], 4);
    assert_eq!(found, ["spoofed-identity disagreement"]);
}

#[test]
fn a_proxy_that_does_not_ask_is_found() {
    let changes = [
        ("auth_request /doorward;", ""),
        ("proxy_set_header X-Doorward-Principal $doorward_principal;", ""),
    ];
    let found = findings(Kind::Nginx, &changes, 4);
    assert_eq!(found[0], "unprotected disagreement");
    for class in ["spoofed-target", "spoofed-identity", "credentials", "method"] {
        assert!(found.contains(&format!("{class} disagreement")), "{class}: {found:?}");
    }
}

#[test]
fn an_upgrade_that_passes_is_found() {
    let passes = "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;";
    let changes = [("proxy_set_header Connection $to_platform;", passes)];
    let found = findings(Kind::Nginx, &changes, 4);
    assert_eq!(found, ["upgrade disagreement"]);
}

#[test]
fn headers_that_some_platforms_believe_are_noticed() {
    let changes = [("proxy_set_header X-HTTP-Method-Override \"\";", "")];
    assert_eq!(findings(Kind::Nginx, &changes, 0), ["method notice"]);
}

#[test]
fn a_report_for_people_says_what_and_why() {
    let changes = [("proxy_set_header X-Doorward-Principal $doorward_principal;", "")];
    let ended = probe(Kind::Nginx, &changes, &[]);
    let first: Vec<_> = ended.stdout.lines().take(7).collect();
    assert_eq!(
        first,
        [
            "spoofed-identity  like GHSA-7r4p-vjf4-gxv4 Caddy, CVE-2025-64484 oauth2-proxy",
            "  delete or overwrite every `X-Doorward-` header of the client's, also where it is \
             spelt with `_` or `.`",
            "  - `X-Doorward-Principal` from the client",
            "      sent      GET /api/device/SD-001, X-Doorward-Principal: doorward-probe-forged",
            "      answered  200 allow",
            "      arrived   GET /api/device/SD-001",
            "      wrong     `X-Doorward-Principal` is the client's own",
        ]
    );
}

#[test]
fn a_proxy_that_leads_elsewhere_is_said_so() {
    let (platform, elsewhere) = (free(), free());
    let front = Front::start(Kind::Nginx, &[], elsewhere);
    let url = format!("http://{}/public/page", front.clients);
    let (listen, service) = (platform.to_string(), front.service.data.to_string());
    let ended = doorward(&[
        "probe",
        "--url",
        &url,
        "--header",
        "Host: iot.example",
        "--upstream-listen",
        &listen,
        "--doorward",
        &service,
    ]);
    assert_eq!(
        (ended.code, ended.stderr),
        (
            Some(1),
            format!(
                "error: `GET /public/page` does not arrive at `{listen}`: the proxy answers 502 \
                 allow\nhint: point the proxy at `--upstream-listen`, and choose a `--url` that \
                 it lets through, with the `--header`s that it needs\n"
            )
        )
    );
}

#[test]
fn other_peoples_proxies_are_not_probed() {
    let ended = doorward(&["probe", "--url", "http://192.0.2.1/x"]);
    let expected = "error: `192.0.2.1` is neither a loopback nor a private address\nhint: probe \
                    only what is yours, and say so: `--confirm-host 192.0.2.1`\n";
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(2), expected));
}
