//! The route file as commands read it: found, bounded, parsed and compiled.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::Args;

use super::exit::reason;
use crate::engine::{Place, Problem, Problems, Text};
use crate::mapping::FILE_BYTES_MAX;

/// Read where no route file is named and this one is there.
const DEFAULT_NAME: &str = "routes.yaml";

/// Which route file.
#[derive(Debug, Args)]
pub(super) struct RoutesArgs {
    /// Route file [default: ./routes.yaml if it is there]
    #[arg(long, value_name = "FILE", env = "DOORWARD_ROUTES", hide_env_values = true)]
    #[arg(help_heading = "Sources")]
    pub(super) routes: Option<PathBuf>,
}

// === impl RoutesArgs ===

impl RoutesArgs {
    /// The text of the file named, or of `./routes.yaml` if it is there.
    pub(super) fn read(&self) -> Result<Option<Text>, Problems> {
        let path = self.routes.as_deref().unwrap_or(Path::new(DEFAULT_NAME));
        match read(path) {
            Ok(text) => Ok(Some(Text::new(path.display().to_string(), text))),
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.routes.is_none() => {
                Ok(None)
            }
            Err(error) => {
                let message = format!("cannot read `{}`: {}", path.display(), reason(&error));
                Err(Problem::error("unreadable-file", message).into())
            }
        }
    }
}

/// Reads a text up to the bound of route files.
pub(super) fn read(path: &Path) -> io::Result<String> {
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory"));
    }
    let mut text = String::new();
    file.take(FILE_BYTES_MAX as u64 + 1).read_to_string(&mut text)?;
    if text.len() > FILE_BYTES_MAX {
        let message = format!("it has more than {} MiB", FILE_BYTES_MAX >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(text)
}

/// The problem of a command that needs a route file and has none.
pub(super) fn missing() -> Problem {
    Problem::error("no-routes", "there is no route file")
        .at(Place::whole(DEFAULT_NAME))
        .hint("run this where `./routes.yaml` is, or say where it is: `--routes FILE`")
}
