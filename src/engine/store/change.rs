//! A change: entities and links taken out and put in, and what is left judged as a whole. The next
//! version is made beside the old one, which nobody can see change, and shares with it all that the
//! change does not touch.

use std::collections::BTreeSet;

use cedar_policy::EntityUid;

use super::integrity;
use super::judge::{Content, Rules};
use super::load::LoadOptions;
use super::loaded::item_place;
use super::pack::{Batch, ItemPlace, What};
use super::source::{Part, Source};
use super::splitter::{Layout, Splitter};
use super::work::Work;
use super::{EntityNo, LinkNo, Store};
use crate::engine::bundle::Text;
use crate::engine::compile::References;
use crate::engine::error::{Place, Problem, Problems};
use crate::engine::policies::Policies;
use crate::engine::schema::SchemaInfo;

/// What is to change, in this order; whether the result is sound is judged at the end.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// The ids of links to take out.
    pub unlink: Vec<String>,
    /// Entities to take out, of others' parents too, and with the links that name them.
    pub remove: Vec<EntityUid>,
    /// Entities to put in, each in the place of what had its uid: a JSON array.
    pub upsert: Option<Text>,
    /// Links to put in: a JSON array.
    pub link: Option<Text>,
}

/// What a change did. What was so before is not in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// The entities that are there now and were not, or are not as they were.
    pub upserted: Vec<EntityUid>,
    /// The entities that are gone.
    pub removed: Vec<EntityUid>,
    /// The entities that have a parent less, because it is gone.
    pub orphaned: Vec<EntityUid>,
    /// The links that are new.
    pub linked: Vec<String>,
    /// The links that are gone because the change says so.
    pub unlinked: Vec<String>,
    /// The links that are gone because what they named is.
    pub links_removed: Vec<String>,
}

/// The code of a problem: a uid is both removed and upserted.
pub const REMOVED_AND_UPSERTED: &str = "removed-and-upserted";
/// The code of a problem: a link with this id exists and says something else.
pub const LINK_CONFLICT: &str = "link-conflict";

/// What is held against the next version.
struct Check<'a> {
    store: &'a Store,
    schema: &'a SchemaInfo,
    batch: &'a Batch,
    source: &'a [Source],
}

// === impl Change ===

impl Change {
    /// Whether it asks for nothing.
    pub fn is_empty(&self) -> bool {
        let Self { unlink, remove, upsert, link } = self;
        unlink.is_empty() && remove.is_empty() && upsert.is_none() && link.is_none()
    }
}

// === impl Applied ===

impl Applied {
    /// Whether anything changed.
    pub fn changed(&self) -> bool {
        *self != Self::default()
    }
}

// === impl Store ===

impl Store {
    /// The version that a change makes of this one. The schema is the one that this version was
    /// loaded with.
    ///
    /// # Errors
    /// All that is wrong with the change. Nothing changed then.
    pub fn apply(
        &self,
        change: &Change,
        schema: &SchemaInfo,
        policies: &Policies,
        options: &LoadOptions,
    ) -> Result<(Store, Applied), Problems> {
        let names = &self.links.templates;
        let rules = Rules::new(self.shapes.clone(), schema, policies, options.limits, names);
        let (mut batch, sources) = read(self, change, &rules, options);
        // First, because they say more of the change than whatever else is wrong with an entity.
        let mut problems = Problems::default();
        self.contradictions(change, &batch, &sources, &mut problems);
        problems.append(std::mem::take(&mut batch.problems));
        if problems.refuses() {
            return Err(problems);
        }
        let mut work = Work::new(self, rules.templates.names);
        change.unlink.iter().for_each(|id| work.unlink(id));
        change.remove.iter().for_each(|uid| work.remove(uid));
        let numbers: Vec<EntityNo> =
            batch.uids().map(|(ty, id, hash)| work.take_number(ty, id, hash)).collect();
        batch.renumber(&numbers);
        for at in 0..batch.items.len() {
            let (Some(item), Some(row)) = (batch.items.get(at), batch.row(at)) else { continue };
            match item.what {
                What::Entity(_, no) => work.upsert(no, row),
                What::Link(_) => {
                    if !work.link(row) {
                        let message = format!(
                            "there is a link `{}` already, and it says something else",
                            row.id
                        );
                        let problem = Problem::error(LINK_CONFLICT, message)
                            .hint("take it out in the same change, or choose another id");
                        let place = place(&batch, &sources, at, &["link_id"]);
                        problems.push(problem.at_some(place));
                    }
                }
            }
        }
        let (next, touched, applied) = work.finish();
        let check = Check { store: &next, schema, batch: &batch, source: &sources };
        if options.references == References::Strict {
            check.dangling(&touched.entities, &touched.gone, &touched.links, &mut problems);
        }
        check.shared(self, &touched.entities, &mut problems);
        let place = |no, part: Part<'_>| check.place_of(no, part);
        integrity::cycles(&next, touched.entities.iter().copied(), &place, &mut problems);
        if problems.refuses() { Err(problems) } else { Ok((next, applied)) }
    }

    /// What cannot be done whatever the store holds.
    fn contradictions(
        &self,
        change: &Change,
        batch: &Batch,
        sources: &[Source],
        problems: &mut Problems,
    ) {
        let removed: BTreeSet<String> = change.remove.iter().map(ToString::to_string).collect();
        let mut seen = BTreeSet::new();
        for (at, item) in batch.items.iter().enumerate() {
            let What::Entity(ty, uid) = item.what else { continue };
            let Some(uid) = self.shapes.uid(ty, batch.uid_id(uid)) else { continue };
            let text = uid.to_string();
            let problem = if removed.contains(&text) {
                let message = format!("`{text}` is both removed and upserted");
                Problem::error(REMOVED_AND_UPSERTED, message)
            } else if seen.contains(&text) {
                Problem::error("duplicate-entity", format!("`{text}` is there twice"))
            } else {
                seen.insert(text);
                continue;
            };
            problems.push(problem.at_some(place(batch, sources, at, &["uid"])));
        }
        // An entity that is wrong in itself is contradicted all the same.
        let whole = sources.first().map(|source| Place::whole(&source.name));
        for uid in &batch.faulty {
            let (ty, id) = (batch.uid_type(*uid), batch.uid_id(*uid));
            let text = self.shapes.uid(ty, id).map(|uid| uid.to_string());
            if let Some(text) = text.filter(|text| removed.contains(text)) {
                let message = format!("`{text}` is both removed and upserted");
                let problem = Problem::error(REMOVED_AND_UPSERTED, message);
                problems.push(problem.at_some(whole.clone()));
            }
        }
    }
}

/// Reads the entities and links of a change into one batch.
fn read(
    store: &Store,
    change: &Change,
    rules: &Rules<'_>,
    options: &LoadOptions,
) -> (Batch, Vec<Source>) {
    let mut batch = Batch::new(&store.hasher);
    let mut sources = Vec::new();
    let texts =
        [(&change.upsert, Content::Entities { links: false }), (&change.link, Content::Links)];
    for (number, (text, content)) in (0..).zip(texts) {
        let name = text.as_ref().map(|text| text.name.clone()).unwrap_or_default();
        let source = Source { name, text: text.as_ref().map(|text| text.text.clone()) };
        if let Some(text) = text {
            let mut splitter = Splitter::new(Layout::Array, options.item_bytes_max);
            let mut take = |piece: super::Piece<'_>| {
                let (line, offset) = (piece.line, piece.offset);
                let place = ItemPlace { source: number, line, offset };
                rules.read(piece.raw, place, content, &source, &mut batch);
            };
            let fed = splitter.feed(text.text.as_bytes(), &mut take);
            if let Err(error) = fed.and_then(|()| splitter.finish(&mut take)) {
                let at = ItemPlace { source: number, line: error.line, offset: error.offset };
                let problem = Problem::error("json", error.message);
                batch.problems.push(problem.at(source.place(at, "", 0, 1)));
            }
        }
        sources.push(source);
    }
    (batch, sources)
}

fn place(batch: &Batch, sources: &[Source], at: usize, part: Part<'_>) -> Option<Place> {
    let item = batch.items.get(at)?;
    let source = sources.get(item.place.source as usize)?;
    item_place(source, item.place, item.what, part)
}

// === impl Check ===

impl Check<'_> {
    /// Where the change writes an entity, if it does.
    fn place_of(&self, no: EntityNo, part: Part<'_>) -> Option<Place> {
        let written = |what: What| matches!(what, What::Entity(_, other) if other == no);
        let at = self.batch.items.iter().position(|item| written(item.what))?;
        place(self.batch, self.source, at, part)
    }

    fn place_of_link(&self, link: LinkNo, part: Part<'_>) -> Option<Place> {
        let id = self.store.link_of(link)?.id;
        let is_link = |at: &usize| {
            let item = self.batch.items.get(*at);
            item.is_some_and(|item| matches!(item.what, What::Link(_)))
                && self.batch.row(*at).is_some_and(|row| row.id == id)
        };
        let at = (0..self.batch.items.len()).find(is_link)?;
        place(self.batch, self.source, at, part)
    }

    /// What the change writes and what names the entities that are gone.
    fn dangling(
        &self,
        written: &BTreeSet<EntityNo>,
        gone: &BTreeSet<EntityNo>,
        links: &BTreeSet<u32>,
        problems: &mut Problems,
    ) {
        let is_missing = |no: EntityNo| {
            !self.store.is_stored(no) && self.schema.action(&self.store.uid_of(no)).is_none()
        };
        let mut holders = written.clone();
        for no in gone {
            holders.extend(self.store.holders(*no));
        }
        for holder in holders {
            let place = |part: Part<'_>| self.place_of(holder, part);
            integrity::dangling_of(self.store, holder, &is_missing, &place, problems);
        }
        for link in links.iter().map(|link| LinkNo(*link)) {
            let place = |part: Part<'_>| self.place_of_link(link, part);
            integrity::dangling_link(self.store, link, &is_missing, &place, problems);
        }
    }

    /// What entities share with their parents, where the change touches either.
    fn shared(&self, old: &Store, written: &BTreeSet<EntityNo>, problems: &mut Problems) {
        let place = |no, part: Part<'_>| self.place_of(no, part);
        for no in written {
            integrity::same_as_parents(self.store, *no, &place, problems);
            let same = match (old.attributes(*no), self.store.attributes(*no)) {
                (Some(before), Some(after)) => {
                    old.type_of(*no) == self.store.type_of(*no)
                        && super::ValueRef::Record(before).same(super::ValueRef::Record(after))
                }
                _ => false,
            };
            if same {
                continue;
            }
            for child in self.store.children(*no).filter(|child| !written.contains(child)) {
                // The child is not in the change: what is wrong stands where its parent is written.
                let place = |_, part: Part<'_>| self.place_of(*no, part);
                integrity::same_as_parents(self.store, child, &place, problems);
            }
        }
    }
}
