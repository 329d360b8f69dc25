//! What policies ask of whoever enforces a decision: the annotations `@advice` and `@obligation` of
//! the policies that determined it. Advice may be followed; a caller that does not know what an
//! obligation asks has to deny.

use super::check::CheckResponse;
use super::hash::HashMap;
use super::policies::PolicyInfo;
use super::snapshot::Snapshot;

/// The annotation whose text is advice.
const ADVICE: &str = "advice";
/// The annotation whose text is an obligation.
const OBLIGATION: &str = "obligation";

/// What comes with a decision.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Duties {
    /// What the caller may do, in the order of the determining policies, each once.
    pub advice: Vec<String>,
    /// What the caller must do, in the same way.
    pub obligations: Vec<String>,
}

/// The duties of each policy or template that has any, by its id.
#[derive(Debug, Default)]
pub(super) struct DutiesById(HashMap<String, Duties>);

// === impl Duties ===

impl Duties {
    fn add(&mut self, other: &Self) {
        let add = |to: &mut Vec<String>, from: &[String]| {
            for text in from {
                if !to.contains(text) {
                    to.push(text.clone());
                }
            }
        };
        add(&mut self.advice, &other.advice);
        add(&mut self.obligations, &other.obligations);
    }
}

// === impl DutiesById ===

impl DutiesById {
    pub(super) fn new(policies: &[PolicyInfo]) -> Self {
        let duties = |info: &PolicyInfo| {
            let texts = |name| info.annotations.get(name).cloned().into_iter().collect();
            let duties = Duties { advice: texts(ADVICE), obligations: texts(OBLIGATION) };
            (duties != Duties::default()).then(|| (info.id.clone(), duties))
        };
        Self(policies.iter().filter_map(duties).collect())
    }
}

// === impl Snapshot ===

impl Snapshot {
    /// The duties of the policies that determined a decision; a link has those of its template.
    /// Where no policy has any, this costs nothing.
    pub(super) fn duties(&self, response: &CheckResponse) -> Duties {
        let DutiesById(by_id) = &self.rules.duties;
        let mut duties = Duties::default();
        if by_id.is_empty() {
            return duties;
        }
        for id in &response.reason {
            let link = self.store.link(id);
            let id = link.map_or(id.as_str(), |link| self.store.template_name(link.template));
            if let Some(of_policy) = by_id.get(id) {
                duties.add(of_policy);
            }
        }
        duties
    }
}
