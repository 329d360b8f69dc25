//! `POST /v1/filter`: which of these resources the principal may do the action to, in the order
//! asked, at one revision. What is wrong with an item is told with its place, and nothing is decided
//! then: an answer that left it out in silence would read as a deny.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use cedar_policy::EntityUid;
use serde_json::Value;
use serde_json::value::RawValue;

use super::write_uid;
use crate::engine::check::Undeclared;
use crate::engine::search::{Listed, Terms};
use crate::engine::uid::UidText;
use crate::engine::{Decision, InvalidRequest, Snapshot};
use crate::http::native::answer::write_number;
use crate::http::native::{action_uid, uid};
use crate::http::outline::{self, Outline};
use crate::http::problem::Problem;
use crate::http::{App, Doorway, Limits, body, json_answer, now_ms};
use crate::pdp::{Door, Installed};

/// How many resources are decided before other work gets its turn.
const ITEMS_PER_TURN: usize = 256;

/// A filter, read but not yet held against a snapshot.
struct Filter {
    principal: UidText,
    action: UidText,
    context: serde_json::Map<String, Value>,
    resources: Vec<UidText>,
}

pub(super) async fn filter(
    State(doorway): State<Doorway>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let app = &*doorway.app;
    let (head, body) = request.into_parts();
    let body = body::read_json(&head.headers, body, app.limits.batch(), &doorway.budget).await?;
    let filter = Filter::read(&body.bytes, &app.limits)?;
    let installed = app.pdp.current().ok_or_else(Problem::not_ready)?;
    let (listed, resources) = filter.resolve(&installed.snapshot, app)?;
    let allowed = decide(app, &installed, listed, &resources).await?;
    let mut out = Vec::with_capacity(48 * allowed.len() + 32);
    out.extend_from_slice(b"{\"allowed\":[");
    for (number, uid) in allowed.into_iter().enumerate() {
        if number > 0 {
            out.push(b',');
        }
        write_uid(&mut out, uid);
    }
    out.extend_from_slice(b"],\"revision\":");
    write_number(&mut out, installed.revision);
    out.push(b'}');
    Ok(json_answer(out))
}

async fn decide<'a>(
    app: &App,
    installed: &Arc<Installed>,
    listed: Listed,
    resources: &'a [EntityUid],
) -> Result<Vec<&'a EntityUid>, Problem> {
    let listed = Arc::new(listed);
    let mut allowed = Vec::new();
    for (turn, part) in resources.chunks(ITEMS_PER_TURN).enumerate() {
        let outcomes = app.pdp.check_each(Door::Native, installed, &listed, part.to_vec()).await?;
        for (at, (uid, outcome)) in part.iter().zip(outcomes).enumerate() {
            match outcome {
                Ok(answer) if answer.decision == Decision::Allow => allowed.push(uid),
                Ok(_) => {}
                Err(invalid) => return Err(wrong_item(turn * ITEMS_PER_TURN + at, invalid)),
            }
        }
    }
    Ok(allowed)
}

// === impl Filter ===

impl Filter {
    fn read(bytes: &[u8], limits: &Limits) -> Result<Self, Problem> {
        const KNOWN: &[&str] = &["principal", "action", "resources", "context"];
        let mut outline = Outline::read(bytes, limits.depth, KNOWN)?;
        outline.refuse_unknown("a filter")?;
        let mut small = |name: &'static str| {
            let Some(text) = outline.take(name) else { return Ok(None) };
            if text.get().len() > limits.check_bytes {
                return Err(Problem::item_too_large(limits.check_bytes));
            }
            outline::value(text).map(Some)
        };
        let principal = small("principal")?.ok_or_else(|| Problem::missing_member("principal"))?;
        let action = small("action")?.ok_or_else(|| Problem::missing_member("action"))?;
        let context = match small("context")? {
            None => serde_json::Map::new(),
            Some(Value::Object(members)) => members,
            Some(_) => return Err(Problem::wrong_member("context", "an object")),
        };
        let items =
            outline.take("resources").ok_or_else(|| Problem::missing_member("resources"))?;
        let items = outline::items(items, limits.batch_items)
            .ok_or_else(|| Problem::wrong_member("resources", "an array"))?
            .map_err(|count| Problem::too_many("`resources`", count, limits.batch_items))?;
        let resource = |(at, item): (usize, &RawValue)| {
            let read = outline::value(item).and_then(|value| uid("resources", value));
            read.map_err(|problem| problem.of_item("resources", at))
        };
        Ok(Self {
            principal: uid("principal", principal)?,
            action: action_uid(action)?,
            context,
            resources: items.into_iter().enumerate().map(resource).collect::<Result<_, _>>()?,
        })
    }

    fn resolve(self, snapshot: &Snapshot, app: &App) -> Result<(Listed, Vec<EntityUid>), Problem> {
        let listed = Listed {
            principal: snapshot.uid(&self.principal.type_name, &self.principal.id)?,
            action: snapshot.action(&self.action.type_name, &self.action.id)?,
            terms: Terms {
                context: self.context,
                undeclared: Undeclared::Refuse,
                options: app.pdp.options(),
                ..Terms::at(now_ms())
            },
        };
        let resolve = |(at, uid): (usize, UidText)| {
            let resolved = snapshot.uid(&uid.type_name, &uid.id);
            resolved.map_err(|invalid| wrong_item(at, invalid))
        };
        let resources = self.resources.into_iter().enumerate().map(resolve);
        Ok((listed, resources.collect::<Result<_, _>>()?))
    }
}

fn wrong_item(at: usize, invalid: InvalidRequest) -> Problem {
    Problem::from(invalid).of_item("resources", at)
}
