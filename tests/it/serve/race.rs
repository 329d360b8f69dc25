//! Two writers race with `If-Match`: of those that build on one revision exactly one is taken, and
//! what it wrote is never lost.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Barrier, Mutex};

use serde_json::json;

use crate::http::{Answer, Connection};
use crate::project::Project;
use crate::service::{Service, WRITER};

/// The attempts of both writers together.
const ATTEMPTS: u64 = 10_000;
const WRITERS: u64 = 2;

/// Sends a request; where nothing comes back that is said as an answer, because a panic would leave
/// the other writer waiting.
fn send(
    connection: &mut Connection,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let sent = AssertUnwindSafe(|| connection.request(method, target, headers, body));
    catch_unwind(sent).unwrap_or_else(|_| Answer {
        status: 0,
        headers: Vec::new(),
        body: format!("no answer to {method} {target}"),
    })
}

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
    let other = Mutex::new(Vec::new());
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
                    let target = "/v1/entities/Counter/c";
                    let read = send(&mut connection, "GET", target, &headers, b"");
                    both.wait();
                    let Some(tag) = read.header("etag").filter(|_| read.status == 200) else {
                        other.lock().unwrap().push(read);
                        continue;
                    };
                    let count = read.json()["attrs"]["count"].as_u64().unwrap();
                    let body = json!({"upsert": [counter(count + 1)]}).to_string();
                    let headers = [
                        ("Authorization", authorization.as_str()),
                        ("Content-Type", "application/json"),
                        ("If-Match", tag.as_str()),
                    ];
                    let target = "/v1/entities";
                    let answer = send(&mut connection, "PATCH", target, &headers, body.as_bytes());
                    match answer.status {
                        200 => drop(won.fetch_add(1, Ordering::SeqCst)),
                        // The connection stays, also where this was said by the head alone.
                        412 => drop(lost.fetch_add(1, Ordering::SeqCst)),
                        _ => other.lock().unwrap().push(answer),
                    }
                }
            });
        }
    });
    let other = other.into_inner().unwrap();
    assert!(other.is_empty(), "{} others, such as {:?}", other.len(), other[0]);
    let (won, lost) = (won.into_inner(), lost.into_inner());
    assert_eq!((won, lost), (ATTEMPTS / WRITERS, ATTEMPTS / WRITERS));
    let in_force = |service: &Service| {
        service.admin("GET", "/v1/entities/Counter/c", "").json()["attrs"]["count"].as_u64()
    };
    assert_eq!(in_force(&service), Some(won));
    let service = Service::start(service.kill(), &[]);
    assert_eq!(in_force(&service), Some(won));
    assert_eq!(service.admin("GET", "/v1/revision", "").json()["revision"], won + 1);
}
