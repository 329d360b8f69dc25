//! The report for people: what failed, with what was expected, what came out and why; what was
//! skipped; and the numbers in the last line.

use super::super::terminal::{Paint, visible};
use super::super::verdict::{Detail, Verdict};
use super::run::{Ran, Run};
use crate::policy_test::{Answer, Mismatch, Outcome};

/// The report.
pub(super) fn report(run: &Run, paint: Paint) -> String {
    let mut text = String::new();
    for ran in &run.results {
        match &ran.outcome {
            Outcome::Passed(_) => {}
            Outcome::Failed { mismatches, answer, about } => {
                text.push_str(&head(&paint.bad("FAIL"), run, ran, paint));
                for line in failure(ran, mismatches, answer.as_ref(), about.as_deref(), paint) {
                    text.push_str(&format!("  {line}\n"));
                }
                text.push('\n');
            }
            Outcome::Skipped(reason) => {
                text.push_str(&head(&paint.doubtful("SKIP"), run, ran, paint));
                text.push_str(&format!("  {}\n\n", visible(reason)));
            }
        }
    }
    text + &summary(run, paint)
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
    mismatches: &[Mismatch],
    answer: Option<&Answer>,
    about: Option<&str>,
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
        if let (None, Some(about)) = (&ran.case.cell, about) {
            lines.push(visible(about));
        }
        let told = Verdict::from(response).render(paint, Detail::Brief);
        lines.extend(told.lines().map(|line| format!("  {line}")));
    } else if let Some(answer) = answer {
        lines.push(visible(&format!("  ({})", answer.code)));
    }
    lines
}
