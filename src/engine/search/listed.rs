//! Checks of a list of resources that have all else in common, which is looked at once for all of
//! one type: action, context, and the principal with its ancestors.

use cedar_policy::{EntityTypeName, EntityUid};

use super::super::check::{CheckRequest, CheckResponse, InvalidRequest};
use super::super::request::Fitted;
use super::super::snapshot::Snapshot;
use super::Terms;

/// What the checks of a list have in common.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Who asks.
    pub principal: EntityUid,
    /// What they want to do.
    pub action: EntityUid,
    /// What else. Properties of the resource are none of it, because there are many resources.
    pub terms: Terms,
}

// === impl Snapshot ===

impl Snapshot {
    /// Decides on each resource as a check does, in their order.
    pub fn check_each(
        &self,
        listed: &Listed,
        resources: &[EntityUid],
    ) -> Vec<Result<CheckResponse, InvalidRequest>> {
        let options = listed.terms.options;
        let mut kept: Option<(EntityTypeName, CheckRequest, Fitted<'_>)> = None;
        let decide = |resource: &EntityUid| {
            if let Some((type_name, request, fitted)) = &mut kept
                && type_name == resource.type_name()
            {
                request.resource = resource.clone();
                fitted.resource = self.standing(resource);
                return Ok(self.decide(request, options, fitted));
            }
            let (principal, action) = (listed.principal.clone(), listed.action.clone());
            let mut request = listed.terms.check(principal, action, resource.clone());
            request.resource_properties = None;
            let fitted = self.fit(&request, options.request_properties)?;
            let answer = self.decide(&request, options, &fitted);
            // Of a type whose ids are listed in the schema, each id has to be judged.
            let judged = self.rules.schema.entity_type_of(resource);
            let shared = judged.is_some_and(|of| of.enumerated.is_none()) && fitted.sent.is_empty();
            kept = shared.then(|| (resource.type_name().clone(), request, fitted));
            Ok(answer)
        };
        resources.iter().map(decide).collect()
    }
}
