//! Cuts a failing case down: leaves out policies, links, entities, clauses and parts of expressions
//! for as long as the same kind of difference remains.

use crate::model::{ActionScope, Expr, Question, Scope, World};
use crate::run::{Blunder, Failure, difference};

/// The most candidates that are tried; each loads the world twice.
const TRIES_MAX: usize = 4_000;

/// One thing left out, by its place.
#[derive(Debug, Clone, Copy)]
enum Cut {
    Entities(usize, usize),
    Policy(usize),
    Link(usize),
    Parent(usize, usize),
    Attribute(usize, usize),
    Tag(usize, usize),
    Clause(usize, usize),
    /// The policy, the clause, and which of the smaller expressions.
    Condition(usize, usize, usize),
    PrincipalScope(usize),
    ActionScope(usize),
    ResourceScope(usize),
    Action(usize),
    Type(usize),
    TypeParent(usize, usize),
    Field(usize, usize),
    TypeTags(usize),
    ContextField(usize, usize),
    ContextMember(usize),
    Properties(usize),
    Extra,
}

/// The smallest failure of the same kind that was found.
pub(crate) fn shrink(mut failure: Failure, blunder: Blunder) -> Failure {
    let mut tries = 0;
    loop {
        let (mut at, mut progress) = (0, false);
        while let Some(cut) = cuts(&failure).get(at).copied() {
            tries += 1;
            if tries > TRIES_MAX {
                return failure;
            }
            match still_fails(&failure, cut, blunder) {
                Some(smaller) => (failure, progress) = (smaller, true),
                None => at += 1,
            }
        }
        if !progress {
            return failure;
        }
    }
}

fn still_fails(failure: &Failure, cut: Cut, blunder: Blunder) -> Option<Failure> {
    let mut smaller = failure.clone();
    apply(&mut smaller.world, smaller.question.as_mut(), cut)?;
    let questions: Vec<Question> = smaller.question.iter().cloned().collect();
    let (_, difference) = difference(&smaller.world, &questions, blunder)?;
    (difference.kind == failure.difference.kind).then(|| Failure { difference, ..smaller })
}

/// Every cut that there is, from coarse to fine.
fn cuts(failure: &Failure) -> Vec<Cut> {
    let world = &failure.world;
    let mut cuts = Vec::new();
    let count = world.entities.len();
    for size in [count / 2, count / 4, 1] {
        let starts = (0..count).step_by(size.max(1)).filter(|_| size > 0);
        cuts.extend(starts.map(|start| Cut::Entities(start, size)));
    }
    cuts.extend((0..world.policies.len()).map(Cut::Policy));
    cuts.extend((0..world.links.len()).map(Cut::Link));
    for (number, policy) in world.policies.iter().enumerate() {
        cuts.extend((0..policy.clauses.len()).map(|clause| Cut::Clause(number, clause)));
        cuts.extend([
            Cut::PrincipalScope(number),
            Cut::ActionScope(number),
            Cut::ResourceScope(number),
        ]);
        for (place, clause) in policy.clauses.iter().enumerate() {
            let choices = smaller(&clause.condition).len();
            cuts.extend((0..choices).map(|choice| Cut::Condition(number, place, choice)));
        }
    }
    for (number, entity) in world.entities.iter().enumerate() {
        cuts.extend((0..entity.parents.len()).map(|parent| Cut::Parent(number, parent)));
        cuts.extend((0..entity.attributes.len()).map(|place| Cut::Attribute(number, place)));
        cuts.extend((0..entity.tags.len()).map(|place| Cut::Tag(number, place)));
    }
    for (number, action) in world.schema.actions.iter().enumerate() {
        cuts.push(Cut::Action(number));
        cuts.extend((0..action.context.len()).map(|field| Cut::ContextField(number, field)));
    }
    for (number, ty) in world.schema.types.iter().enumerate() {
        cuts.extend([Cut::Type(number), Cut::TypeTags(number)]);
        cuts.extend((0..ty.parents.len()).map(|parent| Cut::TypeParent(number, parent)));
        cuts.extend((0..ty.fields.len()).map(|field| Cut::Field(number, field)));
    }
    if let Some(question) = &failure.question {
        cuts.extend((0..question.context.len()).map(Cut::ContextMember));
        cuts.extend([Cut::Properties(0), Cut::Properties(1), Cut::Extra]);
    }
    cuts
}

/// Makes a cut; `None` where there is nothing to cut.
fn apply(world: &mut World, question: Option<&mut Question>, cut: Cut) -> Option<()> {
    match cut {
        Cut::Entities(start, size) => {
            let end = (start + size).min(world.entities.len());
            world.entities.drain(start..end);
        }
        Cut::Policy(number) => {
            let gone = world.policies.remove(number);
            world.links.retain(|link| link.template != gone.id);
        }
        Cut::Link(number) => drop(world.links.remove(number)),
        Cut::Parent(number, place) => drop(world.entities[number].parents.remove(place)),
        Cut::Attribute(number, place) => drop(world.entities[number].attributes.remove(place)),
        Cut::Tag(number, place) => drop(world.entities[number].tags.remove(place)),
        Cut::Clause(number, place) => drop(world.policies[number].clauses.remove(place)),
        Cut::Condition(number, place, choice) => {
            let condition = &mut world.policies[number].clauses[place].condition;
            *condition = smaller(condition).swap_remove(choice);
        }
        Cut::PrincipalScope(number) => open(&mut world.policies[number].principal)?,
        Cut::ResourceScope(number) => open(&mut world.policies[number].resource)?,
        Cut::ActionScope(number) => {
            let scope = &mut world.policies[number].action;
            if matches!(scope, ActionScope::Any) {
                return None;
            }
            *scope = ActionScope::Any;
        }
        _ => apply_outside(world, question, cut)?,
    }
    Some(())
}

/// Cuts in the schema and in the question.
fn apply_outside(world: &mut World, question: Option<&mut Question>, cut: Cut) -> Option<()> {
    match cut {
        Cut::Action(number) => {
            let gone = world.schema.actions.remove(number).uid;
            for action in &mut world.schema.actions {
                action.groups.retain(|group| *group != gone);
            }
        }
        Cut::ContextField(number, field) => {
            let gone = world.schema.actions[number].context.remove(field).name;
            if let Some(question) = question {
                question.context.retain(|(name, _)| *name != gone);
            }
        }
        Cut::Type(number) => {
            let gone = world.schema.types.remove(number).name;
            for ty in &mut world.schema.types {
                ty.parents.retain(|parent| *parent != gone);
            }
            for action in &mut world.schema.actions {
                action.principals.retain(|name| *name != gone);
                action.resources.retain(|name| *name != gone);
            }
            world.entities.retain(|entity| entity.uid.ty != gone);
        }
        Cut::TypeTags(number) => drop(world.schema.types[number].tags.take()?),
        Cut::TypeParent(number, place) => drop(world.schema.types[number].parents.remove(place)),
        Cut::Field(number, place) => {
            let ty = &mut world.schema.types[number];
            let gone = ty.fields.remove(place).name;
            for entity in world.entities.iter_mut().filter(|entity| entity.uid.ty == ty.name) {
                entity.attributes.retain(|(name, _)| *name != gone);
            }
            if let Some(question) = question {
                let sides = [
                    (&question.principal, &mut question.principal_properties),
                    (&question.resource, &mut question.resource_properties),
                ];
                for (_, sent) in sides.into_iter().filter(|(uid, _)| uid.ty == ty.name) {
                    if let Some(sent) = sent {
                        sent.retain(|(name, _)| *name != gone);
                    }
                }
            }
        }
        Cut::ContextMember(place) => drop(question?.context.remove(place)),
        Cut::Properties(0) => drop(question?.principal_properties.take()?),
        Cut::Properties(_) => drop(question?.resource_properties.take()?),
        Cut::Extra => {
            let extra = &mut question?.extra;
            if extra.is_empty() {
                return None;
            }
            extra.clear();
        }
        _ => return None,
    }
    Some(())
}

fn open(scope: &mut Scope) -> Option<()> {
    if matches!(scope, Scope::Any) || scope.has_slot() {
        return None;
    }
    *scope = Scope::Any;
    Some(())
}

/// Expressions that are one step smaller, of whatever type: validation sorts them out.
fn smaller(expr: &Expr) -> Vec<Expr> {
    let mut found = Vec::new();
    if !matches!(expr, Expr::Literal(_)) {
        found.extend([Expr::boolean(true), Expr::boolean(false)]);
    }
    let children = children(expr);
    found.extend(children.iter().map(|child| (*child).clone()));
    for (place, child) in children.iter().enumerate() {
        for replacement in smaller(child) {
            let mut whole = expr.clone();
            replace(&mut whole, place, replacement);
            found.push(whole);
        }
    }
    found
}

fn children(expr: &Expr) -> Vec<&Expr> {
    match expr {
        Expr::Literal(_) | Expr::Variable(_) => Vec::new(),
        Expr::Get(of, _) | Expr::Has(of, _) | Expr::Unary(_, of) | Expr::Like(of, _) => vec![of],
        Expr::Is(of, _, group) => std::iter::once(&**of).chain(group.as_deref()).collect(),
        Expr::Binary(left, _, right) => vec![left, right],
        Expr::Call(on, _, arguments) => std::iter::once(&**on).chain(arguments).collect(),
        Expr::If(condition, then, other) => vec![condition, then, other],
        Expr::Set(items) => items.iter().collect(),
        Expr::Record(members) => members.iter().map(|(_, value)| value).collect(),
    }
}

fn replace(expr: &mut Expr, place: usize, by: Expr) {
    let child: Option<&mut Expr> = match expr {
        Expr::Literal(_) | Expr::Variable(_) => None,
        Expr::Get(of, _) | Expr::Has(of, _) | Expr::Unary(_, of) | Expr::Like(of, _) => Some(of),
        Expr::Is(of, _, group) => {
            if place == 0 {
                Some(of)
            } else {
                group.as_deref_mut()
            }
        }
        Expr::Binary(left, _, right) => Some(if place == 0 { left } else { right }),
        Expr::Call(on, _, arguments) => {
            if place == 0 {
                Some(on)
            } else {
                arguments.get_mut(place - 1)
            }
        }
        Expr::If(condition, then, other) => Some(match place {
            0 => condition,
            1 => then,
            _ => other,
        }),
        Expr::Set(items) => items.get_mut(place),
        Expr::Record(members) => members.get_mut(place).map(|(_, value)| value),
    };
    if let Some(child) = child {
        *child = by;
    }
}
