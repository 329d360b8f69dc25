//! The data directory, behind a lock that keeps a second process out. Whole files are replaced by
//! write, fsync, rename and fsync of the directory; the journal is appended to.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::journal::Journal;
use super::{Record, State, StoreError};
use crate::engine::store::Store;

/// The file with the state.
const STATE_FILE: &str = "state.json";
/// What the name of an image begins with; its revision follows.
const IMAGE_PREFIX: &str = "image-";
/// What the name of a journal begins with; the revision of its state follows.
const JOURNAL_PREFIX: &str = "journal-";
/// What a file is called while it is written.
const NEXT_SUFFIX: &str = ".next";
/// The file that is locked while a process uses the directory.
const LOCK_FILE: &str = "lock";
/// How much of an image is read or written at a time.
const BUFFER_BYTES: usize = 1 << 20;

/// An open data directory. The lock lasts as long as this lives.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    /// The digest of the state file, which the first record of its journal is bound to.
    base: String,
    /// The revision of the state file.
    revision: u64,
    journal: Option<Journal>,
    /// Whether the last state was renamed and not synced: nobody knows which one a restart finds,
    /// so nothing can be appended to either.
    uncertain: bool,
    _lock: File,
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
            Ok(()) => Ok(Self {
                path: path.to_owned(),
                base: String::new(),
                revision: 0,
                journal: None,
                uncertain: false,
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => Err(StoreError::Locked { path: path.to_owned() }),
            Err(TryLockError::Error(error)) => Err(io("lock the data directory", error)),
        }
    }

    /// What was saved last, the default where nothing was, and the changes since.
    pub fn load(&mut self) -> Result<(State, Vec<Record>), StoreError> {
        let path = self.path.join(STATE_FILE);
        let mut text = String::new();
        match File::open(&path).and_then(|mut file| file.read_to_string(&mut text)) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok((State::default(), Vec::new()));
            }
            Err(source) => return Err(StoreError::Io { doing: "read", path, source }),
        }
        let damaged = |reason: String| StoreError::Damaged { path: path.clone(), reason };
        let (digest, body) =
            text.split_once('\n').ok_or_else(|| damaged("it has no digest line".to_owned()))?;
        if digest != digest_of(body) {
            return Err(damaged("its digest is another than its contents".to_owned()));
        }
        let state = State::read(body).map_err(damaged)?;
        digest.clone_into(&mut self.base);
        self.revision = state.revision;
        let opened = Journal::open(&self.journal_path(), &self.base)?;
        let (journal, records) = opened.unzip();
        self.journal = journal;
        Ok((state, records.unwrap_or_default()))
    }

    /// The image that a state names.
    pub fn image(&self, file: &str) -> io::Result<impl Read + Send + use<>> {
        Ok(BufReader::with_capacity(BUFFER_BYTES, File::open(self.path.join(file))?))
    }

    /// The path of a file in the directory, to be told.
    pub fn path_of(&self, file: &str) -> PathBuf {
        self.path.join(file)
    }

    /// The path of the journal, to be told.
    pub fn journal_path(&self) -> PathBuf {
        self.path.join(format!("{JOURNAL_PREFIX}{}", self.revision))
    }

    /// The name of the image of a revision.
    pub fn image_name(revision: u64) -> String {
        format!("{IMAGE_PREFIX}{revision}")
    }

    /// Saves a state, with the image that it names unless that is there already. When this returns,
    /// both are there after a crash; on an error the last state is.
    pub fn save(&mut self, state: &State, store: Option<&Store>) -> Result<(), StoreError> {
        let image = state.image.as_ref().map(|image| image.file.as_str());
        if let (Some(file), Some(store)) = (image, store) {
            self.write_next(file, |out| store.write_image(out))?;
            self.take_name(file)?;
        }
        let io = |source| StoreError::Io { doing: "write", path: self.path_of(STATE_FILE), source };
        let body = state.write().map_err(|error| io(io::Error::other(error)))?;
        let digest = digest_of(&body);
        self.write_next(STATE_FILE, |out| {
            out.write_all(digest.as_bytes())?;
            out.write_all(b"\n")?;
            out.write_all(body.as_bytes())
        })?;
        self.uncertain = true;
        self.take_name(STATE_FILE)?;
        self.uncertain = false;
        self.base = digest;
        self.revision = state.revision;
        self.journal = None;
        self.sweep(image);
        Ok(())
    }

    /// Appends a change to the journal. When this returns, it is there after a crash.
    pub fn append(&mut self, record: &Record) -> Result<(), StoreError> {
        if self.uncertain {
            let source = io::Error::other("it is not known whether the last write is on the disk");
            return Err(StoreError::Io { doing: "append to", path: self.journal_path(), source });
        }
        let journal = match &mut self.journal {
            Some(journal) => journal,
            none => {
                let path = self.path.join(format!("{JOURNAL_PREFIX}{}", self.revision));
                let io = |source| StoreError::Io { doing: "make", path: path.clone(), source };
                let journal = Journal::create(&path, &self.base).map_err(io)?;
                sync_directory(&self.path)?;
                none.insert(journal)
            }
        };
        journal.append(record)
    }

    /// Whether there are changes that the last state does not hold.
    pub fn has_journal(&self) -> bool {
        self.journal.is_some()
    }

    /// Whether the changes since the last state are so many that a new one should be saved.
    pub fn wants_saving(&self) -> bool {
        self.journal.as_ref().is_some_and(Journal::is_long)
    }

    /// Writes a file whole, under another name at first.
    fn write_next(
        &self,
        file: &str,
        write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
    ) -> Result<(), StoreError> {
        let next = self.path.join(format!("{file}{NEXT_SUFFIX}"));
        let written = || -> io::Result<()> {
            let mut out = BufWriter::with_capacity(BUFFER_BYTES, File::create(&next)?);
            write(&mut out)?;
            out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
        };
        written().map_err(|source| {
            // It may have filled the disk.
            let _ = fs::remove_file(&next);
            StoreError::Io { doing: "write", path: next.clone(), source }
        })
    }

    /// Gives a file that was written whole its name.
    fn take_name(&self, file: &str) -> Result<(), StoreError> {
        let (path, next) = (self.path.join(file), self.path.join(format!("{file}{NEXT_SUFFIX}")));
        let io = |source| StoreError::Io { doing: "replace", path: path.clone(), source };
        fs::rename(&next, &path).map_err(io)?;
        sync_directory(&self.path)
    }

    /// Removes images and journals of states that are no more. They count for nothing; whatever
    /// stays because it cannot be removed is tried again with the next state.
    fn sweep(&self, image: Option<&str>) {
        for entry in fs::read_dir(&self.path).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            let ours = name.starts_with(IMAGE_PREFIX) || name.starts_with(JOURNAL_PREFIX);
            if ours && Some(name) != image {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

fn sync_directory(path: &Path) -> Result<(), StoreError> {
    let synced = File::open(path).and_then(|directory| directory.sync_all());
    synced.map_err(|source| StoreError::Io { doing: "sync", path: path.to_owned(), source })
}

fn digest_of(body: &str) -> String {
    hex::encode(Sha256::digest(body.as_bytes()))
}
