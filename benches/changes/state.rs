//! The world's entities as they are changed: devices that leave their groups, so that shares with
//! these groups no longer reach them.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::service::Failure;

/// Every so many devices one is changed.
const STEP: usize = 3;

/// The devices that can be changed, and where the world lies.
pub(crate) struct State {
    directory: PathBuf,
    devices: Vec<Value>,
}

/// One device without its groups.
pub(crate) struct Patch {
    line: String,
    id: String,
    /// The body of the request.
    pub(crate) body: String,
}

impl State {
    /// Finds devices in the world's file.
    pub(crate) fn read(directory: &Path) -> Result<Self, Failure> {
        let mut devices = Vec::new();
        for line in lines(&directory.join("entities.jsonl"))? {
            let line = line?;
            if !line.contains("\"Device\"") {
                continue;
            }
            let entity: Value = serde_json::from_str(&line)?;
            let parents = entity.get("parents").and_then(Value::as_array).map_or(0, Vec::len);
            if device_id(&entity).is_some() && parents > 0 {
                devices.push(entity);
            }
            if devices.len() >= 40_000 {
                break;
            }
        }
        Ok(Self { directory: directory.to_owned(), devices })
    }

    /// So many changes, each of another device.
    pub(crate) fn patches(&self, count: usize) -> Vec<Patch> {
        let changed = self.devices.iter().step_by(STEP.min(self.devices.len() / count).max(1));
        let patch = |device: &Value| {
            let mut device = device.clone();
            if let Some(parents) = device.get_mut("parents") {
                *parents = json!([]);
            }
            let id = device_id(&device).unwrap_or_default().to_owned();
            Patch { line: device.to_string(), id, body: json!({"upsert": [device]}).to_string() }
        };
        changed.take(count).map(patch).collect()
    }

    /// Writes the world with these changes into another directory.
    pub(crate) fn write_with(&self, patches: &[Patch], directory: &Path) -> Result<(), Failure> {
        fs::create_dir_all(directory)?;
        let changed: HashMap<&str, &str> =
            patches.iter().map(|patch| (patch.id.as_str(), patch.line.as_str())).collect();
        let mut out = BufWriter::new(File::create(directory.join("entities.jsonl"))?);
        let mut left = changed.len();
        for line in lines(&self.directory.join("entities.jsonl"))? {
            let line = line?;
            let mut new = None;
            if left > 0 && line.contains("\"Device\"") {
                let entity: Value = serde_json::from_str(&line)?;
                new = device_id(&entity).and_then(|id| changed.get(id).copied());
            }
            left -= usize::from(new.is_some());
            writeln!(out, "{}", new.unwrap_or(&line))?;
        }
        out.flush()?;
        fs::copy(self.directory.join("links.json"), directory.join("links.json"))?;
        Ok(())
    }

    /// Writes entities and links as one stream of lines.
    pub(crate) fn write_stream(&self) -> Result<PathBuf, Failure> {
        // Not below the directory: what lies there is loaded at a start.
        let path = self.directory.with_extension("ndjson");
        let mut out = BufWriter::new(File::create(&path)?);
        for line in lines(&self.directory.join("entities.jsonl"))? {
            writeln!(out, "{}", line?)?;
        }
        for line in lines(&self.directory.join("links.json"))? {
            let line = line?;
            // The file is an array with one of them on each line.
            let inner = line.trim_end_matches(',');
            if inner.starts_with('{') {
                writeln!(out, "{{\"link\":{inner}}}")?;
            }
        }
        out.flush()?;
        Ok(path)
    }
}

/// The id of a device; `None` for what is none.
fn device_id(entity: &Value) -> Option<&str> {
    let is_device = entity.pointer("/uid/type").is_some_and(|ty| ty == "Device");
    is_device.then(|| entity.pointer("/uid/id")?.as_str())?
}

fn lines(path: &Path) -> std::io::Result<std::io::Lines<BufReader<File>>> {
    Ok(BufReader::with_capacity(1 << 20, File::open(path)?).lines())
}
