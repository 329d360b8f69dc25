//! `doorward test --mutate`: changes the policies as an author might by mistake, one change at a
//! time, and looks which changes no test fails for.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;

use super::super::exit::Failure;
use super::super::progress::Progress;
use super::run;
use super::world::Worlds;
use crate::config::Config;
use crate::engine::{Place, Text};
use crate::policy_test::{Accepted, Mutant, Outcome, Suite, Test, World, mutants};

#[derive(Debug, Args)]
pub(super) struct MutateArgs {
    /// Change the policies, one change at a time, and list the changes that no test fails for
    #[arg(long)]
    pub(super) mutate: bool,

    /// The most changes that are tried
    #[arg(
        long,
        value_name = "N",
        default_value = "5000",
        value_parser = clap::value_parser!(u64).range(1..=1_000_000),
        requires = "mutate"
    )]
    mutants_max: u64,

    /// How long changes are tried, in seconds
    #[arg(
        long,
        value_name = "N",
        default_value = "300",
        value_parser = clap::value_parser!(u64).range(1..=86_400),
        requires = "mutate"
    )]
    mutate_seconds: u64,
}

/// What came out.
#[derive(Debug)]
pub(super) struct Mutation {
    /// The mutants that compile and were tried.
    pub(super) tried: usize,
    /// Those that a test fails for.
    pub(super) killed: usize,
    /// Those that no test fails for, in the order of the texts.
    pub(super) survivors: Vec<Survivor>,
    /// Acceptances of what did not survive.
    pub(super) stale: Vec<Stale>,
    /// Why not all were tried, if they were not.
    pub(super) cut: Option<String>,
}

/// A mutant that no test fails for.
#[derive(Debug)]
pub(super) struct Survivor {
    pub(super) mutant: Mutant,
    pub(super) diff: String,
    /// Why that is accepted, where it is.
    pub(super) reason: Option<String>,
}

/// An acceptance that accepts nothing.
#[derive(Debug)]
pub(super) struct Stale {
    pub(super) mutant: String,
    pub(super) place: Place,
    pub(super) why: &'static str,
}

/// The tests and what they are run against.
struct Suites {
    suites: Vec<(Suite, Arc<World>)>,
    filter: Option<String>,
}

/// A mutant, and the suites whose policies have the text that it changes.
struct Trial {
    text: Text,
    mutant: Mutant,
    suites: Vec<usize>,
}

/// What became of a mutant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It does not compile.
    Void,
    Killed,
    Survived,
}

/// Tries all mutants of the policies that the files of tests are about. The tests are known to
/// pass.
pub(super) fn try_all(
    args: &MutateArgs,
    config: &Config,
    files: &[PathBuf],
    filter: Option<&str>,
) -> Result<Mutation, Failure> {
    let mut worlds = Worlds::new(config);
    let mut suites = Vec::new();
    for suite in run::read(files)? {
        let world = worlds.of(&suite)?;
        suites.push((suite, world));
    }
    let suites = Suites { suites, filter: filter.map(str::to_owned) };
    let mut trials = suites.trials();
    let all = trials.len();
    let most = usize::try_from(args.mutants_max).unwrap_or(usize::MAX);
    trials.truncate(most);
    let fates = suites.try_all(&trials, Duration::from_secs(args.mutate_seconds));
    let cut = if fates.len() < trials.len() {
        let seconds = args.mutate_seconds;
        Some(format!(
            "{} of {all} changes were tried in {seconds} s; `--mutate-seconds` gives more time",
            fates.len()
        ))
    } else if all > most {
        Some(format!("{most} of {all} changes were tried; `--mutants-max` allows more"))
    } else {
        None
    };
    Ok(suites.mutation(trials, &fates, cut))
}

// === impl Mutation ===

impl Mutation {
    /// Whether a mutant survived without a reason, or a reason is about nothing.
    pub(super) fn fails(&self) -> bool {
        !self.stale.is_empty() || self.survivors.iter().any(|it| it.reason.is_none())
    }

    pub(super) fn accepted(&self) -> usize {
        self.survivors.iter().filter(|it| it.reason.is_some()).count()
    }

    /// How many in a hundred were killed or are accepted, in tenths; 1000 where there were none.
    pub(super) fn permille(&self) -> usize {
        ((self.killed + self.accepted()) * 1000).checked_div(self.tried).unwrap_or(1000)
    }
}

// === impl Suites ===

impl Suites {
    /// Every mutant of every policy text, each once however many suites have the text.
    fn trials(&self) -> Vec<Trial> {
        let mut texts: BTreeMap<(String, Arc<str>), Vec<usize>> = BTreeMap::new();
        for (number, (_, world)) in self.suites.iter().enumerate() {
            for text in &world.policies {
                let key = (text.name.clone(), Arc::clone(&text.text));
                texts.entry(key).or_default().push(number);
            }
        }
        let mut trials = Vec::new();
        for ((name, text), suites) in texts {
            let text = Text { name, text };
            let first = suites.first().and_then(|first| self.suites.get(*first));
            let Some((_, world)) = first else { continue };
            for mutant in mutants(&world.snapshot, &text) {
                trials.push(Trial { text: text.clone(), mutant, suites: suites.clone() });
            }
        }
        trials
    }

    /// What becomes of the mutants, from the first on, as far as the time lasts.
    fn try_all(&self, trials: &[Trial], time: Duration) -> Vec<Fate> {
        let until = Instant::now() + time;
        let done = Arc::new(AtomicU64::new(0));
        let bar = Progress::count(trials.len() as u64, "changing policies", Arc::clone(&done));
        let next = AtomicUsize::new(0);
        let work = || {
            let mut order = self.tests();
            let mut fates = Vec::new();
            while Instant::now() < until {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let Some(trial) = trials.get(number) else { break };
                fates.push((number, self.fate(trial, &mut order)));
                done.fetch_add(1, Ordering::Relaxed);
            }
            fates
        };
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let mut fates = thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
            let mut fates = work();
            for other in others {
                match other.join() {
                    Ok(more) => fates.extend(more),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            fates
        });
        drop(bar);
        fates.sort_unstable_by_key(|(number, _)| *number);
        // Each thread takes the next one and ends what it took, so there are no gaps.
        fates.into_iter().map(|(_, fate)| fate).collect()
    }

    /// Every test: the numbers of its suite and of itself.
    fn tests(&self) -> Vec<(usize, usize)> {
        let suites = self.suites.iter().enumerate();
        suites
            .flat_map(|(number, (suite, _))| (0..suite.tests.len()).map(move |test| (number, test)))
            .collect()
    }

    /// Runs the tests until one fails. The one that does is put in front, since it is likely to
    /// fail for the next mutant too.
    fn fate(&self, trial: &Trial, order: &mut [(usize, usize)]) -> Fate {
        let mutant = trial.mutant.apply(&trial.text);
        let mut changed: Vec<(Arc<World>, World)> = Vec::new();
        for number in &trial.suites {
            let Some((_, world)) = self.suites.get(*number) else { continue };
            if changed.iter().any(|(own, _)| Arc::ptr_eq(own, world)) {
                continue;
            }
            // In worlds where it does not compile it cannot be made by mistake.
            if let Ok(mutated) = world.with_policy_text(&mutant) {
                changed.push((Arc::clone(world), mutated));
            }
        }
        if changed.is_empty() {
            return Fate::Void;
        }
        for place in 0..order.len() {
            let Some((suite, test)) = order.get(place).copied() else { break };
            let Some((suite, world)) = self.suites.get(suite) else { continue };
            let mutated = changed.iter().find(|(own, _)| Arc::ptr_eq(own, world));
            let (Some((_, mutated)), Some(test)) = (mutated, suite.tests.get(test)) else {
                continue;
            };
            if self.notices(&suite.name, test, mutated) {
                if let Some(front) = order.get_mut(..=place) {
                    front.rotate_right(1);
                }
                return Fate::Killed;
            }
        }
        Fate::Survived
    }

    /// Whether a case of the test fails.
    fn notices(&self, file: &str, test: &Test, world: &World) -> bool {
        let Ok(cases) = test.cases(world) else { return true };
        let is_meant = |cell: Option<&str>| {
            self.filter.as_deref().is_none_or(|filter| {
                [file, &test.name, cell.unwrap_or_default()].iter().any(|it| it.contains(filter))
            })
        };
        cases
            .iter()
            .filter(|case| is_meant(case.cell.as_deref()))
            .any(|case| matches!(case.run(), Outcome::Failed { .. }))
    }

    fn mutation(&self, trials: Vec<Trial>, fates: &[Fate], cut: Option<String>) -> Mutation {
        let accepted = || self.suites.iter().flat_map(|(suite, _)| &suite.accepted_mutants);
        let mut mutation =
            Mutation { tried: 0, killed: 0, survivors: Vec::new(), stale: Vec::new(), cut };
        let mut killed = Vec::new();
        for (trial, fate) in trials.into_iter().zip(fates) {
            mutation.tried += usize::from(*fate != Fate::Void);
            match fate {
                Fate::Void => {}
                Fate::Killed => killed.push(trial.mutant.name),
                Fate::Survived => {
                    let reason = accepted().find(|it| it.mutant == trial.mutant.name);
                    let reason = reason.map(|it| it.reason.clone());
                    let diff = trial.mutant.diff(&trial.text);
                    mutation.survivors.push(Survivor { mutant: trial.mutant, diff, reason });
                }
            }
        }
        mutation.killed = killed.len();
        for Accepted { mutant, place, .. } in accepted() {
            let why = if mutation.survivors.iter().any(|it| it.mutant.name == *mutant) {
                continue;
            } else if killed.contains(mutant) {
                "a test fails for it by now"
            } else if mutation.cut.is_some() {
                // It may be among those that were not tried.
                continue;
            } else {
                "there is no such mutant"
            };
            mutation.stale.push(Stale { mutant: mutant.clone(), place: place.clone(), why });
        }
        mutation
    }
}
