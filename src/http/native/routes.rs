//! The routes of the service's own checks.

use axum::routing::post;

use super::{check, checks};
use crate::http::routes::{About, Access, Content, Route, Verb};

/// See [`crate::http::routes`].
pub(in crate::http) const ROUTES: &[Route] = &[
    Route {
        verb: Verb::Post,
        path: "/v1/check",
        access: Access::Data,
        handler: || post(check),
        about: About {
            text: "A deny is 200 like an allow. A type or an action that the schema does not \
                   declare, or a context that does not fit, is 422. With `at_least` the answer \
                   waits for that revision, and is 409 `not_yet` where it does not come.",
            request: &[Content::json(
                "Check",
                r#"{"principal":"User::\"emma\"","action":"read","resource":{"type":"Device","id":"SD-001"}}"#,
            )],
            answer: &[Content::json(
                "Decision",
                r#"{"decision":"allow","code":"allow","reason":["ownership-read"],"errors":[],"revision":1,"decision_id":"019a9e5c-7d0e-7c58-9f6c-0d3c5b1b6c55"}"#,
            )],
            problems: &[400, 408, 409, 413, 415, 422],
            ..About::new("check", "Decide one request")
        },
    },
    Route {
        verb: Verb::Post,
        path: "/v1/checks",
        access: Access::Data,
        handler: || post(checks),
        about: About {
            text: "All are decided at one revision. What is wrong with one item is told in its \
                   place, as `error`.",
            request: &[Content::json(
                "Checks",
                r#"{"checks":[{"principal":"User::\"emma\"","action":"write","resource":"Device::\"SD-001\""}]}"#,
            )],
            answer: &[Content::json(
                "Decisions",
                r#"{"decisions":[{"decision":"deny","code":"no_permit","reason":[],"errors":[],"revision":1,"decision_id":"019a9e5c-7d0e-7c58-9f6c-0d3c5b1b6c55"}],"revision":1}"#,
            )],
            problems: &[400, 408, 409, 413, 415],
            ..About::new("check_many", "Decide many requests at one revision")
        },
    },
];
