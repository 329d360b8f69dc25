//! `GET /v1/entities` and `/v1/links`, one or a page of them, as they are in force: what is read
//! here can be written again.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::header::ETAG;
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;

use super::query::{self, Cursor, PAGE_ITEMS, Segments, segments};
use super::revision::etag;
use crate::engine::store::{EntityNo, Store, TypeNo};
use crate::http::problem::{Kind, Problem, write_json};
use crate::http::{Doorway, json_answer};
use crate::pdp::Installed;

#[derive(Serialize)]
struct EntitiesWire {
    entities: Vec<Value>,
    revision: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Serialize)]
struct LinksWire {
    links: Vec<Value>,
    revision: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

pub(super) async fn entity(
    State(doorway): State<Doorway>,
    path: Segments<(String, String)>,
) -> Result<Response, Problem> {
    let (type_name, id) = segments(path)?;
    let installed = current(&doorway)?;
    let store = installed.snapshot.store();
    let number = store.type_no(&type_name).and_then(|ty| store.number(ty, &id));
    let entity = number.and_then(|number| store.entity_json(number));
    let absent = || Problem::new(Kind::NotFound, "there is no entity with this uid");
    Ok(answer(&entity.ok_or_else(absent)?, installed.revision))
}

pub(super) async fn link(
    State(doorway): State<Doorway>,
    path: Segments<String>,
) -> Result<Response, Problem> {
    let id = segments(path)?;
    let installed = current(&doorway)?;
    let store = installed.snapshot.store();
    let link = store.link_number(&id).and_then(|number| store.link_json(number));
    let absent = || Problem::new(Kind::NotFound, "there is no link with this id");
    Ok(answer(&link.ok_or_else(absent)?, installed.revision))
}

pub(super) async fn entities(
    State(doorway): State<Doorway>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let [type_name, cursor] = query::read(query.as_deref(), ["type", "cursor"])?;
    let cursor = cursor.as_deref().map(Cursor::read).transpose()?;
    let installed = current(&doorway)?;
    // The first list sorts what there is.
    let made = tokio::task::spawn_blocking(move || {
        entities_page(&installed, type_name.as_deref(), cursor.as_ref())
    });
    let page = made.await.map_err(|_| unlisted())??;
    Ok(answer(&page, page.revision))
}

pub(super) async fn links(
    State(doorway): State<Doorway>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let [cursor] = query::read(query.as_deref(), ["cursor"])?;
    let cursor = cursor.as_deref().map(Cursor::read).transpose()?;
    let installed = current(&doorway)?;
    let made = tokio::task::spawn_blocking(move || links_page(&installed, cursor.as_ref()));
    let page = made.await.map_err(|_| unlisted())?;
    Ok(answer(&page, page.revision))
}

fn entities_page(
    installed: &Installed,
    type_name: Option<&str>,
    cursor: Option<&Cursor>,
) -> Result<EntitiesWire, Problem> {
    let store = installed.snapshot.store();
    let types: Vec<TypeNo> = match type_name {
        None => store.types().collect(),
        Some(name) => {
            let ty = store.type_no(name).ok_or_else(|| {
                let detail = "the schema declares no entity type of this name";
                Problem::new(Kind::InvalidMember, detail)
            })?;
            vec![ty]
        }
    };
    let after = cursor.map(|cursor| (store.type_no(&cursor.type_name), cursor));
    // Types are numbered in the order of their names, so whole types come before the cursor's.
    let types = types.into_iter().filter(|ty| {
        after.is_none_or(|(_, cursor)| store.type_name(*ty) >= cursor.type_name.as_str())
    });
    let mut numbers = types.flat_map(|ty| -> Box<dyn Iterator<Item = EntityNo>> {
        match after {
            Some((Some(first), cursor)) if first == ty => {
                Box::new(store.entities_after(ty, &cursor.id))
            }
            _ => Box::new(store.entities_of(ty)),
        }
    });
    let page: Vec<EntityNo> = numbers.by_ref().take(PAGE_ITEMS).collect();
    let next = page.last().filter(|_| numbers.next().is_some()).map(|last| cursor_at(store, *last));
    let entities = page.into_iter().filter_map(|number| store.entity_json(number)).collect();
    Ok(EntitiesWire { entities, revision: installed.revision, next })
}

fn cursor_at(store: &Store, last: EntityNo) -> String {
    let type_name = store.type_name(store.type_of(last)).to_owned();
    Cursor { type_name, id: store.id_of(last).to_owned() }.write()
}

fn links_page(installed: &Installed, cursor: Option<&Cursor>) -> LinksWire {
    let store = installed.snapshot.store();
    let mut numbers: Box<dyn Iterator<Item = _>> = match cursor {
        Some(cursor) => Box::new(store.links_after(&cursor.id)),
        None => Box::new(store.links()),
    };
    let page: Vec<_> = numbers.by_ref().take(PAGE_ITEMS).collect();
    let last = page.last().filter(|_| numbers.next().is_some());
    let next = last
        .and_then(|last| store.link_of(*last))
        .map(|link| Cursor { type_name: String::new(), id: link.id.to_owned() }.write());
    let links = page.into_iter().filter_map(|number| store.link_json(number)).collect();
    LinksWire { links, revision: installed.revision, next }
}

fn current(doorway: &Doorway) -> Result<Arc<Installed>, Problem> {
    doorway.app.pdp.current().ok_or_else(Problem::not_ready)
}

fn unlisted() -> Problem {
    Problem::new(Kind::Internal, "the service failed to make the list")
}

fn answer(wire: &impl Serialize, revision: u64) -> Response {
    let mut body = Vec::with_capacity(512);
    write_json(&mut body, wire);
    let mut response = json_answer(body);
    response.headers_mut().insert(ETAG, etag(revision));
    response
}
