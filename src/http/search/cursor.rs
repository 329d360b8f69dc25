//! Cursors: where a search goes on, in a form that clients can neither read nor make. What is in one
//! may be the id of an entity that its holder may not see, because that was the last one looked at.
//!
//! A cursor is sealed with keys of this process: a tag over its contents by HMAC-SHA-256 (RFC 2104),
//! which is also what the stream is made of that hides the contents, so that equal cursors are
//! equal and different ones share no part of the stream (the construction of RFC 5297, SIV).

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::engine::search::Position;
use crate::http::problem::{Kind, Problem};

/// The block of SHA-256, in bytes.
const BLOCK: usize = 64;
/// The tag in front, and the name of the process before it, in bytes.
const TAG: usize = 32;
const PROCESS: usize = 8;
/// The longest cursor that is looked at, in characters: an id in a body of a check, in hexadecimal.
const CHARS_MAX: usize = 1024 * 1024;

/// Makes and reads cursors.
#[derive(Debug)]
pub(in crate::http) struct Cursors {
    /// Tells the cursors of this process from those of another.
    process: [u8; PROCESS],
    tag_key: [u8; 32],
    stream_key: [u8; 32],
}

/// What a cursor says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cursor {
    pub(super) revision: u64,
    /// Of the question.
    pub(super) digest: [u8; 32],
    /// `None`: the search has not begun.
    pub(super) position: Option<Position>,
}

// === impl Cursors ===

impl Cursors {
    /// With keys that nobody else has.
    ///
    /// # Errors
    /// The system has no randomness to give.
    pub(in crate::http) fn new() -> Result<Self, getrandom::Error> {
        let mut cursors = Self { process: [0; PROCESS], tag_key: [0; 32], stream_key: [0; 32] };
        getrandom::fill(&mut cursors.process)?;
        getrandom::fill(&mut cursors.tag_key)?;
        getrandom::fill(&mut cursors.stream_key)?;
        Ok(cursors)
    }

    pub(super) fn seal(&self, cursor: &Cursor) -> String {
        let mut contents = cursor.to_bytes();
        let tag = hmac(&self.tag_key, &[&contents]);
        self.hide(&tag, &mut contents);
        hex::encode([&self.process[..], &tag, &contents].concat())
    }

    /// Reads a cursor of the question with this digest. `member` is where the client wrote it.
    pub(super) fn open(
        &self,
        text: &str,
        digest: &[u8; 32],
        member: &str,
    ) -> Result<Cursor, Problem> {
        let unknown = || {
            let detail = format!("`{member}` is none that this service gave out");
            Problem::new(Kind::InvalidCursor, detail)
        };
        let bytes = Some(text).filter(|text| text.len() <= CHARS_MAX);
        let bytes = bytes.and_then(|text| hex::decode(text).ok()).ok_or_else(unknown)?;
        let (process, rest) = bytes.split_first_chunk::<PROCESS>().ok_or_else(unknown)?;
        let (tag, contents) = rest.split_first_chunk::<TAG>().ok_or_else(unknown)?;
        if *process != self.process {
            return Err(gone("the service was started anew since the cursor was given out"));
        }
        let mut contents = contents.to_vec();
        self.hide(tag, &mut contents);
        if !bool::from(hmac(&self.tag_key, &[&contents]).ct_eq(tag)) {
            return Err(unknown());
        }
        let cursor = Cursor::from_bytes(&contents).ok_or_else(unknown)?;
        if cursor.digest != *digest {
            let detail = format!("`{member}` belongs to another question");
            return Err(Problem::new(Kind::InvalidCursor, detail)
                .hint("send it with the same members that it was given out for"));
        }
        Ok(cursor)
    }

    /// Hides what is to be read by nobody else, or shows it again.
    fn hide(&self, tag: &[u8; TAG], contents: &mut [u8]) {
        for (number, block) in contents.chunks_mut(32).enumerate() {
            let stream = hmac(&self.stream_key, &[tag, &(number as u64).to_be_bytes()]);
            block.iter_mut().zip(stream).for_each(|(byte, mask)| *byte ^= mask);
        }
    }
}

/// The revision of a cursor is not there any more.
pub(super) fn gone(why: &'static str) -> Problem {
    Problem::new(Kind::CursorGone, why).hint("begin again without a cursor")
}

// === impl Cursor ===

impl Cursor {
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.revision.to_be_bytes().to_vec();
        bytes.extend_from_slice(&self.digest);
        if let Some(position) = &self.position {
            bytes.push(if position.after.is_some() { 2 } else { 1 });
            bytes.extend_from_slice(position.type_name.as_bytes());
            // No type's name has this byte in it.
            bytes.push(0);
            bytes.extend_from_slice(position.after.as_deref().unwrap_or_default().as_bytes());
        }
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (revision, rest) = bytes.split_first_chunk::<8>()?;
        let (digest, rest) = rest.split_first_chunk::<32>()?;
        let position = match rest.split_first() {
            None => None,
            Some((mark, rest)) => {
                let (type_name, id) = std::str::from_utf8(rest).ok()?.split_once('\0')?;
                let after = (*mark == 2).then(|| id.to_owned());
                Some(Position { type_name: type_name.to_owned(), after })
            }
        };
        Some(Self { revision: u64::from_be_bytes(*revision), digest: *digest, position })
    }
}

/// HMAC-SHA-256 of the parts, one behind the other.
fn hmac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let padded = |pad: u8| {
        let mut block = [pad; BLOCK];
        block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
        block
    };
    let mut inner = Sha256::new_with_prefix(padded(0x36));
    for part in parts {
        inner.update(part);
    }
    let mut outer = Sha256::new_with_prefix(padded(0x5c));
    outer.update(inner.finalize());
    outer.finalize().into()
}

#[cfg(test)]
mod tests;
