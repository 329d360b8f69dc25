//! What one HTTP check costs the server in CPU time, beside a hyper server that answers a constant
//! to the same body, side by side in one run.
//!
//! `cargo bench --bench http` starts each server as a process of its own with one worker thread on
//! one core, drives it from the other core over 16 connections, and reads the operating system's
//! account of the server's threads before and after. Rounds alternate between the servers, so that
//! a machine whose speed drifts slows all of them alike; the medians and their ratios are printed.

#![expect(clippy::print_stdout, reason = "a benchmark's result is what it prints")]

mod http {
    pub(crate) mod constant;
    pub(crate) mod driver;
    pub(crate) mod server;
}

use http::driver::{Load, drive};
use http::server::Server;

/// Requests of one round against one server.
const REQUESTS: usize = 40_000;
/// Rounds against each server; the first warms up and is left out.
const ROUNDS: usize = 6;
/// Connections that are open at a time.
const CONNECTIONS: usize = 16;

const CHECK: &str = r#"{"principal":{"type":"User","id":"emma"},"action":{"type":"Action","id":"read"},"resource":{"type":"Device","id":"SD-001"}}"#;
const EVALUATION: &str = r#"{"subject":{"type":"User","id":"emma"},"action":{"name":"read"},"resource":{"type":"Device","id":"SD-001"}}"#;

fn main() {
    if std::env::args().any(|argument| argument == http::constant::ARGUMENT) {
        http::constant::serve();
        return;
    }
    let constant = Server::constant();
    let doorward = Server::doorward(&["--policies", "policies", "--entities", "entities"]);
    let loads = [
        ("constant", &constant, Load::new("/", CHECK)),
        ("POST /v1/check", &doorward, Load::new("/v1/check", CHECK)),
        ("POST /access/v1/evaluation", &doorward, Load::new("/access/v1/evaluation", EVALUATION)),
    ];
    let mut costs: Vec<Vec<f64>> = vec![Vec::new(); loads.len()];
    for round in 0..ROUNDS {
        for ((_, server, load), costs) in loads.iter().zip(&mut costs) {
            let before = server.cpu_ns();
            drive(server.port(), load, CONNECTIONS, REQUESTS);
            let spent_ns = server.cpu_ns() - before;
            if round > 0 {
                #[expect(clippy::cast_precision_loss, reason = "microseconds for people")]
                costs.push(spent_ns as f64 / 1e3 / REQUESTS as f64);
            }
        }
    }
    let medians: Vec<f64> = costs.iter_mut().map(|costs| median(costs)).collect();
    let constant = medians.first().copied().unwrap_or(f64::NAN);
    println!("{CONNECTIONS} connections, {REQUESTS} requests a round, {} rounds", ROUNDS - 1);
    println!("{:<32} {:>12} {:>8}", "server CPU per request", "µs, median", "ratio");
    for ((name, _, _), median) in loads.iter().zip(&medians) {
        println!("{name:<32} {median:>12.2} {:>7.2}x", median / constant);
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
