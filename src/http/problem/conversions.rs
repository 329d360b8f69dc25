//! From the errors of other modules to problems.

use super::{Kind, Problem};
use crate::engine::InvalidRequest;
use crate::engine::json::JsonError;
use crate::pdp::publisher::Rejection;

impl From<InvalidRequest> for Problem {
    fn from(invalid: InvalidRequest) -> Self {
        Self { hint: invalid.hint, ..Self::new(Kind::InvalidRequest, invalid.message) }
    }
}

impl From<JsonError> for Problem {
    fn from(error: JsonError) -> Self {
        Self::new(Kind::InvalidJson, error.to_string())
    }
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::Invalid(problems) => Self::invalid_bundle(&problems),
            Rejection::OwnedElsewhere { part, owner } => Self::new(
                Kind::OwnedElsewhere,
                format!("`{part}` belongs to {owner} and cannot be written here"),
            )
            .hint("change it where it comes from"),
            Rejection::Stale { revision } => Self::revision_mismatch(revision),
            Rejection::KeyReused { revision } => Self::new(
                Kind::KeyReused,
                format!(
                    "the idempotency key stands for another request, answered with revision {revision}"
                ),
            )
            .hint("take a new key for each request, and the same one only to repeat it"),
            Rejection::NotKept { revision, oldest, newest } => Self::new(
                Kind::NotFound,
                if revision > newest {
                    format!("there is no revision {revision}; the newest is {newest}")
                } else {
                    format!("revision {revision} is no longer kept; the oldest is {oldest}")
                },
            ),
            // What was found is in the log; it may name paths.
            Rejection::Damaged(_) => Self::new(
                Kind::Internal,
                "the revision log cannot be read here; the log of the service says why",
            )
            .hint("`doorward log verify` says what is damaged"),
            Rejection::NotReady => Self::not_ready(),
            Rejection::Ephemeral => Self::new(
                Kind::Ephemeral,
                "the service runs with `--ephemeral`: it keeps nothing on disk and takes no change",
            ),
            Rejection::Busy => Self::new(Kind::Busy, "too many changes are under way; try again"),
            // What the disk said is in the log; it may name paths.
            Rejection::NotDurable(_) => Self::new(
                Kind::NotDurable,
                "the change could not be written to disk and is not in force; the log says why",
            ),
            Rejection::Stopped => Self::new(Kind::Stopping, "the service is stopping"),
        }
    }
}
