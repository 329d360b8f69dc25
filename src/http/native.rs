//! The service's own checks: `POST /v1/check` asks for one decision, `POST /v1/checks` for many at
//! one revision. A deny is 200 like an allow; what has no decision is a problem.

pub(super) mod answer;
mod explanation;
mod quick;
mod request;
mod routes;

pub(super) use routes::ROUTES;

pub(super) use request::{ACTION_TYPE, action_named, action_uid, uid};

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use serde_json::{Map, Value};

use super::outline::{self, Outline};
use super::problem::{Kind, Problem};
use super::{App, Doorway, body, json_answer};
use crate::engine::{CheckRequest, json};
use crate::pdp::{Door, Installed};
use request::Check;

/// How many items of a batch are decided before other requests get their turn.
pub(super) const ITEMS_PER_TURN: usize = 32;
/// How many items of a batch are explained; what comes behind is decided like any other and has no
/// explanation.
pub(super) const EXPLAINED_MAX: usize = 100;
/// About how many bytes the answer to one item takes.
const ANSWER_BYTES: usize = 192;

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
    if let Some(check) = quick::read(&body.bytes, app.limits.depth) {
        return answer_one(app, check).await;
    }
    let mut members = object(&body.bytes, app.limits.depth)?;
    let at_least = request::at_least(members.remove("at_least"))?;
    if is_ahead(app, at_least) {
        // What was read takes much more memory than its text; a wait holds the text only.
        drop(members);
        wait(app, at_least).await?;
        members = object(&body.bytes, app.limits.depth)?;
        members.remove("at_least");
    }
    answer_one(app, Check::read(members)?).await
}

async fn answer_one(app: &App, check: Check<'_>) -> Result<Response, Problem> {
    let installed = app.pdp.current().ok_or_else(Problem::not_ready)?;
    let mut out = Vec::with_capacity(ANSWER_BYTES);
    let request = check.resolve(&installed.snapshot)?;
    decide(app, &installed, request, &mut out).await?;
    Ok(json_answer(out))
}

async fn check_many(doorway: &Doorway, request: Request<Body>) -> Result<Response, Problem> {
    let app = &*doorway.app;
    let (head, body) = request.into_parts();
    let body = body::read_json(&head.headers, body, app.limits.batch(), &doorway.budget).await?;
    let mut outline = Outline::read(&body.bytes, app.limits.depth, &["checks", "at_least"])?;
    outline.refuse_unknown("a batch")?;
    let at_least = request::at_least(outline.take("at_least").map(outline::value).transpose()?)?;
    let checks = outline.take("checks").ok_or_else(|| Problem::missing_member("checks"))?;
    let items = outline::items(checks, app.limits.batch_items)
        .ok_or_else(|| Problem::wrong_member("checks", "an array"))?
        .map_err(|count| Problem::too_many("`checks`", count, app.limits.batch_items))?;
    wait(app, at_least).await?;
    let installed = app.pdp.current().ok_or_else(Problem::not_ready)?;
    let mut out = Vec::with_capacity(ANSWER_BYTES.saturating_mul(items.len()) + 64);
    out.extend_from_slice(b"{\"decisions\":[");
    let mut explained = 0;
    for (number, item) in items.into_iter().enumerate() {
        if number > 0 {
            out.push(b',');
        }
        if number % ITEMS_PER_TURN == ITEMS_PER_TURN - 1 {
            tokio::task::yield_now().await;
        }
        let request = request::item(item, app.limits.check_bytes)
            .and_then(|check| Ok(check.resolve(&installed.snapshot)?));
        let decided = match request {
            Ok(mut request) => {
                explained += usize::from(request.explain);
                request.explain &= explained <= EXPLAINED_MAX;
                decide(app, &installed, request, &mut out).await
            }
            Err(problem) => Err(problem),
        };
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
async fn decide(
    app: &App,
    installed: &Arc<Installed>,
    request: CheckRequest,
    out: &mut Vec<u8>,
) -> Result<(), Problem> {
    let decided = app.pdp.check_aside(Door::Native, installed, request).await;
    match &decided.outcome {
        Ok(response) => answer::write(out, response, &decided),
        // Counted already by the check itself.
        Err(invalid) => return Err(Problem::from(invalid.clone()).already_counted()),
    }
    Ok(())
}

/// Whether the revision asked for is not in force yet.
fn is_ahead(app: &App, at_least: Option<u64>) -> bool {
    let current = app.pdp.current().map_or(0, |installed| installed.revision);
    at_least.is_some_and(|wanted| wanted > current)
}

/// Waits, within its bound, until the revision asked for is in force.
async fn wait(app: &App, at_least: Option<u64>) -> Result<(), Problem> {
    let Some(wanted) = at_least.filter(|_| is_ahead(app, at_least)) else { return Ok(()) };
    let reached = app.pdp.wait_for_revision(wanted);
    match tokio::time::timeout(app.limits.at_least_timeout, reached).await {
        Ok(()) => Ok(()),
        Err(_) if app.pdp.current().is_none() => Err(Problem::not_ready()),
        Err(_) => {
            let detail = format!("revision {wanted} is not in force yet");
            Err(Problem::new(Kind::NotYet, detail))
        }
    }
}

/// The members of a small body that must be an object.
pub(super) fn object(bytes: &[u8], depth_max: usize) -> Result<Map<String, Value>, Problem> {
    outline::refuse_empty(bytes)?;
    match json::parse(bytes, depth_max)? {
        Value::Object(members) => Ok(members),
        _ => Err(outline::not_an_object()),
    }
}

/// Counts a check that ended without a decision.
fn count(app: &App, problem: &Problem) {
    if !problem.is_counted() {
        app.pdp.metrics().count_refused(Door::Native, problem.kind().counted_as());
    }
}
