//! A snapshot: a compiled bundle, immutable, the one thing that a decision depends on beside the
//! request. Its rules and its data are apart, so that a change of data shares the rules.

use std::sync::Arc;

use cedar_policy::EntityUid;

use super::check::InvalidRequest;
use super::duties::DutiesById;
use super::error::Problems;
use super::index::Index;
use super::policies::{Policies, PolicyInfo};
use super::schema::SchemaInfo;
use super::slice::Ground;
use super::store::{EntityNo, LinkRef, Store};
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

/// A compiled bundle. Cloning is shallow.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub(super) rules: Arc<Rules>,
    pub(super) store: Store,
    /// The index's number of each of the store's templates.
    templates: Arc<[Option<usize>]>,
    /// The numbers of the first entities that policies name.
    named: Arc<[Option<EntityNo>]>,
}

/// Of how many entities that policies name the numbers are kept. Each version looks them up again.
const NAMED_MAX: usize = 64;

/// Tells one compilation of schema and policies from another, and holds no entity.
#[derive(Debug, Clone)]
pub struct RulesMark(Arc<Rules>);

/// Schema and policies, compiled.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) schema: Arc<SchemaInfo>,
    pub(super) policies: Policies,
    pub(super) index: Index,
    pub(super) ground: Ground,
    pub(super) duties: DutiesById,
    pub(super) warnings: Problems,
}

// === impl Snapshot ===

impl Snapshot {
    pub(super) fn new(rules: Arc<Rules>, store: Store) -> Self {
        let templates = store.templates().map(|name| rules.index.template(name)).collect();
        let mut snapshot = Self { rules, store, templates, named: Arc::default() };
        let names = snapshot.rules.index.names().iter().take(NAMED_MAX);
        snapshot.named = names.map(|uid| snapshot.number_of(uid)).collect();
        snapshot
    }

    /// A uid whose type the schema declares.
    pub fn uid(&self, type_name: &str, id: &str) -> Result<EntityUid, InvalidRequest> {
        match self.rules.schema.entity_type(type_name) {
            Some(entity_type) => Ok(uid::of(&entity_type.name, id)),
            None => Err(InvalidRequest {
                message: format!("the schema declares no entity type `{type_name}`"),
                hint: Some(format!("it declares {}", self.rules.schema.type_names().join(", "))),
            }),
        }
    }

    /// The uid of an action that the schema declares.
    pub fn action(&self, type_name: &str, id: &str) -> Result<EntityUid, InvalidRequest> {
        let unknown = || InvalidRequest {
            message: format!("the schema declares no action `{type_name}::\"{id}\"`"),
            hint: None,
        };
        if let Some(action) = self.rules.schema.action_named(type_name, id) {
            return Ok(action.clone());
        }
        Err(unknown())
    }

    /// Whether the snapshot holds this entity.
    pub fn holds(&self, uid: &EntityUid) -> bool {
        self.number_of(uid).is_some_and(|number| self.store.is_stored(number))
    }

    /// How much it holds.
    pub fn counts(&self) -> Counts {
        let counts = self.store.counts();
        Counts {
            entities: counts.entities,
            links: counts.links,
            policies: self.rules.policies.infos.len(),
        }
    }

    /// The static policies and templates, in the order of the texts.
    pub fn policies(&self) -> &[PolicyInfo] {
        &self.rules.policies.infos
    }

    /// What its schema says.
    pub fn schema(&self) -> &SchemaInfo {
        &self.rules.schema
    }

    /// What tells its schema and policies from those of other snapshots.
    pub fn rules_mark(&self) -> RulesMark {
        RulesMark(Arc::clone(&self.rules))
    }

    /// Its entities and links.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// What deserves a look though it was taken.
    pub fn warnings(&self) -> &Problems {
        &self.rules.warnings
    }

    /// The policy behind an id that a decision names: itself, or the template of a link.
    pub fn policy(&self, id: &str) -> Option<&PolicyInfo> {
        let link = self.store.link(id);
        let id = link.map_or(id, |link| self.store.template_name(link.template));
        self.rules.policies.infos.iter().find(|info| info.id == id)
    }

    /// The index's number of a link's template.
    pub(super) fn template_of(&self, link: &LinkRef<'_>) -> Option<usize> {
        self.templates.get(link.template.index()).copied().flatten()
    }

    /// The number of an entity that policies name, by its place among them.
    pub(super) fn number_of_named(&self, place: usize) -> Option<EntityNo> {
        match self.named.get(place) {
            Some(number) => *number,
            None => self.number_of(self.rules.index.names().get(place)?),
        }
    }

    /// The number of an entity that is stored or named by something that is.
    pub(super) fn number_of(&self, uid: &EntityUid) -> Option<EntityNo> {
        let ty = self.rules.ground.type_no(uid.as_ref())?;
        self.store.number(ty, uid.id().unescaped())
    }
}

// === impl RulesMark ===

impl RulesMark {
    /// Whether a snapshot has these very rules.
    pub fn is_of(&self, snapshot: &Snapshot) -> bool {
        Arc::ptr_eq(&self.0, &snapshot.rules)
    }
}
