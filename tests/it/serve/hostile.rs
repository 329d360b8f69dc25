//! What anybody can send: each gets its clear answer, and the service goes on.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::http::{Answer, Connection};
use crate::project::Project;
use crate::service::{EMMA_READS, Service, WRITER};

const JSON: (&str, &str) = ("Content-Type", "application/json");

/// A body of 100 MB that is JSON as far as anybody reads it.
fn huge() -> Vec<u8> {
    let mut body = b"{\"principal\":\"".to_vec();
    body.resize(100_000_000, b'x');
    body
}

#[track_caller]
fn assert_goes_on(service: &Service) {
    assert_eq!(service.decision(EMMA_READS), "allow");
}

#[test]
fn a_body_of_100_megabytes() {
    let service = Service::shipped();
    let body = huge();
    for target in ["/v1/check", "/v1/checks", "/access/v1/evaluation", "/access/v1/evaluations"] {
        let answer =
            Connection::open(service.data).post(target, std::str::from_utf8(&body).unwrap());
        assert_eq!(answer.status, 413, "{target}: {answer:?}");
        assert_goes_on(&service);
    }
    let answer = service.admin("PUT", "/v1/bundle", std::str::from_utf8(&body).unwrap());
    assert_eq!(answer.status, 413, "{answer:?}");
    assert_goes_on(&service);
}

/// Without a length the service cannot refuse by the head alone.
#[test]
fn a_body_that_never_says_its_length() {
    let service = Service::shipped();
    let mut connection = Connection::open(service.data);
    connection.send(
        b"POST /v1/check HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
          Transfer-Encoding: chunked\r\n\r\n",
    );
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    for _ in 0..32 {
        connection.send(chunk.as_bytes());
    }
    assert_eq!(connection.answer("POST").status, 413);
    assert_goes_on(&service);
}

#[test]
fn json_nested_a_hundred_thousand_deep() {
    let service = Service::shipped();
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        // The bound on bytes is another one; this is below it.
        let depth = 100_000 / open.len();
        let body = format!("{}1{}", open.repeat(depth), close.repeat(depth));
        for target in ["/v1/check", "/v1/checks", "/access/v1/evaluation"] {
            let answer = Connection::open(service.data).post(target, &body);
            assert_eq!(answer.status, 400, "{target}: {answer:?}");
        }
        let answer = service.admin("PUT", "/v1/bundle", &body);
        assert_eq!(answer.status, 400, "{answer:?}");
    }
    assert_goes_on(&service);
}

/// Puts a bundle with one part replaced, and expects every problem at its place.
fn refused(service: &Service, part: &str, value: Value) -> Value {
    let mut bundle: Value = serde_json::from_str(&Service::shipped_bundle()).unwrap();
    bundle[part] = value;
    let answer = service.admin("PUT", "/v1/bundle", &bundle.to_string());
    assert_eq!(answer.status, 422, "{answer:?}");
    answer.json()
}

#[test]
fn policies_and_schemas_that_would_end_a_parser() {
    let service = Service::start(Project::empty(), &[]);
    assert_eq!(service.admin("PUT", "/v1/bundle", &Service::shipped_bundle()).status, 200);
    for (open, close) in [("(", ")"), ("!(", ")"), ("[", "]"), ("if true then true else ", "")] {
        for depth in [200, 10_000] {
            let condition = format!("{}true{}", open.repeat(depth), close.repeat(depth));
            let text = format!("permit (principal, action, resource) when {{ {condition} }};");
            let problem = refused(&service, "policies", json!({"deep.cedar": text}));
            let places = problem["problems"].to_string();
            assert!(
                places.contains("nested-too-deep") && places.contains("deep.cedar"),
                "{problem}"
            );
            assert_goes_on(&service);
        }
    }
    let sets = format!("entity A {{ a: {}Long{} }};", "Set<".repeat(2_000), ">".repeat(2_000));
    let problem = refused(&service, "schema", json!(sets));
    assert!(problem["problems"].to_string().contains("nested-too-deep"), "{problem}");
    let json_sets = format!(
        r#"{{"": {{"actions": {{}}, "entityTypes": {{"A": {{"shape": {{"type": "Record", "attributes": {{"a": {}{{"type": "Long"}}{}}}}}}}}}}}}}"#,
        r#"{"type": "Set", "element": "#.repeat(2_000),
        "}".repeat(2_000)
    );
    refused(&service, "schema", json!(json_sets));
    assert_goes_on(&service);
}

/// The deepest conditions that pass the gate are parsed, validated and evaluated on whatever stack
/// the service has for each.
#[test]
fn policies_as_deep_as_is_taken() {
    let service = Service::start(Project::empty(), &[]);
    let schema = "entity User; entity Report; \
                  action read appliesTo { principal: User, resource: Report };";
    let check = r#"{"principal":"User::\"u\"","action":"read","resource":"Report::\"r\""}"#;
    // What is repeated before and behind the middle, and what makes a condition of it all.
    let shapes = [
        ("(", "true", ")", ""),
        ("!(", "true", ")", ""),
        ("true && ", "true", "", ""),
        ("false || ", "true", "", ""),
        ("1 + ", "1", "", " == 1"),
        ("if true then ", "true", " else false", ""),
        ("if false then false else ", "true", "", ""),
        ("[", "1", "]", ".isEmpty()"),
        ("{a: ", "1", "}", " has a"),
        ("(true && (false || ", "true", "))", ""),
    ];
    for (open, middle, close, behind) in shapes {
        let taken = (1..=64).rev().find(|depth| {
            let nested = format!("{}{middle}{}", open.repeat(*depth), close.repeat(*depth));
            let text = format!("permit (principal, action, resource) when {{ {nested}{behind} }};");
            let bundle = json!({"schema": schema, "policies": {"deep.cedar": text}});
            match service.admin("PUT", "/v1/bundle", &bundle.to_string()).status {
                200 => true,
                422 => false,
                status => panic!("{status} to {depth} times `{open}`"),
            }
        });
        assert!(taken.is_some_and(|depth| depth >= 15), "`{open}`: {taken:?}");
        let answer = service.check(check);
        assert_eq!(answer["errors"], json!([]), "{taken:?} times `{open}`: {answer}");
    }
}

#[test]
fn a_head_that_is_too_long() {
    let service = Service::shipped();
    let long = "x".repeat(40_000);
    let answer = Connection::open(service.data).request(
        "POST",
        "/v1/check",
        &[JSON, ("X-Long", &long)],
        EMMA_READS.as_bytes(),
    );
    assert_eq!(answer.status, 431, "{answer:?}");
    assert_goes_on(&service);
}

#[test]
fn what_is_no_http() {
    let service = Service::shipped();
    let noise: [&[u8]; 5] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"POST /v1/check HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: x\r\n\r\n",
        b"POST /v1/check HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"\0\0\0\0\0\0\0\0\r\n\r\n",
    ];
    for bytes in noise {
        let mut connection = Connection::open(service.data);
        connection.send(bytes);
        drop(connection);
        assert_goes_on(&service);
    }
}

#[test]
fn clients_that_go_away_in_the_middle() {
    let service = Service::shipped();
    for cut in [1, 30, 120] {
        let mut connection = Connection::open(service.data);
        let mut request = String::from("POST /v1/check HTTP/1.1\r\nHost: localhost\r\n");
        write!(
            request,
            "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            EMMA_READS.len()
        )
        .unwrap();
        request.push_str(EMMA_READS);
        connection.send(request.get(..cut).unwrap().as_bytes());
        drop(connection);
    }
    assert_goes_on(&service);
}

#[test]
fn a_text_that_is_not_utf_8() {
    let service = Service::shipped();
    let ask = |body: &[u8]| -> Answer {
        Connection::open(service.data).request("POST", "/v1/check", &[JSON], body)
    };
    let answer = ask(b"{\"principal\":\"User::\\\"\xff\\\"\"}");
    assert_eq!((answer.status, answer.json()["status"].as_u64()), (400, Some(400)));
    assert_goes_on(&service);
}

/// A page that somebody's browser shows must not reach the admin plane by another name for this
/// machine, nor by its own origin.
#[test]
fn a_browser_led_here_by_another_name() {
    let service = Service::shipped();
    let authorization = format!("Bearer {WRITER}");
    let ask = |name: &str, value: &str| {
        let headers = [("Authorization", authorization.as_str()), (name, value)];
        Connection::open(service.admin).request("GET", "/v1/revision", &headers, b"").status
    };
    assert_eq!(ask("Host", "localhost:1"), 200, "the port is not compared");
    assert_eq!(ask("Host", "127.0.0.1"), 200);
    assert_eq!(ask("Host", "[::1]:3668"), 200);
    assert_eq!(ask("Host", "attacker.example"), 403);
    assert_eq!(ask("Origin", "http://attacker.example"), 403);
    assert_eq!(ask("Origin", "null"), 403);
}
