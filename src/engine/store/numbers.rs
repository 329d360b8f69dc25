//! Numbers for uids and link ids while a store is loaded: a hash table of numbers over one piece of
//! text. When the load is done, the store's own indexes take its place.

use std::hash::RandomState;

use super::pack::hash;
use super::rows::number;

/// Ids by number and numbers by id.
#[derive(Debug)]
pub(super) struct Numbers {
    hasher: RandomState,
    entries: Vec<Entry>,
    text: String,
    /// Open addressing: a number, or `u32::MAX` where a place is free.
    table: Vec<u32>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    end: usize,
    hash: u32,
    kind: u16,
}

const FREE: u32 = u32::MAX;

// === impl Numbers ===

impl Numbers {
    pub(super) fn new(hasher: &RandomState) -> Self {
        Self { hasher: hasher.clone(), entries: Vec::new(), text: String::new(), table: Vec::new() }
    }

    pub(super) fn len(&self) -> u32 {
        number(self.entries.len())
    }

    pub(super) fn kind(&self, at: u32) -> u16 {
        self.entries.get(at as usize).map_or(0, |entry| entry.kind)
    }

    pub(super) fn id(&self, at: u32) -> &str {
        let Some(entry) = self.entries.get(at as usize) else { return "" };
        let before = (at as usize).checked_sub(1).and_then(|before| self.entries.get(before));
        self.text.get(before.map_or(0, |entry| entry.end)..entry.end).unwrap_or_default()
    }

    /// All hashes with their numbers, for the index of a store.
    pub(super) fn hashes(&self) -> Vec<[u32; 2]> {
        (0..).zip(&self.entries).map(|(at, entry)| [entry.hash, at]).collect()
    }

    /// The number of an id, and whether it is new.
    pub(super) fn take(&mut self, kind: u16, id: &str, hash: u32) -> (u32, bool) {
        if (self.entries.len() + 1) * 2 > self.table.len() {
            self.grow();
        }
        let mask = self.table.len() - 1;
        let mut place = hash as usize & mask;
        loop {
            match self.table.get(place) {
                Some(&FREE) | None => break,
                Some(&known) => {
                    let same = self
                        .entries
                        .get(known as usize)
                        .is_some_and(|entry| entry.hash == hash && entry.kind == kind);
                    if same && self.id(known) == id {
                        return (known, false);
                    }
                }
            }
            place = (place + 1) & mask;
        }
        let new = self.len();
        self.text.push_str(id);
        self.entries.push(Entry { end: self.text.len(), hash, kind });
        if let Some(free) = self.table.get_mut(place) {
            *free = new;
        }
        (new, true)
    }

    pub(super) fn take_new(&mut self, kind: u16, id: &str) -> (u32, bool) {
        let hash = hash(&self.hasher, kind, id);
        self.take(kind, id, hash)
    }

    fn grow(&mut self) {
        let size = (self.table.len() * 2).max(1024);
        let mut table = vec![FREE; size];
        for (number, entry) in (0..).zip(&self.entries) {
            let mut place = entry.hash as usize & (size - 1);
            while table.get(place).is_some_and(|taken| *taken != FREE) {
                place = (place + 1) & (size - 1);
            }
            if let Some(free) = table.get_mut(place) {
                *free = number;
            }
        }
        self.table = table;
    }
}
