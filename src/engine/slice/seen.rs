//! What a conjunct looks at, for people: the attributes that it reads with their values, and who it
//! asks to be in what. Values that the schema declares secret are never put into words.

use std::collections::BTreeSet;

use cedar_policy::EntityUid;
use cedar_policy_core::ast::{
    self, BinaryOp, Expr, ExprKind, Literal, SlotEnv, UnaryOp, Value, ValueKind, Var,
};
use cedar_policy_core::evaluator::Evaluator;

use super::clauses::Term;
use super::{Condition, Scene, Slice};
use crate::engine::schema::{Record, SchemaInfo, Type, TypeInfo};

/// How many values and memberships of one conjunct are told.
const TOLD_MAX: usize = 16;
/// How many elements of a set, or members of a record, are written out.
const ELEMENTS_MAX: usize = 8;
/// How many characters of a value are written out.
const VALUE_CHARS_MAX: usize = 240;
/// What stands in the place of a value that is secret.
pub(crate) const SECRET: &str = "(secret)";

/// What a conjunct looks at.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) reads: Vec<Read>,
    pub(crate) memberships: Vec<Membership>,
}

/// A value that is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Read {
    /// As Cedar writes it: `resource.owner`.
    pub(crate) expression: String,
    /// As Cedar writes it, shortened; `None` where nothing is there.
    pub(crate) value: Option<String>,
    pub(crate) secret: bool,
}

/// An entity that is asked to be another, or below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Membership {
    /// What is asked about, as Cedar writes it.
    pub(crate) expression: String,
    pub(crate) from: EntityUid,
    /// In any of these.
    pub(crate) groups: Vec<EntityUid>,
}

/// What is known of an expression without evaluating it.
#[derive(Clone, Copy)]
pub(super) struct Known<'s> {
    ty: Shape<'s>,
    /// Whether its value, or something on the way to it, is secret.
    pub(super) secret: bool,
}

#[derive(Clone, Copy)]
enum Shape<'s> {
    Entity(&'s TypeInfo),
    Record(&'s Record),
    Other(&'s Type),
}

/// Evaluates the parts of conjuncts.
pub(super) struct Eye<'e> {
    pub(super) evaluator: &'e Evaluator<'e>,
    pub(super) schema: &'e SchemaInfo,
    pub(super) principal: &'e EntityUid,
    pub(super) action: &'e EntityUid,
    pub(super) resource: &'e EntityUid,
}

// === impl Scene ===

impl Scene<'_> {
    /// What a conjunct looks at.
    pub(crate) fn see(&self, slice: &Slice, schema: &SchemaInfo, term: &Term) -> Seen {
        self.with_eye(slice, schema, |eye| {
            let mut seen = Seen::default();
            eye.visit(term.expr(), &mut seen);
            seen
        })
    }

    pub(super) fn with_eye<T>(
        &self,
        slice: &Slice,
        schema: &SchemaInfo,
        work: impl FnOnce(&Eye<'_>) -> T,
    ) -> T {
        self.with_evaluator(slice, |evaluator| {
            work(&Eye {
                evaluator,
                schema,
                principal: self.principal.0,
                action: self.action,
                resource: self.resource.0,
            })
        })
    }
}

// === impl Condition, Term ===

impl Condition {
    /// Whether an attribute of one of these names is read, of whatever it may be.
    pub(crate) fn reads_any(&self, names: &BTreeSet<String>) -> bool {
        reads_any(&self.expr, names)
    }
}

impl Term {
    /// Whether an attribute of one of these names is read, of whatever it may be.
    pub(crate) fn reads_any(&self, names: &BTreeSet<String>) -> bool {
        reads_any(self.expr(), names)
    }
}

pub(super) fn reads_any(expr: &Expr, names: &BTreeSet<String>) -> bool {
    expr.subexpressions().any(|part| match part.expr_kind() {
        ExprKind::GetAttr { attr, .. } | ExprKind::HasAttr { attr, .. } => {
            names.contains(attr.as_str())
        }
        // Whether an attribute of a tag's value is read is told by the attribute.
        _ => false,
    })
}

// === impl Eye ===

impl<'e> Eye<'e> {
    pub(super) fn value(&self, expr: &Expr) -> Option<Value> {
        self.evaluator.interpret(expr, &SlotEnv::new()).ok()
    }

    pub(super) fn entity(&self, expr: &Expr) -> Option<EntityUid> {
        entity(&self.value(expr)?)
    }

    pub(super) fn holds(&self, expr: &Expr) -> Option<bool> {
        match self.value(expr)?.value_kind() {
            ValueKind::Lit(Literal::Bool(value)) => Some(*value),
            _ => None,
        }
    }

    /// What is known of a path: a variable or an entity, and attributes and tags from there on.
    pub(super) fn known(&self, expr: &Expr) -> Option<Known<'e>> {
        let plain = |ty| Some(Known { ty, secret: false });
        match expr.expr_kind() {
            ExprKind::Var(Var::Principal) => {
                plain(Shape::Entity(self.schema.entity_type_of(self.principal)?))
            }
            ExprKind::Var(Var::Resource) => {
                plain(Shape::Entity(self.schema.entity_type_of(self.resource)?))
            }
            ExprKind::Var(Var::Context) => {
                plain(Shape::Record(&self.schema.action(self.action)?.context))
            }
            ExprKind::Lit(Literal::EntityUID(uid)) => {
                let uid = EntityUid::from(uid.as_ref().clone());
                plain(Shape::Entity(self.schema.entity_type_of(&uid)?))
            }
            ExprKind::GetAttr { expr, attr } => self.member(self.known(expr)?, attr),
            ExprKind::BinaryApp { op: BinaryOp::GetTag, arg1, .. } => {
                let of = self.known(arg1)?;
                let Shape::Entity(info) = of.ty else { return None };
                Some(Known { ty: self.shape(info.tags.as_ref()?), secret: of.secret })
            }
            _ => None,
        }
    }

    fn member(&self, of: Known<'e>, name: &str) -> Option<Known<'e>> {
        let members = match of.ty {
            Shape::Entity(info) => &info.attributes,
            Shape::Record(record) => record,
            Shape::Other(_) => return None,
        };
        let member = members.get(name)?;
        Some(Known { ty: self.shape(&member.ty), secret: of.secret || member.secret })
    }

    fn shape(&self, ty: &'e Type) -> Shape<'e> {
        match ty {
            Type::Entity(name) => match self.schema.entity_type(name) {
                Some(info) => Shape::Entity(info),
                None => Shape::Other(ty),
            },
            Type::Record(record) => Shape::Record(record),
            other => Shape::Other(other),
        }
    }

    /// Depth is bounded by the gate.
    fn visit(&self, expr: &Expr, seen: &mut Seen) {
        match expr.expr_kind() {
            ExprKind::GetAttr { expr: of, .. } => match self.known(expr) {
                Some(known) => self.read(expr, known, seen),
                None => self.visit(of, seen),
            },
            ExprKind::HasAttr { expr: of, attr } => {
                let read = Expr::get_attr(Expr::clone(of), attr.clone());
                match self.known(&read) {
                    Some(known) => self.read(&read, known, seen),
                    None => self.visit(of, seen),
                }
            }
            ExprKind::BinaryApp { op: BinaryOp::In, arg1, arg2 } => {
                self.membership(arg1, arg2, seen);
                self.visit(arg1, seen);
                self.visit(arg2, seen);
            }
            ExprKind::BinaryApp { op: BinaryOp::GetTag, arg1, arg2 } => {
                match self.known(expr) {
                    Some(known) => self.read(expr, known, seen),
                    None => self.visit(arg1, seen),
                }
                self.visit(arg2, seen);
            }
            ExprKind::BinaryApp { arg1, arg2, .. } => {
                for side in [arg1, arg2] {
                    // Whose names they are, a comparison has to tell; a membership does anyway.
                    if let ExprKind::Var(Var::Principal | Var::Resource) = side.expr_kind()
                        && let Some(known) = self.known(side)
                    {
                        self.read(side, known, seen);
                    }
                    self.visit(side, seen);
                }
            }
            ExprKind::If { test_expr, then_expr, else_expr } => {
                for part in [test_expr, then_expr, else_expr] {
                    self.visit(part, seen);
                }
            }
            ExprKind::And { left, right } | ExprKind::Or { left, right } => {
                self.visit(left, seen);
                self.visit(right, seen);
            }
            ExprKind::UnaryApp {
                op: UnaryOp::Not | UnaryOp::Neg | UnaryOp::IsEmpty,
                arg: part,
            }
            | ExprKind::Like { expr: part, .. }
            | ExprKind::Is { expr: part, .. } => self.visit(part, seen),
            ExprKind::ExtensionFunctionApp { args, .. } | ExprKind::Set(args) => {
                args.iter().for_each(|part| self.visit(part, seen));
            }
            ExprKind::Record(members) => {
                members.values().for_each(|part| self.visit(part, seen));
            }
            _ => {}
        }
    }

    fn read(&self, expr: &Expr, known: Known<'_>, seen: &mut Seen) {
        if seen.reads.len() >= TOLD_MAX {
            return;
        }
        let expression = expr.to_string();
        if seen.reads.iter().any(|read| read.expression == expression) {
            return;
        }
        let value = self.value(expr).map(|value| {
            if known.secret { SECRET.to_owned() } else { self.written(&value, Some(known.ty)) }
        });
        seen.reads.push(Read { expression, value, secret: known.secret });
    }

    fn membership(&self, left: &Expr, right: &Expr, seen: &mut Seen) {
        let secret = |side: &Expr| self.known(side).is_some_and(|known| known.secret);
        if seen.memberships.len() >= TOLD_MAX || secret(left) || secret(right) {
            return;
        }
        let (Some(from), Some(right)) = (self.entity(left), self.value(right)) else { return };
        let groups = match right.value_kind() {
            ValueKind::Set(set) => set.iter().take(TOLD_MAX).filter_map(entity).collect(),
            _ => entity(&right).into_iter().collect(),
        };
        let membership = Membership { expression: left.to_string(), from, groups };
        if !seen.memberships.contains(&membership) {
            seen.memberships.push(membership);
        }
    }

    /// A value as Cedar writes it, shortened, what is secret in it left out. Without a type nothing
    /// is known of a record's members, so none is written.
    fn written(&self, value: &Value, ty: Option<Shape<'e>>) -> String {
        let text = match value.value_kind() {
            ValueKind::Lit(Literal::String(text)) => format!("\"{}\"", text.escape_debug()),
            ValueKind::Lit(Literal::EntityUID(uid)) => {
                EntityUid::from(uid.as_ref().clone()).to_string()
            }
            ValueKind::Lit(literal) => literal.to_string(),
            ValueKind::Set(set) => {
                let element = match ty {
                    Some(Shape::Other(Type::Set(element))) => Some(self.shape(element)),
                    _ => None,
                };
                let shown = set.iter().take(ELEMENTS_MAX);
                let shown = shown.map(|value| self.written(value, element));
                listed(shown.collect(), set.len(), '[', ']')
            }
            ValueKind::Record(members) => {
                let Some(Shape::Record(declared)) = ty else { return "{…}".to_owned() };
                let shown = members.iter().take(ELEMENTS_MAX).map(|(name, value)| {
                    let value = match declared.get(name.as_str()) {
                        Some(member) if !member.secret => {
                            self.written(value, Some(self.shape(&member.ty)))
                        }
                        _ => SECRET.to_owned(),
                    };
                    format!("{name}: {value}")
                });
                listed(shown.collect(), members.len(), '{', '}')
            }
            ValueKind::ExtensionValue(_) => Expr::from(value.clone()).to_string(),
        };
        shortened(text)
    }

    /// The same of the value of a path, or of one of which nothing is known.
    pub(super) fn told(&self, value: &Value, known: Option<Known<'e>>) -> String {
        match known {
            Some(known) if known.secret => SECRET.to_owned(),
            known => self.written(value, known.map(|known| known.ty)),
        }
    }
}

fn listed(mut shown: Vec<String>, all: usize, open: char, close: char) -> String {
    if all > shown.len() {
        shown.push(format!("… {} more", all - shown.len()));
    }
    format!("{open}{}{close}", shown.join(", "))
}

fn shortened(text: String) -> String {
    if text.chars().count() <= VALUE_CHARS_MAX {
        return text;
    }
    text.chars().take(VALUE_CHARS_MAX).chain(['…']).collect()
}

pub(super) fn entity(value: &Value) -> Option<EntityUid> {
    match value.value_kind() {
        ValueKind::Lit(ast::Literal::EntityUID(uid)) => Some(EntityUid::from(uid.as_ref().clone())),
        _ => None,
    }
}
