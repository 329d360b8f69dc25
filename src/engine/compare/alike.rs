//! Entities that no policy of either side can tell apart: those of one type with the same parents
//! and the same values of every attribute that is read, unless it matters who they are. What is
//! decided for one of them is decided for all.
//!
//! It matters who an entity is where a policy or the context names it, where a link does, or where
//! a condition compares it with what other entities name and some entity names it. What else a
//! condition can see of an entity is what it has (`engine/slice/looks.rs`).

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::{EntityTypeName, EntityUid};
use serde_json::Value;
use smol_str::SmolStr;

use super::pairing::{Group, Pairing};
use super::{Both, Comparison};
use crate::engine::hash::HashSet;
use crate::engine::index::{Entry, Scope};
use crate::engine::slice::Condition;
use crate::engine::slice::needs::Node;
use crate::engine::store::{EntityNo, Looked};

/// What tells apart the entities of one type on one side of a pairing.
#[derive(Debug, Default)]
pub(super) struct Lens {
    /// What is looked at on each side; `None` where the side does not have the type.
    looked: [Option<Looked>; 2],
    /// Whether it matters who an entity is that others name.
    identity: bool,
    /// Entities that policies name.
    named: HashSet<EntityUid>,
    /// Which slots of links tell entities apart.
    slots: Slots,
}

#[derive(Debug, Default, Clone, Copy)]
struct Slots {
    principal: bool,
    resource: bool,
}

/// What policies read of the entities of one type.
#[derive(Default)]
struct Read<'n> {
    attributes: BTreeSet<&'n SmolStr>,
    all: bool,
    tags: bool,
    identity: bool,
}

/// One class of entities that are alike, by what they have.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Alike(Box<[u32]>);

/// First words of keys: of an entity that is like no other, that both sides have alike, that not.
const SINGULAR: u32 = 0;
const SAME: u32 = 1;
const ALTERED: u32 = 2;

// === impl Comparison ===

impl Comparison<'_> {
    /// The class of an entity among those of its type: `resource` says for which part it plays.
    pub fn alike(&self, pairing: &Pairing, resource: bool, both: Both) -> Alike {
        let [principals, resources] = &pairing.lenses;
        let lens = if resource { resources } else { principals };
        let mut key = Vec::with_capacity(16);
        if self.is_singular(lens, both) {
            key.push(SINGULAR);
            key.extend([0, 1].map(|side| both.on(side).map_or(u32::MAX, EntityNo::number)));
            return Alike(key.into());
        }
        let add = |side: usize, key: &mut Vec<u32>| {
            let stored = both.on(side).filter(|no| self.store(side).is_stored(*no));
            let looked = lens.looked.get(side).and_then(Option::as_ref);
            match (stored, looked) {
                (Some(no), Some(looked)) => {
                    key.push(1);
                    self.store(side).facts_into(no, looked, key);
                }
                _ => key.push(0),
            }
        };
        if self.is_altered(both) {
            key.push(ALTERED);
            add(0, &mut key);
            add(1, &mut key);
        } else {
            key.push(SAME);
            add(1, &mut key);
        }
        Alike(key.into())
    }

    fn is_singular(&self, lens: &Lens, both: Both) -> bool {
        let ids_in_context = !self.terms.context.is_empty();
        for side in [0, 1] {
            let Some(no) = both.on(side) else { continue };
            let store = self.store(side);
            let linked = (lens.slots.principal && store.names_principal(no))
                || (lens.slots.resource && store.names_resource(no));
            if linked || (lens.identity && store.is_named(no)) {
                return true;
            }
        }
        if !lens.named.is_empty() && self.uid(both).is_some_and(|uid| lens.named.contains(&uid)) {
            return true;
        }
        let context = self.terms.context.values();
        ids_in_context && context.into_iter().any(|value| says(value, self.id(both)))
    }

    /// The policies and templates of a side that can concern any action of a pairing, each once.
    pub(super) fn entries<'s>(
        &'s self,
        side: usize,
        types: &(EntityTypeName, EntityTypeName),
        groups: &[Group],
    ) -> impl Iterator<Item = &'s Entry> {
        let snapshot = self.side(side);
        let index = &snapshot.rules.index;
        let actions = groups.iter().flat_map(|group| &group.actions);
        let environments =
            actions.filter_map(|action| index.environment_of(&types.0, action, &types.1));
        let entries = environments.flat_map(|environment| environment.entries(snapshot));
        let entries: BTreeMap<usize, &Entry> = entries.collect();
        entries.into_values()
    }

    /// The lenses of a pairing, for principals and for resources.
    pub(super) fn lenses(
        &self,
        types: &(EntityTypeName, EntityTypeName),
        groups: &[Group],
    ) -> [Lens; 2] {
        let (mut principals, mut resources) = (Read::default(), Read::default());
        let mut named: HashSet<EntityUid> = HashSet::default();
        for side in [0, 1] {
            for entry in self.entries(side, types, groups) {
                let condition = entry.condition.as_ref();
                let looks = condition.map(Condition::looks).unwrap_or_default();
                let needs = &entry.needs;
                principals.add(&needs.principal, needs.whole, looks.at_principal);
                resources.add(&needs.resource, needs.whole, looks.at_resource);
                named.extend(needs.names());
                named.extend([&entry.principal, &entry.resource].into_iter().filter_map(of_scope));
            }
        }
        // Who is both is looked at in both ways.
        let is_one = types.0 == types.1;
        if is_one {
            principals.merge(&resources);
            resources.merge(&principals);
        }
        let lens = |of: &EntityTypeName, read: &Read<'_>, slots: Slots| {
            let name = of.to_string();
            let looked = [0, 1].map(|side| {
                let ty = self.type_no(side, &name)?;
                let some = (!read.all).then(|| read.attributes.iter().map(|it| it.as_str()));
                Some(self.store(side).looked(ty, some, read.tags))
            });
            let named = named.iter().filter(|uid| uid.type_name() == of).cloned().collect();
            Lens { looked, identity: read.identity, named, slots }
        };
        [
            lens(&types.0, &principals, Slots { principal: true, resource: is_one }),
            lens(&types.1, &resources, Slots { principal: is_one, resource: true }),
        ]
    }
}

// === impl Read ===

impl<'n> Read<'n> {
    fn add(&mut self, node: &'n Node, whole: bool, identity: bool) {
        self.attributes.extend(node.attributes.keys());
        self.all |= whole;
        self.tags |= node.tags || whole;
        self.identity |= identity || whole;
    }

    fn merge(&mut self, other: &Self) {
        self.attributes.extend(&other.attributes);
        self.all |= other.all;
        self.tags |= other.tags;
        self.identity |= other.identity;
    }
}

// === impl Alike ===

impl Alike {
    /// Whether the entity is like no other, because it matters who it is.
    pub fn is_singular(&self) -> bool {
        self.0.first() == Some(&SINGULAR)
    }
}

/// The entity that a scope names.
fn of_scope(scope: &Scope) -> Option<EntityUid> {
    match scope {
        Scope::Eq(uid) | Scope::In(uid, _) => Some(uid.clone()),
        Scope::Any | Scope::EqSlot | Scope::InSlot => None,
    }
}

/// Whether a text stands anywhere in a value.
fn says(value: &Value, text: &str) -> bool {
    match value {
        Value::String(said) => said.contains(text),
        Value::Array(items) => items.iter().any(|item| says(item, text)),
        Value::Object(members) => members.values().any(|member| says(member, text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
