//! `POST /v1/validate`: what a bundle would be found to be, whoever owns its parts. The question is
//! answered with 200 whatever is found, because finding it is what was asked for.

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::http::header::ETAG;
use axum::response::Response;
use serde::Serialize;

use super::bundle::{read_body, read_parts};
use super::revision::etag;
use crate::http::problem::{Fault, Kind, Problem, faults, write_json};
use crate::http::{Doorway, json_answer, now_ms};

#[derive(Serialize)]
struct ValidationWire {
    valid: bool,
    errors: usize,
    warnings: usize,
    problems: Vec<Fault>,
    revision: u64,
}

pub(super) async fn validate(
    State(doorway): State<Doorway>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let app = &*doorway.app;
    let (head, body) = request.into_parts();
    if head.uri.query().is_some_and(|query| !query.is_empty()) {
        let detail = "there is no query here: nothing is changed in any case";
        return Err(Problem::new(Kind::InvalidMember, detail));
    }
    let parts = read_body(&doorway, &head.headers, body, read_parts).await?;
    // What is judged may be as large as what is in force, so one is judged at a time.
    let turn = app.publisher.begin_judging()?;
    let current = app.pdp.current();
    let revision = current.as_ref().map_or(0, |installed| installed.revision);
    let judged =
        tokio::task::spawn_blocking(move || turn.judge(current.as_deref(), parts, now_ms()));
    let judged = judged.await.map_err(|_| Problem::unread())?;
    let (Ok(problems) | Err(problems)) = &judged;
    let wire = ValidationWire {
        valid: judged.is_ok(),
        errors: problems.error_count(),
        warnings: problems.warning_count(),
        problems: faults(problems),
        revision,
    };
    let mut body = Vec::new();
    write_json(&mut body, &wire);
    let mut response = json_answer(body);
    response.headers_mut().insert(ETAG, etag(revision));
    Ok(response)
}
