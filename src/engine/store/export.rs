//! Entities and links as the JSON that they are loaded from.

use serde_json::{Map, Value, json};

use super::{EntityNo, LinkNo, LinkRef, Store, ValueRef};

// === impl Store ===

impl Store {
    /// A stored entity as Cedar's entity JSON: `uid`, `attrs`, `parents` as they were written, and
    /// `tags` if there are any. `None` if it is not stored.
    pub fn entity_json(&self, no: EntityNo) -> Option<Value> {
        let attributes: Map<String, Value> = self
            .attributes(no)?
            .iter()
            .map(|(name, value)| (name.to_owned(), value_json(self, value)))
            .collect();
        let parents: Vec<Value> = self.parents(no).iter().map(|no| self.uid_json(*no)).collect();
        let mut entity = json!({
            "uid": self.uid_json(no),
            "attrs": attributes,
            "parents": parents,
        });
        let tags: Map<String, Value> = self
            .tags(no)
            .into_iter()
            .flat_map(super::TagsRef::iter)
            .map(|(name, value)| (name.to_owned(), value_json(self, value)))
            .collect();
        if !tags.is_empty()
            && let Some(object) = entity.as_object_mut()
        {
            object.insert("tags".to_owned(), Value::Object(tags));
        }
        Some(entity)
    }

    /// A value as it is written in entity JSON.
    pub fn value_json(&self, value: ValueRef<'_>) -> Value {
        value_json(self, value)
    }

    /// Every stored entity, by type and then id.
    pub fn export(&self) -> impl Iterator<Item = Value> {
        let sorted = self.types().flat_map(|ty| self.entities_of(ty));
        sorted.filter_map(|no| self.entity_json(no))
    }

    /// A link in the format of `links.json`.
    pub fn link_json(&self, no: LinkNo) -> Option<Value> {
        let link = self.link_of(no)?;
        let mut args = Map::new();
        for (slot, no) in [("?principal", link.principal), ("?resource", link.resource)] {
            args.extend(no.map(|no| (slot.to_owned(), self.uid_of(no).to_string().into())));
        }
        let mut json = json!({
            "link_id": link.id,
            "template_id": self.template_name(link.template),
            "args": args,
        });
        if let Some(object) = json.as_object_mut() {
            object.extend(optional(&link));
        }
        Some(json)
    }

    fn uid_json(&self, no: EntityNo) -> Value {
        json!({"type": self.type_name(self.type_of(no)), "id": self.id_of(no)})
    }
}

/// The members of a link that it may be without.
fn optional(link: &LinkRef<'_>) -> Map<String, Value> {
    let mut members = Map::new();
    let time = link.expires_ms.and_then(|time| jiff::Timestamp::from_millisecond(time).ok());
    members.extend(time.map(|time| ("expires".to_owned(), time.to_string().into())));
    let annotations = link.annotations();
    if !annotations.is_empty() {
        members.insert("annotations".to_owned(), json!(annotations));
    }
    members
}

/// A value as it is written in entity JSON. The elements of a set are in the order of their text,
/// whatever order the store has them in.
pub(super) fn value_json(store: &Store, value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Bool(value) => value.into(),
        ValueRef::Long(value) => value.into(),
        ValueRef::String(value) => value.into(),
        ValueRef::Entity(no) => json!({"__entity": store.uid_json(no)}),
        ValueRef::Set(set) => {
            let mut elements: Vec<_> = set.iter().map(|value| value_json(store, value)).collect();
            elements.sort_by_cached_key(ToString::to_string);
            elements.into()
        }
        ValueRef::Record(record) => {
            let members =
                record.iter().map(|(name, value)| (name.to_owned(), value_json(store, value)));
            Value::Object(members.collect())
        }
        ValueRef::Extension(value) => value.json(),
    }
}
