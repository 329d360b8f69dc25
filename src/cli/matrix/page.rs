//! A matrix as a page that needs nothing but a browser: a row for each pair, a column for each
//! action, and a field that hides rows. Everything that comes from the data is escaped.

use std::fmt::Write as _;

use super::cells::Matrix;
use super::written::Out;
use crate::cli::exit::Failure;
use crate::engine::Decision;

const HEAD: &str = r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>Who may do what</title>
<style>
body { font: 14px/1.4 system-ui, sans-serif; margin: 1.5rem; color: #1b1f24; background: #fff; }
h1 { font-size: 1.3rem; margin: 0 0 .8rem; }
form { display: flex; gap: .8rem; align-items: center; margin-bottom: 1rem; flex-wrap: wrap; }
input[type=search] { font: inherit; padding: .3rem .5rem; width: 20rem; }
table { border-collapse: collapse; }
th, td { border: 1px solid #d0d7de; padding: .2rem .5rem; text-align: left; white-space: nowrap; }
thead th { position: sticky; top: 0; background: #f3f5f7; vertical-align: bottom; }
thead th.action { writing-mode: vertical-rl; transform: rotate(180deg); padding: .5rem .2rem; }
td.allow { background: #dafbe1; color: #0a5c24; text-align: center; }
td.deny { color: #9a3b3b; text-align: center; }
td.none { background: #f6f8fa; }
</style>
<h1>Who may do what</h1>
<form onsubmit="return false"><label>Filter <input type="search" id="filter" placeholder="principal or resource"></label>
<label><input type="checkbox" id="allowed"> only where something is allowed</label>
<span id="count"></span></form>
<table><thead><tr><th scope="col">principal</th><th scope="col">resource</th>"#;

const TAIL: &str = r#"</tbody></table>
<script>
"use strict";
const rows = [...document.querySelectorAll("tbody tr")];
const filter = document.getElementById("filter"), allowed = document.getElementById("allowed");
function show() {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const row of rows) {
    const text = (row.cells[0].textContent + " " + row.cells[1].textContent).toLowerCase();
    const is = words.every(word => text.includes(word))
      && (!allowed.checked || row.querySelector(".allow") !== null);
    row.hidden = !is;
    count += is ? 1 : 0;
  }
  document.getElementById("count").textContent = count + " of " + rows.length + " pairs";
}
filter.addEventListener("input", show);
allowed.addEventListener("change", show);
show();
</script>
</html>
"#;

/// Writes the page.
pub(super) fn write(matrix: &Matrix<'_>) -> Result<(), Failure> {
    let mut out = Out::default();
    out.add(HEAD)?;
    for action in &matrix.actions {
        let name = escaped(action.id().unescaped());
        out.add(&format!("<th scope=\"col\" class=\"action\">{name}</th>"))?;
    }
    out.add("</tr></thead><tbody>\n")?;
    for row in matrix.rows() {
        let [principal, resource] =
            [row.principal, row.resource].map(|uid| escaped(&uid.to_string()));
        let mut line = format!("<tr><td>{principal}</td><td>{resource}</td>");
        for cell in &row.cells {
            let _ = match cell {
                Some((Decision::Allow, _)) => write!(line, "<td class=\"allow\">&#10003;</td>"),
                Some((Decision::Deny, code)) => {
                    write!(line, "<td class=\"deny\" title=\"{code}\">&#8211;</td>")
                }
                None => write!(line, "<td class=\"none\"></td>"),
            };
        }
        line.push_str("</tr>\n");
        out.add(&line)?;
    }
    out.add(TAIL)?;
    out.write()
}

/// A text that is nothing but text in HTML.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}
