//! From a seed to a world and the questions about it.

use crate::conditions::Reach;
use crate::dice::Dice;
use crate::entities::{self, Pools};
use crate::model::{Question, World};
use crate::plain;
use crate::policies::{self, Policies};
use crate::questions;
use crate::schemas;

/// Questions that are put to one world.
pub(crate) const QUESTIONS: usize = 40;

/// A world, and questions about it.
pub(crate) struct Case {
    /// What its policies and questions name.
    pub(crate) pools: Pools,
    pub(crate) world: World,
    pub(crate) questions: Vec<Question>,
    /// Policies that did not pass strict validation, and were left out.
    pub(crate) dropped: usize,
}

/// The case that belongs to a seed: the same on every machine.
pub(crate) fn case(seed: u64) -> Case {
    let mut dice = Dice::new(seed);
    let size = 1 + dice.below(4);
    let schema = schemas::schema(&mut dice, size);
    let strict = dice.one_in(5);
    let mut pools = Pools::new(&mut dice, &schema, size, strict);
    let entities = entities::entities(&mut dice, &schema, &mut pools);
    let parsed = plain::schema(&schema)
        .unwrap_or_else(|error| panic!("seed {seed} makes no schema: {error}"));
    let (statics, templates, links_each) = policies::counts(&mut dice, size);
    let reach = Reach { steps: 1 + dice.below(6), anywhere: dice.one_in(3) };
    let mut maker = Policies { dice: &mut dice, schema: &schema, pools: &pools, reach };
    let mut made = Vec::new();
    let mut links = Vec::new();
    let mut dropped = 0;
    for number in 0..statics + templates {
        let policy = maker.policy(number, number >= statics);
        if !plain::accepts(&parsed, &policy) {
            dropped += 1;
            continue;
        }
        if policy.is_template() {
            links.extend(maker.links(&policy, links_each));
        }
        made.push(policy);
    }
    let forms = dice.next();
    let world = World { schema, policies: made, links, entities, strict, forms };
    let questions =
        (0..QUESTIONS).map(|_| questions::question(&mut dice, &world, &pools)).collect();
    Case { pools, world, questions, dropped }
}
