//! `PUT /v1/bundle`: all of it or nothing, as one revision, from those who may.

use serde_json::{Value, json};

use crate::http::Connection;
use crate::project::Project;
use crate::service::{EMMA_READS, READER, Service, WRITER};

/// A request that is refused: the status, method, target, headers.
type Refused<'a> = (u16, &'a str, &'a str, &'a [(&'a str, &'a str)]);

/// A service that owns nothing yet.
fn empty() -> Service {
    Service::start(Project::empty(), &[])
}

#[test]
fn parts_that_are_absent_stay() {
    let service = empty();
    assert_eq!(service.admin("PUT", "/v1/bundle", &Service::shipped_bundle()).status, 200);
    let put = service.admin("PUT", "/v1/bundle", "{\"links\":[]}");
    assert_eq!(put.json(), json!({"revision": 2, "changed": ["links"]}));
    assert_eq!(service.decision(EMMA_READS), "allow");
    let same = service.admin("PUT", "/v1/bundle", "{\"links\":[]}");
    assert_eq!(same.json(), json!({"revision": 2, "changed": []}));
}

#[test]
fn what_does_not_hold_together_changes_nothing() {
    let service = empty();
    assert_eq!(service.admin("PUT", "/v1/bundle", &Service::shipped_bundle()).status, 200);
    let before = service.admin("GET", "/v1/revision", "").json();
    // The links of the shares name entities that would be gone.
    let put = service.admin("PUT", "/v1/bundle", "{\"entities\":[]}");
    assert_eq!(put.status, 422, "{put:?}");
    assert_eq!(put.json()["problems"].as_array().map(Vec::len), Some(8), "{put:?}");
    let mut after = service.admin("GET", "/v1/revision", "").json();
    assert!(after["last_rejection"].is_object(), "{after}");
    after.as_object_mut().unwrap().shift_remove("last_rejection");
    assert_eq!(after, before);
}

#[test]
fn what_files_own_is_refused_with_its_owner() {
    let service = Service::shipped();
    let bundle: Value = serde_json::from_str(&Service::shipped_bundle()).unwrap();
    for part in ["policies", "schema"] {
        let body = json!({part: bundle[part]}).to_string();
        let put = service.admin("PUT", "/v1/bundle", &body);
        assert_eq!(put.status, 409, "{put:?}");
        assert!(put.json()["detail"].as_str().unwrap().contains("files"), "{put:?}");
    }
}

#[test]
fn only_a_token_that_writes_may() {
    let service = empty();
    let bundle = Service::shipped_bundle();
    let put = |authorization: Option<&str>| {
        let mut headers = vec![("Content-Type", "application/json")];
        headers.extend(authorization.map(|value| ("Authorization", value)));
        let mut admin = Connection::open(service.admin);
        admin.request("PUT", "/v1/bundle", &headers, bundle.as_bytes())
    };
    assert_eq!(put(None).status, 401);
    assert_eq!(put(Some("Bearer wrong")).status, 401);
    assert_eq!(put(Some(WRITER)).status, 401, "a scheme is asked for");
    assert_eq!(put(Some(&format!("Bearer {READER}"))).status, 403);
    assert_eq!(put(Some(&format!("Bearer {WRITER}"))).status, 200);
}

/// Whoever writes at the same time as others gets a revision of their own.
#[test]
fn writers_side_by_side() {
    let service = empty();
    assert_eq!(service.admin("PUT", "/v1/bundle", &Service::shipped_bundle()).status, 200);
    let write = &|number: usize| {
        let text = format!("// {number}\n@id(\"all\") permit (principal, action, resource);");
        let put = service.admin(
            "PUT",
            "/v1/bundle",
            &json!({"links": [], "policies": {"all.cedar": text}}).to_string(),
        );
        assert_eq!(put.status, 200, "{put:?}");
        put.json()["revision"].as_u64().unwrap()
    };
    let mut revisions: Vec<u64> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..8).map(|number| scope.spawn(move || write(number))).collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    revisions.sort_unstable();
    assert_eq!(revisions, [2, 3, 4, 5, 6, 7, 8, 9]);
}

/// What is refused by its head alone leaves no body unread behind: a small one does not count, and
/// before a large one the answer says that the connection ends.
#[test]
fn a_refusal_by_the_head_alone_says_what_becomes_of_the_connection() {
    let service = empty();
    assert_eq!(service.admin("PUT", "/v1/bundle", &Service::shipped_bundle()).status, 200);
    let (writer, reader) = (format!("Bearer {WRITER}"), format!("Bearer {READER}"));
    let json = ("Content-Type", "application/json");
    let refused: [Refused<'_>; 6] = [
        (412, "PUT", "/v1/bundle", &[json, ("Authorization", &writer), ("If-Match", "\"7\"")]),
        (415, "PUT", "/v1/bundle", &[("Authorization", &writer)]),
        (405, "POST", "/v1/bundle", &[json, ("Authorization", &writer)]),
        (404, "PUT", "/v1/nothing", &[json, ("Authorization", &writer)]),
        (403, "PUT", "/v1/bundle", &[json, ("Authorization", &reader)]),
        (401, "PUT", "/v1/bundle", &[json]),
    ];
    let mut admin = Connection::open(service.admin);
    let small = "x".repeat(100_000);
    for (status, method, target, headers) in refused {
        let answer = admin.request(method, target, headers, small.as_bytes());
        assert_eq!((answer.status, answer.header("connection")), (status, None));
        // Also where the body comes only when the answer is made.
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n");
        for (name, value) in headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        admin.send(format!("{head}Content-Length: 2\r\n\r\n{{").as_bytes());
        admin.send(b"}");
        assert_eq!(admin.answer(method).status, status);
        let answer = {
            let mut large = Connection::open(service.admin);
            large.send(format!("{head}Content-Length: 9000000\r\n\r\n{{").as_bytes());
            large.answer(method)
        };
        assert_eq!(
            (answer.status, answer.header("connection").as_deref()),
            (status, Some("close"))
        );
        let mut waiting = Connection::open(service.admin);
        waiting.send(format!("{head}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n").as_bytes());
        let answer = waiting.answer(method);
        assert_eq!(
            (answer.status, answer.header("connection").as_deref()),
            (status, Some("close"))
        );
    }
}

/// Two writers who read the same revision: one of them is told.
#[test]
fn a_lost_race_is_told() {
    let service = empty();
    let bundle = Service::shipped_bundle();
    assert_eq!(
        service.admin("PUT", "/v1/bundle", &bundle).header("etag").as_deref(),
        Some("\"1\"")
    );
    let authorization = format!("Bearer {WRITER}");
    let put = |links: &str, expected: &str| {
        let headers = [
            ("Content-Type", "application/json"),
            ("Authorization", &authorization),
            ("If-Match", expected),
        ];
        let body = format!("{{\"links\":{links}}}");
        Connection::open(service.admin).request("PUT", "/v1/bundle", &headers, body.as_bytes())
    };
    assert_eq!(put("[]", "\"1\"").status, 200);
    assert_eq!(put("[ ]", "\"1\"").status, 412);
}
