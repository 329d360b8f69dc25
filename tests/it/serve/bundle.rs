//! `PUT /v1/bundle`: all of it or nothing, as one revision, from those who may.

use serde_json::{Value, json};

use crate::http::Connection;
use crate::project::Project;
use crate::service::{EMMA_READS, READER, Service, WRITER};

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
