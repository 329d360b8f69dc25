//! `PUT /v1/bundle`: replaces the parts that it names, all at once or not at all, as one revision.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::ETAG;
use axum::http::{HeaderMap, Request};
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::access::Tried;
use super::digest::Expected;
use super::revision::etag;
use super::terms::Said;
use crate::http::outline::{self, Outline};
use crate::http::problem::{Kind, Problem, write_json};
use crate::http::{Doorway, body, json_answer};
use crate::pdp::publisher::{Parts, Published};

/// The members of a bundle.
const KNOWN: [&str; 4] = ["schema", "policies", "entities", "links"];
/// The most policy texts of a bundle.
const POLICY_TEXTS_MAX: usize = 10_000;
/// The most bytes of a policy text's name.
const NAME_BYTES_MAX: usize = 255;

#[derive(Serialize)]
struct PublishedWire<'a> {
    revision: u64,
    changed: &'a [&'static str],
    #[serde(skip_serializing_if = "Option::is_none")]
    access: Option<Value>,
}

pub(super) async fn put_bundle(
    State(doorway): State<Doorway>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    put(&doorway, request, read_parts).await
}

/// Takes a write of whole parts, whose body `read` reads.
pub(super) async fn put(
    doorway: &Doorway,
    request: Request<Body>,
    read: fn(&[u8], usize) -> Result<Parts, Problem>,
) -> Result<Response, Problem> {
    let app = &*doorway.app;
    let (head, body) = request.into_parts();
    let said = Said::read(app, &head)?;
    let read = move |bytes: &[u8], depth| Ok((read(bytes, depth)?, said.with_body(bytes)));
    let (parts, terms) = read_body(doorway, &head.headers, body, read).await?;
    let trial = Tried::of(&terms);
    let published = app.publisher.put_bundle(parts, terms).await?;
    Ok(answer(&published, trial.access(app).await))
}

/// Reads a body of JSON that `read` reads.
pub(super) async fn read_body<T: Send + 'static>(
    doorway: &Doorway,
    headers: &HeaderMap,
    body: Body,
    read: impl FnOnce(&[u8], usize) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let limits = &doorway.app.limits;
    let digest = Expected::read(headers)?;
    let body = body::read_json(headers, body, limits.bundle(), &doorway.budget).await;
    let body = body.map_err(|problem| problem.or_hint(advice))?;
    let depth = limits.depth;
    // A large body takes seconds to read; other requests go on meanwhile.
    let reading = tokio::task::spawn_blocking(move || {
        digest.judge_bytes(&body.bytes)?;
        read(&body.bytes, depth)
    });
    let read = reading.await.map_err(|_| Problem::unread())?;
    read.map_err(|problem| problem.or_hint(advice))
}

/// What to do about a write that did not get as far as being judged.
pub(super) fn advice(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::BodyTooLarge => Some(
            "send entities to `PUT /v1/entities` as `application/x-ndjson`, which is not held, or \
             raise `limits.bundle_bytes` in `doorward.yaml`",
        ),
        Kind::BrokenBody | Kind::BodyTimeout => Some("nothing was changed; send it again, whole"),
        Kind::InvalidJson => Some("nothing was changed; send one JSON object in UTF-8"),
        Kind::UnsupportedMediaType => {
            Some("JSON is read everywhere, `application/x-ndjson` by `PUT /v1/entities` only")
        }
        _ => None,
    }
}

pub(super) fn answer(published: &Published, access: Option<Value>) -> Response {
    let mut body = Vec::with_capacity(64);
    let (revision, changed) = (published.revision, published.changed.as_slice());
    write_json(&mut body, &PublishedWire { revision, changed, access });
    let mut response = json_answer(body);
    response.headers_mut().insert(ETAG, etag(revision));
    response
}

pub(super) fn read_parts(bytes: &[u8], depth_max: usize) -> Result<Parts, Problem> {
    let mut outline = Outline::read(bytes, depth_max, &KNOWN)?;
    outline.refuse_unknown("a bundle")?;
    let parts = Parts {
        schema: outline.take("schema").map(|text| string("schema", text)).transpose()?,
        policies: outline.take("policies").map(read_policies).transpose()?,
        entities: outline.take("entities").map(|text| array("entities", text)).transpose()?,
        links: outline.take("links").map(|text| array("links", text)).transpose()?,
    };
    if parts.schema.is_none()
        && parts.policies.is_none()
        && parts.entities.is_none()
        && parts.links.is_none()
    {
        let detail = "the bundle names no part: `schema`, `policies`, `entities` or `links`";
        return Err(Problem::new(Kind::MissingMember, detail));
    }
    Ok(parts)
}

pub(super) fn read_policies(texts: &RawValue) -> Result<BTreeMap<String, String>, Problem> {
    let members = outline::members(texts, POLICY_TEXTS_MAX)
        .ok_or_else(|| Problem::wrong_member("policies", "an object of texts by name"))?
        .map_err(|count| Problem::too_many("`policies`", count, POLICY_TEXTS_MAX))?;
    let mut policies = BTreeMap::new();
    for (name, text) in members {
        if name.is_empty() || name.len() > NAME_BYTES_MAX || name.contains(char::is_control) {
            let detail = format!(
                "a name in `policies` must have 1 to {NAME_BYTES_MAX} bytes and no control character"
            );
            return Err(Problem::new(Kind::InvalidMember, detail));
        }
        let text = string("policies.NAME", text)?;
        policies.insert(name, text);
    }
    Ok(policies)
}

pub(super) fn string(member: &str, text: &RawValue) -> Result<String, Problem> {
    serde_json::from_str(text.get()).map_err(|_| Problem::wrong_member(member, "a string"))
}

/// The text of an array as it was written, so that problems find their place in it.
pub(super) fn array(member: &str, text: &RawValue) -> Result<String, Problem> {
    if text.get().starts_with('[') {
        Ok(text.get().to_owned())
    } else {
        Err(Problem::wrong_member(member, "an array"))
    }
}

#[cfg(test)]
mod tests;
