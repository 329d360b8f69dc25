//! The slow way of reading an item, for all that [`read`](super::read) does not know to be right:
//! strict JSON first, then Cedar itself says whether it is an entity of the schema, or the reader
//! of links whether it is a link, and why not. What they take is packed from what they made of it.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use cedar_policy::{EntityUid, SlotId};
use serde::de::DeserializeSeed;
use serde_json::{Map, Value};

use super::pack::{Batch, ItemPlace};
use super::read::{Reader, RecordSeed, TagsSeed};
use super::shape::Shapes;
use super::source::Source;
use super::{EntityNo, TypeNo, link_read, read};
use crate::engine::entities::{self, Loaded};
use crate::engine::error::Problem;
use crate::engine::gate::Limits;
use crate::engine::json::locate::{Fault, Step};
use crate::engine::policies::{Policies, chain};
use crate::engine::schema::SchemaInfo;
use crate::engine::{json, links};

/// All that items are held against.
#[derive(Debug)]
pub(super) struct Rules<'a> {
    pub(super) shapes: Arc<Shapes>,
    pub(super) schema: &'a SchemaInfo,
    pub(super) policies: &'a Policies,
    pub(super) templates: Templates,
    pub(super) limits: Limits,
    /// How deep a value may be nested that is read the fast way.
    pub(super) depth_left: usize,
    policy_ids: BTreeSet<&'a str>,
}

/// The templates that links name, by number.
#[derive(Debug, Default)]
pub(super) struct Templates {
    pub(super) names: Vec<Box<str>>,
    by_name: HashMap<Box<str>, (u16, Template)>,
}

/// What a template wants of a link: for each slot that it has, the types that may fill it.
#[derive(Debug)]
pub(super) struct Template {
    pub(super) principal: Option<Vec<TypeNo>>,
    pub(super) resource: Option<Vec<TypeNo>>,
}

/// What a text holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// Entities, and links where `links` says so.
    Entities { links: bool },
    /// Links.
    Links,
}

// === impl Rules ===

impl<'a> Rules<'a> {
    /// `names` are the templates that the store numbered before.
    pub(super) fn new(
        shapes: Arc<Shapes>,
        schema: &'a SchemaInfo,
        policies: &'a Policies,
        limits: Limits,
        names: &[Box<str>],
    ) -> Self {
        Self {
            templates: Templates::new(policies, &shapes, names),
            shapes,
            schema,
            policies,
            limits,
            // An entity and its attributes are two levels; an escaped uid and call two more.
            depth_left: limits.depth_max.saturating_sub(5),
            policy_ids: policies.infos.iter().map(|info| info.id.as_str()).collect(),
        }
    }

    pub(super) fn is_policy(&self, id: &str) -> bool {
        self.policy_ids.contains(id)
    }

    /// Reads one item into the batch, or says what is wrong with it.
    pub(super) fn read(
        &self,
        raw: &[u8],
        place: ItemPlace,
        content: Content,
        source: &Source,
        batch: &mut Batch,
    ) {
        let mark = batch.mark();
        let links = content == Content::Entities { links: true };
        let reader = &mut Reader { rules: self, batch, mark, place, links, judged: false };
        let mut json = serde_json::Deserializer::from_slice(raw);
        let taken = match content {
            Content::Entities { .. } => read::EntitySeed(reader).deserialize(&mut json),
            Content::Links => link_read::LinkSeed(reader).deserialize(&mut json),
        };
        if taken.is_ok() && json.end().is_ok() {
            return;
        }
        batch.roll_back(mark);
        let mut slow = Slow { rules: self, raw, place, source, batch };
        slow.read(content);
    }
}

/// One item on the slow way.
struct Slow<'r, 'a> {
    rules: &'r Rules<'a>,
    raw: &'r [u8],
    place: ItemPlace,
    source: &'r Source,
    batch: &'r mut Batch,
}

// === impl Slow ===

impl Slow<'_, '_> {
    fn read(&mut self, content: Content) {
        let mut object = match json::parse(self.raw, self.rules.limits.depth_max) {
            Ok(Value::Object(object)) => object,
            Ok(_) => return self.unreadable("this is not a JSON object".to_owned(), 0, 0),
            Err(error) => {
                return self.unreadable(error.message, error.line - 1, error.column - 1);
            }
        };
        if content == Content::Links {
            return self.link(object, None);
        }
        if content == (Content::Entities { links: true })
            && object.len() == 1
            && matches!(object.get("link"), Some(Value::Object(_)))
            && let Some(Value::Object(link)) = object.remove("link")
        {
            return self.link(link, Some("link"));
        }
        self.entity(object);
    }

    /// Reports a fault of the JSON, some lines below the item's first and some bytes into that.
    fn unreadable(&mut self, message: String, lines: usize, column: usize) {
        self.batch.blind = true;
        let raw = String::from_utf8_lossy(self.raw);
        let start: usize = raw.split_inclusive('\n').take(lines).map(str::len).sum();
        let place = self.source.bytes_place(self.place, &raw, start + column, 1);
        self.batch.problems.push(Problem::error("json", message).at(place));
    }

    /// Reports faults of the item; `inside` is the member that holds all of it, if one does.
    fn report(&mut self, faults: Vec<Fault>, inside: Option<&str>) {
        let raw = String::from_utf8_lossy(self.raw);
        for mut fault in faults {
            if let Some(name) = inside {
                fault.path.insert(0, Step::Member(name.to_owned()));
            }
            let place = self.source.fault_place(self.place, &raw, &fault);
            self.batch.problems.push(fault.problem.at(place));
        }
    }

    fn link(&mut self, object: Map<String, Value>, inside: Option<&str>) {
        let link = match links::judge(object, self.rules.policies, self.rules.schema) {
            Ok(link) => link,
            Err(mut faults) => {
                // The template may stand in a text that could not be read, which is told already.
                let incomplete = self.rules.policies.incomplete;
                faults.retain(|it| !incomplete || it.problem.code != "unknown-template");
                return self.report(faults, inside);
            }
        };
        let mark = self.batch.mark();
        if self.reader().take_judged(&link).is_none() {
            self.batch.roll_back(mark);
            let message = format!("link `{}` cannot be stored", link.id);
            self.report(vec![Fault::at(Problem::error("link", message), &[])], inside);
        }
    }

    fn reader(&mut self) -> Reader<'_> {
        let mark = self.batch.mark();
        let (rules, place) = (self.rules, self.place);
        Reader { rules, batch: &mut *self.batch, mark, place, links: false, judged: true }
    }

    fn entity(&mut self, object: Map<String, Value>) {
        let uid = object.get("uid").and_then(entities::reference);
        let loaded = match entities::judge(object, self.rules.schema) {
            Ok(loaded) => loaded,
            Err(faults) => {
                self.report(faults, None);
                return self.faulty(uid.as_ref());
            }
        };
        let mark = self.batch.mark();
        // An action that equals the schema's needs no row.
        let Some(loaded) = loaded else { return };
        if let Err(message) = self.pack(&loaded) {
            self.batch.roll_back(mark);
            let message = format!("`{}` cannot be stored: {message}", loaded.uid);
            self.report(vec![Fault::at(Problem::error("entity", message), &[])], None);
        }
    }

    /// Notes an entity that is there, but wrong: others may name it all the same.
    fn faulty(&mut self, uid: Option<&EntityUid>) {
        let uid = uid.and_then(|uid| {
            let ty = self.rules.shapes.type_no(&uid.type_name().to_string())?;
            Some(self.batch.uid(ty, uid.id().unescaped()))
        });
        match uid {
            Some(uid) => self.batch.faulty.push(uid),
            None => self.batch.blind = true,
        }
    }

    /// Packs an entity that Cedar made, from what Cedar writes of it.
    fn pack(&mut self, loaded: &Loaded) -> Result<(), String> {
        let rules = self.rules;
        let json = loaded.entity.to_json_value().map_err(|error| chain(&error))?;
        let mut reader = self.reader();
        let mut number = |uid: &EntityUid| -> Option<EntityNo> {
            let ty = rules.shapes.type_no(&uid.type_name().to_string())?;
            Some(reader.batch.uid(ty, uid.id().unescaped()))
        };
        let unknown = || "its type is not one of the schema".to_owned();
        let uid = number(&loaded.uid).ok_or_else(unknown)?;
        let mut parents = loaded
            .parents
            .iter()
            .map(|parent| number(parent).ok_or_else(unknown))
            .collect::<Result<Vec<_>, _>>()?;
        let shape = rules.shapes.shape(reader.batch.uid_type(uid)).ok_or_else(unknown)?;
        if !reader.begin_entity(uid) {
            return Err(unknown());
        }
        let depth_left = rules.limits.depth_max;
        let empty = Value::Object(Map::new());
        let seed = RecordSeed { reader: &mut reader, fields: &shape.attributes, depth_left };
        let attributes = json.get("attrs").unwrap_or(&empty);
        let values = seed.deserialize(attributes).map_err(|_| stranger("attributes"))?;
        let seed = TagsSeed { reader: &mut reader, kind: shape.tags.as_ref(), depth_left };
        let tags = json.get("tags").unwrap_or(&empty);
        let tags = seed.deserialize(tags).map_err(|_| stranger("tags"))?;
        reader.end_entity(uid, &mut parents, &values, tags).ok_or_else(unknown)
    }
}

/// Values that Cedar allows and no request can be decided by, such as unknowns.
fn stranger(what: &str) -> String {
    format!("its {what} hold a value of a form that is not supported")
}

// === impl Templates ===

impl Templates {
    fn new(policies: &Policies, shapes: &Shapes, names: &[Box<str>]) -> Self {
        let mut names = names.to_vec();
        let mut new: Vec<Box<str>> = policies
            .set
            .templates()
            .map(|template| AsRef::<str>::as_ref(template.id()).into())
            .filter(|name| !names.contains(name))
            .collect();
        new.sort_unstable();
        names.append(&mut new);
        let numbers: HashMap<Box<str>, u16> = names.iter().cloned().zip(0..).collect();
        let declared = || shapes.iter().filter(|(_, shape)| shape.declared);
        let mut by_name = HashMap::new();
        for template in policies.set.templates() {
            let name: &str = template.id().as_ref();
            let Some(number) = numbers.get(name) else { continue };
            let slot = |slot: SlotId, annotation: &str| {
                if !template.slots().any(|other| *other == slot) {
                    return None;
                }
                let allowed = template.annotation(annotation);
                let fits = |name: &str| {
                    allowed.is_none_or(|list| list.split(',').any(|it| it.trim() == name))
                };
                let fitting = declared().filter(|(_, shape)| fits(&shape.name));
                Some(fitting.map(|(ty, _)| ty).collect())
            };
            let principal = slot(SlotId::principal(), "slot_principal");
            let resource = slot(SlotId::resource(), "slot_resource");
            by_name.insert(name.into(), (*number, Template { principal, resource }));
        }
        Self { names, by_name }
    }

    pub(super) fn get(&self, name: &str) -> Option<(u16, &Template)> {
        self.by_name.get(name).map(|(number, template)| (*number, template))
    }
}
