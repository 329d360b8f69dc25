//! The cost of a check over HTTP: the constant, the tutorial and a large world, side by side.

use std::error::Error;
use std::fs;
use std::path::Path;
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

/// Different requests that a proxy asks about, which are sent in turn.
const READS: usize = 5_000;

const CHECK: &str = r#"{"principal":{"type":"User","id":"emma"},"action":{"type":"Action","id":"read"},"resource":{"type":"Device","id":"SD-001"}}"#;
const EVALUATION: &str = r#"{"subject":{"type":"User","id":"emma"},"action":{"name":"read"},"resource":{"type":"Device","id":"SD-001"}}"#;

pub(crate) fn compare(
    constant: &Server,
    tutorial: &Server,
    large: &Large,
) -> Result<(), Box<dyn Error>> {
    let cells = Load::of("/v1/check", &tutorial::bodies()?);
    let requests: Vec<String> = large.requests(USUAL).take(DIFFERENT).collect();
    let varied = Load::of("/v1/check", &requests);
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
            Load::proxied(
                &[("/api/device/SD-001".to_owned(), "emma".to_owned())],
                tutorial::PROXY_SECRET,
            ),
        ),
        subject(
            "large world, nginx at /authz/auth-request",
            large.server(),
            Load::proxied(&large.reads(READS)?, tutorial::PROXY_SECRET),
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

/// The same with decisions kept, beside those that are made each time.
pub(crate) fn compare_cache(constant: &Server, large: &Large) -> Result<(), Box<dyn Error>> {
    let config = |size: &str| -> Result<String, Box<dyn Error>> {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cache-{size}.yaml"));
        fs::write(&path, format!("decision_cache: {size}\n"))?;
        Ok(path.to_string_lossy().into_owned())
    };
    let (roomy, tight) = (config("256 MiB")?, config("64 KiB")?);
    let tutorial = ["--policies", "policies", "--entities", "entities"];
    let with_cache = [&["--config", &*roomy], &tutorial[..]].concat();
    let (made, kept) = (Server::doorward(&tutorial), Server::doorward(&with_cache));
    let (large_kept, large_missed) = (large.with_config(&roomy), large.with_config(&tight));
    let cells = tutorial::bodies()?;
    let requests: Vec<String> = large.requests(USUAL).take(DIFFERENT).collect();
    let subject = |name: &str, server, bodies: &[String]| {
        let load = Load::of("/v1/check", bodies);
        Subject::new(name, move || round(server, &load))
    };
    let mut subjects = [
        subject("hyper, a constant answer", constant, &[CHECK.to_owned()]),
        subject("tutorial, every cell in turn, made", &made, &cells),
        subject("tutorial, every cell in turn, kept", &kept, &cells),
        subject("large world, made", large.server(), &requests),
        subject("large world, kept", &large_kept, &requests),
        subject("large world, made, kept and never found", &large_missed, &requests),
    ];
    println!("\ndecisions kept for requests that come again, {DIFFERENT} different ones at most");
    measure::compare("server CPU per request", ROUNDS, &mut subjects);
    Ok(())
}

/// Microseconds of CPU per request.
fn round(server: &Server, load: &Load) -> f64 {
    let before = server.cpu_ns();
    let sent = drive(server.port(), load, CONNECTIONS, REQUESTS, ROUND_LONGEST);
    let used_ns = server.cpu_ns() - before;
    #[expect(clippy::cast_precision_loss, reason = "microseconds for people")]
    let used = used_ns as f64 / 1e3 / sent as f64;
    used
}
