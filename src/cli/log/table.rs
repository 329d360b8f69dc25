//! `doorward log list`: the revisions, newest first.

use clap::{ArgMatches, Args};
use serde_json::{Value, json};

use super::super::exit::{ExitCode, Failure};
use super::super::terminal::{self, visible};
use super::{Format, FormatArgs, PlaceArgs, told};
use crate::revisions::{LogError, READ_RECORDS_MAX, Record, RevisionLog};

/// List the revisions, newest first
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    place: PlaceArgs,

    #[command(flatten)]
    format: FormatArgs,

    /// The newest revision to list [default: the newest there is]
    #[arg(long, value_name = "REVISION")]
    from: Option<u64>,

    /// How many to list at the most
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: u64,
}

pub(super) fn run(args: &ListArgs, given: &ArgMatches) -> Result<ExitCode, Failure> {
    let (log, _) = args.place.open(given)?;
    let records = newest(&log, args.from, args.limit).map_err(told)?;
    let text = match args.format.format {
        Format::Json => {
            let revisions: Vec<Value> = records.iter().map(wire).collect();
            format!("{:#}\n", json!({"revisions": revisions}))
        }
        Format::Human => table(&records),
    };
    terminal::data(&text)?;
    Ok(ExitCode::Success)
}

fn wire(record: &Record) -> Value {
    json!({
        "revision": record.revision,
        "at": record.at.to_string(),
        "by": record.by,
        "changed": record.changed,
    })
}

/// The newest records, newest first.
fn newest(log: &impl RevisionLog, from: Option<u64>, limit: u64) -> Result<Vec<Record>, LogError> {
    let head = log.head()?.revision;
    let newest = from.unwrap_or(head).min(head);
    let mut next = newest.saturating_sub(limit.saturating_sub(1)).max(1);
    let mut records = Vec::new();
    while limit > 0 && next <= newest {
        let count = usize::try_from(newest - next + 1).unwrap_or(usize::MAX);
        match log.read(next, count.min(READ_RECORDS_MAX)) {
            // Older ones are not kept.
            Err(LogError::Absent { first, .. }) if first > next => next = first,
            found => {
                records.extend(found?);
                next = records.last().map_or(newest, |record: &Record| record.revision) + 1;
            }
        }
    }
    records.reverse();
    Ok(records)
}

fn table(records: &[Record]) -> String {
    let mut rows = vec![["REVISION", "AT", "BY", "CHANGED"].map(str::to_owned)];
    rows.extend(records.iter().map(|record| {
        let at = format!("{:.0}", record.at);
        [record.revision.to_string(), at, record.by.clone(), record.changed.join(", ")]
    }));
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths = [width(0), width(1), width(2)];
    let mut text = String::new();
    for [revision, at, by, changed] in &rows {
        let [first, second, third] = widths;
        let row = format!("{revision:>first$}  {at:second$}  {by:third$}  {changed}");
        text.push_str(&visible(row.trim_end()));
        text.push('\n');
    }
    text
}
