//! What the writer tells of what it did: to the log, to the metrics, and to who asks for the last
//! rejection.

use std::sync::Arc;

use jiff::Timestamp;

use super::Writer;
use crate::engine::Problems;
use crate::pdp::metrics::ChangeResult;
use crate::pdp::publisher::{LastRejection, Rejection};

// === impl Writer ===

impl Writer {
    /// Says, where it is so, that the entity files no longer count.
    pub(super) fn tell_seed(&self) {
        let Some(seed) = self.state.seed.as_ref().filter(|_| self.files_seed_entities) else {
            return;
        };
        let edited = *seed != self.files.seed();
        self.pdp.metrics().show_seed_ignored(edited);
        if edited {
            tracing::warn!(
                "the entity files changed, and are ignored: the data directory holds the entities \
                 since the API wrote them"
            );
        } else {
            tracing::info!("entities and links come from the data directory, not from the files");
        }
    }

    /// Counts a change that was not only tried; `unchanged` says whether it made no revision.
    pub(super) fn account<T>(
        &self,
        by: &'static str,
        result: &Result<T, Rejection>,
        unchanged: impl FnOnce(&T) -> bool,
    ) {
        match result {
            Ok(done) => {
                let result =
                    if unchanged(done) { ChangeResult::Unchanged } else { ChangeResult::Installed };
                self.last_rejection.store(None);
                self.pdp.metrics().observe_change(result);
            }
            Err(Rejection::Invalid(problems)) => {
                tell(by, self.state.revision, problems);
                let (at, problems) = (Timestamp::now(), problems.clone());
                self.last_rejection.store(Some(Arc::new(LastRejection { at, by, problems })));
                // Last, so that whoever sees the metric finds the reason.
                self.pdp.metrics().observe_change(ChangeResult::Rejected);
            }
            Err(Rejection::NotDurable(reason)) => {
                self.pdp.metrics().observe_change(ChangeResult::Rejected);
                tracing::error!(
                    by,
                    reason,
                    "a change could not be made durable, and was not taken"
                );
            }
            Err(_) => self.pdp.metrics().observe_change(ChangeResult::Rejected),
        }
    }
}

fn tell(by: &str, revision: u64, problems: &Problems) {
    let errors = problems.error_count();
    tracing::error!(by, revision, errors, "a change was rejected; this revision stays in force");
    for problem in problems.errors() {
        let place =
            problem.place.as_ref().map(|it| format!("{}:{}:{}", it.name, it.line, it.column));
        tracing::error!(code = problem.code, place, "{}", problem.message);
    }
}
