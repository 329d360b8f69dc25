//! What must hold between two answers of doorward, whatever the right one is: a forbid more never
//! adds access, ids are names and nothing else, and the order of what is loaded does not matter.

use doorward::engine::{CheckResponse, Decision, InvalidRequest};

use crate::conditions::Reach;
use crate::dice::Dice;
use crate::entities::shuffle;
use crate::model::{Policy, Question, World};
use crate::ours;
use crate::plain;
use crate::policies::Policies;
use crate::renaming::{rename_question, rename_world, renamed};
use crate::worlds::{Case, case};

/// Worlds of one test.
const WORLDS: u64 = 150;

type Answer = Result<CheckResponse, InvalidRequest>;

fn answers(world: &World, questions: &[Question]) -> Vec<Answer> {
    let snapshot = ours::load(world).unwrap();
    // An explanation tells of files and lines, which are not the matter here.
    let plain = |question: &Question| Question { explains: false, ..question.clone() };
    questions.iter().map(|question| ours::ask(&snapshot, &plain(question))).collect()
}

/// The cases of one test, by seed; each test has its own.
fn each(first_seed: u64, check: impl Fn(u64, Case)) {
    for seed in first_seed..first_seed + WORLDS {
        check(seed, case(seed));
    }
}

#[test]
fn a_forbid_more_never_adds_access() {
    each(1_000_000, |seed, Case { mut world, questions, pools, .. }| {
        let before = answers(&world, &questions);
        let schema = plain::schema(&world.schema).unwrap();
        let mut dice = Dice::new(seed);
        let (schema_model, reach) = (&world.schema, Reach { steps: 3, anywhere: true });
        let mut maker = Policies { dice: &mut dice, schema: schema_model, pools: &pools, reach };
        let forbid = Policy { permit: false, ..maker.policy(1_000, false) };
        if !plain::accepts(&schema, &forbid) {
            return;
        }
        world.policies.push(forbid);
        for (before, after) in before.iter().zip(answers(&world, &questions)) {
            let allows = |answer: &Answer| {
                answer.as_ref().is_ok_and(|answer| answer.decision == Decision::Allow)
            };
            assert!(allows(before) || !allows(&after), "seed {seed}: {before:#?}\n{after:#?}");
        }
    });
}

#[test]
fn a_permit_less_never_adds_access() {
    each(2_000_000, |seed, Case { mut world, questions, .. }| {
        let before = answers(&world, &questions);
        let Some(place) = world.policies.iter().position(|policy| policy.permit) else { return };
        let gone = world.policies.remove(place).id;
        world.links.retain(|link| link.template != gone);
        for (before, after) in before.iter().zip(answers(&world, &questions)) {
            let allows = |answer: &Answer| {
                answer.as_ref().is_ok_and(|answer| answer.decision == Decision::Allow)
            };
            assert!(allows(before) || !allows(&after), "seed {seed}: {before:#?}\n{after:#?}");
        }
    });
}

#[test]
fn ids_are_names_and_nothing_else() {
    each(3_000_000, |seed, Case { mut world, mut questions, .. }| {
        let before = answers(&world, &questions);
        rename_world(&mut world);
        questions.iter_mut().for_each(rename_question);
        let after = answers(&world, &questions);
        for (before, after) in before.into_iter().zip(after) {
            // What makes a request invalid is told in old names and in new ones.
            let (before, after) = (before.ok().map(as_renamed), after.ok().map(without_messages));
            assert_eq!(before, after, "seed {seed}");
        }
    });
}

fn as_renamed(mut answer: CheckResponse) -> CheckResponse {
    answer.reason.iter_mut().for_each(|id| *id = renamed(id));
    answer.reason.sort_unstable();
    answer.errors.iter_mut().for_each(|error| error.policy = renamed(&error.policy));
    without_messages(answer)
}

/// Messages name entities, under their old names and their new ones.
fn without_messages(mut answer: CheckResponse) -> CheckResponse {
    answer.errors.iter_mut().for_each(|error| error.message.clear());
    answer.errors.sort_unstable();
    answer
}

#[test]
fn the_order_of_what_is_loaded_does_not_matter() {
    each(4_000_000, |seed, Case { mut world, questions, .. }| {
        let before = answers(&world, &questions);
        let mut dice = Dice::new(seed);
        shuffle(&mut dice, &mut world.policies);
        shuffle(&mut dice, &mut world.links);
        shuffle(&mut dice, &mut world.entities);
        shuffle(&mut dice, &mut world.schema.types);
        shuffle(&mut dice, &mut world.schema.actions);
        for entity in &mut world.entities {
            shuffle(&mut dice, &mut entity.parents);
            shuffle(&mut dice, &mut entity.attributes);
            shuffle(&mut dice, &mut entity.tags);
        }
        // Other forms: other files, other formats, other ways of writing the same value.
        world.forms = dice.next();
        assert_eq!(before, answers(&world, &questions), "seed {seed}");
    });
}
