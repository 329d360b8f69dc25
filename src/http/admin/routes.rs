//! The routes of the admin plane: of the process, of the whole bundle, of the data in it, of what was
//! in force.

mod data;
mod past;
mod whole;

use axum::routing::get;

use super::{livez, metrics, openapi, readyz, revision};
use crate::http::routes::{About, Access, Content, Parameter, Route, Verb};

/// See [`crate::http::routes`].
pub(in crate::http) const ROUTES: &[&[Route]] =
    &[PROCESS, whole::ROUTES, data::ROUTES, past::ROUTES];

/// What a write may say of the revision that it builds on.
const IF_MATCH: Parameter = Parameter {
    name: "If-Match",
    place: "header",
    kind: "string",
    text: "The revision that must still be in force, as its `ETag`; otherwise 412.",
    example: "\"1\"",
};
/// Whether a write is only judged.
const DRY_RUN: Parameter = Parameter {
    name: "dry_run",
    place: "query",
    kind: "boolean",
    text: "Judges the change, says what would change, and installs nothing.",
    example: "true",
};
/// The key under which a write is answered again.
const IDEMPOTENCY_KEY: Parameter = Parameter {
    name: "Idempotency-Key",
    place: "header",
    kind: "string",
    text: "A key of the client's own, 1 to 255 visible ASCII characters. For 24 hours the same \
           request under it is answered as the first one was, also after a restart, and another \
           one with 422 `key_reused`. Of requests that changed nothing the keys are \
           kept until the service stops. A dry run ignores it.",
    example: "5f0c6f4e-share-buildings",
};
/// The digest of what is sent.
const DIGEST: Parameter = Parameter {
    name: "Content-Digest",
    place: "header",
    kind: "string",
    text: "The SHA-256 of the body as RFC 9530 writes it; a body that has another one is refused \
           with 400. `Repr-Digest` says the same here.",
    example: "sha-256=:RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=:",
};

const PROCESS: &[Route] = &[
    Route {
        verb: Verb::Get,
        path: "/livez",
        access: Access::Open,
        handler: || get(livez),
        about: About {
            answer: &[Content::json("Status", r#"{"status":"live"}"#)],
            ..About::new("live", "Whether the process lives")
        },
    },
    Route {
        verb: Verb::Get,
        path: "/readyz",
        access: Access::Open,
        handler: || get(readyz),
        about: About {
            text: "503 `not_ready` until a first bundle is in force.",
            answer: &[Content::json("Status", r#"{"status":"ready","revision":1}"#)],
            ..About::new("ready", "Whether checks are decided")
        },
    },
    Route {
        verb: Verb::Get,
        path: "/metrics",
        access: Access::Open,
        handler: || get(metrics),
        about: About {
            answer: &[Content {
                media: "application/openmetrics-text",
                schema: "",
                example: "doorward_revision 1\n",
            }],
            ..About::new("metrics", "What the process counts, for Prometheus")
        },
    },
    Route {
        verb: Verb::Get,
        path: "/openapi.json",
        access: Access::Open,
        handler: || get(openapi),
        about: About {
            answer: &[Content::json("Document", r#"{"openapi":"3.1.0"}"#)],
            ..About::new("openapi", "This document")
        },
    },
    Route {
        verb: Verb::Get,
        path: "/v1/revision",
        access: Access::Read,
        handler: || get(revision::revision),
        about: About {
            text: "Before the first snapshot the revision is 0. `last_rejection` is there where \
                   the last change was refused.",
            answer: &[Content::json(
                "Revision",
                r#"{"revision":1,"installed_at":"2026-11-21T12:00:00Z","digest":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08","entities":68,"links":4,"policies":18,"owners":{"schema":"files","policies":"files","entities":"files","links":"files"}}"#,
            )],
            ..About::new("revision", "What is in force, and where it comes from")
        },
    },
];
