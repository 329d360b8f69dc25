//! The canonical form of a record: the bytes that are hashed, and stored. Whole numbers are
//! big-endian, a text is its length and its bytes, what may be absent begins with 0 or 1, and
//! nothing may follow: one record has one form, and one form is one record.

use jiff::Timestamp;

use super::{BodyInfo, Idempotency, Record};
use crate::revisions::error::ChainFault;
use crate::revisions::hash::{Epoch, Hash};

/// Says which form this is; another form gets another line here.
const TAG: &[u8] = b"doorward record 1\n";

// === impl Record ===

impl Record {
    /// The canonical form: everything but the hash itself.
    pub(in crate::revisions) fn canonical(&self) -> Vec<u8> {
        let mut out = TAG.to_vec();
        out.extend(self.epoch.as_bytes());
        out.extend(self.revision.to_be_bytes());
        out.extend(self.previous.as_bytes());
        out.extend(self.at.as_nanosecond().to_be_bytes());
        text(&mut out, &self.by);
        out.extend((self.changed.len() as u64).to_be_bytes());
        for line in &self.changed {
            text(&mut out, line);
        }
        out.push(u8::from(self.idempotency.is_some()));
        if let Some(Idempotency { key, request }) = &self.idempotency {
            text(&mut out, key);
            text(&mut out, request);
        }
        out.push(u8::from(self.digest.is_some()));
        if let Some(digest) = &self.digest {
            text(&mut out, digest);
        }
        out.push(u8::from(self.snapshot.is_some()));
        if let Some(snapshot) = &self.snapshot {
            out.extend(snapshot.as_bytes());
        }
        out.extend(self.body.digest.as_bytes());
        out.extend(self.body.bytes.to_be_bytes());
        out
    }

    /// The record of a canonical form that has this hash.
    pub(in crate::revisions) fn from_canonical(
        form: &[u8],
        hash: Hash,
    ) -> Result<Self, ChainFault> {
        if Hash::of(form) != hash {
            return Err(ChainFault::Hash);
        }
        let mut rest = Rest(form);
        let record = rest.record(hash).ok_or(ChainFault::Form)?;
        if rest.0.is_empty() { Ok(record) } else { Err(ChainFault::Form) }
    }
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u64).to_be_bytes());
    out.extend(text.as_bytes());
}

/// What is still to be read of a form.
struct Rest<'a>(&'a [u8]);

// === impl Rest ===

impl Rest<'_> {
    fn record(&mut self, hash: Hash) -> Option<Record> {
        self.0 = self.0.strip_prefix(TAG)?;
        let epoch = Epoch::from(self.array()?);
        let revision = self.number()?;
        let previous = Hash::from(self.array()?);
        let at = Timestamp::from_nanosecond(i128::from_be_bytes(self.array()?)).ok()?;
        let by = self.text()?;
        // A count of lines that are not there ends at the end of the form: nothing is reserved.
        let changed = (0..self.number()?).map(|_| self.text()).collect::<Option<Vec<_>>>()?;
        let idempotency = if self.present()? {
            Some(Idempotency { key: self.text()?, request: self.text()? })
        } else {
            None
        };
        let digest = if self.present()? { Some(self.text()?) } else { None };
        let snapshot = if self.present()? { Some(Hash::from(self.array()?)) } else { None };
        let body = BodyInfo { digest: Hash::from(self.array()?), bytes: self.number()? };
        Some(Record {
            epoch,
            revision,
            previous,
            hash,
            at,
            by,
            changed,
            idempotency,
            digest,
            snapshot,
            body,
        })
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*array)
    }

    fn number(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    fn present(&mut self) -> Option<bool> {
        match self.array()? {
            [0] => Some(false),
            [1] => Some(true),
            _ => None,
        }
    }

    fn text(&mut self) -> Option<String> {
        let length = usize::try_from(self.number()?).ok()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        String::from_utf8(text.to_vec()).ok()
    }
}
