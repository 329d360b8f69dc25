//! The `OpenAPI` document: it is the one in the repository, and every route in it answers as it says,
//! to those who may and to those who may not.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value};

use crate::http::{Answer, Connection};
use crate::service::{READER, Service, WRITER};

/// One operation of the document.
struct Operation {
    method: String,
    /// With the examples of its parameters.
    target: String,
    /// The role that it asks for; `None` where it asks for no token.
    role: Option<String>,
    /// Whether it is answered on the data plane.
    is_data: bool,
    described: Value,
}

fn document(service: &Service) -> Value {
    let answer = Connection::open(service.admin).request("GET", "/openapi.json", &[], b"");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type").as_deref(), Some("application/json"));
    answer.json()
}

fn operations(document: &Value) -> Vec<Operation> {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let is_data = item["servers"][0]["url"].as_str().unwrap().ends_with(":3667");
        let methods = item.as_object().unwrap().iter().filter(|(key, _)| *key != "servers");
        for (method, described) in methods {
            let mut target = path.clone();
            for parameter in described["parameters"].as_array().into_iter().flatten() {
                if parameter["in"] == "path" {
                    let name = format!("{{{}}}", parameter["name"].as_str().unwrap());
                    target = target.replace(&name, parameter["example"].as_str().unwrap());
                }
            }
            let role = described["security"][0]["token"][0].as_str().map(str::to_owned);
            let (method, described) = (method.to_uppercase(), described.clone());
            operations.push(Operation { method, target, role, is_data, described });
        }
    }
    operations
}

impl Operation {
    fn send(&self, service: &Service, token: Option<&str>, form: &str) -> Answer {
        let authorization = token.map(|token| format!("Bearer {token}"));
        let mut headers = Vec::new();
        headers.extend(authorization.as_deref().map(|value| ("Authorization", value)));
        let content = &self.described["requestBody"]["content"][form];
        let body = match &content["example"] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            json => json.to_string(),
        };
        if !body.is_empty() {
            headers.push(("Content-Type", form));
        }
        let address = if self.is_data { service.data } else { service.admin };
        // Nothing that is sent here is to change what the next one sees.
        let dry = self.described["parameters"].to_string().contains("\"dry_run\"");
        let target =
            if dry { format!("{}?dry_run=true", self.target) } else { self.target.clone() };
        Connection::open(address).request(&self.method, &target, &headers, body.as_bytes())
    }

    /// The media types of the body, or the one of no body.
    fn forms(&self) -> Vec<String> {
        let content = self.described["requestBody"]["content"].as_object();
        content.map_or(vec![String::new()], |forms| forms.keys().cloned().collect())
    }

    fn is_described(&self, status: u16) -> bool {
        self.described["responses"][status.to_string()].is_object()
    }
}

/// Everything belongs to the API, so that every example is one that can be followed.
fn service() -> Service {
    let service = Service::start(crate::project::Project::empty(), &[]);
    assert_eq!(service.admin("PUT", "/v1/bundle", &Service::shipped_bundle()).status, 200);
    service
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test has no command line of its own")]
fn the_document_is_kept_in_the_repository() {
    let served =
        Connection::open(Service::shipped().admin).request("GET", "/openapi.json", &[], b"").body;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &served).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == served,
        "`UPDATE=1 cargo test --test it openapi` writes docs/openapi.json anew"
    );
}

#[test]
fn every_route_asks_for_what_it_says() {
    let service = service();
    let operations = operations(&document(&service));
    assert!(operations.len() > 20, "{} operations", operations.len());
    for operation in &operations {
        let form = operation.forms().remove(0);
        let name = format!("{} {}", operation.method, operation.target);
        let without = operation.send(&service, None, &form);
        let wrong = operation.send(&service, Some("no-token-of-this-service"), &form);
        let reader = operation.send(&service, Some(READER), &form);
        let writer = operation.send(&service, Some(WRITER), &form);
        let expected = match operation.role.as_deref() {
            None => [without.status, wrong.status, reader.status].map(|status| {
                assert!(![401, 403].contains(&status), "{name}: {status}");
                status
            }),
            Some("read") => [401, 401, writer.status],
            Some(role) => {
                assert_eq!(role, "write", "{name}");
                [401, 401, 403]
            }
        };
        assert_eq!([without.status, wrong.status, reader.status], expected, "{name}");
        for answer in [without, wrong, reader, writer] {
            assert!(operation.is_described(answer.status), "{name}: {answer:?}");
        }
    }
}

/// What is open to everybody is a short list that somebody has to lengthen on purpose.
#[test]
fn few_routes_of_the_admin_plane_are_open() {
    let service = Service::shipped();
    let operations = operations(&document(&service));
    let admin = operations.iter().filter(|it| !it.is_data && it.role.is_none());
    let open: Vec<_> = admin.map(|it| it.target.as_str()).collect();
    assert_eq!(open, ["/livez", "/readyz", "/metrics", "/openapi.json"]);
    let data: Vec<_> = operations.iter().filter(|it| it.is_data).collect();
    assert!(data.iter().all(|it| it.role.is_none()));
    // Neither plane answers for the other.
    for operation in operations.iter().filter(|it| it.target != "/") {
        let other = if operation.is_data { service.admin } else { service.data };
        let headers = [("Authorization", format!("Bearer {WRITER}"))];
        let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
        let answer = Connection::open(other).request("GET", &operation.target, &headers, b"");
        assert_eq!(answer.status, 404, "{}", operation.target);
    }
}

#[test]
fn every_example_is_answered_in_the_form_that_is_described() {
    let service = service();
    for operation in operations(&document(&service)) {
        for form in operation.forms() {
            let name = format!("{} {} {form}", operation.method, operation.target);
            let answer = operation.send(&service, Some(WRITER), &form);
            // Two of them are about other data than what is in force.
            let expected: &[u16] = match operation.described["operationId"].as_str().unwrap() {
                "put_entities" | "put_policies" | "validate" => &[200, 422],
                _ => &[200],
            };
            assert!(expected.contains(&answer.status), "{name}: {answer:?}");
            let described = &operation.described["responses"]["200"]["content"];
            let example = &described["application/json"]["example"];
            let (Some(example), 200) = (example.as_object(), answer.status) else { continue };
            let found: Map<String, Value> = serde_json::from_str(&answer.body).unwrap();
            for member in example.keys() {
                assert!(found.contains_key(member), "{name} has no `{member}`: {answer:?}");
            }
        }
    }
}

/// A page in a browser that is somewhere else cannot write, whatever it sends.
#[test]
fn no_route_answers_a_page_of_another_origin() {
    let service = Service::shipped();
    for operation in operations(&document(&service)).iter().filter(|it| !it.is_data) {
        let authorization = format!("Bearer {WRITER}");
        for (name, value) in
            [("Origin", "https://elsewhere.example"), ("Host", "elsewhere.example")]
        {
            let headers = [("Authorization", authorization.as_str()), (name, value)];
            let mut connection = Connection::open(service.admin);
            let answer = connection.request(&operation.method, &operation.target, &headers, b"");
            assert_eq!(answer.status, 403, "{} {}: {answer:?}", operation.method, operation.target);
            let allowed = answer.header("access-control-allow-origin");
            assert_eq!(allowed, None, "{}", operation.target);
        }
    }
}

/// Tokens are asked for and never told.
#[test]
fn no_answer_holds_a_token() {
    let service = service();
    let tokens = [READER, WRITER, "no-token-of-this-service"];
    let mut said = Vec::new();
    for operation in operations(&document(&service)) {
        for token in tokens {
            let answer = operation.send(&service, Some(token), &operation.forms()[0]);
            said.push(format!("{:?} {}", answer.headers, answer.body));
        }
    }
    said.extend([service.metrics(), service.log()]);
    for text in said {
        assert!(tokens.iter().all(|token| !text.contains(token)), "{text}");
    }
}
