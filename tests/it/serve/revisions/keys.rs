//! Requests that come twice under one idempotency key, whether they change something or not, and
//! however they are sent.

use serde_json::json;

use super::{
    AUTHOR, again, bundle, entities, own, patch, reads, refused, request, restore, state, taken,
    user,
};
use crate::http::Connection;
use crate::service::{Service, WRITER};

#[test]
fn a_request_that_comes_again_under_its_key_is_answered_the_same() {
    let service = own();
    let send = |service: &Service, method: &str, target: &str, key: &str, body: &str| {
        request(service, method, target, &[("Idempotency-Key", key)], body)
    };
    let upsert = json!({"upsert": [user("v")]}).to_string();
    let link = json!({"template_id": "share",
        "args": {"?principal": "User::\"v\"", "?resource": "Report::\"r\""}})
    .to_string();
    let remove = json!({"remove": ["User::\"v\""]}).to_string();
    let policies = json!({"policies": {"a.cedar": AUTHOR, "b.cedar": ""}}).to_string();
    let all = json!({"entities": entities()}).to_string();
    let writes = [
        ("PATCH", "/v1/entities", "k1", upsert.as_str()),
        ("PUT", "/v1/links/l", "k2", link.as_str()),
        ("PATCH", "/v1/entities", "k3", remove.as_str()),
        ("PUT", "/v1/bundle", "k4", policies.as_str()),
        ("POST", "/v1/revisions/2/restore", "k5", ""),
        ("PUT", "/v1/entities", "k6", all.as_str()),
        ("PATCH", "/v1/entities", "k7", upsert.as_str()),
        ("PUT", "/v1/links/l", "k8", link.as_str()),
        ("DELETE", "/v1/links/l", "k9", ""),
    ];
    let answers: Vec<String> = writes
        .iter()
        .zip(2..)
        .map(|((method, target, key, body), revision)| {
            let answer = send(&service, method, target, key, body);
            taken(&answer, revision);
            answer.body
        })
        .collect();
    assert_eq!(
        answers[2],
        r#"{"revision":4,"changed":["entities","links"],"links_removed":["l"]}"#
    );
    let same = |service: &Service| {
        for ((method, target, key, body), expected) in writes.iter().zip(&answers) {
            let answer = send(service, method, target, key, body);
            assert_eq!((answer.status, &answer.body), (200, expected), "{key}");
            let revision = answer.json()["revision"].to_string();
            assert_eq!(answer.header("etag"), Some(format!("\"{revision}\"")));
            // Though another revision is in force by now.
            let headers = [("Idempotency-Key", *key), ("If-Match", "\"1\"")];
            let answer = request(service, method, target, &headers, body);
            assert_eq!((answer.status, &answer.body), (200, expected), "{key}");
        }
        assert_eq!(state(service)["revision"], 10);
    };
    same(&service);
    let service = again(service);
    same(&service);
    let detail =
        refused(&send(&service, "PATCH", "/v1/entities", "k1", &remove), 422, "key_reused");
    assert_eq!(detail, "the idempotency key stands for another request, answered with revision 2");
    refused(&send(&service, "PUT", "/v1/links/m", "k2", &link), 422, "key_reused");
    refused(&send(&service, "POST", "/v1/revisions/3/restore", "k5", ""), 422, "key_reused");
    refused(
        &send(&service, "PATCH", "/v1/entities", &"k".repeat(256), &remove),
        400,
        "invalid_header",
    );
    refused(&send(&service, "PATCH", "/v1/entities", "a b", &remove), 400, "invalid_header");
    // What was refused, or only tried, leaves its key free.
    refused(
        &send(&service, "PATCH", "/v1/entities", "k10", r#"{"remove": ["User::\"u\""]}"#),
        422,
        "invalid_bundle",
    );
    taken(&send(&service, "PATCH", "/v1/entities?dry_run=true", "k10", &remove), 10);
    let stale = [("Idempotency-Key", "k10"), ("If-Match", "\"1\"")];
    refused(&request(&service, "PATCH", "/v1/entities", &stale, &remove), 412, "revision_mismatch");
    taken(&send(&service, "PATCH", "/v1/entities", "k10", &remove), 11);
}

/// A request that changed nothing made no revision, and its key stands for it all the same.
#[test]
fn a_request_that_changed_nothing_keeps_its_key() {
    let service = own();
    let send = |method: &str, target: &str, body: &str| {
        request(&service, method, target, &[("Idempotency-Key", "k")], body)
    };
    let gone =
        json!({"upsert": [{"uid": {"type": "User", "id": "v"}, "attrs": {}, "parents": []}]});
    let nothing = json!({"unlink": ["no-link"]}).to_string();
    assert_eq!(taken(&send("PATCH", "/v1/entities", &nothing), 1)["changed"], json!([]));
    taken(&patch(&service, &gone), 2);
    // As it was answered then.
    assert_eq!(taken(&send("PATCH", "/v1/entities", &nothing), 1)["changed"], json!([]));
    let detail = refused(&send("PATCH", "/v1/entities", &gone.to_string()), 422, "key_reused");
    assert_eq!(detail, "the idempotency key stands for another request, answered with revision 1");
    refused(&send("POST", "/v1/revisions/1/restore", ""), 422, "key_reused");
    refused(&send("PUT", "/v1/bundle", &bundle().to_string()), 422, "key_reused");
    // The same of a write of everything.
    let all = json!({"entities": []}).to_string();
    let same = bundle().to_string();
    let send =
        |body: &str| request(&service, "PUT", "/v1/bundle", &[("Idempotency-Key", "other")], body);
    taken(&service.admin("PUT", "/v1/bundle", &same), 3);
    assert_eq!(taken(&send(&same), 3)["changed"], json!([]));
    refused(&send(&all), 422, "key_reused");
    assert_eq!(state(&service)["revision"], 3);
}

/// A full load from a stream is a revision like any other: under its key, in the log, restored.
#[test]
fn a_stream_is_a_revision_like_any_other() {
    let service = own();
    let send = |service: &Service, key: &str, users: std::ops::Range<usize>| {
        let users = users.map(|number| user(&format!("s{number}")));
        let items = entities().as_array().unwrap().clone().into_iter().chain(users);
        let lines: String = items.flat_map(|item| [item.to_string(), "\n".to_owned()]).collect();
        let authorization = format!("Bearer {WRITER}");
        let headers = [
            ("Authorization", authorization.as_str()),
            ("Content-Type", "application/x-ndjson"),
            ("Idempotency-Key", key),
        ];
        Connection::open(service.admin).request("PUT", "/v1/entities", &headers, lines.as_bytes())
    };
    // A few are kept as single changes, many as a snapshot.
    let few = taken(&send(&service, "few", 0..3), 2);
    assert_eq!(few, json!({"revision": 2, "changed": ["entities"]}));
    let many = taken(&send(&service, "many", 0..3_000), 3);
    let shown = service.project.run(&["log", "show", "2"]);
    assert!(shown.contains("User::\\\"s2\\\"") || shown.contains("\"s2\""), "{shown}");
    let before = state(&service);
    let service = again(service);
    assert_eq!(state(&service), before);
    assert_eq!(reads(&service, "s2999"), "no_permit");
    assert_eq!(taken(&send(&service, "few", 0..3), 2), few);
    assert_eq!(taken(&send(&service, "many", 0..3_000), 3), many);
    refused(&send(&service, "few", 0..4), 422, "key_reused");
    assert_eq!(state(&service), before);
    taken(&restore(&service, 2), 4);
    assert_eq!(reads(&service, "s2"), "no_permit");
    assert_eq!(reads(&service, "s3"), "unknown_principal");
    let verified = service.project.run(&["log", "verify"]);
    assert!(verified.contains("revisions 1 to 4 are in order"), "{verified}");
}
