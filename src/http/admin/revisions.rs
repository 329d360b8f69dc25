//! `GET /v1/revisions`: what was in force, newest first, by whom and what it changed;
//! `POST /v1/revisions/{n}/restore`: puts one of them in force again, as a new revision.

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::Request;
use axum::http::header::ETAG;
use axum::response::Response;
use jiff::Timestamp;
use serde::Serialize;

use super::access::Tried;
use super::bundle;
use super::query::{self, Segments, segments};
use super::revision::etag;
use super::terms::Said;
use crate::http::problem::{Kind, Problem, write_json};
use crate::http::{Doorway, body, json_answer};
use crate::pdp::publisher::Listed;

/// How many revisions a page has.
const PAGE_REVISIONS: usize = 100;

#[derive(Serialize)]
struct RevisionsWire<'a> {
    revisions: Vec<RevisionWire<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Serialize)]
struct RevisionWire<'a> {
    revision: u64,
    at: Timestamp,
    by: &'a str,
    changed: &'a [String],
}

pub(super) async fn revisions(
    State(doorway): State<Doorway>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let app = &*doorway.app;
    let [cursor] = query::read(query.as_deref(), ["cursor"])?;
    let newest = cursor.as_deref().map(str::parse).transpose();
    let newest = newest.map_err(|_| Problem::wrong_member("cursor", "the `next` of a page"))?;
    let page = app.publisher.revisions(newest, PAGE_REVISIONS).await?;
    let wire = RevisionsWire {
        revisions: page.revisions.iter().map(RevisionWire::from).collect(),
        next: page.next.map(|revision| revision.to_string()),
    };
    let mut body = Vec::with_capacity(4096);
    write_json(&mut body, &wire);
    let mut response = json_answer(body);
    let current = app.pdp.current().map_or(0, |installed| installed.revision);
    response.headers_mut().insert(ETAG, etag(current));
    Ok(response)
}

pub(super) async fn restore(
    State(doorway): State<Doorway>,
    path: Segments<String>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let app = &*doorway.app;
    let (head, body) = request.into_parts();
    let number = segments(path)?.parse().ok().filter(|number| *number > 0);
    let Some(revision) = number else {
        return Err(Problem::new(Kind::NotFound, "the path names no revision: 1, 2, 3 …"));
    };
    let said = Said::read(app, &head)?;
    let body = body::read(body, app.limits.check(), &doorway.budget).await?;
    if !body.bytes.is_empty() {
        return Err(Problem::new(Kind::InvalidJson, "a restore takes no body"));
    }
    let terms = said.terms();
    let trial = Tried::of(&terms);
    let published = app.publisher.restore(revision, terms).await?;
    Ok(bundle::answer(&published, trial.access(app).await))
}

impl<'a> From<&'a Listed> for RevisionWire<'a> {
    fn from(listed: &'a Listed) -> Self {
        let Listed { revision, at, by, changed } = listed;
        Self { revision: *revision, at: *at, by, changed }
    }
}
