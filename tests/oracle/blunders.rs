//! Whether the oracle can fail: each test gives the engine a world that is wrong in one point, and
//! the difference must be noticed within a bounded number of questions.

use crate::model::{ActionScope, Expr, Policy, Scope, Value, World};
use crate::run::{Blunder, Failure, run_seed};
use crate::shrink::shrink;
use crate::worlds::QUESTIONS;

/// The most questions that it may take to notice.
const QUESTIONS_MAX: usize = 8_000;
/// What is seen in answers; a world that is refused is noticed before anything is asked.
const IN_ANSWERS: [&str; 4] = ["decision", "reason", "code", "errors"];

/// The first failure that a blunder leads to.
#[track_caller]
fn is_noticed(blunder: Blunder) -> Failure {
    let noticed = (0..QUESTIONS_MAX / QUESTIONS).find_map(|seed| {
        let failure = run_seed(seed as u64, blunder).err()?;
        IN_ANSWERS.contains(&failure.difference.kind.as_str()).then_some(*failure)
    });
    noticed.expect("the oracle notices nothing")
}

fn drop_first(world: &mut World, unwanted: impl Fn(&Policy) -> bool) {
    if let Some(place) = world.policies.iter().position(unwanted) {
        let gone = world.policies.remove(place).id;
        world.links.retain(|link| link.template != gone);
    }
}

#[test]
fn a_forbid_that_is_dropped_is_noticed() {
    is_noticed(|world| drop_first(world, |policy| !policy.permit));
}

#[test]
fn a_permit_that_is_dropped_is_noticed() {
    is_noticed(|world| drop_first(world, |policy| policy.permit));
}

#[test]
fn a_link_that_is_dropped_is_noticed() {
    is_noticed(|world| drop(world.links.pop()));
}

#[test]
fn a_link_that_does_not_expire_is_noticed() {
    is_noticed(|world| world.links.iter_mut().for_each(|link| link.expires_s = None));
}

#[test]
fn links_with_their_slots_mixed_up_are_noticed() {
    is_noticed(|world| {
        let templates: Vec<_> = world.links.iter().map(|link| link.template.clone()).collect();
        if let Some(at) = templates.windows(2).position(|pair| pair[0] == pair[1]) {
            let (low, high) = world.links.split_at_mut(at + 1);
            std::mem::swap(&mut low[at].principal, &mut high[0].principal);
        }
    });
}

#[test]
fn attributes_with_other_values_are_noticed() {
    fn changes(value: &mut Value) -> bool {
        match value {
            Value::Bool(flag) => *flag = !*flag,
            Value::Long(number) => *number = number.wrapping_add(1),
            Value::Str(text) => text.push('x'),
            _ => return false,
        }
        true
    }
    is_noticed(|world| {
        let mut entities = world.entities.iter_mut();
        let _ =
            entities.any(|entity| entity.attributes.iter_mut().any(|(_, value)| changes(value)));
    });
}

#[test]
fn tags_that_are_lost_are_noticed() {
    is_noticed(|world| world.entities.iter_mut().for_each(|entity| entity.tags.clear()));
}

#[test]
fn a_parent_that_is_lost_is_noticed() {
    is_noticed(|world| {
        let _ = world.entities.iter_mut().any(|entity| entity.parents.pop().is_some());
    });
}

#[test]
fn an_entity_that_is_lost_is_noticed() {
    is_noticed(|world| {
        if !world.strict {
            world.entities.pop();
        }
    });
}

#[test]
fn an_action_group_that_is_lost_is_noticed() {
    is_noticed(|world| {
        let _ = world.schema.actions.iter_mut().any(|action| action.groups.pop().is_some());
    });
}

#[test]
fn a_scope_that_takes_in_for_equal_is_noticed() {
    is_noticed(|world| {
        for policy in &mut world.policies {
            if let Scope::Equals(target) = &policy.principal {
                policy.principal = Scope::In(target.clone());
            }
            if let ActionScope::Equals(action) = &policy.action {
                policy.action = ActionScope::In(action.clone());
            }
        }
    });
}

/// Whoever evaluates both sides of `&&`, or the right one first, answers alike but for errors.
#[test]
fn another_order_of_evaluation_is_noticed() {
    fn turn(expr: &mut Expr) {
        if let Expr::Binary(left, "&&", right) = expr {
            turn(left);
            turn(right);
            std::mem::swap(left, right);
        }
    }
    is_noticed(|world| {
        let clauses = world.policies.iter_mut().flat_map(|policy| &mut policy.clauses);
        clauses.for_each(|clause| turn(&mut clause.condition));
    });
}

#[test]
fn a_failure_is_cut_down() {
    let blunder: Blunder = |world| drop_first(world, |policy| !policy.permit);
    let small = shrink(is_noticed(blunder), blunder);
    assert!(small.world.policies.len() <= 2, "{:#?}", small.world);
    assert!(small.world.entities.len() <= 2, "{:#?}", small.world);
    assert!(IN_ANSWERS.contains(&small.difference.kind.as_str()));
}
