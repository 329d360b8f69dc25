//! What one HTTP check costs the server in CPU time, beside a hyper server that answers a constant
//! to the same body: over the tutorial's snapshot, where a proxy asks too, and over a large world.
//!
//! `cargo bench --bench http` starts each server as a process of its own with one worker thread on
//! one core, drives it from the other core over 16 connections, and reads the operating system's
//! account of the server's threads before and after. The large world has a million entities and as
//! many links, or as many as `DOORWARD_BENCH_ENTITIES` says; before it is measured, 5,000 of its
//! answers are compared with plain Cedar's over the first ten thousand entities of the same world.
//! Words behind `--` name families: `agreement`, `checks`, `cache`, `searches`.

#![expect(clippy::print_stdout, reason = "a benchmark's result is what it prints")]

mod http {
    pub(crate) mod agreement;
    pub(crate) mod checks;
    pub(crate) mod constant;
    pub(crate) mod driver;
    pub(crate) mod large;
    pub(crate) mod searches;
    pub(crate) mod server;
    pub(crate) mod tutorial;
}
#[path = "files.rs"]
mod files;
#[path = "measure.rs"]
mod measure;
#[path = "stock.rs"]
mod stock;
#[path = "texts.rs"]
mod texts;
#[path = "world.rs"]
mod world;

use std::error::Error;

use http::large::Large;
use http::server::Server;

fn main() -> Result<(), Box<dyn Error>> {
    if std::env::args().any(|argument| argument == http::constant::ARGUMENT) {
        http::constant::serve();
        return Ok(());
    }
    // Cargo itself adds `--bench`.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|it| !it.starts_with("--")).collect();
    let is_wanted = |family: &str| wanted.is_empty() || wanted.iter().any(|word| word == family);
    let directory = tempfile::tempdir()?;
    let routes = http::tutorial::write_routes(directory.path())?;
    let routes = routes.to_string_lossy();
    let large = Large::start(&routes)?;
    if is_wanted("agreement") {
        http::agreement::hold(&large)?;
    }
    if is_wanted("checks") {
        let sources = ["--policies", "policies", "--entities", "entities", "--routes", &routes];
        let tutorial = Server::doorward(&sources);
        http::checks::compare(&Server::constant(), &tutorial, &large)?;
    }
    if is_wanted("cache") {
        http::checks::compare_cache(&Server::constant(), &large)?;
    }
    if is_wanted("searches") {
        http::searches::compare(&large)?;
    }
    Ok(())
}
