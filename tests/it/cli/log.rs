//! `doorward log`, on a log that a service has written, and while it still does.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::project::Project;
use crate::service::{EMMA_READS, Service};

/// A service on what ships, whose policies the API put, with two changes.
fn written() -> Service {
    let service = Service::start(Project::empty(), &[]);
    assert_eq!(service.admin("PUT", "/v1/bundle", &Service::shipped_bundle()).status, 200);
    let remove = json!({"unlink": ["share-buildings-a"]}).to_string();
    assert_eq!(service.admin("PATCH", "/v1/entities", &remove).status, 200);
    let policies = json!({"policies": {"none.cedar": "forbid (principal, action, resource);"},
        "links": []})
    .to_string();
    let put = service.admin("PUT", "/v1/bundle", &policies);
    assert_eq!(put.status, 200, "{put:?}");
    service
}

#[test]
fn revisions_are_listed_and_shown_while_the_service_runs() {
    let service = written();
    let project = &service.project;
    assert_snapshot!(project.run(&["log", "list"]), @"
    exit: 0
    ----- stdout
    REVISION  AT                    BY      CHANGED
           3  <time>  writer  policies, links
           2  <time>  writer  links
           1  <time>  writer  schema, policies, entities, links
    ");
    assert_snapshot!(project.run(&["log", "list", "--from", "2", "--limit", "1", "--format", "json"]), @r#"
    exit: 0
    ----- stdout
    {
      "revisions": [
        {
          "revision": 2,
          "at": "<time>",
          "by": "writer",
          "changed": [
            "links"
          ]
        }
      ]
    }
    "#);
    assert_snapshot!(project.run(&["log", "show", "2"]), @r#"
    exit: 0
    ----- stdout
    revision  2
    at        <time>
    by        writer
    changed   links
    digest    <digest>
    hash      <digest>
    previous  <digest>
    {
      "unlink": [
        "share-buildings-a"
      ]
    }
    "#);
    assert_snapshot!(project.run(&["log", "show", "3", "--format", "json"]), @r#"
    exit: 0
    ----- stdout
    {
      "revision": 3,
      "at": "<time>",
      "by": "writer",
      "changed": [
        "policies",
        "links"
      ],
      "digest": "<digest>",
      "hash": "<digest>",
      "previous": "<digest>",
      "change": {
        "snapshot": "<digest>"
      }
    }
    "#);
    let verified = project.run(&["log", "verify"]);
    let expected = "exit: 0\n----- stdout\nrevisions 1 to 3 are in order: 3 records of ";
    assert!(verified.starts_with(expected), "{verified}");
    assert!(verified.contains(" bytes, 2 snapshots of "), "{verified}");
    let verified = project.run(&["log", "verify", "--format", "json"]);
    assert!(verified.contains("\"oldest\": 1,\n  \"records\": 3,"), "{verified}");
    assert_eq!(service.decision(EMMA_READS), "deny");
}

#[test]
fn a_revision_is_exported_as_a_bundle_and_as_files() {
    let service = written();
    let project = &service.project;
    assert_eq!(project.run(&["log", "export", "1", "--out", "one.json"]), "exit: 0\n");
    assert_eq!(project.run(&["log", "export", "1", "--out", "one"]), "exit: 0\n");
    let text = project.read("one.json");
    let standard = project.run(&["log", "export", "1"]);
    assert_eq!(standard, project.steady(&format!("exit: 0\n----- stdout\n{text}")));
    let put = service.admin("PUT", "/v1/bundle", &text);
    assert_eq!(put.status, 200, "{put:?}");
    assert_eq!(service.decision(EMMA_READS), "allow");
    let bundle: Value = serde_json::from_str(&text).unwrap();
    let shipped: Value = serde_json::from_str(&Service::shipped_bundle()).unwrap();
    assert_eq!(
        (&bundle["schema"], &bundle["policies"]),
        (&shipped["schema"], &shipped["policies"])
    );
    let check = ["check", "--policies", "one/policies", "--entities", "one/entities"];
    let asked = ["--principal", "User::\"emma\"", "--action", "read", "--resource"];
    let output = project.run(&[&check[..], &asked[..], &["Device::\"SD-001\""]].concat());
    assert!(output.starts_with("exit: 0\n"), "{output}");
    assert_snapshot!(project.run(&["log", "export", "1", "--out", "one"]), @"
    exit: 1
    ----- stderr
    error: the directory `one` is not empty
    hint: name one that is, or that is not there
    ");
    assert_snapshot!(project.run(&["log", "export", "1", "--out", "one.json"]), @"
    exit: 1
    ----- stderr
    error: cannot write `one.json`: it is there already
    ");
    assert_snapshot!(project.run(&["log", "export", "9"]), @"
    exit: 1
    ----- stderr
    error: revision 9 is not in the log, whose oldest is 1 and newest 4
    ");
}

#[test]
fn what_is_no_log_is_told() {
    let project = Project::empty();
    assert_snapshot!(project.run(&["log", "verify"]), @"
    exit: 1
    ----- stderr
    error: there is no revision log in `.doorward`
    hint: `--data-dir DIR` names another data directory
    ");
    assert_snapshot!(project.run(&["log", "show", "x"]), @"
    exit: 2
    ----- stderr
    error: invalid value 'x' for '<REVISION>': invalid digit found in string

    For more information, try '--help'.
    ");
    project.write(".doorward/log.sqlite3", &"no database".repeat(1_000));
    assert_snapshot!(project.run(&["log", "list", "--data-dir", ".doorward"]), @"
    exit: 1
    ----- stderr
    error: the log is damaged: its database: file is not a database
    hint: put the data directory back from a backup; docs/operations.md says how
    ");
}

#[test]
fn its_help() {
    assert_snapshot!(Project::empty().run(&["log", "--help"]), @"
    exit: 0
    ----- stdout
    List, show, verify and export the revisions of a data directory

    Usage: doorward log <COMMAND>

    Commands:
      list    List the revisions, newest first
      show    Show who made a revision, and what it changed
      verify  Check the chain, every change and every snapshot against their digests
      export  Write a revision as a bundle

    Options:
      -h, --help  Print help

    It only reads, also while the service runs.

    Exit codes: 0 done, 1 error or damage found, 2 usage.
    ");
}
