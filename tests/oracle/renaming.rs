//! Gives every entity, policy and link another id, everywhere alike.

use crate::model::{
    ActionScope, Expr, Link, Members, Policy, Question, Scope, Target, Uid, Value, World,
};

/// Another id for each, such that no two become one and their order changes.
pub(crate) fn renamed(id: &str) -> String {
    let turned: String = id.chars().rev().collect();
    format!("{}{turned}~", turned.chars().count() % 7)
}

pub(crate) fn rename_world(world: &mut World) {
    for ty in &mut world.schema.types {
        ty.enumerated.iter_mut().flatten().for_each(|id| *id = renamed(id));
    }
    for policy in &mut world.policies {
        rename_policy(policy);
    }
    for Link { id, template, principal, resource, .. } in &mut world.links {
        (*id, *template) = (renamed(id), renamed(template));
        principal.iter_mut().chain(resource).for_each(rename);
    }
    for entity in &mut world.entities {
        rename(&mut entity.uid);
        entity.parents.iter_mut().for_each(rename);
        members(&mut entity.attributes);
        members(&mut entity.tags);
    }
}

pub(crate) fn rename_question(question: &mut Question) {
    rename(&mut question.principal);
    rename(&mut question.resource);
    members(&mut question.context);
    question.principal_properties.iter_mut().for_each(members);
    question.resource_properties.iter_mut().for_each(members);
}

/// Actions keep their names: the schema declares them, as it does types.
fn rename(uid: &mut Uid) {
    if uid.ty != "Action" && !uid.ty.ends_with("::Action") {
        uid.id = renamed(&uid.id);
    }
}

fn members(members: &mut Members) {
    for (_, of) in members {
        value(of);
    }
}

fn value(of: &mut Value) {
    match of {
        Value::Entity(uid) => rename(uid),
        Value::Set(items) => items.iter_mut().for_each(value),
        Value::Record(record) => members(record),
        Value::Bool(_) | Value::Long(_) | Value::Str(_) | Value::Extension(..) => {}
    }
}

fn rename_policy(policy: &mut Policy) {
    policy.id = renamed(&policy.id);
    for scope in [&mut policy.principal, &mut policy.resource] {
        if let Scope::Equals(Target::Uid(uid))
        | Scope::In(Target::Uid(uid))
        | Scope::IsIn(_, Target::Uid(uid)) = scope
        {
            rename(uid);
        }
    }
    if let ActionScope::Equals(uid) | ActionScope::In(uid) = &mut policy.action {
        rename(uid);
    }
    policy.clauses.iter_mut().for_each(|clause| expr(&mut clause.condition));
}

fn expr(of: &mut Expr) {
    match of {
        Expr::Literal(literal) => value(literal),
        Expr::Variable(_) => {}
        Expr::Get(on, _) | Expr::Has(on, _) | Expr::Unary(_, on) | Expr::Like(on, _) => expr(on),
        Expr::Binary(left, _, right) => {
            expr(left);
            expr(right);
        }
        Expr::Call(on, _, arguments) => {
            expr(on);
            arguments.iter_mut().for_each(expr);
        }
        Expr::Is(on, _, group) => {
            expr(on);
            if let Some(group) = group {
                expr(group);
            }
        }
        Expr::If(condition, then, other) => {
            for part in [condition, then, other] {
                expr(part);
            }
        }
        Expr::Set(items) => items.iter_mut().for_each(expr),
        Expr::Record(members) => members.iter_mut().for_each(|(_, member)| expr(member)),
    }
}
