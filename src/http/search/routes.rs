//! The routes of searches and filters.

use axum::routing::post;

use super::{LINES, actions, listed, principals, resources};
use crate::http::routes::{About, Access, Content, Route, Verb};

const TEXT: &str = "Ordered by type and id. `complete` says whether anything is left; where \
                    something may be, `cursor` goes on in the same revision for as long as that \
                    is kept (410 afterwards: begin again). With `Accept: application/x-ndjson` \
                    the answer is a stream, a uid a line and `complete` in the last one.";
const PROBLEMS: &[u16] = &[400, 408, 410, 413, 415, 422];

/// See [`crate::http::routes`].
pub(in crate::http) const ROUTES: &[Route] = &[
    Route {
        verb: Verb::Post,
        path: "/v1/search/resources",
        access: Access::Data,
        handler: || post(resources),
        about: About {
            text: TEXT,
            request: &[Content::json(
                "SearchResources",
                r#"{"principal":"User::\"emma\"","action":"read","type":"Device","limit":2,"count":true}"#,
            )],
            answer: &[
                Content::json(
                    "Resources",
                    r#"{"resources":[{"type":"Device","id":"EM-002"},{"type":"Device","id":"SD-001"}],"complete":false,"revision":1,"cursor":"8f1d…","count":3}"#,
                ),
                lines(
                    "{\"type\":\"Device\",\"id\":\"EM-002\"}\n{\"complete\":true,\"revision\":1,\"count\":1}\n",
                ),
            ],
            problems: PROBLEMS,
            ..About::new("search_resources", "Which resources a principal may do an action to")
        },
    },
    Route {
        verb: Verb::Post,
        path: "/v1/search/principals",
        access: Access::Data,
        handler: || post(principals),
        about: About {
            text: TEXT,
            request: &[Content::json(
                "SearchPrincipals",
                r#"{"resource":"Device::\"SD-001\"","action":"read","type":"User","where":{"enabled":true}}"#,
            )],
            answer: &[
                Content::json(
                    "Principals",
                    r#"{"principals":[{"type":"User","id":"emma"}],"complete":true,"revision":1}"#,
                ),
                lines(
                    "{\"type\":\"User\",\"id\":\"emma\"}\n{\"complete\":true,\"revision\":1,\"count\":1}\n",
                ),
            ],
            problems: PROBLEMS,
            ..About::new("search_principals", "Which principals may do an action to a resource")
        },
    },
    Route {
        verb: Verb::Post,
        path: "/v1/search/actions",
        access: Access::Data,
        handler: || post(actions),
        about: About {
            text: "Actions whose context the request does not fit are not among them; members \
                   that an action does not declare are left out for it.",
            request: &[Content::json(
                "SearchActions",
                r#"{"principal":"User::\"emma\"","resource":"Asset::\"Building A\""}"#,
            )],
            answer: &[
                Content::json(
                    "Actions",
                    r#"{"actions":[{"type":"Action","id":"read"}],"complete":true,"revision":1}"#,
                ),
                lines(
                    "{\"type\":\"Action\",\"id\":\"read\"}\n{\"complete\":true,\"revision\":1,\"count\":1}\n",
                ),
            ],
            problems: PROBLEMS,
            ..About::new("search_actions", "Which actions a principal may do to a resource")
        },
    },
    Route {
        verb: Verb::Post,
        path: "/v1/filter",
        access: Access::Data,
        handler: || post(listed::filter),
        about: About {
            text: "All are decided at one revision. An item that does not fit the schema is 422 \
                   and named by its place.",
            request: &[Content::json(
                "Filter",
                r#"{"principal":"User::\"emma\"","action":"read","resources":["Device::\"SD-001\"",{"type":"Device","id":"TH-001"}]}"#,
            )],
            answer: &[Content::json(
                "Filtered",
                r#"{"allowed":[{"type":"Device","id":"SD-001"}],"revision":1}"#,
            )],
            problems: &[400, 408, 413, 415, 422],
            ..About::new("filter", "Which of these resources a principal may do an action to")
        },
    },
];

const fn lines(example: &'static str) -> Content {
    Content { media: LINES, schema: "", example }
}
