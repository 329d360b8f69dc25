//! Clauses against checks: what the clauses of all policies come to, put together, is what the check
//! answers, over made-up worlds.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::Effect;
use doorward::engine::clauses::{ClauseKind, Outcome, PolicyOutcomes};
use doorward::engine::{CheckResponse, Snapshot};

use crate::model::Question;
use crate::ours;
use crate::run::{on_every_core, setting};
use crate::worlds::{Case, case};

/// Worlds of one run, unless `DOORWARD_ORACLE_CLAUSES` says otherwise.
const WORLDS: u64 = 300;

/// What the policies say, put together from their clauses.
#[derive(Debug, Default)]
struct Said {
    permits: BTreeSet<String>,
    forbids: BTreeSet<String>,
    /// Messages by policy, and whether it is a forbid.
    errors: BTreeMap<String, (String, bool)>,
}

impl Said {
    fn of(all: &[PolicyOutcomes<'_>]) -> Self {
        let mut said = Self::default();
        for one in all {
            let is_forbid = one.info.effect == Effect::Forbid;
            let ids = if one.info.template {
                one.links.iter().map(|id| (*id).to_owned()).collect()
            } else {
                vec![one.info.id.clone()]
            };
            match one.verdict() {
                Ok(true) if is_forbid => said.forbids.extend(ids),
                Ok(true) => said.permits.extend(ids),
                Ok(false) => {}
                Err(message) => {
                    let error = |id| (id, (message.to_owned(), is_forbid));
                    said.errors.extend(ids.into_iter().map(error));
                }
            }
        }
        said
    }
}

fn agree(question: &Question, said: &Said, answer: &CheckResponse) {
    let both_stored = answer.principal_known
        && answer.resource_known
        && question.principal_properties.is_none()
        && question.resource_properties.is_none();
    let reason: BTreeSet<String> = answer.reason.iter().cloned().collect();
    let errs = question.forbid_errors_deny && said.errors.values().any(|(_, forbid)| *forbid);
    let expected = match said.forbids.is_empty() {
        false => said.forbids.clone(),
        true if errs => BTreeSet::new(),
        true => said.permits.clone(),
    };
    assert_eq!(reason, expected, "{question:?}\n{said:?}\n{answer:?}");
    for error in &answer.errors {
        let ours = said.errors.get(&error.policy).map(|(message, _)| message);
        assert_eq!(ours, Some(&error.message), "{question:?}");
    }
    for (id, (_, is_forbid)) in &said.errors {
        let told = answer.errors.iter().any(|error| error.policy == *id);
        // Permits that cannot be satisfied for these types are not evaluated by a check.
        assert!(told || (!is_forbid && both_stored), "{id}: {question:?}");
    }
}

/// What is said of one policy or link by itself is what is said of it among all.
fn alone(snapshot: &Snapshot, question: &Question, all: &[PolicyOutcomes<'_>]) {
    let (request, options) = (ours::request(question), ours::options(question));
    for one in all {
        let own = (!one.info.template).then_some(one.info.id.as_str());
        for id in one.links.iter().copied().chain(own) {
            let alone = snapshot.outcomes_of(id, &request, options).unwrap().unwrap();
            assert_eq!(alone.outcomes, one.outcomes, "{id}: {question:?}");
            assert_eq!(alone.verdict(), one.verdict());
        }
    }
}

#[test]
fn clauses_together_are_what_a_check_answers() {
    let worlds = setting("DOORWARD_ORACLE_CLAUSES").unwrap_or(WORLDS);
    let seeds: Vec<u64> = (0..worlds).collect();
    let seen = std::sync::Mutex::new(BTreeMap::<(ClauseKind, &str), usize>::new());
    let run = on_every_core(&seeds, |seed| {
        let Case { world, questions, .. } = case(seed);
        let snapshot = ours::load(&world).unwrap();
        for (one, info) in snapshot.clauses().zip(snapshot.policies()) {
            assert!(one.clauses.len() >= 3, "{}", info.source);
            for clause in one.clauses {
                let span = clause.span.start - info.span.start..clause.span.end - info.span.start;
                assert_eq!(info.source.get(span), Some(&*clause.source));
            }
        }
        for question in &questions {
            let (request, options) = (ours::request(question), ours::options(question));
            let Ok(answer) = snapshot.check(&request, options) else { continue };
            let all = snapshot.outcomes(&request, options).unwrap();
            agree(question, &Said::of(&all), &answer);
            alone(&snapshot, question, &all);
            let mut seen = seen.lock().unwrap();
            for one in &all {
                for (clause, outcome) in one.clauses.iter().zip(&one.outcomes) {
                    let outcome = match outcome {
                        Outcome::Satisfied => "satisfied",
                        Outcome::NotSatisfied => "not satisfied",
                        Outcome::Error(_) => "error",
                        Outcome::NotReached => "not reached",
                    };
                    *seen.entry((clause.kind, outcome)).or_default() += 1;
                }
            }
        }
        Ok(())
    });
    run.map_err(|failure| failure.seed).unwrap();
    // A run that does not see every outcome of every kind of clause would prove little.
    let seen = seen.into_inner().unwrap();
    for kind in [ClauseKind::When, ClauseKind::Unless] {
        for outcome in ["satisfied", "not satisfied", "error", "not reached"] {
            assert!(seen.get(&(kind, outcome)).copied() > Some(20), "{kind:?} {outcome}: {seen:?}");
        }
    }
}
