//! A large world behind a doorward of its own: written to files, loaded, and asked about.

use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::driver::ask;
use super::server::Server;
use crate::files;
use crate::stock;
use crate::world::requests::{Mix, Request, USUAL};
use crate::world::{Size, World};

/// Entities of the large world, unless `DOORWARD_BENCH_ENTITIES` says otherwise.
const ENTITIES: usize = 1_000_000;
/// The seed of all worlds that are measured.
const SEED: u64 = 1;

pub(crate) struct Large {
    world: World,
    size: Size,
    directory: PathBuf,
    server: Server,
}

// === impl Large ===

impl Large {
    /// Writes the world and starts a server on it, with these routes.
    pub(crate) fn start(routes: &str) -> Result<Self, Box<dyn Error>> {
        let world = World { seed: SEED, entities_least: entities()?, tenant_entities: 1_000 };
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("large-world");
        let size = files::write(&world, &directory)?;
        let server = Server::doorward(&[
            "--policies",
            "policies",
            "--entities",
            &directory.to_string_lossy(),
            "--routes",
            routes,
        ]);
        println!(
            "{} entities and {} links: {} MB resident, {} MB at most",
            size.entities,
            size.links,
            server.resident_mb("VmRSS:")?,
            server.resident_mb("VmHWM:")?,
        );
        Ok(Self { world, size, directory, server })
    }

    /// Another server on the same world, with a configuration file.
    pub(crate) fn with_config(&self, config: &str) -> Server {
        let directory = self.directory.to_string_lossy();
        Server::doorward(&["--config", config, "--policies", "policies", "--entities", &directory])
    }

    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    /// The first ten thousand entities of the world.
    pub(crate) fn beginning(&self) -> World {
        World { entities_least: 10_000, ..self.world }
    }

    /// Requests that read a device and are allowed: target and user of each.
    pub(crate) fn reads(&self, count: usize) -> Result<Vec<(String, String)>, Box<dyn Error>> {
        let mut found = Vec::new();
        for request in self.world.requests(USUAL).filter(|request| request.resource.0 == "Device") {
            let request = Request { action: "read", target: None, ..request };
            let answer: Value = serde_json::from_slice(&ask(self.server.port(), &body(&request))?)?;
            if answer.get("decision") == Some(&Value::from("allow")) {
                // Some ids of the world have a space.
                let id = request.resource.1.replace(' ', "%20");
                found.push((format!("/api/device/{id}"), request.principal.1));
            }
            if found.len() == count {
                break;
            }
        }
        Ok(found)
    }

    /// Bodies of native checks, without end.
    pub(crate) fn requests(&self, mix: Mix) -> impl Iterator<Item = String> {
        self.world.requests(mix).map(|request| body(&request))
    }
}

impl fmt::Display for Large {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} entities, {} links, POST /v1/check", self.size.entities, self.size.links)
    }
}

#[expect(clippy::disallowed_methods, reason = "a benchmark has no command line of its own")]
fn entities() -> Result<usize, Box<dyn Error>> {
    match std::env::var("DOORWARD_BENCH_ENTITIES") {
        Ok(text) => Ok(text.parse()?),
        Err(_) => Ok(ENTITIES),
    }
}

/// A native check.
pub(crate) fn body(request: &Request) -> String {
    let (principal, resource) = (&request.principal, &request.resource);
    let body = json!({
        "principal": {"type": principal.0, "id": principal.1},
        "action": {"type": "Action", "id": request.action},
        "resource": {"type": resource.0, "id": resource.1},
        "context": stock::context(request),
    });
    body.to_string()
}
