//! What each proxy tells, what is refused, and what it is answered. The deciding is made up here:
//! it tells in the reason what it was asked.

mod dialects;
mod grpc;

use std::fmt::Write as _;
use std::sync::Mutex;

use axum::http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use super::*;
use crate::engine::Code;
use crate::mapping::Upgrade;

/// What was asked, and how it is answered.
#[derive(Clone, Default)]
struct Door {
    asked: Arc<Mutex<Vec<Asked>>>,
}

// === impl Door ===

impl Door {
    fn decide(&self, verdict: Verdict) -> Decide {
        let asked = Arc::clone(&self.asked);
        Arc::new(move |question| {
            asked.lock().unwrap().push(question);
            let verdict = verdict.clone();
            Box::pin(async move { verdict })
        })
    }

    fn last(&self) -> Asked {
        self.asked.lock().unwrap().pop().expect("something was asked")
    }
}

fn allow() -> Verdict {
    Verdict {
        outcome: Outcome::Allow,
        principal: "User::\"emma\"".to_owned(),
        decision_id: Some(uuid::Uuid::nil()),
        revision: Some(7),
    }
}

async fn send(
    decide: &Decide,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
) -> axum::http::Response<Body> {
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in headers {
        request = request.header(*name, value.as_bytes());
    }
    let routes: Router = routes(decide);
    routes.oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

/// What is told of a request: `METHOD scheme host target`, or why nothing can be.
async fn told(method: &str, target: &str, headers: &[(&str, &str)]) -> String {
    let door = Door::default();
    send(&door.decide(allow()), method, target, headers).await;
    shown(&door.last())
}

fn shown(asked: &Asked) -> String {
    match &asked.told {
        Err(misconfigured) => misconfigured.to_string(),
        Ok(told) => {
            let or_none = |text: &Option<String>| text.clone().unwrap_or("-".to_owned());
            let mut text = format!(
                "{} {} {} {}",
                told.method,
                or_none(&told.scheme),
                or_none(&told.host),
                told.target
            );
            if told.cors {
                text.push_str(" cors");
            }
            if told.upgrade != Upgrade::None {
                write!(text, " {:?}", told.upgrade).unwrap();
            }
            text
        }
    }
}

/// Status, reason and body length of a deny.
async fn denied(path: &str, outcome: Outcome) -> (u16, String) {
    let door = Door::default();
    let response = send(&door.decide(Verdict::nobody(outcome)), "GET", path, &[]).await;
    let reason = response.headers()["x-doorward-reason"].to_str().unwrap().to_owned();
    let status = response.status().as_u16();
    let challenged = response.headers().contains_key("www-authenticate");
    assert_eq!(challenged, status == 401, "{path} {outcome:?}");
    assert!(response.into_body().collect().await.unwrap().to_bytes().is_empty());
    (status, reason)
}

#[tokio::test]
async fn allow_is_200_without_a_body_and_says_who() {
    let door = Door::default();
    for path in [AUTH_REQUEST_PATH, FORWARD_AUTH_PATH, "/authz/ext-authz/api"] {
        for method in ["GET", "HEAD", "POST", "OPTIONS", "PROPFIND"] {
            let response = send(&door.decide(allow()), method, path, &[("host", "a")]).await;
            assert_eq!(response.status(), StatusCode::OK);
            let of = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
            assert_eq!(of("x-doorward-principal"), "User::\"emma\"");
            assert_eq!(of("x-doorward-decision-id"), uuid::Uuid::nil().to_string());
            assert_eq!(of("x-doorward-revision"), "7");
            assert_eq!(of("x-doorward-reason"), "allow");
            assert_eq!(of("cache-control"), "no-store");
            assert!(response.into_body().collect().await.unwrap().to_bytes().is_empty());
        }
    }
}

#[tokio::test]
async fn deny_has_the_status_that_the_proxy_understands() {
    for (outcome, nginx, others) in [
        (Outcome::Deny(Code::NoPermit), 403, 403),
        (Outcome::Deny(Code::UnmappedRoute), 403, 403),
        (Outcome::Deny(Code::AmbiguousPath), 403, 403),
        (Outcome::Deny(Code::InvalidRequest), 403, 403),
        (Outcome::Deny(Code::ProxyMisconfigured), 403, 400),
        (Outcome::Deny(Code::NotReady), 403, 503),
        (Outcome::Deny(Code::Overloaded), 403, 503),
        (Outcome::Fault, 403, 500),
        (Outcome::Deny(Code::NoCredential), 401, 401),
        (Outcome::Deny(Code::InvalidCredential), 401, 401),
        (Outcome::Deny(Code::StaleToken), 401, 401),
    ] {
        let reason = outcome.reason().to_owned();
        assert_eq!(denied(AUTH_REQUEST_PATH, outcome).await, (nginx, reason.clone()));
        assert_eq!(denied(FORWARD_AUTH_PATH, outcome).await, (others, reason.clone()));
        assert_eq!(denied("/authz/ext-authz/api", outcome).await, (others, reason));
    }
}

#[tokio::test]
async fn our_headers_are_there_also_when_there_is_nothing_to_say() {
    let door = Door::default();
    let decide = door.decide(Verdict::deny(Code::NoCredential));
    let response = send(&decide, "GET", FORWARD_AUTH_PATH, &[]).await;
    for name in ["x-doorward-principal", "x-doorward-decision-id", "x-doorward-revision"] {
        assert_eq!(response.headers()[name], "");
    }
}

#[tokio::test]
async fn a_principal_that_no_header_can_carry_is_allowed_nothing() {
    let door = Door::default();
    let long = format!("User::\"{}\"", "x".repeat(4096));
    for (principal, status) in [("User::\"a\nb\"", 500), (&long, 500), ("User::\"jürgen\"", 200)] {
        let verdict = Verdict { principal: principal.to_owned(), ..allow() };
        let response = send(&door.decide(verdict), "GET", FORWARD_AUTH_PATH, &[]).await;
        assert_eq!(response.status().as_u16(), status, "{principal:?}");
    }
}

#[tokio::test]
async fn there_is_nothing_beside_the_endpoints() {
    let door = Door::default();
    for path in [
        "/authz",
        "/authz/",
        "/authz/ext-authz",
        "/authz/ext-authzx",
        "/authz/auth-request/",
        "/authz/AUTH-REQUEST",
        "/authz/auth-request/x",
        "/authz/%61uth-request",
        "/authz/forward-auth/..",
    ] {
        let response = send(&door.decide(allow()), "GET", path, &[("host", "a")]).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        assert!(door.asked.lock().unwrap().is_empty(), "{path}");
    }
}
