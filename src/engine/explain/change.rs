//! The search for a change of data that would allow: what keeps each permit that came near from
//! permitting, and what each forbid in the way is satisfied by, says which few changes are worth
//! trying. Each is applied to a copy and checked there, and the first that allows is named.
//!
//! The search is bounded by how much is tried, not by time: at most [`PERMITS_MAX`] permits, of each
//! at most [`OPTIONS_MAX`] ways for each obstacle, and [`TRIES_MAX`] copies in all.

use cedar_policy::EntityUid;
use serde_json::Value;

use super::nearest::{Near, Unmet};
use super::plan::{Plan, Step, body, cost, words};
use super::{Basis, Misfit, Sought, View};
use crate::engine::check::{CheckRequest, Decision};
use crate::engine::clauses::{ClauseKind, Outcome};
use crate::engine::compile::CompileOptions;
use crate::engine::gate;
use crate::engine::index::{Entry, Scope};
use crate::engine::slice::mend::{Mend, Way};
use crate::engine::snapshot::Snapshot;
use crate::engine::store::{EntityNo, ValueRef};

/// How many of the nearest permits are tried.
const PERMITS_MAX: usize = 8;
/// How many ways are followed for each thing that is in the way.
const OPTIONS_MAX: usize = 12;
/// How many plans are made before they are put in order.
const PLANS_MAX: usize = 512;
/// How many things a plan may change.
const CHANGED_MAX: usize = 3;
/// How many plans are applied to a copy and checked.
const TRIES_MAX: usize = 24;
/// How many entities are looked at to find groups that lead where somebody should be.
const GROUPS_LOOKED_AT_MAX: usize = 128;
/// How many such groups are tried.
const GROUPS_MAX: usize = 4;
/// How many groups of the principal, and of the resource, are tried for a link.
const SLOTS_MAX: usize = 3;
/// How many groups are looked at for that, and up to how many members they are counted, to share as
/// little as possible.
const COUNTED_MAX: usize = 64;
const MEMBERS_MAX: usize = 256;

// === impl Snapshot ===

impl Snapshot {
    /// A change that would allow a request that is denied.
    pub(super) fn sought(&self, view: &View<'_>, basis: &Basis<'_>, near: &[Near<'_>]) -> Sought {
        let plans = self.plans(view, basis, near);
        let options = CompileOptions::default();
        let request = CheckRequest { explain: false, ..view.request.clone() };
        let allows = |plan: &Plan| {
            let change = self.change_of(plan)?;
            let (next, _) = self.apply_here(&change, &options).ok()?;
            let response = next.check(&request, view.options).ok()?;
            (response.decision == Decision::Allow).then_some(change)
        };
        let found = gate::on_large_stack(|| {
            let found = plans.into_iter().take(TRIES_MAX);
            let (plan, change) = found.into_iter().find_map(|plan| {
                let change = allows(&plan)?;
                Some((plan, change))
            })?;
            // A plan that does more than is needed does less by one step.
            let fewer = (0..plan.len()).filter(|_| plan.len() > 1).find_map(|left_out| {
                let mut fewer = plan.clone();
                fewer.remove(left_out);
                let change = allows(&fewer)?;
                Some((fewer, change))
            });
            Some(fewer.unwrap_or((plan, change)))
        });
        match found {
            Some((plan, change)) => Sought { summary: words(&plan), patch: Some(body(&change)) },
            None => Sought { summary: Self::none_found(view), patch: None },
        }
    }

    fn none_found(view: &View<'_>) -> String {
        let CheckRequest { principal, resource, .. } = view.request;
        let missing =
            [(principal, view.fitted.principal.known), (resource, view.fitted.resource.known)];
        let missing = missing.into_iter().find(|(_, known)| !known);
        match missing {
            Some((uid, _)) => format!(
                "no change of what is there would allow it: the snapshot does not hold {uid}"
            ),
            None => format!(
                "no change of up to {CHANGED_MAX} entities and links was found that would allow it"
            ),
        }
    }

    /// What might allow, the smallest changes first.
    fn plans(&self, view: &View<'_>, basis: &Basis<'_>, near: &[Near<'_>]) -> Vec<Plan> {
        let mut ground = vec![Plan::new()];
        for id in basis.forbids {
            let options = self.against(view, id);
            ground = product(&ground, &options);
        }
        let mut plans = Vec::new();
        if basis.permitted {
            plans.append(&mut ground);
        } else {
            for permit in near.iter().take(PERMITS_MAX) {
                let mut ways = ground.clone();
                for unmet in &permit.unmet {
                    ways = product(&ways, &self.towards(view, permit, *unmet));
                }
                let left = PLANS_MAX.saturating_sub(plans.len());
                plans.extend(ways.into_iter().take(left));
            }
        }
        plans.retain(|plan| !plan.is_empty() && cost(plan).0 <= CHANGED_MAX);
        // A stable sort, so that of equals the nearest permit's comes first.
        plans.sort_by_key(cost);
        let mut distinct: Vec<Plan> = Vec::with_capacity(TRIES_MAX);
        for plan in plans {
            if distinct.len() < TRIES_MAX && !distinct.contains(&plan) {
                distinct.push(plan);
            }
        }
        distinct
    }

    /// Ways of having what a permit lacks.
    fn towards(&self, view: &View<'_>, near: &Near<'_>, unmet: Unmet) -> Vec<Plan> {
        let View { request, scene, slice, .. } = view;
        let schema = &self.rules.schema;
        let clauses = &near.entry.clauses;
        let mut options = match unmet {
            Unmet::Principal => self.scope_entries(&request.principal, &near.entry.principal),
            Unmet::Resource => self.scope_entries(&request.resource, &near.entry.resource),
            Unmet::Link => self.linking(view, near),
            Unmet::Term(number) => {
                let ways = clauses.term(number).map(|term| scene.ways(slice, schema, term, true));
                self.expanded(ways.unwrap_or_default())
            }
            Unmet::Block(block) => {
                let of_block = numbered(near.entry, block).filter_map(|at| clauses.term(at));
                let ways = of_block.flat_map(|term| scene.ways(slice, schema, term, false));
                self.expanded(ways.collect())
            }
        };
        options.truncate(OPTIONS_MAX);
        options
    }

    /// Ways of getting around a forbid that is satisfied, or that cannot be evaluated.
    fn against(&self, view: &View<'_>, id: &str) -> Vec<Plan> {
        let View { request, fitted, scene, slice, .. } = view;
        let Some(outcomes) = self.outcomes_fitted(id, request, fitted) else { return Vec::new() };
        let number = self.rules.index.number(&outcomes.info.id);
        let Some(entry) = number.and_then(|number| self.rules.index.entry(number)) else {
            return Vec::new();
        };
        let schema = &self.rules.schema;
        let mut options = Vec::new();
        if self.store.link(id).is_some() {
            options.push(vec![Step::Unlink { id: id.to_owned() }]);
        }
        let scopes = [(&request.principal, &entry.principal), (&request.resource, &entry.resource)];
        for (uid, scope) in scopes {
            if let Scope::In(group, _) = scope {
                options.extend(self.out_of(uid, group));
            }
        }
        let list = &entry.clauses.list;
        let mut blocks: Vec<usize> = Vec::new();
        for (at, clause) in list.iter().enumerate() {
            let reached = outcomes.outcomes.get(at).is_some_and(|it| *it != Outcome::NotReached);
            match (clause.kind, entry.clauses.term(at)) {
                (ClauseKind::When, Some(term)) if reached => {
                    options.extend(self.expanded(scene.ways(slice, schema, term, false)));
                }
                (ClauseKind::Unless, _) if !blocks.contains(&clause.block) => {
                    blocks.push(clause.block);
                }
                _ => {}
            }
        }
        for block in blocks {
            // All conjuncts of an `unless` have to be true for it to keep the forbid back.
            let terms = numbered(entry, block).filter_map(|at| entry.clauses.term(at));
            let mut ways = vec![Plan::new()];
            for term in terms {
                ways = product(&ways, &self.expanded(scene.ways(slice, schema, term, true)));
            }
            options.extend(ways);
        }
        options.retain(|plan| !plan.is_empty());
        options.truncate(OPTIONS_MAX);
        options
    }

    /// Ways into what a scope names.
    fn scope_entries(&self, uid: &EntityUid, scope: &Scope) -> Vec<Plan> {
        let Scope::In(group, _) = scope else { return Vec::new() };
        let joins = self.doors(uid, group).into_iter();
        joins.map(|parent| vec![Step::Join { entity: uid.clone(), parent }]).collect()
    }

    /// New links of a template, between a group of the principal and a group of the resource, and
    /// ways into the groups of links that are there.
    fn linking(&self, view: &View<'_>, near: &Near<'_>) -> Vec<Plan> {
        let View { request, fitted, .. } = view;
        let mut options = Vec::new();
        let template = &near.entry.id;
        let slot = |scope: &Scope, line: &[EntityNo]| match scope {
            Scope::InSlot => self.narrowest(line),
            Scope::EqSlot => line.first().copied().map(Some).into_iter().collect(),
            // No slot.
            Scope::Any | Scope::Eq(_) | Scope::In(..) => vec![None],
        };
        let named = |no: Option<EntityNo>| no.map(|no| self.store.uid_of(no));
        // What was shared before its time was over is shared again.
        for (_, link) in near.links.iter().filter(|(misfit, _)| *misfit == Misfit::Expired) {
            let (principal, resource) = (named(link.principal), named(link.resource));
            options.push(vec![Step::Link { template: template.clone(), principal, resource }]);
        }
        for resource in slot(&near.entry.resource, &fitted.resource.line) {
            for principal in slot(&near.entry.principal, &fitted.principal.line) {
                let (principal, resource) = (named(principal), named(resource));
                if self.fills(template, principal.as_ref(), resource.as_ref()) {
                    let template = template.clone();
                    options.push(vec![Step::Link { template, principal, resource }]);
                }
            }
        }
        options.truncate(OPTIONS_MAX / 2);
        for (misfit, link) in &near.links {
            let (entity, group) = match misfit {
                Misfit::Principal => (&request.principal, link.principal),
                Misfit::Resource => (&request.resource, link.resource),
                Misfit::Expired => continue,
            };
            let Some(group) = named(group) else { continue };
            let joins = self.doors(entity, &group).into_iter();
            let entity = entity.clone();
            options.extend(joins.map(|parent| vec![Step::Join { entity: entity.clone(), parent }]));
        }
        options
    }

    /// Whether a template takes these in its slots.
    fn fills(
        &self,
        template: &str,
        principal: Option<&EntityUid>,
        resource: Option<&EntityUid>,
    ) -> bool {
        let Some(info) = self.policy(template) else { return false };
        let takes = |annotation: &str, uid: Option<&EntityUid>| {
            let allowed = info.annotations.get(annotation);
            let name = uid.map(|uid| uid.type_name().to_string());
            allowed
                .zip(name)
                .is_none_or(|(allowed, name)| allowed.split(',').any(|other| other.trim() == name))
        };
        takes("slot_principal", principal) && takes("slot_resource", resource)
    }

    /// What an entity is in, those with the fewest members first, itself last.
    fn narrowest(&self, line: &[EntityNo]) -> Vec<Option<EntityNo>> {
        let members = |no: &EntityNo| self.store.children(*no).take(MEMBERS_MAX).count();
        let mut groups: Vec<EntityNo> = line.iter().skip(1).copied().take(COUNTED_MAX).collect();
        groups.sort_by_cached_key(members);
        groups.truncate(SLOTS_MAX);
        groups.extend(line.first());
        groups.into_iter().map(Some).collect()
    }

    /// The steps of ways, each entity's entry into a group by every door.
    fn expanded(&self, ways: Vec<Way>) -> Vec<Plan> {
        let mut plans = Vec::new();
        for way in ways {
            let mut made = vec![Plan::new()];
            for mend in way {
                let options = match mend {
                    Mend::Join { entity, group } => {
                        let doors = self.doors(&entity, &group).into_iter();
                        doors
                            .map(|parent| vec![Step::Join { entity: entity.clone(), parent }])
                            .collect()
                    }
                    Mend::Leave { entity, group } => self.out_of(&entity, &group),
                    Mend::Set { entity, attribute, value, told } => {
                        self.with_kin(entity, attribute, value, told).into_iter().collect()
                    }
                    Mend::Clear { entity, attribute } => {
                        vec![vec![Step::Clear { entity, attribute }]]
                    }
                };
                made = product(&made, &options);
            }
            plans.extend(made);
        }
        plans
    }

    /// An attribute's new value, with what integrity asks then: where the entity has to share the
    /// attribute with its parents, it leaves those that have another value, and what is in it, if
    /// that is little, takes the value too.
    fn with_kin(
        &self,
        entity: EntityUid,
        attribute: String,
        value: Value,
        told: String,
    ) -> Option<Plan> {
        let shares = |uid: &EntityUid| {
            let info = self.rules.schema.entity_type_of(uid);
            info.is_some_and(|info| info.same_as_parents.contains(&attribute))
        };
        let no = self.number_of(&entity)?;
        let mut plan = Plan::new();
        if shares(&entity) {
            for parent in self.store.parents(no) {
                let theirs = self.store.attribute(*parent, &attribute);
                let differs = theirs.is_some_and(|theirs| self.store.value_json(theirs) != value);
                if differs {
                    let parent = self.store.uid_of(*parent);
                    plan.push(Step::Leave { entity: entity.clone(), parent });
                }
            }
        }
        for child in self.store.children(no).take(CHANGED_MAX) {
            let child = self.store.uid_of(child);
            if shares(&child) {
                let (attribute, value, told) = (attribute.clone(), value.clone(), told.clone());
                plan.push(Step::Set { entity: child, attribute, value, told });
            }
        }
        plan.insert(0, Step::Set { entity, attribute, value, told });
        Some(plan)
    }

    /// Groups that an entity could be put into, to be in another: the group itself where the schema
    /// names its type for parents, and groups in it that agree with the entity on what it has to
    /// share with its parents.
    fn doors(&self, entity: &EntityUid, group: &EntityUid) -> Vec<EntityUid> {
        let Some(info) = self.rules.schema.entity_type_of(entity) else { return Vec::new() };
        let (Some(no), Some(goal)) = (self.number_of(entity), self.number_of(group)) else {
            return Vec::new();
        };
        if !self.store.is_stored(no) || entity == group {
            return Vec::new();
        }
        let mut doors: Vec<EntityNo> = Vec::new();
        if info.parents.contains(&group.type_name().to_string()) {
            doors.push(goal);
        }
        for parent in &info.parents {
            let Some(ty) = self.store.type_no(parent) else { continue };
            let shared = info.same_as_parents.iter().find_map(|name| {
                let attribute = self.store.attribute_no(ty, name)?;
                match self.store.attribute(no, name)? {
                    ValueRef::Entity(value) => Some((attribute, value)),
                    _ => None,
                }
            });
            // By what they share where there is such a thing, since a role has many groups.
            let mut alike: Vec<EntityNo> = match shared {
                Some((attribute, value)) => {
                    self.store.referrers(attribute, value).take(GROUPS_LOOKED_AT_MAX).collect()
                }
                None => self.store.children(goal).take(GROUPS_LOOKED_AT_MAX).collect(),
            };
            alike.retain(|it| {
                let leads = || self.standing_of(*it).line.contains(&goal);
                *it != goal && self.store.type_of(*it) == ty && leads()
            });
            alike.sort_by(|one, other| self.store.id_of(*one).cmp(self.store.id_of(*other)));
            doors.extend(alike.into_iter().take(GROUPS_MAX));
        }
        doors.truncate(GROUPS_MAX);
        doors.into_iter().map(|no| self.store.uid_of(no)).collect()
    }

    /// The one way of taking an entity out of a group: out of each parent that leads there.
    fn out_of(&self, entity: &EntityUid, group: &EntityUid) -> Vec<Plan> {
        let (Some(no), Some(goal)) = (self.number_of(entity), self.number_of(group)) else {
            return Vec::new();
        };
        if no == goal {
            return Vec::new();
        }
        let parents = self.store.parents(no).iter();
        let leading = parents.filter(|parent| self.standing_of(**parent).line.contains(&goal));
        let steps: Plan = leading
            .map(|parent| Step::Leave {
                entity: entity.clone(),
                parent: self.store.uid_of(*parent),
            })
            .collect();
        vec![steps]
    }
}

/// The numbers of the clauses of one `unless`.
fn numbered(entry: &Entry, block: usize) -> impl Iterator<Item = usize> {
    let list = entry.clauses.list.iter().enumerate();
    let of_block = list.filter(move |(_, it)| it.kind == ClauseKind::Unless && it.block == block);
    of_block.map(|(at, _)| at)
}

/// Every plan with every option added; none where there is no option.
fn product(plans: &[Plan], options: &[Plan]) -> Vec<Plan> {
    let mut made = Vec::new();
    for plan in plans {
        for option in options {
            if made.len() >= PLANS_MAX {
                return made;
            }
            let mut both = plan.clone();
            both.extend(option.iter().filter(|step| !plan.contains(step)).cloned());
            if cost(&both).0 <= CHANGED_MAX {
                made.push(both);
            }
        }
    }
    made
}
