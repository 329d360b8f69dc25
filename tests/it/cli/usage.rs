//! What can be typed, and what cannot be meant.

use insta::assert_snapshot;

use crate::project::Project;

#[test]
fn the_commands() {
    assert_snapshot!(Project::empty().run(&["--help"]), @"");
}

#[test]
fn the_version() {
    let expected = format!("exit: 0\n----- stdout\ndoorward {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(Project::empty().run(&["--version"]), expected);
}

#[test]
fn a_command_that_is_none() {
    assert_snapshot!(Project::empty().run(&["chekc"]), @"");
}

#[test]
fn a_flag_that_is_none() {
    assert_snapshot!(Project::empty().run(&["serve", "--port", "80"]), @"");
}

#[test]
fn a_flag_that_is_missing() {
    assert_snapshot!(Project::empty().run(&["check", "--action", "read"]), @"");
}

#[test]
fn a_value_that_is_none() {
    assert_snapshot!(Project::empty().run(&["serve", "--forbid-errors", "allow"]), @"");
}

/// A command or flag that no reader of the documentation can use yet is not in the help.
#[test]
fn nothing_is_announced_that_is_not_there() {
    let help = Project::empty().run(&["--help"]);
    for absent in ["search", "matrix", "diff", "prove", "probe", "import", "publish"] {
        assert!(!help.contains(&format!("  {absent} ")), "{absent} is announced");
    }
    let help = Project::empty().run(&["serve", "--help"]);
    for flag in [
        "--config",
        "--policies",
        "--schema",
        "--entities",
        "--links",
        "--listen",
        "--admin-listen",
        "--admin-token-file",
        "--data-dir",
        "--ephemeral",
        "--forbid-errors",
        "--references",
        "--request-properties",
        "--log-format",
    ] {
        assert!(help.contains(flag), "{flag} is not in the help");
    }
    for flag in ["--routes", "--check-token-file"] {
        assert!(!help.contains(flag), "{flag} is announced");
    }
}
