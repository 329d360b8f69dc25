//! Finds the files of tests: those that are named, and in directories those that look like tests.
//! A directory also has what tests are run against, which is left alone.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::super::exit::{Failure, reason};
use super::PATHS_DEFAULT;
use crate::engine::{Problem, Problems, Text};
use crate::policy_test::{FILE_BYTES_MAX, is_cedar_json};

/// The most files of tests.
const FILES_MAX: usize = 10_000;
/// The deepest directory below one that is named.
const DEPTH_MAX: usize = 16;
/// Directories that hold what tests are run against.
const FIXTURES: &str = "fixtures";
/// Files that are no tests, though they are YAML.
const NOT_TESTS: [&str; 2] = ["routes.yaml", "doorward.yaml"];

/// The files, each once, in the order of their names within what is named.
pub(super) fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let default = [PathBuf::from(PATHS_DEFAULT)];
    let is_default = paths.is_empty();
    let paths = if is_default { &default } else { paths };
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            walk(path, 0, &mut files).map_err(|error| unreadable(path, &error))?;
        } else if path.exists() {
            files.push(path.clone());
        } else if is_default {
            let message = format!("there are no tests: there is no directory `{PATHS_DEFAULT}`");
            return Err(Failure::error(message)
                .hint("run this where it is, or say where tests are: `doorward test PATHS`"));
        } else {
            let why = io::Error::from(io::ErrorKind::NotFound);
            return Err(unreadable(path, &why).into());
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    files.retain(|file| seen.insert(file.clone()));
    Ok(files)
}

/// The directories that are searched, those inside them too, as far as they can be read.
pub(super) fn directories(paths: &[PathBuf]) -> Vec<PathBuf> {
    let default = [PathBuf::from(PATHS_DEFAULT)];
    let mut found: Vec<PathBuf> = if paths.is_empty() { &default } else { paths }.to_vec();
    let mut at = 0;
    while let Some(directory) = found.get(at).filter(|_| at < FILES_MAX) {
        let inside = fs::read_dir(directory).into_iter().flatten().filter_map(Result::ok);
        let inside: Vec<PathBuf> =
            inside.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
        found.extend(inside);
        at += 1;
    }
    found
}

fn walk(directory: &Path, depth: usize, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if depth > DEPTH_MAX {
        let message = format!("directories lie more than {DEPTH_MAX} deep");
        return Err(io::Error::other(message));
    }
    let mut entries = Vec::new();
    for entry in fs::read_dir(directory)? {
        entries.push(entry?.path());
    }
    entries.sort();
    for path in entries {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') || name == FIXTURES {
            continue;
        }
        if path.is_dir() {
            walk(&path, depth + 1, files)?;
        } else if looks_like_tests(&path, &name) {
            files.push(path);
        }
        if files.len() > FILES_MAX {
            return Err(io::Error::other(format!("there are more than {FILES_MAX} files in it")));
        }
    }
    Ok(())
}

/// YAML, and JSON of Cedar's own form; other JSON is entities.
fn looks_like_tests(path: &Path, name: &str) -> bool {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("yaml" | "yml") => !NOT_TESTS.iter().any(|other| name.ends_with(other)),
        Some("json") => text(path).is_ok_and(|text| is_cedar_json(&text.text)),
        _ => false,
    }
}

/// The text of a file, within the bound of such files.
pub(super) fn text(path: &Path) -> Result<Text, Problem> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| {
        if file.metadata()?.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        file.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)
    });
    read.map_err(|error| unreadable(path, &error))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        unreadable(path, &io::Error::other(format!("byte {at} is not UTF-8")))
    })?;
    Ok(Text::new(path.display().to_string(), text))
}

fn unreadable(path: &Path, error: &io::Error) -> Problem {
    let message = format!("cannot read `{}`: {}", path.display(), reason(error));
    Problem::error("unreadable-file", message)
}

impl From<Vec<Problem>> for Failure {
    fn from(list: Vec<Problem>) -> Self {
        let mut problems = Problems::default();
        for problem in list {
            problems.push(problem);
        }
        problems.into()
    }
}
