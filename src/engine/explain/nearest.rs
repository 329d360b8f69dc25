//! The permits that came nearest to permitting, by how many of their clauses do not hold.

use super::told::expires;
use super::{Misfit, NearLink, NearMiss, View};
use crate::engine::check::Validity;
use crate::engine::clauses::{ClauseKind, Outcome, Slots};
use crate::engine::index::{Entry, Scope};
use crate::engine::snapshot::Snapshot;
use crate::engine::store::{EntityNo, LinkNo, LinkRef};
use cedar_policy::Effect;

/// How many permits are looked at.
const PERMITS_MAX: usize = 512;
/// How many links are looked at for each entity that principal or resource are or are in.
const LINKS_EACH_MAX: usize = 64;
/// How many links are looked at in all, for each template.
const LINKS_MAX: usize = 512;
/// How many permits are told.
const TOLD_MAX: usize = 3;
/// How many links that fit in part are told of a template.
const LINKS_TOLD_MAX: usize = 3;

/// A permit that could permit the request, and what keeps it from doing so.
pub(super) struct Near<'a> {
    pub(super) number: usize,
    pub(super) entry: &'a Entry,
    pub(super) unmet: Vec<Unmet>,
    /// Links that fit in part.
    pub(super) links: Vec<(Misfit, LinkRef<'a>)>,
    /// What each clause comes to by itself.
    outcomes: Vec<Outcome>,
}

/// What keeps a permit from permitting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unmet {
    /// The principal's part of the scope, which has no slot.
    Principal,
    /// The resource's part of the scope, which has no slot.
    Resource,
    /// No link of the template fits.
    Link,
    /// A conjunct of a `when`, by its number among the clauses.
    Term(usize),
    /// All conjuncts of an `unless`, by the number of the block.
    Block(usize),
}

// === impl Unmet ===

impl Unmet {
    /// The first clause, in the order of evaluation, that it is about.
    fn clause(self, near: &Near<'_>) -> usize {
        match self {
            Self::Principal => 0,
            Self::Resource => 2,
            Self::Link => {
                let is_filled = |it: &(Misfit, LinkRef<'_>)| it.0 == Misfit::Resource;
                let has_slot = matches!(near.entry.principal, Scope::EqSlot | Scope::InSlot);
                if has_slot && !near.links.iter().any(is_filled) { 0 } else { 2 }
            }
            Self::Term(number) => number,
            Self::Block(block) => {
                let list = &near.entry.clauses.list;
                let is_of = |it: &crate::engine::clauses::Clause| {
                    it.kind == ClauseKind::Unless && it.block == block
                };
                list.iter().position(is_of).unwrap_or_default()
            }
        }
    }
}

// === impl Near ===

impl Near<'_> {
    /// Whether a link would fit, were its time not over.
    fn is_over(&self) -> bool {
        let best = self.links.first();
        self.unmet.contains(&Unmet::Link) && best.is_some_and(|best| best.0 == Misfit::Expired)
    }
}

// === impl Snapshot ===

impl Snapshot {
    /// The permits that are about requests of this action and these types, the nearest first.
    pub(super) fn near<'a>(&'a self, view: &View<'a>) -> Vec<Near<'a>> {
        let environment = view.fitted.environment;
        let stored = view.fitted.principal.stored && view.fitted.resource.stored;
        let statics = if stored { &environment.satisfiable } else { &environment.matching };
        let templates = environment.templates.iter();
        // What the validator knows to be false for these types no data makes true.
        let templates = templates.filter(|(_, satisfiable)| !stored || **satisfiable);
        let mut numbers: Vec<usize> =
            statics.iter().copied().chain(templates.map(|(number, _)| *number)).collect();
        numbers.sort_unstable();
        let entries = numbers.into_iter().filter_map(|number| {
            let entry = self.rules.index.entry(number)?;
            (entry.effect == Effect::Permit).then_some((number, entry))
        });
        let near = entries.take(PERMITS_MAX).map(|(number, entry)| self.held(view, number, entry));
        let mut near: Vec<Near<'_>> = near.collect();
        near.sort_by_key(|it| (it.unmet.len(), it.number));
        near
    }

    /// Those that are told.
    pub(super) fn nearest(&self, view: &View<'_>, near: &[Near<'_>]) -> Vec<NearMiss> {
        near.iter().take(TOLD_MAX).filter_map(|it| self.near_told(view, it)).collect()
    }

    fn near_told(&self, view: &View<'_>, near: &Near<'_>) -> Option<NearMiss> {
        let info = self.rules.policies.infos.get(near.number)?;
        let number = near.unmet.iter().map(|unmet| unmet.clause(near)).min()?;
        let outcome = near.outcomes.get(number).cloned()?;
        // The link that fits best says what the slot would have had to be.
        let best = near.links.first().map(|(_, link)| Slots::of(link)).unwrap_or_default();
        let only_time = near.is_over() && number <= 2;
        let failed = if only_time {
            None
        } else {
            Some(self.clause_told(view, near.entry, best, number, outcome)?)
        };
        let links = near.links.iter().take(LINKS_TOLD_MAX);
        Some(NearMiss {
            policy: self.introduced(info, None),
            failed,
            unmet: near.unmet.len(),
            needs_link: near.unmet.contains(&Unmet::Link),
            links: links.map(|(misfit, link)| self.link_told(*misfit, link)).collect(),
        })
    }

    fn link_told(&self, misfit: Misfit, link: &LinkRef<'_>) -> NearLink {
        let named = |no: EntityNo| self.store.uid_of(no).to_string();
        NearLink {
            id: link.id.to_owned(),
            principal: link.principal.map(named),
            resource: link.resource.map(named),
            expires: expires(link.expires_ms),
            misfit,
        }
    }

    /// What keeps one permit from permitting.
    fn held<'a>(&'a self, view: &View<'a>, number: usize, entry: &'a Entry) -> Near<'a> {
        let View { request, fitted, .. } = view;
        let [principal, _, resource] = self.scope_parts(request, fitted, entry, Slots::default());
        let is_slot = |scope: &Scope| matches!(scope, Scope::EqSlot | Scope::InSlot);
        let (by_principal, by_resource) = (is_slot(&entry.principal), is_slot(&entry.resource));
        let mut unmet = Vec::new();
        let mut links = Vec::new();
        let mut fits = !entry.template;
        if entry.template {
            (fits, links) = self.links_near(view, number, entry);
        }
        if !by_principal && !principal {
            unmet.push(Unmet::Principal);
        }
        if !fits {
            unmet.push(Unmet::Link);
        }
        if !by_resource && !resource {
            unmet.push(Unmet::Resource);
        }
        let scope = [by_principal && fits || principal, true, by_resource && fits || resource];
        let mut outcomes: Vec<Outcome> = scope.into_iter().map(Outcome::of).collect();
        outcomes.extend(view.scene.each(&view.slice, entry.clauses.steps()));
        let list = &entry.clauses.list;
        for (at, (clause, outcome)) in list.iter().zip(&outcomes).enumerate() {
            match clause.kind {
                ClauseKind::When if *outcome != Outcome::Satisfied => unmet.push(Unmet::Term(at)),
                ClauseKind::Unless => {
                    let block = Unmet::Block(clause.block);
                    let of_block = list.iter().zip(&outcomes).filter(|(it, _)| {
                        it.kind == ClauseKind::Unless && it.block == clause.block
                    });
                    // Up to the first that is false, what is true or errs keeps the permit back.
                    let blocks = of_block
                        .take_while(|(_, outcome)| outcome.message().is_none())
                        .all(|(_, outcome)| *outcome == Outcome::Satisfied);
                    if blocks && !unmet.contains(&block) {
                        unmet.push(block);
                    }
                }
                _ => {}
            }
        }
        Near { number, entry, unmet, links, outcomes }
    }

    /// Whether a link of a template fits, and those that fit in part, the best first.
    fn links_near<'a>(
        &'a self,
        view: &View<'_>,
        template: usize,
        entry: &Entry,
    ) -> (bool, Vec<(Misfit, LinkRef<'a>)>) {
        let View { request, fitted, .. } = view;
        let (store, limit) = (&self.store, LINKS_EACH_MAX);
        let principals = fitted.principal.line.iter().copied().map(Some).chain([None]);
        let resources = fitted.resource.line.iter().copied().map(Some).chain([None]);
        let of_resources = resources.clone();
        let mut ordered: Vec<Option<EntityNo>> = resources.collect();
        ordered.sort_unstable_by_key(|resource| resource.map_or(u32::MAX, EntityNo::number));
        let ordered = &ordered;
        let both = principals
            .clone()
            .flat_map(|no| store.links_among(no, ordered).map(|(_, link)| link).take(limit));
        let of_principals = principals.flat_map(|no| store.links_of_principal(no).take(limit));
        let of_resources = of_resources.flat_map(|no| store.links_of_resource(no).take(limit));
        let mut fits = false;
        let mut seen: Vec<LinkNo> = Vec::new();
        let mut near: Vec<(Misfit, LinkRef<'_>)> = Vec::new();
        for number in both.chain(of_principals).chain(of_resources).take(LINKS_MAX) {
            let Some(link) = store.link_of(number) else { continue };
            if self.template_of(&link) != Some(template) || seen.contains(&number) {
                continue;
            }
            seen.push(number);
            let [principal, _, resource] =
                self.scope_parts(request, fitted, entry, Slots::of(&link));
            let expired = Validity::default().expired(link.expires_ms, request.now_ms);
            let misfit = match (principal, resource) {
                (true, true) if !expired => {
                    fits = true;
                    continue;
                }
                (true, true) => Misfit::Expired,
                _ if expired => continue,
                (true, false) => Misfit::Resource,
                (false, true) => Misfit::Principal,
                (false, false) => continue,
            };
            near.push((misfit, link));
        }
        near.sort_by(|(one, a), (other, b)| one.cmp(other).then_with(|| a.id.cmp(b.id)));
        (fits, near)
    }
}
