//! The report for programs.

use serde_json::{Map, Value, json};

use super::mutate::{Mutation, Stale, Survivor};
use super::run::{Ran, Run};
use crate::policy_test::coverage::{Coverage, CoveredClause, CoveredPolicy, Share, Sight};
use crate::policy_test::{Answer, Mismatch, Outcome};

/// The report: the numbers, and every case.
pub(super) fn report(run: &Run, mutation: Option<&Mutation>) -> Value {
    let counts = run.counts();
    let tests: Vec<Value> = run.results.iter().map(|ran| case(run, ran)).collect();
    let mut report = json!({
        "passed": counts.passed,
        "failed": counts.failed,
        "skipped": counts.skipped,
        "tests": tests,
    });
    if let (Some(coverage), Value::Object(members)) = (&run.coverage, &mut report) {
        members.insert("coverage".to_owned(), covered(coverage));
    }
    if let (Some(mutation), Value::Object(members)) = (mutation, &mut report) {
        members.insert("mutation".to_owned(), mutated(mutation));
    }
    report
}

/// What was seen of the policies.
fn covered(coverage: &Coverage) -> Value {
    let file = |(name, policies): (&str, &[CoveredPolicy])| {
        let mut json = shared(Share::of(policies));
        if let Value::Object(members) = &mut json {
            members.insert("file".to_owned(), json!(name));
            let policies: Vec<Value> = policies.iter().map(covered_policy).collect();
            members.insert("policies".to_owned(), policies.into());
        }
        json
    };
    let mut json = shared(coverage.share());
    if let Value::Object(members) = &mut json {
        let policies = json!({"satisfied": coverage.satisfied(), "all": coverage.policies.len()});
        members.insert("policies".to_owned(), policies);
        members.insert("files".to_owned(), coverage.files().map(file).collect());
        members.insert("stale".to_owned(), json!(coverage.stale));
    }
    json
}

fn shared(share: Share) -> Value {
    json!({"percent": share.percent(), "seen": share.seen, "asked": share.asked})
}

fn covered_policy(policy: &CoveredPolicy) -> Value {
    let clause = |clause: &CoveredClause| {
        json!({
            "kind": clause.kind.as_str(),
            "line": clause.line,
            "source": clause.source,
            "true": sight(&clause.when_true),
            "false": sight(&clause.when_false),
        })
    };
    let clauses: Vec<Value> = policy.clauses.iter().map(clause).collect();
    json!({
        "id": policy.id,
        "line": policy.line,
        "satisfied": policy.satisfied,
        "clauses": clauses,
    })
}

fn mutated(mutation: &Mutation) -> Value {
    let survivors = mutation.survivors.iter().map(|Survivor { mutant, diff, reason }| {
        json!({
            "mutant": mutant.name,
            "policy": mutant.policy,
            "operation": mutant.operation,
            "file": mutant.file,
            "line": mutant.line,
            "diff": diff,
            "hint": mutant.hint,
            "accepted": reason,
        })
    });
    let stale = mutation.stale.iter().map(|Stale { mutant, place, why }| {
        json!({"mutant": mutant, "file": place.name, "line": place.line, "why": why})
    });
    json!({
        "mutants": mutation.tried,
        "killed": mutation.killed,
        "survived": mutation.survivors.len() - mutation.accepted(),
        "accepted": mutation.accepted(),
        "score_permille": mutation.permille(),
        "complete": mutation.cut.is_none(),
        "cut": mutation.cut,
        "survivors": survivors.collect::<Vec<_>>(),
        "stale": stale.collect::<Vec<_>>(),
    })
}

fn sight(sight: &Sight) -> &'static str {
    match sight {
        Sight::Seen => "seen",
        Sight::Unseen => "unseen",
        Sight::Impossible => "impossible",
        Sight::Accepted(_) => "accepted",
    }
}

fn case(run: &Run, ran: &Ran) -> Value {
    let mut members = Map::new();
    let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
    put("file", json!(run.file_of(ran)));
    put("line", json!(ran.case.line));
    put("name", json!(ran.case.test));
    if let Some(cell) = &ran.case.cell {
        put("cell", json!(cell));
    }
    let (word, answer) = match &ran.outcome {
        Outcome::Passed(answer) => ("passed", answer.as_ref()),
        Outcome::Failed { answer, .. } => ("failed", answer.as_ref()),
        Outcome::Skipped(_) => ("skipped", None),
    };
    put("outcome", json!(word));
    match &ran.outcome {
        Outcome::Skipped(reason) => {
            put("reason", json!(reason));
        }
        Outcome::Failed { mismatches, about, .. } => {
            let differences: Vec<Value> = mismatches.iter().map(difference).collect();
            put("differences", differences.into());
            if let Some(about) = about {
                put("about", json!(about));
            }
        }
        Outcome::Passed(_) => {}
    }
    if let Some(answer) = answer {
        put("answer", answered(answer));
    }
    Value::Object(members)
}

fn difference(mismatch: &Mismatch) -> Value {
    let Mismatch { what, expected, got } = mismatch;
    json!({"what": what, "expected": expected, "got": got})
}

fn answered(answer: &Answer) -> Value {
    let errors: Vec<Value> = answer
        .errors
        .iter()
        .map(|error| json!({"policy": error.policy, "message": error.message}))
        .collect();
    let mut json = json!({
        "decision": answer.verdict.as_str(),
        "code": answer.code,
        "reason": answer.because,
        "errors": errors,
    });
    if let (Some(why), Value::Object(members)) = (&answer.why, &mut json) {
        members.insert("why".to_owned(), json!(why));
    }
    json
}
