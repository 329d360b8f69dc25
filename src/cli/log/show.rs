//! `doorward log show`: one revision: who made it and when, its place in the chain, its change.

use clap::{ArgMatches, Args};
use serde_json::{Map, Value, json};

use super::super::exit::{ExitCode, Failure};
use super::super::terminal::{self, visible};
use super::{Format, FormatArgs, PlaceArgs, told};
use crate::engine::Text;
use crate::engine::store::Change;
use crate::revisions::{Body, Record, RevisionLog, Rules};

/// Show who made a revision, and what it changed
#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// The revision
    revision: u64,

    #[command(flatten)]
    place: PlaceArgs,

    #[command(flatten)]
    format: FormatArgs,
}

pub(super) fn run(args: &ShowArgs, given: &ArgMatches) -> Result<ExitCode, Failure> {
    let (log, _) = args.place.open(given)?;
    let record = log.record(args.revision).map_err(told)?;
    let bytes = log.body(args.revision).map_err(told)?.into_vec();
    let body = bytes.map_err(|error| error.to_string()).and_then(|bytes| Body::read(&bytes));
    let body = body.map_err(|reason| {
        Failure::error(format!("the change of revision {} is damaged: {reason}", args.revision))
    })?;
    let change = change(&record, &body);
    let text = match args.format.format {
        Format::Json => format!("{:#}\n", wire(&record, &change)),
        Format::Human => {
            let facts = facts(&record).into_iter();
            let mut lines: Vec<String> =
                facts.map(|(name, value)| format!("{name:9} {value}\n")).collect();
            lines.push(format!("{change:#}\n"));
            visible(&lines.concat())
        }
    };
    terminal::data(&text)?;
    Ok(ExitCode::Success)
}

fn facts(record: &Record) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("revision", record.revision.to_string()),
        ("at", record.at.to_string()),
        ("by", record.by.clone()),
        ("changed", record.changed.join(", ")),
        ("digest", record.digest.clone().unwrap_or_default()),
        ("hash", record.hash.to_string()),
        ("previous", record.previous.to_string()),
    ];
    facts.extend(record.idempotency.as_ref().map(|it| ("key", it.key.clone())));
    facts
}

fn wire(record: &Record, change: &Value) -> Value {
    let mut wire = json!({
        "revision": record.revision,
        "at": record.at.to_string(),
        "by": record.by,
        "changed": record.changed,
        "digest": record.digest,
        "hash": record.hash.to_string(),
        "previous": record.previous.to_string(),
        "change": change,
    });
    if let (Some(object), Some(idempotency)) = (wire.as_object_mut(), &record.idempotency) {
        object.insert("idempotency_key".to_owned(), idempotency.key.clone().into());
    }
    wire
}

/// The change in the words of the admin API.
fn change(record: &Record, body: &Body) -> Value {
    let mut said = match (&body.change, &body.rules) {
        (Some(change), _) => items(change),
        (None, Some((own, files))) => rules(files.as_ref().unwrap_or(own)),
        (None, None) => Map::new(),
    };
    if let Some(snapshot) = record.snapshot {
        said.insert("snapshot".to_owned(), snapshot.to_string().into());
    }
    Value::Object(said)
}

fn items(change: &Change) -> Map<String, Value> {
    let Change { unlink, remove, upsert, link } = change;
    let mut said = Map::new();
    if !unlink.is_empty() {
        said.insert("unlink".to_owned(), json!(unlink));
    }
    if !remove.is_empty() {
        let remove: Vec<String> = remove.iter().map(ToString::to_string).collect();
        said.insert("remove".to_owned(), json!(remove));
    }
    for (name, text) in [("upsert", upsert), ("link", link)] {
        if let Some(text) = text {
            let value = serde_json::from_str(&text.text);
            said.insert(name.to_owned(), value.unwrap_or_else(|_| json!(&*text.text)));
        }
    }
    said
}

fn rules(rules: &Rules) -> Map<String, Value> {
    let policies: Map<String, Value> =
        rules.policies.iter().map(|Text { name, text }| (name.clone(), json!(&**text))).collect();
    let schema = rules.schema.as_ref().map(|it| ("schema".to_owned(), json!(&*it.text)));
    schema.into_iter().chain([("policies".to_owned(), policies.into())]).collect()
}
