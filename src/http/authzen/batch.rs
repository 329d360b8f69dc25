//! `POST /access/v1/evaluations`: many questions with common defaults, in one of three ways, all
//! answered at one revision. A question that is broken is answered `decision: false` in its place.

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use serde_json::Value;

use super::request::{Partial, wrong};
use super::{Members, count, evaluate, read_body, write_refused};
use crate::engine::Code;
use crate::http::native::{ITEMS_PER_TURN, object, refuse_too_many};
use crate::http::problem::{Kind, Problem};
use crate::http::{App, Doorway, json_answer};
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

/// A request to the batch endpoint.
#[derive(Debug)]
struct Batch {
    semantic: Semantic,
    defaults: Partial,
    /// Empty: the defaults are the one question.
    items: Vec<Value>,
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
    let batch = Batch::read(object(&body.bytes, app.limits.depth)?)?;
    if batch.items.is_empty() {
        let question = batch.defaults.complete()?;
        let installed = app.pdp.current().ok_or_else(Problem::not_ready)?;
        let mut out = Vec::with_capacity(64);
        evaluate(app, &installed, question, &mut out);
        return Ok(json_answer(out));
    }
    batch.refuse_too_large(app)?;
    let installed = app.pdp.current().ok_or_else(Problem::not_ready)?;
    Ok(json_answer(batch.answer(app, &installed).await))
}

// === impl Batch ===

impl Batch {
    fn read(mut members: Members) -> Result<Self, Problem> {
        let items = match members.remove("evaluations") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(items)) => items,
            Some(_) => return Err(wrong("evaluations", "an array")),
        };
        let semantic = match members.remove("options") {
            None | Some(Value::Null) => Semantic::ExecuteAll,
            Some(Value::Object(mut options)) => {
                Semantic::read(options.remove("evaluations_semantic"))?
            }
            Some(_) => return Err(wrong("options", "an object")),
        };
        Ok(Self { semantic, defaults: Partial::read(members)?, items })
    }

    fn refuse_too_large(&self, app: &App) -> Result<(), Problem> {
        refuse_too_many(self.items.len(), app.limits.batch_items)?;
        let bytes = self.defaults.weight().saturating_mul(self.items.len());
        let most = app.limits.batch_bytes.saturating_mul(GROWTH_MAX);
        if bytes <= most {
            return Ok(());
        }
        let detail = format!("the defaults, taken by every item, come to more than {most} bytes");
        Err(Problem::new(Kind::BodyTooLarge, detail))
    }

    async fn answer(self, app: &App, installed: &Installed) -> Vec<u8> {
        let mut out = Vec::with_capacity(ANSWER_BYTES.saturating_mul(self.items.len()) + 32);
        out.extend_from_slice(b"{\"evaluations\":[");
        for (number, item) in self.items.into_iter().enumerate() {
            if number > 0 {
                out.push(b',');
            }
            if number % ITEMS_PER_TURN == ITEMS_PER_TURN - 1 {
                tokio::task::yield_now().await;
            }
            let allowed = answer_item(app, installed, item, &self.defaults, &mut out);
            if self.semantic.ends_with(allowed) {
                break;
            }
        }
        out.extend_from_slice(b"]}");
        out
    }
}

/// Decides one item and writes its answer; true if it is allowed. A broken item is a deny.
fn answer_item(
    app: &App,
    installed: &Installed,
    item: Value,
    defaults: &Partial,
    out: &mut Vec<u8>,
) -> bool {
    let read = match item {
        Value::Object(members) => Partial::read(members),
        _ => Err(wrong("evaluations", "an array of objects")),
    };
    let (explain, question) = match read {
        Ok(partial) => {
            let merged = partial.or(defaults);
            (merged.explains(), merged.complete())
        }
        Err(problem) => (defaults.explains(), Err(problem)),
    };
    match question {
        Ok(question) => evaluate(app, installed, question, out),
        Err(problem) => {
            app.pdp.metrics().count_refused(Door::Authzen, Code::InvalidRequest);
            write_refused(out, explain.then_some(problem.detail()), installed.revision);
            false
        }
    }
}

// === impl Semantic ===

impl Semantic {
    fn read(value: Option<Value>) -> Result<Self, Problem> {
        let Some(value) = value else { return Ok(Self::ExecuteAll) };
        match value.as_str() {
            Some("execute_all") => Ok(Self::ExecuteAll),
            Some("deny_on_first_deny") => Ok(Self::DenyOnFirstDeny),
            Some("permit_on_first_permit") => Ok(Self::PermitOnFirstPermit),
            _ => Err(wrong(
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
