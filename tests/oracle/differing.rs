//! The difference of two snapshots against a loop of checks over both: made-up worlds, changed in
//! their data, their links, their policies and their schemas, or all at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};

use cedar_policy::EntityUid;
use doorward::analysis::diff::{Balance, Bounds, Difference, diff};
use doorward::engine::check::{ForbidErrors, Undeclared};
use doorward::engine::search::Terms;
use doorward::engine::{CheckOptions, Decision, Snapshot};
use serde_json::Map;

use crate::changing::Edit;
use crate::conditions::Reach;
use crate::dice::Dice;
use crate::entities::{self, Pools};
use crate::model::World;
use crate::ours;
use crate::plain;
use crate::policies::Policies;
use crate::questions::TIMES_S;
use crate::run::{on_every_core, setting};
use crate::text;
use crate::worlds::{Case, case};

/// Worlds of one run, unless `DOORWARD_ORACLE_DIFFERENCES` says otherwise.
const WORLDS: u64 = 500;
/// Everything is listed.
const BOUNDS: Bounds =
    Bounds { decisions_max: u64::MAX, samples_max: usize::MAX, principals_max: usize::MAX };

/// Principal, action and resource as text, allowed by one side only.
type Triple = (String, String, String);

/// What one comparison came to, for the sum of all.
#[derive(Debug, Default)]
struct Seen {
    differing: AtomicU64,
    decisions: AtomicU64,
    loop_decisions: AtomicU64,
}

/// The stored entities of either side, by type.
fn stored(sides: [&Snapshot; 2]) -> BTreeMap<String, BTreeMap<String, EntityUid>> {
    let mut found: BTreeMap<String, BTreeMap<String, EntityUid>> = BTreeMap::new();
    for snapshot in sides {
        let store = snapshot.store();
        for name in snapshot.schema().type_names() {
            let ty = store.type_no(name).unwrap();
            for uid in store.entities_of(ty).map(|no| store.uid_of(no)) {
                let of_type = found.entry(name.to_owned()).or_default();
                of_type.insert(uid.id().unescaped().to_owned(), uid);
            }
        }
    }
    found
}

/// Every question that either schema has: types and action.
fn questions(sides: [&Snapshot; 2]) -> BTreeMap<Triple, EntityUid> {
    let mut found = BTreeMap::new();
    for snapshot in sides {
        for (action, info) in snapshot.schema().actions() {
            for principal in &info.principals {
                for resource in &info.resources {
                    let key = (principal.clone(), action.to_string(), resource.clone());
                    found.insert(key, action.clone());
                }
            }
        }
    }
    found
}

/// Holds a difference against checks of everything on both sides.
fn same(what: &str, sides: [&Snapshot; 2], terms: &Terms, seen: &Seen) {
    let [old, new] = sides;
    let found = diff(old, new, terms, BOUNDS, &mut |_| true);
    assert!(found.complete, "{what}");
    let left_out: BTreeSet<Triple> = found
        .left_out
        .iter()
        .map(|it| (it.principal.clone(), it.action.clone(), it.resource.clone()))
        .collect();
    let stored = stored(sides);
    let nobody = BTreeMap::new();
    let mut expected: [BTreeMap<Triple, [EntityUid; 3]>; 2] = Default::default();
    let mut checks = 0;
    for (key, action) in questions(sides) {
        let declares = |snapshot: &Snapshot| {
            let info = snapshot.schema().action(&action);
            info.is_some_and(|it| it.principals.contains(&key.0) && it.resources.contains(&key.2))
        };
        for principal in stored.get(&key.0).unwrap_or(&nobody).values() {
            for resource in stored.get(&key.2).unwrap_or(&nobody).values() {
                let request = terms.check(principal.clone(), action.clone(), resource.clone());
                let answers = sides.map(|side| side.check(&request, terms.options));
                checks += 2;
                if left_out.contains(&key) {
                    let refused = sides
                        .iter()
                        .zip(&answers)
                        .any(|(side, answer)| declares(side) && answer.is_err());
                    assert!(refused, "{what}: {key:?} is left out and fits");
                    continue;
                }
                let [old, new] =
                    answers.map(|it| it.is_ok_and(|it| it.decision == Decision::Allow));
                if old != new {
                    let uids = [principal.clone(), action.clone(), resource.clone()];
                    let [gained, lost] = &mut expected;
                    let side = if new { gained } else { lost };
                    let name = |uid: &EntityUid| uid.to_string();
                    let triple = (name(principal), name(&action), name(resource));
                    side.insert(triple, uids);
                }
            }
        }
    }
    let differing: usize = expected.iter().map(BTreeMap::len).sum();
    seen.differing.fetch_add(differing as u64, Ordering::Relaxed);
    seen.decisions.fetch_add(found.decisions, Ordering::Relaxed);
    seen.loop_decisions.fetch_add(checks, Ordering::Relaxed);
    let Difference { gained, lost, .. } = &found;
    let [expected_gained, expected_lost] = &expected;
    is(&format!("{what}, gained"), gained, expected_gained, [new, old], terms);
    is(&format!("{what}, lost"), lost, expected_lost, [old, new], terms);
}

fn is(
    what: &str,
    balance: &Balance,
    expected: &BTreeMap<Triple, [EntityUid; 3]>,
    [allows, denies]: [&Snapshot; 2],
    terms: &Terms,
) {
    let mut by: BTreeMap<Triple, u64> = BTreeMap::new();
    let mut top: BTreeMap<String, u64> = BTreeMap::new();
    for [principal, action, resource] in expected.values() {
        let key = (
            principal.type_name().to_string(),
            action.to_string(),
            resource.type_name().to_string(),
        );
        *by.entry(key).or_default() += 1;
        *top.entry(principal.to_string()).or_default() += 1;
    }
    assert_eq!(balance.by, by, "{what}: {expected:#?}");
    assert_eq!(balance.total, expected.len() as u64, "{what}");
    assert_eq!(balance.principals, top.len() as u64, "{what}");
    let counted: BTreeMap<String, u64> =
        balance.top.iter().map(|(uid, count)| (uid.to_string(), *count)).collect();
    assert_eq!(counted, top, "{what}");
    assert_eq!(balance.samples.is_empty(), expected.is_empty(), "{what}");
    for sample in &balance.samples {
        let names = [&sample.principal, &sample.action, &sample.resource].map(ToString::to_string);
        let [principal, action, resource] = names;
        assert!(expected.contains_key(&(principal, action, resource)), "{what}: {sample:?}");
        let request =
            terms.check(sample.principal.clone(), sample.action.clone(), sample.resource.clone());
        let allowed = allows.check(&request, terms.options).unwrap();
        assert_eq!((allowed.decision, &allowed.reason), (Decision::Allow, &sample.allowed_by));
        if let Ok(denied) = denies.check(&request, terms.options) {
            assert_eq!((denied.code, &denied.reason), (sample.denied, &sample.denied_by), "{what}");
        }
    }
}

/// Copies of some entities under other ids: who has the same is not always the same.
fn add_copies(dice: &mut Dice, world: &mut World) {
    for _ in 0..dice.below(6) {
        let Some(original) = world.entities.get(dice.below(world.entities.len())) else { return };
        let ty = world.schema.entity_type(&original.uid.ty).unwrap();
        if ty.enumerated.is_some() {
            continue;
        }
        let mut copy = original.clone();
        copy.uid.id = format!("copy {}", world.entities.len());
        world.entities.push(copy);
    }
}

/// Another world that began as this one.
fn changed(dice: &mut Dice, world: &World, pools: &Pools) -> World {
    let mut next = world.clone();
    let kinds = 1 + dice.below(15);
    if kinds & 1 != 0 {
        next = Edit::make(dice, &next, pools, 0).applied_to(&next);
    }
    if kinds & 2 != 0 {
        change_policies(dice, &mut next, pools);
    }
    if kinds & 4 != 0 {
        change_some(dice, &mut next);
    }
    if kinds & 8 != 0 && dice.one_in(2) {
        change_schema(dice, &mut next);
    }
    next
}

/// Policies are taken out, added, and made to say something else under the ids that they have.
fn change_policies(dice: &mut Dice, world: &mut World, pools: &Pools) {
    let parsed = plain::schema(&world.schema).unwrap();
    let reach = Reach { steps: 1 + dice.below(4), anywhere: dice.one_in(3) };
    for _ in 0..=dice.below(2) {
        let mut maker = Policies { dice: &mut *dice, schema: &world.schema, pools, reach };
        let made = maker.policy(900 + world.policies.len(), false);
        let accepted = plain::accepts(&parsed, &made);
        let at = dice.below(world.policies.len().max(1));
        match (world.policies.get(at).cloned(), dice.below(4)) {
            (Some(policy), 0) => {
                world.links.retain(|link| link.template != policy.id);
                world.policies.remove(at);
            }
            // A condition less, or the other effect.
            (Some(mut policy), 1) => {
                if policy.clauses.pop().is_none() {
                    policy.permit = !policy.permit;
                }
                if plain::accepts(&parsed, &policy) {
                    world.policies[at] = policy;
                }
            }
            (Some(mut policy), 2) if !policy.is_template() => {
                policy.clauses.extend(made.clauses.iter().cloned());
                if plain::accepts(&parsed, &policy) {
                    world.policies[at] = policy;
                }
            }
            _ if accepted && !world.policies.iter().any(|other| other.id == made.id) => {
                world.policies.push(made);
            }
            _ => {}
        }
    }
}

/// Single attributes, parents and links change, as they mostly do.
fn change_some(dice: &mut Dice, world: &mut World) {
    for _ in 0..=dice.below(2) {
        let (at, other) = (dice.below(world.entities.len()), dice.below(world.entities.len()));
        let Some(like) = world.entities.get(other).cloned() else { return };
        let entity = &mut world.entities[at];
        match dice.below(4) {
            0 if entity.uid.ty == like.uid.ty => entity.attributes = like.attributes,
            1 if !world.strict => entity.parents.clear(),
            2 if entity.uid.ty == like.uid.ty => entity.tags = like.tags,
            _ => {
                if !world.links.is_empty() {
                    let link = dice.below(world.links.len());
                    if dice.one_in(2) {
                        world.links.remove(link);
                    } else {
                        world.links[link].expires_s = Some(TIMES_S[dice.below(TIMES_S.len())]);
                    }
                }
            }
        }
    }
}

/// Actions apply to less, are in fewer groups, or are gone.
fn change_schema(dice: &mut Dice, world: &mut World) {
    let before = world.clone();
    let at = dice.below(world.schema.actions.len());
    let action = &mut world.schema.actions[at];
    match dice.below(3) {
        0 if action.resources.len() > 1 => drop(action.resources.pop()),
        1 if action.principals.len() > 1 => drop(action.principals.pop()),
        _ => drop(action.groups.pop()),
    }
    let Ok(parsed) = plain::schema(&world.schema) else {
        *world = before;
        return;
    };
    world.policies.retain(|policy| plain::accepts(&parsed, policy));
    let kept: BTreeSet<&String> = world.policies.iter().map(|policy| &policy.id).collect();
    world.links.retain(|link| kept.contains(&link.template));
}

fn terms(dice: &mut Dice, world: &World, pools: &Pools) -> Terms {
    let mut context = Map::new();
    if dice.one_in(3) {
        let action = &world.schema.actions[dice.below(world.schema.actions.len())];
        let members = entities::members(dice, &action.context, pools);
        context = text::members(&members, &mut Dice::new(2));
    }
    let forbid_errors = if dice.one_in(3) { ForbidErrors::Skip } else { ForbidErrors::Deny };
    let now_s = TIMES_S[dice.below(TIMES_S.len())];
    Terms {
        context,
        undeclared: Undeclared::Drop,
        options: CheckOptions { forbid_errors, ..CheckOptions::default() },
        ..Terms::at(now_s * 1000)
    }
}

fn compare_world(number: u64, seen: &Seen) {
    let mut dice = Dice::new(number ^ 0x0064_6966_6665_7273);
    let Case { mut world, pools, .. } = case(number);
    add_copies(&mut dice, &mut world);
    let Ok(old) = ours::load(&world) else { return };
    let terms = terms(&mut dice, &world, &pools);
    // A change as the API makes it, whose version shares what it does not touch.
    let edit = Edit::make(&mut dice, &world, &pools, 1);
    let change = edit.change(dice.next());
    if let Ok((new, _)) = old.apply(&change, &ours::compile_options(&world)) {
        same(&format!("seed {number}, a change"), [&old, &new], &terms, seen);
        same(&format!("seed {number}, a change taken back"), [&new, &old], &terms, seen);
    }
    for turn in 0..2 {
        let next = changed(&mut dice, &world, &pools);
        let Ok(new) = ours::load(&next) else { continue };
        same(&format!("seed {number}, other files {turn}"), [&old, &new], &terms, seen);
    }
}

#[test]
fn the_difference_is_what_a_loop_of_checks_finds() {
    let seen = Seen::default();
    if let Some(seed) = setting("DOORWARD_ORACLE_SEED") {
        return compare_world(seed, &seen);
    }
    let worlds = setting("DOORWARD_ORACLE_DIFFERENCES").unwrap_or(WORLDS);
    let mut dice = Dice::new(worlds);
    let seeds: Vec<u64> = (0..worlds).map(|_| dice.next()).collect();
    let ran = on_every_core(&seeds, |seed| {
        let compared = std::panic::catch_unwind(|| compare_world(seed, &seen));
        assert!(compared.is_ok(), "again: DOORWARD_ORACLE_SEED={seed}");
        Ok(())
    });
    assert!(ran.is_ok());
    let Seen { differing, decisions, loop_decisions } = seen;
    let (differing, decisions) = (differing.into_inner(), decisions.into_inner());
    let loop_decisions = loop_decisions.into_inner();
    assert!(differing > 5 * worlds, "changes changed {differing} answers only");
    assert!(decisions * 3 < loop_decisions, "{decisions} decisions in place of {loop_decisions}");
}
