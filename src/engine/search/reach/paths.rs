//! Paths over the data: forwards to what is known of a search before anything is found, and back to
//! the entities from which a path leads somewhere.

use std::collections::HashSet;

use cedar_policy::EntityUid;

use super::{Reach, Sought};
use crate::engine::schema::Type;
use crate::engine::slice::demand::{Path, Root};
use crate::engine::store::{EntityNo, TypeNo, ValueRef};

/// What a path from the given side, or from an entity that a policy names, leads to.
pub(super) enum Known {
    Entity(EntityNo),
    /// An entity that nothing stored is or names.
    Unheard(EntityUid),
    Entities(Vec<EntityNo>),
    /// Nothing: to read it is an error, so no condition is satisfied that does.
    Missing,
    /// Something that is no entity, or an action, whose groups are not in the store.
    Other,
}

// === impl Reach ===

impl Reach<'_> {
    pub(super) fn is_sought(&self, path: &Path) -> bool {
        match self.sought {
            Sought::Principal => path.root == Root::Principal,
            Sought::Resource => path.root == Root::Resource,
        }
    }

    /// What a path leads to that does not begin with what is sought.
    pub(super) fn known(&self, path: &Path) -> Known {
        let (uid, number) = match &path.root {
            Root::Named(uid) => (uid, self.snapshot.number_of(uid)),
            Root::Principal | Root::Resource => (self.given.0, self.given.1.line.first().copied()),
        };
        let Some((first, rest)) = path.attributes.split_first() else {
            return match number {
                _ if self.snapshot.rules.schema.entity_type_of(uid).is_none() => Known::Other,
                Some(no) => Known::Entity(no),
                None => Known::Unheard(uid.clone()),
            };
        };
        let Some(mut value) = number.and_then(|no| self.store.attribute(no, first)) else {
            return Known::Missing;
        };
        for name in rest {
            let next = match value {
                ValueRef::Entity(no) => self.store.attribute(no, name),
                ValueRef::Record(members) => members.get(name),
                _ => None,
            };
            let Some(next) = next else { return Known::Missing };
            value = next;
        }
        match value {
            ValueRef::Entity(no) if !self.is_action(no) => Known::Entity(no),
            ValueRef::Set(elements) => {
                let number = |element| match element {
                    ValueRef::Entity(no) if !self.is_action(no) => Some(no),
                    _ => None,
                };
                elements
                    .iter()
                    .map(number)
                    .collect::<Option<_>>()
                    .map_or(Known::Other, Known::Entities)
            }
            _ => Known::Other,
        }
    }

    fn is_action(&self, no: EntityNo) -> bool {
        let name = self.store.type_name(self.store.type_of(no));
        self.snapshot.rules.schema.entity_type(name).is_none()
    }

    /// An entity and its ancestors.
    pub(super) fn line(&self, no: EntityNo) -> Vec<EntityNo> {
        let mut line = vec![no];
        self.store.ancestors_into(no, &mut line);
        line
    }

    /// The types of entities that a path leads over, from what is sought on; `None` if it leads to
    /// or over anything else, or to actions.
    pub(super) fn types(&self, path: &Path) -> Option<Vec<TypeNo>> {
        let schema = &self.snapshot.rules.schema;
        let mut types = vec![self.ty];
        let mut entity_type = schema.entity_type(self.store.type_name(self.ty))?;
        for name in &path.attributes {
            let Type::Entity(next) = &entity_type.attributes.get(name.as_str())?.ty else {
                return None;
            };
            entity_type = schema.entity_type(next)?;
            types.push(self.store.type_no(next)?);
        }
        Some(types)
    }

    /// From the ends of a path back to where it begins.
    pub(super) fn back(
        &self,
        path: &Path,
        types: &[TypeNo],
        ends: Vec<EntityNo>,
        most: usize,
    ) -> Option<Vec<EntityNo>> {
        let mut found = ends;
        let mut steps = 0;
        for (at, (name, ty)) in path.attributes.iter().zip(types).enumerate().rev() {
            let is_first = at == 0;
            let attribute = self.store.attribute_no(*ty, name)?;
            found.sort_unstable();
            found.dedup();
            let mut next = Vec::new();
            for no in found {
                let most = most.saturating_sub(steps);
                // Only what is sought is of the type whose attribute is the path's first.
                match self.among.filter(|_| is_first) {
                    Some(among) => next.extend(among.referrers_of(attribute, no).take(most)),
                    None => next.extend(self.store.referrers(attribute, no).take(most)),
                }
                steps += 1;
                if steps + next.len() > most {
                    return None;
                }
            }
            steps += next.len();
            found = next;
        }
        Some(found)
    }

    /// These entities and what is below them, of one type, with repetitions.
    pub(super) fn below(
        &self,
        groups: &[EntityNo],
        ty: TypeNo,
        most: usize,
    ) -> Option<Vec<EntityNo>> {
        let schema = &self.snapshot.rules.schema;
        let ancestors = &schema.entity_type(self.store.type_name(ty))?.ancestors;
        let names = self.store.types().map(|other| self.store.type_name(other));
        let leads: Vec<bool> = names.map(|name| ancestors.contains(name)).collect();
        let mut found: Vec<EntityNo> = Vec::new();
        let mut waiting = groups.to_vec();
        let mut seen: HashSet<EntityNo> = HashSet::new();
        let mut steps = 0;
        while let Some(no) = waiting.pop() {
            steps += 1;
            if steps > most {
                return None;
            }
            let of_no = self.store.type_of(no);
            if of_no == ty {
                found.push(no);
            }
            if leads.get(of_no.index()) == Some(&true) && seen.insert(no) {
                waiting.extend(self.store.children(no).take(most.saturating_sub(steps) + 1));
            }
        }
        Some(found)
    }
}
