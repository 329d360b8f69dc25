//! Entities of one type by what policies can tell of them, as far as they were come across.

use std::collections::HashMap;

use crate::engine::compare::{Alike, Both, Comparison, Pairing, Stand};

/// Classes of entities, numbered as they were found.
#[derive(Debug, Default)]
pub(super) struct Classes {
    numbers: HashMap<Alike, usize>,
    of: HashMap<Both, usize>,
    list: Vec<Class>,
    /// Whether every entity of the type that either side stores is in one.
    pub(super) whole: bool,
}

/// Entities that are alike.
#[derive(Debug, Default)]
pub(super) struct Class {
    pub(super) members: Vec<Both>,
    pub(super) is_singular: bool,
    /// Where the first two stand.
    stands: [Option<Stand>; 2],
}

// === impl Classes ===

impl Classes {
    /// The class of an entity, which is counted as a member of it from now on.
    pub(super) fn add(
        &mut self,
        comparison: &Comparison<'_>,
        pairing: &Pairing,
        resource: bool,
        both: Both,
    ) -> usize {
        if let Some(number) = self.of.get(&both) {
            return *number;
        }
        let alike = comparison.alike(pairing, resource, both);
        let is_singular = alike.is_singular();
        let next = self.list.len();
        let number = *self.numbers.entry(alike).or_insert(next);
        if number == next {
            self.list.push(Class { is_singular, ..Class::default() });
        }
        if let Some(class) = self.list.get_mut(number) {
            if let Some(place) = class.stands.get_mut(class.members.len()) {
                *place = comparison.stand(both);
            }
            class.members.push(both);
        }
        self.of.insert(both, number);
        number
    }

    pub(super) fn get(&self, number: usize) -> Option<&Class> {
        self.list.get(number)
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Class> {
        self.list.iter()
    }
}

// === impl Class ===

impl Class {
    /// Where the first member stands.
    pub(super) fn first(&self) -> Option<&Stand> {
        self.stands.first()?.as_ref()
    }

    /// Where the second member stands, if there is one.
    pub(super) fn second(&self) -> Option<&Stand> {
        self.stands.get(1)?.as_ref()
    }

    /// The first members, two at most: they stand for all.
    pub(super) fn examples(&self) -> impl Iterator<Item = Both> {
        self.members.iter().copied().take(2)
    }
}
