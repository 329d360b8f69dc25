//! The cost of a check over HTTP: the constant, the tutorial and a large world, side by side.

use std::error::Error;
use std::time::Duration;

use super::driver::{Load, drive};
use super::large::Large;
use super::server::Server;
use super::tutorial;
use crate::measure::{self, Subject};
use crate::world::requests::USUAL;

/// Requests of one round against one server, unless it takes longer than a round may.
const REQUESTS: usize = 40_000;
const ROUND_LONGEST: Duration = Duration::from_secs(10);
/// Rounds against each server.
const ROUNDS: usize = 5;
/// Connections that are open at a time.
const CONNECTIONS: usize = 16;
/// Different requests of the large world, which are sent in turn.
const DIFFERENT: usize = 20_000;

const CHECK: &str = r#"{"principal":{"type":"User","id":"emma"},"action":{"type":"Action","id":"read"},"resource":{"type":"Device","id":"SD-001"}}"#;
const EVALUATION: &str = r#"{"subject":{"type":"User","id":"emma"},"action":{"name":"read"},"resource":{"type":"Device","id":"SD-001"}}"#;

pub(crate) fn compare(
    constant: &Server,
    tutorial: &Server,
    large: &Large,
) -> Result<(), Box<dyn Error>> {
    let cells = Load::of("/v1/check", &tutorial::bodies()?);
    let varied: Vec<String> = large.requests(USUAL).take(DIFFERENT).collect();
    let varied = Load::of("/v1/check", &varied);
    let subject = |name: &str, server, load| Subject::new(name, move || round(server, &load));
    let mut subjects = [
        subject("hyper, a constant answer", constant, Load::new("/", CHECK)),
        subject("tutorial, POST /v1/check", tutorial, Load::new("/v1/check", CHECK)),
        subject(
            "tutorial, POST /access/v1/evaluation",
            tutorial,
            Load::new("/access/v1/evaluation", EVALUATION),
        ),
        subject(
            "tutorial, nginx at /authz/auth-request, ThingsBoard's routes",
            tutorial,
            Load::proxied("/api/device/SD-001", "emma", tutorial::PROXY_SECRET),
        ),
        subject("tutorial, POST /v1/check, every cell in turn", tutorial, cells),
        subject(&large.to_string(), large.server(), varied),
    ];
    println!("{CONNECTIONS} connections, {REQUESTS} requests a round at most, {ROUNDS} rounds");
    let medians = measure::compare("server CPU per request", ROUNDS, &mut subjects);
    if let [.., tutorial, large] = medians.as_slice() {
        println!("\ngrowth from the tutorial's cells to the large world: {:.2}x", large / tutorial);
    }
    Ok(())
}

/// Microseconds of CPU per request.
fn round(server: &Server, load: &Load) -> f64 {
    let before = server.cpu_ns();
    let sent = drive(server.port(), load, CONNECTIONS, REQUESTS, ROUND_LONGEST);
    let spent_ns = server.cpu_ns() - before;
    #[expect(clippy::cast_precision_loss, reason = "microseconds for people")]
    let each = spent_ns as f64 / 1e3 / sent as f64;
    each
}
