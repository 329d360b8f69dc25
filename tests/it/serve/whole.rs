//! Readers see whole revisions only: never a permit without the forbid that came with it, never
//! the policies of one revision over the entities of another.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::http::Connection;
use crate::project::Project;
use crate::service::Service;

const RELOADS: u64 = 1_000;
const SCHEMA: &str = "entity User; entity Report { generation: Long };
    action read appliesTo { principal: User, resource: Report };";

/// A bundle of which every part says its number.
fn generation(number: u64) -> String {
    let policies = format!(
        "@id(\"permit-{number}\") permit (principal, action, resource)
         when {{ resource.generation == {number} }};
         @id(\"forbid-{number}\") forbid (principal, action, resource == Report::\"closed\")
         when {{ resource.generation == {number} }};"
    );
    let report = |id: &str| {
        json!({
            "uid": {"type": "Report", "id": id}, "parents": [], "attrs": {"generation": number},
        })
    };
    let user = json!({"uid": {"type": "User", "id": "u"}, "attrs": {}, "parents": []});
    json!({
        "schema": SCHEMA, "policies": {"p.cedar": policies},
        "entities": [user, report("open"), report("closed")], "links": [],
    })
    .to_string()
}

fn check(id: &str) -> Value {
    json!({"principal": "User::\"u\"", "action": "read", "resource": {"type": "Report", "id": id}})
}

/// The number that the one reason of a decision names.
fn number(decision: &Value, kind: &str) -> u64 {
    let reason = decision["reason"][0].as_str().unwrap_or_else(|| panic!("no reason: {decision}"));
    assert_eq!(decision["reason"].as_array().unwrap().len(), 1, "{decision}");
    reason.strip_prefix(kind).unwrap_or_else(|| panic!("{decision}")).parse().unwrap()
}

#[test]
fn a_thousand_reloads() {
    let service = Service::start(Project::empty(), &[]);
    assert_eq!(service.admin("PUT", "/v1/bundle", &generation(1)).status, 200);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut connection = Connection::open(service.data);
                    let batch = json!({"checks": [check("open"), check("closed")]}).to_string();
                    let single = check("closed").to_string();
                    let (mut last, mut seen) = (0, 0_u64);
                    while !done.load(Ordering::Relaxed) {
                        let answer = connection.post("/v1/checks", &batch).json();
                        let [open, closed] = [&answer["decisions"][0], &answer["decisions"][1]];
                        assert_eq!(open["decision"], "allow", "{answer}");
                        assert_eq!(closed["code"], "forbidden", "{answer}");
                        let now = number(open, "permit-");
                        assert_eq!(number(closed, "forbid-"), now, "{answer}");
                        assert!(now >= last, "{now} came after {last}");
                        let alone = connection.post("/v1/check", &single).json();
                        assert_eq!(alone["code"], "forbidden", "{alone}");
                        seen += u64::from(now != last);
                        last = now;
                    }
                    seen
                })
            })
            .collect();
        for number in 2..=RELOADS + 1 {
            let put = service.admin("PUT", "/v1/bundle", &generation(number));
            assert_eq!(put.json()["revision"], number, "{put:?}");
        }
        done.store(true, Ordering::Relaxed);
        for reader in readers {
            assert!(reader.join().unwrap() > 10, "a reader saw hardly any revision");
        }
    });
}
