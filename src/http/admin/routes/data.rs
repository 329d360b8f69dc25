//! The routes of entities and links.

use axum::routing::{delete, get, patch, put};

use super::{DIGEST, DRY_RUN, IDEMPOTENCY_KEY, IF_MATCH};
use crate::http::admin::{entities, links, lists};
use crate::http::routes::{About, Access, Content, Parameter, Route, Verb};

const CURSOR: Parameter = Parameter {
    name: "cursor",
    place: "query",
    kind: "string",
    text: "The `next` of the page before.",
    example: "",
};
const TYPE: Parameter = Parameter {
    name: "type",
    place: "query",
    kind: "string",
    text: "Only entities of this type.",
    example: "Device",
};
const TYPE_SEGMENT: Parameter = Parameter {
    name: "type",
    place: "path",
    kind: "string",
    text: "The entity's type.",
    example: "Device",
};
const ID_SEGMENT: Parameter = Parameter {
    name: "id",
    place: "path",
    kind: "string",
    text: "The id, percent-encoded as one segment.",
    example: "SD-001",
};
const LINK_SEGMENT: Parameter = Parameter { example: "share-buildings-b", ..ID_SEGMENT };

const LINK: &str = r#"{"link_id":"share-buildings-b","template_id":"group-share-read","args":{"?principal":"UserGroup::\"B/All\"","?resource":"EntityGroup::\"Buildings\""}}"#;
const LINKS: &str = r#"{"links":[{"link_id":"share-buildings-b","template_id":"group-share-read","args":{"?principal":"UserGroup::\"B/All\"","?resource":"EntityGroup::\"Buildings\""}}],"revision":1}"#;
const ENTITY: &str = r#"{"uid":{"type":"Device","id":"SD-001"},"attrs":{"owner":{"__entity":{"type":"Owner","id":"Customer A"}},"tenant":{"__entity":{"type":"Owner","id":"Tenant 1"}}},"parents":[{"type":"EntityGroup","id":"A/All devices"}]}"#;
const ENTITIES: &str =
    r#"{"entities":[{"uid":{"type":"Role","id":"reader"},"attrs":{},"parents":[]}],"revision":1}"#;

pub(super) const ROUTES: &[Route] = &[
    Route {
        verb: Verb::Get,
        path: "/v1/entities",
        access: Access::Read,
        handler: || get(lists::entities),
        about: About {
            parameters: &[TYPE, CURSOR],
            answer: &[Content::json("EntitiesPage", ENTITIES)],
            ..About::new("list_entities", "Entities, a page at a time")
        },
    },
    Route {
        verb: Verb::Put,
        path: "/v1/entities",
        access: Access::Write,
        handler: || put(entities::put_entities),
        about: About {
            text: "A full snapshot. `links` that are absent, or a stream without a link line, keep \
                   the links in force; `[]` clears them. As `application/x-ndjson` the body is \
                   read as a stream, an entity or `{\"link\":{…}}` a line, and is not held in \
                   memory; one such load runs at a time, a second one is answered 503 `busy`. What \
                   is so already makes no revision.",
            parameters: &[DRY_RUN, IF_MATCH, IDEMPOTENCY_KEY, DIGEST],
            request: &[
                Content::json(
                    "Entities",
                    r#"{"entities":[{"uid":{"type":"Role","id":"reader"},"attrs":{},"parents":[]}],"links":[]}"#,
                ),
                Content {
                    media: "application/x-ndjson",
                    schema: "",
                    example: "{\"uid\":{\"type\":\"Role\",\"id\":\"reader\"},\"attrs\":{},\"parents\":[]}\n",
                },
            ],
            answer: &[Content::json(
                "Published",
                r#"{"revision":2,"changed":["entities","links"]}"#,
            )],
            problems: &[408, 409, 412, 413, 415, 422],
            ..About::new("put_entities", "Replace all entities")
        },
    },
    Route {
        verb: Verb::Patch,
        path: "/v1/entities",
        access: Access::Write,
        handler: || patch(entities::patch_entities),
        about: About {
            text: "Takes out and puts in, in the order `unlink`, `remove`, `upsert`, `link`; the \
                   outcome is judged as a whole. Links that name what is removed go with it.",
            parameters: &[DRY_RUN, IF_MATCH, IDEMPOTENCY_KEY, DIGEST],
            request: &[Content::json("Change", r#"{"unlink":["share-buildings-b"]}"#)],
            answer: &[Content::json("Patched", r#"{"revision":2,"changed":["links"]}"#)],
            problems: &[408, 409, 412, 413, 415, 422],
            ..About::new("patch_entities", "Change single entities and links")
        },
    },
    Route {
        verb: Verb::Get,
        path: "/v1/entities/{type}/{id}",
        access: Access::Read,
        handler: || get(lists::entity),
        about: About {
            parameters: &[TYPE_SEGMENT, ID_SEGMENT],
            answer: &[Content::json("Entity", ENTITY)],
            problems: &[404],
            ..About::new("get_entity", "One entity as Cedar's entity JSON")
        },
    },
    Route {
        verb: Verb::Get,
        path: "/v1/links",
        access: Access::Read,
        handler: || get(lists::links),
        about: About {
            parameters: &[CURSOR],
            answer: &[Content::json("LinksPage", LINKS)],
            ..About::new("list_links", "Links, a page at a time")
        },
    },
    Route {
        verb: Verb::Get,
        path: "/v1/links/{id}",
        access: Access::Read,
        handler: || get(lists::link),
        about: About {
            parameters: &[LINK_SEGMENT],
            answer: &[Content::json("Link", LINK)],
            problems: &[404],
            ..About::new("get_link", "One link")
        },
    },
    Route {
        verb: Verb::Put,
        path: "/v1/links/{id}",
        access: Access::Write,
        handler: || put(links::put_link),
        about: About {
            text: "Puts a link in the place of what had its id. `link_id` may be left out.",
            parameters: &[LINK_SEGMENT, DRY_RUN, IF_MATCH, IDEMPOTENCY_KEY, DIGEST],
            request: &[Content::json("Link", LINK)],
            answer: &[Content::json("Patched", r#"{"revision":1,"changed":[]}"#)],
            problems: &[408, 409, 412, 413, 415, 422],
            ..About::new("put_link", "Put one link")
        },
    },
    Route {
        verb: Verb::Delete,
        path: "/v1/links/{id}",
        access: Access::Write,
        handler: || delete(links::delete_link),
        about: About {
            parameters: &[LINK_SEGMENT, DRY_RUN, IF_MATCH, IDEMPOTENCY_KEY],
            answer: &[Content::json("Patched", r#"{"revision":2,"changed":["links"]}"#)],
            problems: &[409, 412, 422],
            ..About::new("delete_link", "Take one link out")
        },
    },
];
