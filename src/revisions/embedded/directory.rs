//! The directory of a log: made for its owner alone, and locked against a second process.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::revisions::error::LogError;

/// The file that is locked while a process uses the directory.
const LOCK_FILE: &str = "lock";

/// Makes the directory where it is not there, and locks it. The path that comes back is absolute.
pub(super) fn open(path: &Path) -> Result<(PathBuf, File), LogError> {
    let made = make(path)?;
    let whole =
        fs::canonicalize(path).map_err(|error| LogError::io("find the directory", path, error))?;
    if let (true, Some(parent)) = (made, whole.parent()) {
        sync(parent)?;
    }
    let lock_file = whole.join(LOCK_FILE);
    let lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&lock_file)
        .map_err(|error| LogError::io("write", &lock_file, error))?;
    match lock.try_lock() {
        Ok(()) => {
            refuse_other_form(&whole)?;
            Ok((whole, lock))
        }
        Err(TryLockError::WouldBlock) => Err(LogError::Locked { path: path.to_owned() }),
        Err(TryLockError::Error(error)) => Err(LogError::io("lock", &lock_file, error)),
    }
}

/// Refuses a directory that an unreleased version of this program wrote, before there was a log.
fn refuse_other_form(path: &Path) -> Result<(), LogError> {
    let state = path.join("state.json");
    if state.exists() && !path.join(super::database::FILE).exists() {
        return Err(LogError::OtherForm { path: state });
    }
    Ok(())
}

/// Makes a directory, and those above it, that only its owner can enter. Says whether it was not
/// there. One that is there keeps its mode: it may be a mounted volume.
pub(super) fn make(path: &Path) -> Result<bool, LogError> {
    if path.is_dir() {
        return Ok(false);
    }
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder.create(path).map_err(|error| LogError::io("make the directory", path, error))?;
    Ok(true)
}

/// Makes the names in a directory durable.
pub(super) fn sync(path: &Path) -> Result<(), LogError> {
    let synced = File::open(path).and_then(|directory| directory.sync_all());
    synced.map_err(|error| LogError::io("sync the directory", path, error))
}
