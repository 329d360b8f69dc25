//! `doorward diff`: what a share, a policy and a revision give and take, as people read it.

use insta::assert_snapshot;

use crate::project::Project;
use crate::service::Service;

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

/// The shipped project with a data directory of two revisions, whose second has a share less, and
/// that nothing serves any more.
fn two_revisions() -> Project {
    let project = Project::shipped();
    let service = Service::start(project, &["--entities", "entities", "--data-dir", "data"]);
    let answer = service.admin("DELETE", "/v1/links/share-buildings-a", "");
    assert_eq!(answer.status, 200);
    service.kill()
}

const REVISIONS: &[&str] =
    &["diff", "--data-dir", "data", "--now", "2026-11-21T12:00:00Z", "--samples", "1", "--from"];

#[test]
fn revisions_and_what_is_exported_of_them() {
    let project = two_revisions();
    let diff = |from: &str, to: &str| project.run(&[REVISIONS, &[from, "--to", to]].concat());
    assert_snapshot!(diff("rev:1", "rev:2"));
    assert_snapshot!(diff("rev:2", "."));
    let none = diff("rev:1", ".");
    assert!(none.contains("0 entities and 0 links differ"), "{none}");
    for name in ["exported.json", "exported"] {
        let exported = project.run(&["log", "export", "2", "--data-dir", "data", "--out", name]);
        assert!(exported.starts_with("exit: 0\n"), "{exported}");
        assert_eq!(diff("rev:1", name), diff("rev:1", "rev:2"), "{name}");
        assert_eq!(diff(name, "policies"), diff("rev:2", "."), "{name}");
    }
    assert_snapshot!(diff("rev:3", "."));
}

/// It is what a write of that file would change.
#[test]
fn a_file_with_some_of_the_parts() {
    let project = Project::shipped();
    project.write("links.json", "{\"links\": []}");
    project.write("entities.json", "{\"entities\": [], \"links\": []}");
    project.write("rules.json", "{\"policies\": {\"none.cedar\": \"\"}, \"links\": []}");
    let diff = |file| {
        let arguments = [
            "diff",
            "--from",
            ".",
            "--to",
            file,
            "--now",
            "2026-11-21T12:00:00Z",
            "--samples",
            "1",
        ];
        project.run(&arguments)
    };
    assert_snapshot!(diff("links.json"));
    assert!(diff("entities.json").contains("68 entities and 4 links differ"));
    assert!(diff("rules.json").contains("0 entities and 4 links differ"));
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
