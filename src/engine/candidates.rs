//! The policies that can concern a request, found by the index and by links, and what they say.

use cedar_policy::EntityUid;

use super::check::{CheckRequest, Verdicts};
use super::index::{Entry, Scope};
use super::request::{Fitted, Standing};
use super::slice::Scene;
use super::snapshot::Snapshot;
use super::store::{EntityNo, LinkNo};

/// Policies whose scope matches the request.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    /// Static policies, by their number in the index.
    statics: Vec<usize>,
    /// Templates with the links of each that match. A template's condition has no slots, so it is
    /// evaluated once for all of them.
    templates: Vec<(usize, Vec<LinkNo>)>,
}

impl Snapshot {
    pub(super) fn candidates(&self, request: &CheckRequest, fitted: &Fitted<'_>) -> Candidates {
        let stored = fitted.principal.stored && fitted.resource.stored;
        // What the validator knows holds for entities that conform, and of those only stored ones
        // are known to.
        let environment = fitted.environment;
        let statics = if stored { &environment.satisfiable } else { &environment.matching };
        let matching = |number: &usize| {
            let Some(entry) = self.rules.index.entry(*number) else { return false };
            self.matches(&entry.principal, &request.principal, &fitted.principal, None)
                && self.matches(&entry.resource, &request.resource, &fitted.resource, None)
        };
        let statics = statics.iter().copied().filter(matching).collect();
        let templates = if environment.templates.is_empty() {
            Vec::new()
        } else {
            self.matching_links(request, fitted, stored)
        };
        Candidates { statics, templates }
    }

    /// The links whose slots are filled with something that principal and resource are or are in.
    fn matching_links(
        &self,
        request: &CheckRequest,
        fitted: &Fitted<'_>,
        stored: bool,
    ) -> Vec<(usize, Vec<LinkNo>)> {
        let mut found: Vec<(usize, Vec<LinkNo>)> = Vec::new();
        let principals = fitted.principal.line.iter().copied();
        let principals = principals.filter(|number| self.store.names_principal(*number)).map(Some);
        for principal in principals.chain([None]) {
            let resources = fitted.resource.line.iter().copied();
            let resources = resources.filter(|number| self.store.names_resource(*number)).map(Some);
            for resource in resources.chain([None]) {
                for link in self.store.links_between(principal, resource) {
                    self.take_link(
                        request,
                        fitted,
                        stored,
                        link,
                        (principal, resource),
                        &mut found,
                    );
                }
            }
        }
        found
    }

    fn take_link(
        &self,
        request: &CheckRequest,
        fitted: &Fitted<'_>,
        stored: bool,
        number: LinkNo,
        (principal, resource): (Option<EntityNo>, Option<EntityNo>),
        found: &mut Vec<(usize, Vec<LinkNo>)>,
    ) {
        let Some(link) = self.store.link_of(number) else { return };
        let Some(template) = self.template_of(&link) else { return };
        let Some(satisfiable) = fitted.environment.templates.get(&template) else { return };
        let Some(entry) = self.rules.index.entry(template) else { return };
        let is_permit = entry.effect == cedar_policy::Effect::Permit;
        let never = stored && !satisfiable && is_permit;
        let expired = link.expires_ms.is_some_and(|at| at <= request.now_ms);
        if never
            || expired
            || !self.matches(&entry.principal, &request.principal, &fitted.principal, principal)
            || !self.matches(&entry.resource, &request.resource, &fitted.resource, resource)
        {
            return;
        }
        match found.iter_mut().find(|(known, _)| *known == template) {
            Some((_, links)) => links.push(number),
            None => found.push((template, vec![number])),
        }
    }

    /// Whether a scope matches an entity, given what fills its slot.
    pub(super) fn matches(
        &self,
        scope: &Scope,
        uid: &EntityUid,
        standing: &Standing,
        slot: Option<EntityNo>,
    ) -> bool {
        match scope {
            Scope::Any => true,
            Scope::Eq(named) => named == uid,
            Scope::In(named) => {
                named == uid || self.number_of(named).is_some_and(|it| standing.line.contains(&it))
            }
            // The line begins with the entity itself, if anything names it.
            Scope::EqSlot => slot.is_some() && standing.line.first().copied() == slot,
            Scope::InSlot => slot.is_some_and(|slot| standing.line.contains(&slot)),
        }
    }

    /// Evaluates the candidates' conditions.
    pub(super) fn evaluate(
        &self,
        request: &CheckRequest,
        fitted: &Fitted<'_>,
        candidates: &Candidates,
    ) -> Verdicts {
        let scene = Scene {
            store: &self.store,
            ground: &self.rules.ground,
            principal: (&request.principal, fitted.principal.number()),
            action: &request.action,
            resource: (&request.resource, fitted.resource.number()),
            context: fitted.context.as_ref(),
            sent: &fitted.sent,
        };
        let mut verdicts = Verdicts::default();
        let numbers = candidates.statics.iter().copied().map(|number| (number, &[][..]));
        let templates = candidates.templates.iter().map(|(number, links)| (*number, &links[..]));
        let policies: Vec<(&Entry, &[LinkNo])> = numbers
            .chain(templates)
            .filter_map(|(number, links)| Some((self.rules.index.entry(number)?, links)))
            .collect();
        if policies.is_empty() {
            return verdicts;
        }
        let mut erring = Vec::new();
        let slice = scene.slice(&fitted.environment.needs);
        let conditions = policies.iter().map(|policy| (policy, policy.0.condition.as_ref()));
        scene.evaluate(&slice, conditions, |policy, satisfied| match satisfied {
            Ok(_) => self.note(policy, &satisfied, &mut verdicts),
            Err(_) => erring.push(policy),
        });
        if !erring.is_empty() {
            // Messages of errors tell which attributes there are, so all of them have to be there.
            let slice = scene.whole_slice(&fitted.environment.needs);
            let conditions = erring.into_iter().map(|policy| (policy, policy.0.condition.as_ref()));
            scene.evaluate(&slice, conditions, |policy, satisfied| {
                self.note(policy, &satisfied, &mut verdicts);
            });
        }
        verdicts
    }

    fn note(
        &self,
        (entry, links): &(&Entry, &[LinkNo]),
        satisfied: &Result<bool, String>,
        verdicts: &mut Verdicts,
    ) {
        if entry.template {
            let named = links.iter().filter_map(|link| self.store.link_of(*link));
            let ids: Vec<&str> = named.map(|link| link.id).collect();
            verdicts.note(entry.effect, &ids, satisfied);
        } else {
            verdicts.note(entry.effect, &[&entry.id], satisfied);
        }
    }
}
