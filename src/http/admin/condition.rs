//! What a write may say beside its body: the revision that it builds on, and that it only tries.

use axum::http::HeaderMap;
use axum::http::header::IF_MATCH;

use crate::http::App;
use crate::http::problem::{Kind, Problem};

/// What `If-Match` asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// Nothing.
    None,
    /// Any revision, as long as there is one.
    Any,
    /// One of these revisions.
    OneOf(Vec<u64>),
}

/// Reads the query: `dry_run=true` judges the change and takes nothing of it.
pub(super) fn dry_run(query: Option<&str>) -> Result<bool, Problem> {
    match query {
        None | Some("" | "dry_run=false") => Ok(false),
        Some("dry_run=true") => Ok(true),
        Some(_) => {
            let detail = "the only query here is `dry_run=true` or `dry_run=false`";
            Err(Problem::new(Kind::InvalidMember, detail))
        }
    }
}

// === impl Condition ===

impl Condition {
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, Problem> {
        let mut values = headers.get_all(IF_MATCH).iter();
        let (first, second) = (values.next(), values.next());
        let Some(value) = first else { return Ok(Self::None) };
        let text = value.to_str().ok().filter(|_| second.is_none());
        text.and_then(Self::parse).ok_or_else(|| {
            let detail = "`If-Match` must be a revision in quotes, such as `\"7\"`, or `*`";
            Problem::new(Kind::InvalidHeader, detail)
        })
    }

    fn parse(text: &str) -> Option<Self> {
        if text.trim() == "*" {
            return Some(Self::Any);
        }
        let mut revisions = Vec::new();
        for tag in text.split(',').map(str::trim) {
            // A weak tag names no revision for sure, so it is legal and matches none.
            let (weak, strong) = match tag.strip_prefix("W/") {
                Some(rest) => (true, rest),
                None => (false, tag),
            };
            let inner = strong.strip_prefix('"')?.strip_suffix('"')?;
            if inner.contains('"') {
                return None;
            }
            // Nor does a tag that this service never gave.
            if !weak && let Ok(revision) = inner.parse() {
                revisions.push(revision);
            }
        }
        Some(Self::OneOf(revisions))
    }

    /// The revision that must still be in force when the change is made, if any must.
    pub(super) fn hold(&self, app: &App) -> Result<Option<u64>, Problem> {
        let current = app.pdp.current().map(|installed| installed.revision);
        match self {
            Self::None => Ok(None),
            _ if self.is_met(current) => Ok(Some(current.unwrap_or(0))),
            _ => Err(Problem::revision_mismatch(current.unwrap_or(0))),
        }
    }

    /// Before the first snapshot the revision is 0, as `GET /v1/revision` says.
    fn is_met(&self, current: Option<u64>) -> bool {
        match self {
            Self::None => true,
            Self::Any => current.is_some(),
            Self::OneOf(revisions) => revisions.contains(&current.unwrap_or(0)),
        }
    }
}

#[cfg(test)]
mod tests;
