//! What reverse proxies are answered, over real sockets: each dialect with the tutorial's snapshot,
//! ThingsBoard's route map and tokens as ThingsBoard signs them, and a small map for the rest.

mod answers;
mod callers;
mod dialects;
mod grpc;
mod identity;
mod reload;
mod start;
mod tutorial;

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::http::{Answer, Connection};
use crate::project::Project;
use crate::service::Service;

/// The key of the installation.
const KEY: [u8; 64] = *b"a key of sixty-four bytes, which only the platform and we know..";
/// What `ThingsBoard` writes where there is no customer.
const NOBODY: &str = "13814000-1dd2-11b2-8080-808080808080";
const PROXY_SECRET: &str = "the-secret-of-the-proxy";

const IDENTITY: &str = "\
identity:
  - jwt: { header: X-Authorization, secret_file: thingsboard.key, algorithms: [HS512], issuer: thingsboard.io, audience: none, scopes: [TENANT_ADMIN, CUSTOMER_USER], owner_claim: [customerId, tenantId], principal: { type: User, id: \"{userId}\" } }
  - trusted_header: { name: X-Forwarded-User, from: [127.0.0.1], secret_header: X-Proxy-Secret, secret_file: proxy.secret, principal: { type: User, id: \"{value}\" } }
";

const ROUTES: &str = "\
routes:
  - { methods: [GET], path: \"/api/device/{id}\", action: read, resource: { type: Device, id: \"{id}\" } }
  - { methods: [PUT], path: \"/api/relation/{from}/{to}\", all_of: [ { action: read, resource: { type: Device, id: \"{from}\" } }, { action: read, resource: { type: Device, id: \"{to}\" } } ] }
  - { methods: [GET], path: \"/api/ws\", upgrade: websocket, credentials: [\"query:token\", \"cookie:jwt\"], action: read, resource: { type: Device, id: SD-001 } }
  - { methods: [GET], path: \"/login\", public: true }
";

/// What ships, with a route file and the secrets that it names.
fn project(routes: &str) -> Project {
    let project = Project::shipped();
    project.write("routes.yaml", routes);
    project.write("thingsboard.key", &STANDARD.encode(KEY));
    project.write("proxy.secret", PROXY_SECRET);
    project
}

/// The small map.
fn routes() -> String {
    format!("version: 1\n{IDENTITY}{ROUTES}")
}

fn service() -> Service {
    Service::start(project(&routes()), &["--ephemeral"])
}

/// `ThingsBoard`'s own map as it ships, with the entry for tokens that it has in a comment.
fn thingsboard() -> Service {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/thingsboard/routes.yaml");
    let text = fs::read_to_string(path).unwrap();
    let routes = text.replace("# identity:\n#   - jwt:", "identity:\n  - jwt:");
    assert_ne!(routes, text, "the example shows its identity in a comment");
    Service::start(project(&routes), &["--ephemeral"])
}

/// The claims of a user's token, as `ThingsBoard` writes them.
fn claims(user: &str, scope: &str, customer: &str) -> Value {
    let now = jiff::Timestamp::now().as_second();
    json!({
        "sub": format!("{user}@example.org"), "userId": user, "scopes": [scope],
        "sessionId": "s", "iss": "thingsboard.io", "iat": now, "exp": now + 9000,
        "firstName": user, "enabled": true, "isPublic": false,
        "tenantId": "Tenant 1", "customerId": customer,
    })
}

fn sign(claims: &Value) -> String {
    let key = EncodingKey::from_secret(&KEY);
    let token = jsonwebtoken::encode(&Header::new(Algorithm::HS512), claims, &key).unwrap();
    format!("Bearer {token}")
}

fn emma() -> String {
    sign(&claims("emma", "CUSTOMER_USER", "Customer A"))
}

fn jack() -> String {
    sign(&claims("jack", "CUSTOMER_USER", "Customer B"))
}

fn administrator() -> String {
    sign(&claims("tenant_admin", "TENANT_ADMIN", NOBODY))
}

/// What nginx asks about a request.
fn ask(service: &Service, method: &str, target: &str, headers: &[(&str, &str)]) -> Answer {
    let own = [("X-Original-Method", method), ("X-Original-URI", target)];
    let headers = [&own[..], headers].concat();
    Connection::open(service.data).request("GET", "/authz/auth-request", &headers, b"")
}

/// Status and reason.
fn outcome(answer: &Answer) -> (u16, String) {
    (answer.status, answer.header("x-doorward-reason").unwrap_or_default())
}

#[track_caller]
fn assert_outcome(answer: &Answer, status: u16, reason: &str) {
    assert_eq!(outcome(answer), (status, reason.to_owned()), "{answer:?}");
    assert_eq!(answer.body, "", "{answer:?}");
}

/// The value of a metric with its labels.
fn metric(service: &Service, name: &str) -> Option<String> {
    let metrics = service.metrics();
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map(str::to_owned)
}
