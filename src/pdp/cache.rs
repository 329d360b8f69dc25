//! Decisions kept for requests that come again. Off unless configured: a look-up costs a good part
//! of what an evaluation costs, and `docs/performance.md` has the figures.
//!
//! The key is the revision and every part of the request that a decision depends on, compared as
//! typed values. No text is put together and no hash stands for a part, because in other engines
//! such keys let one request have another's answer (CVE-2024-56323, CVE-2026-34972). An answer is
//! kept only when it is whole, and used only while no link that it depends on expires.

use cedar_policy::EntityUid;
use moka::sync::Cache as Kept;
use serde_json::{Map, Value};

use super::Installed;
use crate::engine::check::Undeclared;
use crate::engine::{CheckOptions, CheckRequest, CheckResponse, InvalidRequest};

/// About how many bytes an entry takes beside its texts.
const ENTRY_BYTES: usize = 512;

/// Decisions by request and revision, bounded in bytes.
#[derive(Debug)]
pub(super) struct Cache {
    kept: Kept<Key, CheckResponse>,
}

/// What a decision depends on, beside how this process evaluates, which does not change.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    revision: u64,
    principal: EntityUid,
    action: EntityUid,
    resource: EntityUid,
    context: Map<String, Value>,
    drops_undeclared: bool,
    principal_properties: Option<Map<String, Value>>,
    resource_properties: Option<Map<String, Value>>,
}

// === impl Cache ===

impl Cache {
    /// A cache that holds about so many bytes; none at all if that is zero.
    pub(super) fn new(bytes_max: u64) -> Option<Self> {
        let weigher = |key: &Key, response: &CheckResponse| {
            u32::try_from(key.weight().saturating_add(weight_of(response))).unwrap_or(u32::MAX)
        };
        let kept = Kept::builder().max_capacity(bytes_max).weigher(weigher).build();
        (bytes_max > 0).then_some(Self { kept })
    }

    /// The decision by a snapshot, kept or made.
    pub(super) fn check(
        &self,
        installed: &Installed,
        request: &CheckRequest,
        options: CheckOptions,
    ) -> Result<CheckResponse, InvalidRequest> {
        // Explanations are for people, who ask once.
        if request.explain {
            return installed.snapshot.check(request, options);
        }
        let key = Key::of(installed.revision, request);
        if let Some(response) = self.kept.get(&key)
            && response.valid.holds_at(request.now_ms)
        {
            return Ok(response);
        }
        let response = installed.snapshot.check(request, options)?;
        self.kept.insert(key, response.clone());
        Ok(response)
    }

    /// Lets go of every decision: none of them is of the revision in force any more.
    pub(super) fn clear(&self) {
        self.kept.invalidate_all();
    }
}

// === impl Key ===

impl Key {
    fn of(revision: u64, request: &CheckRequest) -> Self {
        // Taken apart in full, so that a part that is added cannot be forgotten here.
        let CheckRequest {
            principal,
            action,
            resource,
            context,
            undeclared,
            principal_properties,
            resource_properties,
            // When an answer stops to hold is kept with it.
            now_ms: _,
            // Not answered from here.
            explain: _,
        } = request;
        Self {
            revision,
            principal: principal.clone(),
            action: action.clone(),
            resource: resource.clone(),
            context: context.clone(),
            drops_undeclared: *undeclared == Undeclared::Drop,
            principal_properties: principal_properties.clone(),
            resource_properties: resource_properties.clone(),
        }
    }

    fn weight(&self) -> usize {
        let uids = [&self.principal, &self.action, &self.resource];
        let ids: usize = uids.iter().map(|uid| uid.id().unescaped().len()).sum();
        let properties = [&self.principal_properties, &self.resource_properties];
        let maps = properties.into_iter().flatten().chain([&self.context]);
        ENTRY_BYTES + ids + maps.map(weight_of_members).sum::<usize>()
    }
}

fn weight_of(response: &CheckResponse) -> usize {
    let reason = response.reason.iter().map(|id| id.len() + size_of::<String>());
    let errors = response.errors.iter().map(|error| error.policy.len() + error.message.len() + 48);
    let duties = response.duties.advice.iter().chain(&response.duties.obligations);
    let duties = duties.map(|text| text.len() + size_of::<String>());
    reason.chain(errors).chain(duties).sum()
}

fn weight_of_members(members: &Map<String, Value>) -> usize {
    members.iter().map(|(name, value)| 64 + name.len() + weight_of_value(value)).sum()
}

/// About how many bytes a value takes. It is no deeper than a body may be nested.
fn weight_of_value(value: &Value) -> usize {
    size_of::<Value>()
        + match value {
            Value::String(text) => text.len(),
            Value::Array(items) => items.iter().map(weight_of_value).sum(),
            Value::Object(members) => weight_of_members(members),
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        }
}

#[cfg(test)]
mod tests;
