//! Reads suites, holds them against their worlds, and runs all cases on all processors. The order
//! of what comes out is that of the files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::super::exit::Failure;
use super::find;
use super::world::Worlds;
use crate::config::Config;
use crate::engine::Problems;
use crate::policy_test::coverage::{self, Coverage, Observed};
use crate::policy_test::{AcceptedClause, Case, Outcome, Suite, World};

/// How many cases a thread takes at a time.
const TAKEN: usize = 16;
/// The most cases of one run.
const CASES_MAX: usize = 2_000_000;

/// Cases, ready to be run.
#[derive(Debug)]
pub(super) struct Cases {
    files: Vec<String>,
    /// Each with the number of its file.
    list: Vec<(usize, Case)>,
    worlds: Vec<Arc<World>>,
    /// What coverage does not ask for.
    accepted: Vec<AcceptedClause>,
}

/// What came out of a run.
#[derive(Debug)]
pub(super) struct Run {
    /// The files of tests.
    pub(super) files: Vec<String>,
    /// In the order of files and tests.
    pub(super) results: Vec<Ran>,
    /// From the first case to the last.
    pub(super) time: Duration,
    /// What was seen of the policies, if that was asked for.
    pub(super) coverage: Option<Coverage>,
    /// The texts of policies, by the names of their files.
    pub(super) texts: BTreeMap<String, Arc<str>>,
}

/// A case that was run.
#[derive(Debug)]
pub(super) struct Ran {
    /// The number of its file.
    pub(super) file: usize,
    pub(super) case: Case,
    pub(super) outcome: Outcome,
    pub(super) time: Duration,
}

/// How the cases came out.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) passed: usize,
    pub(super) failed: usize,
    pub(super) skipped: usize,
}

/// Reads the files. All that is wrong with any of them is told.
pub(super) fn read(files: &[PathBuf]) -> Result<Vec<Suite>, Failure> {
    let (suites, problems) = read_each(files);
    if problems.refuses() { Err(problems.into()) } else { Ok(suites) }
}

/// Reads the files: those that can be read, and all that is wrong with the others.
pub(super) fn read_each(files: &[PathBuf]) -> (Vec<Suite>, Problems) {
    let mut problems = Problems::default();
    let mut suites = Vec::new();
    for file in files {
        let text = match find::text(file) {
            Ok(text) => text,
            Err(problem) => {
                problems.push(problem);
                continue;
            }
        };
        let base = file.parent().unwrap_or(Path::new(""));
        match Suite::parse(&text, &|name| find::text(&base.join(name))) {
            Ok(suite) => suites.push(suite),
            Err(found) => problems.append(found),
        }
    }
    (suites, problems)
}

/// Holds the tests against their worlds. All that these do not have is told.
pub(super) fn cases(
    config: &Config,
    suites: Vec<Suite>,
    filter: Option<&str>,
) -> Result<Cases, Failure> {
    let mut worlds = Worlds::new(config);
    let accepted = coverage::accepted(&suites);
    let mut problems = Problems::default();
    let mut cases = Vec::new();
    let mut files = Vec::new();
    for suite in suites {
        let world = worlds.of(&suite)?;
        let number = files.len();
        for test in &suite.tests {
            match test.cases(&world) {
                Ok(found) => cases.extend(found.into_iter().map(|case| (number, case))),
                Err(found) => problems.append(found),
            }
            if cases.len() > CASES_MAX {
                return Err(Failure::error(format!("there are more than {CASES_MAX} cases"))
                    .hint("run fewer files at a time"));
            }
        }
        files.push(suite.name);
    }
    if problems.refuses() {
        return Err(problems.into());
    }
    if let Some(filter) = filter {
        let named = |(file, case): &(usize, Case)| {
            let file = files.get(*file).map(String::as_str).unwrap_or_default();
            let cell = case.cell.as_deref().unwrap_or_default();
            [file, &case.test, cell].iter().any(|name| name.contains(filter))
        };
        cases.retain(named);
    }
    if cases.is_empty() {
        return Err(match filter {
            Some(filter) => Failure::error(format!("no test has `{filter}` in its name")).hint(
                "`--filter` looks in the names of tests and files, upper and lower case told apart",
            ),
            None => {
                Failure::error("there are no tests").hint("write some into `tests/policies/*.yaml`")
            }
        });
    }
    let worlds = worlds.all();
    Ok(Cases { files, list: cases, worlds, accepted })
}

/// Runs all cases, and notes what they see of the policies where that is asked for.
pub(super) fn all(cases: Cases, with_coverage: bool) -> Run {
    let started = Instant::now();
    let Cases { files, list: cases, worlds, accepted } = cases;
    let most = thread::available_parallelism().map_or(1, usize::from);
    let threads = most.min(cases.len().div_ceil(TAKEN)).max(1);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        let mut observed = Observed::default();
        loop {
            let start = next.fetch_add(TAKEN, Ordering::Relaxed);
            let Some(rest) = cases.get(start..) else { return (done, observed) };
            if rest.is_empty() {
                return (done, observed);
            }
            for (number, (_, case)) in (start..).zip(rest.iter().take(TAKEN)) {
                let started = Instant::now();
                let outcome = case.run();
                done.push((number, outcome, started.elapsed()));
                if with_coverage {
                    observed.observe(case);
                }
            }
        }
    };
    let (mut done, observed) = thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let (mut done, mut observed) = work();
        for other in others {
            match other.join() {
                Ok((more, seen)) => {
                    done.extend(more);
                    observed.merge(seen);
                }
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        (done, observed)
    });
    let coverage = with_coverage
        .then(|| Coverage::of(worlds.iter().map(|world| &world.snapshot), &observed, &accepted));
    done.sort_unstable_by_key(|(number, ..)| *number);
    let results = cases.into_iter().zip(done).map(|((file, case), (_, outcome, time))| Ran {
        file,
        case,
        outcome,
        time,
    });
    let results = results.collect();
    let texts = worlds.iter().flat_map(|world| &world.policies);
    let texts = texts.map(|text| (text.name.clone(), text.text.clone())).collect();
    Run { results, files, time: started.elapsed(), coverage, texts }
}

// === impl Run ===

impl Run {
    pub(super) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for ran in &self.results {
            match ran.outcome {
                Outcome::Passed(_) => counts.passed += 1,
                Outcome::Failed { .. } => counts.failed += 1,
                Outcome::Skipped(_) => counts.skipped += 1,
            }
        }
        counts
    }

    /// The file of a case.
    pub(super) fn file_of(&self, ran: &Ran) -> &str {
        self.files.get(ran.file).map(String::as_str).unwrap_or_default()
    }
}

// === impl Ran ===

impl Ran {
    /// The test, and the cell of a matrix.
    pub(super) fn name(&self) -> String {
        match &self.case.cell {
            Some(cell) => format!("{} [{cell}]", self.case.test),
            None => self.case.test.clone(),
        }
    }
}
