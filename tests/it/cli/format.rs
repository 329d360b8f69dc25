//! `doorward format`: lays policies out, keeps their meaning and their comments, and is content with
//! its own work.

use insta::assert_snapshot;

use crate::project::Project;

const UNTIDY: &str = "// Why.\n@id(\"a\") permit(principal,action,resource) when{1+1==2};\n";

#[test]
fn what_ships_is_formatted() {
    assert_snapshot!(Project::shipped().run(&["format", "--check", "policies"]), @"
    exit: 0
    ----- stderr
    0 of 4 files would change
    ");
}

#[test]
fn what_would_change_is_named_and_left() {
    let project = Project::empty();
    project.write("policies/untidy.cedar", UNTIDY);
    assert_snapshot!(project.run(&["format", "--check", "policies"]), @"
    exit: 5
    ----- stdout
    policies/untidy.cedar
    ----- stderr
    1 of 1 files would change
    ");
    assert_eq!(project.read("policies/untidy.cedar"), UNTIDY);
}

#[test]
fn files_are_rewritten_once() {
    let project = Project::empty();
    project.write("policies/untidy.cedar", UNTIDY);
    assert_snapshot!(project.run(&["format", "policies"]), @"
    exit: 0
    ----- stdout
    policies/untidy.cedar
    ----- stderr
    1 of 1 files formatted
    ");
    assert_snapshot!(project.read("policies/untidy.cedar"), @r#"
    // Why.
    @id("a")
    permit (principal, action, resource)
    when { 1 + 1 == 2 };
    "#);
    assert_snapshot!(project.run(&["format", "--check", "policies"]), @"
    exit: 0
    ----- stderr
    0 of 1 files would change
    ");
}

#[test]
fn what_is_no_policy_is_left() {
    let project = Project::empty();
    project.write("policies/broken.cedar", "permit (principal");
    assert_snapshot!(project.run(&["format", "policies"]), @"
    exit: 1
    ----- stderr
    error[policy-syntax]: `(` is never closed
     --> policies/broken.cedar:1:8
      |
    1 | permit (principal
      |        ^
    hint: add the `)` that belongs to it
    ");
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
    assert_snapshot!(project.run(&["format", "policies"]), @"
    exit: 1
    ----- stderr
    error[nested-too-deep]: this is nested deeper than 64 levels
     --> policies/deep.cedar:1:108
      |
    1 | …resource) when { (((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((…
      |                                                                                  ^
    hint: brackets, unary operators, `if` and chains of operators count
    ");
    assert_eq!(project.read("policies/deep.cedar"), text);
}
