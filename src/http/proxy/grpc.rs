//! Envoy's dialect over gRPC: `envoy.service.auth.v3.Authorization/Check`, with the client's
//! headers in `headers` or, as they came, in `header_map`. A call that its caller has given up is
//! given up too, and a fault of ours is told as one: Envoy has a setting for those, and none for a
//! deny.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version};
use axum::response::IntoResponse as _;
use envoy_types::ext_authz::v3::pb::{
    Authorization, AuthorizationServer, CheckRequest, CheckResponse, DeniedHttpResponse,
    HeaderAppendAction, HeaderValue as Pair, HeaderValueOption, HttpResponse, HttpStatus,
    OkHttpResponse,
};
use envoy_types::pb::envoy::service::auth::v3::attribute_context::HttpRequest;
use envoy_types::pb::google::rpc;
use tonic::metadata::MetadataMap;
use tonic::{Code, Request, Response, Status};
use tower::Service as _;

use super::told::{self, Misconfigured, Told, Why};
use super::{Asked, Decide, Deciding, Dialect, Outcome, Verdict};
use crate::http::problem::{Kind, Problem};
use crate::identity::Peer;

/// The path of the one method.
pub(super) const PATH: &str = "/envoy.service.auth.v3.Authorization/Check";
/// The largest message, in bytes. Envoy can be told to send bodies along, which are not looked at.
const MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The most headers of a client that are looked at.
const HEADERS_MAX: usize = 1_000;

/// How long a message may take to arrive and to be answered.
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(30);
/// An empty message as gRPC frames it: not compressed, no bytes.
const EMPTY_MESSAGE: &[u8] = &[0; 5];

/// The service on top of what decides.
pub(super) struct Service(Decide);

/// The service, to be called for each request.
pub(super) fn service(decide: Decide) -> AuthorizationServer<Service> {
    AuthorizationServer::new(Service(decide)).max_decoding_message_size(MESSAGE_BYTES_MAX)
}

/// Answers one request. gRPC tells its errors under the status 200, which is an allow to every
/// other proxy: what is not a call of gRPC is therefore refused before.
pub(super) async fn answer(
    mut service: AuthorizationServer<Service>,
    request: axum::extract::Request,
) -> axum::response::Response {
    let is_grpc = request.headers().get(CONTENT_TYPE).is_some_and(|value| {
        value
            .as_bytes()
            .strip_prefix(b"application/grpc")
            .is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
    });
    if request.version() != Version::HTTP_2 || request.method() != Method::POST || !is_grpc {
        let detail = "this path answers only to gRPC over HTTP/2";
        return Problem::new(Kind::UnsupportedMediaType, detail).into_response();
    }
    match tokio::time::timeout(MESSAGE_TIMEOUT, service.call(request)).await {
        Ok(Ok(response)) => response.map(Body::new),
        Err(_) => Status::deadline_exceeded("the message did not arrive in time").into_http(),
    }
}

/// A verdict that was made without looking at the message.
pub(super) async fn refuse(verdict: Verdict) -> axum::response::Response {
    let decide: Decide = Arc::new(move |_| {
        let verdict = verdict.clone();
        Box::pin(async move { verdict })
    });
    let mut request = axum::extract::Request::new(Body::from(EMPTY_MESSAGE));
    *request.method_mut() = Method::POST;
    *request.version_mut() = Version::HTTP_2;
    *request.uri_mut() = Uri::from_static(PATH);
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    let Ok(response) = service(decide).call(request).await;
    response.map(Body::new)
}

// === impl Service ===

#[tonic::async_trait]
impl Authorization for Service {
    async fn check(
        &self,
        request: Request<CheckRequest>,
    ) -> Result<Response<CheckResponse>, Status> {
        let deadline = deadline(request.metadata());
        let peer = request.extensions().get::<Peer>().copied().unwrap_or(Peer::Unknown);
        let asked = asked(&request.into_inner(), peer);
        let verdict = match catch_unwind(AssertUnwindSafe(|| (self.0)(asked))) {
            Ok(deciding) => or_internal(deciding, deadline).await?,
            Err(_) => fault(),
        };
        Ok(Response::new(response(&verdict)))
    }
}

/// The verdict, or a fault of ours where there is none, as long as somebody waits for it.
async fn or_internal(
    mut deciding: Deciding,
    deadline: Option<Duration>,
) -> Result<Verdict, Status> {
    let decided =
        poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| deciding.as_mut().poll(cx))) {
            Ok(poll) => poll,
            Err(_) => Poll::Ready(fault()),
        });
    match deadline {
        None => Ok(decided.await),
        Some(deadline) => tokio::time::timeout(deadline, decided)
            .await
            .map_err(|_| Status::deadline_exceeded("the caller's deadline has passed")),
    }
}

fn fault() -> Verdict {
    tracing::error!("a check over gRPC panicked; it was answered as a fault");
    Verdict::fault()
}

/// What Envoy asks.
fn asked(request: &CheckRequest, peer: Peer) -> Asked {
    let http = request.attributes.as_ref().and_then(|all| all.request.as_ref()?.http.as_ref());
    let (told, headers) = match http.map(read) {
        None => (Err(Why::Missing.of("attributes.request.http")), HeaderMap::new()),
        Some(Err(misconfigured)) => (Err(misconfigured), HeaderMap::new()),
        Some(Ok((told, headers))) => (Ok(told), headers),
    };
    let ignored = told::ignored(&headers, Dialect::Grpc);
    Asked { dialect: Dialect::Grpc, told, headers, peer, ignored }
}

/// The client's request and its headers.
fn read(http: &HttpRequest) -> Result<(Told, HeaderMap), Misconfigured> {
    let mut headers = HeaderMap::new();
    let raw = http.header_map.iter().flat_map(|map| &map.headers);
    let raw = raw.map(|pair| {
        let value = if pair.raw_value.is_empty() { pair.value.as_bytes() } else { &pair.raw_value };
        (pair.key.as_str(), value)
    });
    let joined = http.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    if http.headers.len() + http.header_map.iter().map(|map| map.headers.len()).sum::<usize>()
        > HEADERS_MAX
    {
        return Err(Why::TooLong.of("headers"));
    }
    if !http.headers.is_empty() && http.header_map.iter().any(|map| !map.headers.is_empty()) {
        return Err(Why::Contradicted.of("header_map"));
    }
    for (name, value) in joined.chain(raw) {
        if let Some(pseudo) = name.strip_prefix(':') {
            agrees(http, pseudo, value)?;
            continue;
        }
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| malformed())?;
        headers.append(name, HeaderValue::from_bytes(value).map_err(|_| malformed())?);
    }
    if http.method.is_empty() {
        return Err(Why::Missing.of("method"));
    }
    if http.path.is_empty() {
        return Err(Why::Missing.of("path"));
    }
    // Envoy leaves both empty. What it should ever put there belongs to the target.
    let mut target = http.path.clone();
    for (mark, part) in [('?', &http.query), ('#', &http.fragment)] {
        if !part.is_empty() {
            target.push(mark);
            target.push_str(part);
        }
    }
    let text = |text: &String| (!text.is_empty()).then(|| text.clone());
    let told = Told {
        method: http.method.clone(),
        scheme: text(&http.scheme),
        host: text(&http.host),
        target,
        cors: told::cors(&headers),
        upgrade: told::upgrade(&headers),
    };
    Ok((told, headers))
}

fn malformed() -> Misconfigured {
    Why::Malformed.of("headers")
}

/// What HTTP/2 has in headers Envoy tells twice; it must be the same.
fn agrees(http: &HttpRequest, pseudo: &str, value: &[u8]) -> Result<(), Misconfigured> {
    let (name, field) = match pseudo {
        "path" => ("path", &http.path),
        "method" => ("method", &http.method),
        "authority" => ("host", &http.host),
        _ => return Ok(()),
    };
    if field.as_bytes() == value { Ok(()) } else { Err(Why::Contradicted.of(name)) }
}

/// How long the caller waits: by gRPC's own header, or Envoy's.
pub(super) fn deadline(metadata: &MetadataMap) -> Option<Duration> {
    let text = |name| metadata.get(name).and_then(|value| value.to_str().ok());
    let grpc = text("grpc-timeout").and_then(|text| {
        let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let number: u64 = digits.parse().ok().filter(|_| digits.len() <= 8)?;
        Some(match unit {
            "H" => Duration::from_secs(number * 3600),
            "M" => Duration::from_secs(number * 60),
            "S" => Duration::from_secs(number),
            "m" => Duration::from_millis(number),
            "u" => Duration::from_micros(number),
            "n" => Duration::from_nanos(number),
            _ => return None,
        })
    });
    let envoy = text("x-envoy-expected-rq-timeout-ms")
        .and_then(|text| text.parse().ok())
        .filter(|milliseconds| *milliseconds > 0)
        .map(Duration::from_millis);
    grpc.into_iter().chain(envoy).min()
}

/// The answer over gRPC.
fn response(verdict: &Verdict) -> CheckResponse {
    let (status, outcome, headers) = verdict.facts(Dialect::Grpc);
    let headers: Vec<HeaderValueOption> =
        headers.iter().map(|(name, value)| replacing(name, value)).collect();
    let denied = || DeniedHttpResponse {
        status: Some(HttpStatus { code: i32::from(status.as_u16()) }),
        headers: headers.clone(),
        ..DeniedHttpResponse::default()
    };
    let (code, http) = match outcome {
        Outcome::Allow => {
            let allowed = OkHttpResponse { headers, ..OkHttpResponse::default() };
            (Code::Ok, HttpResponse::OkResponse(allowed))
        }
        Outcome::Fault => (Code::Internal, HttpResponse::ErrorResponse(denied())),
        Outcome::Deny(_) if status == StatusCode::UNAUTHORIZED => {
            (Code::Unauthenticated, HttpResponse::DeniedResponse(denied()))
        }
        Outcome::Deny(_) => (Code::PermissionDenied, HttpResponse::DeniedResponse(denied())),
    };
    let message = outcome.reason().to_owned();
    let status = rpc::Status { code: code.into(), message, details: Vec::new() };
    let http_response = Some(http);
    CheckResponse { status: Some(status), http_response, ..CheckResponse::default() }
}

/// A header that takes the place of the client's, also if it is empty.
fn replacing(name: &HeaderName, value: &HeaderValue) -> HeaderValueOption {
    let pair = Pair {
        key: name.as_str().to_owned(),
        value: String::from_utf8_lossy(value.as_bytes()).into_owned(),
        ..Pair::default()
    };
    HeaderValueOption {
        header: Some(pair),
        append_action: HeaderAppendAction::OverwriteIfExistsOrAdd.into(),
        keep_empty_value: true,
        ..HeaderValueOption::default()
    }
}
