//! From texts or streams to a store. Bytes are cut into items, items are packed by several threads
//! while the batches before are numbered, and at the end everything is checked together and put in
//! its place. What is held beside the store is packed; the input itself is held only in pieces.

use std::hash::RandomState;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::judge::{Content, Rules};
use super::loaded::{Loaded, Places};
use super::numbers::Numbers;
use super::pack::{Batch, ItemPlace};
use super::rows::number;
use super::shape::Shapes;
use super::source::Source;
use super::splitter::{Layout, Piece, SplitError, Splitter};
use super::{EntityNo, Store, build, integrity};
use crate::engine::bundle::Text;
use crate::engine::compile::References;
use crate::engine::error::{Problem, Problems};
use crate::engine::gate::Limits;
use crate::engine::policies::Policies;
use crate::engine::schema::SchemaInfo;

/// Bytes of items that one thread reads at a time.
const BATCH_BYTES: usize = 1 << 20;
/// After so many items, about a fifth of a millisecond, a thread offers its processor to others: the
/// system would let it go on for several milliseconds while a check waits.
const ITEMS_PER_TURN: usize = 64;
/// The most bytes of one item, unless configured otherwise.
const ITEM_BYTES_MAX: usize = 16 << 20;

/// How many bytes loaders have taken so far, for whoever shows how far a long load is.
#[derive(Debug, Clone, Default)]
pub struct Taken(Arc<AtomicU64>);

/// How entities and links are loaded.
#[derive(Debug, Clone)]
pub struct LoadOptions {
    /// Whether every uid that an entity or a link names must exist.
    pub references: References,
    /// The bounds of an item's nesting.
    pub limits: Limits,
    /// The most bytes of one entity or link.
    pub item_bytes_max: usize,
    /// How many threads read.
    pub threads: usize,
    /// Where the bytes taken are counted.
    pub taken: Taken,
}

/// What a stream holds, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// An array of entities.
    Entities,
    /// An entity or `{"link": {…}}` a line.
    Lines,
    /// An array of links.
    Links,
    /// A link a line.
    LinkLines,
}

/// Reads entities and links until it is told to [`finish`](Self::finish).
#[derive(Debug)]
pub struct Loader<'a> {
    rules: Rules<'a>,
    options: LoadOptions,
    hasher: RandomState,
    sources: Vec<Source>,
    stream: Option<(Splitter, Content)>,
    /// Items that were cut and not read yet, in batches.
    open: Vec<Raw>,
    /// Batches that were read and not numbered yet.
    read: Vec<Batch>,
    uids: Numbers,
    links: Numbers,
    loaded: Loaded,
    problems: Problems,
}

/// Items of one batch, cut but not read.
#[derive(Debug)]
struct Raw {
    bytes: Vec<u8>,
    content: Content,
    /// Where each item ends in `bytes`.
    items: Vec<(usize, ItemPlace)>,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            references: References::default(),
            limits: Limits::default(),
            item_bytes_max: ITEM_BYTES_MAX,
            threads: std::thread::available_parallelism().map_or(1, usize::from).min(8),
            taken: Taken::default(),
        }
    }
}

// === impl Taken ===

impl Taken {
    /// In bytes.
    pub fn bytes(&self) -> u64 {
        self.0.load(Relaxed)
    }

    fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes as u64, Relaxed);
    }
}

// === impl Loader ===

impl<'a> Loader<'a> {
    /// A loader of what fits a schema and policies.
    pub fn new(schema: &'a SchemaInfo, policies: &'a Policies, options: LoadOptions) -> Self {
        let hasher = RandomState::new();
        let shapes = Arc::new(Shapes::new(schema));
        let (uids, links) = (Numbers::new(&hasher), Numbers::new(&hasher));
        Self {
            rules: Rules::new(shapes, schema, policies, options.limits, &[]),
            options,
            hasher,
            sources: Vec::new(),
            stream: None,
            open: Vec::new(),
            read: Vec::new(),
            uids,
            links,
            loaded: Loaded::default(),
            problems: Problems::default(),
        }
    }

    /// Reads a text of entities.
    pub fn entities(&mut self, text: &Text) {
        self.text(text, if text.is_lines() { Stream::Lines } else { Stream::Entities });
    }

    /// Reads a text of links.
    pub fn links(&mut self, text: &Text) {
        self.text(text, if text.is_lines() { Stream::LinkLines } else { Stream::Links });
    }

    fn text(&mut self, text: &Text, stream: Stream) {
        self.begin(&text.name, stream);
        if let Some(source) = self.sources.last_mut() {
            source.text = Some(text.text.clone());
        }
        self.feed(text.text.as_bytes());
        self.end();
    }

    /// Begins a stream under a name that problems quote.
    pub fn begin(&mut self, name: &str, stream: Stream) {
        self.sources.push(Source { name: name.to_owned(), text: None });
        let (layout, content) = match stream {
            Stream::Entities => (Layout::Array, Content::Entities { links: false }),
            Stream::Lines => (Layout::Lines, Content::Entities { links: true }),
            Stream::Links => (Layout::Array, Content::Links),
            Stream::LinkLines => (Layout::Lines, Content::Links),
        };
        self.stream = Some((Splitter::new(layout, self.options.item_bytes_max), content));
    }

    /// Takes the next bytes of the stream.
    pub fn feed(&mut self, bytes: &[u8]) {
        // Pieces are small enough that no more than a round of batches is cut before it is read.
        for piece in bytes.chunks(BATCH_BYTES / 4) {
            let Some((mut splitter, content)) = self.stream.take() else { return };
            self.options.taken.add(piece.len());
            let fed = splitter.feed(piece, |item| self.cut(item, content));
            self.stream = Some((splitter, content));
            if let Err(error) = fed {
                self.split_error(&error);
            }
            if self.open.len() > self.options.threads {
                self.round();
            }
        }
    }

    /// Ends the stream.
    pub fn end(&mut self) {
        let Some((mut splitter, content)) = self.stream.take() else { return };
        if let Err(error) = splitter.finish(|item| self.cut(item, content)) {
            self.split_error(&error);
        }
    }

    /// Reads the entities of a store, to keep them under another schema.
    pub fn keep_entities(&mut self, store: &Store) {
        self.begin("the entities in force", Stream::Lines);
        store.export().for_each(|entity| self.feed(format!("{entity}\n").as_bytes()));
        self.end();
    }

    /// Reads the links of a store, to keep them beside other entities.
    pub fn keep_links(&mut self, store: &Store) {
        self.begin("the links in force", Stream::Lines);
        for link in store.links().filter_map(|no| store.link_json(no)) {
            self.feed(format!("{{\"link\":{link}}}\n").as_bytes());
        }
        self.end();
    }

    /// Whether a link was read so far.
    pub fn saw_links(&mut self) -> bool {
        while !self.open.is_empty() {
            self.round();
        }
        self.number();
        self.links.len() > 0
    }

    /// Checks everything together and makes the store.
    ///
    /// # Errors
    /// All that is wrong with any text, and with all of them together.
    pub fn finish(mut self) -> Result<Store, Problems> {
        self.end();
        while !self.open.is_empty() {
            self.round();
        }
        self.number();
        let store = build::store(&self.rules, self.uids, self.links, &self.loaded, &self.hasher);
        let Some(store) = store else {
            // A number beyond the rows, which nothing here gives.
            self.problems.push(Problem::error("store", "the entities cannot be stored"));
            return Err(self.problems);
        };
        let places = Places { loaded: &self.loaded, sources: &self.sources };
        let references = self.options.references;
        integrity::check(&store, self.rules.schema, references, &places, &mut self.problems);
        if self.problems.refuses() { Err(self.problems) } else { Ok(store) }
    }

    fn cut(&mut self, item: Piece<'_>, content: Content) {
        let source = number(self.sources.len().saturating_sub(1));
        let place = ItemPlace { source, line: item.line, offset: item.offset };
        let full = |raw: &Raw| raw.bytes.len() >= BATCH_BYTES || raw.content != content;
        if self.open.last().is_none_or(full) {
            self.open.push(Raw { bytes: Vec::new(), content, items: Vec::new() });
        }
        if let Some(raw) = self.open.last_mut() {
            raw.bytes.extend_from_slice(item.raw);
            raw.items.push((raw.bytes.len(), place));
        }
    }

    /// Reads the batches that are cut, and meanwhile numbers those of the round before.
    fn round(&mut self) {
        let open = std::mem::take(&mut self.open);
        let threads = self.options.threads.max(1);
        for batches in open.chunks(threads) {
            let (rules, sources, hasher) = (&self.rules, &self.sources, &self.hasher);
            let read = |raw: &Raw| raw.read(rules, sources, hasher);
            if let ([only], true) = (batches, self.read.is_empty()) {
                self.read.push(read(only));
                continue;
            }
            let done = std::mem::take(&mut self.read);
            let numbers = (
                &*self.rules.shapes,
                &mut self.uids,
                &mut self.links,
                &mut self.loaded,
                &mut self.problems,
            );
            self.read = std::thread::scope(|scope| {
                let workers: Vec<_> =
                    batches.iter().map(|raw| scope.spawn(move || read(raw))).collect();
                number_batches(done, sources, numbers);
                let joined = workers.into_iter().map(|worker| match worker.join() {
                    Ok(batch) => batch,
                    Err(panic) => std::panic::resume_unwind(panic),
                });
                joined.collect()
            });
        }
    }

    fn number(&mut self) {
        let done = std::mem::take(&mut self.read);
        let numbers = (
            &*self.rules.shapes,
            &mut self.uids,
            &mut self.links,
            &mut self.loaded,
            &mut self.problems,
        );
        number_batches(done, &self.sources, numbers);
    }

    fn split_error(&mut self, error: &SplitError) {
        self.loaded.blind = true;
        let source = number(self.sources.len().saturating_sub(1));
        let place = ItemPlace { source, line: error.line, offset: error.offset };
        if let Some(source) = self.sources.last() {
            let place = source.place(place, "", 0, 1);
            self.problems.push(Problem::error("json", error.message.clone()).at(place));
        }
    }
}

type Numbering<'n> =
    (&'n Shapes, &'n mut Numbers, &'n mut Numbers, &'n mut Loaded, &'n mut Problems);

/// Puts the store's numbers into batches, in the order in which they were cut.
fn number_batches(batches: Vec<Batch>, sources: &[Source], numbering: Numbering<'_>) {
    let (shapes, uids, links, loaded, problems) = numbering;
    for mut batch in batches {
        let numbers: Vec<EntityNo> =
            batch.uids().map(|(ty, id, hash)| EntityNo(uids.take(ty.0, id, hash).0)).collect();
        batch.renumber(&numbers);
        problems.append(std::mem::take(&mut batch.problems));
        loaded.take(batch, uids, links, sources, shapes, problems);
    }
}

// === impl Raw ===

impl Raw {
    fn read(&self, rules: &Rules<'_>, sources: &[Source], hasher: &RandomState) -> Batch {
        let mut batch = Batch::new(hasher);
        let mut start = 0;
        for (number, (end, place)) in self.items.iter().enumerate() {
            if number % ITEMS_PER_TURN == ITEMS_PER_TURN - 1 {
                std::thread::yield_now();
            }
            let raw = self.bytes.get(start..*end).unwrap_or_default();
            start = *end;
            if let Some(source) = sources.get(place.source as usize) {
                rules.read(raw, *place, self.content, source, &mut batch);
            }
        }
        batch
    }
}
