//! A matrix as a table, as CSV and as JSON. Rows are written as they are decided.

use serde_json::json;

use super::cells::Matrix;
use crate::cli::exit::Failure;
use crate::cli::terminal::{self, Paint};

/// So much is gathered before it is written.
const PIECE_BYTES: usize = 32 * 1024;
/// Actions are listed up to this column.
const COLUMNS: usize = 100;

/// Text on its way to standard output.
#[derive(Default)]
pub(super) struct Out(String);

// === impl Out ===

impl Out {
    /// Adds a text, and writes what is there if it is much.
    pub(super) fn add(&mut self, text: &str) -> Result<(), Failure> {
        self.0.push_str(text);
        if self.0.len() > PIECE_BYTES { self.write() } else { Ok(()) }
    }

    /// Writes what is there.
    pub(super) fn write(&mut self) -> Result<(), Failure> {
        terminal::data(&std::mem::take(&mut self.0))
    }
}

/// For a terminal: a principal, and below it each resource with what is allowed.
pub(super) fn table(matrix: &Matrix<'_>) -> Result<(), Failure> {
    let (mut out, paint) = (Out::default(), Paint::stdout());
    let mut last = None;
    for row in matrix.rows() {
        if last != Some(row.principal) {
            let gap = if last.is_some() { "\n" } else { "" };
            let name = terminal::visible(&row.principal.to_string());
            out.add(&format!("{gap}{}\n", paint.bold(&name)))?;
            last = Some(row.principal);
        }
        let mut line = format!("  {}:", row.resource);
        let mut text = String::new();
        let mut any = false;
        for action in row.allowed(matrix) {
            let name = action.id().unescaped();
            if any {
                line.push(',');
            }
            if any && line.chars().count() + name.chars().count() + 2 > COLUMNS {
                text.push_str(&line);
                text.push('\n');
                line.clear();
                line.push_str("   ");
            }
            line.push(' ');
            line.push_str(name);
            any = true;
        }
        text.push_str(&line);
        text.push_str(if any { "\n" } else { " nothing\n" });
        out.add(&terminal::visible(&text))?;
    }
    if last.is_none() {
        out.add("nothing\n")?;
    }
    out.write()
}

/// A line for each cell.
pub(super) fn csv(matrix: &Matrix<'_>) -> Result<(), Failure> {
    let mut out = Out::default();
    out.add("principal,resource,action,decision,code\r\n")?;
    for row in matrix.rows() {
        for (action, cell) in matrix.actions.iter().zip(&row.cells) {
            let Some((decision, code)) = cell else { continue };
            let [principal, resource, action] =
                [row.principal, row.resource, action].map(|uid| field(&uid.to_string()));
            out.add(&format!("{principal},{resource},{action},{decision},{code}\r\n"))?;
        }
    }
    out.write()
}

/// A field, quoted, so that no spreadsheet takes it for a formula: an apostrophe before what would
/// begin one.
fn field(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

/// One array with an object for each pair.
pub(super) fn json(matrix: &Matrix<'_>) -> Result<(), Failure> {
    let mut out = Out::default();
    out.add("[")?;
    for (number, row) in matrix.rows().enumerate() {
        let uid = |uid: &cedar_policy::EntityUid| json!({"type": uid.type_name().to_string(), "id": uid.id().unescaped()});
        let cells = matrix.actions.iter().zip(&row.cells);
        let decisions: serde_json::Map<String, serde_json::Value> = cells
            .filter_map(|(action, cell)| {
                let (decision, _) = (*cell)?;
                Some((action.to_string(), json!(decision.as_str())))
            })
            .collect();
        let object = json!({
            "principal": uid(row.principal),
            "resource": uid(row.resource),
            "decisions": decisions,
        });
        out.add(if number == 0 { "\n" } else { ",\n" })?;
        out.add(&object.to_string())?;
    }
    out.add("\n]\n")?;
    out.write()
}
