//! Tests as an input that can be wrong, without running any: faults of their form, and what they
//! name that their worlds do not have. `doorward validate` asks.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::super::exit::Failure;
use super::world::Worlds;
use super::{find, run};
use crate::config::Config;
use crate::engine::{Problem, Problems};
use crate::policy_test::Suite;

/// What was found.
#[derive(Debug)]
pub(in crate::cli) struct Judged {
    /// How many tests there are in files that can be read.
    pub(in crate::cli) tests: usize,
    /// All that is wrong with them.
    pub(in crate::cli) problems: Problems,
}

/// Judges the files and directories. Without `worlds`, where what the tests are about is wrong
/// itself, only their form is looked at.
pub(in crate::cli) fn judge(
    config: &Config,
    paths: &[PathBuf],
    worlds: bool,
) -> Result<Judged, Failure> {
    let (suites, mut problems) = run::read_each(&find::files(paths)?);
    let tests = suites.iter().map(|suite| suite.tests.len()).sum();
    let mut found = Worlds::new(config);
    let mut told = BTreeSet::new();
    for suite in suites.iter().filter(|_| worlds) {
        let more = of_suite(&mut found, suite);
        // Suites of one world that is wrong all have the same to say.
        if told.insert(more.to_string()) {
            problems.append(more);
        }
    }
    Ok(Judged { tests, problems })
}

/// What a suite names that its world does not have, or what is wrong with its world.
fn of_suite(worlds: &mut Worlds<'_>, suite: &Suite) -> Problems {
    let world = match worlds.of(suite) {
        Ok(world) => world,
        Err(Failure::Problems(problems)) => return *problems,
        Err(Failure::Message { message, hint, .. }) => {
            let problem = Problem::error("policy-tests", format!("`{}`: {message}", suite.name));
            return Problem { hint, ..problem }.into();
        }
    };
    let mut problems = Problems::default();
    for test in &suite.tests {
        problems.append(match test.cases(&world) {
            Ok(cases) => test.foreseen(&cases),
            Err(found) => found,
        });
    }
    problems
}
