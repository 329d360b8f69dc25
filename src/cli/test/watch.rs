//! Runs the tests again after every save of tests, policies, schema, entities or routes, until it is
//! interrupted.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::ArgMatches;
use tokio::signal::unix::{SignalKind, signal};

use super::super::exit::{ExitCode, Failure};
use super::super::terminal;
use super::run::read;
use super::{TestArgs, find, world};
use crate::sources::Watch;

/// Clears a terminal.
const CLEAR: &str = "\x1b[2J\x1b[H";
/// The most files that are named as changed.
const NAMED_MAX: usize = 5;

/// When each file was written last, and how long it is.
type Stamps = BTreeMap<PathBuf, Option<(SystemTime, u64)>>;

/// Runs the tests until it is interrupted.
pub(super) fn run(args: &TestArgs, given: &ArgMatches) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| Failure::error(format!("cannot start: {error}")))?;
    runtime.block_on(again_and_again(args, given))
}

async fn again_and_again(args: &TestArgs, given: &ArgMatches) -> Result<ExitCode, Failure> {
    let cannot = |error: io::Error| Failure::error(format!("cannot wait for signals: {error}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(cannot)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(cannot)?;
    loop {
        // Before the run, so that what is saved during it is seen.
        let paths = watched(args, given);
        let before = stamps(&paths);
        let mut watch = Watch::new(paths.clone());
        // Nothing else waits on this runtime.
        if let Err(failure) = args.config(given).and_then(|config| args.report(&config)) {
            failure.report();
        }
        terminal::note("waiting for changes; Ctrl-C ends");
        tokio::select! {
            _ = interrupt.recv() => return Ok(ExitCode::Success),
            _ = terminate.recv() => return Ok(ExitCode::Success),
            () = watch.changed() => {}
        }
        if io::stdout().is_terminal() {
            terminal::data(CLEAR)?;
        }
        terminal::note(&format!("changed: {}", changed(&before, &stamps(&paths))));
    }
}

/// Everything that a run depends on, as far as it can be read.
fn watched(args: &TestArgs, given: &ArgMatches) -> Vec<PathBuf> {
    let mut paths = find::directories(&args.paths);
    let Ok(config) = args.config(given) else {
        paths.extend(args.config.config.clone());
        return paths;
    };
    paths.push(args.config.config.clone().unwrap_or_else(|| PathBuf::from("doorward.yaml")));
    let files = find::files(&args.paths).unwrap_or_default();
    for file in &files {
        // One file that is wrong does not hide what the others need.
        if let Ok(suites) = read(std::slice::from_ref(file)) {
            paths.extend(suites.iter().flat_map(|suite| world::paths(&config, suite)));
        }
    }
    paths.extend(files);
    if paths.is_empty() {
        paths.push(PathBuf::from("."));
    }
    paths.sort();
    paths.dedup();
    paths
}

fn stamps(paths: &[PathBuf]) -> Stamps {
    let mut stamps = Stamps::new();
    let stamp = |path: &Path| {
        let about = fs::metadata(path).ok()?;
        Some((about.modified().ok()?, about.len()))
    };
    for path in paths {
        let inside = fs::read_dir(path).into_iter().flatten().filter_map(Result::ok);
        let files: Vec<PathBuf> = inside.map(|entry| entry.path()).collect();
        for file in files.iter().filter(|file| file.is_file()) {
            stamps.insert(file.clone(), stamp(file));
        }
        if !path.is_dir() {
            stamps.insert(path.clone(), stamp(path));
        }
    }
    stamps
}

/// The names of the files that differ.
fn changed(before: &Stamps, after: &Stamps) -> String {
    let names = before.keys().chain(after.keys());
    let differs = |name: &&PathBuf| before.get(*name) != after.get(*name);
    let mut names: Vec<String> =
        names.filter(differs).map(|name| name.display().to_string()).collect();
    names.sort();
    names.dedup();
    let more = names.len().saturating_sub(NAMED_MAX);
    names.truncate(NAMED_MAX);
    let names = terminal::visible(&names.join(", "));
    match (names.is_empty(), more) {
        (true, _) => "a directory".to_owned(),
        (false, 0) => names,
        (false, more) => format!("{names} and {more} more"),
    }
}
