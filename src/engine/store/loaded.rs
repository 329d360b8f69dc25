//! What was read and numbered and is not a store yet, and where each item of it stands.

use std::collections::HashSet;

use cedar_policy::EntityUid;

use super::numbers::Numbers;
use super::pack::{Batch, ItemPlace, What};
use super::rows::{Row, number};
use super::shape::Shapes;
use super::source::{Part, Source};
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
            let part: Part<'_> = match what {
                What::Entity(..) => &["uid"],
                What::Link(_) => &["link_id"],
            };
            let (here, there) = (places.of(at, part), places.of(first, part));
            let (Some(here), Some(there)) = (here, there) else { continue };
            let message = match what {
                What::Entity(..) => {
                    let uid = shapes.uid(TypeNo(uids.kind(number(index))), uids.id(number(index)));
                    format!("`{}` is there twice", shown(uid.as_ref()))
                }
                What::Link(_) => {
                    format!("two links have the id `{}`", links.id(number(index)))
                }
            };
            let hint = match what {
                What::Entity(..) => "keep one of them; an entity is written once, with all it has",
                What::Link(_) => "keep one of them, or give one another `link_id`",
            };
            let problem = Problem::error(code, message).at(here).hint(hint);
            problems.push(problem.related("the other is here", there));
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
    pub(super) fn of_entity(&self, no: EntityNo, part: Part<'_>) -> Option<Place> {
        self.of(*self.loaded.entities.get(no.index())?, part)
    }

    pub(super) fn of_link(&self, no: u32, part: Part<'_>) -> Option<Place> {
        self.of(*self.loaded.links.get(no as usize)?, part)
    }

    /// Where an entity stands, for sorting.
    pub(super) fn order(&self, no: EntityNo) -> Option<ItemPlace> {
        Some(self.loaded.item(*self.loaded.entities.get(no.index())?)?.1)
    }

    fn of(&self, at: At, part: Part<'_>) -> Option<Place> {
        let (what, place) = self.loaded.item(at)?;
        let source = self.sources.get(place.source as usize)?;
        let row = self.loaded.row(at)?;
        let known = item_place(source, place, what, part);
        // Of a stream the line is gone; what is known of the item takes its place.
        let unknown = || {
            let id = serde_json::Value::from(row.id);
            let raw = format!("{{… \"id\": {id} …}}");
            source.place(place, &raw, 0, raw.len())
        };
        Some(known.unwrap_or_else(unknown))
    }
}

/// The place of a part of an item of a text. A link among entities is a member of its line.
pub(super) fn item_place(
    source: &Source,
    place: ItemPlace,
    what: What,
    part: Part<'_>,
) -> Option<Place> {
    let outer: Part<'_> = match what {
        What::Link(_) => &["link"],
        What::Entity(..) => &[],
    };
    let path = [outer, part].concat();
    let inner = source.part_place(place, &path)?;
    // Where there is no such member, the path stayed with the item itself.
    let whole = source.part_place(place, &[])?;
    if matches!(what, What::Link(_)) && inner == whole {
        return source.part_place(place, part);
    }
    Some(inner)
}
