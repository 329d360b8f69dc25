//! The examples: the very command that each README shows, run as it stands there, and what the
//! README says about it.

use std::path::Path;
use std::process::Command;

use crate::project::Project;

/// The arguments of the README's command; quotes are the shell's.
fn command_of(example: &str) -> Vec<String> {
    let path = format!("{}/examples/{example}/README.md", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let block = text.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let line = block.replace("\\\n", " ");
    let words = line.split('\'').enumerate().flat_map(|(number, part)| match number % 2 {
        0 => part.split_whitespace().map(str::to_owned).collect(),
        _ => vec![part.to_owned()],
    });
    words.skip(1).collect()
}

/// Runs the command with some of its arguments replaced, from the root of the repository.
fn run(example: &str, replaced: &[(&str, &str)]) -> String {
    let mut arguments = command_of(example);
    for (flag, value) in replaced {
        let at = arguments.iter().position(|argument| argument == flag).expect(flag);
        arguments[at + 1] = (*value).to_owned();
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_doorward"));
    command.args(arguments).current_dir(Path::new(env!("CARGO_MANIFEST_DIR"))).env_clear();
    Project::empty().outcome(&mut command)
}

/// Expects an allow by the policy or link.
#[track_caller]
fn allows(example: &str, replaced: &[(&str, &str)], by: &str) {
    let output = run(example, replaced);
    assert!(output.starts_with("exit: 0\n----- stdout\nallow\n"), "{output}");
    assert!(output.contains(&format!("\n  permit {by} ")), "{output}");
}

/// Expects a deny without any error in a policy.
#[track_caller]
fn denies(example: &str, replaced: &[(&str, &str)]) {
    let output = run(example, replaced);
    assert!(output.starts_with("exit: 3\n----- stdout\ndeny\n"), "{output}");
    assert!(!output.contains("could not be evaluated"), "{output}");
}

#[test]
fn a_document_drive() {
    allows("drive", &[], "catalogue-for-kite");
    let kit = |document| [("--resource", document)];
    denies("drive", &kit("Document::\"The Long Ferry\""));
    denies("drive", &[("--action", "delete")]);
    allows("drive", &[("--principal", "User::\"otto\""), ("--action", "delete")], "ownership-full");
    for nobody in ["User::\"mallory\"", "User::\"lena\""] {
        denies("drive", &[("--principal", nobody)]);
    }
}

#[test]
fn hospital_records() {
    allows("hospital", &[], "joint-board-with-oncology");
    denies("hospital", &[("--action", "amend")]);
    allows("hospital", &[("--principal", "User::\"dr_wolf\"")], "ownership-full");
    denies("hospital", &[("--principal", "User::\"dr_quell\"")]);
}

#[test]
fn a_project_tracker() {
    allows("tracker", &[], "login-with-mobile");
    denies("tracker", &[("--principal", "User::\"hugo\"")]);
}

#[test]
fn the_smaller_scenario() {
    allows("thingsboard-small", &[], "share-customers-dashboards");
    denies("thingsboard-small", &[("--action", "write")]);
    denies("thingsboard-small", &[("--resource", "Dashboard::\"Internal Dashboard\"")]);
    denies("thingsboard-small", &[("--principal", "SystemAdministrator::\"sysadmin\"")]);
    denies("thingsboard-small", &[("--principal", "Anonymous::\"anonymous\"")]);
    let thermometer = [("--resource", "Device::\"Thermometer\"")];
    allows("thingsboard-small", &thermometer, "ownership-read");
}

/// Stock PE lets customer users call devices; `policies/` alone does not.
#[test]
fn stock_roles() {
    allows("thingsboard", &[], "ownership-read");
    let check = ["check", "--principal", "User::\"emma\"", "--action", "rpc_call"];
    let output =
        Project::shipped().run(&[&check[..], &["--resource", "Device::\"SD-001\""]].concat());
    assert!(output.starts_with("exit: 3\n----- stdout\ndeny\n"), "{output}");
}

#[test]
fn the_scenarios_of_authzen() {
    let found = run("authzen", &[]);
    let records = ["104", "110", "115", "116"].map(|id| format!("record::\"{id}\"\n"));
    assert_eq!(found, format!("exit: 0\n----- stdout\n{}", records.concat()));
}

/// Every directory of examples has a README whose command is run above.
#[test]
fn no_example_is_left_out() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut found: Vec<String> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    found.sort();
    assert_eq!(
        found,
        ["authzen", "drive", "hospital", "thingsboard", "thingsboard-small", "tracker"]
    );
}
