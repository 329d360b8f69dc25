//! The routes of the bundle as a whole and of its policies.

use axum::routing::{get, post, put};

use super::{DIGEST, DRY_RUN, IDEMPOTENCY_KEY, IF_MATCH};
use crate::http::admin::{bundle, policies, validate};
use crate::http::routes::{About, Access, Content, Route, Verb};

pub(super) const ROUTES: &[Route] = &[
    Route {
        verb: Verb::Put,
        path: "/v1/bundle",
        access: Access::Write,
        handler: || put(bundle::put_bundle),
        about: About {
            text: "Replaces the parts that it names, all at once or not at all, as one revision.",
            parameters: &[DRY_RUN, IF_MATCH, IDEMPOTENCY_KEY, DIGEST],
            request: &[Content::json("Bundle", r#"{"links":[]}"#)],
            answer: &[Content::json("Published", r#"{"revision":2,"changed":["links"]}"#)],
            problems: &[408, 409, 412, 413, 415, 422],
            ..About::new("put_bundle", "Replace parts of the bundle")
        },
    },
    Route {
        verb: Verb::Get,
        path: "/v1/policies",
        access: Access::Read,
        handler: || get(policies::get_policies),
        about: About {
            answer: &[Content::json(
                "PoliciesInForce",
                r#"{"policies":{"sharing.cedar":"permit (principal in ?principal, action, resource);"},"schema":"entity User;","revision":1}"#,
            )],
            ..About::new("get_policies", "Schema and policies as they were written")
        },
    },
    Route {
        verb: Verb::Put,
        path: "/v1/policies",
        access: Access::Write,
        handler: || put(policies::put_policies),
        about: About {
            text: "All policies, and the schema where it is given. Where they come from files: 409.",
            parameters: &[DRY_RUN, IF_MATCH, IDEMPOTENCY_KEY, DIGEST],
            request: &[Content::json(
                "Policies",
                r#"{"policies":{"all.cedar":"permit (principal, action, resource);"}}"#,
            )],
            answer: &[Content::json("Published", r#"{"revision":2,"changed":["policies"]}"#)],
            problems: &[408, 409, 412, 413, 415, 422],
            ..About::new("put_policies", "Replace all policies")
        },
    },
    Route {
        verb: Verb::Post,
        path: "/v1/validate",
        access: Access::Read,
        handler: || post(validate::validate),
        about: About {
            text: "Judges a bundle, whoever owns its parts; those that it does not name are taken \
                   as they are in force. It changes nothing and answers 200 whatever it finds: \
                   `valid` says whether such a change would be taken, `problems` holds errors and \
                   warnings. A write with `dry_run=true` answers as the write would, 422 included.",
            parameters: &[DIGEST],
            request: &[Content::json(
                "Bundle",
                r#"{"policies":{"all.cedar":"permit (principal, action, resource);"},"links":[]}"#,
            )],
            answer: &[Content::json(
                "Validation",
                r#"{"valid":true,"errors":0,"warnings":0,"problems":[],"revision":1}"#,
            )],
            problems: &[408, 413, 415],
            ..About::new("validate", "Judge a bundle and change nothing")
        },
    },
];
