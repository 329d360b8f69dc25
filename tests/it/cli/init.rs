//! `doorward init`: what it writes is a project that validates, answers and is left alone after.

use insta::assert_snapshot;

use crate::project::Project;

#[test]
fn an_empty_directory_becomes_a_project() {
    let project = Project::empty();
    assert_snapshot!(project.run(&["init", "pdp"]), @"");
    let at = |arguments: &[&str]| {
        let mut command = project.command(arguments);
        command.current_dir(project.path("pdp"));
        project.outcome(&mut command)
    };
    assert_snapshot!(at(&["validate"]), @"");
    assert_snapshot!(at(&["format", "--check"]), @"");
    let check = ["check", "--principal", "User::\"emma\"", "--action", "read"];
    assert_snapshot!(at(&[&check[..], &["--resource", "Device::\"SD-001\""]].concat()), @"");
}

#[test]
fn the_directory_that_one_is_in() {
    let project = Project::empty();
    assert_snapshot!(project.run(&["init", "."]), @"");
    assert_snapshot!(project.run(&["validate"]), @"");
}

#[test]
fn nothing_is_overwritten() {
    let project = Project::empty();
    project.write("policies/sharing.cedar", "// Mine.\n");
    assert_snapshot!(project.run(&["init", "."]), @"");
    assert_eq!(project.read("policies/sharing.cedar"), "// Mine.\n");
}
