//! The report for people: what failed, with what was expected, what came out and why; what was
//! skipped; and the numbers in the last line.

use std::fmt::Write;

use super::super::terminal::{Paint, visible};
use super::super::verdict::{Detail, Verdict};
use super::mutate::{Mutation, Stale, Survivor};
use super::run::{Ran, Run};
use crate::policy_test::{Answer, Mismatch, Outcome};

/// The differences that are explained in full.
const DECISIVE: [&str; 3] = ["decision", "missing", "unexpected"];
/// How many of them are: who sees that many fail looks at one of them first.
const EXPLAINED_MAX: usize = 10;

/// The report.
pub(super) fn report(run: &Run, mutation: Option<&Mutation>, paint: Paint) -> String {
    let mut text = String::new();
    let mut failed = 0;
    for ran in &run.results {
        match &ran.outcome {
            Outcome::Passed(_) => {}
            Outcome::Failed { mismatches, answer, about } => {
                text.push_str(&head(&paint.bad("FAIL"), run, ran, paint));
                failed += 1;
                let about = about.as_deref().filter(|_| ran.case.cell.is_none());
                let most = if failed > EXPLAINED_MAX { Detail::Brief } else { Detail::Full };
                let told = (mismatches.as_slice(), answer.as_ref(), about);
                for line in failure(ran, told, most, paint) {
                    let _ = writeln!(text, "  {line}");
                }
                text.push('\n');
            }
            Outcome::Skipped(reason) => {
                text.push_str(&head(&paint.doubtful("SKIP"), run, ran, paint));
                let _ = writeln!(text, "  {}\n", visible(reason));
            }
        }
    }
    if let Some(mutation) = mutation {
        text.push_str(&mutants(mutation, paint));
    }
    text.push_str(&summary(run, paint));
    if let Some(mutation) = mutation {
        text.push_str(&score(mutation, paint));
    }
    text
}

/// The mutants that survived without a reason, and the reasons that are about none.
fn mutants(mutation: &Mutation, paint: Paint) -> String {
    let mut text = String::new();
    for Survivor { mutant, diff, .. } in mutation.survivors.iter().filter(|it| it.reason.is_none())
    {
        let place = visible(&format!("{}:{}", mutant.file, mutant.line));
        let name = visible(&mutant.name);
        let survived = paint.bad("SURVIVED");
        let _ = writeln!(text, "{survived} {}  {}", paint.bold(&name), paint.faint(&place));
        for line in diff.lines() {
            let shown = visible(line);
            let shown = match line.get(..1) {
                Some("-") => paint.bad(&shown),
                Some("+") => paint.good(&shown),
                _ => paint.faint(&shown),
            };
            text.push_str(format!("  {shown}").trim_end());
            text.push('\n');
        }
        let _ = write!(text, "  hint: {}\n\n", visible(&mutant.hint));
    }
    for Stale { mutant, place, why } in &mutation.stale {
        let at = visible(&format!("{}:{}", place.name, place.line));
        let name = visible(mutant);
        let stale = paint.bad("STALE");
        let _ = writeln!(text, "{stale} {}  {}", paint.bold(&name), paint.faint(&at));
        let _ = writeln!(text, "  it is accepted that this mutant survives, but {why}");
        text.push_str("  hint: take it out of `accepted_mutants`\n\n");
    }
    text
}

/// The line about mutants.
fn score(mutation: &Mutation, paint: Paint) -> String {
    let accepted = mutation.accepted();
    let survived = mutation.survivors.len() - accepted;
    let told = format!("{survived} survived");
    let told = if survived > 0 { paint.bad(&told) } else { paint.good(&told) };
    let (whole, tenth) = (mutation.permille() / 10, mutation.permille() % 10);
    let mut text = format!(
        "{} mutants: {} killed, {told}, {accepted} accepted; score {whole}.{tenth} %\n",
        mutation.tried, mutation.killed
    );
    if let Some(cut) = &mutation.cut {
        let _ = writeln!(text, "{}: {cut}", paint.doubtful("not all"));
    }
    text
}

/// The last line.
pub(super) fn summary(run: &Run, paint: Paint) -> String {
    let counts = run.counts();
    let passed = format!("{} passed", counts.passed);
    let failed = format!("{} failed", counts.failed);
    let skipped = format!("{} skipped", counts.skipped);
    let passed = if counts.failed == 0 { paint.good(&passed).into_owned() } else { passed };
    let failed = if counts.failed > 0 { paint.bad(&failed).into_owned() } else { failed };
    format!("{passed}, {failed}, {skipped}\n")
}

fn head(word: &str, run: &Run, ran: &Ran, paint: Paint) -> String {
    let place = visible(&format!("{}:{}", run.file_of(ran), ran.case.line));
    format!("{word} {}  {}\n", paint.bold(&visible(&ran.case.test)), paint.faint(&place))
}

/// What was expected, what came out, and why.
pub(super) fn failure(
    ran: &Ran,
    (mismatches, answer, about): (&[Mismatch], Option<&Answer>, Option<&str>),
    most: Detail,
    paint: Paint,
) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(cell) = &ran.case.cell {
        lines.push(visible(cell));
    }
    for Mismatch { what, expected, got } in mismatches {
        let label = if *what == "decision" { String::new() } else { format!("{what}: ") };
        let (expected, got) = (visible(expected), visible(got));
        match (expected.is_empty(), got.is_empty()) {
            (false, true) => lines.push(format!("{label}{expected}")),
            (true, _) => lines.push(format!("{label}{got}")),
            (false, false) => {
                lines.push(format!("{label}expected {expected}, got {got}"));
            }
        }
    }
    let response = answer.and_then(|answer| answer.response.clone());
    if let Some(response) = response {
        if let Some(about) = about {
            lines.push(visible(about));
        }
        // Where the decision is another, the way to the expected one is of interest.
        let is_other = mismatches.iter().any(|it| DECISIVE.contains(&it.what));
        let detail = if is_other { most } else { Detail::Brief };
        let told = Verdict::from(response).render(paint, detail);
        lines.extend(told.lines().map(|line| format!("  {line}")));
    } else if let Some(answer) = answer {
        lines.push(visible(&format!("  ({})", answer.code)));
    }
    lines
}
