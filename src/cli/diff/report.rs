//! A difference as it is read: gained first, by principal, action and type, then samples with why.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::analysis::diff::{Balance, Difference, Sample};
use crate::cli::terminal::{Paint, visible};
use crate::http::admin::access;

/// For people.
pub(super) fn for_people(found: &Difference, paint: Paint) -> String {
    let mut text = String::new();
    balance(&mut text, &paint.bad("gained"), &found.gained, "was", paint);
    balance(&mut text, &paint.good("lost"), &found.lost, "is", paint);
    let entities = if found.entities == 1 { "entity" } else { "entities" };
    let links = if found.links == 1 { "link" } else { "links" };
    let _ = writeln!(text, "{} {entities} and {} {links} differ", found.entities, found.links);
    for (actions, why) in left_out(found) {
        let _ = writeln!(text, "not compared: {actions} ({why})");
    }
    if !found.complete {
        text.push_str("not everything was compared; there may be more\n");
    }
    visible(&text)
}

fn balance(text: &mut String, title: &str, balance: &Balance, tense: &str, paint: Paint) {
    if balance.total == 0 {
        let _ = writeln!(text, "{title}: nothing\n");
        return;
    }
    let _ = writeln!(text, "{title}: {} by {}", balance.total, people(balance.principals));
    let rows: Vec<[String; 4]> = balance
        .by
        .iter()
        .map(|((principal, action, resource), count)| {
            [count.to_string(), principal.clone(), action.clone(), resource.clone()]
        })
        .collect();
    let widest = |at: usize| {
        rows.iter().filter_map(|row| row.get(at)).map(|it| it.chars().count()).max().unwrap_or(0)
    };
    let widths = [widest(0), widest(1), widest(2)];
    for [count, principal, action, resource] in &rows {
        let [first, second, third] = widths;
        let line = format!("  {count:>first$}  {principal:second$}  {action:third$}  {resource}");
        let _ = writeln!(text, "{line}");
    }
    let _ = writeln!(text, "  {}", paint.faint("most by"));
    for (uid, count) in &balance.top {
        let _ = writeln!(text, "    {uid} {count}");
    }
    let hidden = balance.principals.saturating_sub(balance.top.len() as u64);
    if hidden > 0 {
        let _ = writeln!(text, "    and {hidden} more");
    }
    let _ = writeln!(text, "  {}", paint.faint("such as"));
    for sample in &balance.samples {
        let Sample { principal, action, resource, .. } = sample;
        let _ = writeln!(text, "    {principal} {action} {resource}");
        let _ = writeln!(
            text,
            "      allowed by {}; {tense} {}",
            listed(&sample.allowed_by),
            denied(sample)
        );
    }
    text.push('\n');
}

fn people(count: u64) -> String {
    format!("{count} {}", if count == 1 { "principal" } else { "principals" })
}

fn listed(names: &[String]) -> String {
    names.join(", ")
}

fn denied(sample: &Sample) -> String {
    if sample.denied_by.is_empty() {
        return format!("denied: {}", sample.denied);
    }
    format!("denied: {} by {}", sample.denied, listed(&sample.denied_by))
}

/// Actions that are not compared, with why, each once.
fn left_out(found: &Difference) -> Vec<(String, String)> {
    let mut seen: Vec<(String, String)> =
        found.left_out.iter().map(|it| (it.action.clone(), it.why.clone())).collect();
    seen.dedup();
    seen.sort_unstable();
    seen.dedup();
    seen
}

/// For a pull request.
pub(super) fn markdown(found: &Difference) -> String {
    let mut text = String::new();
    for (title, balance) in [("Gained", &found.gained), ("Lost", &found.lost)] {
        if balance.total == 0 {
            let _ = writeln!(text, "**{title}:** nothing\n");
            continue;
        }
        let _ =
            writeln!(text, "**{title}:** {} by {}\n", balance.total, people(balance.principals));
        text.push_str("| principals | action | resources | how many |\n|---|---|---|---:|\n");
        for ((principal, action, resource), count) in &balance.by {
            let cells = [principal, action, resource].map(|text| cell(text));
            let _ = writeln!(text, "| {} | {count} |", cells.join(" | "));
        }
        text.push_str("\n| for example | allowed by | denied |\n|---|---|---|\n");
        for sample in &balance.samples {
            let question = format!("{} {} {}", sample.principal, sample.action, sample.resource);
            let cells = [question, listed(&sample.allowed_by), sample.denied.to_string()];
            let cells = cells.map(|text| cell(&text));
            let _ = writeln!(text, "| {} |", cells.join(" | "));
        }
        text.push('\n');
    }
    for (action, why) in left_out(found) {
        let _ = writeln!(text, "Not compared: {} ({})\n", cell(&action), cell(&why));
    }
    if !found.complete {
        text.push_str("Not everything was compared; there may be more.\n");
    }
    visible(&text)
}

/// A text that ends neither the cell that it is in nor the code that it is set as.
fn cell(text: &str) -> String {
    let text: String = text.chars().map(|it| if it.is_control() { ' ' } else { it }).collect();
    format!("`{}`", text.replace('|', "\\|").replace('`', "'"))
}

/// For programs; of who gains and who loses what a dry run answers.
pub(super) fn json(found: &Difference) -> Value {
    json!({
        "gained": access::balance(&found.gained),
        "lost": access::balance(&found.lost),
        "complete": found.complete,
        "left_out": access::left_out(found),
        "entities": found.entities,
        "links": found.links,
    })
}
