//! `SIGHUP`: good files come into force as a revision, bad ones change nothing and are told about.

use serde_json::{Value, json};

use crate::project::Project;
use crate::service::{EMMA_READS, Service};

/// `POST /v1/check` of what a plain member may not do.
const EMMA_WRITES: &str =
    r#"{"principal":"User::\"emma\"","action":"write","resource":"Device::\"SD-001\""}"#;

const FORBID_ALL: &str = "// Closed.\n@id(\"closed\")\nforbid (principal, action, resource);\n";

/// What ships, with files that are read only when asked for.
fn unwatched() -> Service {
    Service::start(Project::shipped(), &["--watch=false"])
}

fn revision(service: &Service) -> Value {
    service.admin("GET", "/v1/revision", "").json()
}

fn metric(service: &Service, name: &str) -> String {
    let metrics = service.metrics();
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no `{name}` in {metrics}")).to_owned()
}

#[test]
fn good_files_come_into_force() {
    let service = unwatched();
    assert_eq!(service.decision(EMMA_READS), "allow");
    service.project.write("policies/closed.cedar", FORBID_ALL);
    service.reload();
    assert_eq!(service.decision(EMMA_READS), "deny");
    assert_eq!(revision(&service)["revision"], 2);
    service.project.remove("policies/closed.cedar");
    service.reload();
    assert_eq!(service.decision(EMMA_READS), "allow");
    assert_eq!(revision(&service)["revision"], 3);
    // Nothing changed, nothing new.
    service.reload();
    assert_eq!(revision(&service)["revision"], 3);
}

#[test]
fn bad_files_change_nothing_and_are_told_about() {
    let service = unwatched();
    let before = revision(&service);
    assert_eq!(before["last_rejection"], Value::Null);
    assert_eq!(metric(&service, "doorward_last_change_rejected"), "0");
    service.project.write("policies/closed.cedar", &FORBID_ALL.replace("action,", ""));
    service.reload();
    assert_eq!(service.decision(EMMA_READS), "allow");
    let mut after = revision(&service);
    let rejection = after["last_rejection"].take();
    assert_eq!(rejection["by"], "files");
    let problems = rejection["problems"].as_array().unwrap();
    assert!(problems.iter().any(|it| it.to_string().contains("closed.cedar")), "{rejection}");
    after.as_object_mut().unwrap().shift_remove("last_rejection");
    assert_eq!(after, before);
    assert_eq!(metric(&service, "doorward_last_change_rejected"), "1");
    assert_eq!(metric(&service, "doorward_revision"), "1");
    // Nothing of it is half in force, and the next good one clears it.
    service.project.write("policies/closed.cedar", FORBID_ALL);
    service.reload();
    assert_eq!(service.decision(EMMA_READS), "deny");
    assert_eq!(revision(&service)["last_rejection"], Value::Null);
    assert_eq!(metric(&service, "doorward_last_change_rejected"), "0");
}

#[test]
fn a_file_that_vanishes_changes_nothing() {
    let project = Project::shipped();
    project.write(
        "extra/closed.cedar",
        &FORBID_ALL.replace("principal,", "principal == User::\"jack\","),
    );
    let flags = ["--watch=false", "--policies", "policies", "--policies", "extra/closed.cedar"];
    let service = Service::start(project, &flags);
    let before = revision(&service)["revision"].clone();
    service.project.remove("extra/closed.cedar");
    service.reload();
    let after = revision(&service);
    assert_eq!(after["revision"], before);
    assert!(after["last_rejection"].to_string().contains("closed.cedar"), "{after}");
    assert_eq!(service.decision(EMMA_READS), "allow");
}

/// The shares are links of templates in this file: without it they would name nothing.
#[test]
fn the_file_of_the_templates_vanishes() {
    let service = unwatched();
    service.project.remove("policies/sharing.cedar");
    service.reload();
    let after = revision(&service);
    assert_eq!(after["revision"], 1);
    assert!(after["last_rejection"].to_string().contains("group-share-read"), "{after}");
    assert_eq!(service.decision(EMMA_READS), "allow");
}

#[test]
fn the_whole_directory_vanishes() {
    let service = unwatched();
    std::fs::remove_dir_all(service.project.path("policies")).unwrap();
    service.reload();
    let after = revision(&service);
    assert_eq!(after["revision"], 1);
    assert!(after["last_rejection"].is_object(), "{after}");
    assert_eq!(service.decision(EMMA_READS), "allow");
}

/// Every decision is by one snapshot, the old one or the new one.
#[test]
fn checks_go_on_while_files_are_taken() {
    let service = unwatched();
    for round in 0..4 {
        service
            .project
            .write("policies/closed.cedar", if round % 2 == 0 { FORBID_ALL } else { "" });
        service.signal("HUP");
        for _ in 0..50 {
            let answer = service.check(EMMA_READS);
            let closed = answer["revision"].as_u64().unwrap().is_multiple_of(2);
            let expected = if closed { json!(["closed"]) } else { json!(["ownership-read"]) };
            assert_eq!(answer["reason"], expected, "{answer}");
            assert_eq!(service.check(EMMA_WRITES)["decision"], "deny");
        }
    }
}

/// A link may stand in a file of entities as well as in `links.json`: both are read again, whichever
/// of them changed, and a share that is in neither is over.
#[test]
fn links_that_stand_beside_entities_come_and_go_with_their_file() {
    let line = r#"{"link": {"template_id": "group-share-read", "link_id": "inspection", "args": {"?principal": "UserGroup::\"B/All\"", "?resource": "EntityGroup::\"Office A devices\""}}}"#;
    let jack_reads = EMMA_READS.replace("emma", "jack");
    let project = Project::shipped();
    project.write("entities/more.jsonl", &format!("{line}\n"));
    let service = Service::start(project, &["--watch=false"]);
    assert_eq!(service.decision(&jack_reads), "allow");
    // Another file of entities changes, and the link is still there, once.
    let entities = service.project.read("entities/entities.json");
    let without = entities.replace("\"id\": \"eve\"}, \"attrs\"", "\"id\": \"eva\"}, \"attrs\"");
    assert_ne!(without, entities);
    service.project.write("entities/entities.json", &without);
    service.reload();
    assert_eq!(revision(&service)["revision"], 2, "{}", service.log());
    assert_eq!(service.decision(&jack_reads), "allow");
    // Another share changes, and the link is still there.
    let links = service.project.read("entities/links.json");
    service.project.write("entities/links.json", &links.replace("share-buildings-a", "renamed"));
    service.reload();
    assert_eq!(revision(&service)["revision"], 3, "{}", service.log());
    assert_eq!(service.decision(&jack_reads), "allow");
    // The line is taken out, and nothing else.
    service.project.write("entities/more.jsonl", "");
    service.reload();
    assert_eq!(service.decision(&jack_reads), "deny");
    assert_eq!(revision(&service)["revision"], 4, "{}", service.log());
    // And put in again.
    service.project.write("entities/more.jsonl", &format!("{line}\n"));
    service.reload();
    assert_eq!(service.decision(&jack_reads), "allow");
    assert_eq!(revision(&service)["revision"], 5, "{}", service.log());
    // A start on the same files changes nothing.
    let project = service.kill();
    let service = Service::start(project, &["--watch=false"]);
    assert_eq!(service.decision(&jack_reads), "allow");
    assert_eq!(revision(&service)["revision"], 5, "{}", service.log());
}
