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
use crate::engine::{Bundle, CompileOptions, Draft, Snapshot, Text, compile};
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

/// A bundle as a file: what `PUT /v1/bundle` takes.
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
    let options = config.compile_options();
    let _progress = Progress::start(parts.data_bytes(), options.taken.clone());
    parts.compile(&shown, config, &options)
}

// === impl Parts ===

impl Parts {
    /// How many bytes of entities and links there are.
    fn data_bytes(&self) -> u64 {
        let data = [&self.entities, &self.links].into_iter().flatten();
        data.map(|text| text.get().len() as u64).sum()
    }

    /// Compiles them; parts that are absent are those of the project, as a write keeps those that
    /// are in force.
    fn compile(
        self,
        shown: &str,
        config: &Config,
        options: &CompileOptions,
    ) -> Result<Snapshot, Failure> {
        let named = |member: &str, text: Box<RawValue>| {
            vec![Text::new(format!("{shown} {member}"), text.get().to_owned())]
        };
        let schema = self.schema.map(|text| Text::new("schema", text));
        let policies: Option<Vec<Text>> = self.policies.map(|policies| {
            policies.into_iter().map(|(name, text)| Text::new(name, text)).collect()
        });
        let entities = self.entities.map(|text| named("entities", text));
        let links = self.links.map(|text| named("links", text));
        let is_whole =
            schema.is_some() && policies.is_some() && entities.is_some() && links.is_some();
        let project = if is_whole {
            Bundle::default()
        } else {
            sources::read(&config.inputs(), &config.limits.file_limits())?
        };
        if project.schema.is_none() {
            let (policies, entities) = (policies.unwrap_or_default(), entities.unwrap_or_default());
            let bundle = Bundle { schema, policies, entities, links: links.unwrap_or_default() };
            return Ok(compile(&bundle, options)?);
        }
        let is_other = schema.is_some() || policies.is_some();
        let schema = schema.as_ref().or(project.schema.as_ref());
        let policies = policies.as_deref().unwrap_or(&project.policies);
        let draft = Draft {
            rules: is_other.then_some((schema, policies)),
            entities: entities.as_deref(),
            links: links.as_deref(),
            judge_again: false,
        };
        Ok(compile(&project, options)?.revise(&draft, options)?)
    }
}
