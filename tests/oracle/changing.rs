//! A change and then a check equal a full load and then a check, which is plain Cedar's answer: over
//! made-up worlds, several changes in a row, and once more from the image of what they made.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use doorward::engine::store::Change;
use doorward::engine::{CompileOptions, Snapshot, Text, restore};
use serde_json::Value as Json;

use crate::conditions::Reach;
use crate::dice::Dice;
use crate::entities::{self, Pools};
use crate::model::{Entity, Link, Question, Uid, World};
use crate::ours;
use crate::plain::{Plain, uid};
use crate::policies::Policies;
use crate::report;
use crate::run::{Failure, NO_BLUNDER, difference, differs, on_every_core, setting};
use crate::text;
use crate::worlds::{Case, QUESTIONS, case};

/// Worlds of one run, unless `DOORWARD_ORACLE_CHANGES` says otherwise.
const WORLDS: u64 = 200;
/// Changes that are made to each, one after the other.
const CHANGES: usize = 4;

/// A change as it was made up, before it is text.
#[derive(Debug, Default)]
pub(crate) struct Edit {
    unlink: BTreeSet<String>,
    remove: BTreeSet<Uid>,
    upsert: Vec<Entity>,
    link: Vec<Link>,
}

// === impl Edit ===

impl Edit {
    /// Something of everything. A strict world loses no entity, which others may name.
    pub(crate) fn make(dice: &mut Dice, world: &World, pools: &Pools, number: usize) -> Self {
        let mut edit = Self::default();
        for link in &world.links {
            if dice.one_in(6) {
                edit.unlink.insert(link.id.clone());
            }
        }
        for entity in &world.entities {
            if !world.strict && dice.one_in(8) {
                edit.remove.insert(entity.uid.clone());
            }
        }
        let mut after = edit.applied_to(world);
        for ty in world.schema.types.iter().filter(|ty| ty.enumerated.is_none()) {
            for _ in 0..dice.below(3) {
                let uid = pools.any(dice, &ty.name);
                let twice = edit.upsert.iter().any(|other| other.uid == uid);
                if twice || edit.remove.contains(&uid) || (world.strict && uid.id == "ghost") {
                    continue;
                }
                let mut entity = entities::entity(dice, ty, uid, pools);
                // Whoever is below the entity cannot become its parent.
                let below = after.below(&entity.uid);
                for _ in 0..dice.below(3) {
                    let above: Vec<&String> = ty.parents.iter().collect();
                    let Some(name) = above.get(dice.below(above.len())) else { break };
                    let parent = pools.nameable(dice, name);
                    if !below.contains(&parent) && !entity.parents.contains(&parent) {
                        entity.parents.push(parent);
                    }
                }
                edit.upsert.push(entity);
                after = edit.applied_to(world);
            }
        }
        let reach = Reach { steps: 1, anywhere: false };
        let mut maker = Policies { dice, schema: &world.schema, pools, reach };
        for template in world.policies.iter().filter(|policy| policy.is_template()) {
            for mut link in maker.links(template, 2) {
                link.id = format!("{}, change {number}", link.id);
                edit.link.push(link);
            }
        }
        edit
    }

    /// What the world is afterwards: who is removed is nobody's parent any more, and no link names
    /// them.
    pub(crate) fn applied_to(&self, world: &World) -> World {
        let mut after = world.clone();
        let is_gone =
            |named: &Option<Uid>| named.as_ref().is_some_and(|it| self.remove.contains(it));
        after.links.retain(|link| {
            let gone = is_gone(&link.principal) || is_gone(&link.resource);
            !gone && !self.unlink.contains(&link.id)
        });
        after.entities.retain(|entity| !self.remove.contains(&entity.uid));
        for entity in &mut after.entities {
            entity.parents.retain(|parent| !self.remove.contains(parent));
        }
        for entity in &self.upsert {
            after.entities.retain(|other| other.uid != entity.uid);
            after.entities.push(entity.clone());
        }
        after.links.extend(self.link.iter().cloned());
        after
    }

    pub(crate) fn change(&self, forms: u64) -> Change {
        let mut dice = Dice::new(forms);
        let entities: Json = self.upsert.iter().map(|it| text::entity(it, &mut dice)).collect();
        let links: Json = self.link.iter().map(text::link).collect();
        Change {
            unlink: self.unlink.iter().cloned().collect(),
            remove: self.remove.iter().map(uid).collect(),
            upsert: Some(Text::new("upsert", entities.to_string())),
            link: Some(Text::new("link", links.to_string())),
        }
    }
}

/// The first answer that is not plain Cedar's over the whole world ends the test. Where a full load
/// gives it too, changes have nothing to do with it, and it is shrunk as any other failure.
fn agrees(seed: u64, what: &str, world: &World, snapshot: &Snapshot, questions: &[Question]) {
    let plain = Plain::load(world).unwrap_or_else(|error| panic!("seed {seed}, {what}: {error}"));
    for question in questions {
        let Some(found) = differs(&plain, snapshot, world, question) else { continue };
        let one = std::slice::from_ref(question);
        let after_a_load = difference(world, one, NO_BLUNDER).is_some();
        let (world, question) = (world.clone(), Some(question.clone()));
        let failure = Failure { seed, world, question, difference: found };
        if after_a_load {
            report::fail(failure, NO_BLUNDER);
        }
        panic!("only after changes, {what}: {}", report::report(&failure));
    }
}

fn restored(world: &World, snapshot: &Snapshot) -> Snapshot {
    let mut image = Vec::new();
    snapshot.store().write_image(&mut image).unwrap();
    let schema = Text::new("schema.cedarschema", text::schema(&world.schema));
    let policies: Vec<String> = world.policies.iter().map(text::policy).collect();
    let policies = [Text::new("all.cedar", policies.join("\n"))];
    restore(&schema, &policies, &mut image.as_slice(), &ours::compile_options(world)).unwrap()
}

/// Gives how many answers the changes changed.
fn run_seed(seed: u64) -> usize {
    let mut changed = 0;
    let Case { pools, mut world, questions, .. } = case(seed);
    let mut dice = Dice::new(seed ^ 0x6368_616e_6765);
    let options: CompileOptions = ours::compile_options(&world);
    let mut snapshot = ours::load(&world).unwrap();
    for number in 0..CHANGES {
        let edit = Edit::make(&mut dice, &world, &pools, number);
        let change = edit.change(dice.next());
        let applied = snapshot.apply(&change, &options);
        let (next, _) = applied.unwrap_or_else(|problems| {
            panic!("seed {seed}, change {number}: {problems}\n{edit:#?}")
        });
        let before = std::mem::replace(&mut snapshot, next);
        let asked: Vec<Question> =
            questions.iter().skip(number).step_by(CHANGES).cloned().collect();
        // The version before is what it was, whatever became of it.
        agrees(seed, &format!("before change {number}"), &world, &before, &asked);
        let other = |question: &&Question| {
            ours::ask(&before, question).ok() != ours::ask(&snapshot, question).ok()
        };
        changed += questions.iter().filter(other).count();
        world = edit.applied_to(&world);
        agrees(seed, &format!("change {number}"), &world, &snapshot, &questions);
    }
    agrees(seed, "the image", &world, &restored(&world, &snapshot), &questions);
    changed
}

#[test]
fn after_changes_every_answer_is_cedars() {
    let worlds = setting("DOORWARD_ORACLE_CHANGES").unwrap_or(WORLDS);
    let first_seed = 5_000_000;
    let seeds: Vec<u64> = (first_seed..first_seed + worlds).collect();
    let changed = AtomicUsize::new(0);
    let ran = on_every_core(&seeds, |seed| {
        changed.fetch_add(run_seed(seed), Ordering::Relaxed);
        Ok(())
    });
    assert!(ran.is_ok());
    let (changed, asked) = (changed.into_inner(), seeds.len() * CHANGES * QUESTIONS);
    assert!(changed * 20 > asked, "changes changed only {changed} answers of {asked}");
}
