//! Reads files into a bundle, bounded, in an order that does not depend on the file system.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::string::FromUtf8Error;

use super::{FileLimits, Inputs};
use crate::engine::bundle::TextDigest;
use crate::engine::{Bundle, Place, Problem, Problems, Text};

/// The most files of one directory that are looked at.
const FILES_MAX: usize = 10_000;
/// How much of a file is read at a time.
const PIECE_BYTES: usize = 256 * 1024;

/// What a file in a directory is, by its name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Policies,
    Schema,
    Entities,
    Links,
    Tests,
}

/// See [`super::read`].
pub(super) fn read(inputs: &Inputs, limits: &FileLimits) -> Result<Bundle, Problems> {
    let (bundle, problems) = read_all(inputs, limits);
    if problems.refuses() { Err(problems) } else { Ok(bundle) }
}

/// See [`super::read_all`].
pub(super) fn read_all(inputs: &Inputs, limits: &FileLimits) -> (Bundle, Problems) {
    let mut reader = Reader::new(limits.bundle_bytes_max);
    let (schema, policies) = reader.rules(inputs);
    reader.bytes_left = limits.entities_bytes_max;
    let paths = reader.data_paths(inputs);
    let mut texts = |paths: &[PathBuf]| -> Vec<Text> {
        paths.iter().filter_map(|path| reader.text(path)).collect()
    };
    let (entities, links) = (texts(&paths.entities), texts(&paths.links));
    let bundle = Bundle { schema, policies, entities, links };
    (bundle, reader.problems)
}

/// See [`super::data_bytes`].
pub(super) fn data_bytes(inputs: &Inputs) -> u64 {
    let paths = Reader::new(0).data_paths(inputs);
    let files = paths.entities.iter().chain(&paths.links);
    files.filter_map(|path| fs::metadata(path).ok()).map(|about| about.len()).sum()
}

/// The files that entities and links are in.
#[derive(Debug, Default)]
pub(super) struct DataPaths {
    pub(super) entities: Vec<PathBuf>,
    pub(super) links: Vec<PathBuf>,
}

/// The files in a directory that any source or test is made of, sorted.
pub(super) fn list(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Reader::list(
        directory,
        &[Kind::Policies, Kind::Schema, Kind::Entities, Kind::Links, Kind::Tests],
    )?;
    files.sort();
    Ok(files)
}

fn kind(path: &Path) -> Option<Kind> {
    let name = path.file_name()?.to_str()?;
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    match name {
        _ if name.starts_with('.') => None,
        "schema.json" => Some(Kind::Schema),
        "links.json" => Some(Kind::Links),
        _ if ends(&[".cedar"]) => Some(Kind::Policies),
        _ if ends(&[".cedarschema", ".cedarschema.json"]) => Some(Kind::Schema),
        _ if ends(&[".json", ".jsonl", ".ndjson"]) => Some(Kind::Entities),
        _ if ends(&[".yaml", ".yml"]) => Some(Kind::Tests),
        _ => None,
    }
}

/// The place of the first byte that is not UTF-8, with the line as far as it can be read.
fn not_utf8(name: &str, error: &FromUtf8Error) -> Problem {
    let at = error.utf8_error().valid_up_to();
    let text = String::from_utf8_lossy(error.as_bytes());
    Problem::error("not-utf8", format!("`{name}` is not UTF-8: byte {at} belongs to no character"))
        .at(Place::of(name, &text, at, 1))
        .hint("save the file as UTF-8")
}

/// Reads with a budget, and gathers what goes wrong.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) problems: Problems,
    pub(super) bytes_left: u64,
}

// === impl Reader ===

impl Reader {
    pub(super) fn new(bytes_left: u64) -> Self {
        Self { problems: Problems::default(), bytes_left }
    }

    /// Schema and policies.
    pub(super) fn rules(&mut self, inputs: &Inputs) -> (Option<Text>, Vec<Text>) {
        let (mut policies, mut schemas) = (Vec::new(), Vec::new());
        for path in self.expand(&inputs.policies, "policies", &[Kind::Policies, Kind::Schema]) {
            match kind(&path) {
                Some(Kind::Schema) => schemas.push(path),
                _ => policies.extend(self.text(&path)),
            }
        }
        if let Some(schema) = &inputs.schema {
            schemas = vec![schema.clone()];
        }
        if let [first, second, ..] = schemas.as_slice() {
            let message =
                format!("there are two schemas, `{}` and `{}`", first.display(), second.display());
            self.problems.push(
                Problem::error("two-schemas", message)
                    .at(Place::whole(&second.display().to_string()))
                    .related("the other is here", Place::whole(&first.display().to_string()))
                    .hint("keep one, or name the one to use by `--schema FILE`"),
            );
        }
        (schemas.first().and_then(|path| self.text(path)), policies)
    }

    /// Where entities and links are.
    pub(super) fn data_paths(&mut self, inputs: &Inputs) -> DataPaths {
        let mut paths = DataPaths::default();
        for path in self.expand(&inputs.entities, "entities", &[Kind::Entities, Kind::Links]) {
            match kind(&path) {
                Some(Kind::Links) if inputs.links.is_some() => {}
                Some(Kind::Links) => paths.links.push(path),
                _ => paths.entities.push(path),
            }
        }
        paths.links.extend(inputs.links.clone());
        paths
    }

    /// Files as they are, directories as the files in them that are of a wanted kind, sorted.
    fn expand(&mut self, paths: &[PathBuf], what: &str, wanted: &[Kind]) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for path in paths {
            if !path.is_dir() {
                found.push(path.clone());
                continue;
            }
            match Self::list(path, wanted) {
                Ok(mut files) => {
                    files.sort();
                    found.append(&mut files);
                }
                Err(error) => self.fail(path, &error, what),
            }
        }
        found
    }

    fn list(directory: &Path, wanted: &[Kind]) -> io::Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            // Through symbolic links, as mounted configuration has them.
            if path.is_file() && kind(&path).is_some_and(|kind| wanted.contains(&kind)) {
                files.push(path);
            }
            if files.len() > FILES_MAX {
                return Err(io::Error::other(format!(
                    "there are more than {FILES_MAX} files in it"
                )));
            }
        }
        Ok(files)
    }

    pub(super) fn text(&mut self, path: &Path) -> Option<Text> {
        let mut bytes = Vec::new();
        if let Err(error) = self.pieces(path, |piece| bytes.extend_from_slice(piece)) {
            self.fail(path, &error, "a file");
            return None;
        }
        let name = path.display().to_string();
        match String::from_utf8(bytes) {
            Ok(text) => Some(Text::new(name, text)),
            Err(error) => {
                self.problems.push(not_utf8(&name, &error));
                None
            }
        }
    }

    /// The name and the digest of a file, of which only a piece at a time is held.
    pub(super) fn digest(&mut self, path: &Path) -> Option<(String, TextDigest)> {
        let mut digest = TextDigest::default();
        match self.pieces(path, |piece| digest.update(piece)) {
            Ok(()) => Some((path.display().to_string(), digest)),
            Err(error) => {
                self.fail(path, &error, "a file");
                None
            }
        }
    }

    /// Hands a file over piece by piece, within the budget.
    fn pieces(&mut self, path: &Path, mut take: impl FnMut(&[u8])) -> io::Result<()> {
        let file = File::open(path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("it is not a file"));
        }
        let mut file = file.take(self.bytes_left.saturating_add(1));
        let mut buffer = vec![0; PIECE_BYTES];
        loop {
            let count = match file.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let left = self.bytes_left.checked_sub(count as u64).ok_or_else(|| {
                io::Error::other("with it the files are larger than the configured bound")
            })?;
            self.bytes_left = left;
            take(buffer.get(..count).unwrap_or_default());
        }
    }

    fn fail(&mut self, path: &Path, error: &io::Error, what: &str) {
        let reason = match error.kind() {
            io::ErrorKind::NotFound => "there is no such file or directory".to_owned(),
            io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
            _ => error.to_string(),
        };
        let message = format!("cannot read `{}`: {reason}", path.display());
        let problem = Problem::error("unreadable-file", message);
        self.problems.push(match error.kind() {
            io::ErrorKind::NotFound => {
                problem.hint(format!("it was named as {what}; check the path"))
            }
            _ => problem,
        });
    }
}
