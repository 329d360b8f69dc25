//! Why a decision came out as it did, for people: the policies that determined it, where they
//! stand, what their authors say of them, and what the slots of a link name.

use std::collections::BTreeMap;

use super::check::{CheckRequest, Code};
use super::snapshot::Snapshot;
use super::store::{EntityNo, LinkRef};

/// Why a decision came out as it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// One sentence.
    pub summary: String,
    /// The determining policies, and those that could not be evaluated where they denied.
    pub policies: Vec<ExplainedPolicy>,
}

/// One policy of an explanation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainedPolicy {
    /// Its id; a link's is its link id.
    pub id: String,
    /// `permit` or `forbid`.
    pub effect: String,
    /// The template, where the policy is a link.
    pub template: Option<String>,
    /// The text that it or its template stands in.
    pub file: String,
    /// The line there, from 1.
    pub line: usize,
    /// The comment above it.
    pub why: Option<String>,
    /// Its annotations, `@id` left out; a link's own come over its template's.
    pub annotations: BTreeMap<String, String>,
    /// What fills the principal slot of a link.
    pub principal: Option<String>,
    /// What fills the resource slot of a link.
    pub resource: Option<String>,
}

impl Snapshot {
    /// Explains a decision of this snapshot: `policies` are the ids that determined it, or that
    /// erred where that denied.
    pub fn explain(&self, request: &CheckRequest, code: Code, policies: &[String]) -> Explanation {
        let policies = policies.iter().filter_map(|id| self.explained(id)).collect();
        Explanation { summary: summary(request, code), policies }
    }

    fn explained(&self, id: &str) -> Option<ExplainedPolicy> {
        let info = self.policy(id)?;
        let link = self.store.link(id);
        let named = |number: EntityNo| self.store.uid_of(number).to_string();
        let mut annotations = info.annotations.clone();
        annotations.remove("id");
        for (name, value) in link.iter().flat_map(LinkRef::annotations) {
            annotations.insert(name.to_owned(), value.to_owned());
        }
        Some(ExplainedPolicy {
            id: id.to_owned(),
            effect: info.effect.to_string(),
            template: link.map(|link| self.store.template_name(link.template).to_owned()),
            file: info.file.clone(),
            line: info.line,
            why: info.comment.clone(),
            annotations,
            principal: link.and_then(|link| link.principal).map(named),
            resource: link.and_then(|link| link.resource).map(named),
        })
    }
}

fn summary(request: &CheckRequest, code: Code) -> String {
    let CheckRequest { principal, action, resource, .. } = request;
    let action = action.id().unescaped();
    match code {
        Code::Allow => {
            format!(
                "{principal} may {action} {resource}: a permit says so, and no forbid speaks against it"
            )
        }
        Code::NoPermit => {
            format!(
                "no permit lets {principal} {action} {resource}; what nothing permits is denied"
            )
        }
        Code::Forbidden => {
            format!("a forbid denies {action} on {resource} to {principal}, whatever is permitted")
        }
        Code::ForbidError => format!(
            "a forbid could not be evaluated for {principal}, {action} and {resource}; it may forbid, so this is denied"
        ),
        Code::UnknownPrincipal => format!("the snapshot does not hold {principal}"),
        Code::UnknownResource => format!("the snapshot does not hold {resource}"),
        // The codes of requests that no policy was asked about.
        _ => "the request was not decided".to_owned(),
    }
}
