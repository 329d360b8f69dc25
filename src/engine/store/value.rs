//! Values as they are read from packed rows. Nothing is copied: a [`ValueRef`] looks into the row.
//!
//! A record is a few words that say which members are there, then the members in the order of
//! their names, each as wide as its type. Strings stand in the row's text, sets and records inside
//! it further behind in the words.

use super::EntityNo;
use super::shape::{Extension, Field, Kind, Shape, presence_words};

/// A value of an attribute or tag.
#[derive(Debug, Clone, Copy)]
pub enum ValueRef<'a> {
    /// A boolean.
    Bool(bool),
    /// An integer.
    Long(i64),
    /// A string.
    String(&'a str),
    /// A reference to an entity, which need not be stored.
    Entity(EntityNo),
    /// A set: its elements are distinct and sorted.
    Set(SetRef<'a>),
    /// A record.
    Record(RecordRef<'a>),
    /// A value of an extension type.
    Extension(ExtensionRef<'a>),
}

/// A set of values.
#[derive(Debug, Clone, Copy)]
pub struct SetRef<'a> {
    view: View<'a>,
    kind: &'a Kind,
    at: usize,
    len: usize,
}

/// A record, or all attributes of an entity.
#[derive(Debug, Clone, Copy)]
pub struct RecordRef<'a> {
    view: View<'a>,
    fields: &'a [Field],
    at: usize,
    /// Where the members begin: behind the words that say which are there.
    members: usize,
}

/// The tags of an entity, sorted by name.
#[derive(Debug, Clone, Copy)]
pub struct TagsRef<'a> {
    view: View<'a>,
    kind: &'a Kind,
    at: usize,
    len: usize,
}

/// A value of an extension type, as the call that makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExtensionRef<'a> {
    /// Its type.
    pub ty: Extension,
    /// What stands between the parentheses of its constructor: `10.0.0.1` for `ip("10.0.0.1")`.
    pub argument: &'a str,
    /// For a `datetime` that has no text of its own: `argument` is a duration since 1970.
    pub since_epoch: bool,
}

/// The words and text of a row.
#[derive(Debug, Clone, Copy)]
struct View<'a> {
    text: &'a str,
    words: &'a [u32],
}

/// The word that marks a `datetime` given as a duration since 1970.
pub(super) const SINCE_EPOCH: u32 = 1;

/// The attributes of a row.
pub(super) fn attributes<'a>(shape: &'a Shape, text: &'a str, words: &'a [u32]) -> RecordRef<'a> {
    let fields = &*shape.attributes;
    let members = presence_words(fields) + usize::from(shape.tags.is_some());
    RecordRef { view: View { text, words }, fields, at: 0, members }
}

/// The tags of a row, if its type has any.
pub(super) fn tags<'a>(shape: &'a Shape, text: &'a str, words: &'a [u32]) -> Option<TagsRef<'a>> {
    let kind = shape.tags.as_ref()?;
    let view = View { text, words };
    let at = view.word(presence_words(&shape.attributes)) as usize;
    let len = if at == 0 { 0 } else { (view.word(at) as usize).min(words.len()) };
    Some(TagsRef { view, kind, at: at + 1, len })
}

// === impl View ===

impl<'a> View<'a> {
    /// A word; rows are only made by this module's counterpart, so it is there.
    fn word(&self, at: usize) -> u32 {
        self.words.get(at).copied().unwrap_or_default()
    }

    fn string(&self, at: usize) -> &'a str {
        let start = self.word(at) as usize;
        let end = start + self.word(at + 1) as usize;
        self.text.get(start..end).unwrap_or_default()
    }

    fn value(self, kind: &'a Kind, at: usize) -> ValueRef<'a> {
        match kind {
            Kind::Bool => ValueRef::Bool(self.word(at) != 0),
            Kind::Long => {
                let (low, high) = (u64::from(self.word(at)), u64::from(self.word(at + 1)));
                ValueRef::Long((low | high << 32).cast_signed())
            }
            Kind::String => ValueRef::String(self.string(at)),
            Kind::Entity(_) => ValueRef::Entity(EntityNo(self.word(at))),
            Kind::Set(kind) => {
                let at = self.word(at) as usize;
                let len = (self.word(at) as usize).min(self.words.len());
                ValueRef::Set(SetRef { view: self, kind, at: at + 1, len })
            }
            Kind::Record(fields) => {
                let at = self.word(at) as usize;
                let members = at + presence_words(fields);
                ValueRef::Record(RecordRef { view: self, fields, at, members })
            }
            Kind::Extension(ty) => ValueRef::Extension(ExtensionRef {
                ty: *ty,
                argument: self.string(at),
                since_epoch: self.word(at + 2) == SINCE_EPOCH,
            }),
        }
    }
}

// === impl SetRef ===

impl<'a> SetRef<'a> {
    /// How many elements it has.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The elements.
    pub fn iter(self) -> impl Iterator<Item = ValueRef<'a>> {
        let width = self.kind.width();
        (0..self.len).map(move |number| self.view.value(self.kind, self.at + number * width))
    }
}

// === impl RecordRef ===

impl<'a> RecordRef<'a> {
    /// The members that are there, by name.
    pub fn iter(self) -> impl Iterator<Item = (&'a str, ValueRef<'a>)> {
        self.numbered().map(|(_, name, value)| (name, value))
    }

    /// One member.
    pub fn get(self, name: &str) -> Option<ValueRef<'a>> {
        let number = self.fields.binary_search_by(|field| (*field.name).cmp(name)).ok()?;
        self.at(number)
    }

    /// The members that are there, each with its number among those of the type.
    pub(super) fn numbered(self) -> impl Iterator<Item = (usize, &'a str, ValueRef<'a>)> {
        let mut at = self.members;
        self.fields.iter().enumerate().filter_map(move |(number, field)| {
            if !self.has(number) {
                return None;
            }
            let value = self.view.value(&field.kind, at);
            at += field.kind.width();
            Some((number, &*field.name, value))
        })
    }

    /// One member by its number.
    pub(super) fn at(self, number: usize) -> Option<ValueRef<'a>> {
        let field = self.fields.get(number).filter(|_| self.has(number))?;
        let before = self.fields.iter().take(number).enumerate();
        let skipped: usize =
            before.filter(|(other, _)| self.has(*other)).map(|(_, field)| field.kind.width()).sum();
        Some(self.view.value(&field.kind, self.members + skipped))
    }

    fn has(&self, number: usize) -> bool {
        self.view.word(self.at + number / 32) >> (number % 32) & 1 == 1
    }
}

// === impl TagsRef ===

impl<'a> TagsRef<'a> {
    /// The tags by name.
    pub fn iter(self) -> impl Iterator<Item = (&'a str, ValueRef<'a>)> {
        let width = 2 + self.kind.width();
        (0..self.len).map(move |number| {
            let at = self.at + number * width;
            (self.view.string(at), self.view.value(self.kind, at + 2))
        })
    }

    /// One tag.
    pub fn get(self, name: &str) -> Option<ValueRef<'a>> {
        self.iter().find(|(other, _)| *other == name).map(|(_, value)| value)
    }
}

// === impl ValueRef ===

impl ValueRef<'_> {
    /// Whether two values are the same. Values of extension types are if they are written alike.
    pub fn same(self, other: ValueRef<'_>) -> bool {
        self.same_by(other, &|ours, theirs| ours == theirs)
    }

    /// The same for values of two stores, where `is` says which numbers mean one entity.
    pub(super) fn same_by(
        self,
        other: ValueRef<'_>,
        is: &dyn Fn(EntityNo, EntityNo) -> bool,
    ) -> bool {
        match (self, other) {
            (ValueRef::Bool(ours), ValueRef::Bool(theirs)) => ours == theirs,
            (ValueRef::Long(ours), ValueRef::Long(theirs)) => ours == theirs,
            (ValueRef::String(ours), ValueRef::String(theirs)) => ours == theirs,
            (ValueRef::Entity(ours), ValueRef::Entity(theirs)) => is(ours, theirs),
            (ValueRef::Extension(ours), ValueRef::Extension(theirs)) => ours == theirs,
            (ValueRef::Set(ours), ValueRef::Set(theirs)) => {
                let mut pairs = ours.iter().zip(theirs.iter());
                ours.len == theirs.len && pairs.all(|(a, b)| a.same_by(b, is))
            }
            (ValueRef::Record(ours), ValueRef::Record(theirs)) => {
                let (mut ours, mut theirs) = (ours.iter(), theirs.iter());
                loop {
                    match (ours.next(), theirs.next()) {
                        (None, None) => return true,
                        (Some((a, ours)), Some((b, theirs)))
                            if a == b && ours.same_by(theirs, is) => {}
                        _ => return false,
                    }
                }
            }
            _ => false,
        }
    }

    /// Calls `found` for every entity that the value names, at any depth.
    pub(super) fn entities(self, found: &mut impl FnMut(EntityNo)) {
        // Boxed by hand, because a generic function cannot instantiate itself without end.
        self.walk(found);
    }

    fn walk(self, found: &mut dyn FnMut(EntityNo)) {
        match self {
            ValueRef::Entity(no) => found(no),
            ValueRef::Set(set) => set.iter().for_each(|value| value.walk(found)),
            ValueRef::Record(record) => record.iter().for_each(|(_, value)| value.walk(found)),
            _ => {}
        }
    }
}
