//! The cells of a matrix: which there are, in an order that does not change, and what is decided.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cedar_policy::EntityUid;

use crate::cli::check::parse_uid;
use crate::cli::exit::Failure;
use crate::engine::search::Terms;
use crate::engine::uid::UidText;
use crate::engine::{Code, Decision, Snapshot};

/// What is put to the snapshot.
pub(super) struct Matrix<'s> {
    snapshot: &'s Snapshot,
    terms: Terms,
    principals: Vec<EntityUid>,
    resources: Vec<EntityUid>,
    /// In the order of their names.
    pub(super) actions: Vec<EntityUid>,
    /// Actions that were left out, and why.
    left_out: BTreeMap<String, String>,
    pub(super) only_allowed: bool,
    /// Pairs that are decided.
    pub(super) done: Arc<AtomicU64>,
}

/// What is decided for a principal and a resource.
pub(super) struct Row<'m> {
    pub(super) principal: &'m EntityUid,
    pub(super) resource: &'m EntityUid,
    /// One for each action; `None` where it does not apply.
    pub(super) cells: Vec<Option<(Decision, Code)>>,
}

// === impl Matrix ===

impl<'s> Matrix<'s> {
    pub(super) fn new(
        snapshot: &'s Snapshot,
        terms: Terms,
        principals: &[String],
        resources: &[String],
        actions: &[UidText],
    ) -> Result<Self, Failure> {
        let schema = snapshot.schema();
        let mut wanted: BTreeMap<(String, String), EntityUid> = BTreeMap::new();
        for uid in actions {
            let action = snapshot.action(&uid.type_name, &uid.id)?;
            wanted.insert((uid.type_name.clone(), uid.id.clone()), action);
        }
        if actions.is_empty() {
            for (action, _) in schema.actions() {
                let name = (action.type_name().to_string(), action.id().unescaped().to_owned());
                wanted.insert(name, action.clone());
            }
        }
        let (mut principal_types, mut resource_types) = (BTreeSet::new(), BTreeSet::new());
        for info in wanted.values().filter_map(|action| schema.action(action)) {
            principal_types.extend(&info.principals);
            resource_types.extend(&info.resources);
        }
        let principals = entities(snapshot, principals, &principal_types)?;
        let resources = entities(snapshot, resources, &resource_types)?;
        let mut matrix = Self {
            snapshot,
            terms,
            principals,
            resources,
            actions: wanted.into_values().collect(),
            left_out: BTreeMap::new(),
            only_allowed: false,
            done: Arc::default(),
        };
        matrix.leave_out();
        Ok(matrix)
    }

    /// Leaves out actions that apply to nothing, and those that no context fits.
    fn leave_out(&mut self) {
        let schema = self.snapshot.schema();
        let mut actions = std::mem::take(&mut self.actions);
        actions.retain(|action| {
            let Some(info) = schema.action(action) else { return false };
            let of = |uids: &[EntityUid], types: &BTreeSet<String>| {
                uids.iter().find(|uid| types.contains(&uid.type_name().to_string())).cloned()
            };
            let principal = of(&self.principals, &info.principals);
            let resource = of(&self.resources, &info.resources);
            let (Some(principal), Some(resource)) = (principal, resource) else { return false };
            let request = self.terms.check(principal, action.clone(), resource);
            let Err(invalid) = self.snapshot.check(&request, self.terms.options) else {
                return true;
            };
            self.left_out.insert(action.to_string(), invalid.message);
            false
        });
        self.actions = actions;
    }

    /// Actions that were left out, and why.
    pub(super) fn left_out(&self) -> &BTreeMap<String, String> {
        &self.left_out
    }

    /// How many principals and resources there are, each with each.
    pub(super) fn pairs(&self) -> u64 {
        (self.principals.len() as u64).saturating_mul(self.resources.len() as u64)
    }

    /// How many cells there are at most.
    pub(super) fn cells(&self) -> u64 {
        self.pairs().saturating_mul(self.actions.len() as u64)
    }

    /// Every pair to which some action applies, decided when it is asked for.
    pub(super) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        let pairs = self
            .principals
            .iter()
            .flat_map(|principal| self.resources.iter().map(move |resource| (principal, resource)));
        pairs.map(|(principal, resource)| self.row(principal, resource)).filter(|row| {
            let allowed = |cell: &(Decision, Code)| cell.0 == Decision::Allow;
            row.cells.iter().flatten().any(|cell| !self.only_allowed || allowed(cell))
        })
    }

    fn row<'m>(&'m self, principal: &'m EntityUid, resource: &'m EntityUid) -> Row<'m> {
        let decide = |action: &EntityUid| {
            let request = self.terms.check(principal.clone(), action.clone(), resource.clone());
            let answer = self.snapshot.check(&request, self.terms.options).ok()?;
            Some((answer.decision, answer.code))
        };
        let cells = self.actions.iter().map(decide).collect();
        self.done.fetch_add(1, Ordering::Relaxed);
        Row { principal, resource, cells }
    }
}

impl Row<'_> {
    /// The actions that are allowed.
    pub(super) fn allowed<'m>(
        &self,
        matrix: &'m Matrix<'_>,
    ) -> impl Iterator<Item = &'m EntityUid> {
        let cells = self.cells.iter().map(|cell| cell.map(|it| it.0) == Some(Decision::Allow));
        let cells: Vec<bool> = cells.collect();
        matrix.actions.iter().zip(cells).filter(|(_, allowed)| *allowed).map(|(action, _)| action)
    }
}

/// The entities that are named, or all of the types that are; without names, of every type.
fn entities(
    snapshot: &Snapshot,
    names: &[String],
    types: &BTreeSet<&String>,
) -> Result<Vec<EntityUid>, Failure> {
    let store = snapshot.store();
    let mut found: BTreeMap<(String, String), EntityUid> = BTreeMap::new();
    let mut add = |type_name: &str| {
        let numbers = store.type_no(type_name).into_iter().flat_map(|ty| store.entities_of(ty));
        for uid in numbers.map(|no| store.uid_of(no)) {
            found.insert((type_name.to_owned(), uid.id().unescaped().to_owned()), uid);
        }
    };
    if names.is_empty() {
        for name in types {
            add(name);
        }
    }
    for name in names.iter().filter(|name| !name.contains('"')) {
        // Refuses a type that the schema does not declare.
        snapshot.uid(name, "")?;
        add(name);
    }
    for name in names.iter().filter(|name| name.contains('"')) {
        let uid = parse_uid(name).map_err(Failure::usage)?;
        let entity = snapshot.uid(&uid.type_name, &uid.id)?;
        if !snapshot.holds(&entity) {
            return Err(Failure::error(format!("`{uid}` is not stored")));
        }
        found.insert((uid.type_name, uid.id), entity);
    }
    Ok(found.into_values().collect())
}
