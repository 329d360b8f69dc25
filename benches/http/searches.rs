//! What searches and filters cost the server over the large world: a customer's user with about a
//! thousand devices, the principals of a device, the actions of a pair, and a filter of ten thousand
//! resources beside the same number of checks in one batch.

use std::collections::BTreeSet;
use std::error::Error;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::driver::{Load, ask_at, drive};
use super::large::Large;
use super::server::Server;
use crate::measure::{self, Subject};
use crate::world::requests::USUAL;

/// The hits that the user who is searched for has, as nearly as may be.
const HITS: u64 = 1_000;
/// Users among whom that one is looked for.
const USERS: usize = 300;
/// Resources of one filter.
const LISTED: usize = 10_000;
/// Requests of one round, one after the other.
const REQUESTS: usize = 20;
const ROUND_LONGEST: Duration = Duration::from_secs(10);
const ROUNDS: usize = 5;

pub(crate) fn compare(large: &Large) -> Result<(), Box<dyn Error>> {
    let server = large.server();
    let (user, hits) = user_with_hits(large)?;
    let first = search(server, "resources", &resources_of(&user, 1))?;
    let device = first.pointer("/resources/0").cloned().ok_or("nobody can read a device")?;
    let listed = listed(large)?;
    let filter = json!({"principal": user, "action": "read", "resources": listed}).to_string();
    let checks = listed
        .iter()
        .map(|resource| json!({"principal": user, "action": "read", "resource": resource}));
    let checks = json!({"checks": checks.collect::<Vec<_>>()}).to_string();
    let whole = resources_of(&user, 10_000).to_string();
    let principals = json!({"resource": device, "action": "read", "type": "User"}).to_string();
    let actions = json!({"principal": user, "resource": device}).to_string();
    println!("\nsearches: {hits} devices of one user, {LISTED} resources in a list");
    let subject = |name: &str, path: &str, body: &str| {
        let load = Load::new(path, body);
        Subject::new(name, move || round(server, &load))
    };
    let mut subjects = [
        subject("resources of a user", "/v1/search/resources", &whole),
        subject("principals of a device", "/v1/search/principals", &principals),
        subject("actions of the pair", "/v1/search/actions", &actions),
        subject("a batch of checks, POST /v1/checks", "/v1/checks", &checks),
        subject("the same as a filter, POST /v1/filter", "/v1/filter", &filter),
    ];
    measure::compare("server CPU per request", ROUNDS, &mut subjects);
    for (name, path, body) in [
        ("resources of a user", "/v1/search/resources", &whole),
        ("a filter", "/v1/filter", &filter),
    ] {
        let started = Instant::now();
        ask_at(server.port(), path, body)?;
        println!("{name}: answered after {:.1} ms", started.elapsed().as_secs_f64() * 1e3);
    }
    Ok(())
}

fn resources_of(user: &Value, limit: u64) -> Value {
    json!({"principal": user, "action": "read", "type": "Device", "limit": limit})
}

/// A user who may read about so many devices, and how many they are.
fn user_with_hits(large: &Large) -> Result<(Value, u64), Box<dyn Error>> {
    let users: BTreeSet<String> = large
        .requests(USUAL)
        .take(USERS * 4)
        .filter_map(|body| {
            let body: Value = serde_json::from_str(&body).ok()?;
            body.get("principal").map(ToString::to_string)
        })
        .take(USERS)
        .collect();
    let mut nearest: Option<(Value, u64)> = None;
    for user in users {
        let user: Value = serde_json::from_str(&user)?;
        let mut question = resources_of(&user, 1);
        if let Some(members) = question.as_object_mut() {
            members.insert("count".to_owned(), json!(true));
        }
        let answer = search(large.server(), "resources", &question)?;
        let Some(hits) = answer.get("count").and_then(Value::as_u64) else { continue };
        if nearest.as_ref().is_none_or(|(_, best)| best.abs_diff(HITS) > hits.abs_diff(HITS)) {
            nearest = Some((user, hits));
        }
    }
    nearest.ok_or_else(|| "there is no user".into())
}

/// Resources that requests ask about.
fn listed(large: &Large) -> Result<Vec<Value>, Box<dyn Error>> {
    let resource = |body: String| -> Result<Value, Box<dyn Error>> {
        let body: Value = serde_json::from_str(&body)?;
        Ok(body.get("resource").cloned().ok_or("a check has a resource")?)
    };
    large.requests(USUAL).take(LISTED).map(resource).collect()
}

fn search(server: &Server, what: &str, question: &Value) -> Result<Value, Box<dyn Error>> {
    let path = format!("/v1/search/{what}");
    Ok(serde_json::from_slice(&ask_at(server.port(), &path, &question.to_string())?)?)
}

/// Microseconds of CPU per request, over one connection.
fn round(server: &Server, load: &Load) -> f64 {
    let before = server.cpu_ns();
    let driven = drive(server.port(), load, 1, REQUESTS, ROUND_LONGEST);
    let spent_ns = server.cpu_ns() - before;
    #[expect(clippy::cast_precision_loss, reason = "microseconds for people")]
    let spent = spent_ns as f64 / 1e3 / driven as f64;
    spent
}
