//! Who gains and who loses what between two snapshots: the exact set of principal, action and
//! resource, over all entities that either stores, that one allows and the other denies.
//!
//! Nothing is tried that cannot have changed. What data changed for are the entities that are not
//! the same on both sides, those from which policies reach such, and whom changed links name; where
//! rules changed, whom the changed policies can concern. Of those, entities that no policy can tell
//! apart are decided on once for all of them (`engine::compare`).

mod classes;
mod hunt;
mod samples;
mod tally;

use std::collections::BTreeMap;

use cedar_policy::EntityUid;

use crate::engine::compare::{Comparison, LeftOut};
use crate::engine::search::Terms;
use crate::engine::{Code, Snapshot};
use hunt::Hunt;
use tally::Tally;

/// How much is looked at, and how much of it is told.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// The most decisions that are made on either side; past it the difference is not complete.
    pub decisions_max: u64,
    /// The most samples of what is gained, and of what is lost.
    pub samples_max: usize,
    /// The most principals that are listed with what they gain, and with what they lose.
    pub principals_max: usize,
}

/// How far a comparison is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Decisions that were made.
    pub decisions: u64,
    /// Pairs of types that are done.
    pub done: usize,
    /// Pairs of types that there are.
    pub pairings: usize,
}

/// What two snapshots decide differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What only the new one allows.
    pub gained: Balance,
    /// What only the old one allows.
    pub lost: Balance,
    /// Whether everything was compared that can differ; if not, the counts are what was found.
    pub complete: bool,
    /// Actions that were not compared, because their context cannot be empty or the one given does
    /// not fit.
    pub left_out: Vec<LeftOut>,
    /// Entities that are not the same on both sides.
    pub entities: usize,
    /// Links of either side that the other does not have.
    pub links: usize,
    /// Decisions that were made to find it out.
    pub decisions: u64,
}

/// What is gained, or what is lost. Each is a principal, an action and a resource.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Balance {
    /// How many.
    pub total: u64,
    /// How many by type of principal, action and type of resource.
    pub by: BTreeMap<(String, String, String), u64>,
    /// How many principals there are among them.
    pub principals: u64,
    /// Those with the most, with how many; not more than was asked for.
    pub top: Vec<(EntityUid, u64)>,
    /// Some of them, in order.
    pub samples: Vec<Sample>,
}

/// A principal, an action and a resource that only one side allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Who.
    pub principal: EntityUid,
    /// What.
    pub action: EntityUid,
    /// To what.
    pub resource: EntityUid,
    /// The policies that allow it, on the side that does.
    pub allowed_by: Vec<String>,
    /// Why the other side denies it; `invalid_request` where its schema does not have the question.
    pub denied: Code,
    /// The policies that deny it, where some do.
    pub denied_by: Vec<String>,
}

// === impl Bounds ===

impl Default for Bounds {
    fn default() -> Self {
        Self { decisions_max: 50_000_000, samples_max: 20, principals_max: 20 }
    }
}

// === impl Difference ===

impl Difference {
    /// That of two snapshots that say the same.
    pub fn nothing() -> Self {
        Self {
            gained: Balance::default(),
            lost: Balance::default(),
            complete: true,
            left_out: Vec::new(),
            entities: 0,
            links: 0,
            decisions: 0,
        }
    }
}

/// Compares two snapshots for checks with these terms. `goes_on` is asked now and then whether it is
/// worth going on; if not, the difference is what was found until then.
pub fn diff(
    old: &Snapshot,
    new: &Snapshot,
    terms: &Terms,
    bounds: Bounds,
    goes_on: &mut dyn FnMut(Progress) -> bool,
) -> Difference {
    let comparison = Comparison::new(old, new, terms.clone());
    let mut budget = Budget {
        left: bounds.decisions_max,
        stopped: false,
        goes_on,
        progress: Progress { pairings: comparison.pairings().len(), ..Progress::default() },
    };
    let mut tally = Tally::new(&comparison, bounds);
    for pairing in comparison.pairings() {
        let mut hunt = Hunt::new(&comparison, pairing);
        hunt.run(&mut budget);
        tally.take(&hunt);
        budget.progress.done += 1;
    }
    let (entities, links) = comparison.altered();
    let [gained, lost] = tally.finish([old, new], terms);
    Difference {
        gained,
        lost,
        complete: !budget.stopped,
        left_out: comparison.left_out().to_vec(),
        entities,
        links,
        decisions: budget.progress.decisions,
    }
}

/// What may still be spent.
struct Budget<'b> {
    left: u64,
    stopped: bool,
    goes_on: &'b mut dyn FnMut(Progress) -> bool,
    progress: Progress,
}

/// After so many decisions it is asked whether to go on.
const ASKED_EVERY: u64 = 128;

// === impl Budget ===

impl Budget<'_> {
    /// Takes some decisions out of it; `false` once it is spent.
    fn spend(&mut self, decisions: u64) -> bool {
        let before = self.progress.decisions / ASKED_EVERY;
        self.progress.decisions += decisions;
        self.left = self.left.saturating_sub(decisions);
        let asks = self.progress.decisions / ASKED_EVERY != before;
        if self.left == 0 || (asks && !(self.goes_on)(self.progress)) {
            self.stopped = true;
        }
        !self.stopped
    }

    /// Asks whether to go on, where nothing was decided for a while.
    fn ask(&mut self) -> bool {
        self.stopped |= !(self.goes_on)(self.progress);
        !self.stopped
    }
}
