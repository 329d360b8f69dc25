//! How files look from outside: who they are, how long, and when they changed last. Two looks are
//! equal just when there is no reason to read again.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::sources::files;

/// A look at files and directories.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Look(Vec<(PathBuf, Stamp)>);

/// What is seen of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stamp {
    File { device: u64, number: u64, bytes: u64, modified: (i64, i64), changed: (i64, i64) },
    Directory { device: u64, number: u64 },
    Failed(io::ErrorKind),
}

// === impl Look ===

impl Look {
    /// Looks at files, and at the files of policies and entities in directories.
    pub(super) fn at(paths: &[PathBuf]) -> Self {
        let mut seen = Vec::new();
        for path in paths {
            let stamp = Stamp::of(path);
            seen.push((path.clone(), stamp));
            if !matches!(stamp, Stamp::Directory { .. }) {
                continue;
            }
            match files::list(path) {
                Ok(files) => seen.extend(files.into_iter().map(|file| {
                    let stamp = Stamp::of(&file);
                    (file, stamp)
                })),
                Err(error) => seen.push((path.clone(), Stamp::Failed(error.kind()))),
            }
        }
        Self(seen)
    }
}

// === impl Stamp ===

impl Stamp {
    fn of(path: &Path) -> Self {
        match fs::metadata(path) {
            Ok(about) if about.is_dir() => {
                Self::Directory { device: about.dev(), number: about.ino() }
            }
            Ok(about) => Self::File {
                device: about.dev(),
                number: about.ino(),
                bytes: about.len(),
                modified: (about.mtime(), about.mtime_nsec()),
                changed: (about.ctime(), about.ctime_nsec()),
            },
            Err(error) => Self::Failed(error.kind()),
        }
    }
}
