//! The policies that can concern a request, found by the index and by links, and what they say.

use cedar_policy::EntityUid;

use super::check::{CheckRequest, Validity, Verdicts};
use super::index::{Entry, Scope};
use super::request::{Fitted, Standing};
use super::slice::plain::Sight;
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
    /// When these are the candidates, as far as links expire.
    pub(super) valid: Validity,
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
        let mut candidates = Candidates { statics, ..Candidates::default() };
        if !environment.templates.is_empty() {
            self.matching_links(request, fitted, stored, &mut candidates);
        }
        candidates
    }

    /// The links whose slots are filled with something that principal and resource are or are in.
    fn matching_links(
        &self,
        request: &CheckRequest,
        fitted: &Fitted<'_>,
        stored: bool,
        found: &mut Candidates,
    ) {
        let resources = fitted.resource.line.iter().copied();
        let resources = resources.filter(|number| self.store.names_resource(*number)).map(Some);
        let mut resources: Vec<Option<EntityNo>> = resources.chain([None]).collect();
        resources.sort_unstable_by_key(|resource| resource.map_or(u32::MAX, EntityNo::number));
        let principals = fitted.principal.line.iter().copied();
        let principals = principals.filter(|number| self.store.names_principal(*number)).map(Some);
        for principal in principals.chain([None]) {
            for (resource, link) in self.store.links_among(principal, &resources) {
                self.take_link(request, fitted, stored, link, (principal, resource), found);
            }
        }
    }

    fn take_link(
        &self,
        request: &CheckRequest,
        fitted: &Fitted<'_>,
        stored: bool,
        number: LinkNo,
        (principal, resource): (Option<EntityNo>, Option<EntityNo>),
        found: &mut Candidates,
    ) {
        let Some(link) = self.store.link_of(number) else { return };
        let Some(template) = self.template_of(&link) else { return };
        let Some(satisfiable) = fitted.environment.templates.get(&template) else { return };
        let Some(entry) = self.rules.index.entry(template) else { return };
        let is_permit = entry.effect == cedar_policy::Effect::Permit;
        let never = stored && !satisfiable && is_permit;
        if never
            || !self.matches(&entry.principal, &request.principal, &fitted.principal, principal)
            || !self.matches(&entry.resource, &request.resource, &fitted.resource, resource)
            || found.valid.expired(link.expires_ms, request.now_ms)
        {
            return;
        }
        let templates = &mut found.templates;
        match templates.iter_mut().find(|(known, _)| *known == template) {
            Some((_, links)) => links.push(number),
            None => templates.push((template, vec![number])),
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
            Scope::In(named, place) => {
                let number = self.number_of_named(*place);
                number.is_some_and(|it| standing.line.contains(&it)) || named == uid
            }
            // The line begins with the entity itself, if anything names it.
            Scope::EqSlot => slot.is_some() && standing.line.first().copied() == slot,
            Scope::InSlot => slot.is_some_and(|slot| standing.line.contains(&slot)),
        }
    }

    /// Whether one of these policies may be satisfied or err, as far as can be said without Cedar.
    /// Templates are not looked into.
    pub(super) fn may_be_satisfied(
        &self,
        numbers: &[usize],
        request: &CheckRequest,
        fitted: &Fitted<'_>,
    ) -> bool {
        let sight = self.sight(request, fitted);
        numbers.iter().any(|number| {
            let Some(entry) = self.rules.index.entry(*number) else { return true };
            if entry.template {
                return true;
            }
            self.matches(&entry.principal, &request.principal, &fitted.principal, None)
                && self.matches(&entry.resource, &request.resource, &fitted.resource, None)
                && entry
                    .condition
                    .as_ref()
                    .is_none_or(|condition| condition.is_plainly_satisfied(&sight) != Some(false))
        })
    }

    /// What plain conditions look at.
    fn sight<'a>(&'a self, request: &'a CheckRequest, fitted: &'a Fitted<'a>) -> Sight<'a> {
        Sight {
            store: &self.store,
            schema: &self.rules.schema,
            types: self.rules.ground.types(),
            snapshot: self,
            principal: &fitted.principal,
            action: &request.action,
            resource: &fitted.resource,
            context: fitted.context.as_ref(),
        }
    }

    /// Evaluates the candidates' conditions.
    pub(super) fn evaluate(
        &self,
        request: &CheckRequest,
        fitted: &Fitted<'_>,
        candidates: &Candidates,
    ) -> Verdicts {
        let scene = self.scene(request, fitted);
        let mut verdicts = Verdicts::default();
        let numbers = candidates.statics.iter().copied().map(|number| (number, &[][..]));
        let templates = candidates.templates.iter().map(|(number, links)| (*number, &links[..]));
        let policies: Vec<(&Entry, &[LinkNo])> = numbers
            .chain(templates)
            .filter_map(|(number, links)| Some((self.rules.index.entry(number)?, links)))
            .collect();
        let policies = self.decide_plainly(request, fitted, policies, &mut verdicts);
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

    /// Decides the policies whose conditions are of plain forms; gives back the others.
    fn decide_plainly<'p>(
        &self,
        request: &CheckRequest,
        fitted: &Fitted<'_>,
        policies: Vec<(&'p Entry, &'p [LinkNo])>,
        verdicts: &mut Verdicts,
    ) -> Vec<(&'p Entry, &'p [LinkNo])> {
        // What was sent stands in the place of what is stored.
        if !fitted.sent.is_empty() {
            return policies;
        }
        let sight = self.sight(request, fitted);
        let mut rest = policies;
        rest.retain(|policy| {
            let satisfied = match &policy.0.condition {
                None => Some(true),
                Some(condition) => condition.is_plainly_satisfied(&sight),
            };
            let Some(satisfied) = satisfied else { return true };
            self.note(policy, &Ok(satisfied), verdicts);
            false
        });
        rest
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
