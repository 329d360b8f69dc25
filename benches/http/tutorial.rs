//! Requests about the tutorial's snapshot: every cell of ThingsBoard's truth table that applies.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use doorward::engine::uid;
use serde_json::{Value, json};

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
