//! Links by number, by id, and by what their slots name.

use std::collections::BTreeMap;
use std::hash::RandomState;
use std::sync::Arc;

use super::link_read::NEVER;
use super::order::Order;
use super::pack::hash;
use super::rows::{PRINCIPAL, RESOURCE, Row, Rows};
use super::tree::Tree;
use super::{EntityNo, LinkNo, Store, TemplateNo};

/// All links of a version.
#[derive(Debug, Clone, Default)]
pub(super) struct Links {
    pub(super) templates: Arc<[Box<str>]>,
    pub(super) rows: Rows,
    /// Hash of the id, number.
    pub(super) ids: Tree<[u32; 2]>,
    /// Principal, resource, number.
    pub(super) pairs: Tree<[u32; 3]>,
    /// Resource, number.
    pub(super) resources: Tree<[u32; 2]>,
    pub(super) free: Tree<u32>,
    pub(super) order: Order,
}

/// A link.
#[derive(Debug, Clone, Copy)]
pub struct LinkRef<'a> {
    /// Its id, which decisions name.
    pub id: &'a str,
    /// The template it fills.
    pub template: TemplateNo,
    /// What fills `?principal`, if the template has that slot.
    pub principal: Option<EntityNo>,
    /// What fills `?resource`, if the template has that slot.
    pub resource: Option<EntityNo>,
    /// When it stops deciding, in milliseconds since 1970.
    pub expires_ms: Option<i64>,
    text: &'a str,
    annotations: &'a [u32],
}

// === impl Links ===

impl Links {
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    pub(super) fn number(&self, hasher: &RandomState, id: &str) -> Option<u32> {
        let hash = hash(hasher, u16::MAX, id);
        let from = self.ids.from(|key| key.cmp(&[hash, 0]));
        let mut numbers = from.take_while(|key| key[0] == hash).map(|key| key[1]);
        numbers.find(|no| self.rows.row(*no).is_some_and(|row| row.id == id))
    }
}

/// What a link's row says.
pub(super) fn link_of(row: Row<'_>) -> LinkRef<'_> {
    let slot = |at: usize| row.nos.get(at).copied().and_then(EntityNo::some);
    let word = |at: usize| row.words.get(at).copied().map(u64::from);
    let expires = match (word(0), word(1)) {
        (Some(low), Some(high)) => Some((low | high << 32).cast_signed()),
        _ => None,
    };
    LinkRef {
        id: row.id,
        template: TemplateNo(row.kind),
        principal: slot(0),
        resource: slot(1),
        expires_ms: expires.filter(|time| *time != NEVER),
        text: row.text,
        annotations: row.words.get(2..).unwrap_or_default(),
    }
}

// === impl LinkRef ===

impl LinkRef<'_> {
    /// What the link's author wrote beside it.
    pub fn annotations(&self) -> BTreeMap<&str, &str> {
        let string = |span: &[u32]| match span {
            [start, len] => {
                let start = *start as usize;
                self.text.get(start..start + *len as usize).unwrap_or_default()
            }
            _ => "",
        };
        let pairs = self.annotations.chunks_exact(4).map(|pair| pair.split_at(2));
        pairs.map(|(name, value)| (string(name), string(value))).collect()
    }
}

// === impl Store ===

impl Store {
    /// The number of a link.
    pub fn link_number(&self, id: &str) -> Option<LinkNo> {
        self.links.number(&self.hasher, id).map(LinkNo)
    }

    /// A link by its id.
    pub fn link(&self, id: &str) -> Option<LinkRef<'_>> {
        self.link_of(self.link_number(id)?)
    }

    /// A link by its number.
    pub fn link_of(&self, no: LinkNo) -> Option<LinkRef<'_>> {
        self.links.rows.row(no.0).filter(|row| row.flags != 0).map(link_of)
    }

    /// The ids of the templates that links may name, by number.
    pub fn templates(&self) -> impl Iterator<Item = &str> {
        self.links.templates.iter().map(|name| &**name)
    }

    /// The id of a template that links name.
    pub fn template_name(&self, template: TemplateNo) -> &str {
        self.links.templates.get(usize::from(template.0)).map_or("", |name| name)
    }

    /// The number of a template, if links may name it.
    pub fn template_no(&self, name: &str) -> Option<TemplateNo> {
        let at = self.links.templates.iter().position(|other| **other == *name)?;
        u16::try_from(at).ok().map(TemplateNo)
    }

    /// The links whose principal slot names exactly this and whose resource slot one of these, which
    /// are sorted; `None` stands for a template that has no such slot.
    pub fn links_among<'a>(
        &'a self,
        principal: Option<EntityNo>,
        resources: &'a [Option<EntityNo>],
    ) -> impl Iterator<Item = (Option<EntityNo>, LinkNo)> + use<'a> {
        /// So many keys that are not asked for are passed over before the next is looked up: they
        /// lie side by side, and a look-up goes through the whole depth of the tree.
        const PASSED_MAX: usize = 48;
        let principal = slot_no(principal);
        let seek = move |resource: u32| {
            self.links.pairs.from(move |key| key.cmp(&[principal, resource, 0]))
        };
        let mut wanted = resources.iter().map(|resource| slot_no(*resource)).peekable();
        let mut keys = wanted.peek().map(|first| seek(*first));
        let mut passed = 0;
        std::iter::from_fn(move || {
            loop {
                let key = keys.as_mut()?.next().filter(|key| key[0] == principal)?;
                while wanted.next_if(|wanted| *wanted < key[1]).is_some() {}
                let next = *wanted.peek()?;
                if next == key[1] {
                    passed = 0;
                    return Some((EntityNo(next).some(), LinkNo(key[2])));
                }
                passed += 1;
                if passed > PASSED_MAX {
                    passed = 0;
                    keys = Some(seek(next));
                }
            }
        })
    }

    /// The links whose principal slot names exactly this; `None`: that have no such slot.
    pub fn links_of_principal(&self, no: Option<EntityNo>) -> impl Iterator<Item = LinkNo> {
        let no = slot_no(no);
        let from = self.links.pairs.from(move |key| key.cmp(&[no, 0, 0]));
        from.take_while(move |key| key[0] == no).map(|key| LinkNo(key[2]))
    }

    /// The links whose resource slot names exactly this; `None`: that have no such slot.
    pub fn links_of_resource(&self, no: Option<EntityNo>) -> impl Iterator<Item = LinkNo> {
        let no = slot_no(no);
        let from = self.links.resources.from(move |key| key.cmp(&[no, 0]));
        from.take_while(move |key| key[0] == no).map(|key| LinkNo(key[1]))
    }

    /// Whether any link's principal slot names this. It is cheap where the entity is read anyway.
    pub fn names_principal(&self, no: EntityNo) -> bool {
        self.row(no).flags & PRINCIPAL != 0
    }

    /// The same of resource slots.
    pub fn names_resource(&self, no: EntityNo) -> bool {
        self.row(no).flags & RESOURCE != 0
    }
}

/// How a slot is written in the indexes.
pub(super) fn slot_no(no: Option<EntityNo>) -> u32 {
    no.unwrap_or(EntityNo::NONE).0
}
