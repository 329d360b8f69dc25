//! `doorward format`: lays policies out, keeps their meaning and their comments, and is content with
//! its own work.

use insta::assert_snapshot;

use crate::project::Project;

const UNTIDY: &str = "// Why.\n@id(\"a\") permit(principal,action,resource) when{1+1==2};\n";

#[test]
fn what_ships_is_formatted() {
    assert_snapshot!(Project::shipped().run(&["format", "--check", "policies"]), @"");
}

#[test]
fn what_would_change_is_named_and_left() {
    let project = Project::empty();
    project.write("policies/untidy.cedar", UNTIDY);
    assert_snapshot!(project.run(&["format", "--check", "policies"]), @"");
    assert_eq!(project.read("policies/untidy.cedar"), UNTIDY);
}

#[test]
fn files_are_rewritten_once() {
    let project = Project::empty();
    project.write("policies/untidy.cedar", UNTIDY);
    assert_snapshot!(project.run(&["format", "policies"]), @"");
    assert_snapshot!(project.read("policies/untidy.cedar"), @"");
    assert_snapshot!(project.run(&["format", "--check", "policies"]), @"");
}

#[test]
fn what_is_no_policy_is_left() {
    let project = Project::empty();
    project.write("policies/broken.cedar", "permit (principal");
    assert_snapshot!(project.run(&["format", "policies"]), @"");
    assert_eq!(project.read("policies/broken.cedar"), "permit (principal");
}

#[test]
fn what_is_nested_too_deep_is_left() {
    let project = Project::empty();
    let text = format!(
        "permit (principal, action, resource) when {{ {}true{} }};\n",
        "(".repeat(200),
        ")".repeat(200)
    );
    project.write("policies/deep.cedar", &text);
    assert_snapshot!(project.run(&["format", "policies"]), @"");
    assert_eq!(project.read("policies/deep.cedar"), text);
}
