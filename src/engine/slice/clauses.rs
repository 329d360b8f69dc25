//! A policy's text, taken apart into clauses: the three parts of its scope, and every conjunct of
//! every `when` and `unless`, each with its span and as an expression that is evaluated by itself.
//!
//! The spans are those of Cedar's concrete syntax tree, which alone keeps what its author wrote: the
//! abstract one folds `true && false` and has no scope. Each conjunct is parsed again by itself;
//! what an expression means does not depend on what stands beside it.

use std::ops::Range;

use cedar_policy_core::ast::{self, Expr, SlotEnv};
use cedar_policy_core::evaluator::Evaluator;
use cedar_policy_core::parser::{Loc, Node, cst, text_to_cst};

use super::{Condition, Scene, Slice};
use crate::engine::clauses::{ClauseKind, Outcome};
use crate::engine::policies::chain;

/// A clause as it stands in the text of its policy.
pub(crate) struct Part {
    pub(crate) kind: ClauseKind,
    /// The number of its `when` or `unless` among those of the policy; 0 for the scope.
    pub(crate) block: usize,
    /// In bytes of the policy's text.
    pub(crate) span: Range<usize>,
    /// A part of a scope that names nothing but its variable.
    pub(crate) open: bool,
    /// What is evaluated; nothing for the scope.
    pub(crate) term: Option<Term>,
}

/// One conjunct as an expression.
#[derive(Debug, Clone)]
pub(crate) struct Term(Expr);

/// A conjunct of a policy, as evaluation walks them.
#[derive(Clone, Copy)]
pub(crate) struct Step<'a> {
    pub(crate) kind: ClauseKind,
    pub(crate) block: usize,
    pub(crate) term: &'a Term,
}

/// The clauses of one policy or template, in the order in which they are evaluated. The text has
/// passed the gate and Cedar's parser; `None` says that the two do not agree, which no text is known
/// to make them.
pub(crate) fn parts(text: &str) -> Option<Vec<Part>> {
    let parsed = text_to_cst::parse_policy(text).ok()?;
    let Some(cst::Policy::Policy(policy)) = &parsed.node else { return None };
    let mut parts = Vec::with_capacity(6);
    let kinds = [ClauseKind::Principal, ClauseKind::Action, ClauseKind::Resource];
    for (variable, kind) in policy.variables.iter().zip(kinds) {
        let of_scope = variable.node.as_ref()?;
        parts.push(Part {
            kind,
            block: 0,
            span: span(variable)?,
            open: of_scope.entity_type.is_none() && of_scope.ineq.is_none(),
            term: None,
        });
    }
    for (block, condition) in policy.conds.iter().enumerate() {
        let condition = condition.node.as_ref()?;
        let kind = match condition.cond.node.as_ref()? {
            cst::Ident::When => ClauseKind::When,
            cst::Ident::Unless => ClauseKind::Unless,
            _ => return None,
        };
        let mut spans = Vec::new();
        conjuncts(condition.expr.as_ref()?, &mut spans)?;
        for span in spans {
            let term = Some(Term(text.get(span.clone())?.parse().ok()?));
            parts.push(Part { kind, block, span, open: false, term });
        }
    }
    Some(parts)
}

/// The same for a text that could not be taken apart: its condition is one clause.
pub(crate) fn whole(text: &str, condition: Option<&Condition>) -> Vec<Part> {
    let part = |kind, term| Part { kind, block: 0, span: 0..text.len(), open: false, term };
    let kinds = [ClauseKind::Principal, ClauseKind::Action, ClauseKind::Resource];
    let mut parts: Vec<Part> = kinds.into_iter().map(|kind| part(kind, None)).collect();
    let condition = condition.map(|condition| Term(Expr::clone(&condition.expr)));
    parts.extend(condition.map(|term| part(ClauseKind::When, Some(term))));
    parts
}

/// The spans of the operands of `&&`, brackets around conjunctions taken away. Depth is bounded by
/// the gate.
fn conjuncts(expr: &Node<Option<cst::Expr>>, found: &mut Vec<Range<usize>>) -> Option<()> {
    let whole = span(expr)?;
    let Some(cst::Expr::Expr(inner)) = &expr.node else { return None };
    let cst::ExprData::Or(or) = &*inner.expr else {
        found.push(whole);
        return Some(());
    };
    let or = or.node.as_ref()?;
    if !or.extended.is_empty() {
        found.push(whole);
        return Some(());
    }
    let and = or.initial.node.as_ref()?;
    for relation in std::iter::once(&and.initial).chain(&and.extended) {
        match in_brackets(relation) {
            // `(a && b)` is two conjuncts, `(a || b)` one, with its brackets.
            Some(inner) if is_conjunction(inner) => conjuncts(inner, found)?,
            _ => found.push(span(relation)?),
        }
    }
    Some(())
}

/// What stands between the brackets, where a relation is nothing but an expression in brackets.
fn in_brackets(relation: &Node<Option<cst::Relation>>) -> Option<&Node<Option<cst::Expr>>> {
    let cst::Relation::Common { initial, extended } = relation.node.as_ref()? else { return None };
    let add = initial.node.as_ref().filter(|add| extended.is_empty() && add.extended.is_empty())?;
    let product = add.initial.node.as_ref().filter(|product| product.extended.is_empty())?;
    let unary = product.initial.node.as_ref().filter(|unary| unary.op.is_none())?;
    let member = unary.item.node.as_ref().filter(|member| member.access.is_empty())?;
    match member.item.node.as_ref()? {
        cst::Primary::Expr(inner) => Some(inner),
        _ => None,
    }
}

/// Whether an expression is operands of `&&`, in however many brackets, rather than one of `||` or
/// an `if`.
fn is_conjunction(expr: &Node<Option<cst::Expr>>) -> bool {
    let Some(cst::Expr::Expr(inner)) = &expr.node else { return false };
    let cst::ExprData::Or(or) = &*inner.expr else { return false };
    or.node.as_ref().is_some_and(|or| or.extended.is_empty())
}

fn span<T>(node: &Node<T>) -> Option<Range<usize>> {
    node.loc.as_ref().map(|loc: &Loc| loc.start()..loc.end())
}

// === impl Scene ===

impl Scene<'_> {
    /// Evaluates the conjuncts of one policy whose scope holds, in Cedar's order and no further than
    /// Cedar does: what comes behind a conjunct that settles the policy is not reached.
    pub(crate) fn walk<'s>(
        &self,
        slice: &Slice,
        steps: impl Iterator<Item = Step<'s>>,
    ) -> Vec<Outcome> {
        self.with_evaluator(slice, |evaluator| {
            let mut outcomes = Vec::new();
            let mut steps = steps.peekable();
            let mut settled = false;
            // Within an `unless`, what comes behind a conjunct that is false is not reached either,
            // but the next block is.
            let mut passed = None;
            while let Some(step) = steps.next() {
                let skipped = passed == Some(step.block);
                let outcome = if settled || skipped {
                    Outcome::NotReached
                } else {
                    step.term.outcome(evaluator)
                };
                let ends_block = steps.peek().is_none_or(|next| next.block != step.block);
                match (&outcome, step.kind) {
                    (Outcome::Error(_), _) | (Outcome::NotSatisfied, ClauseKind::When) => {
                        settled = true;
                    }
                    (Outcome::NotSatisfied, _) => passed = Some(step.block),
                    // All conjuncts of an `unless` are true.
                    (Outcome::Satisfied, ClauseKind::Unless) => settled |= ends_block,
                    (Outcome::Satisfied | Outcome::NotReached, _) => {}
                }
                outcomes.push(outcome);
            }
            outcomes
        })
    }
}

impl Scene<'_> {
    /// What each conjunct comes to by itself, whatever the others do.
    pub(crate) fn each<'s>(
        &self,
        slice: &Slice,
        steps: impl Iterator<Item = Step<'s>>,
    ) -> Vec<Outcome> {
        self.with_evaluator(slice, |evaluator| {
            steps.map(|step| step.term.outcome(evaluator)).collect()
        })
    }
}

// === impl Term ===

impl Term {
    pub(super) fn expr(&self) -> &Expr {
        &self.0
    }

    fn outcome(&self, evaluator: &Evaluator<'_>) -> Outcome {
        match evaluator.interpret(&self.0, &SlotEnv::new()) {
            Ok(value) => match value.value_kind() {
                ast::ValueKind::Lit(ast::Literal::Bool(true)) => Outcome::Satisfied,
                ast::ValueKind::Lit(ast::Literal::Bool(false)) => Outcome::NotSatisfied,
                // Validation leaves no condition that is something else than a boolean.
                _ => Outcome::Error("the condition is not a boolean".to_owned()),
            },
            Err(error) => Outcome::Error(chain(&error)),
        }
    }
}
