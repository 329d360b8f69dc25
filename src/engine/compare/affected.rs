//! Which entities can be decided on otherwise because data changed: those that changed themselves,
//! and those from which what changed is reached, by what the policies read.

use cedar_policy::EntityUid;

use super::pairing::{Grounds, Pairing};
use super::{Both, Comparison};
use crate::engine::hash::{HashMap, HashSet};
use crate::engine::index::Scope;
use crate::engine::schema::{Record, Type};
use crate::engine::slice::needs::{Needs, Node};
use crate::engine::store::{Altered, EntityNo, Store};

/// What is needed to follow paths back on one side.
struct Trace<'c, 'a> {
    comparison: &'c Comparison<'a>,
    side: usize,
    store: &'a Store,
}

// === impl Comparison ===

impl Comparison<'_> {
    /// Notes where the altered entities are, and whose ancestors may be others.
    pub(super) fn note_altered(&mut self) {
        for side in [0, 1] {
            let mut places: HashMap<EntityNo, usize> = HashMap::default();
            let mut moved: HashSet<EntityNo> = HashSet::default();
            let mut waiting = Vec::new();
            for (place, altered) in self.alterations.entities.iter().enumerate() {
                // One that is gone on this side may still be named here.
                let [old, new] = altered.numbers;
                let (ours, theirs) = if side == 0 { (old, new) } else { (new, old) };
                let named = || theirs.and_then(|no| self.twins.twin(1 - side, no));
                let Some(no) = ours.or_else(named) else { continue };
                places.insert(no, place);
                if altered.parents {
                    waiting.push(no);
                }
            }
            while let Some(no) = waiting.pop() {
                if moved.insert(no) {
                    waiting.extend(self.store(side).children(no));
                }
            }
            if let (Some(place), Some(other)) =
                (self.altered.get_mut(side), self.moved.get_mut(side))
            {
                (*place, *other) = (places, moved);
            }
        }
    }

    /// Whether an entity is not the same on both sides.
    pub(super) fn is_altered(&self, both: Both) -> bool {
        [0, 1].into_iter().any(|side| {
            both.on(side)
                .is_some_and(|no| self.altered.get(side).is_some_and(|it| it.contains_key(&no)))
        })
    }

    /// The principals, or the resources, of a pairing for which data can have changed a decision.
    pub fn affected(&self, pairing: &Pairing, resource: bool) -> Vec<Both> {
        let type_name = if resource { &pairing.resource } else { &pairing.principal };
        let mut found: HashSet<Both> = HashSet::default();
        if self.alterations.entities.is_empty() {
            return Vec::new();
        }
        for side in [0, 1] {
            let trace = Trace { comparison: self, side, store: self.store(side) };
            let mut hits = HashSet::default();
            let (needs, by_scope) = self.needs(pairing, side);
            let node = if resource { &needs.resource } else { &needs.principal };
            if needs.whole {
                trace.reaching(type_name, &mut hits);
            }
            trace.hits(type_name, node, by_scope, &mut hits);
            found.extend(hits.into_iter().map(|no| self.both(side, no)));
        }
        // Who is stored on one side only is decided on otherwise there, whatever is read.
        let one_sided = self.alterations.entities.iter().filter(|altered| altered.is_one_sided());
        for altered in one_sided {
            let at =
                [0, 1].into_iter().zip(altered.numbers).find_map(|(side, no)| Some((side, no?)));
            let Some((side, no)) = at else { continue };
            if self.store(side).type_name(self.store(side).type_of(no)) == type_name.as_str() {
                found.insert(self.both(side, no));
            }
        }
        let mut found: Vec<Both> = found.into_iter().filter(|both| self.is_stored(*both)).collect();
        found.sort_unstable_by_key(|both| both.numbers);
        found
    }

    /// Where policies look into an entity whatever the request, and that one is affected, any
    /// request is; the same of entities that the context names.
    pub(super) fn note_what_all_depend_on(&mut self) {
        if self.alterations.entities.is_empty() {
            return;
        }
        let mut pairings = std::mem::take(&mut self.pairings);
        for pairing in &mut pairings {
            let named = [0, 1].into_iter().any(|side| {
                let trace = Trace { comparison: self, side, store: self.store(side) };
                let (needs, _) = self.needs(pairing, side);
                let whole = needs.whole && needs.names().next().is_some();
                whole || needs.looked_into().any(|(uid, node)| trace.is_hit(&uid, node))
            });
            for group in &mut pairing.groups {
                if named || group.has_context {
                    group.grounds = Grounds::Anything;
                }
            }
        }
        self.pairings = pairings;
    }

    /// What the policies of a side look at in a pairing, and whether any scope of theirs asks for
    /// the ancestors of principal or resource.
    fn needs(&self, pairing: &Pairing, side: usize) -> (Needs, bool) {
        let snapshot = self.side(side);
        let schema = &snapshot.rules.schema;
        let types =
            schema.entity_type(&pairing.principal).zip(schema.entity_type(&pairing.resource));
        let Some((principal, resource)) = types else { return Default::default() };
        let (mut needs, mut by_scope) = (Needs::default(), false);
        let groups = &pairing.groups;
        let types = (principal.name.clone(), resource.name.clone());
        for entry in self.entries(side, &types, groups) {
            needs.merge(&entry.needs);
            let asks = |scope: &Scope| matches!(scope, Scope::In(..) | Scope::InSlot);
            by_scope |= asks(&entry.principal) || asks(&entry.resource);
        }
        (needs, by_scope)
    }
}

// === impl Trace ===

impl Trace<'_, '_> {
    /// The entities of a type from which a path of the node leads to what changed.
    fn hits(&self, type_name: &str, node: &Node, ancestors: bool, found: &mut HashSet<EntityNo>) {
        let Some(ty) = self.store.type_no(type_name) else { return };
        let Some(info) = self.comparison.side(self.side).schema().entity_type(type_name) else {
            return;
        };
        let of_type = |no: &EntityNo| self.store.type_of(*no) == ty;
        if let Some(moved) = self.comparison.moved.get(self.side)
            && (ancestors || node.ancestors)
        {
            found.extend(moved.iter().copied().filter(of_type));
        }
        for (no, altered) in self.altered().filter(|(no, _)| of_type(no)) {
            let read = altered.attributes.iter().any(|name| node.attributes.contains_key(name));
            let there = altered.is_one_sided() && node.is_needed();
            if read || there || (altered.tags && node.tags) {
                found.insert(no);
            }
        }
        for (name, below) in &node.attributes {
            let Some(member) = info.attributes.get(name.as_str()) else { continue };
            let mut targets = HashSet::default();
            self.targets(&member.ty, below, &mut targets);
            let attribute = self.store.attribute_no(ty, name);
            for target in targets {
                match (&member.ty, attribute) {
                    (Type::Entity(_), Some(attribute)) => {
                        found.extend(self.store.referrers(attribute, target));
                    }
                    _ => found.extend(self.store.named_by(target).filter(of_type)),
                }
            }
        }
    }

    /// What a value of this type may name that changed in what is looked at.
    fn targets(&self, ty: &Type, node: &Node, found: &mut HashSet<EntityNo>) {
        match ty {
            Type::Entity(name) if name.is_empty() => {
                found.extend(self.altered().map(|(no, _)| no));
                found.extend(self.comparison.moved.get(self.side).into_iter().flatten());
            }
            Type::Entity(name) => self.hits(name, node, false, found),
            Type::Record(members) => self.members(members, node, found),
            Type::Bool | Type::Long | Type::String | Type::Set(_) | Type::Extension(_) => {}
        }
    }

    fn members(&self, members: &Record, node: &Node, found: &mut HashSet<EntityNo>) {
        for (name, below) in &node.attributes {
            if let Some(member) = members.get(name.as_str()) {
                self.targets(&member.ty, below, found);
            }
        }
    }

    /// The entities of a type from which anything that changed can be reached in any way.
    fn reaching(&self, type_name: &str, found: &mut HashSet<EntityNo>) {
        let Some(ty) = self.store.type_no(type_name) else { return };
        let mut seen: HashSet<EntityNo> = HashSet::default();
        let mut waiting: Vec<EntityNo> = self.altered().map(|(no, _)| no).collect();
        while let Some(no) = waiting.pop() {
            if seen.insert(no) {
                waiting.extend(self.store.children(no));
                waiting.extend(self.store.named_by(no));
            }
        }
        found.extend(seen.into_iter().filter(|no| self.store.type_of(*no) == ty));
    }

    /// Whether a path from an entity that policies name leads to what changed.
    fn is_hit(&self, uid: &EntityUid, node: &Node) -> bool {
        let Some(no) = self.store.number_of(uid) else { return false };
        let mut hits = HashSet::default();
        self.hits(self.store.type_name(self.store.type_of(no)), node, false, &mut hits);
        hits.contains(&no)
    }

    /// The altered entities that have a number on this side.
    fn altered(&self) -> impl Iterator<Item = (EntityNo, &Altered)> {
        let places = self.comparison.altered.get(self.side).into_iter().flatten();
        let entities = &self.comparison.alterations.entities;
        places.filter_map(|(no, place)| Some((*no, entities.get(*place)?)))
    }
}
