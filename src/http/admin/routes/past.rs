//! The routes of what was in force.

use axum::routing::{get, post};

use super::{DRY_RUN, IDEMPOTENCY_KEY, IF_MATCH};
use crate::http::admin::revisions;
use crate::http::routes::{About, Access, Content, Parameter, Route, Verb};

const CURSOR: Parameter = Parameter {
    name: "cursor",
    place: "query",
    kind: "string",
    text: "The `next` of the page before.",
    example: "",
};
const REVISION_SEGMENT: Parameter = Parameter {
    name: "revision",
    place: "path",
    kind: "string",
    text: "The number of the revision whose contents shall be in force again.",
    example: "1",
};

pub(super) const ROUTES: &[Route] = &[
    Route {
        verb: Verb::Get,
        path: "/v1/revisions",
        access: Access::Read,
        handler: || get(revisions::revisions),
        about: About {
            text: "Newest first, a page at a time, as far back as they are kept. `by` is `files` \
                   or the name of a token.",
            parameters: &[CURSOR],
            answer: &[Content::json(
                "RevisionsPage",
                r#"{"revisions":[{"revision":1,"at":"2026-11-21T12:00:00Z","by":"files","changed":["schema","policies","entities","links"]}]}"#,
            )],
            ..About::new("list_revisions", "What was in force, by whom and what it changed")
        },
    },
    Route {
        verb: Verb::Post,
        path: "/v1/revisions/{revision}/restore",
        access: Access::Write,
        handler: || post(revisions::restore),
        about: About {
            text: "Puts the contents of an earlier revision in force again, as a new revision. \
                   There is no body. Only parts that the API owns are restored; where the others \
                   differ: 409. One that is not kept any more: 404.",
            parameters: &[REVISION_SEGMENT, DRY_RUN, IF_MATCH, IDEMPOTENCY_KEY],
            answer: &[Content::json("Published", r#"{"revision":1,"changed":[]}"#)],
            problems: &[404, 409, 412, 422],
            ..About::new("restore_revision", "Put an earlier revision in force again")
        },
    },
];
