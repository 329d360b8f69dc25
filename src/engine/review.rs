//! What deserves a look in a snapshot though it was taken: policies that never make a difference,
//! types and actions that nobody uses, links that give nothing. Each finding is a warning, and each
//! is proved from what is there: where it cannot be decided, nothing is said.

mod implied;
mod links;
mod named;
mod unused;

#[cfg(test)]
mod tests;

use std::ops::Range;

use serde_json::Value;

use super::bundle::{Bundle, Text};
use super::error::{Place, Problems};
use super::policies::PolicyInfo;
use super::snapshot::Snapshot;

/// What a review looks at.
struct Subject<'a> {
    snapshot: &'a Snapshot,
    texts: &'a Bundle,
    now_ms: i64,
}

/// Reviews a snapshot. `texts` are what it was compiled from, as far as they are at hand: they only
/// say where things stand. `now_ms` is the time, in milliseconds since 1970. All findings are
/// warnings; those of the compilation are not among them.
pub fn review(snapshot: &Snapshot, texts: &Bundle, now_ms: i64) -> Problems {
    let subject = Subject { snapshot, texts, now_ms };
    let mut found = Problems::default();
    let policies = subject.policies();
    implied::judge(&subject, &policies, &mut found);
    named::judge(&subject, &policies, &mut found);
    unused::judge(&subject, &policies, &mut found);
    links::judge(&subject, &mut found);
    found
}

/// A policy or template, and what Cedar writes of it as JSON.
struct Written<'a> {
    info: &'a PolicyInfo,
    json: Value,
    /// Whether some valid request may satisfy it.
    alive: bool,
}

// === impl Subject ===

impl<'a> Subject<'a> {
    fn policies(&self) -> Vec<Written<'a>> {
        let rules = &self.snapshot.rules;
        let (set, schema) = (&rules.policies.set, &rules.schema.cedar);
        let written = |info: &'a PolicyInfo| {
            let id = cedar_policy::PolicyId::new(&info.id);
            let (json, alive) = match (set.policy(&id), set.template(&id)) {
                (Some(policy), _) => {
                    (policy.to_json(), policy.get_valid_request_envs(schema).next().is_some())
                }
                (None, template) => {
                    let template = template?;
                    (template.to_json(), template.get_valid_request_envs(schema).next().is_some())
                }
            };
            Some(Written { info, json: json.ok()?, alive })
        };
        rules.policies.infos.iter().filter_map(written).collect()
    }

    /// Where a policy stands.
    fn place_of(&self, info: &PolicyInfo) -> Place {
        self.place_in(info, 0..info.source.len())
    }

    /// Where some bytes of a policy's source stand.
    fn place_in(&self, info: &PolicyInfo, part: Range<usize>) -> Place {
        let (start, len) = (part.start, part.len());
        if let Some((text, from)) = self.source_of(info) {
            return Place::of(&text.name, &text.text, from + start, len);
        }
        let before = info.source.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = info.line + before.bytes().filter(|byte| *byte == b'\n').count();
        let rest = info.source.get(line_start..).unwrap_or_default();
        let whole = rest.lines().next().unwrap_or_default();
        Place::in_line(&info.file, line, whole, start - line_start, len)
    }

    /// The text that a policy stands in, and the byte where it begins.
    fn source_of(&self, info: &PolicyInfo) -> Option<(&'a Text, usize)> {
        let text = self.texts.policies.iter().find(|text| text.name == info.file)?;
        let lines = text.text.split_inclusive('\n').take(info.line.saturating_sub(1));
        let line_start: usize = lines.map(str::len).sum();
        let within = text.text.get(line_start..)?.find(&info.source)?;
        Some((text, line_start + within))
    }
}
