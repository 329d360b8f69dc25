//! `PUT /v1/entities` as a stream of lines: what arrives is handed on piece by piece to a thread
//! that compiles it, and waits where that thread does, so that no more than a few pieces are held.
//! Only a stream that came whole, and with the digest that it was sent with, is published.

use std::sync::Arc;

use axum::body::{Body, HttpBody as _};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts as Head;
use axum::http::{HeaderMap, Response};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;

use super::access::Tried;
use super::bundle::{advice, answer};
use super::digest::Expected;
use super::terms::Said;
use crate::http::problem::{Kind, Problem};
use crate::http::{Doorway, Limits, body};

/// The media type of one item a line.
const MEDIA_TYPE: &str = "application/x-ndjson";
/// How many pieces wait for the thread that compiles; a piece is what arrived at once, at most
/// what the connection reads at once.
const PIECES_WAITING: usize = 16;

/// A piece of the stream, or its end: without that the stream is not whole.
enum Piece {
    Bytes(Bytes),
    End,
}

/// The stream was not whole.
struct BrokenOff;

/// Whether the body is declared as a stream of lines.
pub(super) fn is_declared(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return false };
    let essence = value.to_str().ok().and_then(|text| text.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case(MEDIA_TYPE))
}

pub(super) async fn put(
    doorway: &Doorway,
    head: &Head,
    body: Body,
) -> Result<Response<Body>, Problem> {
    let app = &*doorway.app;
    let mut said = Said::read(app, head)?;
    let digest = Expected::read(&head.headers)?;
    body::refuse_encoding(&head.headers)?;
    let bytes_max = app.limits.entities_bytes;
    if body.size_hint().lower() > bytes_max {
        return Err(too_large(bytes_max));
    }
    let base = app.pdp.current().ok_or_else(Problem::not_ready)?;
    let load = Arc::new(app.publisher.begin_full_load().map_err(|it| Problem::from(it).closing())?);
    let (sender, mut pieces) = mpsc::channel(PIECES_WAITING);
    let loading = Arc::clone(&load);
    let loading = tokio::task::spawn_blocking(move || {
        loading.load(base, |feed| {
            loop {
                match pieces.blocking_recv() {
                    Some(Piece::Bytes(bytes)) => feed(&bytes),
                    Some(Piece::End) => return Ok(()),
                    None => return Err(BrokenOff),
                }
            }
        })
    });
    let feeding = feed(body, &sender, &app.limits, &mut said);
    let fed = tokio::time::timeout(app.limits.entities_timeout, feeding);
    let fed = fed.await.unwrap_or_else(|_| Err(too_slow(app.limits.entities_timeout)));
    let judged = fed.and_then(|found| digest.judge(&found));
    let judged = judged.map_err(|problem| problem.or_hint(advice));
    if judged.is_ok() {
        // Where the thread is gone there is nobody to tell, and its end is told below.
        let _ = sender.send(Piece::End).await;
    }
    drop(sender);
    let loaded = loading.await.map_err(|_| Problem::unread())?;
    judged?;
    let loaded = loaded.map_err(|BrokenOff| Problem::unread())?;
    let terms = said.terms();
    let trial = Tried::of(&terms);
    let published = app.publisher.replace(loaded, terms).await;
    // The next load may begin when this one holds nothing any more.
    drop(load);
    Ok(answer(&published?, trial.access(app).await))
}

/// Hands the body on, to the terms of the write too, and gives its digest.
async fn feed(
    mut body: Body,
    sender: &mpsc::Sender<Piece>,
    limits: &Limits,
    said: &mut Said,
) -> Result<[u8; 32], Problem> {
    let (mut bytes, mut hash, mut is_blank) = (0_u64, Sha256::new(), true);
    loop {
        let frame = tokio::time::timeout(limits.body_timeout, body.frame()).await;
        let Some(frame) = frame.map_err(|_| too_slow(limits.body_timeout))? else { break };
        let Ok(frame) = frame else {
            let detail = "the body ended before it was whole; what is in force stays in force";
            return Err(Problem::new(Kind::BrokenBody, detail).closing());
        };
        let Ok(data) = frame.into_data() else { continue };
        bytes = bytes.saturating_add(data.len() as u64);
        if bytes > limits.entities_bytes {
            return Err(too_large(limits.entities_bytes));
        }
        hash.update(&data);
        said.update(&data);
        is_blank &= data.trim_ascii().is_empty();
        if sender.send(Piece::Bytes(data)).await.is_err() {
            return Err(Problem::unread());
        }
    }
    if is_blank {
        let detail = "the body is empty, and would remove every entity";
        return Err(Problem::new(Kind::BrokenBody, detail)
            .hint("if that is meant, send `{\"entities\":[]}` as `application/json`"));
    }
    Ok(hash.finalize().into())
}

fn too_large(bytes_max: u64) -> Problem {
    let detail = format!("the body is over the limit of {bytes_max} bytes");
    Problem::new(Kind::BodyTooLarge, detail)
        .hint("`limits.entities_bytes` in `doorward.yaml` is the bound")
        .closing()
}

fn too_slow(bound: std::time::Duration) -> Problem {
    let seconds = bound.as_secs_f32();
    let detail = format!("the body did not arrive within {seconds} seconds");
    Problem::new(Kind::BodyTimeout, detail).closing()
}
