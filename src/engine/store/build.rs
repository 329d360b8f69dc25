//! What was loaded or read from an image becomes a store: rows in the order of their numbers, and
//! every index made in one go from sorted keys.

use std::hash::RandomState;
use std::sync::Arc;

use super::judge::Rules;
use super::links::{Links, link_of, slot_no};
use super::loaded::Loaded;
use super::numbers::Numbers;
use super::order::{Order, Orders};
use super::rows::{PRINCIPAL, Packer, RESOURCE, Row, Rows, STORED};
use super::shape::Shapes;
use super::tree::Tree;
use super::{EntityNo, Store, TypeNo, references};

/// Puts everything that was loaded in its place.
pub(super) fn store(
    rules: &Rules<'_>,
    uids: Numbers,
    link_ids: Numbers,
    loaded: &Loaded,
    hasher: &RandomState,
) -> Option<Store> {
    let mut links = Packer::default();
    let mut flags = vec![0_u16; uids.len() as usize];
    for number in 0..link_ids.len() {
        let row = loaded.link(number).unwrap_or_default();
        for (no, flag) in row.nos.iter().zip([PRINCIPAL, RESOURCE]) {
            if let Some(flags) = flags.get_mut(no.index()) {
                *flags |= flag;
            }
        }
        links.push(row);
    }
    let mut rows = Packer::default();
    for (number, flags) in (0..uids.len()).zip(&flags) {
        let row = loaded.entity(number).unwrap_or_else(|| Row {
            kind: uids.kind(number),
            id: uids.id(number),
            text: uids.id(number),
            ..Row::default()
        });
        rows.push(Row { flags: row.flags | flags, ..row });
    }
    let (uid_hashes, link_hashes) = (uids.hashes(), link_ids.hashes());
    drop((uids, link_ids));
    let templates = rules.templates.names.as_slice().into();
    let parts = Parts {
        shapes: rules.shapes.clone(),
        hasher: hasher.clone(),
        templates,
        rows: rows.finish(),
        links: links.finish(),
    };
    parts.index(uid_hashes, link_hashes)
}

/// The rows of a store without any index.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) shapes: Arc<Shapes>,
    pub(super) hasher: RandomState,
    pub(super) templates: Arc<[Box<str>]>,
    pub(super) rows: Rows,
    pub(super) links: Rows,
}

// === impl Parts ===

impl Parts {
    /// Makes every index. The hashes are those of uids and of links' ids, with their numbers; the
    /// links that are free have none. `None` if a row names a number that there is not.
    pub(super) fn index(self, uids: Vec<[u32; 2]>, link_ids: Vec<[u32; 2]>) -> Option<Store> {
        let Self { shapes, hasher, templates, rows, links } = self;
        let mut stored = vec![0; shapes.len()];
        let mut children = Vec::with_capacity(rows.len() as usize);
        let mut referrers = Vec::with_capacity(rows.len() as usize * 2);
        for (number, row) in (0..).zip(rows.iter()) {
            if row.flags & STORED == 0 {
                continue;
            }
            if let Some(count) = stored.get_mut(usize::from(row.kind)) {
                *count += 1;
            }
            children.extend(row.nos.iter().map(|parent| [parent.0, number]));
            if let Some(shape) = shapes.shape(TypeNo(row.kind)) {
                references(shape, &row, &mut |attribute, no| {
                    referrers.push([no.0, attribute, number]);
                });
            }
        }
        let mut pairs = Vec::with_capacity(links.len() as usize);
        let mut resources = Vec::with_capacity(links.len() as usize);
        for (number, row) in (0..).zip(links.iter()) {
            if row.flags & STORED == 0 {
                continue;
            }
            let link = link_of(row);
            pairs.push([slot_no(link.principal), slot_no(link.resource), number]);
            resources.push([slot_no(link.resource), number]);
        }
        let named = children.iter().map(|key| key[0]).chain(referrers.iter().map(|key| key[0]));
        let slots = pairs.iter().flat_map(|key| [key[0], key[1]]);
        if named.chain(slots.filter(|no| *no != EntityNo::NONE.0)).any(|no| no >= rows.len()) {
            return None;
        }
        Some(Store {
            orders: Orders(shapes.iter().map(|_| Order::default()).collect()),
            shapes,
            hasher,
            rows,
            stored: stored.into(),
            uids: Tree::from_unsorted(uids),
            children: Tree::from_unsorted(children),
            referrers: Tree::from_unsorted(referrers),
            free: Tree::new(),
            links: Links {
                templates,
                rows: links,
                ids: Tree::from_unsorted(link_ids),
                pairs: Tree::from_unsorted(pairs),
                resources: Tree::from_unsorted(resources),
                free: Tree::new(),
                order: Order::default(),
            },
        })
    }
}
