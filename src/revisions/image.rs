//! A snapshot of a revision as bytes: its state, and behind it the image of entities and links.
//! The image is written piece by piece on a thread of its own while the log reads, so that it is
//! never in memory as a whole.
//!
//! Layout: magic, the length of the state as eight bytes little-endian, the SHA-256 of the state,
//! the state as JSON, the image. The state has a digest of its own, because a start may need it
//! alone; the image ends with its own.

use std::io::{self, BufWriter, Cursor, PipeReader, Read, Write};
use std::thread::JoinHandle;

use super::hash::Hash;
use super::state::State;
use crate::engine::store::Store;

const MAGIC: &[u8; 8] = b"dwstate1";
/// The most bytes of a state: schema and policies have bounds far below.
const STATE_BYTES_MAX: u64 = 1 << 30;
/// How much of an image is written at a time.
const BUFFER_BYTES: usize = 1 << 18;

/// Reads a snapshot while it is written. The end is an error if the writing failed.
#[derive(Debug)]
pub struct ImageReader {
    head: Cursor<Vec<u8>>,
    image: PipeReader,
    writing: Option<JoinHandle<io::Result<()>>>,
}

// === impl ImageReader ===

impl ImageReader {
    /// The bytes of a revision's snapshot.
    ///
    /// # Errors
    /// The operating system has no pipe or no thread.
    pub fn new(state: &State, store: &Store) -> io::Result<Self> {
        let body = state.write()?;
        let mut head = MAGIC.to_vec();
        head.extend((body.len() as u64).to_le_bytes());
        head.extend(Hash::of(&body).as_bytes());
        head.extend(body);
        let (image, writer) = io::pipe()?;
        // Cloning is shallow.
        let store = store.clone();
        let write = move || {
            let mut out = BufWriter::with_capacity(BUFFER_BYTES, writer);
            store.write_image(&mut out)?;
            out.flush()
        };
        let writing = std::thread::Builder::new().name("image".to_owned()).spawn(write)?;
        Ok(Self { head: Cursor::new(head), image, writing: Some(writing) })
    }
}

impl Read for ImageReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.head.read(buffer)?;
        if count > 0 || buffer.is_empty() {
            return Ok(count);
        }
        let count = self.image.read(buffer)?;
        if count == 0
            && let Some(writing) = self.writing.take()
        {
            // The pipe closes also when the writing breaks off: that must not pass for its end.
            writing.join().unwrap_or_else(|_| Err(io::Error::other("the image broke off")))?;
        }
        Ok(count)
    }
}

/// The state in front of a snapshot; what is left to read is the image.
pub(super) fn read_state(bytes: &mut impl Read) -> Result<State, String> {
    let told = |error: io::Error| error.to_string();
    let mut magic = [0; MAGIC.len()];
    let (mut len, mut digest) = ([0; 8], [0; 32]);
    bytes.read_exact(&mut magic).map_err(told)?;
    if &magic != MAGIC {
        return Err("it is not a snapshot of a revision".to_owned());
    }
    bytes.read_exact(&mut len).map_err(told)?;
    bytes.read_exact(&mut digest).map_err(told)?;
    let len = u64::from_le_bytes(len);
    if len > STATE_BYTES_MAX {
        return Err("its state is larger than any".to_owned());
    }
    let mut body = Vec::new();
    bytes.take(len).read_to_end(&mut body).map_err(told)?;
    if Hash::of(&body) != Hash::from(digest) {
        return Err("its state has another digest than its contents".to_owned());
    }
    State::read(&body)
}
