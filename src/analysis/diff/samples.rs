//! Samples of what was found: the first of each kind, then what comes next, with why each is allowed
//! on one side and denied on the other. Which are taken depends on the data alone.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::EntityUid;

use super::Sample;
use super::hunt::{Finding, Hunt};
use crate::engine::compare::{Both, Comparison};
use crate::engine::search::Terms;
use crate::engine::{Code, Snapshot};

/// What a sample is called by: principal, resource and action, each by type and id.
type Name = [(String, String); 3];

/// The samples so far.
#[derive(Default)]
pub(super) struct Samples {
    /// The first of each type of principal, type of resource and action.
    firsts: BTreeMap<(String, String, String), Name>,
    /// The first of all.
    rest: BTreeSet<Name>,
    uids: BTreeMap<(String, String), EntityUid>,
}

// === impl Samples ===

impl Samples {
    /// Notes the first pair of a finding, if it comes before those that are kept.
    pub(super) fn note(
        &mut self,
        comparison: &Comparison<'_>,
        hunt: &Hunt<'_, '_>,
        finding: &Finding,
        most: usize,
    ) {
        let first = |side: bool, class: usize, but: Option<Both>| {
            let members = hunt.classes(side).get(class).into_iter().flat_map(|it| &it.members);
            let others = members.copied().filter(|both| Some(*both) != but);
            others.min_by(|a, b| comparison.id(*a).cmp(comparison.id(*b)))
        };
        let Some(principal) = first(false, finding.principals, None) else { return };
        let is_one_class = hunt.is_one_type() && finding.principals == finding.resources;
        let resource = if finding.is_of_itself {
            Some(principal)
        } else {
            first(true, finding.resources, is_one_class.then_some(principal))
        };
        let group = hunt.pairing.groups.get(finding.group);
        let action = group.and_then(|group| group.actions.first());
        let (Some(resource), Some(action)) = (resource, action) else { return };
        let (Some(principal), Some(resource)) =
            (comparison.uid(principal), comparison.uid(resource))
        else {
            return;
        };
        let uids = [principal, resource, action.clone()];
        let name: Name = uids
            .each_ref()
            .map(|uid| (uid.type_name().to_string(), uid.id().unescaped().to_owned()));
        let [(principal, _), (resource, _), (_, action)] = &name;
        let kind = (principal.clone(), action.clone(), resource.clone());
        let is_first = self.firsts.get(&kind).is_none_or(|other| name < *other);
        let is_among = self.rest.len() < most || self.rest.last().is_some_and(|last| name < *last);
        if is_first || is_among {
            self.uids.extend(name.iter().cloned().zip(uids));
        }
        if is_among {
            self.rest.insert(name.clone());
            if self.rest.len() > most {
                self.rest.pop_last();
            }
        }
        if is_first {
            self.firsts.insert(kind, name);
        }
    }

    /// The samples, with why.
    pub(super) fn explained(
        self,
        allows: &Snapshot,
        other: &Snapshot,
        terms: &Terms,
        most: usize,
    ) -> Vec<Sample> {
        let mut chosen: BTreeSet<Name> = self.firsts.into_values().take(most).collect();
        for name in self.rest {
            if chosen.len() >= most {
                break;
            }
            chosen.insert(name);
        }
        let uid = |name: &(String, String)| self.uids.get(name).cloned();
        let sample = |[principal, resource, action]: &Name| {
            let (principal, resource, action) = (uid(principal)?, uid(resource)?, uid(action)?);
            let request = terms.check(principal.clone(), action.clone(), resource.clone());
            let allowed = allows.check(&request, terms.options);
            let refusal = other.check(&request, terms.options);
            let (denied, denied_by) = match refusal {
                Ok(answer) => (answer.code, answer.reason),
                Err(_) => (Code::InvalidRequest, Vec::new()),
            };
            let allowed_by = allowed.map(|answer| answer.reason).unwrap_or_default();
            Some(Sample { principal, action, resource, allowed_by, denied, denied_by })
        };
        chosen.iter().filter_map(sample).collect()
    }
}
