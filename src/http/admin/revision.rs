//! `GET /v1/revision`: what is in force, where it comes from, and what was refused last. Before
//! the first snapshot the revision is 0.

use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::ETAG;
use axum::response::Response;
use jiff::Timestamp;
use serde::Serialize;

use crate::http::problem::{Fault, faults, write_json};
use crate::http::{Doorway, json_answer};
use crate::pdp::Owners;
use crate::pdp::publisher::LastRejection;

#[derive(Serialize)]
struct Wire<'a> {
    revision: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    installed_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<&'a str>,
    entities: usize,
    links: usize,
    policies: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    owners: Option<OwnersWire>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_rejection: Option<RejectionWire<'a>>,
}

#[derive(Serialize)]
struct OwnersWire {
    schema: &'static str,
    policies: &'static str,
    entities: &'static str,
    links: &'static str,
}

#[derive(Serialize)]
struct RejectionWire<'a> {
    at: Timestamp,
    by: &'a str,
    problems: Vec<Fault>,
    count: usize,
}

pub(super) async fn revision(State(doorway): State<Doorway>) -> Response {
    let installed = doorway.app.pdp.current();
    let rejection = doorway.app.publisher.last_rejection();
    let counts = installed.as_ref().map(|installed| installed.snapshot.counts());
    let number = installed.as_ref().map_or(0, |installed| installed.revision);
    let wire = Wire {
        revision: number,
        installed_at: installed.as_ref().map(|installed| installed.installed_at),
        digest: installed.as_ref().map(|installed| installed.digest.as_str()),
        entities: counts.as_ref().map_or(0, |counts| counts.entities),
        links: counts.as_ref().map_or(0, |counts| counts.links),
        policies: counts.as_ref().map_or(0, |counts| counts.policies),
        owners: installed.as_ref().map(|installed| installed.owners.into()),
        last_rejection: rejection.as_deref().map(RejectionWire::from),
    };
    let mut body = Vec::with_capacity(512);
    write_json(&mut body, &wire);
    let mut response = json_answer(body);
    response.headers_mut().insert(ETAG, etag(number));
    response
}

/// The entity tag of a revision, `"7"`.
pub(super) fn etag(revision: u64) -> HeaderValue {
    // Digits in quotes are always a legal value.
    HeaderValue::from_str(&format!("\"{revision}\""))
        .unwrap_or_else(|_| HeaderValue::from_static("\"0\""))
}

impl From<Owners> for OwnersWire {
    fn from(owners: Owners) -> Self {
        Self {
            schema: owners.policies.as_str(),
            policies: owners.policies.as_str(),
            entities: owners.entities.as_str(),
            links: owners.entities.as_str(),
        }
    }
}

impl<'a> From<&'a LastRejection> for RejectionWire<'a> {
    fn from(rejection: &'a LastRejection) -> Self {
        let problems = &rejection.problems;
        Self {
            at: rejection.at,
            by: rejection.by,
            problems: faults(problems),
            count: problems.error_count() + problems.warning_count(),
        }
    }
}
