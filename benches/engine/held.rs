//! What a world costs to start with and to hold: each side loads it in a process of its own, from
//! files, and says what that took of time, CPU and memory.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use doorward::engine::{CompileOptions, compile};
use doorward::sources::{FileLimits, Inputs, read};

use super::clock::cpu;
use crate::files;
use crate::stock::Stock;
use crate::texts::{self, Texts};
use crate::world::{Size, World};

/// The argument that makes this program load and tell instead of measure.
pub(crate) const ARGUMENT: &str = "--hold";

/// Cedar's `Entities` take 7 GB for a million, with as many links.
const CEDAR_ENTITIES_MAX: usize = 2_000_000;

/// Writes the world to files, has both sides load it, and prints what they say.
pub(crate) fn compare(world: &World) -> Result<(), Box<dyn Error>> {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("held-world");
    files::write(world, &directory)?;
    let columns = ["CPU, s", "wall, s", "held, MB", "peak, MB"];
    println!("\n{:<40}{}", "from files to ready", columns.map(|it| format!("{it:>10}")).concat());
    let sides: &[&str] = if world.entities_least > CEDAR_ENTITIES_MAX {
        println!("Cedar would need more memory than most machines have, and is left out");
        &["doorward"]
    } else {
        &["Cedar", "doorward"]
    };
    for side in sides {
        let own = std::env::current_exe()?;
        let said = Command::new(own).args([ARGUMENT, *side]).arg(&directory).output()?;
        if !said.status.success() {
            return Err(String::from_utf8_lossy(&said.stderr).into());
        }
        print!("{}", String::from_utf8_lossy(&said.stdout));
    }
    Ok(())
}

/// What the process of one side does: loads, lets go of the texts, and tells.
pub(crate) fn hold(mut arguments: impl Iterator<Item = String>) -> Result<(), Box<dyn Error>> {
    let (side, directory) = (arguments.next(), arguments.next().map(PathBuf::from));
    let (side, directory) = (side.ok_or("no side")?, directory.ok_or("no directory")?);
    let started = Instant::now();
    // What was loaded is kept until memory has been told.
    let (mut cedars, mut ours) = (None, None);
    if side == "Cedar" {
        let (schema, policies) = texts::shipped()?;
        let entities = fs::read_to_string(directory.join("entities.jsonl"))?;
        let links = fs::read_to_string(directory.join("links.json"))?;
        let texts = Texts { schema, policies, entities, links, size: Size::default() };
        cedars = Some(Stock::load(&texts)?);
    } else {
        let inputs = Inputs {
            policies: vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("policies")],
            entities: vec![directory],
            ..Inputs::default()
        };
        let bundle = read(&inputs, &FileLimits::default())?;
        ours = Some(compile(&bundle, &CompileOptions::default())?);
    }
    let wall = started.elapsed().as_secs_f64();
    let (held, peak) = (status_mb("VmRSS:")?, status_mb("VmHWM:")?);
    println!("{side:<40}{:>10.2}{wall:>10.2}{held:>10}{peak:>10}", cpu().as_secs_f64());
    drop((cedars, ours));
    Ok(())
}

/// A line of this process's memory account, in megabytes.
fn status_mb(line: &str) -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let value = status.lines().find_map(|text| text.strip_prefix(line)).ok_or("no such line")?;
    Ok(value.split_whitespace().next().ok_or("no value")?.parse::<u64>()? / 1024)
}
