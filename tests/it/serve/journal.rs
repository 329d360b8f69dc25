//! Changes of single entities and links across crashes and restarts: what was acknowledged is
//! there, from a snapshot and the records since, whatever the files say meanwhile.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::http::Connection;
use crate::project::Project;
use crate::service::{Service, WRITER};

const SCHEMA: &str = "entity Team; entity User in [Team]; entity Report { author: User };
    action read appliesTo { principal: User, resource: Report };\n";
const POLICIES: &str = "@id(\"author\") permit (principal, action, resource)
        when { resource.author == principal };
    @id(\"share\") permit (principal in ?principal, action, resource == ?resource);\n";

fn project() -> Project {
    let project = Project::empty();
    project.write("policies/schema.cedarschema", SCHEMA);
    project.write("policies/reports.cedar", POLICIES);
    let entities = json!([
        {"uid": {"type": "Team", "id": "t"}, "attrs": {}, "parents": []},
        user("u", &[]),
        {"uid": {"type": "Report", "id": "r"},
         "attrs": {"author": {"__entity": {"type": "User", "id": "u"}}}, "parents": []},
    ]);
    project.write("entities/entities.json", &entities.to_string());
    project
}

fn user(id: &str, parents: &[&str]) -> Value {
    let parents: Vec<_> = parents.iter().map(|id| json!({"type": "Team", "id": id})).collect();
    json!({"uid": {"type": "User", "id": id}, "attrs": {}, "parents": parents})
}

fn reads(service: &Service, user: &str) -> String {
    let body = json!({
        "principal": {"type": "User", "id": user}, "action": "read",
        "resource": {"type": "Report", "id": "r"},
    });
    service.check(&body.to_string())["code"].as_str().unwrap().to_owned()
}

#[track_caller]
fn patch(service: &Service, change: &Value) -> Value {
    let answer = service.admin("PATCH", "/v1/entities", &change.to_string());
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn state(service: &Service) -> Value {
    service.admin("GET", "/v1/revision", "").json()
}

fn again(service: Service) -> Service {
    Service::start(service.kill(), &[])
}

/// The only snapshot in the data directory.
fn snapshot(project: &Project) -> std::path::PathBuf {
    let names = fs::read_dir(project.path(".doorward/content")).unwrap();
    let found: Vec<_> = names.map(|entry| entry.unwrap().path()).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    found.into_iter().next().unwrap()
}

fn share() -> Value {
    json!([{"template_id": "share", "link_id": "t-r",
        "args": {"?principal": "Team::\"t\"", "?resource": "Report::\"r\""}}])
}

#[test]
fn changes_and_their_digest_are_there_after_a_crash() {
    let service = Service::start(project(), &[]);
    patch(&service, &json!({"upsert": [user("v", &["t"])], "link": share()}));
    patch(&service, &json!({"upsert": [user("w", &[])]}));
    patch(&service, &json!({"remove": ["User::\"w\""]}));
    let before = state(&service);
    assert_eq!(before["revision"], 4);
    let service = again(service);
    assert_eq!(state(&service), before);
    assert_eq!(reads(&service, "v"), "allow");
    assert_eq!(reads(&service, "w"), "unknown_principal");
    // From the records on, not from the beginning.
    patch(&service, &json!({"unlink": ["t-r"]}));
    let service = again(service);
    assert_eq!(state(&service)["revision"], 5);
    assert_eq!(reads(&service, "v"), "no_permit");
}

/// Killed again and again while changes arrive one after the other: every acknowledged one is
/// there, and at most the one that was on its way besides.
#[test]
fn nothing_acknowledged_is_lost_to_a_kill() {
    const ROUNDS: u64 = 20;
    let mut service = Service::start(project(), &[]);
    for round in 0..ROUNDS {
        let before = state(&service);
        let count = |state: &Value, name: &str| state[name].as_u64().unwrap();
        let (base, entities) = (count(&before, "revision"), count(&before, "entities"));
        let admin = service.admin;
        let acknowledged = AtomicU64::new(0);
        let service_after = std::thread::scope(|scope| {
            let acknowledged = &acknowledged;
            scope.spawn(move || {
                let authorization = format!("Bearer {WRITER}");
                for number in 0.. {
                    let id = format!("crash-{round}-{number}");
                    let body = json!({"upsert": [user(&id, &["t"])]}).to_string();
                    let headers = [
                        ("Authorization", authorization.as_str()),
                        ("Content-Type", "application/json"),
                    ];
                    let sent = std::panic::catch_unwind(|| {
                        let mut connection = Connection::open(admin);
                        let answer =
                            connection.request("PATCH", "/v1/entities", &headers, body.as_bytes());
                        answer.status
                    });
                    match sent {
                        Ok(200) => acknowledged.fetch_add(1, Ordering::SeqCst),
                        Ok(status) => panic!("{status}"),
                        // The connection broke: the process is gone.
                        Err(_) => return,
                    };
                }
            });
            let until = Instant::now() + Duration::from_millis(20 + 7 * round);
            while acknowledged.load(Ordering::SeqCst) < 3 || Instant::now() < until {
                std::thread::yield_now();
            }
            service.kill()
        });
        service = Service::start(service_after, &[]);
        let acknowledged = acknowledged.load(Ordering::SeqCst);
        let after = state(&service);
        let made = count(&after, "revision") - base;
        assert!(made == acknowledged || made == acknowledged + 1, "{acknowledged}: {after}");
        assert_eq!(count(&after, "entities") - entities, made);
        let last = format!("crash-{round}-{}", acknowledged - 1);
        assert_eq!(reads(&service, &last), "no_permit");
    }
}

#[test]
fn a_schema_that_changes_keeps_what_the_api_wrote() {
    let service = Service::start(project(), &[]);
    patch(&service, &json!({"upsert": [user("v", &["t"])], "link": share()}));
    let project = service.kill();
    project.write(
        "policies/schema.cedarschema",
        &SCHEMA.replace("entity Team;", "entity Team { name?: String };"),
    );
    let service = Service::start(project, &[]);
    assert_eq!(state(&service)["revision"], 3);
    assert_eq!(reads(&service, "v"), "allow");
    let named =
        json!([{"uid": {"type": "Team", "id": "t"}, "attrs": {"name": "T"}, "parents": []}]);
    patch(&service, &json!({"upsert": named}));
    // Policies alone: the snapshot stays, since no entity changed in it.
    let service = again(service);
    service
        .project
        .write("policies/more.cedar", "@id(\"no\") forbid (principal, action, resource);\n");
    service.reload();
    assert_eq!(state(&service)["revision"], 5);
    let service = again(service);
    assert_eq!(state(&service)["revision"], 5);
    assert_eq!(reads(&service, "v"), "forbidden");
}

#[test]
fn policies_put_by_the_api_keep_the_entities_of_the_files() {
    let project = Project::empty();
    let service = Service::start(project, &[]);
    let entities = json!([user("u", &[]), {"uid": {"type": "Team", "id": "t"}}]);
    let bundle = json!({"schema": SCHEMA, "policies": {"a.cedar": POLICIES}, "entities": entities});
    assert_eq!(service.admin("PUT", "/v1/bundle", &bundle.to_string()).status, 200);
    patch(&service, &json!({"upsert": [user("v", &["t"])]}));
    let policies = json!({"policies": {"a.cedar": POLICIES, "b.cedar": ""}});
    let put = service.admin("PUT", "/v1/bundle", &policies.to_string());
    assert_eq!((put.status, put.json()["revision"].as_u64()), (200, Some(3)), "{put:?}");
    assert_eq!(state(&service)["entities"], 3);
    let before = state(&service);
    let service = again(service);
    assert_eq!(state(&service), before);
}

#[test]
fn a_damaged_snapshot_is_said_and_the_files_are_loaded() {
    let service = Service::start(project(), &[]);
    let before = state(&service);
    let project = service.kill();
    fs::write(snapshot(&project), b"doorward, or so").unwrap();
    let service = Service::start(project, &[]);
    assert_eq!(state(&service)["revision"], before["revision"]);
    assert_eq!(state(&service)["digest"], before["digest"]);
    assert_eq!(reads(&service, "u"), "allow");
    assert!(service.log().contains("loaded from their files instead"), "{}", service.log());
    // It was written again.
    let service = again(service);
    assert!(!service.log().contains("loaded from their files"), "{}", service.log());
}

/// What the API wrote is nowhere else: without it the service does not start.
#[test]
fn a_damaged_snapshot_or_record_of_what_the_api_wrote_is_refused() {
    for of_record in [false, true] {
        let service = Service::start(project(), &[]);
        patch(&service, &json!({"upsert": [user("v", &["t"])]}));
        patch(&service, &json!({"upsert": [user("w", &["t"])]}));
        let project = service.kill();
        let reason = if of_record {
            // From the WAL into the file, where no checksum of SQLite's stands over it.
            let path = project.path(".doorward/log.sqlite3");
            rusqlite::Connection::open(&path).unwrap().execute_batch("VACUUM").unwrap();
            let mut bytes = fs::read(&path).unwrap();
            let from = br#"\"id\":\"v\""#;
            let at = bytes.windows(from.len()).position(|it| it == from).unwrap();
            bytes[at + from.len() - 3] = b'x';
            fs::write(&path, bytes).unwrap();
            "revision 2 cannot be made again: stored bytes are damaged: their digest is another"
        } else {
            fs::write(snapshot(&project), b"doorward, or so").unwrap();
            "the snapshot of revision 1 cannot be used: "
        };
        let flags = ["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
        let output = project.run(&flags);
        assert!(output.starts_with("exit: 1\n"), "{output}");
        assert!(output.contains("error[data-dir]") && output.contains(reason), "{output}");
        assert!(output.contains("back from a backup"), "{output}");
        let verified = project.run(&["log", "verify"]);
        assert!(verified.starts_with("exit: 1\n"), "{verified}");
        assert!(verified.contains("damaged"), "{verified}");
    }
}

/// A list in pages has every entity once, in the order of types and ids, also over a change.
#[test]
fn pages_hold_everything_once() {
    let service = Service::start(project(), &[]);
    let users: Vec<Value> = (0..2_500).map(|number| user(&format!("p{number:04}"), &[])).collect();
    patch(&service, &json!({"upsert": users}));
    let (mut found, mut target) = (Vec::new(), "/v1/entities".to_owned());
    loop {
        let page = service.admin("GET", &target, "").json();
        let entities = page["entities"].as_array().unwrap().iter();
        found.extend(entities.map(|entity| entity["uid"].clone()));
        patch(&service, &json!({"upsert": [user("p0000", &["t"])]}));
        let Some(next) = page["next"].as_str() else { break };
        assert_eq!(page["entities"].as_array().unwrap().len(), 1_000);
        target = format!("/v1/entities?cursor={next}");
    }
    assert_eq!(found.len(), 2_503);
    let text = |uid: &Value| (uid["type"].to_string(), uid["id"].to_string());
    assert!(found.windows(2).all(|pair| text(&pair[0]) < text(&pair[1])));
}
