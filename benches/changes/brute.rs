//! What a change does to access, found by trying everything: each user, each action and each resource
//! that it can concern, before and after.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Value, json};

use super::client::Client;
use super::drafts::{Draft, Estate};
use super::service::{Failure, Service};

/// The actions whose context cannot be empty: no difference is told of them.
const WITH_CONTEXT: &str = "change_owner";
/// The actions of which `ownership-read` speaks.
const LOOKING: [&str; 3] = ["read", "read_telemetry", "read_attributes"];

/// A user, an action and a resource.
type Allowed = HashSet<(String, String, String)>;

/// Everything that is allowed of what a change can concern.
pub(crate) fn allowed(
    service: &Service,
    estate: &Estate,
    schema: &str,
    draft: &Draft,
) -> Result<Allowed, Failure> {
    let (schema, _) = cedar_policy::Schema::from_cedarschema_str(schema)?;
    let mut actions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for environment in schema.request_envs() {
        let (kind, action) = (environment.resource().to_string(), environment.action());
        let name = action.id().unescaped().to_owned();
        let is_looked = draft.only.is_none_or(|it| it == kind && LOOKING.contains(&name.as_str()));
        if environment.principal().to_string() == "User" && name != WITH_CONTEXT && is_looked {
            actions.entry(kind).or_default().push(name);
        }
    }
    let mut client = Client::connect(service.port())?;
    let mut found = Allowed::new();
    // Whom isolation keeps apart before and after is not tried.
    for tenant in draft.tenant.as_ref().map_or(estate.tenants.as_slice(), std::slice::from_ref) {
        let own = estate.entities.get(tenant).ok_or("there is no such tenant")?;
        for (kind, names) in &actions {
            let of_kind = own.iter().filter(|(it, ..)| it == kind);
            let resources: Vec<Value> =
                of_kind.map(|(kind, id, _)| json!({"type": kind, "id": id})).collect();
            for (_, user, _) in own.iter().filter(|(kind, ..)| kind == "User") {
                for name in names {
                    add(&mut client, (user, name), &resources, &mut found)?;
                }
            }
        }
    }
    Ok(found)
}

/// What one user may do so to these.
fn add(
    client: &mut Client,
    (user, action): (&str, &str),
    resources: &[Value],
    found: &mut Allowed,
) -> Result<(), Failure> {
    let principal = json!({"type": "User", "id": user});
    let body = json!({"principal": principal, "action": action, "resources": resources});
    let headers = "Content-Type: application/json\r\n";
    let (status, answer) = client.send("POST /v1/filter", headers, body.to_string().as_bytes())?;
    if status != 200 {
        return Err(format!("{status}: {}", String::from_utf8_lossy(&answer)).into());
    }
    let answer: Value = serde_json::from_slice(&answer)?;
    for uid in answer.get("allowed").and_then(Value::as_array).ok_or("no list")? {
        found.insert((user.to_owned(), action.to_owned(), uid.to_string()));
    }
    Ok(())
}
