//! What can be typed, and what cannot be meant.

use insta::assert_snapshot;

use crate::project::Project;

#[test]
fn the_commands() {
    assert_snapshot!(Project::empty().run(&["--help"]), @"
    exit: 0
    ----- stdout
    An authorization sidecar: Cedar policies and an entity snapshot in memory, allow or deny over HTTP

    Usage: doorward <COMMAND>

    Commands:
      serve     Run the service
      check     Decide one request, from files or by a running service
      explain   Show what happens to one HTTP request: route, captures, checks, decision, policies
      search    What can, who can, or which actions: everything that would be allowed
      probe     Send tricks through your own proxy, and report who disagrees
      test      Run policy tests
      demo      Show an allow, a deny and why, on the example that ships; needs no file
      matrix    Principals, resources and actions: what is decided for each
      diff      Who gains and who loses access between two bundles
      validate  Check schema, policies, entities, links, routes and tests, and show every problem
      format    Format .cedar files in place
      init      Write policies, schema, entities, tests, routes and proxy snippets to start from
      import    Make files to start from out of those of other tools
      config    Show the configuration in force, and where each value comes from
      health    Ask a running service whether it is well; for container health checks
      log       List, show, verify and export the revisions of a data directory

    Options:
      -h, --help     Print help
      -V, --version  Print version

    Try `doorward demo` first. Exit codes: 0 done, 1 error, 2 usage; others are listed by each command's
    help.
    ");
}

#[test]
fn the_version() {
    let expected = format!("exit: 0\n----- stdout\ndoorward {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(Project::empty().run(&["--version"]), expected);
}

#[test]
fn a_command_that_is_none() {
    assert_snapshot!(Project::empty().run(&["chekc"]), @"
    exit: 2
    ----- stderr
    error: unrecognized subcommand 'chekc'

      tip: a similar subcommand exists: 'check'

    Usage: doorward <COMMAND>

    For more information, try '--help'.
    ");
}

#[test]
fn a_flag_that_is_none() {
    assert_snapshot!(Project::empty().run(&["serve", "--port", "80"]), @"
    exit: 2
    ----- stderr
    error: unexpected argument '--port' found

    Usage: doorward serve [OPTIONS]

    For more information, try '--help'.
    ");
}

#[test]
fn a_flag_that_is_missing() {
    assert_snapshot!(Project::empty().run(&["check", "--action", "read"]), @"
    exit: 2
    ----- stderr
    error: the following required arguments were not provided:
      --principal <UID>
      --resource <UID>

    Usage: doorward check --principal <UID> --action <ACTION> --resource <UID>

    For more information, try '--help'.
    ");
}

#[test]
fn a_value_that_is_none() {
    assert_snapshot!(Project::empty().run(&["serve", "--forbid-errors", "allow"]), @"
    exit: 2
    ----- stderr
    error: invalid value 'allow' for '--forbid-errors <RULE>'
      [possible values: deny, skip]

    For more information, try '--help'.
    ");
}

/// A command or flag that no reader of the documentation can use yet is not in the help.
#[test]
fn nothing_is_announced_that_is_not_there() {
    let help = Project::empty().run(&["--help"]);
    for absent in ["prove", "publish"] {
        assert!(!help.contains(&format!("  {absent} ")), "{absent} is announced");
    }
    let help = Project::empty().run(&["serve", "--help"]);
    for flag in [
        "--config",
        "--policies",
        "--schema",
        "--entities",
        "--links",
        "--routes",
        "--listen",
        "--admin-listen",
        "--admin-token-file",
        "--check-token-file",
        "--data-dir",
        "--ephemeral",
        "--forbid-errors",
        "--references",
        "--request-properties",
        "--log-format",
    ] {
        assert!(help.contains(flag), "{flag} is not in the help");
    }
}
