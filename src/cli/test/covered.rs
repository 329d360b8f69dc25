//! What tests saw of the policies, for people: the numbers, and by file and line what was never
//! seen.

use std::fmt::Write;

use super::super::terminal::{Paint, visible};
use crate::policy_test::coverage::{Coverage, CoveredPolicy, Share};

/// The report.
pub(super) fn report(coverage: &Coverage, paint: Paint) -> String {
    let share = coverage.share();
    let whole = format!("coverage {:.1} %", share.percent());
    let whole = if share.seen == share.asked { paint.good(&whole) } else { paint.bold(&whole) };
    let (satisfied, all) = (coverage.satisfied(), coverage.policies.len());
    let mut text = format!(
        "\n{whole}: {} of {} outcomes of clauses seen, {satisfied} of {all} policies satisfied\n",
        share.seen, share.asked
    );
    for (file, policies) in coverage.files() {
        let percent = Share::of(policies).percent();
        let _ = writeln!(text, "  {percent:5.1} %  {}", paint.bold(&visible(file)));
        for policy in policies {
            missing(policy, paint, &mut text);
        }
    }
    for stale in &coverage.stale {
        let _ = writeln!(text, "{}: {}", paint.doubtful("stale"), visible(stale));
    }
    text
}

/// What was not seen of a policy.
fn missing(policy: &CoveredPolicy, paint: Paint, text: &mut String) {
    let place = |line: usize| visible(&format!("{}:{line}", policy.file));
    if !policy.satisfied {
        let id = visible(&policy.id);
        let place = place(policy.line);
        let _ = writeln!(text, "    {id} never satisfied  {}", paint.faint(&place));
    }
    for clause in &policy.clauses {
        let unseen: Vec<&str> =
            clause.unseen().map(|value| if value { "true" } else { "false" }).collect();
        if unseen.is_empty() {
            continue;
        }
        let source: Vec<&str> = clause.source.split_whitespace().collect();
        let scope = if clause.kind.is_scope() { "" } else { clause.kind.as_str() };
        let gap = if scope.is_empty() { "" } else { " " };
        let told = format!("{}: {scope}{gap}`{}`", policy.id, source.join(" "));
        let (told, place) = (visible(&told), place(clause.line));
        let never = unseen.join(", never ");
        let _ = writeln!(text, "    {told} never {never}  {}", paint.faint(&place));
    }
}
