//! Stop and start again: nothing acknowledged is lost, and a start that changes nothing makes no
//! revision.

use std::net::TcpStream;

use serde_json::{Value, json};

use crate::http::Connection;
use crate::project::Project;
use crate::service::{EMMA_READS, Service, WRITER, until};

#[test]
fn a_signal_to_terminate_ends_it_cleanly() {
    for signal in ["TERM", "INT"] {
        let service = Service::shipped();
        assert_eq!(service.decision(EMMA_READS), "allow");
        service.signal(signal);
        let (code, log, _) = service.ended();
        assert_eq!(code, Some(0), "SIG{signal}: {log}");
    }
}

/// What was asked before the signal is answered after it; nobody new is let in.
#[test]
fn a_request_in_flight_is_answered_before_the_end() {
    let service = Service::shipped();
    let (head, tail) = EMMA_READS.split_at(20);
    let mut connection = Connection::open(service.data);
    let mut idle = Connection::open(service.data);
    assert_eq!(idle.post("/v1/check", EMMA_READS).status, 200);
    connection.send(
        format!(
            "POST /v1/check HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nExpect: 100-continue\r\n\r\n",
            EMMA_READS.len()
        )
        .as_bytes(),
    );
    // The interim answer says that the request has been taken up.
    let interim = connection.answer("POST");
    assert_eq!(interim.status, 100);
    connection.send(head.as_bytes());
    service.signal("TERM");
    assert!(idle.is_closed(), "a connection without a request is closed");
    until("nobody new is let in", || TcpStream::connect(service.data).is_err().then_some(()));
    connection.send(tail.as_bytes());
    let answer = connection.answer("POST");
    assert_eq!((answer.status, answer.json()["decision"].as_str()), (200, Some("allow")));
    let (code, log, _) = service.ended();
    assert_eq!(code, Some(0), "{log}");
}

fn revision(service: &Service) -> u64 {
    service.admin("GET", "/v1/revision", "").json()["revision"].as_u64().unwrap()
}

/// Stops a service and starts one in the same place, with the same flags.
fn again(service: Service, flags: &[&str]) -> Service {
    service.signal("TERM");
    let (code, log, project) = service.ended();
    assert_eq!(code, Some(0), "{log}");
    Service::start(project, flags)
}

#[test]
fn revisions_go_on_after_a_restart_and_a_start_that_changes_nothing_makes_none() {
    let service = Service::shipped();
    assert_eq!(revision(&service), 1);
    let digest = service.admin("GET", "/v1/revision", "").json()["digest"].clone();
    let service = again(service, &[]);
    assert_eq!(revision(&service), 1);
    assert_eq!(service.admin("GET", "/v1/revision", "").json()["digest"], digest);
    service.project.write("policies/more.cedar", "// Nothing.\n");
    let service = again(service, &[]);
    assert_eq!(revision(&service), 2);
}

#[test]
fn a_bundle_that_was_put_is_there_after_a_restart() {
    let service = Service::start(Project::empty(), &[]);
    assert_eq!(service.admin("PUT", "/v1/bundle", &Service::shipped_bundle()).status, 200);
    let before = service.admin("GET", "/v1/revision", "").json();
    // Killed, not stopped: what was acknowledged is durable.
    let project = service.kill();
    let service = Service::start(project, &[]);
    let mut after = service.admin("GET", "/v1/revision", "").json();
    after["installed_at"] = before["installed_at"].clone();
    assert_eq!(after, before);
    assert_eq!(service.decision(EMMA_READS), "allow");
}

/// Killed while it writes: what was acknowledged is there, and of what was not, all or nothing.
#[test]
fn nothing_acknowledged_is_lost_to_a_crash() {
    let mut service = Service::start(Project::empty(), &[]);
    assert_eq!(service.admin("PUT", "/v1/bundle", &Service::shipped_bundle()).status, 200);
    for round in 0..8 {
        let acknowledged = revision(&service);
        let link = json!([{
            "template_id": "group-share-read",
            "link_id": format!("share-of-round-{round}"),
            "args": {"?principal": "UserGroup::\"A/All\"", "?resource": "EntityGroup::\"Buildings\""},
        }]);
        let body = json!({"links": link}).to_string();
        let head = format!(
            "PUT /v1/bundle HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {WRITER}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let mut connection = Connection::open(service.admin);
        connection.send((head + &body).as_bytes());
        // In every second round the answer is waited for.
        let answered = round % 2 == 0;
        if answered {
            assert_eq!(connection.answer("PUT").status, 200);
        }
        service = Service::start(service.kill(), &[]);
        let after = revision(&service);
        let taken = after == acknowledged + 1;
        assert!(taken || !answered && after == acknowledged, "{acknowledged} became {after}");
        let share = r#"{"principal":"User::\"emma\"","action":"read","resource":"Dashboard::\"My New Dashboard\""}"#;
        let answer = service.check(share);
        assert_eq!(answer["decision"], "allow", "{answer}");
        if taken {
            assert_eq!(answer["reason"], json!([format!("share-of-round-{round}")]));
        }
    }
}

/// Entity files seed an empty data directory. From the first write on the data directory is the
/// truth, and an edited seed is ignored, which is said.
#[test]
fn an_edited_seed_is_ignored_once_the_api_has_written() {
    let service = Service::shipped();
    let put = service.admin("PUT", "/v1/bundle", "{\"links\":[]}");
    assert_eq!((put.status, put.json()["revision"].as_u64()), (200, Some(2)), "{put:?}");
    let service = again(service, &[]);
    assert_eq!(revision(&service), 2);
    service.project.write("entities/links.json", "[ ]");
    let service = again(service, &[]);
    assert_eq!(revision(&service), 2);
    assert_eq!(service.admin("GET", "/v1/revision", "").json()["links"], Value::from(0));
    assert!(service.metrics().contains("\ndoorward_seed_ignored 1\n"), "{}", service.metrics());
    assert!(service.log().contains("ignored"), "{}", service.log());
}

#[test]
fn ephemeral_keeps_nothing_and_refuses_writes() {
    let service = Service::start(Project::shipped(), &["--ephemeral"]);
    assert_eq!(service.decision(EMMA_READS), "allow");
    let put = service.admin("PUT", "/v1/bundle", "{\"links\":[]}");
    assert_eq!(put.status, 409, "{put:?}");
    assert_eq!(revision(&service), 1);
    assert!(!service.project.path(".doorward").exists());
}
