//! Which outcomes of a clause can be at all, as far as Cedar's validator knows: a policy is made
//! that is satisfied just where evaluation gets to the clause and the clause is so, and the
//! validator is asked whether it can ever be.

use cedar_policy::{Policy, PolicySet, Schema, ValidationMode, ValidationWarning, Validator};

use crate::engine::clauses::{Clause, ClauseKind};
use crate::engine::policies::PolicyInfo;
use crate::engine::{Snapshot, gate};

/// A slot, and the annotation that says which types may fill it.
const SLOTS: [(&str, &str); 2] = [("?principal", "slot_principal"), ("?resource", "slot_resource")];

/// Of each clause whether it can be true, and whether it can be false.
pub(super) fn outcomes(
    snapshot: &Snapshot,
    info: &PolicyInfo,
    clauses: &[Clause],
) -> Vec<[bool; 2]> {
    gate::on_large_stack(|| {
        let asked = Asked { schema: &snapshot.schema().cedar, info, clauses };
        let both = |at: usize| [asked.can_be(at, true), asked.can_be(at, false)];
        (0..clauses.len()).map(both).collect()
    })
}

/// A policy, and the schema that it is asked about in.
struct Asked<'a> {
    schema: &'a Schema,
    info: &'a PolicyInfo,
    clauses: &'a [Clause],
}

// === impl Asked ===

impl Asked<'_> {
    /// Whether a clause can come to this. What cannot be asked counts as possible.
    fn can_be(&self, at: usize, value: bool) -> bool {
        let Some(clause) = self.clauses.get(at) else { return true };
        if clause.open {
            return value;
        }
        let mut scope = ["principal", "action", "resource"].map(str::to_owned);
        for (part, clause) in scope.iter_mut().zip(self.clauses.iter().take(at)) {
            if clause.kind.is_scope() {
                part.clone_from(&clause.source);
            }
        }
        let mut conditions = self.before(at);
        let not = if value { "" } else { "!" };
        conditions.push(format!("{not}({})", clause.source));
        let text = format!("permit ({}) when {{ {} }};", scope.join(", "), conditions.join(" && "));
        let filled = self.filled(vec![text], 0);
        filled.iter().any(|text| self.is_satisfiable(text))
    }

    /// What holds when evaluation gets to a clause, the scope left out.
    fn before(&self, at: usize) -> Vec<String> {
        let before = self.clauses.get(..at).unwrap_or_default();
        let own = self.clauses.get(at).map(|clause| clause.block);
        let is_own = |clause: &Clause| Some(clause.block) == own;
        let conditions: Vec<&Clause> =
            before.iter().filter(|clause| !clause.kind.is_scope()).collect();
        let mut all = Vec::new();
        for block in conditions.chunk_by(|one, next| one.block == next.block) {
            let Some(first) = block.first() else { continue };
            let terms = block.iter().map(|clause| format!("({})", clause.source));
            let whole = terms.collect::<Vec<_>>().join(" && ");
            // Of its own block the clauses before it were true, of an `unless` before it one was not.
            let passed = first.kind == ClauseKind::Unless && !is_own(first);
            all.push(if passed { format!("!({whole})") } else { whole });
        }
        all
    }

    /// The texts with every type in each slot that its annotation names.
    fn filled(&self, texts: Vec<String>, slot: usize) -> Vec<String> {
        let Some((name, annotation)) = SLOTS.get(slot) else { return texts };
        let types = self.info.annotations.get(*annotation).map(String::as_str);
        let types: Vec<&str> =
            types.into_iter().flat_map(|it| it.split(',')).map(str::trim).collect();
        if types.is_empty() || !texts.iter().any(|text| text.contains(name)) {
            return self.filled(texts, slot + 1);
        }
        let with = |text: &String| {
            let one = |ty: &&str| text.replace(name, &format!("{ty}::\"\""));
            types.iter().map(one).collect::<Vec<_>>()
        };
        self.filled(texts.iter().flat_map(with).collect(), slot + 1)
    }

    fn is_satisfiable(&self, text: &str) -> bool {
        let Ok(policy) = Policy::parse(None, text) else { return true };
        let Ok(set) = PolicySet::from_policies([policy]) else { return true };
        let validator = Validator::new(self.schema.clone());
        let result = validator.validate(&set, ValidationMode::Strict);
        let impossible =
            |warning: &ValidationWarning| matches!(warning, ValidationWarning::ImpossiblePolicy(_));
        result.validation_errors().next().is_some() || !result.validation_warnings().any(impossible)
    }
}
