//! The journal: the changes since the state was written, a record a line, each bound to all before
//! it by a hash. A record that was not written whole was never acknowledged, and is dropped; any
//! other fault is damage and is told.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::StoreError;
use super::state::StoredDigests;
use crate::engine::store::Change;
use crate::engine::{Digests, Text, uid};

/// The most bytes of a journal before it is folded into a new state.
const BYTES_MAX: u64 = 8 << 20;
/// The most records.
const RECORDS_MAX: usize = 10_000;
/// The characters of a hash in hexadecimal.
const HASH_CHARS: usize = 64;

/// One change of entities and links.
#[derive(Debug, Clone)]
pub struct Record {
    /// The revision that it made.
    pub revision: u64,
    /// When that was installed.
    pub installed_at: Timestamp,
    /// The digests of the parts of that revision.
    pub digests: Digests,
    /// The digest of the entity files that were the seed.
    pub seed: String,
    /// The change.
    pub change: Change,
}

/// An open journal.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    /// The hash of the last record, or what the first is bound to.
    last: String,
    bytes: u64,
    records: usize,
    /// Whether the end of the file is not what it should be, and could not be put right.
    broken: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    revision: u64,
    installed_at: Timestamp,
    digests: StoredDigests,
    seed: String,
    change: StoredChange,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredChange {
    unlink: Vec<String>,
    remove: Vec<StoredUid>,
    /// As text, so that what is found wrong with it has the place that it had.
    upsert: Option<String>,
    link: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredUid {
    r#type: String,
    id: String,
}

// === impl Journal ===

impl Journal {
    /// Makes an empty journal whose first record is bound to `base`.
    pub(super) fn create(path: &Path, base: &str) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).truncate(true).write(true).open(path)?;
        Ok(Self {
            path: path.to_owned(),
            file,
            last: base.to_owned(),
            bytes: 0,
            records: 0,
            broken: false,
        })
    }

    /// Opens a journal and reads its records; `None` where there is none.
    pub(super) fn open(path: &Path, base: &str) -> Result<Option<(Self, Vec<Record>)>, StoreError> {
        let io = |source| StoreError::Io { doing: "read", path: path.to_owned(), source };
        let mut file = match OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io(error)),
        };
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(io)?;
        let whole = whole_len(&bytes);
        if whole < bytes.len() {
            tracing::warn!(
                path = %path.display(),
                bytes = bytes.len() - whole,
                "the journal ends in a record that was never acknowledged; it is dropped"
            );
            file.set_len(whole as u64).and_then(|()| file.sync_all()).map_err(io)?;
        }
        bytes.truncate(whole);
        let mut last = base.to_owned();
        let mut records = Vec::new();
        for (number, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
            let record = read_record(line, &mut last).map_err(|reason| StoreError::Damaged {
                path: path.to_owned(),
                reason: format!("record {}: {reason}", number + 1),
            })?;
            records.push(record);
        }
        file.seek(SeekFrom::End(0)).map_err(io)?;
        let count = records.len();
        let path = path.to_owned();
        let journal = Self { path, file, last, bytes: whole as u64, records: count, broken: false };
        Ok(Some((journal, records)))
    }

    /// Appends a record. When this returns, it is there after a crash; on an error it is not.
    pub(super) fn append(&mut self, record: &Record) -> Result<(), StoreError> {
        let (hash, line) = write_record(record, &self.last).map_err(|error| self.io(error))?;
        if self.broken {
            self.rewind().map_err(|error| self.io(error))?;
        }
        let written = self.file.write_all(line.as_bytes()).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // What was written of it must not stand before the next record.
            self.broken = self.rewind().is_err();
            return Err(self.io(error));
        }
        self.last = hash;
        self.bytes += line.len() as u64;
        self.records += 1;
        Ok(())
    }

    /// Whether it is long enough to be folded into a new state.
    pub(super) fn is_long(&self) -> bool {
        self.bytes > BYTES_MAX || self.records >= RECORDS_MAX
    }

    fn rewind(&mut self) -> io::Result<()> {
        self.file.set_len(self.bytes)?;
        self.file.seek(SeekFrom::Start(self.bytes))?;
        self.file.sync_all()?;
        self.broken = false;
        Ok(())
    }

    fn io(&self, source: io::Error) -> StoreError {
        StoreError::Io { doing: "write", path: self.path.clone(), source }
    }
}

/// Where the last record ends that was written whole. Behind a crash of the machine, a file may be
/// longer than what was written into it; the rest is zeros, which no record has.
fn whole_len(bytes: &[u8]) -> usize {
    let written = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let written = bytes.get(..written).unwrap_or_default();
    written.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1)
}

fn hash(last: &str, body: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(last);
    hash.update(body);
    hex::encode(hash.finalize())
}

fn write_record(record: &Record, last: &str) -> io::Result<(String, String)> {
    let Change { unlink, remove, upsert, link } = &record.change;
    let uid = |uid: &cedar_policy::EntityUid| StoredUid {
        r#type: uid.type_name().to_string(),
        id: uid.id().unescaped().to_owned(),
    };
    let body = serde_json::to_string(&Stored {
        revision: record.revision,
        installed_at: record.installed_at,
        digests: (&record.digests).into(),
        seed: record.seed.clone(),
        change: StoredChange {
            unlink: unlink.clone(),
            remove: remove.iter().map(uid).collect(),
            upsert: upsert.as_ref().map(|text| text.text.to_string()),
            link: link.as_ref().map(|text| text.text.to_string()),
        },
    })?;
    let hash = hash(last, &body);
    let line = format!("{hash} {body}\n");
    Ok((hash, line))
}

fn read_record(line: &[u8], last: &mut String) -> Result<Record, String> {
    let text = std::str::from_utf8(line).map_err(|_| "it is not UTF-8".to_owned())?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    let (said, rest) = text.split_at_checked(HASH_CHARS).ok_or("it is too short")?;
    let body = rest.strip_prefix(' ').ok_or("it has no hash")?;
    if hash(last, body) != said {
        return Err("its hash is another than its contents".to_owned());
    }
    said.clone_into(last);
    let stored: Stored = serde_json::from_str(body).map_err(|error| error.to_string())?;
    let StoredChange { unlink, remove, upsert, link } = stored.change;
    let uid = |uid: StoredUid| match uid.r#type.parse() {
        Ok(type_name) => Ok(uid::of(&type_name, &uid.id)),
        Err(_) => Err(format!("`{}` is no type", uid.r#type)),
    };
    Ok(Record {
        revision: stored.revision,
        installed_at: stored.installed_at,
        digests: stored.digests.into(),
        seed: stored.seed,
        change: Change {
            unlink,
            remove: remove.into_iter().map(uid).collect::<Result<_, _>>()?,
            upsert: upsert.map(|text| Text::new("upsert", text)),
            link: link.map(|text| Text::new("link", text)),
        },
    })
}
