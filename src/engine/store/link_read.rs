//! A link's JSON, read straight into packed form where it is of the plain form: known members, no
//! annotations, and slots filled as the template wants them. Anything else is for
//! [`judge`](super::judge).

use cedar_policy::EntityUid;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer};

use super::judge::Template;
use super::pack::{What, halves};
use super::read::Reader;
use super::uid_read::unsure;
use super::{EntityNo, TypeNo};
use crate::engine::links::Link;
use crate::engine::uid;

/// A link.
pub(super) struct LinkSeed<'r, 'a>(pub(super) &'r mut Reader<'a>);

/// The word pair of a link that never expires.
pub(super) const NEVER: i64 = i64::MAX;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LinkJson {
    link_id: String,
    template_id: String,
    args: Args,
    #[serde(default)]
    expires: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Args {
    #[serde(rename = "?principal", default, deserialize_with = "text")]
    principal: Option<String>,
    #[serde(rename = "?resource", default, deserialize_with = "text")]
    resource: Option<String>,
}

/// A string; null is none.
fn text<'de, D: Deserializer<'de>>(json: D) -> Result<Option<String>, D::Error> {
    String::deserialize(json).map(Some)
}

impl<'de> DeserializeSeed<'de> for LinkSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        let link = LinkJson::deserialize(json)?;
        self.0.take_link(&link).ok_or_else(unsure)
    }
}

impl Reader<'_> {
    fn take_link(&mut self, link: &LinkJson) -> Option<()> {
        let rules = self.rules;
        if link.link_id.is_empty() || rules.is_policy(&link.link_id) {
            return None;
        }
        let (number, template) = rules.templates.get(&link.template_id)?;
        let principal = self.slot(template.principal.as_deref(), link.principal())?;
        let resource = self.slot(template.resource.as_deref(), link.resource())?;
        let expires = match &link.expires {
            Some(time) => Some(time.parse::<jiff::Timestamp>().ok()?.as_millisecond()),
            None => None,
        };
        self.batch.string(&self.mark, &link.link_id);
        self.batch.slots(principal, resource);
        if let Some(expires) = expires {
            self.milliseconds(expires);
        }
        self.batch.end(self.place, What::Link(number), link.link_id.len());
        Some(())
    }

    /// What fills a slot, if the template's slot and the link agree; `None` if they do not.
    fn slot(&mut self, allowed: Option<&[TypeNo]>, text: Option<&str>) -> Option<EntityNo> {
        match (allowed, text) {
            (None, None) => Some(EntityNo::NONE),
            (Some(allowed), Some(text)) => {
                let parts = uid::parse(text).ok()?;
                let ty = self.rules.shapes.type_no(&parts.type_name)?;
                let right = allowed.contains(&ty);
                right.then(|| self.batch.uid(ty, &parts.id))
            }
            _ => None,
        }
    }

    /// Takes a link that was judged to be right.
    pub(super) fn take_judged(&mut self, link: &Link) -> Option<()> {
        let (number, _): (u16, &Template) = self.rules.templates.get(&link.template)?;
        let mut uid = |uid: &EntityUid| {
            let ty = self.rules.shapes.type_no(&uid.type_name().to_string())?;
            Some(self.batch.uid(ty, uid.id().unescaped()))
        };
        let mut slot = |named: &Option<EntityUid>| match named {
            Some(named) => uid(named),
            None => Some(EntityNo::NONE),
        };
        let (principal, resource) = (slot(&link.principal)?, slot(&link.resource)?);
        self.batch.string(&self.mark, &link.id);
        self.batch.slots(principal, resource);
        if link.expires_ms.is_some() || !link.annotations.is_empty() {
            self.milliseconds(link.expires_ms.unwrap_or(NEVER));
        }
        for (name, value) in &link.annotations {
            for string in [name, value] {
                let span = self.batch.string(&self.mark, string);
                self.batch.span(span);
            }
        }
        self.batch.end(self.place, What::Link(number), link.id.len());
        Some(())
    }

    fn milliseconds(&mut self, time: i64) {
        for half in halves(time) {
            self.batch.word(half);
        }
    }
}

impl LinkJson {
    fn principal(&self) -> Option<&str> {
        self.args.principal.as_deref()
    }

    fn resource(&self) -> Option<&str> {
        self.args.resource.as_deref()
    }
}
