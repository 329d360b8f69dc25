//! Policies that make no difference, as far as that can be read off their structure: whatever they
//! permit another permits as well, or another forbids.
//!
//! A policy is satisfied just when its scope matches and each of its conjuncts is true. So where
//! another's scope is at least as wide and its conjuncts are among these, it is satisfied whenever
//! this one is. Of two forbids that is not enough: one whose condition errs denies too, so there the
//! other must have no condition at all, or the very same one.

use std::collections::BTreeSet;

use cedar_policy::Effect;
use serde_json::Value;

use super::{Subject, Written};
use crate::engine::error::{Problem, Problems};
use crate::engine::schema::SchemaInfo;

/// The most policies that are held against each other: the time grows with their square.
const POLICIES_MAX: usize = 3_000;
/// Annotations that say what comes with a decision: a policy that has one makes a difference.
const DUTIES: [&str; 2] = ["advice", "obligation"];

/// A policy taken apart.
struct Parts<'a> {
    policy: &'a Written<'a>,
    principal: Side,
    resource: Side,
    /// The actions that its scope matches, as Cedar writes them.
    actions: BTreeSet<String>,
    conjuncts: Vec<Value>,
}

/// What a scope asks of the principal or the resource.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Side {
    Any,
    Is(String),
    /// The uid as Cedar's JSON has it.
    In(Value),
    IsIn(String, Value),
    /// A uid, and its type.
    Eq(Value, String),
    /// Whatever fills the slot.
    Slot,
}

/// Tells of policies that make no difference.
pub(super) fn judge(subject: &Subject<'_>, policies: &[Written<'_>], found: &mut Problems) {
    if policies.len() > POLICIES_MAX {
        return;
    }
    let schema = &subject.snapshot.rules.schema;
    let alive = policies.iter().filter(|policy| policy.alive);
    let parts: Vec<Parts<'_>> = alive.filter_map(|policy| Parts::of(policy, schema)).collect();
    for (number, narrow) in parts.iter().enumerate() {
        if DUTIES.iter().any(|name| narrow.policy.info.annotations.contains_key(*name)) {
            continue;
        }
        let (id, effect) = (&narrow.policy.info.id, narrow.policy.info.effect);
        let forbids = |wide: &&Parts<'_>| {
            effect == Effect::Permit && wide.policy.info.effect == Effect::Forbid
        };
        if let Some(wide) = parts.iter().filter(forbids).find(|wide| wide.covers(narrow)) {
            let (other, there) = (&wide.policy.info.id, subject.place_of(wide.policy.info));
            let message = format!("policy `{id}` permits nothing: `{other}` forbids all of it");
            found.push(
                Problem::warning("masked-policy", message)
                    .at(subject.place_of(narrow.policy.info))
                    .related(format!("`{other}` is here"), there)
                    .hint(format!("take one of them out, or narrow `{other}`")),
            );
            continue;
        }
        // Of two that say the same the second is too many.
        let implies = |(at, wide): &(usize, &Parts<'_>)| {
            *at != number
                && wide.policy.info.effect == effect
                && wide.implies(narrow)
                && (*at < number || !narrow.implies(wide))
        };
        if let Some((_, wide)) = parts.iter().enumerate().find(implies) {
            let (other, there) = (&wide.policy.info.id, subject.place_of(wide.policy.info));
            let what = if effect == Effect::Permit { "permits" } else { "forbids" };
            let message =
                format!("policy `{id}` makes no difference: `{other}` {what} all that it {what}");
            found.push(
                Problem::warning("implied-policy", message)
                    .at(subject.place_of(narrow.policy.info))
                    .related(format!("`{other}` is here"), there)
                    .hint(format!("take it out, or narrow `{other}`")),
            );
        }
    }
}

// === impl Parts ===

impl<'a> Parts<'a> {
    /// `None` for a policy whose form is not known here.
    fn of(policy: &'a Written<'a>, schema: &SchemaInfo) -> Option<Self> {
        let json = &policy.json;
        let mut conjuncts = Vec::new();
        for condition in json.get("conditions")?.as_array()? {
            let body = condition.get("body")?;
            match condition.get("kind")?.as_str()? {
                "when" => holds(body, &mut conjuncts),
                "unless" => fails(body, &mut conjuncts),
                _ => return None,
            }
        }
        Some(Self {
            policy,
            principal: Side::of(json.get("principal")?)?,
            resource: Side::of(json.get("resource")?)?,
            actions: actions(json.get("action")?, schema)?,
            conjuncts,
        })
    }

    /// Whether it is satisfied whenever the other is.
    fn covers(&self, narrow: &Parts<'_>) -> bool {
        !self.policy.info.template
            && self.principal.covers(&narrow.principal)
            && self.resource.covers(&narrow.resource)
            && self.actions.is_superset(&narrow.actions)
            && self.conjuncts.iter().all(|it| narrow.conjuncts.contains(it))
    }

    /// Whether it does all that the other, of the same effect, does.
    fn implies(&self, narrow: &Parts<'_>) -> bool {
        let errs_alike = self.conjuncts.is_empty() || self.conjuncts == narrow.conjuncts;
        self.covers(narrow) && (self.policy.info.effect == Effect::Permit || errs_alike)
    }
}

/// The conjuncts of an expression that has to be true.
fn holds(expression: &Value, out: &mut Vec<Value>) {
    if let Some((left, right)) = operands(expression, "&&") {
        holds(left, out);
        holds(right, out);
    } else if let Some(inner) = negated(expression) {
        fails(inner, out);
    } else if expression.get("Value") != Some(&Value::Bool(true)) {
        out.push(expression.clone());
    }
}

/// The conjuncts of an expression that has to be false.
fn fails(expression: &Value, out: &mut Vec<Value>) {
    if let Some((left, right)) = operands(expression, "||") {
        fails(left, out);
        fails(right, out);
    } else if let Some(inner) = negated(expression) {
        holds(inner, out);
    } else if expression.get("Value") != Some(&Value::Bool(false)) {
        out.push(serde_json::json!({"!": {"arg": expression}}));
    }
}

fn operands<'v>(expression: &'v Value, operator: &str) -> Option<(&'v Value, &'v Value)> {
    let both = expression.get(operator)?;
    Some((both.get("left")?, both.get("right")?))
}

fn negated(expression: &Value) -> Option<&Value> {
    expression.get("!")?.get("arg")
}

fn actions(scope: &Value, schema: &SchemaInfo) -> Option<BTreeSet<String>> {
    let named: Option<Vec<&Value>> = match scope.get("op")?.as_str()? {
        "All" => None,
        "==" => Some(vec![scope.get("entity")?]),
        "in" => Some(match (scope.get("entity"), scope.get("entities")) {
            (Some(one), _) => vec![one],
            (None, many) => many?.as_array()?.iter().collect(),
        }),
        _ => return None,
    };
    let exactly = scope.get("op")?.as_str()? == "==";
    let is_named = |action: &cedar_policy::EntityUid| {
        named.as_ref().is_none_or(|named| {
            named.iter().any(|uid| {
                let Some((ty, id)) = uid_parts(uid) else { return false };
                let Some(group) = schema.action_named(ty, id) else { return false };
                if exactly { group == action } else { schema.is_action_in(action, group) }
            })
        })
    };
    let matching = schema.actions().filter(|(uid, _)| is_named(uid));
    Some(matching.map(|(uid, _)| uid.to_string()).collect())
}

/// Type and id of a uid as Cedar's JSON has it.
fn uid_parts(uid: &Value) -> Option<(&str, &str)> {
    let uid = uid.get("__entity").unwrap_or(uid);
    Some((uid.get("type")?.as_str()?, uid.get("id")?.as_str()?))
}

// === impl Side ===

impl Side {
    fn of(scope: &Value) -> Option<Self> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let is_slot = |value: &Value| value.get("slot").is_some();
        Some(match scope.get("op")?.as_str()? {
            "All" => Self::Any,
            "==" | "in" if is_slot(scope) => Self::Slot,
            "==" => {
                let entity = scope.get("entity")?;
                Self::Eq(entity.clone(), uid_parts(entity)?.0.to_owned())
            }
            "in" => Self::In(scope.get("entity")?.clone()),
            "is" => {
                let ty = text(scope.get("entity_type")?)?;
                match scope.get("in") {
                    None => Self::Is(ty),
                    // What fills the slot is not known; that the type is, is left unused.
                    Some(within) if is_slot(within) => Self::Slot,
                    Some(within) => Self::IsIn(ty, within.get("entity")?.clone()),
                }
            }
            _ => return None,
        })
    }

    /// Whether it matches whatever the other matches.
    fn covers(&self, narrow: &Self) -> bool {
        match (self, narrow) {
            (Self::Any, _) => true,
            (Self::Is(ty), Self::Is(of) | Self::IsIn(of, _) | Self::Eq(_, of)) => ty == of,
            (Self::In(top), Self::In(of) | Self::IsIn(_, of) | Self::Eq(of, _)) => top == of,
            (Self::IsIn(ty, top), Self::IsIn(of, within)) => ty == of && top == within,
            (Self::IsIn(ty, top), Self::Eq(uid, of)) => ty == of && top == uid,
            (Self::Eq(uid, _), Self::Eq(other, _)) => uid == other,
            // What fills a slot differs from link to link.
            _ => false,
        }
    }
}
