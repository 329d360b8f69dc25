//! `OpenID` `AuthZEN` Authorization API 1.0: `POST /access/v1/evaluation` for one decision,
//! `POST /access/v1/evaluations` for many, `POST /access/v1/search/…` for who, what and
//! which actions, and the metadata that names them all.
//!
//! What does not map to the schema is `decision: false` with 200; what is not a request of that
//! specification is 400. `AuthZEN`'s names become uids by [`Mapping`], never Cedar text.

mod batch;
mod mapping;
mod request;
mod routes;
mod search;

pub(super) use routes::ROUTES;

pub use mapping::{Mapping, MappingError, Options};

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Method, Request};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use serde_json::{Map, Value};

use super::body::{self, Bounds, Buffered};
use super::native::{answer, object};
use super::problem::{Kind, Problem, write_json};
use super::{App, Doorway, json_answer};
use crate::engine::check::Undeclared;
use crate::engine::{CheckRequest, Code, Decision, InvalidRequest, Snapshot};
use crate::http::now_ms;
use crate::pdp::{Door, Installed};
use request::{Partial, Question};

/// Under which all paths of the API begin.
pub(super) const PREFIX: &str = "/access/";
pub(crate) const EVALUATION_PATH: &str = "/access/v1/evaluation";
pub(crate) const EVALUATIONS_PATH: &str = "/access/v1/evaluations";
const SUBJECT_SEARCH_PATH: &str = "/access/v1/search/subject";
const RESOURCE_SEARCH_PATH: &str = "/access/v1/search/resource";
const ACTION_SEARCH_PATH: &str = "/access/v1/search/action";
const METADATA_PATH: &str = "/.well-known/authzen-configuration";

async fn metadata(State(doorway): State<Doorway>) -> Response {
    json_answer(doorway.app.authzen.metadata().to_vec())
}

/// The metadata where the specification has clients look for it if the public URL has a path: the
/// well-known path stands between host and path. Which path that is, the operator decides, so it is
/// in no table.
pub(super) fn metadata_of_path() -> Router<Doorway> {
    let of_path = |State(doorway): State<Doorway>, request: Request<Body>| async move {
        let path = request.uri().path().strip_prefix(METADATA_PATH);
        if path != Some(doorway.app.authzen.public_path()) {
            return Problem::nothing_here().into_response();
        }
        match *request.method() {
            Method::GET | Method::HEAD => metadata(State(doorway)).await,
            _ => Problem::method_not_allowed("GET, HEAD".to_owned()).into_response(),
        }
    };
    Router::new().route(&format!("{METADATA_PATH}/{{*path}}"), any(of_path))
}

async fn evaluation(
    State(doorway): State<Doorway>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    evaluate_one(&doorway, request).await.inspect_err(|problem| count(&doorway.app, problem))
}

async fn evaluate_one(doorway: &Doorway, request: Request<Body>) -> Result<Response, Problem> {
    let app = &*doorway.app;
    let body = read_body(doorway, request, app.limits.check()).await?;
    let question = Partial::read(object(&body.bytes, app.limits.depth)?)?.complete()?;
    let installed = app.pdp.current().ok_or_else(Problem::not_ready)?;
    let mut out = Vec::with_capacity(64);
    evaluate(app, &installed, question, true, &mut out).await;
    Ok(json_answer(out))
}

/// Reads a body. One that is not declared as JSON is 400 here, as the specification says.
async fn read_body(
    doorway: &Doorway,
    request: Request<Body>,
    bounds: Bounds,
) -> Result<Buffered, Problem> {
    let (head, body) = request.into_parts();
    if !body::is_json(&head.headers) {
        let detail = "the body must be declared as `Content-Type: application/json`";
        return Err(Problem::new(Kind::NotDeclaredJson, detail));
    }
    body::refuse_encoding(&head.headers)?;
    body::read(body, bounds, &doorway.budget).await
}

/// Decides one question and writes its answer; true if it is allowed.
async fn evaluate(
    app: &App,
    installed: &Arc<Installed>,
    question: Question,
    may_explain: bool,
    out: &mut Vec<u8>,
) -> bool {
    let explain = question.explain;
    let mut request = match resolve(&app.authzen, &installed.snapshot, question) {
        Ok(request) => request,
        Err(invalid) => {
            app.pdp.metrics().count_refused(Door::Authzen, Code::InvalidRequest);
            write_refused(out, explain.then_some(invalid.message.as_str()), installed.revision);
            return false;
        }
    };
    request.explain &= may_explain;
    let decided = app.pdp.check_aside(Door::Authzen, installed, request).await;
    match &decided.outcome {
        Ok(response) => {
            let allowed = response.decision == Decision::Allow;
            out.extend_from_slice(if allowed { b"{\"decision\":true" } else { DENIED });
            if explain {
                out.extend_from_slice(b",\"context\":{");
                answer::write_members(out, response, &decided);
                out.push(b'}');
            }
            out.push(b'}');
            allowed
        }
        Err(invalid) => {
            write_refused(out, explain.then_some(invalid.message.as_str()), installed.revision);
            false
        }
    }
}

const DENIED: &[u8] = b"{\"decision\":false";

/// Writes the answer to a question that has no decision, which is a deny; `why` only if asked.
fn write_refused(out: &mut Vec<u8>, why: Option<&str>, revision: u64) {
    out.extend_from_slice(DENIED);
    if let Some(message) = why {
        out.extend_from_slice(b",\"context\":{\"code\":\"");
        out.extend_from_slice(Code::InvalidRequest.as_str().as_bytes());
        out.extend_from_slice(b"\",\"message\":");
        write_json(out, message);
        out.extend_from_slice(b",\"revision\":");
        answer::write_number(out, revision);
        out.push(b'}');
    }
    out.push(b'}');
}

/// The question in the terms of a snapshot.
fn resolve(
    mapping: &Mapping,
    snapshot: &Snapshot,
    question: Question,
) -> Result<CheckRequest, InvalidRequest> {
    let (subject, action, resource) = (question.subject, question.action, question.resource);
    let action_uid = mapping.action(&action.name);
    let mut context = question.context;
    if let Some(properties) = action.properties {
        context.insert("action".to_owned(), Value::Object(properties));
    }
    Ok(CheckRequest {
        principal: snapshot.uid(mapping.type_name(&subject.type_name), &subject.id)?,
        action: snapshot.action(action_uid.0, action_uid.1)?,
        resource: snapshot.uid(mapping.type_name(&resource.type_name), &resource.id)?,
        context,
        undeclared: Undeclared::Drop,
        principal_properties: subject.properties,
        resource_properties: resource.properties,
        now_ms: now_ms(),
        explain: question.explain,
    })
}

/// Counts a request that ended without a decision.
fn count(app: &App, problem: &Problem) {
    app.pdp.metrics().count_refused(Door::Authzen, problem.kind().counted_as());
}

/// The members of a request, or of one item of it.
type Members = Map<String, Value>;
