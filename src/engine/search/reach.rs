//! What the permits of a request can reach, found from the indexes: links by what their slots name,
//! members by their groups, and entities by whom their attributes name.
//!
//! Whatever is allowed is among the candidates. A permit whose reach is not understood, or is not
//! worth the walk, makes every entity of the type a candidate.

mod paths;

use cedar_policy::{Effect, EntityUid};

use super::super::check::CheckRequest;
use super::super::hash::{HashMap, HashSet};
use super::super::index::{Entry, Scope};
use super::super::request::{Fitted, Standing};
use super::super::slice::Condition;
use super::super::slice::demand::{Demand, Path, Root};
use super::super::snapshot::Snapshot;
use super::super::store::{AttributeNo, EntityNo, LinkNo, RecordRef, Store, TypeNo, ValueRef};
use paths::Known;

/// A walk is given so many steps at first where another could be taken in its place; if none of
/// them ends, each is given four times as many.
const FIRST_STEPS: usize = 64;

/// Which side of the request is searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum Sought {
    Principal,
    Resource,
}

/// One search's way to its candidates.
pub(in crate::engine) struct Reach<'a> {
    snapshot: &'a Snapshot,
    store: &'a Store,
    fitted: &'a Fitted<'a>,
    sought: Sought,
    /// The type of what is sought.
    ty: TypeNo,
    /// The entity that is given, and where it stands.
    given: (&'a EntityUid, &'a Standing),
    now_ms: i64,
    /// The policies and templates by which something is reached; `None`: all that can permit.
    only: Option<&'a [usize]>,
    /// The entities of the type among which something is sought; `None`: all.
    among: Option<&'a Among>,
}

/// Some entities of a type, and what they refer to: a search among them walks past no others.
#[derive(Debug, Default)]
pub(in crate::engine) struct Among {
    members: HashSet<EntityNo>,
    referrers: HashMap<(AttributeNo, EntityNo), Vec<EntityNo>>,
}

// === impl Reach ===

impl<'a> Reach<'a> {
    pub(in crate::engine) fn new(
        snapshot: &'a Snapshot,
        request: &'a CheckRequest,
        fitted: &'a Fitted<'a>,
        sought: Sought,
        ty: TypeNo,
    ) -> Self {
        let given = match sought {
            Sought::Principal => (&request.resource, &fitted.resource),
            Sought::Resource => (&request.principal, &fitted.principal),
        };
        let (store, now_ms) = (&snapshot.store, request.now_ms);
        let (only, among) = (None, None);
        Self { snapshot, store, fitted, sought, ty, given, now_ms, only, among }
    }

    /// The same by some policies and templates alone, and among some entities alone.
    pub(in crate::engine) fn narrowed(
        self,
        only: Option<&'a [usize]>,
        among: Option<&'a Among>,
    ) -> Self {
        Self { only, among, ..self }
    }

    /// The entities that a permit may reach, each once and in the order of their numbers; `None` if
    /// all of the type have to be looked at.
    pub(in crate::engine) fn candidates(&self) -> Option<Vec<EntityNo>> {
        // Properties stand in the place of what is stored, and no index has them.
        if !self.fitted.sent.is_empty() {
            return None;
        }
        // A step is a small part of what a check costs, so that a few for each are worth a try.
        let most = self.store.count_of(self.ty) * 4 + 1024;
        let environment = self.fitted.environment;
        let statics =
            if self.given.1.stored { &environment.satisfiable } else { &environment.matching };
        let mut policies = statics.clone();
        policies.retain(|number| self.only.is_none_or(|only| only.contains(number)));
        let mut found = self.by_links(most, &mut policies)?;
        for number in policies {
            let Some(entry) = self.snapshot.rules.index.entry(number) else { continue };
            if entry.effect == Effect::Permit {
                found.extend(self.reached(&demand_of(entry), most)?);
                if found.len() > most {
                    return None;
                }
            }
        }
        let mut found = in_order(found);
        found.retain(|no| self.store.is_stored(*no) && self.store.type_of(*no) == self.ty);
        if let Some(among) = self.among {
            found.retain(|no| among.members.contains(no));
        }
        Some(found)
    }

    /// What permits reach by links whose other slot matches what is given. Templates with such a
    /// link whose slot says nothing of what is sought are added to `policies`.
    fn by_links(&self, most: usize, policies: &mut Vec<usize>) -> Option<Vec<EntityNo>> {
        let mut found = Vec::new();
        let mut groups = Vec::new();
        let mut steps = 0;
        let slots = self.given.1.line.iter().copied().map(Some).chain([None]);
        let templates = &self.fitted.environment.templates;
        let any = templates.keys().any(|number| self.permit(*number).is_some());
        for slot in slots.filter(|_| any) {
            for number in self.links_of(slot) {
                steps += 1;
                if steps > most {
                    return None;
                }
                let Some(link) = self.store.link_of(number) else { continue };
                let Some(template) = self.snapshot.template_of(&link) else { continue };
                let Some(entry) = self.permit(template) else { continue };
                let (given, sought, filled) = match self.sought {
                    Sought::Principal => (&entry.resource, &entry.principal, link.principal),
                    Sought::Resource => (&entry.principal, &entry.resource, link.resource),
                };
                let expired = link.expires_ms.is_some_and(|at| at <= self.now_ms);
                if expired || !self.snapshot.matches(given, self.given.0, self.given.1, slot) {
                    continue;
                }
                match (sought, filled) {
                    (Scope::EqSlot, filled) => found.extend(filled),
                    (Scope::InSlot, filled) => groups.extend(filled),
                    _ if !policies.contains(&template) => policies.push(template),
                    _ => {}
                }
            }
        }
        found.extend(self.below(&groups, self.ty, most)?);
        Some(found)
    }

    fn links_of(&self, slot: Option<EntityNo>) -> Box<dyn Iterator<Item = LinkNo> + '_> {
        match (self.sought, slot) {
            (Sought::Resource, Some(no)) if !self.store.names_principal(no) => {
                Box::new(std::iter::empty())
            }
            (Sought::Principal, Some(no)) if !self.store.names_resource(no) => {
                Box::new(std::iter::empty())
            }
            (Sought::Resource, _) => Box::new(self.store.links_of_principal(slot)),
            (Sought::Principal, _) => Box::new(self.store.links_of_resource(slot)),
        }
    }

    /// A template that can permit here.
    fn permit(&self, template: usize) -> Option<&'a Entry> {
        let satisfiable = *self.fitted.environment.templates.get(&template)?;
        let entry = self.snapshot.rules.index.entry(template)?;
        let can = entry.effect == Effect::Permit && (satisfiable || !self.given.1.stored);
        let wanted = self.only.is_none_or(|only| only.contains(&template));
        (can && wanted).then_some(entry)
    }

    /// What can meet a demand, with repetitions; `None` if that is not understood, or not found in
    /// so many steps.
    fn reached(&self, demand: &Demand, most: usize) -> Option<Vec<EntityNo>> {
        match demand {
            Demand::Open => None,
            Demand::All(parts) => self.reached_by_all(parts, most),
            Demand::Any(parts) => {
                let mut found = Vec::new();
                for part in parts {
                    found.extend(self.reached(part, most)?);
                }
                (found.len() <= most).then_some(found)
            }
            Demand::Eq(left, right) => match (self.is_sought(left), self.is_sought(right)) {
                (true, true) => None,
                (true, false) => self.equal(left, right, most),
                (false, true) => self.equal(right, left, most),
                (false, false) => nothing_unless(self.are_equal(left, right)),
            },
            Demand::In(left, right) => match (self.is_sought(left), self.is_sought(right)) {
                (true, true) => None,
                (true, false) => {
                    let types = self.types(left)?;
                    let groups = match self.known(right) {
                        Known::Entity(no) => vec![no],
                        Known::Entities(numbers) => numbers,
                        Known::Unheard(_) | Known::Missing => return Some(Vec::new()),
                        Known::Other => return None,
                    };
                    let ends = self.below(&groups, *types.last()?, most)?;
                    self.back(left, &types, ends, most)
                }
                (false, true) => {
                    let types = self.types(right)?;
                    let ends = match self.known(left) {
                        Known::Entity(no) => self.line(no),
                        Known::Unheard(_) | Known::Missing => return Some(Vec::new()),
                        Known::Entities(_) | Known::Other => return None,
                    };
                    self.back(right, &types, ends, most)
                }
                (false, false) => nothing_unless(self.is_in(left, right)),
            },
        }
    }

    /// What can meet all of these. Any of them would do, so all are walked for as long as the
    /// shortest walk takes, and what is common to those that ended meets them better.
    fn reached_by_all(&self, parts: &[Demand], most: usize) -> Option<Vec<EntityNo>> {
        let mut steps = FIRST_STEPS.min(most);
        loop {
            let ended = parts.iter().filter_map(|part| self.reached(part, steps));
            let common = ended.map(in_order).reduce(|one, other| {
                let (mut few, many) =
                    if one.len() < other.len() { (one, other) } else { (other, one) };
                few.retain(|no| many.binary_search(no).is_ok());
                few
            });
            if common.is_some() || steps == most {
                return common;
            }
            steps = steps.saturating_mul(4).min(most);
        }
    }

    /// Whose path leads to what the other path leads to.
    fn equal(&self, path: &Path, other: &Path, most: usize) -> Option<Vec<EntityNo>> {
        let types = self.types(path)?;
        match self.known(other) {
            Known::Entity(no) => self.back(path, &types, vec![no], most),
            Known::Unheard(_) | Known::Missing => Some(Vec::new()),
            Known::Entities(_) | Known::Other => None,
        }
    }

    fn are_equal(&self, left: &Path, right: &Path) -> Option<bool> {
        match (self.known(left), self.known(right)) {
            (Known::Missing, _) | (_, Known::Missing) => Some(false),
            (Known::Entity(left), Known::Entity(right)) => Some(left == right),
            (Known::Unheard(left), Known::Unheard(right)) => Some(left == right),
            // One of them is stored or named by what is, and the other is not.
            (Known::Entity(_) | Known::Unheard(_), Known::Entity(_) | Known::Unheard(_)) => {
                Some(false)
            }
            _ => None,
        }
    }

    fn is_in(&self, left: &Path, right: &Path) -> Option<bool> {
        let groups = match self.known(right) {
            Known::Entity(no) => vec![no],
            Known::Entities(numbers) => numbers,
            Known::Unheard(_) => return self.are_equal(left, right),
            Known::Missing => return Some(false),
            Known::Other => return None,
        };
        match self.known(left) {
            Known::Entity(no) => Some(self.line(no).iter().any(|no| groups.contains(no))),
            Known::Unheard(_) | Known::Missing => Some(false),
            Known::Entities(_) | Known::Other => None,
        }
    }
}

// === impl Among ===

impl Among {
    /// These entities of one type, which are stored.
    pub(in crate::engine) fn new(store: &Store, ty: TypeNo, members: Vec<EntityNo>) -> Self {
        let mut referrers: HashMap<(AttributeNo, EntityNo), Vec<EntityNo>> = HashMap::default();
        for no in &members {
            for (name, value) in store.attributes(*no).into_iter().flat_map(RecordRef::iter) {
                if let (ValueRef::Entity(to), Some(attribute)) =
                    (value, store.attribute_no(ty, name))
                {
                    referrers.entry((attribute, to)).or_default().push(*no);
                }
            }
        }
        Self { members: members.into_iter().collect(), referrers }
    }

    /// Which of them refer to an entity by an attribute.
    fn referrers_of(&self, attribute: AttributeNo, to: EntityNo) -> impl Iterator<Item = EntityNo> {
        self.referrers.get(&(attribute, to)).into_iter().flatten().copied()
    }
}

/// Each once, in the order of the numbers.
fn in_order(mut numbers: Vec<EntityNo>) -> Vec<EntityNo> {
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// A demand on what is given alone: if it does not hold, nothing is reached; if it does, nothing
/// follows.
fn nothing_unless(holds: Option<bool>) -> Option<Vec<EntityNo>> {
    (holds == Some(false)).then(Vec::new)
}

/// What a permit demands, by its scope and by its condition.
fn demand_of(entry: &Entry) -> Demand {
    let of_scope = |scope: &Scope, root: Root| match scope {
        Scope::Eq(uid) => Some(Demand::Eq(Path::root(root), Path::root(Root::Named(uid.clone())))),
        Scope::In(uid, _) => {
            Some(Demand::In(Path::root(root), Path::root(Root::Named(uid.clone()))))
        }
        Scope::Any | Scope::EqSlot | Scope::InSlot => None,
    };
    let principal = of_scope(&entry.principal, Root::Principal);
    let resource = of_scope(&entry.resource, Root::Resource);
    let condition = entry.condition.as_ref().map(Condition::demand);
    Demand::All([principal, resource, condition].into_iter().flatten().collect())
}
