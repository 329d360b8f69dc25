//! The image: a store as bytes, for restarts. The rows are written as they are held; indexes are
//! made again when an image is read, which is faster than reading them would be safe.
//!
//! Layout, all numbers little-endian: magic and version, the SHA-256 of what the schema says about
//! rows, templates, entities, links, numbers that are free, and the SHA-256 of everything before.
//! The digest guards against damage; SHA-256 because bundles have it already and processors compute
//! it in hardware. Whoever can write the file can write its digest, so nothing is read on trust.

use std::hash::RandomState;
use std::io::{self, Read, Write};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::build::Parts;
use super::pack::hash;
use super::rows::{Chunk, Row, Rows, Slot, number};
use super::shape::Shapes;
use super::tree::Tree;
use super::{EntityNo, Store};
use crate::engine::schema::SchemaInfo;

const MAGIC: &[u8; 8] = b"doorward";
const VERSION: u32 = 1;
const DIGEST_BYTES: usize = 32;

/// Why an image is not read.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The bytes cannot be had.
    #[error("the image cannot be read")]
    Io(#[source] io::Error),
    /// It ends before it should.
    #[error("the image is cut off")]
    CutOff,
    /// It is something else.
    #[error("this is not an image of a store")]
    Foreign,
    /// Another version of this program wrote it.
    #[error("the image has format {found}, and {VERSION} is the one that is read")]
    Version {
        /// What it says.
        found: u32,
    },
    /// It was made with another schema.
    #[error("the image was made with another schema")]
    Schema,
    /// Its bytes are not those that were written.
    #[error("the image is damaged")]
    Damaged,
}

// === impl Store ===

impl Store {
    /// Writes the store, so that `read_image` can make it again.
    pub fn write_image(&self, out: &mut impl Write) -> io::Result<()> {
        let mut out = Out { to: out, digest: Sha256::new(), buffer: Vec::new() };
        out.bytes(MAGIC)?;
        out.word(VERSION)?;
        out.bytes(&schema_digest(&self.shapes))?;
        out.word(number(self.links.templates.len()))?;
        for template in self.links.templates.iter() {
            out.word(number(template.len()))?;
            out.bytes(template.as_bytes())?;
        }
        out.rows(&self.rows)?;
        out.rows(&self.links.rows)?;
        out.numbers(&self.free)?;
        out.numbers(&self.links.free)?;
        let digest = out.digest.finalize();
        out.to.write_all(&digest)
    }

    /// Reads what `write_image` wrote, with the schema that the store had then.
    ///
    /// # Errors
    /// Whatever the bytes are, they are either the image of a store or an error.
    pub fn read_image(input: &mut impl Read, schema: &SchemaInfo) -> Result<Self, ImageError> {
        let shapes = Arc::new(Shapes::new(schema));
        let mut input = In { input, digest: Sha256::new() };
        if input.bytes(MAGIC.len())? != MAGIC {
            return Err(ImageError::Foreign);
        }
        let found = input.word()?;
        if found != VERSION {
            return Err(ImageError::Version { found });
        }
        let same_schema = input.bytes(DIGEST_BYTES)? == schema_digest(&shapes);
        let mut templates = Vec::new();
        for _ in 0..input.word()? {
            let len = input.word()? as usize;
            templates.push(text(input.bytes(len)?)?);
        }
        let (rows, links) = (input.rows()?, input.rows()?);
        let (free, free_links) = (input.numbers()?, input.numbers()?);
        let digest = input.digest.clone().finalize();
        if input.bytes(DIGEST_BYTES)? != digest.as_slice() {
            return Err(ImageError::Damaged);
        }
        // Said only now: of a damaged image nothing is known.
        if !same_schema {
            return Err(ImageError::Schema);
        }
        let hasher = RandomState::new();
        let (types, names) = (shapes.len(), templates.len());
        let uids = index(&rows, &free, types, |row| hash(&hasher, row.kind, row.id));
        let link_ids = index(&links, &free_links, names, |row| hash(&hasher, u16::MAX, row.id));
        let (uids, link_ids) = uids.zip(link_ids).ok_or(ImageError::Damaged)?;
        let parts = Parts { shapes, hasher, templates: templates.into(), rows, links };
        let mut store = parts.index(uids, link_ids).ok_or(ImageError::Damaged)?;
        store.free = free;
        store.links.free = free_links;
        Ok(store)
    }
}

/// What the rows of a store rest on.
fn schema_digest(shapes: &Shapes) -> [u8; DIGEST_BYTES] {
    Sha256::digest(shapes.describe()).into()
}

/// The hash and number of every row that is not free; `None` if one is of a kind that is not
/// there.
fn index(
    rows: &Rows,
    free: &Tree<u32>,
    kinds: usize,
    hash: impl Fn(&Row<'_>) -> u32,
) -> Option<Vec<[u32; 2]>> {
    let mut free = free.iter().peekable();
    let mut keys = Vec::with_capacity(rows.len() as usize);
    for (number, row) in (0..).zip(rows.iter()) {
        if free.next_if_eq(&number).is_some() {
            continue;
        }
        if usize::from(row.kind) >= kinds {
            return None;
        }
        keys.push([hash(&row), number]);
    }
    // What is left is free twice, out of order, or beyond the rows.
    free.next().is_none().then_some(keys)
}

fn text(bytes: Vec<u8>) -> Result<Box<str>, ImageError> {
    String::from_utf8(bytes).map(Into::into).map_err(|_| ImageError::Damaged)
}

/// Bytes going out, and their digest.
struct Out<'w, W> {
    to: &'w mut W,
    digest: Sha256,
    buffer: Vec<u8>,
}

/// Bytes coming in, and their digest.
struct In<'r, R> {
    input: &'r mut R,
    digest: Sha256,
}

// === impl Out ===

impl<W: Write> Out<'_, W> {
    fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.digest.update(bytes);
        self.to.write_all(bytes)
    }

    fn word(&mut self, word: u32) -> io::Result<()> {
        self.bytes(&word.to_le_bytes())
    }

    fn rows(&mut self, rows: &Rows) -> io::Result<()> {
        self.word(number(rows.chunks().count()))?;
        for chunk in rows.chunks() {
            let mut buffer = std::mem::take(&mut self.buffer);
            buffer.clear();
            let lens = [chunk.slots.len(), chunk.text.len(), chunk.nos.len(), chunk.words.len()];
            buffer.extend(lens.iter().flat_map(|len| number(*len).to_le_bytes()));
            for slot in &chunk.slots {
                buffer.extend(slot.kind.to_le_bytes());
                buffer.extend(slot.flags.to_le_bytes());
                for end in [slot.text_end, slot.nos_end, slot.words_end] {
                    buffer.extend(end.to_le_bytes());
                }
            }
            buffer.extend(chunk.text.as_bytes());
            buffer.extend(chunk.nos.iter().flat_map(|no| no.0.to_le_bytes()));
            buffer.extend(chunk.words.iter().flat_map(|word| word.to_le_bytes()));
            self.bytes(&buffer)?;
            self.buffer = buffer;
        }
        Ok(())
    }

    fn numbers(&mut self, numbers: &Tree<u32>) -> io::Result<()> {
        self.word(number(numbers.len()))?;
        numbers.iter().try_for_each(|number| self.word(number))
    }
}

// === impl In ===

impl<R: Read> In<'_, R> {
    /// Some bytes. What is not there is not made room for, whatever the length says.
    fn bytes(&mut self, len: usize) -> Result<Vec<u8>, ImageError> {
        let mut bytes = Vec::with_capacity(len.min(1 << 16));
        let wanted = (&mut *self.input).take(len as u64);
        let read = { wanted }.read_to_end(&mut bytes).map_err(ImageError::Io)?;
        if read < len {
            return Err(ImageError::CutOff);
        }
        self.digest.update(&bytes);
        Ok(bytes)
    }

    fn word(&mut self) -> Result<u32, ImageError> {
        let bytes = self.bytes(4)?;
        words(&bytes).next().ok_or(ImageError::CutOff)
    }

    fn rows(&mut self) -> Result<Rows, ImageError> {
        let mut chunks = Vec::new();
        for _ in 0..self.word()? {
            let lens = self.bytes(16)?;
            let mut lens = words(&lens).map(|len| len as usize);
            let mut len = || lens.next().ok_or(ImageError::CutOff);
            let (slots, text_len, nos, word_count) = (len()?, len()?, len()?, len()?);
            let slots = self.bytes(slots.saturating_mul(16))?;
            let text = text(self.bytes(text_len)?)?;
            let nos = self.bytes(nos.saturating_mul(4))?;
            let word_bytes = self.bytes(word_count.saturating_mul(4))?;
            chunks.push(Chunk {
                slots: slots.chunks_exact(16).filter_map(slot).collect(),
                text,
                nos: words(&nos).map(EntityNo).collect(),
                words: words(&word_bytes).collect(),
            });
        }
        Rows::from_chunks(chunks).ok_or(ImageError::Damaged)
    }

    fn numbers(&mut self) -> Result<Tree<u32>, ImageError> {
        let len = self.word()? as usize;
        let bytes = self.bytes(len.saturating_mul(4))?;
        let numbers: Vec<u32> = words(&bytes).collect();
        Ok(Tree::from_sorted(&numbers))
    }
}

fn words(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.chunks_exact(4).map(|word| word.try_into().map_or(0, u32::from_le_bytes))
}

fn slot(bytes: &[u8]) -> Option<Slot> {
    let mut ends = words(bytes.get(4..)?);
    Some(Slot {
        kind: u16::from_le_bytes(bytes.get(..2)?.try_into().ok()?),
        flags: u16::from_le_bytes(bytes.get(2..4)?.try_into().ok()?),
        text_end: ends.next()?,
        nos_end: ends.next()?,
        words_end: ends.next()?,
    })
}
