//! On what terms a write is made, as its head says them: the revision that it builds on, whether it
//! is only tried, who makes it, and the key under which it is answered again.

use axum::http::HeaderMap;
use axum::http::request::Parts as Head;
use sha2::{Digest as _, Sha256};

use super::condition::{Condition, dry_run};
use crate::http::App;
use crate::http::problem::{Kind, Problem};
use crate::pdp::publisher::{Idempotency, Terms};

/// The header with the key.
const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// The most bytes of a key.
const KEY_BYTES_MAX: usize = 255;

/// So much of a token's name is kept with what it wrote.
const NAME_CHARS_MAX: usize = 100;

/// The terms of a write whose body was not read yet.
#[derive(Debug)]
pub(super) struct Said {
    unkeyed: Terms,
    key: Option<(String, Sha256)>,
}

// === impl Said ===

impl Said {
    /// Reads the head of a write. A revision that is not in force is refused here, before a large
    /// body arrives, unless a key may stand for a request that was taken already.
    pub(super) fn read(app: &App, head: &Head) -> Result<Self, Problem> {
        let dry_run = dry_run(head.uri.query())?;
        let key = key(&head.headers)?.filter(|_| !dry_run);
        let condition = Condition::read(&head.headers)?;
        let expected = match condition.hold(app) {
            // No revision has this number: the writer refuses it, if the key is not known to it.
            Err(_) if key.is_some() => Some(u64::MAX),
            met => met?,
        };
        let name = app.access.tokens.name(&head.headers)?;
        let by = name.chars().take(NAME_CHARS_MAX).collect();
        let key = key.map(|key| {
            let mut request = Sha256::new();
            for part in [head.method.as_str(), "\0", head.uri.path(), "\0"] {
                request.update(part);
            }
            (key, request)
        });
        Ok(Self { unkeyed: Terms { expected, dry_run, by, ..Terms::default() }, key })
    }

    /// Takes in a piece of the body, as it arrived.
    pub(super) fn update(&mut self, piece: &[u8]) {
        if let Some((_, request)) = &mut self.key {
            request.update(piece);
        }
    }

    /// The terms, once the whole body was taken in.
    pub(super) fn terms(self) -> Terms {
        let key = self
            .key
            .map(|(key, request)| Idempotency { key, request: hex::encode(request.finalize()) });
        Terms { key, ..self.unkeyed }
    }

    /// The terms of a request with this body.
    pub(super) fn with_body(mut self, body: &[u8]) -> Terms {
        self.update(body);
        self.terms()
    }
}

/// The idempotency key of a request, if it has one.
fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let (first, second) = (values.next(), values.next());
    let Some(value) = first else { return Ok(None) };
    let text = value.to_str().ok().filter(|text| {
        let fits = !text.is_empty() && text.len() <= KEY_BYTES_MAX;
        second.is_none() && fits && text.bytes().all(|byte| byte.is_ascii_graphic())
    });
    let invalid = || {
        let detail = format!(
            "`Idempotency-Key` must be one key of 1 to {KEY_BYTES_MAX} visible ASCII characters"
        );
        Problem::new(Kind::InvalidHeader, detail)
    };
    text.map(|text| Some(text.to_owned())).ok_or_else(invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_visible_and_bounded() {
        let read = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(IDEMPOTENCY_KEY, value.parse().unwrap());
            }
            key(&headers).ok()
        };
        assert_eq!(read(&[]), Some(None));
        assert_eq!(read(&["\"a-1\""]), Some(Some("\"a-1\"".to_owned())));
        assert_eq!(read(&["a", "a"]), None);
        assert_eq!(read(&[""]), None);
        assert_eq!(read(&["a b"]), None);
        assert_eq!(read(&[&"k".repeat(KEY_BYTES_MAX + 1)]), None);
        assert!(read(&[&"k".repeat(KEY_BYTES_MAX)]).is_some());
    }
}
