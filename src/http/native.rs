//! The service's own checks: `POST /v1/check` asks for one decision, `POST /v1/checks` for many at
//! one revision. A deny is 200 like an allow; what has no decision is a problem.

pub(super) mod answer;
mod request;

pub(super) use request::{ACTION_TYPE, action_named};

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use axum::routing::post;
use serde_json::{Map, Value};

use super::problem::{Kind, Problem};
use super::{App, Doorway, body, json_answer};
use crate::engine::json;
use crate::pdp::{Door, Installed};
use request::Check;

/// How many items of a batch are decided before other requests get their turn.
pub(super) const ITEMS_PER_TURN: usize = 32;
/// About how many bytes the answer to one item takes.
const ANSWER_BYTES: usize = 192;

pub(super) fn routes() -> Router<Doorway> {
    let wrong_method = || async { Problem::method_not_allowed("POST") };
    Router::new()
        .route("/v1/check", post(check).fallback(wrong_method))
        .route("/v1/checks", post(checks).fallback(wrong_method))
}

async fn check(
    State(doorway): State<Doorway>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    check_one(&doorway, request).await.inspect_err(|problem| count(&doorway.app, problem))
}

async fn checks(
    State(doorway): State<Doorway>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    check_many(&doorway, request).await.inspect_err(|problem| count(&doorway.app, problem))
}

async fn check_one(doorway: &Doorway, request: Request<Body>) -> Result<Response, Problem> {
    let app = &*doorway.app;
    let (head, body) = request.into_parts();
    let body = body::read_json(&head.headers, body, app.limits.check(), &doorway.budget).await?;
    let mut members = object(&body.bytes, app.limits.depth)?;
    let at_least = request::at_least(&mut members)?;
    let check = Check::read(members)?;
    let installed = installed(app, at_least).await?;
    let mut out = Vec::with_capacity(ANSWER_BYTES);
    decide(app, &installed, check, &mut out)?;
    Ok(json_answer(out))
}

async fn check_many(doorway: &Doorway, request: Request<Body>) -> Result<Response, Problem> {
    let app = &*doorway.app;
    let (head, body) = request.into_parts();
    let body = body::read_json(&head.headers, body, app.limits.batch(), &doorway.budget).await?;
    let mut members = object(&body.bytes, app.limits.depth)?;
    let at_least = request::at_least(&mut members)?;
    let items = request::batch(members)?;
    refuse_too_many(items.len(), app.limits.batch_items)?;
    let installed = installed(app, at_least).await?;
    let mut out = Vec::with_capacity(ANSWER_BYTES.saturating_mul(items.len()) + 64);
    out.extend_from_slice(b"{\"decisions\":[");
    for (number, item) in items.into_iter().enumerate() {
        if number > 0 {
            out.push(b',');
        }
        if number % ITEMS_PER_TURN == ITEMS_PER_TURN - 1 {
            tokio::task::yield_now().await;
        }
        let decided = request::item(item).and_then(|it| decide(app, &installed, it, &mut out));
        if let Err(problem) = decided {
            count(app, &problem);
            out.extend_from_slice(b"{\"error\":");
            problem.write_item(&mut out);
            out.push(b'}');
        }
    }
    out.extend_from_slice(b"],\"revision\":");
    answer::write_number(&mut out, installed.revision);
    out.push(b'}');
    Ok(json_answer(out))
}

/// Decides one check and writes its answer. On an error nothing is written.
fn decide(
    app: &App,
    installed: &Installed,
    check: Check,
    out: &mut Vec<u8>,
) -> Result<(), Problem> {
    let request = check.resolve(&installed.snapshot)?;
    let decided = app.pdp.check(Door::Native, installed, &request);
    match &decided.outcome {
        Ok(response) => answer::write(out, response, &decided),
        // Counted already by the check itself.
        Err(invalid) => return Err(Problem::from(invalid.clone()).already_counted()),
    }
    Ok(())
}

/// The snapshot in force, once it has the revision asked for.
async fn installed(app: &App, at_least: Option<u64>) -> Result<Arc<Installed>, Problem> {
    if let Some(wanted) = at_least
        && app.pdp.current().is_none_or(|installed| installed.revision < wanted)
    {
        let waited = app.pdp.wait_for_revision(wanted);
        if tokio::time::timeout(app.limits.at_least_timeout, waited).await.is_err()
            && app.pdp.current().is_some()
        {
            let detail = format!("revision {wanted} is not in force yet");
            return Err(Problem::new(Kind::NotYet, detail));
        }
    }
    app.pdp.current().ok_or_else(Problem::not_ready)
}

/// The members of a body that must be an object.
pub(super) fn object(bytes: &[u8], depth_max: usize) -> Result<Map<String, Value>, Problem> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(Problem::new(Kind::InvalidJson, "the body is empty; it must be a JSON object"));
    }
    match json::parse(bytes, depth_max)? {
        Value::Object(members) => Ok(members),
        _ => Err(Problem::new(Kind::InvalidMember, "the body must be a JSON object")),
    }
}

pub(super) fn refuse_too_many(items: usize, most: usize) -> Result<(), Problem> {
    if items <= most {
        return Ok(());
    }
    let detail = format!("the batch has {items} items; at most {most} are taken");
    Err(Problem::new(Kind::TooManyItems, detail))
}

/// Counts a check that ended without a decision.
fn count(app: &App, problem: &Problem) {
    if !problem.is_counted() {
        app.pdp.metrics().count_refused(Door::Native, problem.kind().counted_as());
    }
}
