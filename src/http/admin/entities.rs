//! `PATCH /v1/entities`: takes links and entities out and puts others in, all at once or not at all,
//! as one revision. It costs what it touches, however many entities there are. `PUT` replaces them
//! all.

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::http::header::ETAG;
use axum::response::Response;
use cedar_policy::EntityUid;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::access::Tried;
use super::bundle::{self, array, string};
use super::revision::etag;
use super::stream;
use super::terms::Said;
use crate::engine::store::Change;
use crate::engine::{Snapshot, Text};
use crate::http::native::uid;
use crate::http::outline::{self, Outline};
use crate::http::problem::{Problem, write_json};
use crate::http::{Doorway, json_answer};
use crate::pdp::publisher::{Parts, Patched};

/// The members of a change.
const KNOWN: [&str; 4] = ["unlink", "remove", "upsert", "link"];
/// The most links or entities that one change takes out.
const REMOVED_MAX: usize = 1_000_000;

#[derive(Serialize)]
struct PatchedWire<'a> {
    revision: u64,
    changed: &'a [&'static str],
    /// The links that named an entity that was removed, and went with it.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    links_removed: &'a [String],
    /// How many entities had one that was removed among their parents, and have it no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    parents_dropped: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access: Option<Value>,
}

pub(super) async fn patch_entities(
    State(doorway): State<Doorway>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let app = &*doorway.app;
    let (head, body) = request.into_parts();
    let said = Said::read(app, &head)?;
    let pdp = app.pdp.clone();
    let read = move |bytes: &[u8], depth| {
        let current = pdp.current().ok_or_else(Problem::not_ready)?;
        Ok((read_change(bytes, depth, &current.snapshot)?, said.with_body(bytes)))
    };
    let (change, terms) = bundle::read_body(&doorway, &head.headers, body, read).await?;
    let trial = Tried::of(&terms);
    let patched = app.publisher.patch(change, terms).await?;
    Ok(answer(&patched, trial.access(app).await))
}

pub(super) async fn put_entities(
    State(doorway): State<Doorway>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    if !stream::is_declared(request.headers()) {
        return bundle::put(&doorway, request, read_snapshot).await;
    }
    let (head, body) = request.into_parts();
    stream::put(&doorway, &head, body).await
}

/// All entities, and all links unless they are absent: then those in force are kept.
fn read_snapshot(bytes: &[u8], depth_max: usize) -> Result<Parts, Problem> {
    let mut outline = Outline::read(bytes, depth_max, &["entities", "links"])?;
    outline.refuse_unknown("a snapshot of entities")?;
    let mut part = |member| outline.take(member).map(|text| array(member, text)).transpose();
    let (entities, links) = (part("entities")?, part("links")?);
    let entities = entities.ok_or_else(|| Problem::missing_member("entities"))?;
    Ok(Parts { entities: Some(entities), links, ..Parts::default() })
}

pub(super) fn answer(patched: &Patched, access: Option<Value>) -> Response {
    let mut body = Vec::with_capacity(64);
    let revision = patched.published.revision;
    let dropped = patched.parents_dropped;
    let wire = PatchedWire {
        revision,
        changed: &patched.published.changed,
        links_removed: &patched.links_removed,
        parents_dropped: (dropped > 0).then_some(dropped),
        access,
    };
    write_json(&mut body, &wire);
    let mut response = json_answer(body);
    response.headers_mut().insert(ETAG, etag(revision));
    response
}

fn read_change(bytes: &[u8], depth_max: usize, snapshot: &Snapshot) -> Result<Change, Problem> {
    let mut outline = Outline::read(bytes, depth_max, &KNOWN)?;
    outline.refuse_unknown("a change of entities")?;
    let mut texts = |member: &'static str| {
        let text = outline.take(member).map(|text| array(member, text)).transpose()?;
        Ok::<_, Problem>(text.map(|text| Text::new(member, text)))
    };
    let (upsert, link) = (texts("upsert")?, texts("link")?);
    let mut items = |member: &'static str| {
        let Some(text) = outline.take(member) else { return Ok(Vec::new()) };
        outline::items(text, REMOVED_MAX)
            .ok_or_else(|| Problem::wrong_member(member, "an array"))?
            .map_err(|count| Problem::too_many(&format!("`{member}`"), count, REMOVED_MAX))
    };
    let (unlink, remove) = (items("unlink")?, items("remove")?);
    let link_id = |text: &RawValue| string("unlink", text);
    let entity = |text: &RawValue| read_uid(text, snapshot);
    Ok(Change {
        unlink: unlink.into_iter().map(link_id).collect::<Result<_, _>>()?,
        remove: remove.into_iter().map(entity).collect::<Result<_, _>>()?,
        upsert,
        link,
    })
}

/// A uid whose type the schema declares: a misspelt one would silently remove nothing.
fn read_uid(text: &RawValue, snapshot: &Snapshot) -> Result<EntityUid, Problem> {
    let read = uid("remove", outline::value(text)?)?;
    Ok(snapshot.uid(&read.type_name, &read.id)?)
}
