//! A condition as it is for one action and one pair of types: `resource is Device` is true or false
//! then, `action in Action::"Write"` too, and what follows from either is gone. Two conditions that
//! are the same then say the same there, whatever else they say of other types.

use std::sync::Arc;

use cedar_policy::{EntityTypeName, EntityUid};
use cedar_policy_core::ast::{
    BinaryOp, EntityType, EntityUID, Expr, ExprKind, Literal, UnaryOp, Var,
};

use super::Condition;

/// The action and the types for which conditions are folded.
pub(crate) struct Situation<'a> {
    pub(crate) principal: &'a EntityTypeName,
    pub(crate) action: &'a EntityUid,
    pub(crate) resource: &'a EntityTypeName,
    /// Whether the action is another one or in it.
    pub(crate) is_action_in: &'a dyn Fn(&EntityUid) -> bool,
    /// Whether only satisfaction counts, so that what errs is as good as false.
    pub(crate) erring_is_false: bool,
}

/// What is left of a condition.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Folded {
    /// It is always this.
    Bool(bool),
    /// It depends on more.
    Rest(Arc<Expr>),
}

// === impl Condition ===

impl Condition {
    /// What is left of it in a situation.
    pub(crate) fn folded(&self, situation: &Situation<'_>) -> Folded {
        situation.fold(&self.expr, situation.erring_is_false)
    }
}

// === impl Folded ===

impl Folded {
    /// Whether it speaks of the action of the request.
    pub(crate) fn names_the_action(&self) -> bool {
        let Self::Rest(expr) = self else { return false };
        expr.subexpressions().any(is_action)
    }

    /// Whether it asks for what is in what, which depends on the schema where actions are asked for.
    pub(crate) fn asks_for_membership(&self) -> bool {
        let Self::Rest(expr) = self else { return false };
        let asks =
            |part: &Expr| matches!(part.expr_kind(), ExprKind::BinaryApp { op: BinaryOp::In, .. });
        expr.subexpressions().any(asks)
    }

    fn expr(self) -> Arc<Expr> {
        match self {
            Self::Bool(value) => Arc::new(Expr::val(value)),
            Self::Rest(expr) => expr,
        }
    }
}

// === impl Situation ===

impl Situation<'_> {
    /// Folds what is a boolean. Depth is bounded by the gate. Where erring is as good as being
    /// false, that goes for the parts of a conjunction too, and for no other parts: `!` and `||`
    /// make true of what is false and not of what errs.
    fn fold(&self, expr: &Arc<Expr>, erring_is_false: bool) -> Folded {
        let rest = || Folded::Rest(Arc::clone(expr));
        match expr.expr_kind() {
            ExprKind::Lit(Literal::Bool(value)) => Folded::Bool(*value),
            ExprKind::Is { expr, entity_type } => {
                let is = |name: &EntityTypeName| AsRef::<EntityType>::as_ref(name) == entity_type;
                match expr.expr_kind() {
                    ExprKind::Var(Var::Principal) => Folded::Bool(is(self.principal)),
                    ExprKind::Var(Var::Resource) => Folded::Bool(is(self.resource)),
                    _ => rest(),
                }
            }
            ExprKind::UnaryApp { op: UnaryOp::Not, arg } => match self.fold(arg, false) {
                Folded::Bool(value) => Folded::Bool(!value),
                Folded::Rest(arg) => Folded::Rest(Arc::new(Expr::not(Arc::unwrap_or_clone(arg)))),
            },
            ExprKind::And { left, right } => {
                match (self.fold(left, erring_is_false), self.fold(right, erring_is_false)) {
                    (Folded::Bool(false), _) => Folded::Bool(false),
                    (Folded::Bool(true), right) => right,
                    // Validation leaves nothing but booleans on either side.
                    (left, Folded::Bool(true)) => left,
                    (_, Folded::Bool(false)) if erring_is_false => Folded::Bool(false),
                    (left, right) => joined(Expr::and, left, right),
                }
            }
            ExprKind::Or { left, right } => match (self.fold(left, false), self.fold(right, false))
            {
                (Folded::Bool(true), _) => Folded::Bool(true),
                (Folded::Bool(false), right) => right,
                (left, Folded::Bool(false)) => left,
                (left, right) => joined(Expr::or, left, right),
            },
            ExprKind::If { test_expr, then_expr, else_expr } => match self.fold(test_expr, false) {
                Folded::Bool(true) => self.fold(then_expr, false),
                Folded::Bool(false) => self.fold(else_expr, false),
                Folded::Rest(_) => rest(),
            },
            ExprKind::BinaryApp { op: BinaryOp::In, arg1, arg2 } if is_action(arg1) => {
                self.is_in(arg2).map_or_else(rest, Folded::Bool)
            }
            ExprKind::BinaryApp { op: BinaryOp::Eq, arg1, arg2 } => {
                let other = match (is_action(arg1), is_action(arg2)) {
                    (true, false) => arg2,
                    (false, true) => arg1,
                    _ => return rest(),
                };
                match literal(other) {
                    Some(uid) => Folded::Bool(uid == *self.action),
                    None => rest(),
                }
            }
            _ => rest(),
        }
    }

    fn is_in(&self, groups: &Expr) -> Option<bool> {
        match groups.expr_kind() {
            ExprKind::Set(elements) => {
                let each = elements.iter().map(literal);
                let uids: Option<Vec<EntityUid>> = each.collect();
                Some(uids?.iter().any(|uid| (self.is_action_in)(uid)))
            }
            _ => literal(groups).map(|uid| (self.is_action_in)(&uid)),
        }
    }
}

fn joined(join: fn(Expr, Expr) -> Expr, left: Folded, right: Folded) -> Folded {
    let (left, right) = (Arc::unwrap_or_clone(left.expr()), Arc::unwrap_or_clone(right.expr()));
    Folded::Rest(Arc::new(join(left, right)))
}

fn is_action(expr: &Expr) -> bool {
    matches!(expr.expr_kind(), ExprKind::Var(Var::Action))
}

fn literal(expr: &Expr) -> Option<EntityUid> {
    match expr.expr_kind() {
        ExprKind::Lit(Literal::EntityUID(uid)) => Some(EntityUid::from(EntityUID::clone(uid))),
        _ => None,
    }
}
