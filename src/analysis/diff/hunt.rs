//! The search for what differs in one pairing of types: classes of principals against classes of
//! resources, in rectangles that between them hold every pair that can differ.

use std::collections::HashSet;

use super::Budget;
use super::classes::{Class, Classes};
use crate::engine::compare::{Both, Comparison, Court, Few, Grounds, Group, Pairing, Side, Stand};

/// Up to so many pairs of classes are tried one by one, without asking what can be reached.
const PRODUCT_MAX: usize = 1_024;
/// Up to so many classes are each asked what they reach, one entity after the other; for more, the
/// other side is put into classes first.
const DIRECT_MAX: usize = 8;
/// After so many entities it is asked whether to go on.
const ASKED_EVERY: usize = 8_192;

/// The search in one pairing.
pub(super) struct Hunt<'c, 'a> {
    comparison: &'c Comparison<'a>,
    pub(super) pairing: &'c Pairing,
    /// Principals and resources are of one type, and put into the same classes.
    is_one_type: bool,
    classes: [Classes; 2],
    /// What stands for all classes of each side, once it was asked for.
    few: [Option<Few>; 2],
    pub(super) findings: Vec<Finding>,
}

/// Principals of one class and resources of another, for whom a group of actions differs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Finding {
    /// The number of the group in the pairing.
    pub(super) group: usize,
    pub(super) principals: usize,
    pub(super) resources: usize,
    /// Only the new side allows it; otherwise only the old one.
    pub(super) is_gained: bool,
    /// It is about what each does to itself.
    pub(super) is_of_itself: bool,
}

/// One group of actions while it is looked at.
struct Trial<'c> {
    number: usize,

    court: Court<'c>,
    /// Pairs of classes that need no other look.
    tried: HashSet<(usize, usize)>,
}

/// Whether a set of entities is on the principals' side.
const PRINCIPALS: bool = false;
const RESOURCES: bool = true;

// === impl Hunt ===

impl<'c, 'a> Hunt<'c, 'a> {
    pub(super) fn new(comparison: &'c Comparison<'a>, pairing: &'c Pairing) -> Self {
        Self {
            comparison,
            pairing,
            is_one_type: pairing.principal == pairing.resource,
            classes: Default::default(),
            few: Default::default(),
            findings: Vec::new(),
        }
    }

    /// Finds everything that differs, as far as the budget goes.
    pub(super) fn run(&mut self, budget: &mut Budget<'_>) {
        let (comparison, pairing) = (self.comparison, self.pairing);
        let (entities, links) = comparison.altered();
        let same_rules = |group: &Group| group.grounds == Grounds::Nothing;
        if budget.stopped || (entities + links == 0 && pairing.groups.iter().all(same_rules)) {
            return;
        }
        let affected = comparison.affected(pairing, PRINCIPALS);
        let principals = self.put(PRINCIPALS, affected);
        let affected = comparison.affected(pairing, RESOURCES);
        let resources = self.put(RESOURCES, affected);
        let mut shared: Vec<(_, [Option<Vec<usize>>; 2])> = Vec::new();
        for share in comparison.shares() {
            let [with, what] = comparison.concerned(share, pairing);
            let is_nothing = |side: &Option<Vec<Both>>| side.as_ref().is_some_and(Vec::is_empty);
            if is_nothing(&with) || is_nothing(&what) {
                continue;
            }
            let with = with.map(|with| self.put(PRINCIPALS, with));
            shared.push((share, [with, what.map(|what| self.put(RESOURCES, what))]));
        }
        for (number, group) in pairing.groups.iter().enumerate() {
            let court = comparison.court(pairing, group);
            let mut trial = Trial { number, court, tried: HashSet::new() };
            self.rectangle(&mut trial, [Some(&principals), None], None, budget);
            self.rectangle(&mut trial, [None, Some(&resources)], None, budget);
            for (share, [with, what]) in &shared {
                if comparison.is_about(*share, group) {
                    let sides = [with.as_deref(), what.as_deref()];
                    self.rectangle(&mut trial, sides, None, budget);
                }
            }
            match &group.grounds {
                Grounds::Nothing => {}
                Grounds::Permits(only) => {
                    self.rectangle(&mut trial, [None, None], Some(only), budget);
                }
                Grounds::Anything => self.rectangle(&mut trial, [None, None], None, budget),
            }
            if budget.stopped {
                return;
            }
        }
    }

    /// Puts entities into classes, and gives those, each once.
    fn put(&mut self, side: bool, entities: Vec<Both>) -> Vec<usize> {
        let (comparison, pairing) = (self.comparison, self.pairing);
        let classes = self.classes_mut(side);
        let add = |both| classes.add(comparison, pairing, side, both);
        distinct(entities.into_iter().map(add).collect())
    }

    /// Puts all entities of a side into classes; `false` if there was no time for it.
    fn put_all(&mut self, side: bool, budget: &mut Budget<'_>) -> bool {
        if self.classes(side).whole {
            return true;
        }
        let (comparison, pairing) = (self.comparison, self.pairing);
        let type_name = if side == RESOURCES { &pairing.resource } else { &pairing.principal };
        let classes = self.classes_mut(side);
        for some in comparison.stored(type_name).chunks(ASKED_EVERY) {
            for both in some {
                classes.add(comparison, pairing, side, *both);
            }
            if !budget.ask() {
                return false;
            }
        }
        classes.whole = true;
        true
    }

    /// Looks at all pairs of classes of the two sides, `None` being all there are, that can be
    /// allowed on either side: by certain permits alone, where `only` says which.
    fn rectangle(
        &mut self,
        trial: &mut Trial<'_>,
        sides: [Option<&[usize]>; 2],
        only: Option<&[Vec<usize>; 2]>,
        budget: &mut Budget<'_>,
    ) {
        let is_empty = sides.iter().flatten().any(|classes| classes.is_empty());
        if is_empty || budget.stopped {
            return;
        }
        let (principals, resources) = match sides {
            [Some(principals), Some(resources)] => (principals, resources),
            [Some(principals), None] => {
                return self.drive(trial, (principals, PRINCIPALS), None, only, budget);
            }
            [None, Some(resources)] => {
                return self.drive(trial, (resources, RESOURCES), None, only, budget);
            }
            [None, None] => {
                if !self.put_all(PRINCIPALS, budget) || !self.put_all(RESOURCES, budget) {
                    return;
                }
                let counts = [PRINCIPALS, RESOURCES].map(|side| self.classes(side).len());
                let [principals, resources] = counts;
                let side = if resources < principals { RESOURCES } else { PRINCIPALS };
                let all: Vec<usize> = (0..principals.min(resources)).collect();
                return self.drive(trial, (&all, side), None, only, budget);
            }
        };
        if principals.len().saturating_mul(resources.len()) <= PRODUCT_MAX {
            for principal in principals {
                for resource in resources {
                    self.attempt(trial, *principal, *resource, only, budget);
                }
            }
        } else if principals.len() <= resources.len() {
            self.drive(trial, (principals, PRINCIPALS), Some(resources), only, budget);
        } else {
            self.drive(trial, (resources, RESOURCES), Some(principals), only, budget);
        }
    }

    /// Asks each of some classes what it reaches on the other side, and looks at that.
    fn drive(
        &mut self,
        trial: &mut Trial<'_>,
        (drivers, side): (&[usize], bool),
        among: Option<&[usize]>,
        only: Option<&[Vec<usize>; 2]>,
        budget: &mut Budget<'_>,
    ) {
        let narrow = drivers.len() > DIRECT_MAX;
        if narrow && !self.put_all(!side, budget) {
            return;
        }
        let among: Option<HashSet<usize>> = among.map(|among| among.iter().copied().collect());
        for (count, driver) in drivers.iter().enumerate() {
            if budget.stopped || (count % ASKED_EVERY == ASKED_EVERY - 1 && !budget.ask()) {
                return;
            }
            let Some(given) = self.classes(side).get(*driver).and_then(Class::first) else {
                continue;
            };
            let given = given.clone();
            let reached = self.reached(trial, (&given, side), only, narrow);
            let mut reached = match reached {
                Some(reached) => self.put(!side, reached),
                None if !self.put_all(!side, budget) => return,
                None => (0..self.classes(!side).len()).collect(),
            };
            if only.is_none() {
                reached.extend(self.ghosts(trial, *driver, (&given, side)));
            }
            for other in distinct(reached) {
                if among.as_ref().is_some_and(|among| !among.contains(&other)) {
                    continue;
                }
                let (principal, resource) =
                    if side == RESOURCES { (other, *driver) } else { (*driver, other) };
                self.attempt(trial, principal, resource, only, budget);
                if budget.stopped {
                    return;
                }
            }
        }
    }

    /// What is reached on either side; `None` if that may be anything.
    fn reached(
        &mut self,
        trial: &mut Trial<'_>,
        given: (&Stand, bool),
        only: Option<&[Vec<usize>; 2]>,
        narrow: bool,
    ) -> Option<Vec<Both>> {
        let (comparison, pairing) = (self.comparison, self.pairing);
        let other = !given.1;
        let at = self.at(other);
        if narrow && self.few.get(at).is_some_and(Option::is_none) {
            let type_name = if other == RESOURCES { &pairing.resource } else { &pairing.principal };
            let classes = self.classes(other);
            let examples: Vec<Both> = classes.iter().flat_map(Class::examples).collect();
            let few = comparison.few(type_name, &examples);
            if let Some(place) = self.few.get_mut(at) {
                *place = Some(few);
            }
        }
        let few = self.few.get(at).and_then(Option::as_ref).filter(|_| narrow);
        let mut found = Vec::new();
        for (side, only_at) in Side::BOTH.into_iter().zip([0, 1]) {
            let only = only.and_then(|only| only.get(only_at)).map(Vec::as_slice);
            found.extend(trial.court.reach(comparison, side, given, only, few)?);
        }
        Some(found)
    }

    /// Classes of entities that a side lacks as it lacks the given one: no index of that side has
    /// them. Those that it has not heard of are alike to it, so one of them speaks for all.
    fn ghosts(
        &mut self,
        trial: &mut Trial<'_>,
        driver: usize,
        (given, side): (&Stand, bool),
    ) -> Vec<usize> {
        let comparison = self.comparison;
        let pairing = self.pairing;
        let mut found = Vec::new();
        let Some(both) = self.classes(side).get(driver).and_then(|class| class.examples().next())
        else {
            return found;
        };
        let type_name = if side == RESOURCES { &pairing.principal } else { &pairing.resource };
        for at in Side::BOTH.into_iter().filter(|at| comparison.lacks(*at, both)) {
            if self.is_one_type {
                found.push(driver);
            }
            let mut verdict: Option<bool> = None;
            for ghost in comparison.one_sided(type_name) {
                if !comparison.lacks(at, ghost) {
                    continue;
                }
                let number = self.classes_mut(!side).add(comparison, pairing, !side, ghost);
                let Some(class) = self.classes(!side).get(number) else { continue };
                if class.is_singular || !comparison.is_unheard(at, ghost) {
                    found.push(number);
                    continue;
                }
                let Some(other) = comparison.stand(ghost).filter(|it| it.may_be_on(at)) else {
                    continue;
                };
                let is_allowed = *verdict.get_or_insert_with(|| {
                    let (principal, resource) =
                        if side == RESOURCES { (&other, given) } else { (given, &other) };
                    trial.court.allows(at, principal, resource)
                });
                if is_allowed {
                    found.push(number);
                }
            }
        }
        found
    }

    /// Decides on a pair of classes on both sides, unless that was done.
    fn attempt(
        &mut self,
        trial: &mut Trial<'_>,
        principals: usize,
        resources: usize,
        only: Option<&[Vec<usize>; 2]>,
        budget: &mut Budget<'_>,
    ) {
        if budget.stopped || !trial.tried.insert((principals, resources)) {
            return;
        }
        let is_one_class = self.is_one_type && principals == resources;
        let finding = Finding {
            group: trial.number,
            principals,
            resources,
            is_gained: false,
            is_of_itself: false,
        };
        let mut pairs: [Option<(Stand, Stand)>; 2] = [None, None];
        if let (Some(with), Some(what)) =
            (self.classes(PRINCIPALS).get(principals), self.classes(RESOURCES).get(resources))
        {
            let other = if is_one_class { what.second() } else { what.first() };
            let pair =
                |one: Option<&Stand>, other: Option<&Stand>| Some((one?.clone(), other?.clone()));
            let itself = is_one_class.then(|| pair(with.first(), with.first())).flatten();
            pairs = [pair(with.first(), other), itself];
        }
        for ((principal, resource), is_of_itself) in
            pairs.into_iter().zip([false, true]).filter_map(|(pair, itself)| Some((pair?, itself)))
        {
            let (differs, decisions) = trial.judge(&principal, &resource, only);
            if let Some(is_gained) = differs {
                self.findings.push(Finding { is_gained, is_of_itself, ..finding });
            }
            budget.spend(decisions);
        }
    }

    /// Whether principals and resources are of one type, and in the same classes.
    pub(super) fn is_one_type(&self) -> bool {
        self.is_one_type
    }

    fn at(&self, side: bool) -> usize {
        usize::from(side == RESOURCES && !self.is_one_type)
    }

    pub(super) fn classes(&self, side: bool) -> &Classes {
        let [principals, resources] = &self.classes;
        if self.at(side) == 0 { principals } else { resources }
    }

    fn classes_mut(&mut self, side: bool) -> &mut Classes {
        let at = self.at(side);
        let [principals, resources] = &mut self.classes;
        if at == 0 { principals } else { resources }
    }
}

// === impl Trial ===

impl Trial<'_> {
    /// Whether a pair is gained or lost, and how many decisions that took.
    fn judge(
        &mut self,
        principal: &Stand,
        resource: &Stand,
        only: Option<&[Vec<usize>; 2]>,
    ) -> (Option<bool>, u64) {
        let court = &mut self.court;
        let mut may = [true, true];
        if let Some([old, new]) = only {
            may = [
                court.may_be_satisfied(Side::Old, old, principal, resource),
                court.may_be_satisfied(Side::New, new, principal, resource),
            ];
        }
        // A side none of whose own permits is satisfied allows nothing that the other does not.
        let [old_may, new_may] = may;
        match (old_may, new_may) {
            (false, false) => (None, 0),
            (true, false) if court.allows(Side::New, principal, resource) => (None, 1),
            (true, false) => (court.allows(Side::Old, principal, resource).then_some(false), 2),
            (false, true) if court.allows(Side::Old, principal, resource) => (None, 1),
            (false, true) => (court.allows(Side::New, principal, resource).then_some(true), 2),
            (true, true) => {
                let old = court.allows(Side::Old, principal, resource);
                let new = court.allows(Side::New, principal, resource);
                ((old != new).then_some(new), 2)
            }
        }
    }
}

/// Each once, in order.
fn distinct(mut numbers: Vec<usize>) -> Vec<usize> {
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}
