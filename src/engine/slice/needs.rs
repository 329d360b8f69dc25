//! Which entities the conditions of a set of policies can look into, as paths from the request.
//!
//! `resource.owner in principal.owner` looks into the principal (for `owner`), into the resource
//! (for `owner`), and at the ancestors of the entity that `resource.owner` names; it never looks
//! into what `principal.owner` names. A slice built along such paths holds all that evaluation can
//! reach (the argument of Cedar's RFC 74 on entity slicing). Where an expression cannot be followed
//! as a path, `whole` says so, and the slice is everything reachable.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::EntityUid;
use cedar_policy_core::ast::{BinaryOp, EntityUID, Expr, ExprKind, Literal, Var};
use smol_str::SmolStr;

/// What is looked at from one entity or record on.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    /// The entity is looked into: whether it is there matters, and its attributes do.
    pub(crate) looked_into: bool,
    /// Its ancestors are asked for.
    pub(crate) ancestors: bool,
    /// Its tags are asked for.
    pub(crate) tags: bool,
    /// The attributes that are read, and what is looked at from their values on.
    pub(crate) attributes: BTreeMap<SmolStr, Node>,
}

/// What policies look at, from the request on.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Needs {
    /// Some expression could not be followed: everything reachable is needed.
    pub(crate) whole: bool,
    pub(crate) principal: Node,
    pub(crate) resource: Node,
    pub(crate) context: Node,
    /// Entities that the policies name and look into by a path.
    pub(crate) literals: BTreeMap<EntityUID, Node>,
    /// All entities that the policies name: a value that is no path may be any of them.
    pub(crate) named: BTreeSet<EntityUID>,
}

/// Where a path begins.
#[derive(Clone, PartialEq, Eq)]
enum Root {
    Principal,
    Resource,
    Context,
    Action,
    Literal(EntityUID),
}

type Path = (Root, Vec<SmolStr>);

// === impl Node ===

impl Node {
    /// Whether the entity itself has to be in the slice.
    pub(crate) fn is_needed(&self) -> bool {
        self.looked_into || self.ancestors || self.tags
    }

    fn merge(&mut self, other: &Self) {
        self.looked_into |= other.looked_into;
        self.ancestors |= other.ancestors;
        self.tags |= other.tags;
        for (name, node) in &other.attributes {
            self.attributes.entry(name.clone()).or_default().merge(node);
        }
    }
}

// === impl Needs ===

impl Needs {
    /// What one condition looks at.
    pub(crate) fn of(condition: &Expr) -> Self {
        let mut needs = Self::default();
        needs.visit(condition);
        needs
    }

    /// Adds what another condition looks at.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.whole |= other.whole;
        self.principal.merge(&other.principal);
        self.resource.merge(&other.resource);
        self.context.merge(&other.context);
        self.named.extend(other.named.iter().cloned());
        for (uid, node) in &other.literals {
            self.literals.entry(uid.clone()).or_default().merge(node);
        }
    }

    /// All entities that the policies name.
    pub(crate) fn names(&self) -> impl Iterator<Item = EntityUid> {
        self.named.iter().map(|uid| EntityUid::from(uid.clone()))
    }

    /// The entities that the policies name and look into, each with what is looked at.
    pub(crate) fn looked_into(&self) -> impl Iterator<Item = (EntityUid, &Node)> {
        self.literals.iter().map(|(uid, node)| (EntityUid::from(uid.clone()), node))
    }

    fn node(&mut self, path: &Path) -> Option<&mut Node> {
        let (root, names) = path;
        let mut node = match root {
            Root::Principal => &mut self.principal,
            Root::Resource => &mut self.resource,
            Root::Context => &mut self.context,
            // The action and its groups are in every slice.
            Root::Action => return None,
            Root::Literal(uid) => self.literals.entry(uid.clone()).or_default(),
        };
        for name in names {
            node = node.attributes.entry(name.clone()).or_default();
        }
        Some(node)
    }

    /// Marks what is behind a value that is looked into; a value that is no path could be anything.
    fn mark(&mut self, path: Option<&Path>, mark: impl FnOnce(&mut Node)) {
        match path {
            Some(path) => {
                if let Some(node) = self.node(path) {
                    mark(node);
                }
            }
            None => self.whole = true,
        }
    }

    /// Walks an expression; the path that its value has, if it is one. Depth is bounded by the gate.
    fn visit(&mut self, expr: &Expr) -> Option<Path> {
        match expr.expr_kind() {
            ExprKind::Lit(Literal::EntityUID(uid)) => {
                self.named.insert(EntityUID::clone(uid));
                Some((Root::Literal(EntityUID::clone(uid)), Vec::new()))
            }
            ExprKind::Var(var) => {
                let root = match var {
                    Var::Principal => Root::Principal,
                    Var::Action => Root::Action,
                    Var::Resource => Root::Resource,
                    Var::Context => Root::Context,
                };
                Some((root, Vec::new()))
            }
            ExprKind::GetAttr { expr, attr } => {
                let (root, mut names) = self.read(expr)?;
                names.push(attr.clone());
                // The attribute is read even where nothing is looked at behind it.
                self.mark(Some(&(root.clone(), names.clone())), |_| {});
                Some((root, names))
            }
            ExprKind::HasAttr { expr, attr } => {
                if let Some((root, mut names)) = self.read(expr) {
                    names.push(attr.clone());
                    self.mark(Some(&(root, names)), |_| {});
                }
                None
            }
            ExprKind::ExtHasAttr { expr, .. } => {
                self.visit(expr);
                self.whole = true;
                None
            }
            ExprKind::Unknown(_) => {
                self.whole = true;
                None
            }
            ExprKind::BinaryApp { op, arg1, arg2 } => {
                self.binary(*op, arg1, arg2);
                None
            }
            ExprKind::If { test_expr, then_expr, else_expr } => {
                self.visit(test_expr);
                self.visit(then_expr);
                self.visit(else_expr);
                None
            }
            ExprKind::And { left, right } | ExprKind::Or { left, right } => {
                self.visit(left);
                self.visit(right);
                None
            }
            ExprKind::UnaryApp { arg: expr, .. }
            | ExprKind::Like { expr, .. }
            | ExprKind::Is { expr, .. } => {
                self.visit(expr);
                None
            }
            ExprKind::ExtensionFunctionApp { args, .. } | ExprKind::Set(args) => {
                args.iter().for_each(|arg| _ = self.visit(arg));
                None
            }
            ExprKind::Record(members) => {
                members.values().for_each(|member| _ = self.visit(member));
                None
            }
            ExprKind::Lit(_) | ExprKind::Slot(_) => None,
        }
    }

    /// Visits what is looked into, and marks it so.
    fn read(&mut self, expr: &Expr) -> Option<Path> {
        let path = self.visit(expr);
        self.mark(path.as_ref(), |node| node.looked_into = true);
        path
    }

    fn binary(&mut self, op: BinaryOp, left: &Expr, right: &Expr) {
        let path = self.visit(left);
        self.visit(right);
        match op {
            // Only the left side's ancestors are asked for.
            BinaryOp::In => self.mark(path.as_ref(), |node| node.ancestors = true),
            BinaryOp::GetTag | BinaryOp::HasTag => {
                self.mark(path.as_ref(), |node| node.tags = true);
            }
            // What a tag's value leads to is not followed: reading it on is `whole`, by `read`.
            BinaryOp::Eq
            | BinaryOp::Less
            | BinaryOp::LessEq
            | BinaryOp::Add
            | BinaryOp::Sub
            | BinaryOp::Mul
            | BinaryOp::Contains
            | BinaryOp::ContainsAll
            | BinaryOp::ContainsAny => {}
        }
    }
}
