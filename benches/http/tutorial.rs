//! Requests about the tutorial's snapshot: every cell of ThingsBoard's truth table that applies, and
//! ThingsBoard's route map for requests of a proxy that has identified the user.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use doorward::engine::uid;
use serde_json::{Value, json};

/// What the proxy proves itself with.
pub(crate) const PROXY_SECRET: &str = "the-secret-of-the-proxy";

/// Writes ThingsBoard's route map, with an identity that is a header of the proxy, into a directory.
pub(crate) fn write_routes(directory: &Path) -> std::io::Result<PathBuf> {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/thingsboard/routes.yaml");
    let routes = fs::read_to_string(shipped)?.replacen(
        "version: 1\n",
        "version: 1\nidentity:\n  - trusted_header: { name: X-Forwarded-User, from: [127.0.0.1], \
         secret_header: X-Proxy-Secret, secret_file: proxy.secret, principal: { type: User, id: \
         \"{value}\" } }\n",
        1,
    );
    fs::write(directory.join("proxy.secret"), PROXY_SECRET)?;
    let path = directory.join("routes.yaml");
    fs::write(&path, routes)?;
    Ok(path)
}

/// The bodies of native checks, in the order of the table.
pub(crate) fn bodies() -> Result<Vec<String>, Box<dyn Error>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/thingsboard_truth.csv");
    let mut bodies = Vec::new();
    for row in csv::Reader::from_path(path)?.deserialize() {
        let row: BTreeMap<String, String> = row?;
        let column = |name: &str| row.get(name).map(String::as_str).ok_or("a column is missing");
        if column("applicable")? != "yes" {
            continue;
        }
        let entity = |name: &str| -> Result<Value, Box<dyn Error>> {
            let halves = uid::parse(column(name)?)?;
            Ok(json!({"type": halves.type_name, "id": halves.id}))
        };
        let context: Value = serde_json::from_str(column("context_json")?)?;
        let body = json!({
            "principal": entity("principal_uid")?,
            "action": entity("action_uid")?,
            "resource": entity("resource_uid")?,
            "context": context,
        });
        bodies.push(body.to_string());
    }
    Ok(bodies)
}
