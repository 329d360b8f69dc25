//! The publisher: the only writer. Changes queue to one task, which puts the bundle together from
//! the parts that files and the API own, compiles it off the async threads, makes it durable, and
//! puts it in force, or rejects it and leaves everything as it was.

mod writer;

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};

use super::Pdp;
use crate::engine::store::{self, Applied};
use crate::engine::{Bundle, CompileOptions, Problems, Snapshot};
use crate::revisions::{DataDir, StoreError};
use writer::Writer;

/// The most changes that wait; one more is answered `Busy`.
const QUEUE_MAX: usize = 32;

/// A handle to the publisher. Cloning is shallow.
#[derive(Debug, Clone)]
pub struct Publisher {
    changes: mpsc::Sender<Change>,
    last_rejection: Arc<ArcSwapOption<LastRejection>>,
}

/// What the publisher starts from.
#[derive(Debug)]
pub struct PublisherOptions {
    /// The data directory; without one nothing is kept and API writes are refused.
    pub data_dir: Option<DataDir>,
    /// How bundles are compiled.
    pub compile: CompileOptions,
    /// What the files hold at start.
    pub files: Bundle,
    /// Whether schema and policies come from files.
    pub files_own_policies: bool,
    /// Whether entities and links are seeded from files.
    pub files_seed_entities: bool,
}

/// The parts of a bundle that a write of the API replaces; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct Parts {
    /// The schema.
    pub schema: Option<String>,
    /// Policy texts by file name.
    pub policies: Option<BTreeMap<String, String>>,
    /// The JSON text of an array of entities.
    pub entities: Option<String>,
    /// The JSON text of an array of links.
    pub links: Option<String>,
}

/// A change that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The revision in force.
    pub revision: u64,
    /// The parts that changed. Where none did, there is no new revision.
    pub changed: Vec<&'static str>,
}

/// A change of single entities and links that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patched {
    /// The revision, and the parts that changed.
    pub published: Published,
    /// What it did.
    pub applied: Applied,
}

/// Why a change was not taken.
#[derive(Debug)]
pub enum Rejection {
    /// It does not compile.
    Invalid(Problems),
    /// It writes a part that something else owns.
    OwnedElsewhere {
        /// The part.
        part: &'static str,
        /// Who owns it.
        owner: String,
    },
    /// It expected another revision to be in force.
    Stale {
        /// The revision in force.
        revision: u64,
    },
    /// Nothing is in force that could be changed.
    NotReady,
    /// Nothing is kept, so no write could be acknowledged.
    Ephemeral,
    /// Too many changes wait.
    Busy,
    /// It could not be made durable. The text is for the operator.
    NotDurable(String),
    /// The service is stopping.
    Stopped,
}

/// The last change that was rejected.
#[derive(Debug)]
pub struct LastRejection {
    /// When.
    pub at: Timestamp,
    /// Where the change came from: `files` or `api`.
    pub by: &'static str,
    /// What was wrong with it.
    pub problems: Problems,
}

/// A change on its way to the writer.
#[derive(Debug)]
enum Change {
    /// The API replaces parts, if the revision in force is the one expected.
    Put { parts: Parts, expected: Option<u64>, dry_run: bool, answer: Answer<Published> },
    /// The API changes single entities and links.
    Patch { change: store::Change, expected: Option<u64>, dry_run: bool, answer: Answer<Patched> },
    /// The files were read again.
    Files { files: Result<Bundle, Problems>, answer: Answer<Published> },
}

type Answer<T> = oneshot::Sender<Result<T, Rejection>>;

/// Why the publisher could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The bundle does not compile.
    #[error("{0}")]
    Invalid(Problems),
    /// The data directory could not be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

// === impl Published ===

impl Published {
    /// Whether it made no new revision.
    pub fn is_unchanged(&self) -> bool {
        self.changed.is_empty()
    }
}

// === impl Publisher ===

impl Publisher {
    /// Puts the first snapshot in force, if there is a source for one, and returns the handle and
    /// the task that writes; the caller runs the task. Blocks while it compiles. `admit` judges the
    /// snapshot before anything is made durable or in force.
    ///
    /// # Errors
    /// The bundle does not compile, or the data directory cannot be used.
    pub fn start(
        pdp: Pdp,
        options: PublisherOptions,
        admit: impl Fn(&Snapshot) -> Result<(), Problems>,
    ) -> Result<(Self, impl Future<Output = ()> + Send + 'static), StartError> {
        let (sender, receiver) = mpsc::channel(QUEUE_MAX);
        let last_rejection = Arc::new(ArcSwapOption::empty());
        let writer = Writer::start(pdp, options, Arc::clone(&last_rejection), admit)?;
        Ok((Self { changes: sender, last_rejection }, run(writer, receiver)))
    }

    /// Replaces parts of the bundle, atomically, as one revision. With `expected`, only if that
    /// revision is in force. A dry run says what would change, and changes nothing.
    pub async fn put_bundle(
        &self,
        parts: Parts,
        expected: Option<u64>,
        dry_run: bool,
    ) -> Result<Published, Rejection> {
        self.send(|answer| Change::Put { parts, expected, dry_run, answer }).await
    }

    /// Changes single entities and links, atomically, as one revision.
    pub async fn patch(
        &self,
        change: store::Change,
        expected: Option<u64>,
        dry_run: bool,
    ) -> Result<Patched, Rejection> {
        self.send(|answer| Change::Patch { change, expected, dry_run, answer }).await
    }

    /// Takes what the files hold now, or what was wrong with reading them.
    pub async fn put_files(&self, files: Result<Bundle, Problems>) -> Result<Published, Rejection> {
        self.send(|answer| Change::Files { files, answer }).await
    }

    /// The last change that was rejected, if it was the last change.
    pub fn last_rejection(&self) -> Option<Arc<LastRejection>> {
        self.last_rejection.load_full()
    }

    async fn send<T>(&self, change: impl FnOnce(Answer<T>) -> Change) -> Result<T, Rejection> {
        let (answer, answered) = oneshot::channel();
        self.changes.try_send(change(answer)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Rejection::Busy,
            mpsc::error::TrySendError::Closed(_) => Rejection::Stopped,
        })?;
        answered.await.unwrap_or(Err(Rejection::Stopped))
    }
}

/// Takes changes one after the other until every handle is gone.
async fn run(mut writer: Writer, mut changes: mpsc::Receiver<Change>) {
    while let Some(change) = changes.recv().await {
        // Compiling may take long and block; the writer comes back with the answer.
        let handled = tokio::task::spawn_blocking(move || {
            writer.handle(change);
            writer
        });
        match handled.await {
            Ok(returned) => writer = returned,
            // A panic took the writer with it: nothing can be written any more, reads go on.
            Err(error) => {
                tracing::error!(%error, "the publisher stopped");
                return;
            }
        }
    }
}
