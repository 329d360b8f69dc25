//! The SQLite database of a log: made whole or not at all, opened with what durability and damaged
//! files ask for, and its errors in the words of the log.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};

use super::directory;
use super::rows::{self, State};
use crate::revisions::error::LogError;
use crate::revisions::hash::Epoch;

pub(super) const FILE: &str = "log.sqlite3";
/// Where a new database is made before it takes its name.
const NEW_FILE: &str = "log.sqlite3.new";
/// `dwrd`: says whose database this is.
const APPLICATION_ID: i32 = 0x6477_7264;
/// The form that this version reads and writes.
const FORM: i32 = 1;
/// How long a connection waits for another one of this log. They wait for the disk at the most.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// `record` is the canonical form. `key` and `at` (milliseconds) repeat what is in it, to find it
/// by. `total` is the bytes of all records and bodies up to this one since the log was made, so that
/// those between two are known without a walk. A body is in `body`, or in the file `file`, or gone
/// where only the key keeps the row.
const SCHEMA: &str = "
    CREATE TABLE state (id INTEGER PRIMARY KEY CHECK (id = 0), state BLOB NOT NULL) STRICT;
    CREATE TABLE records (
        revision INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,
        key TEXT,
        total INTEGER NOT NULL,
        record BLOB NOT NULL,
        hash BLOB NOT NULL,
        file BLOB,
        body BLOB
    ) STRICT;
    CREATE INDEX records_by_key ON records (key) WHERE key IS NOT NULL;
    CREATE INDEX records_by_file ON records (file) WHERE file IS NOT NULL;
    CREATE TABLE snapshots (
        revision INTEGER PRIMARY KEY,
        digest BLOB NOT NULL,
        bytes INTEGER NOT NULL,
        sum BLOB NOT NULL
    ) STRICT;
";

/// Where the database is.
#[derive(Debug)]
pub(super) struct Database {
    path: PathBuf,
    /// Whether it is only read.
    read_only: bool,
}

// === impl Database ===

impl Database {
    /// Finds the database in a directory; makes it where there is none.
    pub(super) fn open(directory: &Path) -> Result<Self, LogError> {
        let path = directory.join(FILE);
        let there = path.try_exists().map_err(|error| LogError::io("find", &path, error))?;
        if !there {
            make(directory, &path)?;
        }
        Ok(Self { path, read_only: false })
    }

    /// Finds the database in a directory, to read it.
    pub(super) fn find(directory: &Path) -> Result<Self, LogError> {
        let path = directory.join(FILE);
        match path.try_exists() {
            Ok(true) => Ok(Self { path, read_only: true }),
            Ok(false) => {
                let source = std::io::ErrorKind::NotFound.into();
                Err(LogError::Io { doing: "find the log", path, source })
            }
            Err(error) => Err(LogError::io("find", &path, error)),
        }
    }

    /// A connection to it.
    pub(super) fn connect(&self) -> Result<Connection, LogError> {
        // Without the flag that makes it: a database that is gone is never replaced by an empty one.
        let connection = if self.read_only {
            self.connect_to_read()?
        } else {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(&self.path, flags)?;
            configure(&connection)?;
            connection
        };
        let damaged = |reason: String| Err(LogError::Damaged { reason });
        let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
        if number("application_id")? != APPLICATION_ID {
            return damaged(format!("`{}` is not a log of doorward", self.path.display()));
        }
        let form = number("user_version")?;
        if form != FORM {
            return damaged(format!(
                "`{}` has the form {form}, and this version reads {FORM}",
                self.path.display()
            ));
        }
        Ok(connection)
    }

    /// A connection that writes nothing to the database. SQLite wants the index of the WAL beside
    /// it, and makes it where it may. On a disk that cannot be written a log that was closed, and
    /// so has no WAL, is read without.
    fn connect_to_read(&self) -> Result<Connection, LogError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        guard(&connection)?;
        let looked = connection.query_row("SELECT count(*) FROM state", [], |_| Ok(()));
        let wal = PathBuf::from(format!("{}-wal", self.path.display()));
        match looked {
            Err(error) if unmade(&error) && !wal.exists() => {
                let path = self.path.to_string_lossy();
                let path = path.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
                let name = format!("file:{path}?immutable=1");
                let flags = flags | OpenFlags::SQLITE_OPEN_URI;
                let connection = Connection::open_with_flags(name, flags)?;
                guard(&connection)?;
                Ok(connection)
            }
            // Whatever else is wrong is found by whoever reads.
            _ => Ok(connection),
        }
    }
}

/// Whether SQLite could not make a file that it needs.
fn unmade(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(code, Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly))
}

/// Makes a database under another name and gives it its own when it is whole, so that a crash
/// leaves none or a good one.
fn make(directory: &Path, path: &Path) -> Result<(), LogError> {
    let new = directory.join(NEW_FILE);
    for end in ["", "-wal", "-shm", "-journal"] {
        let left = directory.join(format!("{NEW_FILE}{end}"));
        if left.exists() {
            fs::remove_file(&left).map_err(|error| LogError::io("remove", &left, error))?;
        }
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(&new, flags)?;
    configure(&connection)?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(SCHEMA)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", FORM)?;
    rows::put_state(&transaction, &State::new(Epoch::random()?))?;
    transaction.commit()?;
    // Closing the last connection brings everything from the WAL into the file.
    connection.close().map_err(|(_, error)| LogError::from(error))?;
    let synced = File::open(&new).and_then(|file| file.sync_all());
    synced.map_err(|error| LogError::io("sync", &new, error))?;
    fs::rename(&new, path).map_err(|error| LogError::io("name", path, error))?;
    directory::sync(directory)
}

/// What holds for every connection.
fn guard(connection: &Connection) -> Result<(), LogError> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // Cells that do not fit their page, and schemas with side effects: both only in damaged files.
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(())
}

fn configure(connection: &Connection) -> Result<(), LogError> {
    guard(connection)?;
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        let source = format!("its journal mode is `{mode}`, not `wal`").into();
        return Err(LogError::Backend { source });
    }
    // A commit returns after an fsync of the WAL.
    connection.pragma_update(None, "synchronous", "FULL")?;
    // A WAL that a compaction made large is cut back to this, in bytes.
    connection.pragma_update(None, "journal_size_limit", 16 << 20)?;
    Ok(())
}

// === impl LogError ===

impl From<rusqlite::Error> for LogError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error;
        let damaged = |error: &Error| Self::Damaged { reason: format!("its database: {error}") };
        let Error::SqliteFailure(failure, _) = &error else {
            // What is stored has another type, another shape, or is not there.
            return damaged(&error);
        };
        match failure.code {
            ErrorCode::DiskFull => Self::Full { source: error.into() },
            // The index of the WAL, which is shared memory in a file, did not find room.
            _ if failure.extended_code == ffi::SQLITE_IOERR_SHMSIZE => {
                Self::Full { source: error.into() }
            }
            ErrorCode::ReadOnly => Self::ReadOnly { source: error.into() },
            // `Unknown` is an error in a statement: ours are right, so the schema is not.
            ErrorCode::DatabaseCorrupt
            | ErrorCode::NotADatabase
            | ErrorCode::Unknown
            | ErrorCode::SchemaChanged
            | ErrorCode::TypeMismatch
            | ErrorCode::ConstraintViolation => damaged(&error),
            _ => Self::Backend { source: error.into() },
        }
    }
}
