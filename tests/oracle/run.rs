//! Runs cases and says what differs: the kept ones first, then as many new ones as are asked for,
//! on every core. A failure is shrunk, written to a file and printed with its seed.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use doorward::engine::Snapshot;
use serde::{Deserialize, Serialize};

use crate::compare::{Difference, compare};
use crate::dice::Dice;
use crate::model::{Question, World};
use crate::ours;
use crate::plain::Plain;
use crate::worlds::{Case, QUESTIONS, case};

/// Cases of one run, unless `DOORWARD_ORACLE_CASES` says otherwise.
const CASES: usize = 20_000;

/// A difference, and where it was seen. Without a question it was seen in loading.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) seed: u64,
    pub(crate) world: World,
    pub(crate) question: Option<Question>,
    pub(crate) difference: Difference,
}

/// A shrunk case that once found something. It is kept whole, since what a seed gives changes with
/// the generator.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) why: String,
    pub(crate) world: World,
    pub(crate) question: Option<Question>,
}

/// What happens to the world before the engine is given it: nothing, but in tests of the oracle.
pub(crate) type Blunder = fn(&mut World);

pub(crate) const NO_BLUNDER: Blunder = |_| {};

/// The first difference between doorward and Cedar over these questions. `None` also where Cedar
/// itself does not take the world, which is no case then.
pub(crate) fn difference(
    world: &World,
    questions: &[Question],
    blunder: Blunder,
) -> Option<(Option<Question>, Difference)> {
    let plain = Plain::load(world).ok()?;
    let mut given = world.clone();
    blunder(&mut given);
    let loaded = catch_unwind(|| ours::load(&given));
    let snapshot = match loaded {
        Ok(Ok(snapshot)) => snapshot,
        Ok(Err(errors)) => {
            let first = errors.first().map_or("", String::as_str);
            let code = first.split(':').next().unwrap_or_default();
            return Some((None, Difference::new(&format!("refused for {code}"), errors, ())));
        }
        Err(_) => return Some((None, Difference::new("panicked in loading", (), ()))),
    };
    questions.iter().find_map(|question| {
        let difference = differs(&plain, &snapshot, world, question)?;
        Some((Some(question.clone()), difference))
    })
}

/// How doorward's answer to one question differs from Cedar's.
pub(crate) fn differs(
    plain: &Plain,
    snapshot: &Snapshot,
    world: &World,
    question: &Question,
) -> Option<Difference> {
    let cedar = plain.answer(world, question);
    let answered = catch_unwind(AssertUnwindSafe(|| ours::ask(snapshot, question)));
    match (cedar, answered) {
        (_, Err(_)) => Some(Difference::new("panicked", (), ())),
        (None, Ok(Err(_))) => None,
        (Some(cedar), Ok(Ok(ours))) => compare(plain, question, &cedar, &ours),
        (None, Ok(Ok(ours))) => Some(Difference::new("only Cedar calls it invalid", ours, ())),
        (Some(cedar), Ok(Err(invalid))) => {
            Some(Difference::new("only doorward calls it invalid", invalid, cedar))
        }
    }
}

/// The case of a seed; `Err` with the first difference.
pub(crate) fn run_seed(seed: u64, blunder: Blunder) -> Result<(), Box<Failure>> {
    let Case { world, questions, .. } = case(seed);
    if let Err(error) = Plain::load(&world) {
        panic!("the generator made a world that Cedar refuses, from seed {seed}: {error}");
    }
    match difference(&world, &questions, blunder) {
        None => Ok(()),
        Some((question, difference)) => {
            Err(Box::new(Failure { seed, world, question, difference }))
        }
    }
}

/// Where the cases of a run without settings begin.
const FIRST_SEED: u64 = 20_261_122;

/// Runs the kept cases and then new ones; the first failure found on any core.
pub(crate) fn run() -> Result<(), Box<Failure>> {
    if let Some(seed) = setting("DOORWARD_ORACLE_SEED") {
        return run_seed(seed, NO_BLUNDER);
    }
    for kept in kept() {
        run_kept(kept)?;
    }
    // Without a number of cases they are the same in every run, so that a red run speaks of the
    // change; with one they are new, which is how faults are looked for.
    let (cases, first) = match setting("DOORWARD_ORACLE_CASES") {
        Some(cases) => (usize::try_from(cases).unwrap(), start()),
        None => (CASES, FIRST_SEED),
    };
    let mut dice = Dice::new(first);
    let seeds: Vec<u64> = (0..cases.div_ceil(QUESTIONS)).map(|_| dice.next()).collect();
    on_every_core(&seeds, |seed| run_seed(seed, NO_BLUNDER))
}

/// Runs `work` for each seed until one fails.
pub(crate) fn on_every_core(
    seeds: &[u64],
    work: impl Fn(u64) -> Result<(), Box<Failure>> + Sync,
) -> Result<(), Box<Failure>> {
    let next = AtomicUsize::new(0);
    let found = Mutex::new(Ok(()));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let worked = catch_unwind(AssertUnwindSafe(|| work(*seed)));
                    if !matches!(worked, Ok(Ok(()))) {
                        next.store(seeds.len(), Ordering::Relaxed);
                    }
                    match worked {
                        Ok(Ok(())) => {}
                        Ok(Err(failure)) => *found.lock().unwrap() = Err(failure),
                        Err(panic) => resume_unwind(panic),
                    }
                }
            });
        }
    });
    found.into_inner().unwrap()
}

/// The cases that are kept, in the order of their names.
fn kept() -> Vec<Kept> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/regressions");
    let mut paths: Vec<_> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let texts = paths.iter().map(|path| (path, fs::read_to_string(path).unwrap()));
    texts
        .map(|(path, text)| {
            serde_json::from_str(&text)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        })
        .collect()
}

fn run_kept(Kept { why, world, question }: Kept) -> Result<(), Box<Failure>> {
    if let Err(error) = Plain::load(&world) {
        panic!("Cedar refuses a case that is kept, {why}: {error}");
    }
    let questions: Vec<Question> = question.into_iter().collect();
    match difference(&world, &questions, NO_BLUNDER) {
        None => Ok(()),
        Some((question, difference)) => {
            Err(Box::new(Failure { seed: 0, world, question, difference }))
        }
    }
}

/// Where the new seeds begin: elsewhere in each run, so that runs add up.
fn start() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(since.as_nanos() & u128::from(u64::MAX)).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "tests have no command line of their own")]
pub(crate) fn setting(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("`{name}` is not a number: `{text}`")))
}
