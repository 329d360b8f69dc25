//! All entities replaced over HTTP while checks go on: answers stay right at every moment, and what
//! a reload takes is given back.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::http::{Answer, Connection};
use crate::project::Project;
use crate::service::Service;
use crate::world::World;
use crate::world::requests::{Request, USUAL};

const WORLD: World = World { seed: 7, entities_least: 50_000, tenant_entities: 1_000 };
/// How often everything is replaced.
const RELOADS: usize = 12;

/// Resident memory in KiB.
fn resident(service: &Service) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", service.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn body(request: &Request) -> String {
    let entity = |(ty, id): &(&str, String)| json!({"type": ty, "id": id});
    let target = request.target.as_ref();
    let context = target.map(|id| json!({"target": {"__entity": {"type": "Owner", "id": id}}}));
    json!({
        "principal": entity(&request.principal), "action": request.action,
        "resource": entity(&request.resource), "context": context.unwrap_or_else(|| json!({})),
    })
    .to_string()
}

/// The world as a stream: every entity, then every link.
fn stream() -> Vec<u8> {
    let (mut entities, mut links) = (Vec::new(), Vec::new());
    WORLD.write(&mut entities, &mut links).unwrap();
    for link in serde_json::from_slice::<Vec<Value>>(&links).unwrap() {
        entities.extend(format!("{}\n", json!({"link": link})).into_bytes());
    }
    entities
}

fn put(service: &Service, body: &[u8]) -> Answer {
    service.send("PUT", "/v1/entities", &[("Content-Type", "application/x-ndjson")], body)
}

#[test]
fn checks_go_on_and_memory_comes_back() {
    let service = Service::start(Project::shipped(), &[]);
    let full = stream();
    // Without the last entity that nothing names: another world with the same answers.
    let more = format!(
        "{}\n",
        json!({"uid": {"type": "Role", "id": "one more"}, "attrs": {}, "parents": []})
    );
    let larger = [full.as_slice(), more.as_bytes()].concat();
    assert_eq!(
        put(&service, &full).json(),
        json!({"revision": 2, "changed": ["entities", "links"]})
    );
    let checks: Vec<String> = WORLD.requests(USUAL).take(200).map(|it| body(&it)).collect();
    let answers = |connection: &mut Connection| -> Vec<Value> {
        let ask = |check: &String| connection.post("/v1/check", check).json()["code"].clone();
        checks.iter().map(ask).collect()
    };
    let expected = answers(&mut Connection::open(service.data));
    assert!(expected.iter().any(|code| code == "allow"), "{expected:?}");
    let done = AtomicBool::new(false);
    let mut sizes = Vec::new();
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut connection = Connection::open(service.data);
            let mut rounds = 0;
            while !done.load(Ordering::Relaxed) {
                assert_eq!(answers(&mut connection), expected);
                rounds += 1;
            }
            rounds
        });
        for round in 0..RELOADS {
            let world = if round % 2 == 0 { &larger } else { &full };
            let answer = put(&service, world);
            let revision = 3 + round;
            assert_eq!(answer.json(), json!({"revision": revision, "changed": ["entities"]}));
            sizes.push(resident(&service));
        }
        done.store(true, Ordering::Relaxed);
        assert!(reader.join().unwrap() > 0);
    });
    // Once the allocator is warm, a reload leaves nothing behind: a snapshot that stayed would
    // show, since it is a multiple of the margin.
    let early = sizes[1..4].iter().max().unwrap();
    let late = sizes[RELOADS - 4..].iter().min().unwrap();
    assert!(*late <= early + early / 8, "resident after each reload, in KiB: {sizes:?}");
}
