//! What was found, counted: classes by their sizes, and principals by what each of them gains.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use super::hunt::{Finding, Hunt};
use super::samples::Samples;
use super::{Balance, Bounds};
use crate::engine::Snapshot;
use crate::engine::compare::{Both, Comparison};
use crate::engine::search::Terms;

/// Counts of what is gained and what is lost.
pub(super) struct Tally<'c, 'a> {
    comparison: &'c Comparison<'a>,
    bounds: Bounds,
    sides: [Sum; 2],
}

#[derive(Default)]
struct Sum {
    balance: Balance,
    principals: HashMap<Both, u64>,
    samples: Samples,
}

// === impl Tally ===

impl<'c, 'a> Tally<'c, 'a> {
    pub(super) fn new(comparison: &'c Comparison<'a>, bounds: Bounds) -> Self {
        Self { comparison, bounds, sides: Default::default() }
    }

    /// Adds what was found in one pairing.
    pub(super) fn take(&mut self, hunt: &Hunt<'_, '_>) {
        let mut of_classes: [BTreeMap<usize, u64>; 2] = Default::default();
        let [gained, lost] = &mut self.sides;
        for finding in &hunt.findings {
            let (sum, of_classes) = match (finding.is_gained, &mut of_classes) {
                (true, [of_classes, _]) => (&mut *gained, of_classes),
                (false, [_, of_classes]) => (&mut *lost, of_classes),
            };
            let Some(group) = hunt.pairing.groups.get(finding.group) else { continue };
            let (principals, each) = sizes(hunt, finding);
            for action in &group.actions {
                let key = (
                    hunt.pairing.principal.clone(),
                    action.to_string(),
                    hunt.pairing.resource.clone(),
                );
                *sum.balance.by.entry(key).or_default() += principals * each;
            }
            let actions = group.actions.len() as u64;
            sum.balance.total += principals * each * actions;
            *of_classes.entry(finding.principals).or_default() += each * actions;
            sum.samples.note(self.comparison, hunt, finding, self.bounds.samples_max);
        }
        for (sum, of_classes) in self.sides.iter_mut().zip(&of_classes) {
            for (class, count) in of_classes {
                for member in hunt.classes(false).get(*class).into_iter().flat_map(|it| &it.members)
                {
                    *sum.principals.entry(*member).or_default() += count;
                }
            }
        }
    }

    /// What is gained, and what is lost.
    pub(super) fn finish(self, sides: [&Snapshot; 2], terms: &Terms) -> [Balance; 2] {
        let Self { comparison, bounds, sides: [gained, lost] } = self;
        let [old, new] = sides;
        let finish = |sum: Sum, allows: &Snapshot, denies: &Snapshot| {
            let mut balance = sum.balance;
            balance.principals = sum.principals.len() as u64;
            let key = |(both, count): (&Both, &u64)| (Reverse(*count), *both);
            let mut top: Vec<(Reverse<u64>, Both)> = sum.principals.iter().map(key).collect();
            let by_name = |a: &(Reverse<u64>, Both), b: &(Reverse<u64>, Both)| {
                let names = || comparison.id(a.1).cmp(comparison.id(b.1));
                let types = || comparison.type_name(a.1).cmp(comparison.type_name(b.1));
                a.0.cmp(&b.0).then_with(types).then_with(names)
            };
            if top.len() > bounds.principals_max {
                top.select_nth_unstable_by(bounds.principals_max, by_name);
                top.truncate(bounds.principals_max);
            }
            top.sort_unstable_by(by_name);
            let named =
                |(count, both): (Reverse<u64>, Both)| Some((comparison.uid(both)?, count.0));
            balance.top = top.into_iter().filter_map(named).collect();
            balance.samples = sum.samples.explained(allows, denies, terms, bounds.samples_max);
            balance
        };
        [finish(gained, new, old), finish(lost, old, new)]
    }
}

/// How many principals a finding is about, and with how many resources each.
fn sizes(hunt: &Hunt<'_, '_>, finding: &Finding) -> (u64, u64) {
    let size = |side: bool, class: usize| {
        hunt.classes(side).get(class).map_or(0, |class| class.members.len() as u64)
    };
    let principals = size(false, finding.principals);
    if finding.is_of_itself {
        return (principals, 1);
    }
    let resources = size(true, finding.resources);
    let is_one_class = hunt.is_one_type() && finding.principals == finding.resources;
    (principals, if is_one_class { resources.saturating_sub(1) } else { resources })
}
