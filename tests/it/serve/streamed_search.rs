//! Searches that are answered as lines: what they say, how they end, and that nothing is left behind
//! by a client that goes.

use serde_json::{Value, json};

use crate::http::{Answer, Connection};
use crate::project::Project;
use crate::service::{Service, until};

const LINES: (&str, &str) = ("Accept", "application/x-ndjson");
const JSON: (&str, &str) = ("Content-Type", "application/json");

fn lines_of(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type").as_deref(), Some(LINES.1));
    answer.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn streamed(service: &Service, body: &Value) -> Answer {
    let body = body.to_string();
    let mut connection = Connection::open(service.data);
    connection.request("POST", "/v1/search/resources", &[JSON, LINES], body.as_bytes())
}

/// So many documents that everybody may read, with ids so long that no buffer holds them all.
fn library(documents: usize, id_chars: usize, configuration: &str) -> Service {
    let project = Project::empty();
    project.write(
        "policies/schema.cedarschema",
        "entity User; entity Doc; action read appliesTo { principal: User, resource: Doc };",
    );
    project.write("policies/all.cedar", "permit (principal, action, resource);");
    let mut entities = String::new();
    for number in 0..documents {
        let id = format!("{number:06}{}", "x".repeat(id_chars));
        let entity = json!({"uid": {"type": "Doc", "id": id}, "attrs": {}, "parents": []});
        entities.push_str(&entity.to_string());
        entities.push('\n');
    }
    project.write("entities/docs.jsonl", &entities);
    project.write("doorward.yaml", configuration);
    Service::start(project, &[])
}

fn everything() -> Value {
    json!({"principal": "User::\"ann\"", "action": "read", "type": "Doc"})
}

fn running(service: &Service) -> i64 {
    let metrics = service.metrics();
    let line = metrics.lines().find_map(|it| it.strip_prefix("doorward_searches_running "));
    line.unwrap().parse().unwrap()
}

#[test]
fn a_uid_a_line_and_how_it_ended() {
    let service = library(3_000, 1, "");
    let lines = lines_of(&streamed(&service, &everything()));
    assert_eq!(lines.len(), 3_001);
    assert_eq!(lines[0], json!({"type": "Doc", "id": "000000x"}));
    assert_eq!(lines[2_999], json!({"type": "Doc", "id": "002999x"}));
    assert_eq!(lines[3_000], json!({"complete": true, "revision": 1, "count": 3_000}));
    assert_eq!(running(&service), 0);

    // A limit ends it with a cursor, by which a stream goes on, and so does a page.
    let mut body = everything();
    body["limit"] = json!(1_000);
    let mut first = lines_of(&streamed(&service, &body));
    let last = first.pop().unwrap();
    assert_eq!((&last["complete"], &last["count"]), (&json!(false), &json!(1_000)));
    body["cursor"] = last["cursor"].clone();
    body["limit"] = json!(5_000);
    let rest = lines_of(&streamed(&service, &body));
    first.extend(rest);
    assert_eq!(first[..3_000], lines[..3_000]);
    body["limit"] = json!(1);
    let mut connection = Connection::open(service.data);
    let page = connection.post("/v1/search/resources", &body.to_string()).json();
    assert_eq!(page["resources"][0], lines[1_000]);
}

#[test]
fn nothing_is_left_of_a_client_that_goes() {
    let service = library(4_000, 8_000, "");
    let mut connections = Vec::new();
    for _ in 0..3 {
        let mut connection = Connection::open(service.data);
        let body = everything().to_string();
        let head = format!(
            "POST /v1/search/resources HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n\
             Accept: application/x-ndjson\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        connection.send(head.as_bytes());
        connections.push(connection);
    }
    // They stand still, because nobody reads; checks are answered all the while.
    until("the searches run", || (running(&service) == 3).then_some(()));
    let check = r#"{"principal":"User::\"ann\"","action":"read","resource":"Doc::\"none\""}"#;
    assert_eq!(service.decision(check), "allow");
    assert_eq!(running(&service), 3);
    drop(connections);
    until("nothing is left", || (running(&service) == 0).then_some(()));
    // A stream that is read is whole.
    let lines = lines_of(&streamed(&service, &everything()));
    assert_eq!(lines[4_000], json!({"complete": true, "revision": 1, "count": 4_000}));
}

#[test]
fn there_are_so_many_streams_and_no_more() {
    let service = library(4_000, 8_000, "limits: { search_streams: 1 }\n");
    let mut first = Connection::open(service.data);
    let body = everything().to_string();
    let head = format!(
        "POST /v1/search/resources HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n\
         Accept: application/x-ndjson\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    first.send(head.as_bytes());
    until("the first runs", || (running(&service) == 1).then_some(()));
    let refused = streamed(&service, &everything());
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(refused.header("retry-after").is_some());
    let page = Connection::open(service.data).post("/v1/search/resources", &body);
    assert_eq!(page.status, 200, "a page is no stream");
    drop(first);
    until("there is room again", || {
        (streamed(
            &service,
            &json!({"principal": "User::\"ann\"", "action": "read",
            "type": "Doc", "limit": 1}),
        )
        .status
            == 200)
            .then_some(())
    });
}

#[test]
fn a_stream_has_its_time() {
    let service = library(4_000, 8_000, "limits: { stream_time: 1ms }\n");
    let lines = lines_of(&streamed(&service, &everything()));
    let last = lines.last().unwrap();
    assert_eq!(last["complete"], false, "{} lines", lines.len());
    let mut body = everything();
    body["cursor"] = last["cursor"].clone();
    assert_eq!(lines_of(&streamed(&service, &body)).last().unwrap()["revision"], 1);
}
