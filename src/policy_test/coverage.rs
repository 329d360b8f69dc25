//! What tests saw of the policies: every policy satisfied, and every clause (each part of a scope
//! that asks for something, each conjunct of each `when` and `unless`) true once and false once.
//!
//! What the validator knows can never be is not asked for; what else cannot be is accepted by a
//! reason in a suite, and a reason that no longer holds is told.

mod possible;

use std::collections::BTreeMap;
use std::ops::Range;

use super::case::Case;
use super::suite::{AcceptedClause, Suite};
use crate::engine::Snapshot;
use crate::engine::clauses::{Clause, ClauseKind, Outcome, PolicyOutcomes};

/// What was seen while cases ran.
#[derive(Debug, Clone, Default)]
pub struct Observed(BTreeMap<Key, Sights>);

/// A policy by its file and its id.
type Key = (String, String);

/// What was seen of a policy.
#[derive(Debug, Clone, Default)]
struct Sights {
    satisfied: bool,
    /// Of each clause whether it was seen true, and seen false.
    clauses: Vec<[bool; 2]>,
}

/// Whether an outcome of a clause was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    /// It was.
    Seen,
    /// It was not.
    Unseen,
    /// It was not, and the validator knows that it never is.
    Impossible,
    /// It was not, and a suite says why.
    Accepted(String),
}

/// What was seen of all policies.
#[derive(Debug, Clone, Default)]
pub struct Coverage {
    /// In the order of files and of the policies in them.
    pub policies: Vec<CoveredPolicy>,
    /// Reasons in suites that do not hold any more, each as a sentence.
    pub stale: Vec<String>,
}

/// What was seen of a policy.
#[derive(Debug, Clone)]
pub struct CoveredPolicy {
    /// Its id.
    pub id: String,
    /// The file it stands in.
    pub file: String,
    /// The line it begins on.
    pub line: usize,
    /// Whether it, or a link of it, was satisfied.
    pub satisfied: bool,
    /// Its clauses.
    pub clauses: Vec<CoveredClause>,
}

/// What was seen of a clause.
#[derive(Debug, Clone)]
pub struct CoveredClause {
    /// Which part of its policy it is.
    pub kind: ClauseKind,
    /// Where it stands in its file, in bytes.
    pub span: Range<usize>,
    /// The line it begins on.
    pub line: usize,
    /// Its source.
    pub source: String,
    /// Whether it was seen true.
    pub when_true: Sight,
    /// Whether it was seen false.
    pub when_false: Sight,
}

/// Outcomes of clauses: those that were seen, of those that are asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    /// How many were seen.
    pub seen: usize,
    /// How many there are to see.
    pub asked: usize,
}

// === impl Observed ===

impl Observed {
    /// Notes what a case evaluates: its check, the checks of its request, and for a search the
    /// check of everything that it looks at.
    pub fn observe(&mut self, case: &Case) {
        case.each_request(&mut |snapshot, request, options| {
            let Ok(outcomes) = snapshot.outcomes(request, options) else { return };
            for policy in &outcomes {
                self.note(policy);
            }
        });
    }

    fn note(&mut self, policy: &PolicyOutcomes<'_>) {
        let key = (policy.info.file.clone(), policy.info.id.clone());
        let sights = self.0.entry(key).or_default();
        sights.satisfied |= policy.verdict() == Ok(true);
        sights.clauses.resize(policy.clauses.len(), [false; 2]);
        for (seen, outcome) in sights.clauses.iter_mut().zip(&policy.outcomes) {
            seen[0] |= *outcome == Outcome::Satisfied;
            seen[1] |= *outcome == Outcome::NotSatisfied;
        }
    }

    /// Adds what another thread saw.
    pub fn merge(&mut self, other: Self) {
        for (key, sights) in other.0 {
            let own = self.0.entry(key).or_default();
            own.satisfied |= sights.satisfied;
            let length = own.clauses.len().max(sights.clauses.len());
            own.clauses.resize(length, [false; 2]);
            for (own, other) in own.clauses.iter_mut().zip(sights.clauses) {
                own[0] |= other[0];
                own[1] |= other[1];
            }
        }
    }
}

// === impl Coverage ===

impl Coverage {
    /// What was seen of the policies of these snapshots, each policy once.
    pub fn of<'a>(
        snapshots: impl IntoIterator<Item = &'a Snapshot>,
        observed: &Observed,
        accepted: &[AcceptedClause],
    ) -> Self {
        let mut covered: BTreeMap<(String, usize, String), CoveredPolicy> = BTreeMap::new();
        for snapshot in snapshots {
            for policy in snapshot.clauses() {
                let info = policy.info;
                let place = (info.file.clone(), info.line, info.id.clone());
                if covered.contains_key(&place) {
                    continue;
                }
                let sights = observed.0.get(&(info.file.clone(), info.id.clone()));
                let seen = |at: usize| {
                    sights.and_then(|it| it.clauses.get(at)).copied().unwrap_or_default()
                };
                let possible = possible::outcomes(snapshot, info, policy.clauses);
                let numbered = policy.clauses.iter().zip(possible).enumerate();
                let clauses = numbered
                    .filter(|(_, (clause, _))| !clause.open)
                    .map(|(at, (clause, possible))| CoveredClause::of(clause, seen(at), possible));
                let clauses = clauses.collect();
                let satisfied = sights.is_some_and(|it| it.satisfied);
                let (id, file, line) = (info.id.clone(), info.file.clone(), info.line);
                covered.insert(place, CoveredPolicy { id, file, line, satisfied, clauses });
            }
        }
        let mut coverage = Self { policies: covered.into_values().collect(), stale: Vec::new() };
        for accepted in accepted {
            coverage.accept(accepted);
        }
        coverage
    }

    /// An outcome that a suite gives a reason for.
    fn accept(&mut self, accepted: &AcceptedClause) {
        let AcceptedClause { policy, clause, never, reason, .. } = accepted;
        let place = format!("{}:{}", accepted.place.name, accepted.place.line);
        let of_policy = self.policies.iter_mut().filter(|it| it.id == *policy);
        let mut clauses = of_policy.flat_map(|it| &mut it.clauses).filter(|it| it.is(clause));
        let Some(found) = clauses.next() else {
            self.stale.push(format!("{place}: `{policy}` has no clause `{clause}`"));
            return;
        };
        let sight = if *never { &mut found.when_true } else { &mut found.when_false };
        match sight {
            Sight::Unseen => *sight = Sight::Accepted(reason.clone()),
            Sight::Seen => {
                self.stale.push(format!("{place}: `{clause}` of `{policy}` was seen {never}"));
            }
            Sight::Impossible => self.stale.push(format!(
                "{place}: that `{clause}` of `{policy}` is never {never} is known without a reason"
            )),
            Sight::Accepted(_) => {
                self.stale.push(format!("{place}: there is a reason for `{clause}` already"));
            }
        }
    }

    /// The outcomes of all clauses.
    pub fn share(&self) -> Share {
        Share::of(&self.policies)
    }

    /// How many policies were satisfied.
    pub fn satisfied(&self) -> usize {
        self.policies.iter().filter(|policy| policy.satisfied).count()
    }

    /// The policies of each file, in the order of the files.
    pub fn files(&self) -> impl Iterator<Item = (&str, &[CoveredPolicy])> {
        let chunks = self.policies.chunk_by(|one, next| one.file == next.file);
        chunks.filter_map(|chunk| Some((chunk.first()?.file.as_str(), chunk)))
    }
}

/// The reasons of all suites.
pub fn accepted(suites: &[Suite]) -> Vec<AcceptedClause> {
    suites.iter().flat_map(|suite| suite.accepted_clauses.iter().cloned()).collect()
}

// === impl CoveredClause ===

impl CoveredClause {
    fn of(clause: &Clause, seen: [bool; 2], possible: [bool; 2]) -> Self {
        let sight = |seen, possible| match (seen, possible) {
            (true, _) => Sight::Seen,
            (false, true) => Sight::Unseen,
            (false, false) => Sight::Impossible,
        };
        let [seen_true, seen_false] = seen;
        let [may_be_true, may_be_false] = possible;
        Self {
            kind: clause.kind,
            span: clause.span.clone(),
            line: clause.line,
            source: clause.source.clone(),
            when_true: sight(seen_true, may_be_true),
            when_false: sight(seen_false, may_be_false),
        }
    }

    /// Whether this is its source, spaces disregarded.
    fn is(&self, source: &str) -> bool {
        self.source.split_whitespace().eq(source.split_whitespace())
    }

    /// The outcomes that are asked for and were not seen.
    pub fn unseen(&self) -> impl Iterator<Item = bool> {
        let both = [(true, &self.when_true), (false, &self.when_false)];
        both.into_iter().filter(|(_, sight)| **sight == Sight::Unseen).map(|(value, _)| value)
    }
}

// === impl Share ===

impl Share {
    /// Of some policies.
    pub fn of(policies: &[CoveredPolicy]) -> Self {
        let mut share = Self::default();
        let clauses = policies.iter().flat_map(|policy| &policy.clauses);
        for sight in clauses.flat_map(|clause| [&clause.when_true, &clause.when_false]) {
            share.seen += usize::from(*sight == Sight::Seen);
            share.asked += usize::from(matches!(sight, Sight::Seen | Sight::Unseen));
        }
        share
    }

    /// In percent; 100 where nothing is asked for.
    #[expect(clippy::cast_precision_loss, reason = "there are fewer clauses than 2^52")]
    pub fn percent(self) -> f64 {
        if self.asked == 0 { 100.0 } else { self.seen as f64 * 100.0 / self.asked as f64 }
    }
}
