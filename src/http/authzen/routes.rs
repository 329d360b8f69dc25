//! The routes of `AuthZEN`.

use axum::routing::{get, post};

use super::{
    ACTION_SEARCH_PATH, EVALUATION_PATH, EVALUATIONS_PATH, METADATA_PATH, RESOURCE_SEARCH_PATH,
    SUBJECT_SEARCH_PATH, batch, evaluation, metadata, search,
};
use crate::http::routes::{About, Access, Content, Route, Verb};

const SEARCH_TEXT: &str = "Search API of AuthZEN 1.0. What does not map to the schema finds nothing. \
                           With `page`, or where not everything fits into one answer, the answer \
                           has a `page` whose `next_token` goes on in the same revision and is \
                           empty at the end.";

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
        verb: Verb::Post,
        path: SUBJECT_SEARCH_PATH,
        access: Access::Data,
        handler: || post(search::subject),
        about: About {
            text: SEARCH_TEXT,
            request: &[Content::json(
                "SubjectSearch",
                r#"{"subject":{"type":"User"},"action":{"name":"read"},"resource":{"type":"Device","id":"SD-001"}}"#,
            )],
            answer: &[Content::json("Results", r#"{"results":[{"type":"User","id":"emma"}]}"#)],
            problems: &[400, 408, 410, 413],
            ..About::new("authzen_search_subject", "Who may (AuthZEN)")
        },
    },
    Route {
        verb: Verb::Post,
        path: RESOURCE_SEARCH_PATH,
        access: Access::Data,
        handler: || post(search::resource),
        about: About {
            text: SEARCH_TEXT,
            request: &[Content::json(
                "ResourceSearch",
                r#"{"subject":{"type":"User","id":"emma"},"action":{"name":"read"},"resource":{"type":"Device"},"page":{"limit":2}}"#,
            )],
            answer: &[Content::json(
                "Results",
                r#"{"page":{"next_token":"8f1d…","count":2},"results":[{"type":"Device","id":"EM-002"},{"type":"Device","id":"SD-001"}]}"#,
            )],
            problems: &[400, 408, 410, 413],
            ..About::new("authzen_search_resource", "On what (AuthZEN)")
        },
    },
    Route {
        verb: Verb::Post,
        path: ACTION_SEARCH_PATH,
        access: Access::Data,
        handler: || post(search::action),
        about: About {
            text: SEARCH_TEXT,
            request: &[Content::json(
                "ActionSearch",
                r#"{"subject":{"type":"User","id":"emma"},"resource":{"type":"Device","id":"SD-001"}}"#,
            )],
            answer: &[Content::json("ActionResults", r#"{"results":[{"name":"read"}]}"#)],
            problems: &[400, 408, 410, 413],
            ..About::new("authzen_search_action", "Which actions (AuthZEN)")
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
                r#"{"policy_decision_point":"http://127.0.0.1:3667","access_evaluation_endpoint":"http://127.0.0.1:3667/access/v1/evaluation","access_evaluations_endpoint":"http://127.0.0.1:3667/access/v1/evaluations","search_subject_endpoint":"http://127.0.0.1:3667/access/v1/search/subject","search_resource_endpoint":"http://127.0.0.1:3667/access/v1/search/resource","search_action_endpoint":"http://127.0.0.1:3667/access/v1/search/action"}"#,
            )],
            ..About::new("authzen_metadata", "Where the AuthZEN endpoints are")
        },
    },
];
