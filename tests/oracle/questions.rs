//! Makes up requests for a world: of an environment that the schema allows, about entities that its
//! policies and links speak of, with contexts and properties; and some that are invalid.

use serde_json::{Value as Json, json};

use crate::dice::Dice;
use crate::entities::{self, Pools};
use crate::model::{Action, Members, Properties, Question, Scope, Target, Uid, Value, World};

/// The times at which questions are put, around those at which links expire.
pub(crate) const TIMES_S: [i64; 4] = [0, 1, 1_500_000_000, 5_000_000_000];

pub(crate) fn question(dice: &mut Dice, world: &World, pools: &Pools) -> Question {
    let (action, principal, resource) = aimed(dice, world, pools);
    let mut question = Question {
        principal,
        action: action.uid.clone(),
        resource,
        context: entities::members(dice, &action.context, pools),
        extra: Vec::new(),
        drops_undeclared: false,
        principal_properties: None,
        resource_properties: None,
        properties: Properties::UnknownEntities,
        forbid_errors_deny: dice.one_in(3),
        now_s: TIMES_S[dice.below(TIMES_S.len())],
        explains: dice.one_in(4),
    };
    if dice.one_in(8) {
        properties(dice, world, pools, &mut question);
    }
    match dice.below(20) {
        0 => spoil(dice, world, pools, &mut question),
        1 => {
            question.extra.push(("undeclared member".to_owned(), json!({"a": [1]})));
            question.drops_undeclared = dice.one_in(2);
        }
        _ => {}
    }
    question
}

/// An action, a principal and a resource: mostly such that the scope of some policy or link matches,
/// which chance alone would seldom find.
fn aimed<'a>(dice: &mut Dice, world: &'a World, pools: &Pools) -> (&'a Action, Uid, Uid) {
    let mut actions = world.schema.applicable();
    let mut targets = [None, None];
    if !world.policies.is_empty() && !dice.one_in(4) {
        let policy = &world.policies[dice.below(world.policies.len())];
        let links: Vec<_> = world.links.iter().filter(|link| link.template == policy.id).collect();
        targets = [named(&policy.principal), named(&policy.resource)];
        if !links.is_empty() {
            let link = links[dice.below(links.len())];
            let [principal, resource] = targets;
            targets = [link.principal.clone().or(principal), link.resource.clone().or(resource)];
        }
        let covered = |action: &&Action| world.schema.covers(&policy.action, &action.uid);
        let fits = |action: &&Action| {
            suits(&policy.principal, &action.principals)
                && suits(&policy.resource, &action.resources)
        };
        let narrower: Vec<&Action> = actions.iter().copied().filter(covered).filter(fits).collect();
        if !narrower.is_empty() {
            actions = narrower;
        }
    }
    let action = actions[dice.below(actions.len())];
    let [principal, resource] = targets;
    let principal = entity(dice, world, pools, &action.principals, principal.as_ref());
    let resource = entity(dice, world, pools, &action.resources, resource.as_ref());
    (action, principal, resource)
}

fn suits(scope: &Scope, types: &[String]) -> bool {
    match scope {
        Scope::Is(ty) | Scope::IsIn(ty, _) => types.contains(ty),
        _ => true,
    }
}

/// An entity of one of these types, at or below the target where there is such a one.
fn entity(
    dice: &mut Dice,
    world: &World,
    pools: &Pools,
    types: &[String],
    target: Option<&Uid>,
) -> Uid {
    if let Some(target) = target.filter(|_| !dice.one_in(6)) {
        let mut below: Vec<Uid> = world.below(target).into_iter().collect();
        below.retain(|uid| types.contains(&uid.ty));
        if !below.is_empty() {
            return below.swap_remove(dice.below(below.len()));
        }
    }
    let ty = &types[dice.below(types.len())];
    match dice.below(16) {
        0 => Uid::new(ty, "never heard of"),
        1..=3 => pools.any(dice, ty),
        _ => pools.nameable(dice, ty),
    }
}

fn named(scope: &Scope) -> Option<Uid> {
    match scope.target() {
        Some(Target::Uid(uid)) => Some(uid.clone()),
        _ => None,
    }
}

/// Properties for one side or both.
fn properties(dice: &mut Dice, world: &World, pools: &Pools, question: &mut Question) {
    use Properties::{Fill, Ignore, Override, UnknownEntities};
    question.properties = [UnknownEntities, Fill, Override, Ignore][dice.below(4)];
    let mut sent = |uid: &Uid| {
        let ty = world.schema.entity_type(&uid.ty)?;
        let mut members: Members = entities::members(dice, &ty.fields, pools);
        if !members.is_empty() && dice.one_in(6) {
            members.remove(dice.below(members.len()));
        }
        if dice.one_in(6) {
            members.push(("undeclared".to_owned(), Value::Long(1)));
        }
        (!dice.one_in(4)).then_some(members)
    };
    question.principal_properties = sent(&question.principal);
    question.resource_properties = sent(&question.resource);
}

/// Makes a request invalid, or leaves it valid by chance; both sides must then agree on that.
fn spoil(dice: &mut Dice, world: &World, pools: &Pools, question: &mut Question) {
    let types = &world.schema.types;
    let any = types[dice.below(types.len())].name.clone();
    match dice.below(8) {
        0 => question.principal = pools.any(dice, &any),
        1 => question.resource = pools.any(dice, &any),
        2 => question.principal.ty = "Nobody::Declared::This".to_owned(),
        3 => question.action.id.push('x'),
        4 => {
            let actions = &world.schema.actions;
            question.action = actions[dice.below(actions.len())].uid.clone();
        }
        5 if !question.context.is_empty() => {
            question.context.remove(dice.below(question.context.len()));
        }
        _ => {
            let odd: [Json; 9] = [
                Json::Null,
                json!(1.5),
                json!(18_446_744_073_709_551_615_u64),
                json!("text"),
                json!([]),
                json!([1, "a"]),
                json!({}),
                json!({"__entity": {"type": "Nobody", "id": "x"}}),
                json!({"__extn": {"fn": "ip", "arg": "300.0.0.1"}}),
            ];
            let name = question.context.first().map_or("new", |(name, _)| name).to_owned();
            question.extra.push((name, odd[dice.below(odd.len())].clone()));
        }
    }
}
