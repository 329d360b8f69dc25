//! `doorward init`: what it writes is a project that validates, answers and is left alone after.

use insta::assert_snapshot;

use crate::project::Project;

#[test]
fn an_empty_directory_becomes_a_project() {
    let project = Project::empty();
    assert_snapshot!(project.run(&["init", "pdp"]), @"
    exit: 0
    ----- stdout
    pdp/policies/schema.cedarschema
    pdp/policies/isolation.cedar
    pdp/policies/ownership.cedar
    pdp/policies/sharing.cedar
    pdp/policies/thingsboard.cedar
    pdp/entities/entities.json
    pdp/entities/links.json
    pdp/doorward.yaml
    pdp/routes.yaml
    pdp/README.md
    ----- stderr

    Next:
      cd pdp
      doorward validate
      doorward serve

    README.md there says more.
    ");
    let at = |arguments: &[&str]| {
        let mut command = project.command(arguments);
        command.current_dir(project.path("pdp"));
        project.outcome(&mut command)
    };
    assert_snapshot!(at(&["validate"]), @"
    exit: 0
    ----- stdout
    valid: 18 policies, 68 entities, 4 links, 5 routes
    ");
    assert_snapshot!(at(&["format", "--check"]), @"
    exit: 0
    ----- stderr
    0 of 4 files would change
    ");
    let check = ["check", "--principal", "User::\"emma\"", "--action", "read"];
    assert_snapshot!(at(&[&check[..], &["--resource", "Device::\"SD-001\""]].concat()), @"
    exit: 0
    ----- stdout
    allow
      permit ownership-read  policies/ownership.cedar:6
    ");
}

#[test]
fn the_directory_that_one_is_in() {
    let project = Project::empty();
    assert_snapshot!(project.run(&["init", "."]), @"
    exit: 0
    ----- stdout
    ./policies/schema.cedarschema
    ./policies/isolation.cedar
    ./policies/ownership.cedar
    ./policies/sharing.cedar
    ./policies/thingsboard.cedar
    ./entities/entities.json
    ./entities/links.json
    ./doorward.yaml
    ./routes.yaml
    ./README.md
    ----- stderr

    Next:
      cd .
      doorward validate
      doorward serve

    README.md there says more.
    ");
    assert_snapshot!(project.run(&["validate"]), @"
    exit: 0
    ----- stdout
    valid: 18 policies, 68 entities, 4 links, 5 routes
    ");
}

#[test]
fn nothing_is_overwritten() {
    let project = Project::empty();
    project.write("policies/sharing.cedar", "// Mine.\n");
    assert_snapshot!(project.run(&["init", "."]), @"
    exit: 1
    ----- stderr
    error: `./policies/sharing.cedar` is there already
    hint: nothing was written; choose another directory
    ");
    assert_eq!(project.read("policies/sharing.cedar"), "// Mine.\n");
}
