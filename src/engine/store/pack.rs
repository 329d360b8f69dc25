//! Items that were read, packed but not yet numbered: a [`Batch`] is what one worker makes of some
//! of the input. Uids are numbered within the batch; the store's numbers are put in their place
//! when the batch is taken in, one batch after the other.

use std::cmp::Ordering;
use std::hash::{BuildHasher, RandomState};

use super::rows::{Row, STORED, number};
use super::shape::{Field, Kind, Shape, presence_words};
use super::value::SINCE_EPOCH;
use super::{EntityNo, TypeNo};
use crate::engine::error::Problems;

/// Entries of the table that remembers which uids were named last. A power of two.
const RECENT: usize = 1024;

/// Items of the input, packed.
#[derive(Debug)]
pub(super) struct Batch {
    hasher: RandomState,
    text: String,
    nos: Vec<EntityNo>,
    words: Vec<u32>,
    /// Where in `words` the uids of the batch stand.
    references: Vec<u32>,
    pub(super) items: Vec<Item>,
    uids: Vec<Uid>,
    uid_text: String,
    recent: Vec<u32>,
    pub(super) problems: Problems,
    /// The uids of entities that are there, but wrong.
    pub(super) faulty: Vec<EntityNo>,
    /// Whether something could not be read so far that its uid is known.
    pub(super) blind: bool,
}

/// One entity or link of a batch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item {
    pub(super) place: ItemPlace,
    pub(super) what: What,
    id_len: u32,
    text_end: u32,
    nos_end: u32,
    words_end: u32,
}

/// What an item is.
#[derive(Debug, Clone, Copy)]
pub(super) enum What {
    /// An entity: its type, and its uid's number.
    Entity(TypeNo, EntityNo),
    /// A link: its template's number.
    Link(u16),
}

/// Where in the input an item begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ItemPlace {
    pub(super) source: u32,
    /// From 1.
    pub(super) line: u32,
    /// In bytes, from the beginning of the text.
    pub(super) offset: u64,
}

#[derive(Debug, Clone, Copy)]
struct Uid {
    ty: TypeNo,
    hash: u32,
    start: u32,
    len: u32,
}

/// A value that was read and is not packed yet. Strings are places in the item's text.
#[derive(Debug)]
pub(super) enum Loose {
    Bool(bool),
    Long(i64),
    String(Span),
    Entity(EntityNo),
    Set(Vec<Loose>),
    Record(Vec<Option<Loose>>),
    Extension(Span, bool),
}

/// A string in an item's text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    start: u32,
    len: u32,
}

/// A tag that was read.
#[derive(Debug)]
pub(super) struct Tag {
    pub(super) name: Span,
    pub(super) value: Loose,
}

/// How much of a batch there was before an item was begun.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    text: usize,
    nos: usize,
    words: usize,
    references: usize,
    uids: usize,
    uid_text: usize,
}

/// The hash of a uid or of a link's id.
pub(super) fn hash(hasher: &RandomState, kind: u16, id: &str) -> u32 {
    (hasher.hash_one((kind, id)) >> 32) as u32
}

/// A number as two words, the lower first.
pub(super) fn halves(number: i64) -> [u32; 2] {
    let bits = number.cast_unsigned();
    // The upper half is cut off on purpose.
    [(bits << 32 >> 32) as u32, (bits >> 32) as u32]
}

// === impl Batch ===

impl Batch {
    pub(super) fn new(hasher: &RandomState) -> Self {
        Self {
            hasher: hasher.clone(),
            text: String::new(),
            nos: Vec::new(),
            words: Vec::new(),
            references: Vec::new(),
            items: Vec::new(),
            uids: Vec::new(),
            uid_text: String::new(),
            recent: vec![0; RECENT],
            problems: Problems::default(),
            faulty: Vec::new(),
            blind: false,
        }
    }

    pub(super) fn mark(&self) -> Mark {
        Mark {
            text: self.text.len(),
            nos: self.nos.len(),
            words: self.words.len(),
            references: self.references.len(),
            uids: self.uids.len(),
            uid_text: self.uid_text.len(),
        }
    }

    /// Forgets an item that was begun.
    pub(super) fn roll_back(&mut self, mark: Mark) {
        self.text.truncate(mark.text);
        self.nos.truncate(mark.nos);
        self.words.truncate(mark.words);
        self.references.truncate(mark.references);
        self.uids.truncate(mark.uids);
        self.uid_text.truncate(mark.uid_text);
    }

    /// The number of a uid within this batch.
    pub(super) fn uid(&mut self, ty: TypeNo, id: &str) -> EntityNo {
        let start = self.uid_text.len();
        self.uid_text.push_str(id);
        self.uid_at(ty, start)
    }

    /// The same of an id that was put at the end of the uids' text.
    pub(super) fn uid_at(&mut self, ty: TypeNo, start: usize) -> EntityNo {
        let id = self.uid_text.get(start..).unwrap_or_default();
        let hash = hash(&self.hasher, ty.0, id);
        let slot = hash as usize % RECENT;
        let known = self.recent.get(slot).copied().unwrap_or_default();
        if self.uids.get(known as usize).is_some_and(|uid| uid.hash == hash && uid.ty == ty)
            && self.uid_id(EntityNo(known)) == id
        {
            self.uid_text.truncate(start);
            return EntityNo(known);
        }
        let len = number(id.len());
        let new = number(self.uids.len());
        self.uids.push(Uid { ty, hash, start: number(start), len });
        if let Some(entry) = self.recent.get_mut(slot) {
            *entry = new;
        }
        EntityNo(new)
    }

    /// Where the next id goes that is put in place before its type is known.
    pub(super) fn uid_text(&mut self) -> &mut String {
        &mut self.uid_text
    }

    pub(super) fn uid_type(&self, uid: EntityNo) -> TypeNo {
        self.uids.get(uid.index()).map(|uid| uid.ty).unwrap_or_default()
    }

    pub(super) fn uid_id(&self, uid: EntityNo) -> &str {
        let Some(uid) = self.uids.get(uid.index()) else { return "" };
        let start = uid.start as usize;
        self.uid_text.get(start..start + uid.len as usize).unwrap_or_default()
    }

    /// Every uid with its hash, in the order of their numbers.
    pub(super) fn uids(&self) -> impl Iterator<Item = (TypeNo, &str, u32)> {
        (0..).zip(&self.uids).map(|(no, uid)| (uid.ty, self.uid_id(EntityNo(no)), uid.hash))
    }

    /// Adds to the text of the item that was begun at `mark`.
    pub(super) fn string(&mut self, mark: &Mark, string: &str) -> Span {
        let start = number(self.text.len() - mark.text);
        self.text.push_str(string);
        Span { start, len: number(string.len()) }
    }

    fn text_of(&self, mark: &Mark, span: Span) -> &str {
        let start = mark.text + span.start as usize;
        self.text.get(start..start + span.len as usize).unwrap_or_default()
    }

    /// Ends an item. Its id is the beginning of its text, up to `id_len`.
    pub(super) fn end(&mut self, place: ItemPlace, what: What, id_len: usize) {
        self.items.push(Item {
            place,
            what,
            id_len: number(id_len),
            text_end: number(self.text.len()),
            nos_end: number(self.nos.len()),
            words_end: number(self.words.len()),
        });
    }

    /// Takes parents, sorted by uid and each once.
    pub(super) fn parents(&mut self, parents: &mut Vec<EntityNo>) {
        parents.sort_by(|a, b| self.compare_uids(*a, *b));
        parents.dedup_by(|a, b| self.compare_uids(*a, *b) == Ordering::Equal);
        self.nos.extend_from_slice(parents);
    }

    /// Takes what a link's slots name; `NONE` where its template has no such slot.
    pub(super) fn slots(&mut self, principal: EntityNo, resource: EntityNo) {
        self.nos.extend([principal, resource]);
    }

    pub(super) fn word(&mut self, word: u32) {
        self.words.push(word);
    }

    pub(super) fn span(&mut self, span: Span) {
        self.words.extend([span.start, span.len]);
    }

    /// Packs the attributes and tags of the item that was begun at `mark`.
    pub(super) fn members(
        &mut self,
        mark: &Mark,
        shape: &Shape,
        values: &[Option<Loose>],
        mut tags: Vec<Tag>,
    ) {
        self.record(mark, &shape.attributes, values, usize::from(shape.tags.is_some()));
        let Some(kind) = shape.tags.as_ref().filter(|_| !tags.is_empty()) else { return };
        tags.sort_by(|a, b| self.text_of(mark, a.name).cmp(self.text_of(mark, b.name)));
        let at = self.words.len();
        self.set_word(mark.words + presence_words(&shape.attributes), number(at - mark.words));
        self.words.push(number(tags.len()));
        let width = 2 + kind.width();
        self.words.resize(at + 1 + tags.len() * width, 0);
        for (tag, at) in tags.iter().zip((at + 1..).step_by(width)) {
            self.set_word(at, tag.name.start);
            self.set_word(at + 1, tag.name.len);
            self.value(mark, kind, &tag.value, at + 2);
        }
    }

    /// Packs a record at the end of the words, with some words of another purpose before its
    /// members.
    fn record(&mut self, mark: &Mark, fields: &[Field], values: &[Option<Loose>], extra: usize) {
        let start = self.words.len();
        let there = || fields.iter().zip(values).enumerate().filter(|(_, (_, v))| v.is_some());
        let width: usize = there().map(|(_, (field, _))| field.kind.width()).sum();
        let mut at = start + presence_words(fields) + extra;
        self.words.resize(at + width, 0);
        for (number, (field, value)) in there() {
            if let Some(word) = self.words.get_mut(start + number / 32) {
                *word |= 1 << (number % 32);
            }
            if let Some(value) = value {
                self.value(mark, &field.kind, value, at);
            }
            at += field.kind.width();
        }
    }

    /// Packs a value at `at`; what does not fit there goes to the end of the words.
    fn value(&mut self, mark: &Mark, kind: &Kind, value: &Loose, at: usize) {
        match (value, kind) {
            (Loose::Bool(value), _) => self.set_word(at, u32::from(*value)),
            (Loose::Long(value), _) => {
                let [low, high] = halves(*value);
                self.set_word(at, low);
                self.set_word(at + 1, high);
            }
            (Loose::String(span), _) => self.set_span(at, *span),
            (Loose::Extension(span, since_epoch), _) => {
                self.set_span(at, *span);
                self.set_word(at + 2, if *since_epoch { SINCE_EPOCH } else { 0 });
            }
            (Loose::Entity(uid), _) => {
                self.set_word(at, uid.0);
                self.references.push(number(at));
            }
            (Loose::Set(elements), Kind::Set(kind)) => {
                let start = self.words.len();
                self.set_word(at, number(start - mark.words));
                self.words.push(number(elements.len()));
                self.words.resize(start + 1 + elements.len() * kind.width(), 0);
                for (element, at) in elements.iter().zip((start + 1..).step_by(kind.width())) {
                    self.value(mark, kind, element, at);
                }
            }
            (Loose::Record(values), Kind::Record(fields)) => {
                self.set_word(at, number(self.words.len() - mark.words));
                self.record(mark, fields, values, 0);
            }
            (Loose::Set(_) | Loose::Record(_), _) => {}
        }
    }

    fn set_word(&mut self, at: usize, word: u32) {
        if let Some(place) = self.words.get_mut(at) {
            *place = word;
        }
    }

    fn set_span(&mut self, at: usize, span: Span) {
        self.set_word(at, span.start);
        self.set_word(at + 1, span.len);
    }

    fn compare_uids(&self, a: EntityNo, b: EntityNo) -> Ordering {
        let by_type = self.uid_type(a).cmp(&self.uid_type(b));
        by_type.then_with(|| self.uid_id(a).cmp(self.uid_id(b)))
    }

    /// The order of a set's elements. It rests on what they are, not on how they are numbered, so
    /// one set is always packed alike.
    pub(super) fn compare(&self, mark: &Mark, a: &Loose, b: &Loose) -> Ordering {
        match (a, b) {
            (Loose::Bool(a), Loose::Bool(b)) => a.cmp(b),
            (Loose::Long(a), Loose::Long(b)) => a.cmp(b),
            (Loose::String(a), Loose::String(b)) => {
                self.text_of(mark, *a).cmp(self.text_of(mark, *b))
            }
            (Loose::Extension(a, a_since), Loose::Extension(b, b_since)) => {
                let text = self.text_of(mark, *a).cmp(self.text_of(mark, *b));
                text.then(a_since.cmp(b_since))
            }
            (Loose::Entity(a), Loose::Entity(b)) => self.compare_uids(*a, *b),
            (Loose::Set(a), Loose::Set(b)) => {
                let pairs = a.iter().zip(b).map(|(a, b)| self.compare(mark, a, b));
                first_difference(pairs).then(a.len().cmp(&b.len()))
            }
            (Loose::Record(a), Loose::Record(b)) => {
                let pairs = a.iter().zip(b).map(|pair| match pair {
                    (Some(a), Some(b)) => self.compare(mark, a, b),
                    (a, b) => a.is_some().cmp(&b.is_some()),
                });
                first_difference(pairs)
            }
            // The elements of a set have one type.
            _ => Ordering::Equal,
        }
    }

    /// The item of this number as a row. Uids in it are those of the batch until `renumber`.
    pub(super) fn row(&self, at: usize) -> Option<Row<'_>> {
        let item = self.items.get(at)?;
        let before = at.checked_sub(1).and_then(|before| self.items.get(before));
        let starts = before.map_or((0, 0, 0), |it| (it.text_end, it.nos_end, it.words_end));
        let text = self.text.get(starts.0 as usize..item.text_end as usize)?;
        let kind = match item.what {
            What::Entity(ty, _) => ty.0,
            What::Link(template) => template,
        };
        Some(Row {
            kind,
            flags: STORED,
            id: text.get(..item.id_len as usize)?,
            text,
            nos: self.nos.get(starts.1 as usize..item.nos_end as usize)?,
            words: self.words.get(starts.2 as usize..item.words_end as usize)?,
        })
    }

    /// Puts the store's numbers in the place of the batch's own, and frees what only those needed.
    pub(super) fn renumber(&mut self, numbers: &[EntityNo]) {
        let global = |local: EntityNo| numbers.get(local.index()).copied();
        for no in &mut self.nos {
            *no = global(*no).unwrap_or(EntityNo::NONE);
        }
        for at in std::mem::take(&mut self.references) {
            if let Some(word) = self.words.get_mut(at as usize) {
                *word = global(EntityNo(*word)).unwrap_or(EntityNo::NONE).0;
            }
        }
        for item in &mut self.items {
            if let What::Entity(_, uid) = &mut item.what {
                *uid = global(*uid).unwrap_or(EntityNo::NONE);
            }
        }
        for uid in &mut self.faulty {
            *uid = global(*uid).unwrap_or(EntityNo::NONE);
        }
        self.uids = Vec::new();
        self.uid_text = String::new();
        self.recent = Vec::new();
        self.text.shrink_to_fit();
        self.nos.shrink_to_fit();
        self.words.shrink_to_fit();
        self.items.shrink_to_fit();
    }
}

fn first_difference(mut pairs: impl Iterator<Item = Ordering>) -> Ordering {
    pairs.find(|order| *order != Ordering::Equal).unwrap_or(Ordering::Equal)
}
