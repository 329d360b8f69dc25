//! Searches and filters of the service's own: `POST /v1/search/resources`, `/principals` and
//! `/actions` in pages or as a stream of lines, and `POST /v1/filter` for a list that is there.
//!
//! A page is of one revision, and the cursor in it goes on in the same one, for as long as that is
//! kept. Nothing is cut off in silence: `complete` says whether something may be left.

mod asked;
mod cursor;
mod lines;
mod listed;
mod pages;
mod read;
mod routes;

pub(super) use asked::Asked;
pub(super) use cursor::Cursors;
pub(super) use pages::{Found, Wish, begin, page};
pub(super) use routes::ROUTES;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, Request};
use axum::response::Response;

use super::native::answer::write_number;
use super::native::object;
use super::problem::{Problem, write_json};
use super::{Doorway, body, json_answer};
use crate::pdp::metrics::SearchKind;

/// The media type of an answer that is a line for each uid.
const LINES: &str = "application/x-ndjson";

async fn resources(
    State(doorway): State<Doorway>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    search(&doorway, request, SearchKind::Resources).await
}

async fn principals(
    State(doorway): State<Doorway>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    search(&doorway, request, SearchKind::Principals).await
}

async fn actions(
    State(doorway): State<Doorway>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    search(&doorway, request, SearchKind::Actions).await
}

async fn search(
    doorway: &Doorway,
    request: Request<Body>,
    kind: SearchKind,
) -> Result<Response, Problem> {
    let app = &doorway.app;
    let (head, body) = request.into_parts();
    let body = body::read_json(&head.headers, body, app.limits.check(), &doorway.budget).await?;
    let members = object(&body.bytes, app.limits.depth)?;
    drop(body);
    let wants_lines = wants_lines(&head.headers);
    let limit_max = if wants_lines { u64::MAX } else { app.limits.search_page as u64 };
    let (asked, wish) = read::read(members, kind, limit_max)?;
    if wants_lines {
        return lines::answer(app, asked, &wish);
    }
    let begun = begin(app, asked, wish.cursor())?;
    let found = page(app, begun, &wish).await?;
    Ok(json_answer(written(&found, kind)))
}

/// The answer as JSON.
fn written(found: &Found, kind: SearchKind) -> Vec<u8> {
    let mut out = Vec::with_capacity(64 + 48 * found.uids.len());
    out.extend_from_slice(b"{\"");
    out.extend_from_slice(kind.as_str().as_bytes());
    out.extend_from_slice(b"\":[");
    for (number, uid) in found.uids.iter().enumerate() {
        if number > 0 {
            out.push(b',');
        }
        write_uid(&mut out, uid);
    }
    out.extend_from_slice(b"],\"complete\":");
    out.extend_from_slice(if found.cursor.is_none() { b"true" } else { b"false" });
    out.extend_from_slice(b",\"revision\":");
    write_number(&mut out, found.revision);
    if let Some(cursor) = &found.cursor {
        out.extend_from_slice(b",\"cursor\":");
        write_json(&mut out, cursor);
    }
    if let Some(count) = found.count {
        let name: &[u8] = if count.is_exact { b",\"count\":" } else { b",\"count_at_least\":" };
        out.extend_from_slice(name);
        write_number(&mut out, count.found);
    }
    out.push(b'}');
    out
}

/// A uid as every answer writes it.
fn write_uid(out: &mut Vec<u8>, uid: &cedar_policy::EntityUid) {
    out.extend_from_slice(b"{\"type\":");
    write_json(out, &uid.type_name().to_string());
    out.extend_from_slice(b",\"id\":");
    write_json(out, uid.id().unescaped());
    out.push(b'}');
}

/// Whether the client asks for lines. Preferences are not weighed: who names the type wants it,
/// unless with the weight of what is not wanted at all (RFC 9110, section 12.4.2).
fn wants_lines(headers: &HeaderMap) -> bool {
    headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).any(|value| {
        value.split(',').any(|range| {
            let mut parts = range.split(';').map(str::trim);
            let named = parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case(LINES));
            named && !parts.any(is_refusal)
        })
    })
}

/// A weight of nothing: `q=0`, `q=0.0` and so on.
fn is_refusal(parameter: &str) -> bool {
    let weight = parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q="));
    weight.and_then(|weight| weight.parse::<f32>().ok()).is_some_and(|weight| weight <= 0.0)
}
