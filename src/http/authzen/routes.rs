//! The routes of `AuthZEN`.

use axum::routing::{get, post};

use super::{EVALUATION_PATH, EVALUATIONS_PATH, METADATA_PATH, batch, evaluation, metadata};
use crate::http::routes::{About, Access, Content, Route, Verb};

/// See [`crate::http::routes`].
pub(in crate::http) const ROUTES: &[Route] = &[
    Route {
        verb: Verb::Post,
        path: EVALUATION_PATH,
        access: Access::Data,
        handler: || post(evaluation),
        about: About {
            text: "Access Evaluation API of AuthZEN 1.0. What does not map to the schema is \
                   `decision: false`. With `\"doorward\": {\"explain\": true}` in the context the \
                   answer says why.",
            request: &[Content::json(
                "Evaluation",
                r#"{"subject":{"type":"User","id":"emma"},"action":{"name":"read"},"resource":{"type":"Device","id":"SD-001"}}"#,
            )],
            answer: &[Content::json("EvaluationAnswer", r#"{"decision":true}"#)],
            problems: &[400, 408, 413],
            ..About::new("authzen_evaluation", "Decide one request (AuthZEN)")
        },
    },
    Route {
        verb: Verb::Post,
        path: EVALUATIONS_PATH,
        access: Access::Data,
        handler: || post(batch::evaluations),
        about: About {
            text: "Access Evaluations API of AuthZEN 1.0, with its three semantics.",
            request: &[Content::json(
                "Evaluations",
                r#"{"subject":{"type":"User","id":"emma"},"resource":{"type":"Device","id":"SD-001"},"evaluations":[{"action":{"name":"read"}},{"action":{"name":"write"}}]}"#,
            )],
            answer: &[Content::json(
                "EvaluationsAnswer",
                r#"{"evaluations":[{"decision":true},{"decision":false}]}"#,
            )],
            problems: &[400, 408, 413],
            ..About::new("authzen_evaluations", "Decide many requests (AuthZEN)")
        },
    },
    Route {
        verb: Verb::Get,
        path: METADATA_PATH,
        access: Access::Data,
        handler: || get(metadata),
        about: About {
            answer: &[Content::json(
                "AuthzenMetadata",
                r#"{"policy_decision_point":"http://127.0.0.1:3667","access_evaluation_endpoint":"http://127.0.0.1:3667/access/v1/evaluation","access_evaluations_endpoint":"http://127.0.0.1:3667/access/v1/evaluations"}"#,
            )],
            ..About::new("authzen_metadata", "Where the AuthZEN endpoints are")
        },
    },
];
