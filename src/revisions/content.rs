//! Stored bytes on their way out: read piece by piece, counted and hashed on the way, and refused
//! at their end where they are not what was stored.

use std::fmt;
use std::io::{self, Read};

use sha2::{Digest, Sha256};

use super::hash::Hash;

/// A body or a snapshot. Its bytes are to be trusted only once it was read to its end, which is an
/// error where they do not have the digest they were stored with.
pub struct Content {
    source: Box<dyn Read + Send>,
    digest: Hash,
    bytes: u64,
    seen: u64,
    hasher: Sha256,
}

// === impl Content ===

impl Content {
    /// Bytes from a backend, and what they were when they were stored.
    pub fn new(source: Box<dyn Read + Send>, digest: Hash, bytes: u64) -> Self {
        Self { source, digest, bytes, seen: 0, hasher: Sha256::new() }
    }

    /// The SHA-256 of the whole.
    pub fn digest(&self) -> Hash {
        self.digest
    }

    /// How many bytes there are.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// All of it, for what is known to be small. The length was checked with the record.
    ///
    /// # Errors
    /// It cannot be read, or is not what was stored.
    pub fn into_vec(mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Reads all of it and keeps nothing.
    pub(super) fn check(mut self) -> io::Result<()> {
        io::copy(&mut self, &mut io::sink()).map(drop)
    }

    fn damaged(reason: &str) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, format!("stored bytes are damaged: {reason}"))
    }
}

impl Read for Content {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let count = self.source.read(buffer)?;
        let piece = buffer.get(..count).unwrap_or_default();
        self.seen += piece.len() as u64;
        self.hasher.update(piece);
        if self.seen > self.bytes || (count == 0 && self.seen < self.bytes) {
            return Err(Self::damaged("their length is another than when they were stored"));
        }
        if count == 0 && Hash::from(self.hasher.clone()) != self.digest {
            return Err(Self::damaged("their digest is another than when they were stored"));
        }
        Ok(count)
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { digest, bytes, seen, .. } = self;
        f.debug_struct("Content")
            .field("digest", digest)
            .field("bytes", bytes)
            .field("seen", seen)
            .finish_non_exhaustive()
    }
}
