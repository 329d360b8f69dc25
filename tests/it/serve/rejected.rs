//! Every kind of change that cannot be taken, over HTTP: what is wrong is told with its place and
//! with what to do, and everything in force stays as it was.

use serde_json::{Value, json};

use crate::http::Connection;
use crate::project::Project;
use crate::service::{EMMA_READS, Service, WRITER};

/// A change, and what is said of it.
struct Case {
    name: &'static str,
    request: (&'static str, &'static str, String),
    headers: Vec<(&'static str, &'static str)>,
    status: u16,
    /// The code of the answer, and that of what is wrong with the contents.
    codes: (&'static str, &'static str),
}

fn case(
    name: &'static str,
    request: (&'static str, &'static str, String),
    status: u16,
    codes: (&'static str, &'static str),
) -> Case {
    Case { name, request, headers: vec![("Content-Type", "application/json")], status, codes }
}

fn entity(ty: &str, id: &str, attrs: &Value, parents: &[(&str, &str)]) -> Value {
    let parents: Vec<_> = parents.iter().map(|(ty, id)| json!({"type": ty, "id": id})).collect();
    json!({"uid": {"type": ty, "id": id}, "attrs": attrs, "parents": parents})
}

/// What has this owner in the first tenant.
fn of(owner: &str) -> Value {
    let reference = |id: &str| json!({"__entity": {"type": "Owner", "id": id}});
    json!({"owner": reference(owner), "tenant": reference("Tenant 1")})
}

fn upsert(entities: &[Value]) -> (&'static str, &'static str, String) {
    ("PATCH", "/v1/entities", json!({"upsert": entities}).to_string())
}

fn policies(text: &str) -> (&'static str, &'static str, String) {
    ("PUT", "/v1/policies", json!({"policies": {"new.cedar": text}}).to_string())
}

/// Changes of policies.
fn of_policies() -> Vec<Case> {
    let deep = format!(
        "permit (principal, action, resource) when {{ {}true{} }};",
        "(".repeat(200),
        ")".repeat(200)
    );
    let twice = "@id(\"a\") permit (principal, action, resource);
                 @id(\"a\") forbid (principal, action, resource);";
    let schema = json!({"policies": {}, "schema": "entity User in [Nobody];"}).to_string();
    let bad = "invalid_bundle";
    vec![
        case("bad syntax", policies("permit (principal, action"), 422, (bad, "policy-syntax")),
        case(
            "a policy that does not fit the schema",
            policies("permit (principal, action, resource) when { principal.shoeSize == 1 };"),
            422,
            (bad, "policy-validation"),
        ),
        case("a policy nested too deep", policies(&deep), 422, (bad, "nested-too-deep")),
        case("two policies of one id", policies(twice), 422, (bad, "duplicate-policy-id")),
        case("a schema that is none", ("PUT", "/v1/policies", schema), 422, (bad, "schema")),
    ]
}

/// Changes of entities and links, as a whole and one by one.
fn of_data() -> Vec<Case> {
    let group = |owner| entity("EntityGroup", "new group", &of(owner), &[]);
    let device = |id, owner, parents: &[_]| entity("Device", id, &of(owner), parents);
    let stranger = device("new", "Customer B", &[("EntityGroup", "new group")]);
    let cycle = [
        entity("Owner", "x", &json!({}), &[("Owner", "y")]),
        entity("Owner", "y", &json!({}), &[("Owner", "x")]),
    ];
    let dangling = device("new", "Nobody", &[]);
    let wrong = entity("Device", "new", &json!({"owner": 7, "tenant": 7}), &[]);
    let link = json!({"template_id": "group-share-read", "link_id": "share-buildings-b",
        "args": {"?principal": "UserGroup::\"A/All\"", "?resource": "EntityGroup::\"Buildings\""}});
    let bad = "invalid_bundle";
    let mut cases = vec![
        case("a cycle", upsert(&cycle), 422, (bad, "cycle")),
        case("a reference to nothing", upsert(&[dangling]), 422, (bad, "unknown-entity")),
        case("an attribute of a wrong type", upsert(&[wrong]), 422, (bad, "entity")),
        case(
            "one entity twice",
            upsert(&[group("Customer A"), group("Customer A")]),
            422,
            (bad, "duplicate-entity"),
        ),
        case(
            "a member of a group of another owner",
            upsert(&[group("Customer A"), stranger]),
            422,
            (bad, "same-as-parents"),
        ),
        case(
            "a link that says something else",
            ("PATCH", "/v1/entities", json!({"link": [link]}).to_string()),
            409,
            ("link_conflict", "link-conflict"),
        ),
        case(
            "removed and put in",
            (
                "PATCH",
                "/v1/entities",
                json!({"remove": ["Device::\"SD-001\""],
                    "upsert": [entity("Device", "SD-001", &json!({"owner": 7}), &[])]})
                .to_string(),
            ),
            400,
            ("removed_and_upserted", "removed-and-upserted"),
        ),
    ];
    // The same in a stream of everything, which is judged elsewhere.
    let bundle: Value = serde_json::from_str(&Service::shipped_bundle()).unwrap();
    let shipped = &bundle["entities"];
    let streams = [
        ("a stream with a cycle", cycle.to_vec(), "cycle"),
        (
            "a stream with a reference to nothing",
            vec![device("new", "Nobody", &[])],
            "unknown-entity",
        ),
        (
            "a stream with one entity twice",
            vec![cycle[0].clone(), cycle[0].clone()],
            "duplicate-entity",
        ),
    ];
    for (name, entities, code) in streams {
        let all = shipped.as_array().unwrap().iter().chain(&entities);
        let lines = all.flat_map(|entity| [entity.to_string(), "\n".to_owned()]).collect();
        let mut case = case(name, ("PUT", "/v1/entities", lines), 422, (bad, code));
        case.headers = vec![("Content-Type", "application/x-ndjson")];
        cases.push(case);
    }
    cases
}

/// Changes that are refused before anybody looks at what they say.
fn of_bodies() -> Vec<Case> {
    let deep = format!("{{\"upsert\":{}{}}}", "[".repeat(100), "]".repeat(100));
    let mut digest = case("another digest", upsert(&[]), 400, ("wrong_digest", ""));
    let none = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:";
    digest.headers.push(("Content-Digest", none));
    let large = format!("{{\"upsert\":[{}]}}", " ".repeat(70 << 20));
    vec![
        digest,
        case("nested too deep", ("PATCH", "/v1/entities", deep), 400, ("invalid_json", "")),
        case("too large", ("PATCH", "/v1/entities", large), 413, ("body_too_large", "")),
        case("no JSON", ("PUT", "/v1/bundle", "{".to_owned()), 400, ("invalid_json", "")),
    ]
}

/// A service whose policies belong to the API too.
fn service() -> Service {
    let service = Service::start(Project::empty(), &[]);
    assert_eq!(service.admin("PUT", "/v1/bundle", &Service::shipped_bundle()).status, 200);
    service
}

/// What is told, and that nothing else happened.
#[track_caller]
fn assert_rejected(service: &Service, before: &Value, case: &Case) {
    let (method, target, body) = &case.request;
    let answer = service.send(method, target, &case.headers, body.as_bytes());
    let name = case.name;
    assert_eq!(answer.status, case.status, "{name}: {answer:?}");
    let said = answer.json();
    assert_eq!(said["code"], case.codes.0, "{name}: {said:#}");
    assert!(said["hint"].is_string(), "{name} has no hint: {said:#}");
    if !case.codes.1.is_empty() {
        let problems = said["problems"].as_array().unwrap();
        let problem = problems.iter().find(|problem| problem["code"] == case.codes.1);
        let problem = problem.unwrap_or_else(|| panic!("{name}: {said:#}"));
        assert!(problem["file"].is_string(), "{name} has no place: {said:#}");
    }
    assert_eq!(service.in_force(), *before, "{name}");
    assert_eq!(service.decision(EMMA_READS), "allow", "{name}");
}

#[test]
fn what_is_wrong_with_policies() {
    let service = service();
    let before = service.in_force();
    for case in of_policies() {
        assert_rejected(&service, &before, &case);
    }
}

#[test]
fn what_is_wrong_with_data() {
    let service = service();
    let before = service.in_force();
    for case in of_data() {
        assert_rejected(&service, &before, &case);
    }
}

#[test]
fn what_is_wrong_with_bodies() {
    let service = service();
    let before = service.in_force();
    for case in of_bodies() {
        assert_rejected(&service, &before, &case);
    }
}

/// A body that ends before its length is reached.
#[test]
fn what_does_not_arrive_whole() {
    let service = service();
    let before = service.in_force();
    let mut connection = Connection::open(service.admin);
    let head = format!(
        "PATCH /v1/entities HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {WRITER}\r\n\
         Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{\"unlink\":[]}}"
    );
    connection.send(head.as_bytes());
    connection.finish();
    let answer = connection.answer("PATCH");
    assert_eq!((answer.status, &answer.json()["code"]), (400, &json!("broken_body")));
    assert!(answer.json()["hint"].is_string(), "{answer:?}");
    assert_eq!(service.in_force(), before);
}

/// A change that would be refused is refused as a dry run too, and leaves no trace of itself.
#[test]
fn what_is_only_tried() {
    let service = service();
    let before = service.admin("GET", "/v1/revision", "").json();
    for case in of_policies().into_iter().chain(of_data()) {
        let (method, target, body) = &case.request;
        let target = format!("{target}?dry_run=true");
        let answer = service.send(method, &target, &case.headers, body.as_bytes());
        assert_eq!(answer.status, case.status, "{}: {answer:?}", case.name);
    }
    assert_eq!(service.admin("GET", "/v1/revision", "").json(), before);
}
