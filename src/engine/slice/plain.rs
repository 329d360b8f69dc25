//! Conditions of plain forms, decided on the store's numbers: `resource.owner in principal.owner`
//! is two attributes read and one line of ancestors walked, and needs no entities to be built for
//! Cedar's evaluator, which is most of what a check costs.
//!
//! What is decided here is only ever what Cedar decides: whatever is not plain, is not there, is not
//! of the type that is asked for, or could err in any way has no answer here, and the condition goes
//! to Cedar's evaluator. The oracle in the tests holds the answers that there are against Cedar's.

use cedar_policy::EntityUid;
use cedar_policy_core::ast::{
    BinaryOp, Context, EntityType, EntityUID, Expr, ExprKind, Literal, UnaryOp, Value, ValueKind,
    Var,
};
use smol_str::SmolStr;

use super::value;
use crate::engine::hash::HashMap;
use crate::engine::request::Standing;
use crate::engine::schema::SchemaInfo;
use crate::engine::snapshot::Snapshot;
use crate::engine::store::{EntityNo, Store, TypeNo, ValueRef};

/// The entities that policies name, each once; a snapshot has their numbers.
#[derive(Debug, Default)]
pub(crate) struct Names {
    uids: Vec<EntityUid>,
    places: HashMap<EntityUid, usize>,
}

/// A condition, or a part of one, that is read directly.
#[derive(Debug, Clone)]
pub(crate) enum Plain {
    Bool(bool),
    Long(i64),
    String(SmolStr),
    /// An entity by its place among the names.
    Named(usize),
    Principal,
    Resource,
    /// Whether the action is one of these or below one.
    ActionIn(Vec<EntityUid>),
    /// A member of the context.
    Context(SmolStr),
    ContextHas(SmolStr),
    Attribute(Box<Plain>, SmolStr),
    Has(Box<Plain>, SmolStr),
    Is(Box<Plain>, EntityType),
    Not(Box<Plain>),
    And(Box<Plain>, Box<Plain>),
    Or(Box<Plain>, Box<Plain>),
    If(Box<(Plain, Plain, Plain)>),
    Eq(Box<Plain>, Box<Plain>),
    /// In any of these.
    In(Box<Plain>, Vec<Plain>),
    Contains(Box<Plain>, Box<Plain>),
}

/// What plain conditions look at.
pub(crate) struct Sight<'a> {
    pub(crate) store: &'a Store,
    pub(crate) schema: &'a SchemaInfo,
    pub(crate) types: &'a HashMap<EntityType, TypeNo>,
    /// Where the numbers of the names are.
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) principal: &'a Standing,
    pub(crate) action: &'a EntityUid,
    pub(crate) resource: &'a Standing,
    /// `None` for the empty context.
    pub(crate) context: Option<&'a cedar_policy::Context>,
}

/// A value that is seen.
#[derive(Clone, Copy)]
enum Seen<'a> {
    Value(ValueRef<'a>),
    /// An entity that nothing stored is or names, so that it is none that has a number.
    Nobody,
}

// === impl Names ===

impl Names {
    /// The place of a name, which is added if it is new.
    pub(crate) fn place(&mut self, uid: &EntityUid) -> usize {
        if let Some(place) = self.places.get(uid) {
            return *place;
        }
        let place = self.uids.len();
        self.uids.push(uid.clone());
        self.places.insert(uid.clone(), place);
        place
    }

    /// The names in the order of their places.
    pub(crate) fn uids(&self) -> &[EntityUid] {
        &self.uids
    }
}

// === impl Plain ===

impl Plain {
    /// The expression as a plain one, if it is. Depth is bounded by the gate.
    pub(crate) fn of(expr: &Expr, names: &mut Names) -> Option<Self> {
        let mut inner = |expr: &Expr| Self::of(expr, names).map(Box::new);
        Some(match expr.expr_kind() {
            ExprKind::Lit(Literal::Bool(value)) => Self::Bool(*value),
            ExprKind::Lit(Literal::Long(value)) => Self::Long(*value),
            ExprKind::Lit(Literal::String(value)) => Self::String(value.clone()),
            ExprKind::Lit(Literal::EntityUID(uid)) => Self::Named(names.place(&public(uid))),
            ExprKind::Var(Var::Principal) => Self::Principal,
            ExprKind::Var(Var::Resource) => Self::Resource,
            ExprKind::GetAttr { expr, attr } if is_context(expr) => Self::Context(attr.clone()),
            ExprKind::GetAttr { expr, attr } => Self::Attribute(inner(expr)?, attr.clone()),
            ExprKind::HasAttr { expr, attr } if is_context(expr) => Self::ContextHas(attr.clone()),
            ExprKind::HasAttr { expr, attr } => Self::Has(inner(expr)?, attr.clone()),
            ExprKind::Is { expr, entity_type } => Self::Is(inner(expr)?, entity_type.clone()),
            ExprKind::UnaryApp { op: UnaryOp::Not, arg } => Self::Not(inner(arg)?),
            ExprKind::And { left, right } => Self::And(inner(left)?, inner(right)?),
            ExprKind::Or { left, right } => Self::Or(inner(left)?, inner(right)?),
            ExprKind::If { test_expr, then_expr, else_expr } => {
                Self::If(Box::new((*inner(test_expr)?, *inner(then_expr)?, *inner(else_expr)?)))
            }
            ExprKind::BinaryApp { op: BinaryOp::Eq, arg1, arg2 } => {
                Self::Eq(inner(arg1)?, inner(arg2)?)
            }
            ExprKind::BinaryApp { op: BinaryOp::Contains, arg1, arg2 } => {
                Self::Contains(inner(arg1)?, inner(arg2)?)
            }
            ExprKind::BinaryApp { op: BinaryOp::In, arg1, arg2 } => {
                if let ExprKind::Var(Var::Action) = arg1.expr_kind() {
                    return elements(arg2)
                        .map(Self::named)
                        .collect::<Option<_>>()
                        .map(Self::ActionIn);
                }
                let left = inner(arg1)?;
                let right = elements(arg2).map(|element| Self::of(element, names));
                Self::In(left, right.collect::<Option<_>>()?)
            }
            _ => return None,
        })
    }

    fn named(expr: &Expr) -> Option<EntityUid> {
        match expr.expr_kind() {
            ExprKind::Lit(Literal::EntityUID(uid)) => Some(public(uid)),
            _ => None,
        }
    }

    /// Whether the condition is satisfied; `None` where Cedar has to be asked.
    pub(crate) fn is_satisfied(&self, sight: &Sight<'_>) -> Option<bool> {
        match self {
            Self::Not(inner) => inner.is_satisfied(sight).map(|holds| !holds),
            Self::And(left, right) => {
                if left.is_satisfied(sight)? {
                    right.is_satisfied(sight)
                } else {
                    Some(false)
                }
            }
            Self::Or(left, right) => {
                if left.is_satisfied(sight)? {
                    Some(true)
                } else {
                    right.is_satisfied(sight)
                }
            }
            Self::If(parts) => {
                let (test, then, otherwise) = &**parts;
                if test.is_satisfied(sight)? { then } else { otherwise }.is_satisfied(sight)
            }
            Self::Eq(left, right) => same(left.value(sight)?, right.value(sight)?),
            Self::In(left, right) => sight.is_in(left, right),
            Self::Contains(set, element) => {
                let (Seen::Value(ValueRef::Set(set)), element) =
                    (set.value(sight)?, element.value(sight)?)
                else {
                    return None;
                };
                let mut found = false;
                for other in set.iter() {
                    found |= same(Seen::Value(other), element)?;
                }
                Some(found)
            }
            Self::Is(entity, ty) => match entity.value(sight)? {
                Seen::Value(ValueRef::Entity(number)) => {
                    Some(sight.store.type_of(number) == *sight.types.get(ty)?)
                }
                _ => None,
            },
            Self::Has(of, name) => sight.members(of.value(sight)?).map(|it| it.get(name).is_some()),
            Self::ContextHas(name) => Some(sight.context_member(name).is_some()),
            Self::ActionIn(groups) => Some(groups.iter().any(|group| {
                group == sight.action || sight.schema.is_action_in(sight.action, group)
            })),
            _ => match self.value(sight)? {
                Seen::Value(ValueRef::Bool(value)) => Some(value),
                _ => None,
            },
        }
    }

    fn value<'a>(&'a self, sight: &Sight<'a>) -> Option<Seen<'a>> {
        let entity = |number: Option<EntityNo>| match number {
            Some(number) => Seen::Value(ValueRef::Entity(number)),
            None => Seen::Nobody,
        };
        Some(match self {
            Self::Bool(value) => Seen::Value(ValueRef::Bool(*value)),
            Self::Long(value) => Seen::Value(ValueRef::Long(*value)),
            Self::String(value) => Seen::Value(ValueRef::String(value)),
            Self::Named(place) => entity(sight.snapshot.number_of_named(*place)),
            Self::Principal => entity(sight.principal.line.first().copied()),
            Self::Resource => entity(sight.resource.line.first().copied()),
            Self::Attribute(of, name) => Seen::Value(sight.members(of.value(sight)?)?.get(name)?),
            Self::Context(name) => sight.seen(sight.context_member(name)?)?,
            _ => Seen::Value(ValueRef::Bool(self.is_satisfied(sight)?)),
        })
    }
}

// === impl Sight ===

impl<'a> Sight<'a> {
    /// What a value has as attributes, if it is an entity that is stored or a record.
    fn members(&self, of: Seen<'a>) -> Option<crate::engine::store::RecordRef<'a>> {
        match of {
            Seen::Value(ValueRef::Entity(number)) => self.store.attributes(number),
            Seen::Value(ValueRef::Record(members)) => Some(members),
            _ => None,
        }
    }

    fn is_in(&self, left: &'a Plain, right: &'a [Plain]) -> Option<bool> {
        let Seen::Value(ValueRef::Entity(number)) = left.value(self)? else { return None };
        let walked: Vec<EntityNo>;
        let line = match left {
            Plain::Principal => &self.principal.line,
            Plain::Resource => &self.resource.line,
            _ => {
                let mut line = Vec::with_capacity(8);
                line.push(number);
                self.store.ancestors_into(number, &mut line);
                walked = line;
                &walked
            }
        };
        let mut found = false;
        for side in right {
            // Every side is looked at: one that is no entity makes the whole an error.
            found |= match side.value(self)? {
                Seen::Value(ValueRef::Entity(group)) => line.contains(&group),
                Seen::Nobody => false,
                Seen::Value(ValueRef::Set(groups)) if right.len() == 1 => {
                    let mut found = false;
                    for group in groups.iter() {
                        let ValueRef::Entity(group) = group else { return None };
                        found |= line.contains(&group);
                    }
                    found
                }
                Seen::Value(_) => return None,
            };
        }
        Some(found)
    }

    fn context_member(&self, name: &SmolStr) -> Option<&'a Value> {
        let context: &Context = self.context?.as_ref();
        value::pairs(context).find(|(other, _)| *other == name).map(|(_, value)| value)
    }

    fn seen(&self, value: &'a Value) -> Option<Seen<'a>> {
        Some(Seen::Value(match value.value_kind() {
            ValueKind::Lit(Literal::Bool(value)) => ValueRef::Bool(*value),
            ValueKind::Lit(Literal::Long(value)) => ValueRef::Long(*value),
            ValueKind::Lit(Literal::String(value)) => ValueRef::String(value),
            ValueKind::Lit(Literal::EntityUID(uid)) => {
                let ty = *self.types.get(uid.entity_type())?;
                match self.store.number(ty, uid.eid().as_ref()) {
                    Some(number) => ValueRef::Entity(number),
                    None => return Some(Seen::Nobody),
                }
            }
            _ => return None,
        }))
    }
}

/// Whether two values of one plain type are the same.
fn same(left: Seen<'_>, right: Seen<'_>) -> Option<bool> {
    match (left, right) {
        (Seen::Value(ValueRef::Entity(left)), Seen::Value(ValueRef::Entity(right))) => {
            Some(left == right)
        }
        (Seen::Value(ValueRef::Entity(_)), Seen::Nobody)
        | (Seen::Nobody, Seen::Value(ValueRef::Entity(_))) => Some(false),
        (Seen::Value(ValueRef::Bool(left)), Seen::Value(ValueRef::Bool(right))) => {
            Some(left == right)
        }
        (Seen::Value(ValueRef::Long(left)), Seen::Value(ValueRef::Long(right))) => {
            Some(left == right)
        }
        (Seen::Value(ValueRef::String(left)), Seen::Value(ValueRef::String(right))) => {
            Some(left == right)
        }
        _ => None,
    }
}

/// The elements of a set that is written out, or the expression itself.
fn elements(expr: &Expr) -> impl Iterator<Item = &Expr> {
    match expr.expr_kind() {
        ExprKind::Set(elements) => elements.iter(),
        _ => std::slice::from_ref(expr).iter(),
    }
}

fn is_context(expr: &Expr) -> bool {
    matches!(expr.expr_kind(), ExprKind::Var(Var::Context))
}

fn public(uid: &EntityUID) -> EntityUid {
    EntityUid::from(uid.clone())
}
