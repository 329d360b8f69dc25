//! `PUT /v1/entities` as a stream of lines: all of it or nothing, and what is so already is no
//! revision.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::http::{Answer, Connection};
use crate::project::Project;
use crate::service::{EMMA_READS, Service, WRITER};

const LINES: (&str, &str) = ("Content-Type", "application/x-ndjson");

fn put(service: &Service, target: &str, headers: &[(&str, &str)], lines: &str) -> Answer {
    service.send("PUT", target, &[&[LINES], headers].concat(), lines.as_bytes())
}

fn shipped(part: &str) -> Vec<Value> {
    let bundle: Value = serde_json::from_str(&Service::shipped_bundle()).unwrap();
    bundle[part].as_array().unwrap().clone()
}

fn lines(items: &[Value]) -> String {
    items.iter().flat_map(|item| [item.to_string(), "\n".to_owned()]).collect()
}

fn links_as_lines() -> String {
    let links: Vec<Value> = shipped("links").iter().map(|link| json!({"link": link})).collect();
    lines(&links)
}

#[test]
fn what_is_so_already_is_no_revision() {
    let service = Service::shipped();
    let before = service.in_force();
    let mut entities = shipped("entities");
    for round in 0..2 {
        let answer = put(&service, "/v1/entities", &[], &lines(&entities));
        assert_eq!(answer.json(), json!({"revision": 1, "changed": []}), "{round}");
        assert_eq!(answer.header("etag").as_deref(), Some("\"1\""));
        // Neither the order nor the way it is written makes a difference.
        entities.reverse();
    }
    assert_eq!(service.in_force(), before);
}

#[test]
fn links_are_kept_replaced_or_cleared() {
    let service = Service::shipped();
    let mut entities = shipped("entities");
    entities.retain(|entity| entity["uid"]["id"] != "alarm on SD-001");
    let fewer = lines(&entities);
    let answer = put(&service, "/v1/entities", &[], &fewer);
    assert_eq!(answer.json(), json!({"revision": 2, "changed": ["entities"]}));
    assert_eq!(service.in_force()["links"], 4);
    let one = links_as_lines().lines().next().unwrap().to_owned();
    let answer = put(&service, "/v1/entities", &[], &format!("{fewer}{one}"));
    assert_eq!(answer.json(), json!({"revision": 3, "changed": ["links"]}));
    assert_eq!(service.in_force()["links"], 1);
    let body = json!({"entities": entities, "links": []}).to_string();
    let answer = service.admin("PUT", "/v1/entities", &body);
    assert_eq!(answer.json(), json!({"revision": 4, "changed": ["links"]}));
    let all = format!("{}{}", lines(&shipped("entities")), links_as_lines());
    let answer = put(&service, "/v1/entities", &[], &all);
    assert_eq!(answer.json(), json!({"revision": 5, "changed": ["entities", "links"]}));
    // A restart has it all.
    let service = Service::start(service.kill(), &[]);
    assert_eq!(service.in_force()["revision"], 5);
    assert_eq!(service.decision(EMMA_READS), "allow");
}

#[test]
fn a_dry_run_and_a_condition() {
    let service = Service::shipped();
    let before = service.in_force();
    let mut entities = shipped("entities");
    entities.retain(|entity| entity["uid"]["type"] != "Alarm");
    let fewer = lines(&entities);
    let answer = put(&service, "/v1/entities?dry_run=true", &[], &fewer);
    let answer = answer.json();
    assert_eq!([&answer["revision"], &answer["changed"]], [&json!(1), &json!(["entities"])]);
    // Nobody can do anything to the alarms that are gone.
    assert_eq!(answer["access"]["gained"]["total"], 0);
    let lost = answer["access"]["lost"]["by"].as_array().unwrap();
    assert!(!lost.is_empty());
    assert!(lost.iter().all(|it| it["resource_type"] == "Alarm"), "{lost:?}");
    assert_eq!(service.in_force(), before);
    let broken = fewer.replace("\"Device\"", "\"Robot\"");
    assert_eq!(put(&service, "/v1/entities?dry_run=true", &[], &broken).status, 422);
    assert_eq!(service.admin("GET", "/v1/revision", "").json(), before, "nothing was rejected");
    assert_eq!(put(&service, "/v1/entities", &[("If-Match", "\"7\"")], &fewer).status, 412);
    assert_eq!(put(&service, "/v1/entities", &[("If-Match", "\"1\"")], &fewer).status, 200);
}

#[test]
fn every_problem_with_its_line() {
    let service = Service::shipped();
    let before = service.in_force();
    let mut text = lines(&shipped("entities"));
    text.push_str("{\"uid\":{\"type\":\"Robot\",\"id\":\"x\"},\"attrs\":{},\"parents\":[]}\n{]\n");
    let answer = put(&service, "/v1/entities", &[], &text);
    assert_eq!(answer.status, 422);
    let problems = answer.json()["problems"].as_array().unwrap().clone();
    let places: Vec<_> =
        problems.iter().map(|it| (it["code"].clone(), it["line"].clone())).collect();
    let count = shipped("entities").len();
    let expected = [(json!("unknown-type"), json!(count + 1)), (json!("json"), json!(count + 2))];
    assert_eq!(places, expected, "{answer:?}");
    let rejection = service.admin("GET", "/v1/revision", "").json()["last_rejection"].clone();
    assert_eq!((&rejection["by"], &rejection["count"]), (&json!("api"), &json!(2)));
    assert_eq!(service.in_force(), before);
}

#[test]
fn a_stream_that_breaks_off_changes_nothing() {
    let service = Service::shipped();
    let before = service.in_force();
    let text = lines(&shipped("entities"));
    let head = format!(
        "PUT /v1/entities HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {WRITER}\r\n\
         Content-Type: application/x-ndjson\r\n"
    );
    // At the end of a line, so that what came is whole in itself.
    let half = text
        .lines()
        .take(30)
        .flat_map(|line| [line.to_string(), "\n".to_owned()])
        .collect::<String>();
    let sized = format!("{head}Content-Length: {}\r\n\r\n{half}", text.len());
    let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{half}\r\n", half.len());
    for request in [sized, chunked] {
        let mut connection = Connection::open(service.admin);
        connection.send(request.as_bytes());
        connection.finish();
        let answer = connection.answer("PUT");
        assert_eq!((answer.status, &answer.json()["code"]), (400, &json!("broken_body")));
        assert!(answer.json()["hint"].is_string(), "{answer:?}");
        assert_eq!(service.in_force(), before);
    }
    // And the next one has its turn.
    assert_eq!(put(&service, "/v1/entities", &[], &text).status, 200);
}

#[test]
fn an_empty_stream_does_not_remove_everything() {
    let service = Service::start(Project::shipped(), &[]);
    for body in ["\n", " \n\n"] {
        let answer = put(&service, "/v1/entities", &[], body);
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(answer.json()["hint"].as_str().unwrap().contains("[]"), "{answer:?}");
    }
    assert_eq!(service.in_force()["entities"], 68);
}

/// A second load has to wait for the first, and is told so at once.
#[test]
fn one_at_a_time() {
    let service = Service::shipped();
    let text = lines(&shipped("entities"));
    let mut first = Connection::open(service.admin);
    let head = format!(
        "PUT /v1/entities HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {WRITER}\r\n\
         Content-Type: application/x-ndjson\r\nContent-Length: {}\r\n\
         Expect: 100-continue\r\n\r\n",
        text.len()
    );
    first.send(head.as_bytes());
    // The body is asked for when the load has its turn.
    assert_eq!(first.answer("PUT").status, 100);
    let (some, rest) = text.split_at(100);
    first.send(some.as_bytes());
    let refused = put(&service, "/v1/entities", &[], &text);
    assert_eq!((refused.status, &refused.json()["code"]), (503, &json!("busy")));
    assert!(refused.header("retry-after").is_some());
    // Single changes need not wait for it, and are not lost.
    let patch = service.admin("PATCH", "/v1/entities", "{\"unlink\":[\"share-buildings-b\"]}");
    assert_eq!(patch.status, 200, "{patch:?}");
    first.send(rest.as_bytes());
    let answer = first.answer("PUT");
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(service.in_force()["links"], 3);
    assert_eq!(put(&service, "/v1/entities", &[], &text).status, 200);
}

#[test]
fn the_digest_has_to_be_that_of_the_body() {
    let service = Service::shipped();
    let text = lines(&shipped("entities"));
    let digest = format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(&text)));
    for header in ["Content-Digest", "Repr-Digest"] {
        let right = put(&service, "/v1/entities", &[(header, &digest)], &text);
        assert_eq!(right.status, 200, "{right:?}");
        let wrong = put(&service, "/v1/entities", &[(header, &digest)], text.trim_end());
        assert_eq!((wrong.status, &wrong.json()["code"]), (400, &json!("wrong_digest")));
    }
}

#[test]
fn a_compressed_stream_is_refused() {
    let service = Service::shipped();
    let answer = put(&service, "/v1/entities", &[("Content-Encoding", "gzip")], "\u{1f}");
    assert_eq!((answer.status, &answer.json()["code"]), (415, &json!("unsupported_encoding")));
}

/// Ids that look alike, or that some stores take for one another, are different ids.
#[test]
fn ids_come_back_byte_for_byte() {
    let service = Service::shipped();
    let ids = [
        "Foo",
        "foo",
        "foo ",
        " foo",
        "\u{e9}",
        "e\u{301}",
        "a\u{0}b",
        "a/b",
        "a|b",
        "\u{1f980}",
        "",
        "..",
        "%41",
    ];
    let role = |id: &str| json!({"uid": {"type": "Role", "id": id}, "attrs": {}, "parents": []});
    let mut entities = shipped("entities");
    entities.extend(ids.map(role));
    let answer = put(&service, "/v1/entities", &[], &lines(&entities));
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(service.in_force()["entities"], entities.len());
    let service = Service::start(service.kill(), &[]);
    for id in ids.into_iter().filter(|id| !id.is_empty()) {
        let segments: Vec<String> = id.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let segment = segments.concat();
        let found = service.admin("GET", &format!("/v1/entities/Role/{segment}"), "");
        assert_eq!(found.json(), role(id), "{id:?}");
    }
    let listed = service.admin("GET", "/v1/entities?type=Role", "").json();
    let listed = listed["entities"].as_array().unwrap();
    assert!(ids.iter().all(|id| listed.iter().any(|it| it["uid"]["id"] == *id)), "{listed:?}");
}
