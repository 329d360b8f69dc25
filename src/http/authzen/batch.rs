//! `POST /access/v1/evaluations`: many questions with common defaults, in one of three ways, all
//! answered at one revision. A question that is broken is answered `decision: false` in its place.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use serde_json::Value;
use serde_json::value::RawValue;

use super::request::{Partial, Question};
use super::{Members, count, evaluate, read_body, write_refused};
use crate::engine::Code;
use crate::http::native::{EXPLAINED_MAX, ITEMS_PER_TURN};
use crate::http::outline::{self, Outline};
use crate::http::problem::{Kind, Problem};
use crate::http::{App, Doorway, Limits, json_answer};
use crate::pdp::{Door, Installed};

/// About how many bytes the answer to one item takes.
const ANSWER_BYTES: usize = 24;
/// By how much a batch may grow when every item takes the defaults, as a multiple of the bound on
/// its body.
const GROWTH_MAX: usize = 16;

/// How far a batch goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Semantic {
    ExecuteAll,
    DenyOnFirstDeny,
    PermitOnFirstPermit,
}

/// The members of a request that this endpoint knows.
const KNOWN: [&str; 6] = ["subject", "action", "resource", "context", "evaluations", "options"];

/// A request to the batch endpoint.
#[derive(Debug)]
struct Batch<'a> {
    semantic: Semantic,
    defaults: Partial,
    /// Empty: the defaults are the one question.
    items: Vec<&'a RawValue>,
}

pub(super) async fn evaluations(
    State(doorway): State<Doorway>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    evaluate_many(&doorway, request).await.inspect_err(|problem| count(&doorway.app, problem))
}

async fn evaluate_many(doorway: &Doorway, request: Request<Body>) -> Result<Response, Problem> {
    let app = &*doorway.app;
    let body = read_body(doorway, request, app.limits.batch()).await?;
    let batch = Batch::read(&body.bytes, &app.limits)?;
    if batch.items.is_empty() {
        let question = batch.defaults.complete()?;
        let installed = app.pdp.current().ok_or_else(Problem::not_ready)?;
        let mut out = Vec::with_capacity(64);
        evaluate(app, &installed, question, true, &mut out).await;
        return Ok(json_answer(out));
    }
    let installed = app.pdp.current().ok_or_else(Problem::not_ready)?;
    Ok(json_answer(batch.answer(app, &installed).await))
}

// === impl Batch ===

impl<'a> Batch<'a> {
    fn read(bytes: &'a [u8], limits: &Limits) -> Result<Self, Problem> {
        let mut outline = Outline::read(bytes, limits.depth, &KNOWN)?;
        let items = match outline.take("evaluations") {
            None => Vec::new(),
            Some(text) if text.get() == "null" => Vec::new(),
            Some(text) => outline::items(text, limits.batch_items)
                .ok_or_else(|| Problem::wrong_member("evaluations", "an array"))?
                .map_err(|count| Problem::too_many("`evaluations`", count, limits.batch_items))?,
        };
        let semantic = match outline.take("options") {
            None => Semantic::ExecuteAll,
            Some(text) => match small_value(text, limits)? {
                Value::Null => Semantic::ExecuteAll,
                Value::Object(mut options) => {
                    Semantic::read(options.remove("evaluations_semantic"))?
                }
                _ => return Err(Problem::wrong_member("options", "an object")),
            },
        };
        let mut members = Members::new();
        for name in ["subject", "action", "resource", "context"] {
            if let Some(text) = outline.take(name) {
                members.insert(name.to_owned(), small_value(text, limits)?);
            }
        }
        let defaults = Partial::read(members)?;
        refuse_growth(&defaults, items.len(), limits)?;
        Ok(Self { semantic, defaults, items })
    }

    async fn answer(self, app: &App, installed: &Arc<Installed>) -> Vec<u8> {
        let mut out = Vec::with_capacity(ANSWER_BYTES.saturating_mul(self.items.len()) + 32);
        out.extend_from_slice(b"{\"evaluations\":[");
        let mut explained = 0;
        for (number, item) in self.items.into_iter().enumerate() {
            if number > 0 {
                out.push(b',');
            }
            if number % ITEMS_PER_TURN == ITEMS_PER_TURN - 1 {
                tokio::task::yield_now().await;
            }
            let (explain, question) = read_item(app, item, &self.defaults);
            explained += usize::from(explain);
            let allowed = match question {
                Ok(question) => {
                    evaluate(app, installed, question, explained <= EXPLAINED_MAX, &mut out).await
                }
                Err(problem) => {
                    app.pdp.metrics().count_refused(Door::Authzen, Code::InvalidRequest);
                    let why = explain.then_some(problem.detail());
                    write_refused(&mut out, why, installed.revision);
                    false
                }
            };
            if self.semantic.ends_with(allowed) {
                break;
            }
        }
        out.extend_from_slice(b"]}");
        out
    }
}

/// The question of one item, and whether it asks for an explanation. A broken item is a deny.
fn read_item(app: &App, item: &RawValue, defaults: &Partial) -> (bool, Result<Question, Problem>) {
    let read = small_value(item, &app.limits).and_then(|value| match value {
        Value::Object(members) => Partial::read(members),
        _ => Err(Problem::wrong_member("evaluations", "an array of objects")),
    });
    match read {
        Ok(partial) => {
            let merged = partial.or(defaults);
            (merged.explains(), merged.complete())
        }
        Err(problem) => (defaults.explains(), Err(problem)),
    }
}

/// The value of one part of a batch, which is no larger than the body of one check may be.
fn small_value(text: &RawValue, limits: &Limits) -> Result<Value, Problem> {
    if text.get().len() > limits.check_bytes {
        return Err(Problem::item_too_large(limits.check_bytes));
    }
    outline::value(text)
}

/// Refuses defaults that come to too much when every item takes them.
fn refuse_growth(defaults: &Partial, items: usize, limits: &Limits) -> Result<(), Problem> {
    let most = limits.batch_bytes.saturating_mul(GROWTH_MAX);
    if defaults.weight().saturating_mul(items) <= most {
        return Ok(());
    }
    let detail = format!("the defaults, taken by every item, come to more than {most} bytes");
    Err(Problem::new(Kind::BodyTooLarge, detail))
}

// === impl Semantic ===

impl Semantic {
    fn read(value: Option<Value>) -> Result<Self, Problem> {
        // One that is null counts as left out, as everywhere.
        let value = value.filter(|value| !value.is_null());
        let Some(value) = value else { return Ok(Self::ExecuteAll) };
        match value.as_str() {
            Some("execute_all") => Ok(Self::ExecuteAll),
            Some("deny_on_first_deny") => Ok(Self::DenyOnFirstDeny),
            Some("permit_on_first_permit") => Ok(Self::PermitOnFirstPermit),
            _ => Err(Problem::wrong_member(
                "options.evaluations_semantic",
                "`execute_all`, `deny_on_first_deny` or `permit_on_first_permit`",
            )),
        }
    }

    /// Whether an item with this decision is the last one answered.
    fn ends_with(self, allowed: bool) -> bool {
        match self {
            Self::ExecuteAll => false,
            Self::DenyOnFirstDeny => !allowed,
            Self::PermitOnFirstPermit => allowed,
        }
    }
}
