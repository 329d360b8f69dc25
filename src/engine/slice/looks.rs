//! Whether a condition looks at who principal and resource are, or only at what they have.
//!
//! `resource.owner in principal.owner` is the same for all principals with one owner, and
//! `principal in Role::"reader"` for all with the same parents, `Role::"reader"` itself apart.
//! `resource.owner == principal` is another matter: it tells apart what has the same attributes.

use cedar_policy_core::ast::{BinaryOp, Expr, ExprKind, Literal, Var};

/// For which sides it matters who they are, and not only what they have. Entities that policies
/// name are told from others at any rate and count for neither.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Looks {
    pub(crate) at_principal: bool,
    pub(crate) at_resource: bool,
}

// === impl Looks ===

impl Looks {
    /// What a condition looks at.
    pub(crate) fn of(condition: &Expr) -> Self {
        let mut looks = Self::default();
        looks.visit(condition);
        looks
    }

    /// Walks an expression. Depth is bounded by the gate.
    fn visit(&mut self, expr: &Expr) {
        match expr.expr_kind() {
            ExprKind::Var(Var::Principal) => self.at_principal = true,
            ExprKind::Var(Var::Resource) => self.at_resource = true,
            ExprKind::GetAttr { expr, .. }
            | ExprKind::HasAttr { expr, .. }
            | ExprKind::ExtHasAttr { expr, .. }
            | ExprKind::Is { expr, .. } => self.visit_inside(expr),
            ExprKind::BinaryApp { op: BinaryOp::GetTag | BinaryOp::HasTag, arg1, arg2 } => {
                self.visit_inside(arg1);
                self.visit(arg2);
            }
            ExprKind::BinaryApp { op: BinaryOp::In, arg1, arg2 } if are_named(arg2) => {
                self.visit_inside(arg1);
            }
            ExprKind::BinaryApp { op: BinaryOp::Eq, arg1, arg2 } if are_named(arg2) => {
                self.visit_inside(arg1);
            }
            ExprKind::BinaryApp { op: BinaryOp::Eq, arg1, arg2 } if are_named(arg1) => {
                self.visit_inside(arg2);
            }
            ExprKind::BinaryApp { arg1, arg2, .. } => {
                self.visit(arg1);
                self.visit(arg2);
            }
            ExprKind::And { left, right } | ExprKind::Or { left, right } => {
                self.visit(left);
                self.visit(right);
            }
            ExprKind::If { test_expr, then_expr, else_expr } => {
                self.visit(test_expr);
                self.visit(then_expr);
                self.visit(else_expr);
            }
            ExprKind::UnaryApp { arg: expr, .. } | ExprKind::Like { expr, .. } => self.visit(expr),
            ExprKind::ExtensionFunctionApp { args, .. } | ExprKind::Set(args) => {
                args.iter().for_each(|arg| self.visit(arg));
            }
            ExprKind::Record(members) => members.values().for_each(|member| self.visit(member)),
            // Nothing is known of what is unknown.
            ExprKind::Unknown(_) => (self.at_principal, self.at_resource) = (true, true),
            ExprKind::Lit(_) | ExprKind::Slot(_) | ExprKind::Var(Var::Action | Var::Context) => {}
        }
    }

    /// Walks what is looked into: a principal or a resource there is not looked at.
    fn visit_inside(&mut self, expr: &Expr) {
        if !matches!(expr.expr_kind(), ExprKind::Var(Var::Principal | Var::Resource)) {
            self.visit(expr);
        }
    }
}

/// Whether an expression is an entity that the policy names, or a set of such.
fn are_named(expr: &Expr) -> bool {
    let is_named = |expr: &Expr| matches!(expr.expr_kind(), ExprKind::Lit(Literal::EntityUID(_)));
    match expr.expr_kind() {
        ExprKind::Set(elements) => elements.iter().all(is_named),
        _ => is_named(expr),
    }
}
