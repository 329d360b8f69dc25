//! Envoy over gRPC, by a real client on the listener where everything else is answered.

use envoy_types::ext_authz::v3::pb::{CheckRequest, CheckResponse, HttpResponse};
use envoy_types::pb::envoy::service::auth::v3::AttributeContext;
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{
    self as attributes, HttpRequest,
};
use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use tonic::Request;

use super::*;

fn request(target: &str, headers: &[(&str, &str)]) -> CheckRequest {
    let http = HttpRequest {
        method: "GET".to_owned(),
        path: target.to_owned(),
        host: "iot.example".to_owned(),
        scheme: "https".to_owned(),
        headers: headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
        ..Default::default()
    };
    let request = attributes::Request { http: Some(http), ..Default::default() };
    let attributes = AttributeContext { request: Some(request), ..Default::default() };
    CheckRequest { attributes: Some(attributes) }
}

/// What Envoy is answered, and `x-request-id`.
fn check(
    service: &Service,
    metadata: &[(&'static str, &str)],
    asked: CheckRequest,
) -> CheckResponse {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let url = format!("http://{}", service.data);
        let mut client = AuthorizationClient::connect(url).await.unwrap();
        let mut request = Request::new(asked);
        for (name, value) in metadata {
            request.metadata_mut().insert(*name, value.parse().unwrap());
        }
        request.metadata_mut().insert("x-request-id", "id-1".parse().unwrap());
        let response = client.check(request).await.unwrap();
        assert_eq!(response.metadata().get("x-request-id").unwrap(), "id-1");
        response.into_inner()
    })
}

/// The code of gRPC, the status for the client, and the reason.
fn told(response: &CheckResponse) -> (i32, i32, String) {
    let (status, headers) = match response.http_response.as_ref().unwrap() {
        HttpResponse::OkResponse(ok) => (200, &ok.headers),
        HttpResponse::DeniedResponse(denied) | HttpResponse::ErrorResponse(denied) => {
            (denied.status.as_ref().unwrap().code, &denied.headers)
        }
    };
    let names = headers.iter().filter_map(|option| option.header.as_ref());
    let reason = names.clone().find(|pair| pair.key == "x-doorward-reason").unwrap();
    assert!(names.clone().any(|pair| pair.key == "x-doorward-principal"));
    (response.status.as_ref().unwrap().code, status, reason.value.clone())
}

#[test]
fn envoy_is_answered_over_grpc() {
    let service = service();
    let emma = emma();
    let token = [("x-authorization", emma.as_str())];
    for (target, headers, expected) in [
        ("/api/device/SD-001", &token[..], (0, 200, "allow")),
        ("/api/device/AM-307", &token, (7, 403, "no_permit")),
        ("/api/device/SD-001", &[], (16, 401, "no_credential")),
        ("/api/../device", &token, (7, 403, "ambiguous_path")),
        ("/nowhere", &token, (7, 403, "unmapped_route")),
        ("/login", &[], (0, 200, "allow")),
    ] {
        let (code, status, reason) = told(&check(&service, &[], request(target, headers)));
        assert_eq!((code, status, &*reason), expected, "{target}");
    }
    let (code, status, reason) = told(&check(&service, &[], CheckRequest::default()));
    assert_eq!((code, status, &*reason), (7, 400, "proxy_misconfigured"));
    let counted =
        "doorward_checks_total{door=\"ext_authz_grpc\",decision=\"allow\",code=\"allow\"}";
    assert_eq!(metric(&service, counted).as_deref(), Some("1"));
}

#[test]
fn envoy_sends_its_token_as_metadata() {
    let project = project(&routes());
    project.write("check.tokens", "the-token-of-envoy\n");
    let service = Service::start(project, &["--ephemeral", "--check-token-file", "check.tokens"]);
    for (metadata, expected) in [
        (&[][..], (16, 401, "no_credential")),
        (&[("x-doorward-token", "wrong")], (16, 401, "invalid_credential")),
        (&[("x-doorward-token", "the-token-of-envoy")], (0, 200, "allow")),
    ] {
        // The client's own header of that name is not the proxy's.
        let asked = request("/login", &[("x-doorward-token", "the-token-of-envoy")]);
        let (code, status, reason) = told(&check(&service, metadata, asked));
        assert_eq!((code, status, &*reason), expected);
    }
}
