//! A full load: all entities from a stream. It is read and compiled beside the writer, which other
//! changes therefore need not wait for, and given to the writer when it is whole. One runs at a
//! time, because each holds a whole snapshot of its own; a second one is refused.
//!
//! [`FullLoad::judge`] compiles what would be in force under other parts, for whoever only asks.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::unhurried::unhurried;
use super::{Change, Parts, Published, Publisher, PublisherOptions, Rejection, Terms};
use crate::engine::bundle::{TextDigest, of_data};
use crate::engine::{
    Bundle, CompileOptions, Draft, Problems, Snapshot, StreamFailure, Text, compile, review,
};
use crate::pdp::Installed;

/// The name that problems of a stream quote. It says that the stream has one item a line.
const STREAM_NAME: &str = "entities.ndjson";

/// What decides on full loads.
#[derive(Debug, Clone)]
pub(super) struct FullLoads {
    turn: Arc<Semaphore>,
    judging: Arc<Semaphore>,
    compile: CompileOptions,
    is_ephemeral: bool,
}

/// The turn of one full load; the next may begin when it is dropped.
#[derive(Debug)]
pub struct FullLoad {
    compile: CompileOptions,
    _turn: OwnedSemaphorePermit,
}

/// The digest of a stream, made while it is read.
pub type StreamDigest = TextDigest;

/// All that came of a stream.
#[derive(Debug)]
pub struct Loaded {
    /// What was in force when it began.
    pub(super) base: Arc<Installed>,
    /// The rules of `base` over what the stream held.
    pub(super) snapshot: Snapshot,
    /// Whether links came with it.
    pub(super) links_given: bool,
    /// The digest of the stream, as that of a part.
    pub(super) digest: String,
}

// === impl FullLoads ===

impl FullLoads {
    pub(super) fn new(options: &PublisherOptions) -> Self {
        Self {
            turn: Arc::new(Semaphore::new(1)),
            judging: Arc::new(Semaphore::new(1)),
            compile: options.compile.clone(),
            is_ephemeral: options.log.is_none(),
        }
    }

    fn begin(&self, turn: &Arc<Semaphore>) -> Result<FullLoad, Rejection> {
        let turn = Arc::clone(turn).try_acquire_owned().map_err(|_| Rejection::Busy)?;
        Ok(FullLoad { compile: self.compile.clone(), _turn: turn })
    }
}

// === impl FullLoad ===

impl FullLoad {
    /// Reads a stream of lines over what is in force. Blocks.
    ///
    /// # Errors
    /// What `read` fails with; all that is wrong with the stream is told when it is published.
    pub fn load<E: Send>(
        &self,
        base: Arc<Installed>,
        read: impl FnOnce(&mut dyn FnMut(&[u8])) -> Result<(), E> + Send,
    ) -> Result<Result<Loaded, Problems>, E> {
        let mut digest = StreamDigest::default();
        let hashed = |feed: &mut dyn FnMut(&[u8])| {
            read(&mut |bytes| {
                digest.update(bytes);
                feed(bytes);
            })
        };
        match unhurried(|| base.snapshot.reload(STREAM_NAME, &self.compile, hashed)) {
            Ok(streamed) => Ok(Ok(Loaded {
                base,
                snapshot: streamed.snapshot,
                links_given: streamed.links_given,
                digest: of_data(std::iter::once((STREAM_NAME.to_owned(), digest))),
            })),
            Err(StreamFailure::Problems(problems)) => Ok(Err(problems)),
            Err(StreamFailure::Source(error)) => Err(error),
        }
    }

    /// What parts would make of what is in force, those absent kept: the parts that would change
    /// and a snapshot with its warnings, or all that is wrong. Blocks.
    ///
    /// # Errors
    /// Every problem.
    pub fn judge(
        &self,
        base: Option<&Installed>,
        parts: Parts,
        now_ms: i64,
    ) -> Result<Problems, Problems> {
        unhurried(|| {
            let (bundle, judged) = self.judge_here(base, parts);
            let snapshot = judged?;
            let mut warnings = snapshot.warnings().clone();
            warnings.append(review(&snapshot, &bundle, now_ms));
            warnings.sort_by_text(bundle.names());
            Ok(warnings)
        })
    }

    fn judge_here(
        &self,
        base: Option<&Installed>,
        parts: Parts,
    ) -> (Bundle, Result<Snapshot, Problems>) {
        let Parts { schema, policies, entities, links } = parts;
        let rules_given = schema.is_some() || policies.is_some();
        let kept = base.map(|base| &*base.texts);
        let schema = schema.map(|text| Text::new("schema", text));
        let schema = schema.or_else(|| kept?.schema.clone());
        let policies = policies.map(|texts| {
            texts.into_iter().map(|(name, text)| Text::new(name, text)).collect::<Vec<_>>()
        });
        let policies = policies.or_else(|| Some(kept?.policies.clone())).unwrap_or_default();
        let data = |name, text: Option<String>| text.map(|text| vec![Text::new(name, text)]);
        let (entities, links) = (data("entities", entities), data("links", links));
        let Some(base) = base else {
            let (entities, links) = (entities.unwrap_or_default(), links.unwrap_or_default());
            let bundle = Bundle { schema, policies, entities, links };
            let judged = compile(&bundle, &self.compile);
            return (bundle, judged);
        };
        let draft = Draft {
            rules: rules_given.then_some((schema.as_ref(), &policies[..])),
            entities: entities.as_deref(),
            links: links.as_deref(),
            judge_again: false,
        };
        let judged = base.snapshot.revise(&draft, &self.compile);
        let (entities, links) = (entities.unwrap_or_default(), links.unwrap_or_default());
        (Bundle { schema, policies, entities, links }, judged)
    }
}

// === impl Publisher ===

impl Publisher {
    /// The turn of a full load that is to be published.
    ///
    /// # Errors
    /// Another one runs, or nothing is kept, so that it could not be acknowledged.
    pub fn begin_full_load(&self) -> Result<FullLoad, Rejection> {
        if self.full_loads.is_ephemeral {
            return Err(Rejection::Ephemeral);
        }
        self.full_loads.begin(&self.full_loads.turn)
    }

    /// The turn of a full load of which nothing is published.
    ///
    /// # Errors
    /// Another one runs.
    pub fn begin_judging(&self) -> Result<FullLoad, Rejection> {
        self.full_loads.begin(&self.full_loads.judging)
    }

    /// Replaces all entities, and all links that the load had links for, as one revision.
    pub async fn replace(
        &self,
        loaded: Result<Loaded, Problems>,
        terms: Terms,
    ) -> Result<Published, Rejection> {
        let loaded = Box::new(loaded);
        self.send(|answer| Change::Replace { loaded, terms, answer }).await
    }
}
