//! Rows by number: what an entity or a link consists of, packed in chunks of a few hundred. A
//! version that changes a row copies its chunk and a path of two tables, and shares the rest.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::EntityNo;

/// Rows in a chunk. A chunk is copied when one of its rows is changed, so it is small.
const CHUNK_ROWS: u32 = 256;
/// Chunks in a node of the table.
const NODE_CHUNKS: usize = 64;

/// The entity or link is there, not only named by others.
pub(super) const STORED: u16 = 1;
/// A link names this entity as its principal.
pub(super) const PRINCIPAL: u16 = 2;
/// A link names this entity as its resource.
pub(super) const RESOURCE: u16 = 4;
/// The text goes on after the id, and the first word says how long the id is.
const LONGER: u16 = 8;

/// Rows by number, without gaps.
#[derive(Debug, Clone, Default)]
pub(super) struct Rows {
    nodes: Arc<Vec<Node>>,
    len: u32,
}

type Node = Arc<Vec<Arc<Chunk>>>;

/// Rows side by side: each field of all of them in one piece of memory.
#[derive(Debug, Clone, Default)]
pub(super) struct Chunk {
    pub(super) slots: Box<[Slot]>,
    pub(super) text: Box<str>,
    pub(super) nos: Box<[EntityNo]>,
    pub(super) words: Box<[u32]>,
}

/// Where a row ends in each field of its chunk; it begins where the one before ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) kind: u16,
    pub(super) flags: u16,
    pub(super) text_end: u32,
    pub(super) nos_end: u32,
    pub(super) words_end: u32,
}

/// One row: of an entity (its type, id, parents, attributes) or of a link (its template, id,
/// principal and resource, the rest).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Row<'a> {
    /// The number of the entity's type or the link's template.
    pub(super) kind: u16,
    /// `STORED`, `PRINCIPAL`, `RESOURCE`.
    pub(super) flags: u16,
    pub(super) id: &'a str,
    /// The id and after it the strings that `words` refer to.
    pub(super) text: &'a str,
    pub(super) nos: &'a [EntityNo],
    pub(super) words: &'a [u32],
}

/// A row on its own, for changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct RowBuf {
    pub(super) kind: u16,
    pub(super) flags: u16,
    pub(super) id_len: usize,
    pub(super) text: String,
    pub(super) nos: Vec<EntityNo>,
    pub(super) words: Vec<u32>,
}

/// Packs rows into chunks.
#[derive(Debug, Default)]
pub(super) struct Packer {
    nodes: Vec<Node>,
    node: Vec<Arc<Chunk>>,
    open: Open,
    len: u32,
}

/// A chunk that is being packed.
#[derive(Debug, Default)]
struct Open {
    slots: Vec<Slot>,
    text: String,
    nos: Vec<EntityNo>,
    words: Vec<u32>,
}

// === impl Rows ===

impl Rows {
    pub(super) fn len(&self) -> u32 {
        self.len
    }

    pub(super) fn row(&self, number: u32) -> Option<Row<'_>> {
        let chunk = (number / CHUNK_ROWS) as usize;
        let node = self.nodes.get(chunk / NODE_CHUNKS)?;
        node.get(chunk % NODE_CHUNKS)?.row((number % CHUNK_ROWS) as usize)
    }

    /// All rows in the order of their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        self.chunks().flat_map(Chunk::rows)
    }

    pub(super) fn chunks(&self) -> impl Iterator<Item = &Chunk> {
        self.shared_chunks().map(|chunk| &**chunk)
    }

    /// Chunks as versions share them: what is at one place in memory is the same.
    pub(super) fn shared_chunks(&self) -> impl Iterator<Item = &Arc<Chunk>> {
        self.nodes.iter().flat_map(|node| node.iter())
    }

    /// Rows as chunks that were packed before; `None` unless all but the last are full.
    pub(super) fn from_chunks(chunks: Vec<Chunk>) -> Option<Self> {
        let mut len = 0_u32;
        let last = chunks.len().checked_sub(1);
        for (number, chunk) in chunks.iter().enumerate() {
            let rows = u32::try_from(chunk.slots.len()).ok()?;
            let full =
                rows == CHUNK_ROWS || (Some(number) == last && rows < CHUNK_ROWS && rows > 0);
            if !full || !chunk.is_sound() {
                return None;
            }
            len = len.checked_add(rows)?;
        }
        let mut nodes: Vec<Node> = Vec::new();
        let mut node = Vec::new();
        for chunk in chunks {
            node.push(Arc::new(chunk));
            if node.len() == NODE_CHUNKS {
                nodes.push(Arc::new(std::mem::take(&mut node)));
            }
        }
        if !node.is_empty() {
            nodes.push(Arc::new(node));
        }
        Some(Self { nodes: Arc::new(nodes), len })
    }

    /// Puts rows in the place of others or, without a gap, behind the last.
    pub(super) fn replace(&mut self, changed: &BTreeMap<u32, RowBuf>) {
        let mut rest = changed.iter().peekable();
        while let Some((first, _)) = rest.peek() {
            let number = **first / CHUNK_ROWS;
            let end = (number + 1).saturating_mul(CHUNK_ROWS);
            let mut open = Open::default();
            let start = number * CHUNK_ROWS;
            for row_number in start..end {
                let replaced = rest.next_if(|(next, _)| **next == row_number);
                match (replaced, self.row(row_number)) {
                    (Some((_, row)), _) => open.push(row.as_row()),
                    (None, Some(row)) => open.push(row),
                    (None, None) => break,
                }
                self.len = self.len.max(row_number + 1);
            }
            // A gap would leave rows behind it forever: they cannot be reached, so drop them.
            while rest.next_if(|(next, _)| **next < end).is_some() {}
            self.set_chunk(number as usize, open.close());
        }
    }

    fn set_chunk(&mut self, number: usize, chunk: Chunk) {
        let nodes = Arc::make_mut(&mut self.nodes);
        let at = number / NODE_CHUNKS;
        if at >= nodes.len() {
            nodes.push(Arc::default());
        }
        let Some(node) = nodes.get_mut(at).map(Arc::make_mut) else { return };
        match node.get_mut(number % NODE_CHUNKS) {
            Some(place) => *place = Arc::new(chunk),
            None => node.push(Arc::new(chunk)),
        }
    }
}

// === impl Chunk ===

impl Chunk {
    /// Its rows, in the order of their numbers.
    pub(super) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        (0..self.slots.len()).filter_map(|at| self.row(at))
    }

    fn row(&self, at: usize) -> Option<Row<'_>> {
        let slot = self.slots.get(at)?;
        let before = match at.checked_sub(1) {
            Some(before) => *self.slots.get(before)?,
            None => Slot::default(),
        };
        let text = self.text.get(before.text_end as usize..slot.text_end as usize)?;
        let nos = self.nos.get(before.nos_end as usize..slot.nos_end as usize)?;
        let words = self.words.get(before.words_end as usize..slot.words_end as usize)?;
        let (id, words) = if slot.flags & LONGER == 0 {
            (text, words)
        } else {
            let (id_len, words) = words.split_first()?;
            (text.get(..*id_len as usize)?, words)
        };
        let flags = slot.flags & !LONGER;
        Some(Row { kind: slot.kind, flags, id, text, nos, words })
    }

    /// Whether every row can be read.
    fn is_sound(&self) -> bool {
        (0..self.slots.len()).all(|at| self.row(at).is_some())
    }
}

// === impl RowBuf ===

impl RowBuf {
    pub(super) fn as_row(&self) -> Row<'_> {
        Row {
            kind: self.kind,
            flags: self.flags,
            id: self.text.get(..self.id_len).unwrap_or_default(),
            text: &self.text,
            nos: &self.nos,
            words: &self.words,
        }
    }

    /// The row of an entity that is only named.
    pub(super) fn named(kind: u16, id: &str) -> Self {
        Self { kind, id_len: id.len(), text: id.to_owned(), ..Self::default() }
    }
}

impl From<Row<'_>> for RowBuf {
    fn from(row: Row<'_>) -> Self {
        Self {
            kind: row.kind,
            flags: row.flags,
            id_len: row.id.len(),
            text: row.text.to_owned(),
            nos: row.nos.to_vec(),
            words: row.words.to_vec(),
        }
    }
}

// === impl Packer ===

impl Packer {
    pub(super) fn push(&mut self, row: Row<'_>) {
        self.open.push(row);
        self.len += 1;
        if self.open.slots.len() == CHUNK_ROWS as usize {
            self.close_chunk();
        }
    }

    pub(super) fn finish(mut self) -> Rows {
        if !self.open.slots.is_empty() {
            self.close_chunk();
        }
        if !self.node.is_empty() {
            self.nodes.push(Arc::new(self.node));
        }
        Rows { nodes: Arc::new(self.nodes), len: self.len }
    }

    fn close_chunk(&mut self) {
        self.node.push(Arc::new(self.open.close()));
        if self.node.len() == NODE_CHUNKS {
            self.nodes.push(Arc::new(std::mem::take(&mut self.node)));
        }
    }
}

// === impl Open ===

impl Open {
    fn push(&mut self, row: Row<'_>) {
        let mut flags = row.flags;
        if row.text.len() > row.id.len() {
            flags |= LONGER;
            self.words.push(number(row.id.len()));
        }
        self.text.push_str(row.text);
        self.nos.extend_from_slice(row.nos);
        self.words.extend_from_slice(row.words);
        self.slots.push(Slot {
            kind: row.kind,
            flags,
            text_end: number(self.text.len()),
            nos_end: number(self.nos.len()),
            words_end: number(self.words.len()),
        });
    }

    /// The chunk, at exactly its size; what is open is empty after.
    fn close(&mut self) -> Chunk {
        let chunk = Chunk {
            slots: self.slots.as_slice().into(),
            text: self.text.as_str().into(),
            nos: self.nos.as_slice().into(),
            words: self.words.as_slice().into(),
        };
        self.slots.clear();
        self.text.clear();
        self.nos.clear();
        self.words.clear();
        chunk
    }
}

/// A length as it is stored. The bounds of an item keep 256 of them far below the limit.
pub(super) fn number(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}
