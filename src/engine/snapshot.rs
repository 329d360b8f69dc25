//! A snapshot: a compiled bundle, immutable, the one thing that a decision depends on beside the
//! request.

use std::collections::{BTreeMap, HashMap, HashSet};

use cedar_policy::{Effect, Entities, EntityId, EntityUid, PolicyId, PolicySet};

use super::check::InvalidRequest;
use super::error::Problems;
use super::links::Link;
use super::policies::PolicyInfo;
use super::schema::SchemaInfo;
use super::uid;

/// What a snapshot holds, in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Entities, actions left out.
    pub entities: usize,
    /// Links.
    pub links: usize,
    /// Static policies and templates.
    pub policies: usize,
}

/// A compiled bundle.
#[derive(Debug)]
pub struct Snapshot {
    pub(super) schema: SchemaInfo,
    pub(super) set: PolicySet,
    pub(super) entities: Entities,
    pub(super) links: BTreeMap<String, Link>,
    pub(super) infos: Vec<PolicyInfo>,
    /// Where each policy stands in `infos`.
    by_id: HashMap<String, usize>,
    /// The links that expire, with their times.
    pub(super) expiring: HashMap<PolicyId, i64>,
    forbids: HashSet<PolicyId>,
    counts: Counts,
    warnings: Problems,
}

/// What `compile` makes a snapshot of.
pub(super) struct Parts {
    pub(super) schema: SchemaInfo,
    pub(super) set: PolicySet,
    pub(super) infos: Vec<PolicyInfo>,
    pub(super) links: BTreeMap<String, Link>,
    pub(super) entities: Entities,
    pub(super) warnings: Problems,
}

// === impl Snapshot ===

impl Snapshot {
    pub(super) fn new(parts: Parts) -> Self {
        let Parts { schema, set, infos, links, entities, warnings } = parts;
        let actions = entities.iter().filter(|entity| schema.action(&entity.uid()).is_some());
        let counts = Counts {
            entities: entities.len() - actions.count(),
            links: links.len(),
            policies: infos.len(),
        };
        let forbids = set
            .policies()
            .filter(|policy| policy.effect() == Effect::Forbid)
            .map(|policy| policy.id().clone())
            .collect();
        let expiring = links
            .values()
            .filter_map(|link| Some((PolicyId::new(&link.id), link.expires_ms?)))
            .collect();
        let by_id =
            infos.iter().enumerate().map(|(number, info)| (info.id.clone(), number)).collect();
        Self { schema, set, entities, links, infos, by_id, expiring, forbids, counts, warnings }
    }

    /// A uid whose type the schema declares.
    pub fn uid(&self, type_name: &str, id: &str) -> Result<EntityUid, InvalidRequest> {
        match self.schema.entity_type(type_name) {
            Some(entity_type) => Ok(uid::of(&entity_type.name, id)),
            None => Err(InvalidRequest {
                message: format!("the schema declares no entity type `{type_name}`"),
                hint: Some(format!("it declares {}", self.schema.type_names().join(", "))),
            }),
        }
    }

    /// The uid of an action that the schema declares.
    pub fn action(&self, type_name: &str, id: &str) -> Result<EntityUid, InvalidRequest> {
        let unknown = || InvalidRequest {
            message: format!("the schema declares no action `{type_name}::\"{id}\"`"),
            hint: None,
        };
        let parsed = type_name.parse().map_err(|_| unknown())?;
        let action = EntityUid::from_type_name_and_id(parsed, EntityId::new(id));
        if self.schema.action(&action).is_some() { Ok(action) } else { Err(unknown()) }
    }

    /// Whether the snapshot holds this entity.
    pub fn holds(&self, uid: &EntityUid) -> bool {
        self.entities.get(uid).is_some()
    }

    /// How much it holds.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The static policies and templates, in the order of the texts.
    pub fn policies(&self) -> &[PolicyInfo] {
        &self.infos
    }

    /// The links by id.
    pub fn links(&self) -> &BTreeMap<String, Link> {
        &self.links
    }

    /// What its schema says.
    pub fn schema(&self) -> &SchemaInfo {
        &self.schema
    }

    /// What deserves a look though it was taken.
    pub fn warnings(&self) -> &Problems {
        &self.warnings
    }

    /// The policy behind an id that a decision names: itself, or the template of a link.
    pub fn policy(&self, id: &str) -> Option<&PolicyInfo> {
        let id = self.links.get(id).map_or(id, |link| &link.template);
        self.by_id.get(id).and_then(|number| self.infos.get(*number))
    }

    pub(super) fn is_forbid(&self, id: &PolicyId) -> bool {
        self.forbids.contains(id)
    }
}
