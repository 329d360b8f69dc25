//! The publisher: the only writer. Changes queue to one task, which puts the bundle together from
//! the parts that files and the API own, compiles it off the async threads, makes it durable, and
//! puts it in force, or rejects it and leaves everything as it was. Changes of single entities that
//! wait at the same time wait for the disk together.

mod full_load;
mod history;
mod seed;
mod unhurried;
mod writer;

pub use full_load::{FullLoad, Loaded, StreamDigest};
pub use seed::{Data, Files, Seed};

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwapOption;
use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::Pdp;
use crate::engine::store;
use crate::engine::{CompileOptions, Problems, Snapshot};
use crate::revisions::{EmbeddedLog, LogError, PastError};
use full_load::FullLoads;
use history::Restored;
pub use history::{Listed, Page};
use writer::Writer;

pub use crate::revisions::{Idempotency, Retention};

/// The most changes that wait; one more is answered `Busy`.
const QUEUE_MAX: usize = 64;
/// The most changes that are taken up together.
const GROUP_MAX: usize = 64;

/// A handle to the publisher. Cloning is shallow.
#[derive(Debug, Clone)]
pub struct Publisher {
    changes: mpsc::Sender<Change>,
    last_rejection: Arc<ArcSwapOption<LastRejection>>,
    /// To look into the past; changes go to the writer.
    log: Option<Arc<EmbeddedLog>>,
    compile: CompileOptions,
    /// One revision is made again at a time: each may take as much memory as what is in force.
    restoring: Arc<Semaphore>,
    trying: Arc<Semaphore>,
    full_loads: FullLoads,
}

/// What the publisher starts from.
#[derive(Debug)]
pub struct PublisherOptions {
    /// The log of revisions; without one nothing is kept and API writes are refused.
    pub log: Option<EmbeddedLog>,
    /// How much of the past the log keeps.
    pub retention: Retention,
    /// How bundles are compiled.
    pub compile: CompileOptions,
    /// What the files hold at start.
    pub files: Files,
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

/// On what terms a write is made.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// The revision that must be in force.
    pub expected: Option<u64>,
    /// Whether it is only judged.
    pub dry_run: bool,
    /// Who makes it: the name of a token.
    pub by: String,
    /// The key under which the same request is answered again. A dry run has none.
    pub key: Option<Idempotency>,
    /// Where a dry run puts what it would have put in force.
    pub trial: Trial,
}

/// What is in force and what a dry run would have put in its place, once it was judged. Whoever
/// makes the terms keeps a copy and looks into it after the answer.
#[derive(Debug, Clone, Default)]
pub struct Trial(Arc<OnceLock<[Snapshot; 2]>>);

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
    /// The links that named an entity that was removed, and went with it.
    pub links_removed: Vec<String>,
    /// How many entities had one that was removed among their parents, and have it no more.
    pub parents_dropped: usize,
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
    /// Its idempotency key stands for another request.
    KeyReused {
        /// The revision that was made with the key.
        revision: u64,
    },
    /// The revision to restore is not there, or not any more.
    NotKept {
        /// The revision that was asked for.
        revision: u64,
        /// The oldest that is kept.
        oldest: u64,
        /// The newest.
        newest: u64,
    },
    /// The revision to restore is kept and cannot be made again. The text is for the operator.
    Damaged(String),
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
    /// The API replaces parts.
    Put { parts: Parts, terms: Terms, answer: Answer<Published> },
    /// The API changes single entities and links.
    Patch(Patch),
    /// The API puts an earlier revision in force again.
    Restore { restored: Box<Restored>, terms: Terms, answer: Answer<Published> },
    /// The API replaces all entities by what was loaded from a stream, or by nothing, because of
    /// what was wrong with it.
    Replace { loaded: Box<Result<Loaded, Problems>>, terms: Terms, answer: Answer<Published> },
    /// The files were read again.
    Files { files: Result<Files, Problems>, answer: Answer<Published> },
}

/// A change of single entities and links on its way.
#[derive(Debug)]
struct Patch {
    change: store::Change,
    terms: Terms,
    answer: Answer<Patched>,
}

type Answer<T> = oneshot::Sender<Result<T, Rejection>>;

/// Why the publisher could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The bundle does not compile.
    #[error("{0}")]
    Invalid(Problems),
    /// What was made of the sources could not be written.
    #[error("{0}")]
    NotDurable(String),
    /// The log could not be used.
    #[error(transparent)]
    Log(#[from] LogError),
    /// What was in force cannot be made again, and the log is the only copy of it.
    #[error(
        "{0}\nhint: the log is the only copy of what the admin API wrote; put the data directory \
         back from a backup, or start with an empty one"
    )]
    Past(#[from] PastError),
}

// === impl Published ===

impl Published {
    /// Whether it made no new revision.
    pub fn is_unchanged(&self) -> bool {
        self.changed.is_empty()
    }
}

// === impl Trial ===

impl Trial {
    /// What is in force, and what would be; `None` where nothing would change.
    pub fn sides(&self) -> Option<&[Snapshot; 2]> {
        self.0.get()
    }

    fn put(&self, current: Option<&Snapshot>, next: &Snapshot) {
        if let Some(current) = current {
            // A write is judged once.
            let _ = self.0.set([current.clone(), next.clone()]);
        }
    }
}

// === impl Publisher ===

impl Publisher {
    /// The turn of a dry run to be looked into: one at a time, since each may take a while.
    pub async fn trial_turn(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.trying).acquire_owned().await.ok()
    }

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
        let full_loads = FullLoads::new(&options);
        let last_rejection = Arc::new(ArcSwapOption::empty());
        let compile = options.compile.clone();
        let writer = Writer::start(pdp, options, Arc::clone(&last_rejection), admit)?;
        let log = writer.log();
        let restoring = Arc::new(Semaphore::new(1));
        let trying = Arc::new(Semaphore::new(1));
        let publisher =
            Self { changes: sender, last_rejection, log, compile, restoring, trying, full_loads };
        Ok((publisher, run(writer, receiver)))
    }

    /// Replaces parts of the bundle, atomically, as one revision.
    pub async fn put_bundle(&self, parts: Parts, terms: Terms) -> Result<Published, Rejection> {
        self.send(|answer| Change::Put { parts, terms, answer }).await
    }

    /// Changes single entities and links, atomically, as one revision.
    pub async fn patch(&self, change: store::Change, terms: Terms) -> Result<Patched, Rejection> {
        self.send(|answer| Change::Patch(Patch { change, terms, answer })).await
    }

    /// Takes what the files hold now, or what was wrong with reading them.
    pub async fn put_files(&self, files: Result<Files, Problems>) -> Result<Published, Rejection> {
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

/// Takes changes in their order until every handle is gone; those that wait are taken up together.
async fn run(mut writer: Writer, mut changes: mpsc::Receiver<Change>) {
    let mut waiting = Vec::new();
    while changes.recv_many(&mut waiting, GROUP_MAX).await > 0 {
        let group = std::mem::take(&mut waiting);
        // Compiling may take long and block; the writer comes back with the answers.
        let handled = tokio::task::spawn_blocking(move || {
            writer.handle(group);
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
