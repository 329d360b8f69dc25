//! What the engine costs in process, beside Cedar as it comes: loading, checking, and holding worlds
//! of ten and a hundred thousand entities with as many links.
//!
//! `cargo bench --bench engine` prints CPU time by the operating system's account, medians of rounds
//! that alternate, and ratios. `DOORWARD_BENCH_ENTITIES=1000000` adds a world of that size, which
//! costs Cedar minutes and gigabytes, so that checks and rounds of loads are left out there. Words
//! behind `--` name families: `load`, `check`, `held`, `search`.
//!
//! `DOORWARD_BENCH_ENTITIES=1000000 cargo bench --bench engine -- --write DIRECTORY` only writes that
//! world to files, for `doorward serve --policies policies --entities DIRECTORY`.

#![expect(clippy::print_stdout, reason = "a benchmark's result is what it prints")]

mod engine {
    pub(crate) mod check;
    pub(crate) mod clock;
    pub(crate) mod held;
    pub(crate) mod load;
    pub(crate) mod search;
}
#[path = "files.rs"]
mod files;
#[path = "in_engine.rs"]
mod in_engine;
#[path = "measure.rs"]
mod measure;
#[path = "stock.rs"]
mod stock;
#[path = "texts.rs"]
mod texts;
#[path = "world.rs"]
mod world;

use std::error::Error;
use std::path::Path;

use engine::{check, held, load, search};
use texts::Texts;
use world::World;

/// Entities of the worlds that are always measured.
const ENTITIES: [usize; 2] = [10_000, 100_000];
/// Up to here loading and checking are measured beside Cedar.
const CEDAR_MAX: usize = 200_000;
/// The seed of all worlds that are measured.
const SEED: u64 = 1;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut wanted = Vec::new();
    while let Some(argument) = arguments.next() {
        if argument == held::ARGUMENT {
            return held::hold(arguments);
        }
        if argument == "--write" {
            let directory = arguments.next().ok_or("`--write` needs a directory")?;
            let size = files::write(&world(more()?.unwrap_or(10_000)), Path::new(&directory))?;
            println!("{} entities and {} links in {directory}", size.entities, size.links);
            return Ok(());
        }
        wanted.push(argument);
    }
    // Cargo itself adds `--bench`.
    wanted.retain(|word| !word.starts_with("--"));
    let is_wanted = |family: &str| wanted.is_empty() || wanted.iter().any(|word| word == family);
    for entities_least in ENTITIES.into_iter().chain(more()?) {
        let world = world(entities_least);
        // Cedar takes seconds for one check with a million links, and minutes to load them.
        if entities_least <= CEDAR_MAX && (is_wanted("load") || is_wanted("check")) {
            let texts = Texts::of(&world)?;
            println!("\n=== {} entities, {} links", texts.size.entities, texts.size.links);
            if is_wanted("load") {
                load::compare(&texts)?;
            }
            if is_wanted("check") {
                check::compare(&world, &texts)?;
            }
        }
        if is_wanted("held") {
            held::compare(&world)?;
        }
        if is_wanted("search") {
            search::compare(&World { tenant_entities: search::TENANT_ENTITIES, ..world })?;
        }
    }
    Ok(())
}

fn world(entities_least: usize) -> World {
    World { seed: SEED, entities_least, tenant_entities: 1_000 }
}

#[expect(clippy::disallowed_methods, reason = "a benchmark has no command line of its own")]
fn more() -> Result<Option<usize>, Box<dyn Error>> {
    match std::env::var("DOORWARD_BENCH_ENTITIES") {
        Ok(text) => Ok(Some(text.parse()?)),
        Err(_) => Ok(None),
    }
}
