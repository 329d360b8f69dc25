//! Dry runs and what they say of access: first in a small world, where every answer is held against
//! trying everything, then the same changes in a large one, where those of data must have the same
//! answers again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::asking::{Asking, Latencies};
use super::brute::allowed;
use super::drafts::{Draft, Estate, policies, policies_but};
use super::service::{Failure, Service, pause};
use super::state::State;
use crate::files;
use crate::world::World;

/// How often each change is tried out.
const TIMES: usize = 5;

/// What a change gives and takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    gained: u64,
    lost: u64,
}

/// Changes with what each of them does in the small world.
pub(crate) struct Held(Vec<(Draft, Counts)>);

// === impl Counts ===

impl Counts {
    fn add(&mut self, other: Self) {
        self.gained += other.gained;
        self.lost += other.lost;
    }
}

/// Holds dry runs in a small world against trying everything.
pub(crate) fn hold(world: &World) -> Result<Held, Failure> {
    let directory = scratch("access-small-world");
    let service = service(world, &directory)?;
    let estate = Estate::read(&directory)?;
    let put = policies()?;
    let schema = put.get("schema").and_then(Value::as_str).ok_or("no schema")?;
    let mut drafts = estate.drafts()?;
    drafts.extend([policies_but("Edge")?, policies_but("Device")?]);
    let base = number(&admin(&service, "GET /v1/revision", "")?, "/revision")?;
    let mut held = Vec::new();
    let mut moved: BTreeMap<&str, Counts> = BTreeMap::new();
    for draft in drafts {
        let (counts, is_complete) = dry_run(&service, &draft)?;
        let before = allowed(&service, &estate, schema, &draft)?;
        admin(&service, draft.line, &draft.body.to_string())?;
        let after = allowed(&service, &estate, schema, &draft)?;
        let truth = Counts {
            gained: after.difference(&before).count() as u64,
            lost: before.difference(&after).count() as u64,
        };
        if counts != truth || !is_complete {
            let kind = draft.kind;
            return Err(format!("{kind}: told {counts:?} ({is_complete}), is {truth:?}").into());
        }
        admin(&service, &format!("POST /v1/revisions/{base}/restore"), "")?;
        moved.entry(draft.kind).or_default().add(truth);
        held.push((draft, counts));
    }
    if let Some((kind, _)) = moved.iter().find(|(_, counts)| **counts == Counts::default()) {
        return Err(format!("{kind}: nobody gains or loses anything").into());
    }
    let (mut all, tried) = (Counts::default(), held.len());
    for counts in moved.values() {
        all.add(*counts);
    }
    println!(
        "{tried} dry runs in a small world say what trying everything says: {} gained, {} lost",
        all.gained, all.lost
    );
    Ok(Held(held))
}

/// Tries the same changes out in a large world, alone and while checks go on.
pub(crate) fn measure(world: &World, held: &Held, checks: &[String]) -> Result<(), Failure> {
    let service = service(world, &scratch("access-world"))?;
    pause(super::super::SETTLED);
    service.tell("before the first dry run")?;
    println!("\ndry runs alone");
    rounds(&service, held)?;
    let quiet = Asking::begin(service.port(), checks).measure_for_seconds(10)?;
    println!("\ndry runs while checks go on");
    let asking = Asking::begin(service.port(), checks);
    rounds(&service, held)?;
    super::super::tell_ratio("checks while that goes on", &asking.end()?, &quiet);
    service.tell("\nafter the last dry run")
}

/// Each change some times, in turn, and a line for each kind.
fn rounds(service: &Service, held: &Held) -> Result<(), Failure> {
    let mut kinds: BTreeMap<&str, (Vec<Duration>, Counts, bool)> = BTreeMap::new();
    for round in 0..TIMES {
        for (draft, expected) in &held.0 {
            let started = Instant::now();
            let (counts, is_complete) = dry_run(service, draft)?;
            let (took, sum, all) =
                kinds.entry(draft.kind).or_insert((vec![], Counts::default(), true));
            took.push(started.elapsed());
            *all &= is_complete;
            if round == 0 {
                sum.add(counts);
            }
            // What changes in one tenant is the same whatever others there are.
            if draft.tenant.is_some() && counts != *expected {
                let kind = draft.kind;
                return Err(format!("{kind}: {counts:?}, in the small world {expected:?}").into());
            }
        }
    }
    println!("{:<44}{:>10}{:>10}{:>10}", "milliseconds", "p50", "p99", "most");
    for (kind, (took, counts, is_complete)) in kinds {
        Latencies::of(took).tell(kind);
        let complete = if is_complete { "complete" } else { "NOT complete" };
        println!("    {} gained, {} lost, {complete}", counts.gained, counts.lost);
    }
    Ok(())
}

/// A service whose policies and entities the API owns, with a world that is written first.
fn service(world: &World, directory: &Path) -> Result<Service, Failure> {
    let size = files::write(world, directory)?;
    let data = directory.with_extension("data");
    if data.exists() {
        std::fs::remove_dir_all(&data)?;
    }
    let service = Service::start_empty(&data)?;
    admin(&service, "PUT /v1/policies", &policies()?.to_string())?;
    let seconds = service.put_stream(&State::read(directory)?.write_stream()?)?;
    println!("\n{} entities, {} links, put in {seconds:.1} s", size.entities, size.links);
    Ok(service)
}

/// Tries a change out: what it gives and takes, and whether that is all.
fn dry_run(service: &Service, draft: &Draft) -> Result<(Counts, bool), Failure> {
    let line = format!("{}?dry_run=true", draft.line);
    let answer = admin(service, &line, &draft.body.to_string())?;
    let total = |what: &str| number(&answer, &format!("/access/{what}/total"));
    let counts = Counts { gained: total("gained")?, lost: total("lost")? };
    let is_complete = answer.pointer("/access/complete") == Some(&Value::Bool(true));
    Ok((counts, is_complete))
}

/// Asks the admin plane; any answer but 200 is a failure.
fn admin(service: &Service, line: &str, body: &str) -> Result<Value, Failure> {
    let headers = Service::headers("application/json");
    let (status, answer) = service.admin()?.send(line, &headers, body.as_bytes())?;
    if status != 200 {
        return Err(format!("{line}: {status}: {}", String::from_utf8_lossy(&answer)).into());
    }
    Ok(serde_json::from_slice(&answer)?)
}

fn number(answer: &Value, at: &str) -> Result<u64, Failure> {
    Ok(answer.pointer(at).and_then(Value::as_u64).ok_or_else(|| format!("no {at}"))?)
}

fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}
