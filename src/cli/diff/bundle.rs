//! What is compared: a bundle by the name that was typed for it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::cli::check::no_policies;
use crate::cli::exit::{Failure, reason};
use crate::cli::log;
use crate::cli::progress::Progress;
use crate::config::Config;
use crate::engine::{Bundle, Snapshot, Text, compile};
use crate::sources::{self, Inputs};

/// What a revision begins with.
const REVISION: &str = "rev:";

/// A bundle by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum BundleName {
    /// A directory or a file.
    Path(PathBuf),
    /// A revision of the data directory.
    Revision(u64),
}

/// A bundle as a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts {
    schema: Option<String>,
    policies: Option<BTreeMap<String, String>>,
    entities: Option<Box<RawValue>>,
    links: Option<Box<RawValue>>,
}

// === impl BundleName ===

impl BundleName {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let Some(number) = text.strip_prefix(REVISION) else {
            return Ok(Self::Path(PathBuf::from(text)));
        };
        let number = number.parse().map_err(|_| format!("`{number}` is not a revision's number"));
        number.map(Self::Revision)
    }

    /// Reads and compiles it.
    pub(super) fn load(&self, config: &Config) -> Result<Snapshot, Failure> {
        match self {
            Self::Revision(number) => log::revision(config, *number),
            Self::Path(path) if path.is_dir() => directory(path, config),
            Self::Path(path) => file(path, config),
        }
    }
}

/// A project, or policies to which the entities of the configuration are added.
fn directory(path: &Path, config: &Config) -> Result<Snapshot, Failure> {
    let (policies, entities) = (path.join("policies"), path.join("entities"));
    let inputs = if policies.is_dir() {
        let entities = if entities.is_dir() { vec![entities] } else { Vec::new() };
        Inputs { policies: vec![policies], schema: None, entities, links: None }
    } else {
        Inputs { policies: vec![path.to_owned()], ..config.inputs() }
    };
    let bundle = sources::read(&inputs, &config.limits.file_limits())?;
    if bundle.policies.is_empty() && bundle.schema.is_none() {
        return Err(no_policies());
    }
    let options = config.compile_options();
    let _progress = Progress::start(sources::data_bytes(&inputs), options.taken.clone());
    Ok(compile(&bundle, &options)?)
}

fn file(path: &Path, config: &Config) -> Result<Snapshot, Failure> {
    let shown = path.display().to_string();
    let refused = |error: &io::Error| {
        Failure::error(format!("cannot read `{shown}`: {}", reason(error)))
            .hint("a bundle is a directory, a file or rev:N")
    };
    let most = config.limits.file_limits().entities_bytes_max;
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(most + 1).read_to_end(&mut bytes))
        .map_err(|error| refused(&error))?;
    if bytes.len() as u64 > most {
        return Err(Failure::error(format!("`{shown}` has more than {most} bytes"))
            .hint("`limits.entities_bytes` in `doorward.yaml` is the bound"));
    }
    let parts: Parts = serde_json::from_slice(&bytes).map_err(|error| {
        Failure::error(format!("`{shown}` is not a bundle: {error}")).hint(
            "a bundle is a JSON object with `schema`, `policies`, `entities` and `links`, as \
             `doorward log export` writes it",
        )
    })?;
    drop(bytes);
    let named = |member: &str, text: Box<RawValue>| {
        Text::new(format!("{shown} {member}"), text.get().to_owned())
    };
    let bundle = Bundle {
        schema: parts.schema.map(|text| Text::new("schema", text)),
        policies: parts
            .policies
            .into_iter()
            .flatten()
            .map(|(name, text)| Text::new(name, text))
            .collect(),
        entities: parts.entities.map(|text| named("entities", text)).into_iter().collect(),
        links: parts.links.map(|text| named("links", text)).into_iter().collect(),
    };
    Ok(compile(&bundle, &config.compile_options())?)
}
