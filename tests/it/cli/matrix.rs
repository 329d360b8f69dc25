//! `doorward matrix`: the same decisions as the truth table, in every form.

use std::collections::BTreeMap;
use std::path::Path;

use insta::assert_snapshot;

use crate::project::Project;

fn run(arguments: &[&str]) -> String {
    Project::shipped().run(&[&["matrix"], arguments].concat())
}

#[test]
fn a_table() {
    assert_snapshot!(run(&["--principal", "User::\"jack\"", "--type", "Device"]));
}

#[test]
fn a_page_is_escaped_and_needs_nothing_else() {
    let project = Project::shipped();
    let entities = project
        .read("entities/entities.json")
        .replace("WM-003", "<b>&'WM</b>")
        .replace("\"SD-001\"", "\"\\\"><script>alert(1)</script>\"");
    project.write("entities/entities.json", &entities);
    let arguments = ["matrix", "--principal", "User::\"emma\"", "--type", "Device"];
    assert_snapshot!(project.run(&[&arguments[..], &["--format", "html"]].concat()));
}

#[test]
fn json_and_bounds() {
    let json = run(&[
        "--principal",
        "User::\"jack\"",
        "--resource",
        "Device::\"AM-307\"",
        "--format",
        "json",
    ]);
    assert_snapshot!(json);
    assert_snapshot!(run(&["--max-cells", "10"]));
    assert_snapshot!(run(&["--principal", "Nobody"]));
    assert_snapshot!(run(&["--principal", "User::\"nobody\""]));
}

/// Every cell of the truth table that the matrix has says the same.
#[test]
fn it_agrees_with_the_truth_table() {
    let output = Project::shipped()
        .command(&["matrix", "--format", "csv", "--principal", "User"])
        .output()
        .unwrap();
    let mut decided: BTreeMap<[String; 3], String> = BTreeMap::new();
    for record in csv::Reader::from_reader(output.stdout.as_slice()).records() {
        let record = record.unwrap();
        let [principal, resource, action, decision] = [0, 1, 2, 3].map(|at| record[at].to_owned());
        decided.insert([principal, action, resource], decision);
    }
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/thingsboard_truth.csv");
    let mut reader = csv::Reader::from_path(table).unwrap();
    let headers = reader.headers().unwrap().clone();
    let column = |name: &str| headers.iter().position(|header| header == name).unwrap();
    let uids = ["principal_uid", "action_uid", "resource_uid"].map(column);
    let expect = headers
        .iter()
        .position(|it| it == "expected")
        .or_else(|| headers.iter().position(|it| it == "decision"));
    let expect = expect.unwrap_or_else(|| panic!("{headers:?}"));
    let mut compared = 0;
    for record in reader.records() {
        let record = record.unwrap();
        let Some(decision) = decided.get(&uids.map(|at| record[at].to_owned())) else { continue };
        assert_eq!(decision.as_str(), record[expect].to_ascii_lowercase(), "{record:?}");
        compared += 1;
    }
    assert!(compared > 1_000, "only {compared} cells of the table are in the matrix");
}
