//! Killed at any moment of its writes, under load, again and again: what was acknowledged is there
//! after the restart, nothing is half there, the chain verifies, and decisions are the same.
//!
//! `DOORWARD_KILLS=2000 cargo test --test it killed_at_any_moment` kills as often as that.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::http::Connection;
use crate::project::Project;
use crate::service::{Service, WRITER};

/// How often the service is killed, if the variable does not say otherwise.
const KILLS: u64 = 200;
/// So many users change in one upload: more than are kept as single changes.
const USERS: u64 = 1_100;
const PATCHERS: usize = 3;

const SCHEMA: &str = "entity User { n: Long }; entity Pair { n: Long };
    action read appliesTo { principal: User, resource: Pair };";

/// What one writer was told, and what it has sent: the last number of each.
#[derive(Debug, Default)]
struct Written {
    sent: AtomicU64,
    acknowledged: AtomicU64,
}

/// The writers of one run, whose numbers go on from kill to kill.
#[derive(Debug, Default)]
struct World {
    patched: [Written; PATCHERS],
    policies: Written,
    whole: Written,
    /// The last revision that was acknowledged.
    revision: AtomicU64,
}

fn entity(ty: &str, id: &str, n: u64) -> Value {
    json!({"uid": {"type": ty, "id": id}, "attrs": {"n": n}, "parents": []})
}

/// A policy text that says a number.
fn policies(n: u64) -> Value {
    json!({"a.cedar": format!(
        "@id(\"p\") permit (principal, action, resource) when {{ principal.n >= {n} }};"
    )})
}

fn users(n: u64) -> Vec<Value> {
    (0..USERS).map(|number| entity("User", &format!("u{number}"), n)).collect()
}

/// All entities: the pairs of the patchers as they were acknowledged, and users that say `n`.
fn entities(world: &World, n: u64) -> Vec<Value> {
    let mut entities = users(n);
    for (number, written) in world.patched.iter().enumerate() {
        let n = written.acknowledged.load(Ordering::SeqCst);
        entities.extend(pair(number, n));
    }
    entities
}

fn pair(number: usize, n: u64) -> [Value; 2] {
    ["left", "right"].map(|side| entity("Pair", &format!("{side}-{number}"), n))
}

/// Sends one request; `None` where the process is gone.
fn send(admin: std::net::SocketAddr, method: &str, target: &str, body: &Value) -> Option<Value> {
    let authorization = format!("Bearer {WRITER}");
    let headers = [("Authorization", authorization.as_str()), ("Content-Type", "application/json")];
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let sent = std::panic::catch_unwind(|| {
        Connection::open(admin).request(method, target, &headers, body.as_bytes())
    });
    let answer = sent.ok()?;
    assert_eq!(answer.status, 200, "{answer:?}");
    Some(answer.json())
}

impl World {
    fn told(&self, answer: &Value) {
        self.revision.fetch_max(answer["revision"].as_u64().unwrap(), Ordering::SeqCst);
    }

    /// Writes until the process is gone. `round` decides the mixture.
    fn load(&self, admin: std::net::SocketAddr, round: u64, stop: &AtomicBool) {
        let going = || !stop.load(Ordering::SeqCst);
        std::thread::scope(|scope| {
            let patch = |number: usize| {
                let written = &self.patched[number];
                while going() {
                    let n = written.sent.fetch_add(1, Ordering::SeqCst) + 1;
                    let body = json!({"upsert": pair(number, n)});
                    let Some(answer) = send(admin, "PATCH", "/v1/entities", &body) else { return };
                    written.acknowledged.store(n, Ordering::SeqCst);
                    self.told(&answer);
                }
            };
            let rules = || {
                while going() {
                    let n = self.policies.sent.fetch_add(1, Ordering::SeqCst) + 1;
                    let body = json!({"policies": policies(n)});
                    let Some(answer) = send(admin, "PUT", "/v1/bundle", &body) else { return };
                    self.policies.acknowledged.store(n, Ordering::SeqCst);
                    self.told(&answer);
                }
            };
            // Users and the policy that speaks of them, in one revision.
            let whole = || {
                while going() {
                    let n = self.policies.sent.fetch_add(1, Ordering::SeqCst) + 1;
                    self.whole.sent.store(n, Ordering::SeqCst);
                    let body = json!({"policies": policies(n), "entities": entities(self, n)});
                    let Some(answer) = send(admin, "PUT", "/v1/bundle", &body) else { return };
                    self.whole.acknowledged.store(n, Ordering::SeqCst);
                    self.policies.acknowledged.store(n, Ordering::SeqCst);
                    self.told(&answer);
                    let back = format!("/v1/revisions/{}/restore", answer["revision"]);
                    let Some(answer) = send(admin, "POST", &back, &Value::Null) else { return };
                    self.told(&answer);
                }
            };
            if round % 3 == 2 {
                scope.spawn(whole);
            } else {
                (0..self.patched.len()).for_each(|number| drop(scope.spawn(move || patch(number))));
                if round % 3 == 1 {
                    scope.spawn(rules);
                }
            }
        });
    }

    /// Holds what is there after a restart against what was acknowledged and sent.
    fn compare(&self, service: &Service, round: u64) {
        let n = |ty: &str, id: &str| {
            let read = service.admin("GET", &format!("/v1/entities/{ty}/{id}"), "");
            read.json()["attrs"]["n"].as_u64().unwrap()
        };
        for (number, written) in self.patched.iter().enumerate() {
            let (left, right) =
                (n("Pair", &format!("left-{number}")), n("Pair", &format!("right-{number}")));
            assert_eq!(left, right, "one change is whole or not there");
            written.hold(left);
        }
        let (first, last) = (n("User", "u0"), n("User", &format!("u{}", USERS - 1)));
        assert_eq!(first, last, "one upload is whole or not there");
        self.whole.hold(first);
        let shown = service.project.run(&["log", "verify"]);
        assert!(shown.starts_with("exit: 0\n"), "{shown}");
        let n = policy(service);
        self.policies.hold(n);
        if round % 3 == 2 {
            assert_eq!(n, first, "policies and entities of one upload come together");
        }
        let revision = service.admin("GET", "/v1/revision", "").json()["revision"].as_u64();
        assert!(revision >= Some(self.revision.load(Ordering::SeqCst)), "{revision:?}");
    }
}

impl Written {
    /// The number found is the last acknowledged, or one that was on its way.
    #[track_caller]
    fn hold(&self, found: u64) {
        let (low, high) =
            (self.acknowledged.load(Ordering::SeqCst), self.sent.load(Ordering::SeqCst));
        assert!((low..=high).contains(&found), "{found} and not {low} to {high}");
        // From here on that is what was written.
        self.acknowledged.store(found, Ordering::SeqCst);
    }
}

/// The policy's number, as decisions show it: a user that says `n` is allowed from there on.
fn decisions(service: &Service) -> Vec<Value> {
    let ask = |user: &str| {
        let mut decision = service.check(
            &json!({"principal": {"type": "User", "id": user}, "action": "read",
                "resource": {"type": "Pair", "id": "left-0"}})
            .to_string(),
        );
        decision.as_object_mut().unwrap().remove("decision_id");
        decision
    };
    vec![ask("u0"), ask(&format!("u{}", USERS - 1)), ask("nobody")]
}

/// The number that the policy in force says.
fn policy(service: &Service) -> u64 {
    let state = service.admin("GET", "/v1/revision", "").json();
    let shown = service.project.run(&["log", "export", &state["revision"].to_string()]);
    let (_, rest) = shown.split_once("principal.n >= ").unwrap();
    rest.split_once(' ').unwrap().0.parse().unwrap()
}

#[expect(clippy::disallowed_methods, reason = "clap has no say in a test binary")]
fn kills() -> u64 {
    std::env::var("DOORWARD_KILLS").map_or(KILLS, |text| text.parse().unwrap())
}

#[test]
fn killed_at_any_moment_it_has_what_it_acknowledged() {
    let world = World::default();
    let mut service = Service::start(Project::empty(), &[]);
    let bundle =
        json!({"schema": SCHEMA, "policies": policies(0), "entities": entities(&world, 0)});
    assert_eq!(service.admin("PUT", "/v1/bundle", &bundle.to_string()).status, 200);
    for round in 0..kills() {
        let (stop, admin) = (AtomicBool::new(false), service.admin);
        let before = world.revision.load(Ordering::SeqCst);
        // Later and later, and after something was acknowledged: every stage of a write is met.
        let until = Instant::now() + Duration::from_micros(3_700 * (round % 41));
        let project = std::thread::scope(|scope| {
            scope.spawn(|| world.load(admin, round, &stop));
            while world.revision.load(Ordering::SeqCst) == before || Instant::now() < until {
                std::thread::yield_now();
            }
            let project = service.kill();
            stop.store(true, Ordering::SeqCst);
            project
        });
        service = Service::start(project, &[]);
        world.compare(&service, round);
    }
    // The same decisions, at once, after one more crash, and from the files of an export.
    let (before, state) = (decisions(&service), service.admin("GET", "/v1/revision", "").body);
    let service = Service::start(service.kill(), &[]);
    assert_eq!(decisions(&service), before);
    assert_eq!(service.admin("GET", "/v1/revision", "").body, state);
    let head = before[0]["revision"].to_string();
    let exported = service.project.run(&["log", "export", &head, "--out", "exported"]);
    assert_eq!(exported, "exit: 0\n");
    for (user, decision) in [("u0", &before[0]), ("nobody", &before[2])] {
        let principal = format!("User::\"{user}\"");
        let output = service.project.run(&[
            "check",
            "--policies",
            "exported/policies",
            "--entities",
            "exported/entities",
            "--principal",
            &principal,
            "--action",
            "read",
            "--resource",
            "Pair::\"left-0\"",
        ]);
        let expected = if decision["decision"] == "allow" { "exit: 0\n" } else { "exit: 3\n" };
        assert!(output.starts_with(expected), "{output}");
    }
}
