//! doorward itself, on the tutorial's policies and entities and a route map.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use super::child::{Child, directory, until};
use super::identity::secret_file;

/// Who asks, as ThingsBoard says it.
pub(crate) const IDENTITY: &str = r#"
identity:
  - jwt: { header: X-Authorization, secret_file: thingsboard.key, algorithms: [HS512], issuer: thingsboard.io, audience: none, scopes: [TENANT_ADMIN, CUSTOMER_USER], principal: { type: User, id: "{userId}" } }
"#;

/// A small route map for the tests of the proxies.
pub(crate) const ROUTES: &str = r#"
version: 1
hosts: [iot.example]
defaults: { unmatched: deny, path: strict, preflight: allow_cors, head: as_get }
routes:
  - { methods: [GET], path: "/public/{*rest}", public: true }
  - { methods: [GET], path: "/api/device/{id}", action: read, resource: { type: Device, id: "{id}" } }
  - { methods: [DELETE], path: "/api/device/{id}", action: delete, resource: { type: Device, id: "{id}" } }
  - { methods: [POST], path: "/api/device/{id}/telemetry", action: write_telemetry, resource: { type: Device, id: "{id}" } }
  - { methods: [GET], path: "/api/asset/{id}", action: read, resource: { type: Asset, id: "{id}" } }
  - { methods: [GET], path: "/api/ws/{id}", upgrade: websocket, action: read_telemetry, resource: { type: Device, id: "{id}" } }
"#;

/// A running service.
#[derive(Debug)]
pub(crate) struct Service {
    /// The data plane.
    pub(crate) data: SocketAddr,
    child: Option<Child>,
}

// === impl Service ===

impl Service {
    pub(crate) fn start(routes: &str) -> Self {
        let directory = directory("doorward");
        fs::write(directory.join("routes.yaml"), format!("{routes}{IDENTITY}")).unwrap();
        fs::write(directory.join("thingsboard.key"), secret_file()).unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let path = |name: &str| root.join(name).display().to_string();
        let arguments = ["serve", "--ephemeral", "--routes", "routes.yaml"];
        let (policies, entities) = (path("policies"), path("entities"));
        let sources = ["--policies", &policies, "--entities", &entities];
        let addresses = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
        let program = Path::new(env!("CARGO_BIN_EXE_doorward"));
        let child =
            Child::start(directory, program, &[&arguments[..], &sources, &addresses].concat());
        let data = until(|| address(&child.log()));
        let data = data.unwrap_or_else(|| panic!("the service did not start: {}", child.log()));
        Self { data, child: Some(child) }
    }

    /// Ends it.
    pub(crate) fn stop(&mut self) {
        self.child = None;
    }
}

fn address(log: &str) -> Option<SocketAddr> {
    let line = log.lines().find(|line| line.contains("listening plane=\"data\""))?;
    let value = line.split_whitespace().find_map(|word| word.strip_prefix("address="));
    value?.parse().ok()
}
