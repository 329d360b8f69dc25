//! What a plane adds to every answer, whatever the endpoint.

use std::future::pending;

use axum::http::StatusCode;
use axum::http::header::CONNECTION;
use axum::routing::get;
use http_body_util::BodyExt as _;

use super::*;
use crate::engine::{Bundle, CheckOptions, CompileOptions};
use crate::http::{Limits, Proxies, admin, authzen};
use crate::pdp::Pdp;
use crate::pdp::metrics::Metrics;
use crate::pdp::publisher::{Publisher, PublisherOptions};

fn app(limits: Limits) -> Arc<App> {
    let pdp = Pdp::new(CheckOptions::default(), 0, Metrics::new());
    let options = PublisherOptions {
        data_dir: None,
        compile: CompileOptions::default(),
        files: Bundle::default(),
        files_own_policies: false,
        files_seed_entities: false,
    };
    let (publisher, _writing) = Publisher::start(pdp.clone(), options, |_| Ok(())).unwrap();
    let (tokens, _) = admin::Tokens::generated().unwrap();
    let authzen = authzen::Mapping::new(&authzen::Options::default(), "http://x").unwrap();
    let access = admin::Access { tokens, hosts: Vec::new() };
    let guard = proxy::Guard::new(pdp.clone(), Arc::new(proxy::Routes::none()));
    let proxies = Proxies { guard, callers: None };
    Arc::new(App::new(pdp, publisher, limits, authzen, access, proxies))
}

fn plane(limits: Limits) -> Plane {
    let routes = Router::new()
        .route("/ok", get(async || "fine"))
        .route("/stuck", get(async || pending::<()>().await))
        .route("/bug", get(bug))
        .route(proxy::AUTH_REQUEST_PATH, get(bug))
        .route(proxy::FORWARD_AUTH_PATH, get(bug))
        .route("/envoy.service.auth.v3.Authorization/Check", get(bug));
    Plane::data(app(limits), routes)
}

async fn bug() -> &'static str {
    panic!("a bug")
}

fn request(path: &str) -> Request<Body> {
    let request = Request::builder().uri(path).header(HOST, "localhost");
    request.header(REQUEST_ID, "id-1").body(Body::empty()).unwrap()
}

#[tokio::test]
async fn a_panic_is_answered_500_and_the_plane_goes_on() {
    let plane = plane(Limits::default());
    let response = plane.answer(request("/bug")).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(response.headers()[REQUEST_ID], "id-1");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert!(!String::from_utf8_lossy(&body).contains("a bug"));
    assert_eq!(plane.answer(request("/ok")).await.status(), StatusCode::OK);
    assert_eq!(plane.inner.in_flight.load(Relaxed), 0);
}

#[tokio::test]
async fn one_request_too_many_is_answered_503_and_counted() {
    let plane = plane(Limits { requests_in_flight: 1, ..Limits::default() });
    let mut stuck = Box::pin(plane.answer(request("/stuck")));
    let waker = std::task::Waker::noop();
    assert!(stuck.as_mut().poll(&mut std::task::Context::from_waker(waker)).is_pending());
    let response = plane.answer(request("/ok")).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()["retry-after"], "1");
    assert_eq!(response.headers()[REQUEST_ID], "id-1");
    let metrics = plane.inner.app.pdp.metrics().encode();
    let counted = "doorward_checks_total{door=\"native\",decision=\"deny\",code=\"overloaded\"} 1";
    assert!(metrics.contains(counted), "{metrics}");
    // A request that is given up makes room again.
    drop(stuck);
    assert_eq!(plane.answer(request("/ok")).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_request_id_is_echoed_within_its_bound() {
    let plane = plane(Limits::default());
    for (id, echoed) in [("x".repeat(1024), true), ("x".repeat(1025), false)] {
        let mut request = request("/nowhere");
        request.headers_mut().insert(REQUEST_ID, id.parse().unwrap());
        let response = plane.answer(request).await;
        assert_eq!(response.headers().get(REQUEST_ID).is_some(), echoed);
    }
}

#[tokio::test]
async fn a_request_names_exactly_one_host() {
    let plane = plane(Limits::default());
    let mut none = request("/ok");
    none.headers_mut().remove(HOST);
    let mut two = request("/ok");
    two.headers_mut().append(HOST, "b".parse().unwrap());
    for request in [none, two] {
        let response = plane.answer(request).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        assert_eq!(response.headers()[CONNECTION], "close");
    }
    let mut old = request("/ok");
    old.headers_mut().remove(HOST);
    *old.version_mut() = Version::HTTP_10;
    assert_eq!(plane.answer(old).await.status(), StatusCode::OK);
}

/// Status and reason of a proxy's answer, which has no body.
async fn proxied(plane: &Plane, path: &str) -> (u16, String) {
    let response = plane.answer(request(path)).await;
    let reason = response.headers()["x-doorward-reason"].to_str().unwrap().to_owned();
    let status = response.status().as_u16();
    assert_eq!(response.headers()[REQUEST_ID], "id-1");
    assert!(response.into_body().collect().await.unwrap().to_bytes().is_empty());
    (status, reason)
}

#[tokio::test]
async fn proxies_are_told_of_panics_and_overload_in_their_dialect() {
    let answered = plane(Limits::default());
    let nginx = proxied(&answered, proxy::AUTH_REQUEST_PATH).await;
    assert_eq!(nginx, (403, "internal".to_owned()));
    let traefik = proxied(&answered, proxy::FORWARD_AUTH_PATH).await;
    assert_eq!(traefik, (500, "internal".to_owned()));

    let full = plane(Limits { requests_in_flight: 0, ..Limits::default() });
    let nginx = proxied(&full, proxy::AUTH_REQUEST_PATH).await;
    assert_eq!(nginx, (403, "overloaded".to_owned()));
    let traefik = proxied(&full, proxy::FORWARD_AUTH_PATH).await;
    assert_eq!(traefik, (503, "overloaded".to_owned()));
    let metrics = full.inner.app.pdp.metrics().encode();
    let counted =
        "doorward_checks_total{door=\"auth_request\",decision=\"deny\",code=\"overloaded\"} 1";
    assert!(metrics.contains(counted), "{metrics}");
}

#[tokio::test]
async fn envoy_is_told_of_panics_and_overload_in_a_message_of_grpc() {
    let path = "/envoy.service.auth.v3.Authorization/Check";
    for (limits, reason) in [
        (Limits::default(), "internal"),
        (Limits { requests_in_flight: 0, ..Limits::default() }, "overloaded"),
    ] {
        let response = plane(limits).answer(request(path)).await;
        assert_eq!(response.headers()["content-type"], "application/grpc");
        let body = response.into_body().collect().await.unwrap();
        assert_eq!(body.trailers().unwrap()["grpc-status"], "0");
        let message = body.to_bytes();
        assert!(message.windows(reason.len()).any(|part| part == reason.as_bytes()), "{reason}");
        // `status.code` 0 would be an allow: the first field of the message is a status, and its
        // first field a code that is not 0.
        assert_eq!(message[5], 0x0a);
        assert_eq!(message[7], 0x08);
        assert_ne!(message[8], 0);
    }
}
