//! The report for CI systems: `JUnit`'s XML, a suite for each file and a test case for each case.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::super::exit::Failure;
use super::super::terminal::Paint;
use super::super::verdict::Detail;
use super::human;
use super::mutate::{Mutation, Stale, Survivor};
use super::run::{Ran, Run};
use crate::policy_test::Outcome;

/// The report.
pub(super) fn report(run: &Run, mutation: Option<&Mutation>) -> Result<String, Failure> {
    let mut report = Report::new("doorward test");
    report.set_time(run.time);
    for (number, file) in run.files.iter().enumerate() {
        let mut suite = TestSuite::new(file.as_str());
        let mut time = std::time::Duration::ZERO;
        for ran in run.results.iter().filter(|ran| ran.file == number) {
            time += ran.time;
            suite.add_test_case(case(run, ran));
        }
        suite.set_time(time);
        if suite.tests > 0 {
            report.add_test_suite(suite);
        }
    }
    if let Some(mutation) = mutation.filter(|mutation| mutation.tried > 0) {
        report.add_test_suite(mutants(mutation));
    }
    let text = report.to_string();
    text.map_err(|error| Failure::error(format!("the report cannot be written: {error}")))
}

fn case(run: &Run, ran: &Ran) -> TestCase {
    let status = match &ran.outcome {
        Outcome::Passed(_) => TestCaseStatus::success(),
        Outcome::Skipped(reason) => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(reason.as_str());
            status
        }
        Outcome::Failed { mismatches, answer, about } => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            let paint = Paint::none();
            let about = about.as_deref().filter(|_| ran.case.cell.is_none());
            let told = (mismatches.as_slice(), answer.as_ref(), about);
            let lines = human::failure(ran, told, Detail::Brief, paint);
            let what = mismatches.first().map(|mismatch| mismatch.what).unwrap_or_default();
            let first = lines.iter().find(|line| ran.case.cell.as_ref() != Some(*line));
            status.set_type(what);
            status.set_message(first.map(String::as_str).unwrap_or_default());
            status.set_description(lines.join("\n"));
            status
        }
    };
    let file = run.file_of(ran);
    let mut case = TestCase::new(ran.name(), status);
    case.set_classname(file).set_time(ran.time);
    case.extra.insert("file".into(), file.into());
    case.extra.insert("line".into(), ran.case.line.to_string().into());
    case
}

/// Mutants that survived, those with a reason as skipped, and reasons that are about none.
fn mutants(mutation: &Mutation) -> TestSuite {
    let mut suite = TestSuite::new("mutants");
    let failure = |message: &str, text: &str| {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_message(message);
        status.set_description(text);
        status
    };
    for Survivor { mutant, diff, reason } in &mutation.survivors {
        let status = if let Some(reason) = reason {
            let mut status = TestCaseStatus::skipped();
            status.set_message(reason.as_str());
            status
        } else {
            failure(&mutant.hint, diff)
        };
        let mut case = TestCase::new(mutant.name.as_str(), status);
        case.set_classname(mutant.file.as_str());
        case.extra.insert("file".into(), mutant.file.as_str().into());
        case.extra.insert("line".into(), mutant.line.to_string().into());
        suite.add_test_case(case);
    }
    for Stale { mutant, place, why } in &mutation.stale {
        let mut case = TestCase::new(mutant.as_str(), failure(why, "take it out again"));
        case.set_classname(place.name.as_str());
        suite.add_test_case(case);
    }
    suite
}
