//! `PUT` and `DELETE /v1/links/{id}`: one link, put in the place of what had its id, or taken out.

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::http::request::Parts as Head;
use axum::response::Response;
use serde_json::Value;

use super::access::Tried;
use super::digest::Expected;
use super::entities::answer;
use super::query::{Segments, segments};
use super::terms::Said;
use crate::engine::store::Change;
use crate::engine::{Text, json};
use crate::http::problem::{Kind, Problem};
use crate::http::{Doorway, body, outline};

/// The member of a link that says its id.
const ID: &str = "link_id";

pub(super) async fn put_link(
    State(doorway): State<Doorway>,
    path: Segments<String>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let limits = &doorway.app.limits;
    let id = segments(path)?;
    let (head, body) = request.into_parts();
    let digest = Expected::read(&head.headers)?;
    let body = body::read_json(&head.headers, body, limits.check(), &doorway.budget).await?;
    digest.judge_bytes(&body.bytes)?;
    let link = read_link(&body.bytes, limits.depth, &id)?;
    let change = Change { unlink: vec![id], link: Some(link), ..Change::default() };
    patch(&doorway, &head, &body.bytes, change).await
}

pub(super) async fn delete_link(
    State(doorway): State<Doorway>,
    path: Segments<String>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let id = segments(path)?;
    let (head, _) = request.into_parts();
    patch(&doorway, &head, &[], Change { unlink: vec![id], ..Change::default() }).await
}

async fn patch(
    doorway: &Doorway,
    head: &Head,
    body: &[u8],
    change: Change,
) -> Result<Response, Problem> {
    let app = &*doorway.app;
    let terms = Said::read(app, head)?.with_body(body);
    let trial = Tried::of(&terms);
    let patched = app.publisher.patch(change, terms).await?;
    Ok(answer(&patched, trial.access(app).await))
}

/// The link as an array of one, under the id of its path.
fn read_link(bytes: &[u8], depth_max: usize, id: &str) -> Result<Text, Problem> {
    outline::refuse_empty(bytes)?;
    let Value::Object(mut link) = json::parse(bytes, depth_max)? else {
        return Err(outline::not_an_object());
    };
    let said = link.entry(ID).or_insert_with(|| Value::from(id));
    if said != id {
        let detail = format!("`{ID}` must be the id in the path, or be left out");
        return Err(Problem::new(Kind::InvalidMember, detail));
    }
    Ok(Text::new("link", Value::Array(vec![Value::Object(link)]).to_string()))
}
