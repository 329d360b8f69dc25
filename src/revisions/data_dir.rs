//! The data directory: one file, replaced as a whole by write, fsync, rename and fsync of the
//! directory, behind a lock that keeps a second process out.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::engine::Text;

/// The file with the state.
const STATE_FILE: &str = "state.json";
/// Where the next state is written before it takes the name of the last.
const NEXT_FILE: &str = "state.json.next";
/// The file that is locked while a process uses the directory.
const LOCK_FILE: &str = "lock";
/// The form of the state file that this version reads and writes.
const FORMAT: u32 = 1;

/// What is kept across restarts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// The last revision that was in force, 0 for none.
    pub revision: u64,
    /// When it was installed.
    pub installed_at: Option<Timestamp>,
    /// The digest of its bundle.
    pub digest: String,
    /// Schema and policies, where the API wrote them.
    pub schema: Option<Text>,
    /// The policies that the API wrote.
    pub policies: Option<Vec<Text>>,
    /// Entities and links, from the first write of the API on.
    pub entities: Option<Entities>,
}

/// Entities and links as the API left them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entities {
    /// Entity texts.
    pub entities: Vec<Text>,
    /// Link texts.
    pub links: Vec<Text>,
    /// The digest of the entity files that were the seed.
    pub seed: String,
}

/// An open data directory. The lock lasts as long as this lives.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: File,
}

/// Why the data directory could not be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The operating system refused something.
    #[error("cannot {doing} `{}`: {source}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On which path.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// Another process holds the lock.
    #[error("the data directory `{}` is in use by another process", path.display())]
    Locked {
        /// The directory.
        path: PathBuf,
    },
    /// The state does not have the digest that stands in front of it.
    #[error("`{}` is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// In what way.
        reason: String,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    format: u32,
    revision: u64,
    installed_at: Option<Timestamp>,
    digest: String,
    schema: Option<StoredText>,
    policies: Option<Vec<StoredText>>,
    entities: Option<StoredEntities>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredEntities {
    entities: Vec<StoredText>,
    links: Vec<StoredText>,
    seed: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredText {
    name: String,
    text: String,
}

// === impl DataDir ===

impl DataDir {
    /// Opens or makes a data directory and locks it.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let io = |doing, source| StoreError::Io { doing, path: path.to_owned(), source };
        fs::create_dir_all(path).map_err(|error| io("make the data directory", error))?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join(LOCK_FILE))
            .map_err(|error| io("write in the data directory", error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(StoreError::Locked { path: path.to_owned() }),
            Err(TryLockError::Error(error)) => Err(io("lock the data directory", error)),
        }
    }

    /// What was saved last; the default where nothing was.
    pub fn load(&self) -> Result<State, StoreError> {
        let path = self.path.join(STATE_FILE);
        let mut text = String::new();
        match File::open(&path).and_then(|mut file| file.read_to_string(&mut text)) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(State::default()),
            Err(source) => return Err(StoreError::Io { doing: "read", path, source }),
        }
        let damaged = |reason: String| StoreError::Damaged { path: path.clone(), reason };
        let (digest, body) =
            text.split_once('\n').ok_or_else(|| damaged("it has no digest line".to_owned()))?;
        if digest != digest_of(body) {
            return Err(damaged("its digest is another than its contents".to_owned()));
        }
        let stored: Stored =
            serde_json::from_str(body).map_err(|error| damaged(error.to_string()))?;
        if stored.format != FORMAT {
            return Err(damaged(format!("it has format {}, not {FORMAT}", stored.format)));
        }
        Ok(stored.into())
    }

    /// Saves the state. When this returns, it is there after a crash.
    pub fn save(&self, state: &State) -> Result<(), StoreError> {
        let next = self.path.join(NEXT_FILE);
        let path = self.path.join(STATE_FILE);
        let io =
            |doing, path: &Path, source| StoreError::Io { doing, path: path.to_owned(), source };
        let body = serde_json::to_string(&Stored::from(state))
            .map_err(|error| io("write", &next, io::Error::other(error)))?;
        let write = || -> io::Result<()> {
            let mut file = File::create(&next)?;
            file.write_all(digest_of(&body).as_bytes())?;
            file.write_all(b"\n")?;
            file.write_all(body.as_bytes())?;
            file.sync_all()
        };
        write().map_err(|error| io("write", &next, error))?;
        fs::rename(&next, &path).map_err(|error| io("replace", &path, error))?;
        let sync = File::open(&self.path).and_then(|directory| directory.sync_all());
        sync.map_err(|error| io("sync", &self.path, error))
    }
}

fn digest_of(body: &str) -> String {
    hex::encode(Sha256::digest(body.as_bytes()))
}

// === conversions ===

impl From<&Text> for StoredText {
    fn from(text: &Text) -> Self {
        Self { name: text.name.clone(), text: text.text.to_string() }
    }
}

impl From<StoredText> for Text {
    fn from(text: StoredText) -> Self {
        Self::new(text.name, text.text)
    }
}

fn stored(texts: &[Text]) -> Vec<StoredText> {
    texts.iter().map(StoredText::from).collect()
}

fn texts(stored: Vec<StoredText>) -> Vec<Text> {
    stored.into_iter().map(Text::from).collect()
}

impl From<&State> for Stored {
    fn from(state: &State) -> Self {
        Self {
            format: FORMAT,
            revision: state.revision,
            installed_at: state.installed_at,
            digest: state.digest.clone(),
            schema: state.schema.as_ref().map(StoredText::from),
            policies: state.policies.as_deref().map(stored),
            entities: state.entities.as_ref().map(|part| StoredEntities {
                entities: stored(&part.entities),
                links: stored(&part.links),
                seed: part.seed.clone(),
            }),
        }
    }
}

impl From<Stored> for State {
    fn from(stored: Stored) -> Self {
        Self {
            revision: stored.revision,
            installed_at: stored.installed_at,
            digest: stored.digest,
            schema: stored.schema.map(Text::from),
            policies: stored.policies.map(texts),
            entities: stored.entities.map(|part| Entities {
                entities: texts(part.entities),
                links: texts(part.links),
                seed: part.seed,
            }),
        }
    }
}
