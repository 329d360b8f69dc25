//! What tests saw of the policies, as a page: the text of every policy file with its clauses
//! coloured. It needs nothing but itself: no script, no style and no picture from elsewhere.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use crate::policy_test::coverage::{Coverage, CoveredClause, CoveredPolicy, Share, Sight};

const STYLE: &str = "\
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem}
pre{font:13px/1.6 ui-monospace,monospace;overflow:auto;border:1px solid #8886;padding:.7rem}
pre .n{display:inline-block;width:3.5em;color:#888;user-select:none}
table{border-collapse:collapse}td,th{padding:.15rem 1rem .15rem 0;text-align:left}
.both{background:#2da44e33}.half{background:#d4a72c55}.none{background:#cf222e44}
.rest{background:#8883}.key span{padding:.1rem .4rem;margin-right:.6rem}
b.u{color:#cf222e}";

/// The page.
pub(super) fn render(coverage: &Coverage, texts: &BTreeMap<String, Arc<str>>) -> String {
    let share = coverage.share();
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Policy coverage</title>\
         <style>{STYLE}</style></head><body>\n<h1>Policy coverage: {:.1} %</h1>\n\
         <p>{} of {} outcomes of clauses seen, {} of {} policies satisfied.</p>\n\
         <p class=\"key\"><span class=\"both\">seen true and false</span>\
         <span class=\"half\">seen one way</span><span class=\"none\">never seen</span>\
         <span class=\"rest\">what was not seen is impossible, or accepted</span></p>\n<table>\n",
        share.percent(),
        share.seen,
        share.asked,
        coverage.satisfied(),
        coverage.policies.len(),
    );
    for (number, (file, policies)) in coverage.files().enumerate() {
        let percent = Share::of(policies).percent();
        let file = escaped(file);
        let _ = writeln!(
            page,
            "<tr><td>{percent:.1} %</td><td><a href=\"#f{number}\">{file}</a></td></tr>"
        );
    }
    page.push_str("</table>\n");
    for (number, (file, policies)) in coverage.files().enumerate() {
        let _ = writeln!(page, "<h2 id=\"f{number}\">{}</h2>", escaped(file));
        list(policies, &mut page);
        if let Some(text) = texts.get(file) {
            let _ = writeln!(page, "<pre>{}</pre>", coloured(text, policies));
        }
    }
    for stale in &coverage.stale {
        let _ = writeln!(page, "<p>stale: {}</p>", escaped(stale));
    }
    page.push_str("</body></html>\n");
    page
}

/// What is left to see, in words: colours alone are not for everybody.
fn list(policies: &[CoveredPolicy], page: &mut String) {
    page.push_str("<ul>\n");
    for policy in policies {
        let id = escaped(&policy.id);
        if !policy.satisfied {
            let line = policy.line;
            let _ = writeln!(page, "<li><b class=\"u\">{id}</b> never satisfied, line {line}</li>");
        }
        for clause in &policy.clauses {
            for value in clause.unseen() {
                let (source, line) = (escaped(&clause.source), clause.line);
                let _ = writeln!(
                    page,
                    "<li>{id}: <code>{source}</code> never {value}, line {line}</li>"
                );
            }
        }
    }
    page.push_str("</ul>\n");
}

/// A text with numbered lines and coloured clauses.
fn coloured(text: &str, policies: &[CoveredPolicy]) -> String {
    let mut clauses: Vec<&CoveredClause> =
        policies.iter().flat_map(|policy| &policy.clauses).collect();
    clauses.sort_by_key(|clause| clause.span.start);
    let mut html = String::new();
    let mut at = 0;
    for clause in clauses {
        let (Some(before), Some(source)) =
            (text.get(at..clause.span.start), text.get(clause.span.clone()))
        else {
            continue;
        };
        html.push_str(&escaped(before));
        let (class, title) = (class(clause), title(clause));
        // A span ends with its line, since numbers stand before each.
        let lines: Vec<String> = source
            .split('\n')
            .map(|line| {
                format!(
                    "<span class=\"{class}\" title=\"{}\">{}</span>",
                    escaped(&title),
                    escaped(line)
                )
            })
            .collect();
        html.push_str(&lines.join("\n"));
        at = clause.span.end;
    }
    html.push_str(&escaped(text.get(at..).unwrap_or_default()));
    let lines = html.trim_end().split('\n').enumerate();
    let lines =
        lines.map(|(number, line)| format!("<span class=\"n\">{}</span>{line}", number + 1));
    lines.collect::<Vec<_>>().join("\n")
}

fn class(clause: &CoveredClause) -> &'static str {
    match (&clause.when_true, &clause.when_false) {
        (Sight::Seen, Sight::Seen) => "both",
        (Sight::Seen, Sight::Unseen) | (Sight::Unseen, Sight::Seen) => "half",
        (Sight::Unseen, _) | (_, Sight::Unseen) => "none",
        _ => "rest",
    }
}

fn title(clause: &CoveredClause) -> String {
    let told = |sight: &Sight| match sight {
        Sight::Seen => "seen".to_owned(),
        Sight::Unseen => "never seen".to_owned(),
        Sight::Impossible => "impossible".to_owned(),
        Sight::Accepted(why) => format!("accepted: {why}"),
    };
    format!("true: {}; false: {}", told(&clause.when_true), told(&clause.when_false))
}

/// A text in which nothing is HTML.
fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            _ => html.push(c),
        }
    }
    html
}
