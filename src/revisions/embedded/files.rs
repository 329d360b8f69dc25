//! Large bodies and snapshots: one file each, named by the SHA-256 of its bytes, written under
//! another name and durable before it takes its own.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest, Sha256};

use super::directory;
use crate::revisions::error::LogError;
use crate::revisions::hash::Hash;

const DIRECTORY: &str = "content";
/// How the name of a file ends that is being written.
const PART: &str = ".part";
/// How the name of a mark ends: while it is there, the file of that digest may have nothing that
/// refers to it. A file without a mark is never removed: were it enough that no row is found that
/// refers to it, a damaged row would cost the file too.
const MARK: &str = ".mark";
/// Bytes are copied in pieces of this size, so that memory does not grow with what is stored.
const PIECE_BYTES: usize = 128 * 1024;

/// The directory of files.
#[derive(Debug)]
pub(super) struct Files {
    path: PathBuf,
    /// Numbers the files that are being written. The lock makes this process the only one.
    next_part: AtomicU64,
}

/// A file that is whole and durable, and has not its name yet. Dropped, it is removed.
#[derive(Debug)]
pub(super) struct Part {
    path: PathBuf,
    pub(super) digest: Hash,
    pub(super) bytes: u64,
}

// === impl Files ===

impl Files {
    /// Opens the directory of files in a log's directory; makes it where it is not there.
    pub(super) fn open(log: &Path) -> Result<Self, LogError> {
        let path = log.join(DIRECTORY);
        if directory::make(&path)? {
            directory::sync(log)?;
        }
        Ok(Self { path, next_part: AtomicU64::new(0) })
    }

    /// The directory of files in a log's directory, to be read, whether it is there or not.
    pub(super) fn found(log: &Path) -> Self {
        Self { path: log.join(DIRECTORY), next_part: AtomicU64::new(0) }
    }

    /// Writes a file of at most `max` bytes and makes it durable, without its name.
    pub(super) fn write(
        &self,
        source: &mut dyn Read,
        what: &'static str,
        max: u64,
    ) -> Result<Part, LogError> {
        let number = self.next_part.fetch_add(1, Ordering::Relaxed);
        let path = self.path.join(format!("{number}{PART}"));
        let file = File::create_new(&path).map_err(|error| LogError::io("make", &path, error))?;
        // From here on the part removes itself when something fails.
        let mut part = Part { path, digest: Hash::of(&[]), bytes: 0 };
        part.fill(file, source, what, max)?;
        Ok(part)
    }

    /// Gives a file its name. The caller holds the writer's lock, and commits a row that refers to
    /// it before letting go. A file that is there under this name has the same bytes, or is
    /// damaged and better replaced.
    pub(super) fn adopt(&self, part: &Part) -> Result<(), LogError> {
        self.mark(part.digest);
        let path = self.file(part.digest);
        fs::rename(&part.path, &path).map_err(|error| LogError::io("name", &path, error))?;
        directory::sync(&self.path)
    }

    /// Opens a file; `None` where there is none.
    pub(super) fn read(&self, digest: Hash) -> Result<Option<File>, LogError> {
        let path = self.file(digest);
        match File::open(&path) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(LogError::io("read", &path, error)),
        }
    }

    /// Marks a file that a transaction may leave with nothing that refers to it, before its commit.
    /// Without the mark, which a full disk may refuse, a crash leaves a file that takes room.
    pub(super) fn mark(&self, digest: Hash) {
        let _ = File::create(self.path.join(format!("{digest}{MARK}")));
    }

    /// Removes a marked file if nothing refers to it, and then the mark. The caller holds the
    /// writer's lock.
    pub(super) fn settle(&self, digest: Hash, referenced: bool) -> Result<(), LogError> {
        if !referenced {
            remove(&self.file(digest))?;
        }
        remove(&self.path.join(format!("{digest}{MARK}")))
    }

    /// Removes what a crash left half written, and says which files it left marked. Only for an
    /// open, before anything is written.
    pub(super) fn recover(&self) -> Result<Vec<Hash>, LogError> {
        let failed = |error| LogError::io("read the directory", &self.path, error);
        let mut marked = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            if name.ends_with(PART) {
                remove(&entry.path())?;
            }
            marked.extend(name.strip_suffix(MARK).and_then(Hash::from_hex));
        }
        Ok(marked)
    }

    fn file(&self, digest: Hash) -> PathBuf {
        self.path.join(digest.to_string())
    }
}

/// Removes a file that may be gone already.
fn remove(path: &Path) -> Result<(), LogError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(LogError::io("remove", path, error))
        }
        _ => Ok(()),
    }
}

// === impl Part ===

impl Part {
    fn fill(
        &mut self,
        mut file: File,
        source: &mut dyn Read,
        what: &'static str,
        max: u64,
    ) -> Result<(), LogError> {
        let mut piece = vec![0; PIECE_BYTES];
        let mut hasher = Sha256::new();
        loop {
            let count = match source.read(&mut piece) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => return Err(LogError::Input { source }),
            };
            let piece = piece.get(..count).unwrap_or_default();
            self.bytes += piece.len() as u64;
            if self.bytes > max {
                return Err(LogError::TooLarge { what, max });
            }
            hasher.update(piece);
            file.write_all(piece).map_err(|error| LogError::io("write", &self.path, error))?;
        }
        self.digest = Hash::from(hasher);
        file.sync_all().map_err(|error| LogError::io("sync", &self.path, error))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // It has its name, and is not here any more; or it is left for the next open to remove.
        let _ = fs::remove_file(&self.path);
    }
}
