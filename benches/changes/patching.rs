//! Changes of one entity each, and beside each a bare fsync of the same bytes.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use super::asking::Latencies;
use super::service::{Failure, Service};
use super::state::Patch;

pub(crate) struct Patched {
    pub(crate) fsync: Latencies,
    pub(crate) patch: Latencies,
}

/// Sends all changes, one after the other.
pub(crate) fn run(service: &Service, patches: &[Patch], data: &Path) -> Result<Patched, Failure> {
    let beside = data.with_extension("fsync");
    let mut file = File::create(&beside)?;
    let mut client = service.admin()?;
    let headers = Service::headers("application/json");
    let (mut fsync, mut patch) = (Vec::new(), Vec::new());
    for change in patches {
        let started = Instant::now();
        file.write_all(change.body.as_bytes())?;
        file.sync_data()?;
        fsync.push(started.elapsed());
        let started = Instant::now();
        let answer = client.send("PATCH /v1/entities", &headers, change.body.as_bytes())?;
        patch.push(started.elapsed());
        if answer.0 != 200 {
            return Err(format!("{}: {}", answer.0, String::from_utf8_lossy(&answer.1)).into());
        }
    }
    drop(file);
    std::fs::remove_file(beside)?;
    Ok(Patched { fsync: Latencies::of(fsync), patch: Latencies::of(patch) })
}
