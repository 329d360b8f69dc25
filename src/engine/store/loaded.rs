//! What was read and numbered and is not a store yet, and where each item of it stands.

use std::collections::HashSet;

use cedar_policy::EntityUid;

use super::judge::Source;
use super::numbers::Numbers;
use super::pack::{Batch, ItemPlace, What};
use super::rows::{Row, number};
use super::shape::Shapes;
use super::{EntityNo, TypeNo};
use crate::engine::error::{PROBLEMS_MAX, Place, Problem, Problems, Severity};

/// Batches, and where in them each entity and link is.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    batches: Vec<Batch>,
    entities: Vec<At>,
    links: Vec<At>,
    /// Entities that are there, but wrong: to name them is no fault.
    pub(super) faulty: HashSet<EntityNo>,
    /// Whether there is something whose uid could not be read.
    pub(super) blind: bool,
}

/// An item of a batch.
#[derive(Debug, Clone, Copy)]
struct At {
    batch: u32,
    item: u32,
}

/// The places of what was loaded.
#[derive(Debug)]
pub(super) struct Places<'a> {
    pub(super) loaded: &'a Loaded,
    pub(super) sources: &'a [Source],
}

impl At {
    const NOWHERE: Self = Self { batch: u32::MAX, item: 0 };
}

// === impl Loaded ===

impl Loaded {
    /// Takes a batch whose uids have the store's numbers.
    pub(super) fn take(
        &mut self,
        batch: Batch,
        uids: &Numbers,
        links: &mut Numbers,
        sources: &[Source],
        shapes: &Shapes,
        problems: &mut Problems,
    ) {
        self.blind |= batch.blind;
        self.faulty.extend(batch.faulty.iter().copied());
        let batch_no = number(self.batches.len());
        self.batches.push(batch);
        let count = self.batches.last().map_or(0, |batch| batch.items.len());
        for item in 0..count {
            let at = At { batch: batch_no, item: number(item) };
            let Some(what) = self.item(at).map(|(what, _)| what) else { continue };
            let (list, index, code) = match what {
                What::Entity(_, no) => (&mut self.entities, no.0, "duplicate-entity"),
                What::Link(_) => {
                    let Some(row) = self.batches.last().and_then(|batch| batch.row(item)) else {
                        continue;
                    };
                    (&mut self.links, links.take_new(u16::MAX, row.id).0, "duplicate-link-id")
                }
            };
            let index = index as usize;
            if index >= list.len() {
                list.resize(index + 1, At::NOWHERE);
            }
            let Some(entry) = list.get_mut(index) else { continue };
            if entry.batch == At::NOWHERE.batch {
                *entry = at;
                continue;
            }
            let first = *entry;
            if is_full(problems) {
                continue;
            }
            let places = Places { loaded: self, sources };
            let (Some(here), Some(there)) = (places.of(at), places.of(first)) else { continue };
            let other = format!("the other is at {}:{}", there.name, there.line);
            let message = match what {
                What::Entity(..) => {
                    let uid = shapes.uid(TypeNo(uids.kind(number(index))), uids.id(number(index)));
                    format!("`{}` is there twice; {other}", shown(uid.as_ref()))
                }
                What::Link(_) => {
                    format!("two links have the id `{}`; {other}", links.id(number(index)))
                }
            };
            problems.push(Problem::error(code, message).at(here));
        }
    }

    fn item(&self, at: At) -> Option<(What, ItemPlace)> {
        let item = self.batches.get(at.batch as usize)?.items.get(at.item as usize)?;
        Some((item.what, item.place))
    }

    fn row(&self, at: At) -> Option<Row<'_>> {
        self.batches.get(at.batch as usize)?.row(at.item as usize)
    }

    /// The row of an entity, if it was read and not only named.
    pub(super) fn entity(&self, no: u32) -> Option<Row<'_>> {
        self.row(*self.entities.get(no as usize)?)
    }

    /// The row of a link.
    pub(super) fn link(&self, no: u32) -> Option<Row<'_>> {
        self.row(*self.links.get(no as usize)?)
    }
}

fn shown(uid: Option<&EntityUid>) -> String {
    uid.map(ToString::to_string).unwrap_or_default()
}

/// Counts an error and says whether to leave it at that, because the list is full.
pub(super) fn is_full(problems: &mut Problems) -> bool {
    let full = problems.error_count() >= PROBLEMS_MAX;
    if full {
        problems.count_only(Severity::Error);
    }
    full
}

// === impl Places ===

impl Places<'_> {
    pub(super) fn of_entity(&self, no: EntityNo) -> Option<Place> {
        self.of(*self.loaded.entities.get(no.index())?)
    }

    pub(super) fn of_link(&self, no: u32) -> Option<Place> {
        self.of(*self.loaded.links.get(no as usize)?)
    }

    /// Where an entity stands, for sorting.
    pub(super) fn order(&self, no: EntityNo) -> Option<ItemPlace> {
        Some(self.loaded.item(*self.loaded.entities.get(no.index())?)?.1)
    }

    fn of(&self, at: At) -> Option<Place> {
        let (_, place) = self.loaded.item(at)?;
        let source = self.sources.get(place.source as usize)?;
        let row = self.loaded.row(at)?;
        // Of a stream the line is gone; what is known of the item takes its place.
        let id = serde_json::Value::from(row.id);
        let raw = format!("{{… \"id\": {id} …}}");
        let len = source.item_len(place).unwrap_or(raw.len());
        Some(source.place(place, &raw, 0, len))
    }
}
