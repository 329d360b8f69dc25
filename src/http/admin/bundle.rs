//! `PUT /v1/bundle`: replaces the parts that it names, all at once or not at all, as one revision.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{ETAG, IF_MATCH};
use axum::http::{HeaderMap, Request};
use axum::response::Response;
use serde::Serialize;
use serde_json::value::RawValue;

use super::revision::etag;
use crate::http::outline::{self, Outline};
use crate::http::problem::{Kind, Problem, write_json};
use crate::http::{App, Doorway, body, json_answer};
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
}

/// What `If-Match` asks for.
#[derive(Debug, PartialEq, Eq)]
enum Condition {
    /// Nothing.
    None,
    /// Any revision, as long as there is one.
    Any,
    /// One of these revisions.
    OneOf(Vec<u64>),
}

pub(super) async fn put_bundle(
    State(doorway): State<Doorway>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let app = &*doorway.app;
    let (head, body) = request.into_parts();
    let dry_run = dry_run(head.uri.query())?;
    let condition = Condition::read(&head.headers)?;
    let expected = condition.hold(app)?;
    let body = body::read_json(&head.headers, body, app.limits.bundle(), &doorway.budget).await?;
    let (bytes, depth) = (body.bytes.clone(), app.limits.depth);
    // A large body takes seconds to read; other requests go on meanwhile.
    let parts = tokio::task::spawn_blocking(move || read_parts(&bytes, depth))
        .await
        .map_err(|_| Problem::new(Kind::Internal, "the service failed to read the body"))??;
    drop(body);
    let published = app.publisher.put_bundle(parts, expected, dry_run).await?;
    Ok(answer(&published))
}

/// Reads the query: `dry_run=true` judges the change and takes nothing of it.
fn dry_run(query: Option<&str>) -> Result<bool, Problem> {
    match query {
        None | Some("" | "dry_run=false") => Ok(false),
        Some("dry_run=true") => Ok(true),
        Some(_) => {
            let detail = "the only query here is `dry_run=true` or `dry_run=false`";
            Err(Problem::new(Kind::InvalidMember, detail))
        }
    }
}

fn answer(published: &Published) -> Response {
    let mut body = Vec::with_capacity(64);
    let (revision, changed) = (published.revision, published.changed.as_slice());
    write_json(&mut body, &PublishedWire { revision, changed });
    let mut response = json_answer(body);
    response.headers_mut().insert(ETAG, etag(revision));
    response
}

fn read_parts(bytes: &[u8], depth_max: usize) -> Result<Parts, Problem> {
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

fn read_policies(texts: &RawValue) -> Result<BTreeMap<String, String>, Problem> {
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

fn string(member: &str, text: &RawValue) -> Result<String, Problem> {
    serde_json::from_str(text.get()).map_err(|_| Problem::wrong_member(member, "a string"))
}

/// The text of an array as it was written, so that problems find their place in it.
fn array(member: &str, text: &RawValue) -> Result<String, Problem> {
    if text.get().starts_with('[') {
        Ok(text.get().to_owned())
    } else {
        Err(Problem::wrong_member(member, "an array"))
    }
}

// === impl Condition ===

impl Condition {
    fn read(headers: &HeaderMap) -> Result<Self, Problem> {
        let mut values = headers.get_all(IF_MATCH).iter();
        let (first, second) = (values.next(), values.next());
        let Some(value) = first else { return Ok(Self::None) };
        let text = value.to_str().ok().filter(|_| second.is_none());
        text.and_then(Self::parse).ok_or_else(|| {
            let detail = "`If-Match` must be a revision in quotes, such as `\"7\"`, or `*`";
            Problem::new(Kind::InvalidHeader, detail)
        })
    }

    fn parse(text: &str) -> Option<Self> {
        if text.trim() == "*" {
            return Some(Self::Any);
        }
        let mut revisions = Vec::new();
        for tag in text.split(',').map(str::trim) {
            // A weak tag names no revision for sure, so it is legal and matches none.
            let (weak, strong) = match tag.strip_prefix("W/") {
                Some(rest) => (true, rest),
                None => (false, tag),
            };
            let inner = strong.strip_prefix('"')?.strip_suffix('"')?;
            if inner.contains('"') {
                return None;
            }
            // Nor does a tag that this service never gave.
            if !weak && let Ok(revision) = inner.parse() {
                revisions.push(revision);
            }
        }
        Some(Self::OneOf(revisions))
    }

    /// The revision that must still be in force when the change is made, if any must.
    fn hold(&self, app: &App) -> Result<Option<u64>, Problem> {
        let current = app.pdp.current().map(|installed| installed.revision);
        match self {
            Self::None => Ok(None),
            _ if self.is_met(current) => Ok(Some(current.unwrap_or(0))),
            _ => Err(Problem::revision_mismatch(current.unwrap_or(0))),
        }
    }

    /// Before the first snapshot the revision is 0, as `GET /v1/revision` says.
    fn is_met(&self, current: Option<u64>) -> bool {
        match self {
            Self::None => true,
            Self::Any => current.is_some(),
            Self::OneOf(revisions) => revisions.contains(&current.unwrap_or(0)),
        }
    }
}

#[cfg(test)]
mod tests;
