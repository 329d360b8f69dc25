//! The tests of the shipped policies and of the examples, run by the real binary as they are in the
//! repository.

use std::path::Path;
use std::process::Command;

use insta::assert_snapshot;

use crate::project::Project;

/// Runs a command from the root of the repository.
fn from_the_root(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_doorward"));
    command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).env_clear();
    Project::empty().outcome(&mut command)
}

/// Every example's folder of tests, where it has one.
fn examples() -> Vec<String> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let names = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
    let mut tests: Vec<_> = names
        .map(|name| format!("examples/{}/tests", name.display()))
        .filter(|path| Path::new(env!("CARGO_MANIFEST_DIR")).join(path).is_dir())
        .collect();
    tests.sort();
    tests
}

/// Everything passes, and nothing is skipped.
#[track_caller]
fn passes(path: &str) {
    let output = from_the_root(&["test", path]);
    assert!(output.starts_with("exit: 0\n----- stdout\n"), "{output}");
    assert!(output.trim_end().ends_with(" passed, 0 failed, 0 skipped"), "{output}");
    assert!(!output.contains("\n0 passed"), "{output}");
}

#[test]
fn the_shipped_policies_pass_their_tests() {
    passes("tests/policies");
}

#[test]
fn the_examples_pass_theirs() {
    let found = examples();
    for example in ["drive", "hospital", "thingsboard", "thingsboard-small", "tracker"] {
        assert!(found.contains(&format!("examples/{example}/tests")), "{example}: {found:?}");
    }
    for tests in found {
        passes(&tests);
    }
}

/// Every policy decided something, and of each clause both outcomes were seen.
#[test]
fn the_tests_of_the_shipped_policies_cover_them() {
    let output = from_the_root(&["test", "--coverage", "--min", "95"]);
    assert!(output.starts_with("exit: 0\n"), "{output}");
    let (_, coverage) = output.split_once(" passed, 0 failed, 0 skipped\n").expect(&output);
    assert_snapshot!(coverage.trim(), @r"
    coverage 100.0 %: 137 of 137 outcomes of clauses seen, 18 of 18 policies satisfied
      100.0 %  policies/isolation.cedar
      100.0 %  policies/ownership.cedar
      100.0 %  policies/sharing.cedar
      100.0 %  policies/thingsboard.cedar
    ");
}

/// Whoever changes a shipped policy by mistake is told by a test, or it is written down why no test
/// can tell.
#[test]
fn no_mutant_of_the_shipped_policies_survives() {
    let output = from_the_root(&["test", "--mutate"]);
    assert!(output.starts_with("exit: 0\n"), "{output}");
    let summary = output.lines().find(|line| line.contains(" mutants: ")).expect("a summary");
    assert!(summary.contains(" killed, 0 survived, "), "{summary}");
    // Where hardly anything is changed, hardly anything survives.
    let tried: usize = summary.split(' ').next().unwrap().parse().unwrap();
    assert!(tried > 150, "{summary}");
}
