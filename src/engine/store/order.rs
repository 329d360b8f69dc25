//! Entities and links in the order of their ids, for lists and pages. An order is made when it is
//! first asked for, and whoever asks meanwhile waits; from then on every version carries it on.

use std::cmp::Ordering;
use std::sync::{Arc, OnceLock};

use super::rows::{Rows, STORED};
use super::tree::Tree;
use super::{EntityNo, LinkNo, Store, TypeNo};

/// Numbers in the order of their ids, once somebody asked for it.
#[derive(Debug, Clone, Default)]
pub(super) struct Order(Arc<OnceLock<Tree<u32>>>);

/// The orders of the entities of each type.
#[derive(Debug, Clone, Default)]
pub(super) struct Orders(pub(super) Vec<Order>);

// === impl Order ===

impl Order {
    fn get(&self, rows: &Rows, fits: impl Fn(u16) -> bool) -> &Tree<u32> {
        self.0.get_or_init(|| {
            let mut numbers: Vec<(u64, u32)> = Vec::new();
            for (number, row) in (0..).zip(rows.iter()) {
                if row.flags & STORED != 0 && fits(row.kind) {
                    numbers.push((prefix(row.id), number));
                }
            }
            let id = |number: u32| rows.row(number).map_or("", |row| row.id);
            numbers.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| id(a.1).cmp(id(b.1))));
            let numbers: Vec<u32> = numbers.into_iter().map(|(_, number)| number).collect();
            Tree::from_sorted(&numbers)
        })
    }

    /// The order of the next version, if this one was ever asked for: without some numbers, which
    /// are in `old`, and with others, which are in `new`.
    pub(super) fn next(&self, old: &Rows, gone: &[u32], new: &Rows, added: &[u32]) -> Self {
        let Some(tree) = self.0.get() else { return Self::default() };
        let mut tree = tree.clone();
        for number in gone {
            let Some(row) = old.row(*number) else { continue };
            tree.remove_by(|other| compare(old, *other, row.id));
        }
        for number in added {
            let Some(row) = new.row(*number) else { continue };
            tree.insert_by(*number, |other| compare(new, *other, row.id));
        }
        let order = Self::default();
        // It was made a line above and is empty.
        let _ = order.0.set(tree);
        order
    }
}

fn compare(rows: &Rows, number: u32, id: &str) -> Ordering {
    rows.row(number).map_or("", |row| row.id).cmp(id)
}

/// The first bytes of an id as a number: most comparisons need no more.
fn prefix(id: &str) -> u64 {
    id.bytes().chain(std::iter::repeat(0)).take(8).fold(0, |sum, byte| sum << 8 | u64::from(byte))
}

// === impl Store ===

impl Store {
    /// The stored entities of a type, in the byte order of their ids.
    pub fn entities_of(&self, ty: TypeNo) -> impl Iterator<Item = EntityNo> {
        self.order_of(ty).into_iter().flat_map(Tree::iter).map(EntityNo)
    }

    /// The same, from the first id on that comes after `after`.
    pub fn entities_after<'a>(
        &'a self,
        ty: TypeNo,
        after: &str,
    ) -> impl Iterator<Item = EntityNo> + use<'a> {
        let rows = &self.rows;
        let from = |tree: &'a Tree<u32>| tree.from(|number| behind(rows, *number, after));
        self.order_of(ty).map(from).into_iter().flatten().map(EntityNo)
    }

    /// All links, in the byte order of their ids.
    pub fn links(&self) -> impl Iterator<Item = LinkNo> {
        self.links.order.get(&self.links.rows, |_| true).iter().map(LinkNo)
    }

    /// The same, from the first id on that comes after `after`.
    pub fn links_after<'a>(&'a self, after: &str) -> impl Iterator<Item = LinkNo> + use<'a> {
        let rows = &self.links.rows;
        let order = self.links.order.get(rows, |_| true);
        order.from(|number| behind(rows, *number, after)).map(LinkNo)
    }

    fn order_of(&self, ty: TypeNo) -> Option<&Tree<u32>> {
        let order = self.orders.0.get(ty.index())?;
        Some(order.get(&self.rows, |kind| kind == ty.0))
    }
}

/// As a probe: every id up to `after` is below what is meant.
fn behind(rows: &Rows, number: u32, after: &str) -> Ordering {
    match compare(rows, number, after) {
        Ordering::Greater => Ordering::Greater,
        _ => Ordering::Less,
    }
}
