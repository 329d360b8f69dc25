//! What a condition asks of the places of principal and resource in the data, as far as indexes can
//! answer it: who is in what, and who is what.
//!
//! A demand is necessary and not sufficient: a request that satisfies the condition meets it, and
//! one that meets it may still fail the condition. A conjunction whose parts are not all understood
//! is therefore still worth something, while a disjunction needs all of them.

use cedar_policy::EntityUid;
use cedar_policy_core::ast::{BinaryOp, Expr, ExprKind, Literal, Var};
use smol_str::SmolStr;

/// What must hold wherever a condition does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Demand {
    /// Nothing that is understood.
    Open,
    /// The first is the second or below it.
    In(Path, Path),
    /// They are one.
    Eq(Path, Path),
    /// All of these.
    All(Vec<Demand>),
    /// At least one of these.
    Any(Vec<Demand>),
}

/// A value that is found by reading attributes: `resource.owner`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) root: Root,
    pub(crate) attributes: Vec<SmolStr>,
}

/// Where a path begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Root {
    /// The principal.
    Principal,
    /// The resource.
    Resource,
    /// An entity that the policy names.
    Named(EntityUid),
}

// === impl Path ===

impl Path {
    /// A path that reads nothing.
    pub(crate) fn root(root: Root) -> Self {
        Self { root, attributes: Vec::new() }
    }

    fn of(expr: &Expr) -> Option<Self> {
        match expr.expr_kind() {
            ExprKind::Var(Var::Principal) => Some(Self::root(Root::Principal)),
            ExprKind::Var(Var::Resource) => Some(Self::root(Root::Resource)),
            ExprKind::Lit(Literal::EntityUID(uid)) => {
                Some(Self::root(Root::Named(EntityUid::from(uid.as_ref().clone()))))
            }
            ExprKind::GetAttr { expr, attr } => {
                let mut path = Self::of(expr)?;
                path.attributes.push(attr.clone());
                Some(path)
            }
            _ => None,
        }
    }
}

// === impl Demand ===

impl Demand {
    /// The demand of a condition. Depth is bounded by the gate.
    pub(super) fn of(condition: &Expr) -> Self {
        match condition.expr_kind() {
            ExprKind::And { left, right } => {
                let mut parts = Vec::new();
                for side in [left, right] {
                    match Self::of(side) {
                        Self::Open => {}
                        Self::All(more) => parts.extend(more),
                        part => parts.push(part),
                    }
                }
                if parts.is_empty() { Self::Open } else { Self::All(parts) }
            }
            ExprKind::Or { left, right } => match (Self::of(left), Self::of(right)) {
                (Self::Open, _) | (_, Self::Open) => Self::Open,
                (left, right) => Self::Any(vec![left, right]),
            },
            ExprKind::BinaryApp { op: BinaryOp::Eq, arg1, arg2 } => {
                match (Path::of(arg1), Path::of(arg2)) {
                    (Some(left), Some(right)) => Self::Eq(left, right),
                    _ => Self::Open,
                }
            }
            ExprKind::BinaryApp { op: BinaryOp::In, arg1, arg2 } => Self::membership(arg1, arg2),
            _ => Self::Open,
        }
    }

    fn membership(left: &Expr, right: &Expr) -> Self {
        let Some(left) = Path::of(left) else { return Self::Open };
        if let ExprKind::Set(elements) = right.expr_kind() {
            let each = elements.iter().map(Path::of);
            let each = each.map(|right| right.map(|right| Self::In(left.clone(), right)));
            return each.collect::<Option<_>>().map_or(Self::Open, Self::Any);
        }
        Path::of(right).map_or(Self::Open, |right| Self::In(left, right))
    }
}
