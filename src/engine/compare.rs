//! Two snapshots side by side: what of their data and rules differs, whom and what that can concern,
//! and single decisions on either side. Who gains and who loses by it is found with this in
//! `analysis::diff`.
//!
//! Whatever is said here of what cannot have changed is proved or not said: an entity that is not
//! understood is taken for affected, a condition that is not for changed, and two entities that
//! cannot be shown to be alike for different.

mod affected;
mod alike;
mod court;
mod pairing;

pub use alike::Alike;
pub use court::{Court, Few, Side, Stand};
pub use pairing::{Grounds, Group, LeftOut, Pairing};

use cedar_policy::EntityUid;

use super::hash::{HashMap, HashSet};
use super::search::Terms;
use super::snapshot::Snapshot;
use super::store::{Alterations, EntityNo, Store, Twins, TypeNo};

/// Two snapshots that are compared.
#[derive(Debug)]
pub struct Comparison<'a> {
    sides: [&'a Snapshot; 2],
    terms: Terms,
    twins: Twins<'a>,
    alterations: Alterations,
    /// For each side the places of its numbers among the altered entities.
    altered: [HashMap<EntityNo, usize>; 2],
    /// For each side the entities whose ancestors may be others: those with other parents, and all
    /// that are below them.
    moved: [HashSet<EntityNo>; 2],
    pairings: Vec<Pairing>,
    left_out: Vec<LeftOut>,
}

/// An entity by its number on each side; `None` where that side neither stores nor names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Both {
    numbers: [Option<EntityNo>; 2],
}

/// A link that only one side has, or that it has otherwise than the other.
#[derive(Debug, Clone, Copy)]
pub struct Share {
    side: usize,
    principal: Option<EntityNo>,
    resource: Option<EntityNo>,
    template: usize,
}

// === impl Both ===

impl Both {
    fn on(self, side: usize) -> Option<EntityNo> {
        self.numbers.get(side).copied().flatten()
    }
}

// === impl Comparison ===

impl<'a> Comparison<'a> {
    /// Compares two snapshots for checks with these terms. Properties of principals and resources
    /// are none of them.
    pub fn new(old: &'a Snapshot, new: &'a Snapshot, terms: Terms) -> Self {
        let twins = Twins::new(&old.store, &new.store);
        let alterations = twins.alterations();
        let mut comparison = Self {
            sides: [old, new],
            terms: Terms { principal_properties: None, resource_properties: None, ..terms },
            twins,
            alterations,
            altered: Default::default(),
            moved: Default::default(),
            pairings: Vec::new(),
            left_out: Vec::new(),
        };
        comparison.note_altered();
        comparison.pair();
        comparison
    }

    /// Every pair of a type of principals and a type of resources to which some action applies, in
    /// the order of their names.
    pub fn pairings(&self) -> &[Pairing] {
        &self.pairings
    }

    /// What is not compared, and why.
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    /// How many entities and links are not the same on both sides.
    pub fn altered(&self) -> (usize, usize) {
        let [old, new] = &self.alterations.links;
        (self.alterations.entities.len(), old.len() + new.len())
    }

    /// An entity's uid.
    pub fn uid(&self, both: Both) -> Option<EntityUid> {
        let at = [0, 1].into_iter().find_map(|side| Some((side, both.on(side)?)));
        at.map(|(side, no)| self.store(side).uid_of(no))
    }

    /// An entity's id.
    pub fn id(&self, both: Both) -> &str {
        let at = [0, 1].into_iter().find_map(|side| Some((side, both.on(side)?)));
        at.map_or("", |(side, no)| self.store(side).id_of(no))
    }

    /// The name of an entity's type.
    pub fn type_name(&self, both: Both) -> &str {
        let at = [0, 1].into_iter().find_map(|side| Some((side, both.on(side)?)));
        at.map_or("", |(side, no)| self.store(side).type_name(self.store(side).type_of(no)))
    }

    /// All entities of a type that either side stores. It looks at every row of both.
    pub fn stored(&self, type_name: &str) -> Vec<Both> {
        let mut found = Vec::new();
        if let Some(ty) = self.type_no(1, type_name) {
            found.extend(self.store(1).stored_of(ty).map(|no| self.both(1, no)));
        }
        let gone = self.alterations.entities.iter().filter_map(|altered| match altered.numbers {
            [Some(no), None] => Some(no),
            _ => None,
        });
        let of_type =
            |no: &EntityNo| self.type_no(0, type_name) == Some(self.store(0).type_of(*no));
        found.extend(gone.filter(of_type).map(|no| self.both(0, no)));
        found
    }

    /// The links that are not the same on both sides.
    pub fn shares(&self) -> impl Iterator<Item = Share> {
        let numbers = [0, 1].into_iter().zip(&self.alterations.links);
        let numbers = numbers.flat_map(|(side, links)| links.iter().map(move |no| (side, *no)));
        numbers.filter_map(|(side, no)| {
            let snapshot = self.side(side);
            let link = snapshot.store.link_of(no)?;
            let expired = link.expires_ms.is_some_and(|at| at <= self.terms.now_ms);
            let template = snapshot.template_of(&link).filter(|_| !expired)?;
            let (principal, resource) = (link.principal, link.resource);
            Some(Share { side, principal, resource, template })
        })
    }

    fn side(&self, side: usize) -> &'a Snapshot {
        let [old, new] = self.sides;
        if side == 0 { old } else { new }
    }

    fn store(&self, side: usize) -> &'a Store {
        &self.side(side).store
    }

    fn type_no(&self, side: usize, type_name: &str) -> Option<TypeNo> {
        self.side(side).rules.schema.entity_type(type_name)?;
        self.store(side).type_no(type_name)
    }

    /// Whether either side stores an entity.
    fn is_stored(&self, both: Both) -> bool {
        let stored = |side| both.on(side).is_some_and(|no| self.store(side).is_stored(no));
        stored(0) || stored(1)
    }

    /// An entity by its number on one side.
    fn both(&self, side: usize, no: EntityNo) -> Both {
        let twin = self.twins.twin(side, no);
        Both { numbers: if side == 0 { [Some(no), twin] } else { [twin, Some(no)] } }
    }
}
