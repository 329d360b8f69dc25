//! `doorward.yaml`: the keys it may have, how it is found, and what is said when it is wrong.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::{self, Deserializer};
use serde_saphyr::Error as YamlError;

use super::choice::{ForbidErrors, LogFormat, LogLevel, References, RequestProperties};
use super::limits::LimitsInFile;
use super::quantity::Bytes;
use crate::engine::{Place, Problem, spelling};
use crate::server::ListenAddr;

/// The name of the file that is read where none is named.
pub const DEFAULT_NAME: &str = "doorward.yaml";
/// The most bytes of a configuration file; it is written by hand.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// The most nodes of a configuration file, and the deepest nesting.
const NODES_MAX: usize = 20_000;
const DEPTH_MAX: usize = 16;

/// Everything that `doorward.yaml` can say. Keys are named like the flags, with underscores.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConfigFile {
    /// Directories and files with policies, and the schema if it is among them.
    pub policies: Option<OneOrMany>,
    /// The schema.
    pub schema: Option<PathBuf>,
    /// Directories and files with entities.
    pub entities: Option<OneOrMany>,
    /// The links.
    pub links: Option<PathBuf>,
    /// What each request of a proxy asks for.
    pub routes: Option<PathBuf>,
    /// Where checks are answered.
    #[serde(deserialize_with = "address")]
    pub listen: Option<ListenAddr>,
    /// Where state is shown and changed.
    #[serde(deserialize_with = "address")]
    pub admin_listen: Option<ListenAddr>,
    /// The file with the tokens of the admin plane.
    pub admin_token_file: Option<PathBuf>,
    /// The file with the tokens of the data plane's callers.
    pub check_token_file: Option<PathBuf>,
    /// Where changes are kept.
    pub data_dir: Option<PathBuf>,
    /// Nothing is kept on disk.
    pub ephemeral: Option<bool>,
    /// Whether files are read again when they change.
    pub watch: Option<bool>,
    /// What a `forbid` does whose condition errs.
    pub forbid_errors: Option<ForbidErrors>,
    /// Whether everything that is named has to exist.
    pub references: Option<References>,
    /// When properties that come with a request are used.
    pub request_properties: Option<RequestProperties>,
    /// How many bytes of decisions are kept for requests that come again; none where it is left out.
    pub decision_cache: Option<Bytes>,
    /// How the log is written.
    pub log_format: Option<LogFormat>,
    /// How much the log says.
    pub log_level: Option<LogLevel>,
    /// The bounds.
    pub limits: LimitsInFile,
    /// The admin plane.
    pub admin: AdminInFile,
    /// The `AuthZEN` endpoints.
    pub authzen: AuthzenInFile,
}

/// `admin:`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdminInFile {
    /// Names under which the admin plane is reached, beside `localhost` and addresses by number.
    pub hosts: Option<Vec<String>>,
}

/// `authzen:`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuthzenInFile {
    /// The URL that the metadata document names; never taken from a request.
    pub public_url: Option<String>,
    /// Cedar's entity types for type names that Cedar cannot spell.
    pub types: Option<BTreeMap<String, String>>,
    /// Cedar's actions for action names that are called otherwise.
    pub actions: Option<BTreeMap<String, String>>,
}

/// One path, or a list of them.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected a path or a list of paths")]
pub enum OneOrMany {
    /// `policies: policies`
    One(PathBuf),
    /// `policies: [policies, more.cedar]`
    Many(Vec<PathBuf>),
}

// === impl OneOrMany ===

impl OneOrMany {
    /// The paths.
    pub fn into_vec(self) -> Vec<PathBuf> {
        match self {
            Self::One(path) => vec![path],
            Self::Many(paths) => paths,
        }
    }
}

// === impl ConfigFile ===

impl ConfigFile {
    /// Reads the file named, or `./doorward.yaml` if it is there. The path comes back with it.
    pub fn find(named: Option<&Path>) -> Result<Option<(PathBuf, Self)>, Problem> {
        let path = named.unwrap_or(Path::new(DEFAULT_NAME));
        match read(path) {
            Ok(text) => Ok(Some((path.to_owned(), Self::parse(path, &text)?))),
            Err(error) if error.kind() == io::ErrorKind::NotFound && named.is_none() => Ok(None),
            Err(error) => {
                let reason = match error.kind() {
                    io::ErrorKind::NotFound => "there is no such file".to_owned(),
                    io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
                    _ => error.to_string(),
                };
                let message =
                    format!("cannot read the configuration `{}`: {reason}", path.display());
                Err(Problem::error("config-unreadable", message))
            }
        }
    }

    /// Reads the text of a configuration file. Relative paths in it come back relative to the
    /// file's directory.
    pub fn parse(path: &Path, text: &str) -> Result<Self, Problem> {
        let only_comments =
            text.lines().all(|line| line.trim().is_empty() || line.trim().starts_with('#'));
        let mut file: Self = if only_comments {
            Self::default()
        } else {
            let options = serde_saphyr::options! {
                budget: serde_saphyr::budget! { max_nodes: NODES_MAX, max_depth: DEPTH_MAX },
                strict_booleans: true,
                with_snippet: false,
            };
            serde_saphyr::from_str_with_options(text, options)
                .map_err(|error| problem(&path.display().to_string(), text, &error))?
        };
        file.rebase(path.parent().unwrap_or(Path::new("")));
        Ok(file)
    }

    /// Makes relative paths relative to the directory of the file.
    fn rebase(&mut self, directory: &Path) {
        for paths in [&mut self.policies, &mut self.entities].into_iter().flatten() {
            match paths {
                OneOrMany::One(path) => *path = directory.join(&path),
                OneOrMany::Many(paths) => {
                    for path in paths {
                        *path = directory.join(&path);
                    }
                }
            }
        }
        let single = [
            &mut self.schema,
            &mut self.links,
            &mut self.routes,
            &mut self.admin_token_file,
            &mut self.check_token_file,
            &mut self.data_dir,
        ];
        for path in single.into_iter().flatten() {
            *path = directory.join(&path);
        }
        for listen in [&mut self.listen, &mut self.admin_listen].into_iter().flatten() {
            if let ListenAddr::Unix(path) = listen {
                *path = directory.join(&path);
            }
        }
    }
}

/// An address as its own type reads it.
fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ListenAddr>, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map(Some).map_err(de::Error::custom)
}

/// Reads a file up to the bound, which a device or a pipe cannot get around.
fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory"));
    }
    file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        let message = format!("it has more than {} KiB", FILE_BYTES_MAX >> 10);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(text)
}

/// What the YAML reader found wrong, with its place in the text and a hint where one helps.
fn problem(name: &str, text: &str, error: &YamlError) -> Problem {
    let error = error.without_snippet();
    let (message, hint) = match error {
        YamlError::SerdeUnknownField { field, expected, .. } => {
            (format!("unknown key `{field}`"), Some(suggestion(field, expected)))
        }
        YamlError::SerdeUnknownVariant { variant, expected, .. } => {
            (format!("unknown value `{variant}`"), Some(suggestion(variant, expected)))
        }
        YamlError::DuplicateMappingKey { key: Some(key), .. } => {
            (format!("the key `{key}` stands here for the second time"), None)
        }
        YamlError::SerdeInvalidType { unexpected, expected, .. }
        | YamlError::SerdeInvalidValue { unexpected, expected, .. } => {
            (format!("expected {expected}, found {unexpected}"), None)
        }
        // A value that its own type refused, with a hint of its own perhaps.
        YamlError::Message { msg, .. } => match msg.split_once("\nhint: ") {
            Some((message, hint)) => (message.to_owned(), Some(hint.to_owned())),
            None => (msg.clone(), None),
        },
        YamlError::Unexpected { expected, .. } => (format!("expected {}", plain(expected)), None),
        YamlError::InvalidBooleanStrict { .. } => ("expected `true` or `false`".to_owned(), None),
        YamlError::Budget { .. } => ("the file is too large or nested too deep".to_owned(), None),
        other => (sentence(&other.to_string()), None),
    };
    let mut problem = Problem::error("config", message);
    problem.hint = hint;
    let location = error.location();
    match location.filter(|location| location.line() > 0) {
        Some(location) => problem.at(place(name, text, location.line(), location.column())),
        None => problem.at(Place::whole(name)),
    }
}

/// What was expected, in the words of whoever writes the file.
fn plain(expected: &'static str) -> &'static str {
    match expected {
        "string scalar" => "a text",
        "mapping start" => "keys with values",
        "sequence start" => "a list, such as `[one, two]`",
        other => other,
    }
}

/// A place by line and column, both from 1; it covers the word that begins there.
fn place(name: &str, text: &str, line: u64, column: u64) -> Place {
    let line = usize::try_from(line).unwrap_or(usize::MAX);
    let column = usize::try_from(column).unwrap_or(1);
    let whole = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
    let (mut offset, mut length) = (whole.len(), 0);
    for (number, (at, c)) in whole.char_indices().enumerate() {
        if number + 1 < column {
            continue;
        }
        offset = offset.min(at);
        if c.is_whitespace() || matches!(c, ':' | ',' | ']' | '}') {
            break;
        }
        length += c.len_utf8();
    }
    Place::in_line(name, line, whole, offset, length)
}

/// The nearest of the words that are known, or all of them where none is near.
fn suggestion(word: &str, known: &[&str]) -> String {
    match spelling::nearest(word, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known here: `{}`", known.join("`, `")),
    }
}

/// A message of the YAML reader in the form of ours: its first line, in lower case, without a
/// position, which stands beside it.
fn sentence(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    let line = line.split(" at line ").next().unwrap_or(line).trim_end_matches('.');
    let mut chars = line.chars();
    match chars.next() {
        Some(first) => first.to_lowercase().chain(chars).collect(),
        None => "the file is not YAML".to_owned(),
    }
}

#[cfg(test)]
mod tests;
