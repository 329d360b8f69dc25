//! Envoy's dialect over gRPC, with a real client on a real socket.

use std::net::Ipv4Addr;
use std::time::Duration;

use envoy_types::ext_authz::v3::pb::{CheckRequest, CheckResponse, HttpResponse};
use envoy_types::pb::envoy::config::core::v3 as core;
use envoy_types::pb::envoy::service::auth::v3::AttributeContext;
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{
    self as attributes, HttpRequest,
};
use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tonic::transport::Channel;

use super::*;

/// A client of a service that decides so.
#[expect(clippy::disallowed_methods, reason = "a test ends with its runtime, and drains nothing")]
async fn client(decide: &Decide) -> AuthorizationClient<Channel> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let routes: Router = routes(decide);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let routes = routes.clone();
            let answer = service_fn(move |request: Request<hyper::body::Incoming>| {
                routes.clone().oneshot(request.map(Body::new))
            });
            tokio::spawn(async move {
                let serving = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                let _ = serving.serve_connection(TokioIo::new(stream), answer).await;
            });
        }
    });
    AuthorizationClient::connect(url).await.unwrap()
}

fn request(http: HttpRequest) -> CheckRequest {
    let request = attributes::Request { http: Some(http), ..Default::default() };
    let attributes = AttributeContext { request: Some(request), ..Default::default() };
    CheckRequest { attributes: Some(attributes) }
}

fn usual() -> HttpRequest {
    HttpRequest {
        method: "POST".to_owned(),
        path: "/api/x?y=1".to_owned(),
        host: "iot.example".to_owned(),
        scheme: "https".to_owned(),
        size: -1,
        ..Default::default()
    }
}

fn joined(pairs: &[(&str, &str)]) -> std::collections::HashMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn raw(pairs: &[(&str, &[u8])]) -> core::HeaderMap {
    let pair = |(name, value): &(&str, &[u8])| core::HeaderValue {
        key: (*name).to_owned(),
        raw_value: value.to_vec(),
        ..Default::default()
    };
    core::HeaderMap { headers: pairs.iter().map(pair).collect() }
}

/// Code, status and our headers of an answer.
fn parts(response: &CheckResponse) -> (i32, u16, Vec<(String, String)>) {
    let code = response.status.as_ref().unwrap().code;
    let of = |list: &[core::HeaderValueOption]| {
        let pair = |option: &core::HeaderValueOption| {
            assert!(option.keep_empty_value);
            let header = option.header.clone().unwrap();
            (header.key, header.value)
        };
        list.iter().map(pair).collect::<Vec<_>>()
    };
    let status = |denied: &Option<_>| {
        let status: &Option<envoy_types::ext_authz::v3::pb::HttpStatus> = denied;
        u16::try_from(status.as_ref().unwrap().code).unwrap()
    };
    match response.http_response.as_ref().unwrap() {
        HttpResponse::OkResponse(ok) => (code, 200, of(&ok.headers)),
        HttpResponse::DeniedResponse(denied) | HttpResponse::ErrorResponse(denied) => {
            (code, status(&denied.status), of(&denied.headers))
        }
    }
}

#[tokio::test]
async fn allow_replaces_the_clients_headers() {
    let door = Door::default();
    let mut client = client(&door.decide(allow())).await;
    let http = HttpRequest {
        headers: joined(&[
            ("authorization", "Bearer x"),
            (":path", "/api/x?y=1"),
            ("upgrade", "websocket"),
        ]),
        ..usual()
    };
    let response = client.check(request(http)).await.unwrap().into_inner();
    let (code, status, headers) = parts(&response);
    assert_eq!((code, status), (0, 200));
    let expected = [
        ("x-doorward-principal", "User::\"emma\""),
        ("x-doorward-decision-id", "00000000-0000-0000-0000-000000000000"),
        ("x-doorward-revision", "7"),
        ("x-doorward-reason", "allow"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(headers, expected);
    let asked = door.last();
    assert_eq!(shown(&asked), "POST https iot.example /api/x?y=1 WebSocket");
    assert_eq!(asked.headers["authorization"], "Bearer x");
    assert_eq!(asked.peer, Peer::Unknown);
}

#[tokio::test]
async fn headers_come_joined_or_as_they_were() {
    let door = Door::default();
    let mut client = client(&door.decide(allow())).await;
    let header_map = Some(raw(&[
        ("authorization", b"Bearer x"),
        ("authorization", b"Bearer y"),
        ("a", b"\xff"),
    ]));
    client.check(request(HttpRequest { header_map, ..usual() })).await.unwrap();
    let asked = door.last();
    assert_eq!(shown(&asked), "POST https iot.example /api/x?y=1");
    let values: Vec<_> = asked.headers.get_all("authorization").iter().collect();
    assert_eq!(values, ["Bearer x", "Bearer y"]);
    assert_eq!(asked.headers["a"].as_bytes(), b"\xff");
}

#[tokio::test]
async fn what_is_not_told_once_is_a_misconfiguration() {
    let door = Door::default();
    let mut client = client(&door.decide(Verdict::deny(Code::ProxyMisconfigured))).await;
    let both = HttpRequest {
        headers: joined(&[("a", "b")]),
        header_map: Some(raw(&[("a", b"b")])),
        ..usual()
    };
    for (http, expected) in [
        (
            HttpRequest { path: String::new(), ..usual() },
            "`path` is missing: have the proxy send it",
        ),
        (
            HttpRequest { method: String::new(), ..usual() },
            "`method` is missing: have the proxy send it",
        ),
        (
            HttpRequest { headers: joined(&[(":path", "/public")]), ..usual() },
            "`path` is contradicted: have the proxy send one form of it, and drop the other that \
             clients may send",
        ),
        (
            both,
            "`header_map` is contradicted: have the proxy send one form of it, and drop the other \
             that clients may send",
        ),
        (HttpRequest { headers: joined(&[("a b", "c")]), ..usual() }, "`headers` is malformed"),
        (HttpRequest { path: "api".to_owned(), ..usual() }, "POST https iot.example api"),
        (
            HttpRequest { fragment: "x".to_owned(), ..usual() },
            "POST https iot.example /api/x?y=1#x",
        ),
    ] {
        let response = client.check(request(http)).await.unwrap().into_inner();
        assert_eq!((parts(&response).0, parts(&response).1), (7, 400));
        assert_eq!(shown(&door.last()), expected);
    }
    client.check(CheckRequest::default()).await.unwrap();
    assert_eq!(shown(&door.last()), "`attributes.request.http` is missing: have the proxy send it");
}

#[tokio::test]
async fn a_deny_is_told_as_one_and_a_fault_as_a_fault() {
    for (outcome, grpc, status, error) in [
        (Outcome::Deny(Code::NoPermit), 7, 403, false),
        (Outcome::Deny(Code::NoCredential), 16, 401, false),
        (Outcome::Deny(Code::NotReady), 7, 503, false),
        (Outcome::Fault, 13, 500, true),
    ] {
        let mut client = client(&Door::default().decide(Verdict::nobody(outcome))).await;
        let response = client.check(request(usual())).await.unwrap().into_inner();
        let (found, http, headers) = parts(&response);
        assert_eq!((found, http), (grpc, status));
        assert!(headers.contains(&("x-doorward-reason".to_owned(), outcome.reason().to_owned())));
        assert!(headers.contains(&("x-doorward-principal".to_owned(), String::new())));
        let is_error = matches!(response.http_response, Some(HttpResponse::ErrorResponse(_)));
        assert_eq!(is_error, error, "{outcome:?}");
    }
}

#[tokio::test]
async fn a_panic_is_a_fault_and_not_the_end() {
    let decide: Decide = Arc::new(|_| Box::pin(async { panic!("made up") }));
    let mut client = client(&decide).await;
    for _ in 0..2 {
        let response = client.check(request(usual())).await.unwrap().into_inner();
        assert!(matches!(response.http_response, Some(HttpResponse::ErrorResponse(_))));
    }
}

#[tokio::test]
async fn a_call_whose_deadline_has_passed_ends() {
    let decide: Decide = Arc::new(|_| Box::pin(std::future::pending()));
    let mut client = client(&decide).await;
    let mut late = tonic::Request::new(request(usual()));
    late.metadata_mut().insert("x-envoy-expected-rq-timeout-ms", "20".parse().unwrap());
    let status = client.check(late).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::DeadlineExceeded);
}

#[test]
fn the_shorter_of_the_callers_deadlines_counts() {
    let deadline = |grpc: &str, envoy: &str| {
        let mut metadata = tonic::metadata::MetadataMap::new();
        metadata.insert("grpc-timeout", grpc.parse().unwrap());
        metadata.insert("x-envoy-expected-rq-timeout-ms", envoy.parse().unwrap());
        crate::http::proxy::grpc::deadline(&metadata)
    };
    let ms = Duration::from_millis;
    assert_eq!(deadline("200m", "150"), Some(ms(150)));
    assert_eq!(deadline("100m", "150"), Some(ms(100)));
    assert_eq!(deadline("2S", ""), Some(ms(2_000)));
    assert_eq!(deadline("1M", "x"), Some(ms(60_000)));
    assert_eq!(deadline("1H", "-1"), Some(ms(3_600_000)));
    assert_eq!(deadline("99999999u", "0"), Some(Duration::from_micros(99_999_999)));
    assert_eq!(deadline("5n", "9"), Some(Duration::from_nanos(5)));
    for odd in ["", "m", "5", "5x", "-5m", "999999999m", "5 m"] {
        assert_eq!(deadline(odd, ""), None, "{odd}");
    }
}
