//! `doorward log export`: a revision as a bundle: one JSON text that `PUT /v1/bundle` takes, or a
//! directory that `doorward serve` starts from.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::{ArgMatches, Args};
use serde_json::{Map, Value};

use super::super::exit::{ExitCode, Failure, reason};
use super::super::terminal;
use super::{PlaceArgs, untold};
use crate::engine::{Snapshot, Text};
use crate::revisions::{Past, Rules};

/// Write a revision as a bundle
#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// The revision
    revision: u64,

    /// A file that ends in .json, for a bundle as PUT /v1/bundle takes it; or a directory, new or
    /// empty, for policies and entities as files [default: the bundle to standard output]
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,

    #[command(flatten)]
    place: PlaceArgs,
}

pub(super) fn run(args: &ExportArgs, given: &ArgMatches) -> Result<ExitCode, Failure> {
    let (log, config) = args.place.open(given)?;
    let past = Past::at(&log, args.revision).map_err(untold)?;
    let snapshot = past.build(&log, config.compile_options().limits).map_err(untold)?;
    let rules = past.state.rules();
    match &args.out {
        None => {
            let mut text = Vec::new();
            bundle(&mut text, rules, &snapshot).map_err(|error| {
                Failure::error(format!("cannot write the bundle: {}", reason(&error)))
            })?;
            terminal::data(&String::from_utf8_lossy(&text))?;
        }
        Some(path) if path.extension().is_some_and(|it| it == "json") && !path.is_dir() => {
            write(path, |out| bundle(out, rules, &snapshot))?;
        }
        Some(path) => directory(path, rules, &snapshot)?,
    }
    Ok(ExitCode::Success)
}

/// The bundle, entity by entity: there may be millions.
fn bundle(out: &mut impl Write, rules: &Rules, snapshot: &Snapshot) -> io::Result<()> {
    let policies = policy_names(&rules.policies);
    let policies: Map<String, Value> = policies
        .into_iter()
        .zip(&rules.policies)
        .map(|(name, text)| (name, Value::from(&*text.text)))
        .collect();
    out.write_all(b"{\"schema\":")?;
    serde_json::to_writer(&mut *out, &rules.schema.as_ref().map(|schema| &*schema.text))?;
    out.write_all(b",\n\"policies\":")?;
    serde_json::to_writer(&mut *out, &policies)?;
    out.write_all(b",\n\"entities\":")?;
    array(out, snapshot.store().export())?;
    out.write_all(b",\n\"links\":")?;
    array(out, links(snapshot))?;
    out.write_all(b"}\n")
}

fn links(snapshot: &Snapshot) -> impl Iterator<Item = Value> {
    let store = snapshot.store();
    store.links().filter_map(|no| store.link_json(no))
}

/// An array with an item a line.
fn array(out: &mut impl Write, items: impl Iterator<Item = Value>) -> io::Result<()> {
    out.write_all(b"[")?;
    for (number, item) in items.enumerate() {
        out.write_all(if number == 0 { b"\n" } else { b",\n" })?;
        serde_json::to_writer(&mut *out, &item)?;
    }
    out.write_all(b"]")
}

fn directory(path: &Path, rules: &Rules, snapshot: &Snapshot) -> Result<(), Failure> {
    let refused = |error: &io::Error| {
        Failure::error(format!("cannot write in `{}`: {}", path.display(), reason(error)))
    };
    fs::create_dir_all(path).map_err(|error| refused(&error))?;
    let mut entries = fs::read_dir(path).map_err(|error| refused(&error))?;
    if entries.next().is_some() {
        let message = format!("the directory `{}` is not empty", path.display());
        return Err(Failure::error(message).hint("name one that is, or that is not there"));
    }
    let (policies, entities) = (path.join("policies"), path.join("entities"));
    for made in [&policies, &entities] {
        fs::create_dir(made).map_err(|error| refused(&error))?;
    }
    if let Some(schema) = &rules.schema {
        let is_json = schema.text.trim_start().starts_with('{');
        let name = if is_json { "schema.json" } else { "schema.cedarschema" };
        write(&policies.join(name), |out| out.write_all(schema.text.as_bytes()))?;
    }
    for (name, text) in policy_names(&rules.policies).into_iter().zip(&rules.policies) {
        write(&policies.join(name), |out| out.write_all(text.text.as_bytes()))?;
    }
    write(&entities.join("entities.jsonl"), |out| {
        snapshot.store().export().try_for_each(|entity| writeln!(out, "{entity}"))
    })?;
    write(&entities.join("links.json"), |out| array(out, links(snapshot)))
}

/// A name for each policy text: the last part of its own, because ids are made of that, and one
/// that leads nowhere else.
fn policy_names(policies: &[Text]) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let mut names = Vec::new();
    for text in policies {
        let stem: String =
            text.stem().chars().filter(|c| !c.is_control() && !matches!(c, '/' | '\\')).collect();
        let stem = if stem.trim_matches('.').is_empty() { "policies" } else { &stem };
        let mut name = format!("{stem}.cedar");
        let mut number = 2;
        while !taken.insert(name.clone()) {
            name = format!("{stem}-{number}.cedar");
            number += 1;
        }
        names.push(name);
    }
    names
}

/// Writes a file that is not there yet.
fn write(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), Failure> {
    let written = || {
        let mut out = BufWriter::new(File::create_new(path)?);
        write(&mut out)?;
        out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
    };
    written().map_err(|error: io::Error| {
        let why = match error.kind() {
            io::ErrorKind::AlreadyExists => "it is there already".to_owned(),
            _ => reason(&error),
        };
        Failure::error(format!("cannot write `{}`: {why}", path.display()))
    })
}
