//! The digest that a write may bring with it (RFC 9530): what arrives is what was sent, or nothing
//! is changed. A body is never encoded here, so its content and its representation are the same.

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::http::problem::{Kind, Problem};

/// The headers that may carry it.
const HEADERS: [&str; 2] = ["content-digest", "repr-digest"];
/// The algorithm that is read; others are passed over, as the RFC has it.
const ALGORITHM: &str = "sha-256";

/// The digests that a body must have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Expected(Vec<(&'static str, [u8; 32])>);

// === impl Expected ===

impl Expected {
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, Problem> {
        let mut expected = Vec::new();
        for header in HEADERS {
            for value in headers.get_all(header) {
                for member in value.to_str().map_err(|_| malformed(header))?.split(',') {
                    let (name, value) =
                        member.trim().split_once('=').ok_or_else(|| malformed(header))?;
                    if name == ALGORITHM {
                        expected.push((header, decoded(value).ok_or_else(|| malformed(header))?));
                    }
                }
            }
        }
        Ok(Self(expected))
    }

    /// Refuses a body of another digest.
    pub(super) fn judge(&self, found: &[u8; 32]) -> Result<(), Problem> {
        let Some((header, _)) = self.0.iter().find(|(_, expected)| expected != found) else {
            return Ok(());
        };
        let detail = format!("the body does not have the digest that `{header}` names");
        let hint = "the body was changed or cut on its way, or the digest is of something else; \
                    send it again";
        Err(Problem::new(Kind::WrongDigest, detail).hint(hint))
    }

    /// The same for a body that is held.
    pub(super) fn judge_bytes(&self, bytes: &[u8]) -> Result<(), Problem> {
        if self.0.is_empty() { Ok(()) } else { self.judge(&Sha256::digest(bytes).into()) }
    }
}

/// A byte sequence of RFC 8941, `:BASE64:`.
fn decoded(value: &str) -> Option<[u8; 32]> {
    let text = value.trim().strip_prefix(':')?.strip_suffix(':')?;
    STANDARD.decode(text).ok()?.try_into().ok()
}

fn malformed(header: &str) -> Problem {
    let detail = format!("`{header}` must be such as `sha-256=:BASE64:`");
    Problem::new(Kind::InvalidHeader, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(value: &str) -> Result<Expected, Problem> {
        let mut headers = HeaderMap::new();
        headers.insert("content-digest", value.parse().unwrap());
        Expected::read(&headers)
    }

    /// The digest of RFC 9530, appendix B.1, and its text.
    #[test]
    fn the_example_of_the_rfc() {
        let (text, digest) = (
            &b"{\"hello\": \"world\"}\n"[..],
            "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:",
        );
        assert!(expected(digest).unwrap().judge_bytes(text).is_ok());
        assert!(expected(digest).unwrap().judge_bytes(b"{}").is_err());
        let both = format!("sha-512=:YWJj:, {digest}");
        assert!(expected(&both).unwrap().judge_bytes(b"{}").is_err());
    }

    #[test]
    fn what_is_no_digest() {
        for value in ["", "sha-256", "sha-256=abc", "sha-256=:YWJj:", "sha-256=:*:"] {
            assert!(expected(value).is_err(), "{value}");
        }
        assert_eq!(expected("md5=:YWJj:").unwrap(), Expected::default());
    }
}
