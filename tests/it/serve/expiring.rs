//! Links that expire: they stop deciding at their time, on the service's clock, without a new
//! revision, and everything that decides or tells why says the same.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::http::Connection;
use crate::project::Project;
use crate::service::{Service, until};

/// Jack reads the building because of a share that lasts for so long.
fn lasting(service: &Service, time: SignedDuration) -> Timestamp {
    let expires = Timestamp::now() + time;
    let link = json!({
        "template_id": "group-share-read", "link_id": "share-building-a-b",
        "args": {"?principal": "UserGroup::\"B/All\"", "?resource": "EntityGroup::\"Building A\""},
        "expires": expires.to_string(),
    });
    let put = service.admin("PUT", "/v1/links/share-building-a-b", &link.to_string());
    assert_eq!(put.status, 200, "{put:?}");
    expires
}

fn check(explain: bool) -> Value {
    json!({
        "principal": "User::\"jack\"", "action": "read", "resource": "Asset::\"Building A\"",
        "explain": explain,
    })
}

/// Whether each way of asking allows it.
fn asked(service: &Service) -> [bool; 4] {
    let mut connection = Connection::open(service.data);
    let single = connection.post("/v1/check", &check(true).to_string()).json();
    let batch = json!({"checks": [check(false)]}).to_string();
    let batch = connection.post("/v1/checks", &batch).json();
    let question = json!({
        "subject": {"type": "User", "id": "jack"}, "action": {"name": "read"},
        "resource": {"type": "Asset", "id": "Building A"},
    });
    let one = connection.post("/access/v1/evaluation", &question.to_string()).json();
    let many = json!({"evaluations": [question]}).to_string();
    let many = connection.post("/access/v1/evaluations", &many).json();
    // The explanation names the link among what decided just when it does.
    let named = single["explanation"]["policies"].to_string().contains("share-building-a-b");
    assert_eq!(single["decision"] == "allow", named, "{single}");
    [
        single["decision"] == "allow",
        batch["decisions"][0]["decision"] == "allow",
        one["decision"] == true,
        many["evaluations"][0]["decision"] == true,
    ]
}

#[test]
fn a_link_stops_deciding_at_its_time() {
    let service = Service::shipped();
    assert_eq!(asked(&service), [true; 4]);
    let expires = lasting(&service, SignedDuration::from_millis(600));
    let revision = service.in_force();
    let before = asked(&service);
    // A machine that took longer than that has nothing to say about it.
    if Timestamp::now() < expires {
        assert_eq!(before, [true; 4]);
    }
    until("the time has come", || (Timestamp::now() > expires).then_some(()));
    assert_eq!(asked(&service), [false; 4]);
    assert_eq!(service.in_force(), revision, "nothing was installed");
    // What is there is still shown, and can be made to last.
    let link = service.admin("GET", "/v1/links/share-building-a-b", "").json();
    let shown: Timestamp = link["expires"].as_str().unwrap().parse().unwrap();
    assert!(shown < Timestamp::now());
    lasting(&service, SignedDuration::from_hours(1));
    assert_eq!(asked(&service), [true; 4]);
}

/// A decision that is kept for the next who asks ends with the link.
#[test]
fn a_decision_that_is_kept_ends_with_it() {
    let project = Project::shipped();
    project.write("doorward.yaml", "decision_cache: 1 MiB\n");
    let service = Service::start(project, &[]);
    let expires = lasting(&service, SignedDuration::from_millis(600));
    while Timestamp::now() < expires {
        asked(&service);
    }
    assert_eq!(asked(&service), [false; 4]);
}

/// A time that has come stays one across a restart.
#[test]
fn a_restart_does_not_wake_it() {
    let service = Service::shipped();
    let expires = lasting(&service, SignedDuration::from_millis(1));
    until("the time has come", || (Timestamp::now() > expires).then_some(()));
    let service = Service::start(service.kill(), &[]);
    assert_eq!(asked(&service), [false; 4]);
}
