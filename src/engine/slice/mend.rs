//! What data would have to say for a conjunct to come out otherwise: ways of entering a group or of
//! leaving it, and values of attributes. These are guesses, to be tried; few of them are needed, so
//! only forms are followed whose value turns on one place in the data.

use cedar_policy::EntityUid;
use cedar_policy_core::ast::{BinaryOp, Expr, ExprKind, Literal, UnaryOp, Value, ValueKind};
use serde_json::json;

use super::clauses::Term;
use super::seen::{self, Eye};
use super::{Scene, Slice};
use crate::engine::schema::SchemaInfo;

/// How many ways of one conjunct are followed.
const WAYS_MAX: usize = 12;
/// How many steps of one way are followed.
const STEPS_MAX: usize = 3;

/// One place in the data, and what it would say.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Mend {
    /// The entity is in the group, directly or not.
    Join { entity: EntityUid, group: EntityUid },
    /// It is not.
    Leave { entity: EntityUid, group: EntityUid },
    /// The entity's attribute has this value, in JSON and as Cedar writes it.
    Set { entity: EntityUid, attribute: String, value: serde_json::Value, told: String },
    /// The entity has no such attribute.
    Clear { entity: EntityUid, attribute: String },
}

/// Changes that are all needed.
pub(crate) type Way = Vec<Mend>;

// === impl Scene ===

impl Scene<'_> {
    /// Ways of making a conjunct come out as wanted; an empty way says that it does already. No
    /// value of a secret attribute is in any of them.
    pub(crate) fn ways(
        &self,
        slice: &Slice,
        schema: &SchemaInfo,
        term: &Term,
        wanted: bool,
    ) -> Vec<Way> {
        self.with_eye(slice, schema, |eye| eye.ways(term.expr(), wanted))
    }
}

// === impl Eye ===

impl Eye<'_> {
    /// Depth is bounded by the gate, and what is followed by `WAYS_MAX` and `STEPS_MAX`.
    fn ways(&self, expr: &Expr, wanted: bool) -> Vec<Way> {
        if self.holds(expr) == Some(wanted) {
            return vec![Way::new()];
        }
        let mut ways = match expr.expr_kind() {
            ExprKind::UnaryApp { op: UnaryOp::Not, arg } => self.ways(arg, !wanted),
            ExprKind::And { left, right } if wanted => self.both(left, right, true),
            ExprKind::Or { left, right } if !wanted => self.both(left, right, false),
            ExprKind::And { left, right } | ExprKind::Or { left, right } => {
                let mut ways = self.ways(left, wanted);
                ways.extend(self.ways(right, wanted));
                ways
            }
            ExprKind::If { test_expr, then_expr, else_expr } => match self.holds(test_expr) {
                Some(true) => self.ways(then_expr, wanted),
                Some(false) => self.ways(else_expr, wanted),
                None => Vec::new(),
            },
            ExprKind::HasAttr { expr: of, attr } => self.has(of, attr, wanted),
            ExprKind::GetAttr { .. } => self.set(expr, json!(wanted), wanted.to_string()),
            ExprKind::BinaryApp { op, arg1, arg2 } => self.compared(*op, arg1, arg2, wanted),
            _ => Vec::new(),
        };
        ways.truncate(WAYS_MAX);
        ways
    }

    fn both(&self, left: &Expr, right: &Expr, wanted: bool) -> Vec<Way> {
        let (left, right) = (self.ways(left, wanted), self.ways(right, wanted));
        let mut ways = Vec::new();
        for first in &left {
            for second in &right {
                let mut way = first.clone();
                way.extend(second.iter().filter(|mend| !first.contains(mend)).cloned());
                if way.len() <= STEPS_MAX && ways.len() < WAYS_MAX {
                    ways.push(way);
                }
            }
        }
        ways
    }

    fn has(&self, of: &Expr, attribute: &str, wanted: bool) -> Vec<Way> {
        let Some(entity) = self.entity(of) else { return Vec::new() };
        let attribute = attribute.to_owned();
        if !wanted {
            return vec![vec![Mend::Clear { entity, attribute }]];
        }
        let ty = self.schema.entity_type_of(&entity);
        let member = ty.and_then(|ty| ty.attributes.get(&attribute));
        match member.map(|member| &member.ty) {
            Some(crate::engine::schema::Type::Bool) => {
                let told = "true".to_owned();
                vec![vec![Mend::Set { entity, attribute, value: json!(true), told }]]
            }
            // What value it should have another clause may say, so that this one needs no way.
            Some(_) => vec![Way::new()],
            None => Vec::new(),
        }
    }

    fn compared(&self, op: BinaryOp, left: &Expr, right: &Expr, wanted: bool) -> Vec<Way> {
        match op {
            BinaryOp::In => self.within(left, right, wanted),
            BinaryOp::Eq if wanted => {
                let mut ways = self.alike(left, right);
                ways.extend(self.alike(right, left));
                ways
            }
            BinaryOp::Eq => [left, right]
                .into_iter()
                .filter_map(|side| Some((side, self.holds(side)?)))
                .flat_map(|(side, value)| self.set(side, json!(!value), (!value).to_string()))
                .collect(),
            BinaryOp::Less | BinaryOp::LessEq => {
                let (Some(small), Some(large)) = (self.long(left), self.long(right)) else {
                    return Vec::new();
                };
                // What either side has to be, so that `left op right` comes out as wanted.
                let (at_left, at_right) = match (op, wanted) {
                    (BinaryOp::Less, true) => (large.checked_sub(1), small.checked_add(1)),
                    (BinaryOp::Less, false) | (_, true) => (Some(large), Some(small)),
                    (_, false) => (large.checked_add(1), small.checked_sub(1)),
                };
                let to = |side: &Expr, other: &Expr, value: Option<i64>| {
                    let value = value.filter(|_| !self.is_secret(other));
                    value.map(|value| self.set(side, json!(value), value.to_string()))
                };
                let mut ways = to(left, right, at_left).unwrap_or_default();
                ways.extend(to(right, left, at_right).unwrap_or_default());
                ways
            }
            BinaryOp::Contains => self.element(left, right, wanted),
            _ => Vec::new(),
        }
    }

    /// Ways of getting `left` into `right`, or out of it.
    fn within(&self, left: &Expr, right: &Expr, wanted: bool) -> Vec<Way> {
        let (Some(from), Some(groups)) = (self.entity(left), self.value(right)) else {
            return Vec::new();
        };
        if self.is_secret(left) || self.is_secret(right) {
            return Vec::new();
        }
        let groups: Vec<EntityUid> = match groups.value_kind() {
            ValueKind::Set(set) => set.iter().take(WAYS_MAX).filter_map(seen::entity).collect(),
            _ => seen::entity(&groups).into_iter().collect(),
        };
        // Others than those that the request is about stand where they stand for others too.
        let of_request = from == *self.principal || from == *self.resource;
        if !wanted {
            let leave = |group| Mend::Leave { entity: from.clone(), group };
            let all: Way = groups.into_iter().map(leave).collect();
            return if of_request && all.len() <= STEPS_MAX { vec![all] } else { Vec::new() };
        }
        let mut ways = Vec::new();
        if of_request {
            let join =
                |group: &EntityUid| vec![Mend::Join { entity: from.clone(), group: group.clone() }];
            ways.extend(groups.iter().map(join));
        }
        for group in &groups {
            ways.extend(self.set(left, uid_json(group), group.to_string()));
        }
        ways.extend(self.set(right, uid_json(&from), from.to_string()));
        ways
    }

    /// The place of the left side gets the value of the right side.
    fn alike(&self, place: &Expr, model: &Expr) -> Vec<Way> {
        if self.is_secret(model) {
            return Vec::new();
        }
        let Some(value) = self.value(model) else { return Vec::new() };
        match value_json(&value) {
            Some(json) => self.set(place, json, self.told(&value, self.known(model))),
            None => Vec::new(),
        }
    }

    /// A set gets an element, or loses it.
    fn element(&self, set: &Expr, element: &Expr, wanted: bool) -> Vec<Way> {
        if self.is_secret(set) || self.is_secret(element) {
            return Vec::new();
        }
        let (Some(all), Some(element)) = (self.value(set), self.value(element)) else {
            return Vec::new();
        };
        let ValueKind::Set(elements) = all.value_kind() else { return Vec::new() };
        let mut values: Vec<&Value> = elements.iter().filter(|it| **it != element).collect();
        if wanted {
            values.push(&element);
        }
        let json: Option<Vec<_>> = values.iter().map(|value| value_json(value)).collect();
        let told: Vec<String> = values.iter().map(|value| self.told(value, None)).collect();
        json.map(|json| self.set(set, json.into(), format!("[{}]", told.join(", "))))
            .unwrap_or_default()
    }

    /// An attribute gets a value, where the expression is one of an entity that has it declared.
    fn set(&self, place: &Expr, value: serde_json::Value, told: String) -> Vec<Way> {
        let ExprKind::GetAttr { expr: of, attr } = place.expr_kind() else { return Vec::new() };
        let Some(entity) = self.entity(of).filter(|_| !self.is_secret(place)) else {
            return Vec::new();
        };
        vec![vec![Mend::Set { entity, attribute: attr.to_string(), value, told }]]
    }

    fn is_secret(&self, expr: &Expr) -> bool {
        let names = self.schema.secret_names();
        !names.is_empty() && super::seen::reads_any(expr, names)
    }

    fn long(&self, expr: &Expr) -> Option<i64> {
        match self.value(expr)?.value_kind() {
            ValueKind::Lit(Literal::Long(value)) => Some(*value),
            _ => None,
        }
    }
}

fn uid_json(uid: &EntityUid) -> serde_json::Value {
    json!({"__entity": {"type": uid.type_name().to_string(), "id": uid.id().unescaped()}})
}

/// A value as entity JSON has it; `None` for extension values, which are not written back.
fn value_json(value: &Value) -> Option<serde_json::Value> {
    Some(match value.value_kind() {
        ValueKind::Lit(Literal::Bool(value)) => json!(value),
        ValueKind::Lit(Literal::Long(value)) => json!(value),
        ValueKind::Lit(Literal::String(value)) => json!(value.as_str()),
        ValueKind::Lit(Literal::EntityUID(uid)) => uid_json(&uid.as_ref().clone().into()),
        ValueKind::Set(set) => {
            let elements: Option<Vec<_>> = set.iter().map(value_json).collect();
            elements?.into()
        }
        ValueKind::Record(members) => {
            let members = members.iter();
            let members: Option<serde_json::Map<_, _>> =
                members.map(|(name, value)| Some((name.to_string(), value_json(value)?))).collect();
            members?.into()
        }
        ValueKind::ExtensionValue(_) => return None,
    })
}
