//! Decisions of one group of actions on either side, and what can be allowed there at all.

use cedar_policy::EntityUid;

use super::pairing::{Group, Pairing};
use super::{Both, Comparison, Share};
use crate::engine::check::{CheckOptions, CheckRequest};
use crate::engine::hash::HashSet;
use crate::engine::request::{Fitted, Standing};
use crate::engine::search::reach::{Among, Reach, Sought};
use crate::engine::snapshot::Snapshot;
use crate::engine::store::{EntityNo, TypeNo};
use crate::engine::uid;

/// One of the two snapshots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// What was.
    Old,
    /// What is to be.
    New,
}

/// Where the checks of a group of actions are decided, on both sides.
#[derive(Debug)]
pub struct Court<'c> {
    /// `None` where the action does not apply, so that nothing is allowed.
    benches: [Option<Bench<'c>>; 2],
}

#[derive(Debug)]
struct Bench<'c> {
    snapshot: &'c Snapshot,
    request: CheckRequest,
    fitted: Fitted<'c>,
    options: CheckOptions,
    types: [TypeNo; 2],
}

/// An entity as either side sees it; to be kept between checks.
#[derive(Debug, Clone)]
pub struct Stand {
    uid: EntityUid,
    /// `None` where the schema does not have such an entity.
    sides: [Option<Standing>; 2],
}

/// Some entities of a type, to search among on each side.
#[derive(Debug)]
pub struct Few {
    sides: [Among; 2],
}

// === impl Side ===

impl Side {
    /// Both, the old one first.
    pub const BOTH: [Self; 2] = [Self::Old, Self::New];

    fn index(self) -> usize {
        match self {
            Self::Old => 0,
            Self::New => 1,
        }
    }
}

// === impl Comparison ===

impl Comparison<'_> {
    /// Where a group of actions is decided.
    pub fn court<'c>(&'c self, pairing: &Pairing, group: &Group) -> Court<'c> {
        let bench = |side: usize| {
            let snapshot = self.side(side);
            let schema = &snapshot.rules.schema;
            let some = |type_name: &str| {
                let info = schema.entity_type(type_name)?;
                let id =
                    info.enumerated.as_ref().map_or(Some(""), |ids| ids.first().map(|id| &**id));
                Some((self.type_no(side, type_name)?, uid::of(&info.name, id?)))
            };
            let (principal_type, principal) = some(&pairing.principal)?;
            let (resource_type, resource) = some(&pairing.resource)?;
            let action = group.actions.first()?;
            let request = self.request(principal, action, resource);
            // What does not fit was left out of the pairings, so that only what does not apply is
            // refused here.
            let fitted = snapshot.fit(&request, self.terms.options.request_properties).ok()?;
            let (options, types) = (self.terms.options, [principal_type, resource_type]);
            Some(Bench { snapshot, request, fitted, options, types })
        };
        Court { benches: [bench(0), bench(1)] }
    }

    /// Where an entity stands on both sides.
    pub fn stand(&self, both: Both) -> Option<Stand> {
        let uid = self.uid(both)?;
        let type_name = uid.type_name().to_string();
        let sides = [0, 1].map(|side| {
            let snapshot = self.side(side);
            let info = snapshot.rules.schema.entity_type(&type_name)?;
            let is_one =
                |ids: &std::collections::BTreeSet<String>| ids.contains(uid.id().unescaped());
            if !info.enumerated.as_ref().is_none_or(is_one) {
                return None;
            }
            Some(both.on(side).map_or_else(Standing::default, |no| snapshot.standing_of(no)))
        });
        Some(Stand { uid, sides })
    }

    /// Some entities of a type, to be searched among.
    pub fn few(&self, type_name: &str, members: &[Both]) -> Few {
        Few {
            sides: [0, 1].map(|side| {
                let Some(ty) = self.type_no(side, type_name) else { return Among::default() };
                let store = self.store(side);
                let numbers = members.iter().filter_map(|both| both.on(side));
                let numbers = numbers.filter(|no| store.is_stored(*no)).collect();
                Among::new(store, ty, numbers)
            }),
        }
    }

    /// Entities of a type that only one side stores.
    pub fn one_sided(&self, type_name: &str) -> Vec<Both> {
        let of_type = |(side, no): &(usize, EntityNo)| {
            self.type_no(*side, type_name) == Some(self.store(*side).type_of(*no))
        };
        let one_sided =
            self.alterations.entities.iter().filter_map(|altered| match altered.numbers {
                [Some(no), None] => Some((0, no)),
                [None, Some(no)] => Some((1, no)),
                _ => None,
            });
        one_sided.filter(of_type).map(|(side, no)| self.both(side, no)).collect()
    }

    /// Whether a side does not store an entity.
    pub fn lacks(&self, side: Side, both: Both) -> bool {
        let side = side.index();
        both.on(side).is_none_or(|no| !self.store(side).is_stored(no))
    }

    /// Whether a side neither stores nor names an entity.
    pub fn is_unheard(&self, side: Side, both: Both) -> bool {
        both.on(side.index()).is_none()
    }

    /// Whether a link can say something of a group of actions.
    pub fn is_about(&self, share: Share, group: &Group) -> bool {
        let templates = group.templates.get(share.side);
        templates.is_some_and(|templates| templates.contains(&share.template))
    }

    /// The principals and resources of a pairing that a link is about, on the side that has it;
    /// `None`: every one of the type. The two are empty where the link says nothing of them.
    pub fn concerned(&self, share: Share, pairing: &Pairing) -> [Option<Vec<Both>>; 2] {
        let snapshot = self.side(share.side);
        let Some(entry) = snapshot.rules.index.entry(share.template) else {
            return [Some(Vec::new()), Some(Vec::new())];
        };
        let side =
            |scope: &crate::engine::index::Scope, slot: Option<EntityNo>, type_name: &str| {
                use crate::engine::index::Scope;
                let (Some(slot), Some(ty)) = (slot, self.type_no(share.side, type_name)) else {
                    return matches!(scope, Scope::EqSlot | Scope::InSlot).then(Vec::new);
                };
                let found = match scope {
                    Scope::Any | Scope::Eq(_) | Scope::In(..) => return None,
                    Scope::EqSlot => vec![slot],
                    Scope::InSlot => self.below(share.side, slot),
                };
                let store = self.store(share.side);
                let found = found.into_iter().filter(|no| store.type_of(*no) == ty);
                let found = found.map(|no| self.both(share.side, no));
                Some(found.filter(|both| self.is_stored(*both)).collect())
            };
        [
            side(&entry.principal, share.principal, &pairing.principal),
            side(&entry.resource, share.resource, &pairing.resource),
        ]
    }

    /// An entity and all that is below it on a side.
    fn below(&self, side: usize, no: EntityNo) -> Vec<EntityNo> {
        let mut seen: HashSet<EntityNo> = HashSet::default();
        let mut found = Vec::new();
        let mut waiting = vec![no];
        while let Some(no) = waiting.pop() {
            if seen.insert(no) {
                found.push(no);
                waiting.extend(self.store(side).children(no));
            }
        }
        found
    }
}

// === impl Court ===

impl Court<'_> {
    /// Whether a side allows it.
    pub fn allows(&mut self, side: Side, principal: &Stand, resource: &Stand) -> bool {
        let Some(bench) = self.put(side, principal, resource) else { return false };
        bench.snapshot.allows(&bench.request, bench.options, &bench.fitted)
    }

    /// Whether one of these policies of a side may be satisfied, as far as that is cheaply said.
    pub fn may_be_satisfied(
        &mut self,
        side: Side,
        policies: &[usize],
        principal: &Stand,
        resource: &Stand,
    ) -> bool {
        if policies.is_empty() {
            return false;
        }
        let Some(bench) = self.put(side, principal, resource) else { return false };
        bench.snapshot.may_be_satisfied(policies, &bench.request, &bench.fitted)
    }

    /// What the permits of a side may allow to a principal, or to whom on a resource: a superset of
    /// the entities that the side stores. `None`: any of the type.
    pub fn reach(
        &mut self,
        comparison: &Comparison<'_>,
        side: Side,
        (given, is_resource): (&Stand, bool),
        only: Option<&[usize]>,
        few: Option<&Few>,
    ) -> Option<Vec<Both>> {
        let at = side.index();
        let (Some(bench), Some(standing)) =
            (self.benches.get_mut(at).and_then(Option::as_mut), given.on(at))
        else {
            return Some(Vec::new());
        };
        if only.is_some_and(<[usize]>::is_empty) {
            return Some(Vec::new());
        }
        let (request, fitted) = (&mut bench.request, &mut bench.fitted);
        let [principals, resources] = bench.types;
        let (sought, ty) = if is_resource {
            (request.resource, fitted.resource) = (given.uid.clone(), standing.clone());
            (Sought::Principal, principals)
        } else {
            (request.principal, fitted.principal) = (given.uid.clone(), standing.clone());
            (Sought::Resource, resources)
        };
        let reach = Reach::new(bench.snapshot, &bench.request, &bench.fitted, sought, ty);
        let among = few.and_then(|few| few.sides.get(at));
        let found = reach.narrowed(only, among).candidates()?;
        Some(found.into_iter().map(|no| comparison.both(at, no)).collect())
    }

    fn put(&mut self, side: Side, principal: &Stand, resource: &Stand) -> Option<&Bench<'_>> {
        let at = side.index();
        let bench = self.benches.get_mut(at)?.as_mut()?;
        let (principal_stands, resource_stands) = (principal.on(at)?, resource.on(at)?);
        let (request, fitted) = (&mut bench.request, &mut bench.fitted);
        if request.principal != principal.uid {
            request.principal = principal.uid.clone();
        }
        if request.resource != resource.uid {
            request.resource = resource.uid.clone();
        }
        fitted.principal.clone_from(principal_stands);
        fitted.resource.clone_from(resource_stands);
        Some(bench)
    }
}

// === impl Stand ===

impl Stand {
    fn on(&self, side: usize) -> Option<&Standing> {
        self.sides.get(side)?.as_ref()
    }

    /// Whether a side's schema has such an entity, stored or not.
    pub fn may_be_on(&self, side: Side) -> bool {
        self.on(side.index()).is_some()
    }
}
