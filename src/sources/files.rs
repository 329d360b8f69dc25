//! Reads files into a bundle, bounded, in an order that does not depend on the file system.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::{FileLimits, Inputs};
use crate::engine::{Bundle, Place, Problem, Problems, Text};

/// The most files of one directory that are looked at.
const FILES_MAX: usize = 10_000;

/// What a file in a directory is, by its name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Policies,
    Schema,
    Entities,
    Links,
}

/// See [`super::read`].
pub(super) fn read(inputs: &Inputs, limits: &FileLimits) -> Result<Bundle, Problems> {
    let mut reader = Reader { problems: Problems::default(), bytes_left: limits.bundle_bytes_max };
    let mut bundle = Bundle::default();
    let mut schemas = Vec::new();
    for path in reader.expand(&inputs.policies, "policies", &[Kind::Policies, Kind::Schema]) {
        match kind(&path) {
            Some(Kind::Schema) => schemas.push(path),
            _ => bundle.policies.extend(reader.text(&path)),
        }
    }
    if let Some(schema) = &inputs.schema {
        schemas = vec![schema.clone()];
    }
    if let [first, second, ..] = schemas.as_slice() {
        let message =
            format!("there are two schemas, `{}` and `{}`", first.display(), second.display());
        reader.problems.push(
            Problem::error("two-schemas", message)
                .at(Place::whole(&second.display().to_string()))
                .hint("keep one, or name the one to use by `--schema FILE`"),
        );
    }
    bundle.schema = schemas.first().and_then(|path| reader.text(path));
    reader.bytes_left = limits.entities_bytes_max;
    for path in reader.expand(&inputs.entities, "entities", &[Kind::Entities, Kind::Links]) {
        match kind(&path) {
            Some(Kind::Links) if inputs.links.is_some() => {}
            Some(Kind::Links) => bundle.links.extend(reader.text(&path)),
            _ => bundle.entities.extend(reader.text(&path)),
        }
    }
    if let Some(path) = &inputs.links {
        bundle.links.extend(reader.text(path));
    }
    if reader.problems.refuses() { Err(reader.problems) } else { Ok(bundle) }
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
        _ => None,
    }
}

/// Reads with a budget, and gathers what goes wrong.
struct Reader {
    problems: Problems,
    bytes_left: u64,
}

// === impl Reader ===

impl Reader {
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

    fn text(&mut self, path: &Path) -> Option<Text> {
        match self.read(path) {
            Ok(text) => Some(Text::new(path.display().to_string(), text)),
            Err(error) => {
                self.fail(path, &error, "a file");
                None
            }
        }
    }

    fn read(&mut self, path: &Path) -> io::Result<String> {
        let file = File::open(path)?;
        let about = file.metadata()?;
        if !about.is_file() {
            return Err(io::Error::other("it is not a file"));
        }
        let mut bytes =
            Vec::with_capacity(usize::try_from(about.len().min(self.bytes_left)).unwrap_or(0));
        file.take(self.bytes_left.saturating_add(1)).read_to_end(&mut bytes)?;
        let length = bytes.len() as u64;
        if length > self.bytes_left {
            return Err(io::Error::other("with it the files are larger than the configured bound"));
        }
        self.bytes_left -= length;
        String::from_utf8(bytes).map_err(|error| {
            io::Error::other(format!("byte {} is not UTF-8", error.utf8_error().valid_up_to()))
        })
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
