//! The next version of a store while it is made: the old one's indexes, changed as the change goes
//! on, and the rows that differ, which are put in their place at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cedar_policy::EntityUid;

use super::change::Applied;
use super::links::{link_of, slot_no};
use super::order::Order;
use super::pack::hash;
use super::rows::{PRINCIPAL, RESOURCE, Row, RowBuf, STORED};
use super::shape::Shape;
use super::{EntityNo, Store, TagsRef, TypeNo, ValueRef, references, value};

/// A change in progress.
#[derive(Debug)]
pub(super) struct Work<'a> {
    old: &'a Store,
    next: Store,
    rows: BTreeMap<u32, RowBuf>,
    link_rows: BTreeMap<u32, RowBuf>,
    next_number: u32,
    next_link: u32,
    /// Entities that may have lost the last that named them.
    let_go: BTreeSet<EntityNo>,
    touched: Touched,
    /// Links that the change took out, by id.
    unlinked: BTreeMap<String, Content>,
    links_removed: BTreeSet<String>,
    linked: BTreeMap<String, Content>,
    orphaned: BTreeSet<EntityNo>,
}

/// What a change touched.
#[derive(Debug, Default)]
pub(super) struct Touched {
    /// Entities that are new or other than before.
    pub(super) entities: BTreeSet<EntityNo>,
    pub(super) gone: BTreeSet<EntityNo>,
    /// Links that are new.
    pub(super) links: BTreeSet<u32>,
}

/// What a link says, apart from its id.
type Content = (u16, Vec<EntityNo>, String, Vec<u32>);

// === impl Work ===

impl<'a> Work<'a> {
    pub(super) fn new(old: &'a Store, templates: Vec<Box<str>>) -> Self {
        let mut next = old.clone();
        if templates.len() != next.links.templates.len() {
            next.links.templates = templates.into();
        }
        Self {
            old,
            next_number: old.rows.len(),
            next_link: old.links.rows.len(),
            next,
            rows: BTreeMap::new(),
            link_rows: BTreeMap::new(),
            let_go: BTreeSet::new(),
            touched: Touched::default(),
            unlinked: BTreeMap::new(),
            links_removed: BTreeSet::new(),
            linked: BTreeMap::new(),
            orphaned: BTreeSet::new(),
        }
    }

    fn row(&self, no: EntityNo) -> Row<'_> {
        match self.rows.get(&no.0) {
            Some(row) => row.as_row(),
            None => self.old.row(no),
        }
    }

    fn row_mut(&mut self, no: EntityNo) -> &mut RowBuf {
        self.rows.entry(no.0).or_insert_with(|| self.old.row(no).into())
    }

    fn link_row(&self, link: u32) -> Row<'_> {
        match self.link_rows.get(&link) {
            Some(row) => row.as_row(),
            None => self.old.links.rows.row(link).unwrap_or_default(),
        }
    }

    fn number(&self, ty: TypeNo, id: &str, hash: u32) -> Option<EntityNo> {
        let from = self.next.uids.from(|key| key.cmp(&[hash, 0]));
        let mut numbers = from.take_while(|key| key[0] == hash).map(|key| EntityNo(key[1]));
        numbers.find(|no| {
            let row = self.row(*no);
            row.kind == ty.0 && row.id == id
        })
    }

    /// The number of a uid, a new one if it has none.
    pub(super) fn take_number(&mut self, ty: TypeNo, id: &str, hash: u32) -> EntityNo {
        if let Some(no) = self.number(ty, id, hash) {
            return no;
        }
        let free = self.next.free.iter().next();
        let no = free.unwrap_or(self.next_number);
        if !self.next.free.remove(no) {
            self.next_number += 1;
        }
        self.next.uids.insert([hash, no]);
        self.rows.insert(no, RowBuf::named(ty.0, id));
        self.let_go.insert(EntityNo(no));
        EntityNo(no)
    }

    // --- links ---

    fn link_number(&self, id: &str) -> Option<u32> {
        let hash = hash(&self.next.hasher, u16::MAX, id);
        let from = self.next.links.ids.from(|key| key.cmp(&[hash, 0]));
        let mut numbers = from.take_while(|key| key[0] == hash).map(|key| key[1]);
        numbers.find(|link| self.link_row(*link).id == id)
    }

    /// Takes a link out because the change says so.
    pub(super) fn unlink(&mut self, id: &str) {
        if let Some(link) = self.link_number(id) {
            let content = content(&self.link_row(link));
            self.unlinked.insert(id.to_owned(), content);
            self.take_link_out(link);
        }
    }

    fn take_link_out(&mut self, link: u32) {
        let row = self.link_row(link);
        let (id_hash, said) = (hash(&self.next.hasher, u16::MAX, row.id), link_of(row));
        let (principal, resource) = (said.principal, said.resource);
        let links = &mut self.next.links;
        links.ids.remove([id_hash, link]);
        links.pairs.remove([slot_no(principal), slot_no(resource), link]);
        links.resources.remove([slot_no(resource), link]);
        links.free.insert(link);
        self.link_rows.insert(link, RowBuf::default());
        self.touched.links.remove(&link);
        if let Some(no) = principal {
            let last = self.next.links_of_principal(Some(no)).next().is_none();
            self.forget(no, if last { PRINCIPAL } else { 0 });
        }
        if let Some(no) = resource {
            let last = self.next.links_of_resource(Some(no)).next().is_none();
            self.forget(no, if last { RESOURCE } else { 0 });
        }
    }

    /// Notes that an entity is named once less, and takes flags off it.
    fn forget(&mut self, no: EntityNo, flags: u16) {
        if flags != 0 {
            self.row_mut(no).flags &= !flags;
        }
        self.let_go.insert(no);
    }

    /// Puts a link in; `false` if there is one with its id that says something else.
    pub(super) fn link(&mut self, row: Row<'_>) -> bool {
        if let Some(known) = self.link_number(row.id) {
            return content(&self.link_row(known)) == content(&row);
        }
        let free = self.next.links.free.iter().next();
        let link = free.unwrap_or(self.next_link);
        let links = &mut self.next.links;
        if !links.free.remove(link) {
            self.next_link += 1;
        }
        let said = link_of(row);
        links.ids.insert([hash(&self.next.hasher, u16::MAX, row.id), link]);
        links.pairs.insert([slot_no(said.principal), slot_no(said.resource), link]);
        links.resources.insert([slot_no(said.resource), link]);
        for (no, flag) in [(said.principal, PRINCIPAL), (said.resource, RESOURCE)] {
            let Some(no) = no else { continue };
            if self.row(no).flags & flag == 0 {
                self.row_mut(no).flags |= flag;
            }
        }
        self.link_rows.insert(link, row.into());
        self.touched.links.insert(link);
        self.linked.insert(row.id.to_owned(), content(&row));
        true
    }

    // --- entities ---

    /// Takes an entity out, and everything but attributes that name it.
    pub(super) fn remove(&mut self, uid: &EntityUid) {
        let Some(ty) = self.next.type_no(&uid.type_name().to_string()) else { return };
        let id = uid.id().unescaped();
        let Some(no) = self.number(ty, id, hash(&self.next.hasher, ty.0, id)) else { return };
        if self.row(no).flags & STORED == 0 {
            return;
        }
        self.take_members_out(no);
        let flags = self.row(no).flags & !STORED;
        self.rows.insert(no.0, RowBuf { flags, ..RowBuf::named(ty.0, id) });
        self.count(ty, false);
        let children: Vec<EntityNo> = self.next.children(no).collect();
        for child in children {
            self.next.children.remove([no.0, child.0]);
            self.row_mut(child).nos.retain(|parent| *parent != no);
            self.orphaned.insert(child);
        }
        let mut links: Vec<u32> = self.next.links_of_principal(Some(no)).map(|it| it.0).collect();
        links.extend(self.next.links_of_resource(Some(no)).map(|it| it.0));
        links.sort_unstable();
        links.dedup();
        for link in links {
            let id = self.link_row(link).id.to_owned();
            self.links_removed.insert(id);
            self.take_link_out(link);
        }
        self.touched.gone.insert(no);
        self.let_go.insert(no);
    }

    /// Puts an entity in, in the place of what has its number.
    pub(super) fn upsert(&mut self, no: EntityNo, row: Row<'_>) {
        let before = self.row(no);
        let was_stored = before.flags & STORED != 0;
        let shapes = self.next.shapes.clone();
        let Some(shape) = shapes.shape(TypeNo(row.kind)) else { return };
        if was_stored && same(shape, &before, &row) {
            return;
        }
        if was_stored {
            self.take_members_out(no);
        } else {
            self.count(TypeNo(row.kind), true);
        }
        let flags = self.row(no).flags | STORED;
        self.rows.insert(no.0, RowBuf { flags, ..row.into() });
        for parent in row.nos {
            self.next.children.insert([parent.0, no.0]);
        }
        let referrers = &mut self.next.referrers;
        references(shape, &row, &mut |attribute, to| {
            referrers.insert([to.0, attribute, no.0]);
        });
        self.touched.entities.insert(no);
    }

    /// Takes what an entity names out of the indexes.
    fn take_members_out(&mut self, no: EntityNo) {
        let row = match self.rows.get(&no.0) {
            Some(row) => row.as_row(),
            None => self.old.row(no),
        };
        for parent in row.nos {
            self.next.children.remove([parent.0, no.0]);
            self.let_go.insert(*parent);
        }
        let shapes = self.next.shapes.clone();
        let Some(shape) = shapes.shape(TypeNo(row.kind)) else { return };
        let (referrers, let_go) = (&mut self.next.referrers, &mut self.let_go);
        references(shape, &row, &mut |attribute, to| {
            referrers.remove([to.0, attribute, no.0]);
            let_go.insert(to);
        });
    }

    fn count(&mut self, ty: TypeNo, more: bool) {
        let counts = Arc::make_mut(&mut self.next.stored);
        if let Some(count) = counts.get_mut(ty.index()) {
            *count = if more { *count + 1 } else { count.saturating_sub(1) };
        }
    }

    // --- the end ---

    /// The next version, what was touched, and what changed for whoever asked for it.
    pub(super) fn finish(mut self) -> (Store, Touched, Applied) {
        self.free_numbers();
        self.next.rows.replace(&self.rows);
        self.next.links.rows.replace(&self.link_rows);
        self.carry_orders();
        let applied = self.applied();
        (self.next, self.touched, applied)
    }

    /// Gives back the numbers that nobody has any more.
    fn free_numbers(&mut self) {
        for no in std::mem::take(&mut self.let_go) {
            let row = self.row(no);
            let named = row.flags != 0
                || self.next.children(no).next().is_some()
                || self.next.holders(no).next().is_some();
            if named {
                continue;
            }
            let key = [hash(&self.next.hasher, row.kind, row.id), no.0];
            self.next.uids.remove(key);
            self.next.free.insert(no.0);
            self.rows.insert(no.0, RowBuf::default());
        }
    }

    fn carry_orders(&mut self) {
        let (old, next) = (&self.old.rows, &self.next.rows);
        let orders = self.next.orders.0.iter().zip(0..).map(|(order, ty)| {
            let has = |row: Option<Row<'_>>| {
                row.is_some_and(|row| row.flags & STORED != 0 && row.kind == ty)
            };
            let changed = || self.rows.keys().copied();
            let gone: Vec<u32> =
                changed().filter(|no| has(old.row(*no)) && !has(next.row(*no))).collect();
            let new: Vec<u32> =
                changed().filter(|no| !has(old.row(*no)) && has(next.row(*no))).collect();
            if gone.is_empty() && new.is_empty() {
                return order.clone();
            }
            order.next(old, &gone, next, &new)
        });
        let orders: Vec<Order> = orders.collect();
        self.next.orders.0 = orders;
        let (old, next) = (&self.old.links.rows, &self.next.links.rows);
        let changed = || self.link_rows.keys().copied();
        let stored = |row: Option<Row<'_>>| row.is_some_and(|row| row.flags & STORED != 0);
        let gone: Vec<u32> = changed().filter(|link| stored(old.row(*link))).collect();
        let new: Vec<u32> = changed().filter(|link| stored(next.row(*link))).collect();
        if !self.link_rows.is_empty() {
            self.next.links.order = self.old.links.order.next(old, &gone, next, &new);
        }
    }

    fn applied(&self) -> Applied {
        let again = |id: &String| {
            self.linked.contains_key(id) && self.linked.get(id) == self.unlinked.get(id)
        };
        let uids = |nos: &BTreeSet<EntityNo>, from: &Store| -> Vec<EntityUid> {
            nos.iter().map(|no| from.uid_of(*no)).collect()
        };
        let changed: BTreeSet<EntityNo> = self
            .touched
            .entities
            .iter()
            .copied()
            .filter(|no| {
                let (before, after) = (self.old.row(*no), self.next.row(*no));
                let shape = self.next.shape_of(&after);
                before.flags & STORED == 0
                    || shape.is_none_or(|shape| !same(shape, &before, &after))
            })
            .collect();
        let mut orphaned = self.orphaned.clone();
        orphaned.retain(|no| self.next.is_stored(*no) && !self.touched.entities.contains(no));
        Applied {
            upserted: uids(&changed, &self.next),
            removed: uids(&self.touched.gone, self.old),
            orphaned: uids(&orphaned, &self.next),
            linked: self.linked.keys().filter(|id| !again(id)).cloned().collect(),
            unlinked: self.unlinked.keys().filter(|id| !again(id)).cloned().collect(),
            links_removed: self.links_removed.iter().cloned().collect(),
        }
    }
}

/// Whether two rows say the same of an entity.
fn same(shape: &Shape, a: &Row<'_>, b: &Row<'_>) -> bool {
    let [ours, theirs] = [a, b].map(|row| value::attributes(shape, row.text, row.words));
    let [our_tags, their_tags] = [a, b].map(|row| {
        let tags = value::tags(shape, row.text, row.words).into_iter();
        tags.flat_map(TagsRef::iter)
    });
    a.kind == b.kind
        && a.nos == b.nos
        && ValueRef::Record(ours).same(ValueRef::Record(theirs))
        && our_tags.map(Tag).eq(their_tags.map(Tag))
}

/// A tag, for comparing.
struct Tag<'a>((&'a str, ValueRef<'a>));

impl PartialEq for Tag<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0.0 == other.0.0 && self.0.1.same(other.0.1)
    }
}

fn content(row: &Row<'_>) -> Content {
    let rest = row.text.get(row.id.len()..).unwrap_or_default();
    (row.kind, row.nos.to_vec(), rest.to_owned(), row.words.to_vec())
}
