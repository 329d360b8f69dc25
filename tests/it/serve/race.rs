//! Two writers race with `If-Match`: of those that build on one revision exactly one is taken, and
//! what it wrote is never lost.

use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::json;

use crate::http::Connection;
use crate::project::Project;
use crate::service::{Service, WRITER};

/// The attempts of both writers together.
const ATTEMPTS: u64 = 10_000;
const WRITERS: u64 = 2;

/// A counter is read and written again one higher, if it is still at the revision it was read at.
#[test]
fn of_two_writers_exactly_one_wins_and_no_update_is_lost() {
    let service = Service::start(Project::empty(), &[]);
    let counter = |count: u64| json!({"uid": {"type": "Counter", "id": "c"}, "attrs": {"count": count}, "parents": []});
    let bundle = json!({
        "schema": "entity Counter { count: Long };
            action read appliesTo { principal: Counter, resource: Counter };",
        "policies": {"a.cedar": "permit (principal, action, resource);"},
        "entities": [counter(0)],
    });
    assert_eq!(service.admin("PUT", "/v1/bundle", &bundle.to_string()).status, 200);
    let (won, lost) = (AtomicU64::new(0), AtomicU64::new(0));
    let (both, admin) = (Barrier::new(2), service.admin);
    std::thread::scope(|scope| {
        for _ in 0..WRITERS {
            scope.spawn(|| {
                let authorization = format!("Bearer {WRITER}");
                let mut connection = Connection::open(admin);
                for _ in 0..ATTEMPTS / WRITERS {
                    let headers = [("Authorization", authorization.as_str())];
                    // Both read the same, and then both write.
                    both.wait();
                    let read = connection.request("GET", "/v1/entities/Counter/c", &headers, b"");
                    let tag = read.header("etag").unwrap();
                    let count = read.json()["attrs"]["count"].as_u64().unwrap();
                    both.wait();
                    let body = json!({"upsert": [counter(count + 1)]}).to_string();
                    let headers = [
                        ("Authorization", authorization.as_str()),
                        ("Content-Type", "application/json"),
                        ("If-Match", tag.as_str()),
                    ];
                    let answer =
                        connection.request("PATCH", "/v1/entities", &headers, body.as_bytes());
                    match answer.status {
                        200 => won.fetch_add(1, Ordering::SeqCst),
                        412 => lost.fetch_add(1, Ordering::SeqCst),
                        _ => panic!("{answer:?}"),
                    };
                }
            });
        }
    });
    let (won, lost) = (won.into_inner(), lost.into_inner());
    assert_eq!((won, lost), (ATTEMPTS / WRITERS, ATTEMPTS / WRITERS));
    let counted = |service: &Service| {
        service.admin("GET", "/v1/entities/Counter/c", "").json()["attrs"]["count"].as_u64()
    };
    assert_eq!(counted(&service), Some(won));
    let service = Service::start(service.kill(), &[]);
    assert_eq!(counted(&service), Some(won));
    assert_eq!(service.admin("GET", "/v1/revision", "").json()["revision"], won + 1);
}
