//! What goes on beside checks, over HTTP. Changes, with the data directory on: one entity at a time
//! beside a bare fsync of the same bytes, the whole snapshot again, and a restart. And searches of
//! what nobody can hold: streamed, left in the middle, and in pages. And dry runs, which say who
//! would gain and who would lose access.
//!
//! `cargo bench --bench changes` makes a world of a million entities and as many links;
//! `DOORWARD_BENCH_ENTITIES` sets another size. Before it says anything of cost it holds the answers
//! after all changes against those of a service that loads the final state from files. Words behind
//! `--` name families: `changes`, `searches`, `access`.

#![expect(clippy::print_stdout, reason = "a benchmark's result is what it prints")]

mod changes {
    pub(crate) mod access;
    pub(crate) mod asking;
    pub(crate) mod brute;
    pub(crate) mod client;
    pub(crate) mod drafts;
    pub(crate) mod huge;
    pub(crate) mod patching;
    pub(crate) mod searching;
    pub(crate) mod service;
    pub(crate) mod state;
}
#[path = "files.rs"]
mod files;
#[path = "world.rs"]
mod world;

use std::path::Path;
use std::time::Duration;

use changes::asking::{Asking, Latencies};
use changes::service::{Failure, Service, pause};
use changes::state::State;
use changes::{access, huge, patching, searching};
use world::World;
use world::requests::USUAL;

/// Entities of the world, unless `DOORWARD_BENCH_ENTITIES` says otherwise.
const ENTITIES: usize = 1_000_000;
/// Changes of one entity each.
const PATCHES: usize = 1_000;
/// Different checks, which are sent in turn.
const DIFFERENT: usize = 20_000;
/// Answers that are compared.
const COMPARED: usize = 5_000;
/// Until the allocator has given back what a load does not need any more.
const SETTLED: Duration = Duration::from_secs(5);
/// Full reloads.
const RELOADS: usize = 3;

fn main() -> Result<(), Failure> {
    // Cargo itself adds `--bench`.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|it| !it.starts_with("--")).collect();
    let is_wanted = |family: &str| wanted.is_empty() || wanted.iter().any(|word| word == family);
    if is_wanted("changes") {
        change()?;
    }
    if is_wanted("searches") {
        search()?;
    }
    if is_wanted("access") {
        try_out()?;
    }
    Ok(())
}

/// Searches of an estate with as many devices as a world would have entities, while checks go on
/// about others.
fn search() -> Result<(), Failure> {
    let world = World { seed: 1, entities_least: 0, tenant_entities: 1_000 };
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("searches-world");
    files::write(&world, &directory)?;
    huge::write(&directory, entities()?)?;
    let checks: Vec<String> = world.requests(USUAL).take(DIFFERENT).map(|it| body(&it)).collect();
    let forgetful = searching::forgetful(&directory)?;
    let service =
        Service::start_with(&directory, None, &["--config", &forgetful.to_string_lossy()])?;
    searching::page(&service, "each of which finds its candidates again")?;
    drop(service);
    let service = Service::start(&directory, None)?;
    searching::page(&service, "whose candidates are kept")?;
    pause(SETTLED);
    service.tell("\nafter them")?;
    searching::leave(&service)?;
    searching::stream(&service, &checks)?;
    pause(SETTLED);
    service.tell("\nsome seconds after it")
}

/// Dry runs on a world of ten thousand entities, held against trying everything, and then the same
/// on the large world.
fn try_out() -> Result<(), Failure> {
    let small = World { seed: 1, entities_least: 0, tenant_entities: 1_000 };
    let held = access::hold(&small)?;
    let world = World { entities_least: entities()?, ..small };
    let checks: Vec<String> = world.requests(USUAL).take(DIFFERENT).map(|it| body(&it)).collect();
    access::measure(&world, &held, &checks)
}

fn change() -> Result<(), Failure> {
    let world = World { seed: 1, entities_least: entities()?, tenant_entities: 1_000 };
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("changes-world");
    let size = files::write(&world, &directory)?;
    let data = Path::new(env!("CARGO_TARGET_TMPDIR")).join("changes-data");
    if data.exists() {
        std::fs::remove_dir_all(&data)?;
    }
    println!("{} entities, {} links", size.entities, size.links);
    let service = Service::start(&directory, Some(&data))?;
    service.tell("from files to ready")?;
    pause(SETTLED);
    service.tell("some seconds after it")?;
    let checks: Vec<String> = world.requests(USUAL).take(DIFFERENT).map(|it| body(&it)).collect();

    let compared = checks.get(..COMPARED).ok_or("too few checks")?;
    let before = service.answers(compared)?;
    let state = State::read(&directory)?;
    let patches = state.patches(PATCHES);
    let quiet = Asking::begin(service.port(), &checks).measure_for_seconds(10)?;
    let asking = Asking::begin(service.port(), &checks);
    let costs = patching::run(&service, &patches, &data)?;
    let during = asking.end()?;
    println!("\n{:<44}{:>10}{:>10}{:>10}", "milliseconds", "p50", "p99", "most");
    costs.fsync.tell("a bare fsync of the same bytes");
    costs.patch.tell("PATCH of one entity, until acknowledged");
    tell_ratio("checks while that goes on", &during, &quiet);
    service.tell(&format!("\nafter {PATCHES} changes"))?;

    let last = directory.with_extension("last");
    state.write_with(&patches, &last)?;
    let fresh = Service::start(&last, None)?;
    let answers = service.answers(compared)?;
    if let Some(place) = answers.iter().zip(fresh.answers(compared)?).position(|(a, b)| *a != b) {
        let check = compared.get(place);
        return Err(format!("{check:?} has another answer where the final state is loaded").into());
    }
    let changed = answers.iter().zip(&before).filter(|(now, before)| now != before).count();
    println!(
        "{} answers equal those of a service that loads the final state; {changed} are others \
         than before the changes",
        answers.len()
    );
    drop(fresh);

    let stream = state.write_stream()?;
    for number in 1..=RELOADS {
        let quiet = Asking::begin(service.port(), &checks).measure_for_seconds(10)?;
        let asking = Asking::begin(service.port(), &checks);
        let seconds = service.put_stream(&stream)?;
        let during = asking.end()?;
        println!("\nreload {number} of everything over HTTP: {seconds:.1} s");
        tell_ratio("checks while that goes on", &during, &quiet);
        pause(SETTLED);
        service.tell("some seconds after it")?;
    }
    let service = service.restart()?;
    service.tell("\nfrom the data directory to ready")?;
    Ok(())
}

fn tell_ratio(what: &str, during: &Latencies, quiet: &Latencies) {
    quiet.tell("checks before");
    during.tell(what);
    println!("p99 of checks: {:.2}x", during.p99_ms() / quiet.p99_ms());
}

/// A native check.
fn body(request: &world::requests::Request) -> String {
    let (principal, resource) = (&request.principal, &request.resource);
    let context = match &request.target {
        Some(target) => {
            serde_json::json!({"target": {"type": "Owner", "id": target}})
        }
        None => serde_json::json!({}),
    };
    let body = serde_json::json!({
        "principal": {"type": principal.0, "id": principal.1},
        "action": request.action,
        "resource": {"type": resource.0, "id": resource.1},
        "context": context,
    });
    body.to_string()
}

#[expect(clippy::disallowed_methods, reason = "a benchmark has no command line of its own")]
fn entities() -> Result<usize, Failure> {
    match std::env::var("DOORWARD_BENCH_ENTITIES") {
        Ok(text) => Ok(text.parse()?),
        Err(_) => Ok(ENTITIES),
    }
}
