//! `POST /access/v1/search/subject`, `/resource` and `/action`: the same searches as the service's
//! own, in the words of that specification. What does not map to the schema finds nothing, with
//! 200; pages are asked for by `page`, and an answer that is not whole has one in any case.

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use cedar_policy::EntityUid;
use serde_json::Value;

use super::request::{Entity, Partial, Sides};
use super::{Members, count, read_body};
use crate::engine::check::Undeclared;
use crate::engine::uid::UidText;
use crate::http::native::answer::write_number;
use crate::http::native::object;
use crate::http::problem::{Kind, Problem, write_json};
use crate::http::search::{Asked, Found, Wish, begin, page};
use crate::http::{App, Doorway, json_answer};
use crate::pdp::metrics::SearchKind;

/// What `page` asks for.
#[derive(Debug, Default)]
struct Paging {
    limit: Option<u64>,
    token: Option<String>,
}

/// How results are written.
enum Names {
    /// Entities of the type under which they were asked for.
    Entities(String),
    /// Actions.
    Actions,
}

pub(super) async fn subject(
    State(doorway): State<Doorway>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let searched = search(&doorway, request, SearchKind::Principals).await;
    searched.inspect_err(|problem| count(&doorway.app, problem))
}

pub(super) async fn resource(
    State(doorway): State<Doorway>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let searched = search(&doorway, request, SearchKind::Resources).await;
    searched.inspect_err(|problem| count(&doorway.app, problem))
}

pub(super) async fn action(
    State(doorway): State<Doorway>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let searched = search(&doorway, request, SearchKind::Actions).await;
    searched.inspect_err(|problem| count(&doorway.app, problem))
}

async fn search(
    doorway: &Doorway,
    request: Request<Body>,
    kind: SearchKind,
) -> Result<Response, Problem> {
    let app = &doorway.app;
    let body = read_body(doorway, request, app.limits.check()).await?;
    let mut members = object(&body.bytes, app.limits.depth)?;
    drop(body);
    let paging = Paging::read(members.shift_remove("page"))?;
    let (asked, names) = asked(app, members, kind)?;
    let wish = Wish {
        limit: paging.as_ref().and_then(|page| page.limit).or(Some(app.limits.search_page as u64)),
        cursor: paging.as_ref().and_then(|page| page.token.clone()),
        count: false,
    };
    let found = match begin(app, asked, wish.cursor.as_deref().map(|token| ("page.token", token))) {
        Ok(begun) => page(app, begun, &wish).await,
        Err(problem) => Err(problem),
    };
    match found {
        Ok(found) => Ok(written(app, &found, &names, paging.is_some())),
        // What the schema does not know is nowhere to be found.
        Err(problem) if problem.kind() == Kind::InvalidRequest => {
            let nothing = Found::nothing();
            Ok(written(app, &nothing, &names, paging.is_some()))
        }
        Err(problem) => Err(problem),
    }
}

/// The question in the terms of the schema, and how its results are written.
fn asked(app: &App, members: Members, kind: SearchKind) -> Result<(Asked, Names), Problem> {
    let sides = Partial::read(members)?.sides();
    let mut asked = Asked::new(kind, Undeclared::Drop);
    let Sides { subject, action, resource, context } = sides;
    asked.context = context;
    let uid = |entity: Entity| UidText {
        type_name: app.authzen.type_name(&entity.type_name).to_owned(),
        id: entity.id,
    };
    let subject = subject.ok_or_else(|| Problem::missing_member("subject"))?;
    let resource = resource.ok_or_else(|| Problem::missing_member("resource"))?;
    if kind != SearchKind::Actions {
        let action = action.ok_or_else(|| Problem::missing_member("action"))?.complete()?;
        let (type_name, id) = app.authzen.action(&action.name);
        asked.action = Some(UidText { type_name: type_name.to_owned(), id: id.to_owned() });
        if let Some(properties) = action.properties {
            asked.context.insert("action".to_owned(), Value::Object(properties));
        }
    }
    let mut sought = None;
    // The id and the properties of what is sought are nobody's yet, and ignored.
    if kind == SearchKind::Principals {
        sought = Some(subject.type_of("subject")?);
    } else {
        let mut subject = subject.complete("subject")?;
        asked.principal_properties = subject.properties.take();
        asked.principal = Some(uid(subject));
    }
    if kind == SearchKind::Resources {
        sought = Some(resource.type_of("resource")?);
    } else {
        let mut resource = resource.complete("resource")?;
        asked.resource_properties = resource.properties.take();
        asked.resource = Some(uid(resource));
    }
    asked.type_name = sought.as_deref().map(|name| app.authzen.type_name(name).to_owned());
    Ok((asked, sought.map_or(Names::Actions, Names::Entities)))
}

fn written(app: &App, found: &Found, names: &Names, paged: bool) -> Response {
    // An action that no name means cannot be asked for either.
    let can_be_named =
        |uid: &&EntityUid| matches!(names, Names::Entities(_)) || app.authzen.names(uid);
    let uids: Vec<&EntityUid> = found.uids.iter().filter(can_be_named).collect();
    let mut out = Vec::with_capacity(64 + 48 * uids.len());
    out.push(b'{');
    if paged || found.cursor.is_some() {
        out.extend_from_slice(b"\"page\":{\"next_token\":");
        write_json(&mut out, found.cursor.as_deref().unwrap_or_default());
        out.extend_from_slice(b",\"count\":");
        write_number(&mut out, uids.len() as u64);
        out.extend_from_slice(b"},");
    }
    out.extend_from_slice(b"\"results\":[");
    for (number, uid) in uids.into_iter().enumerate() {
        if number > 0 {
            out.push(b',');
        }
        write_result(app, uid, names, &mut out);
    }
    out.extend_from_slice(b"]}");
    json_answer(out)
}

fn write_result(app: &App, uid: &EntityUid, names: &Names, out: &mut Vec<u8>) {
    match names {
        Names::Entities(type_name) => {
            out.extend_from_slice(b"{\"type\":");
            write_json(out, type_name);
            out.extend_from_slice(b",\"id\":");
            write_json(out, uid.id().unescaped());
        }
        Names::Actions => {
            out.extend_from_slice(b"{\"name\":");
            write_json(out, app.authzen.name_of(uid));
        }
    }
    out.push(b'}');
}

// === impl Paging ===

impl Paging {
    /// Reads `page`, if it is there.
    fn read(member: Option<Value>) -> Result<Option<Self>, Problem> {
        let mut members = match member {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::Object(members)) => members,
            Some(_) => return Err(Problem::wrong_member("page", "an object")),
        };
        let limit = match members.shift_remove("limit") {
            None | Some(Value::Null) => None,
            Some(value) => Some(value.as_u64().ok_or_else(|| {
                Problem::wrong_member("page.limit", "an integer that is not negative")
            })?),
        };
        let token = match members.shift_remove("token") {
            None | Some(Value::Null) => None,
            // What the last page says; whoever sends it back begins again.
            Some(Value::String(token)) => Some(token).filter(|token| !token.is_empty()),
            Some(_) => return Err(Problem::wrong_member("page.token", "a string")),
        };
        Ok(Some(Self { limit, token }))
    }
}
