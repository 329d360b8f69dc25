//! `doorward diff`: what a share, a policy and a revision give and take, as people read it.

use insta::assert_snapshot;

use crate::project::Project;

/// The shipped project twice, the second with a text replaced in one of its files.
fn two(file: &str, from: &str, to: &str) -> Project {
    let project = Project::shipped();
    for part in ["policies", "entities"] {
        for entry in std::fs::read_dir(project.path(part)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            project.write(&format!("next/{part}/{name}"), &text);
        }
    }
    let text = project.read(&format!("next/{file}"));
    assert!(text.contains(from), "{text}");
    project.write(&format!("next/{file}"), &text.replacen(from, to, 1));
    project
}

const BOTH: &[&str] =
    &["diff", "--from", ".", "--to", "next", "--now", "2026-11-21T12:00:00Z", "--samples", "4"];

fn share() -> Project {
    two("entities/links.json", "UserGroup::\\\"B/All\\\"", "UserGroup::\\\"A/All\\\"")
}

#[test]
fn a_share_with_others() {
    assert_snapshot!(share().run(BOTH));
}

#[test]
fn a_share_with_others_for_a_pull_request() {
    assert_snapshot!(share().run(&[BOTH, &["--format", "markdown"]].concat()));
}

#[test]
fn a_share_with_others_for_programs() {
    let arguments = ["diff", "--from", ".", "--to", "next", "--samples", "1", "--format", "json"];
    assert_snapshot!(share().run(&arguments));
}

#[test]
fn a_policy_that_forgets_its_owner() {
    let project = two("policies/ownership.cedar", "resource.owner in principal.owner", "true");
    assert_snapshot!(project.run(&[BOTH, &["--max-gained", "0"]].concat()));
}

#[test]
fn nothing_differs() {
    assert_snapshot!(Project::shipped().run(&["diff", "--from", ".", "--to", "policies"]));
}

#[test]
fn what_is_no_bundle_is_refused() {
    let project = Project::shipped();
    project.write("no.json", "{\"policy\": {}}");
    let refused: Vec<String> = ["nowhere", "no.json", "rev:x", "rev:7"]
        .iter()
        .map(|name| project.run(&["diff", "--from", name, "--to", "."]))
        .collect();
    assert_snapshot!(refused.join("\n\n"));
}
