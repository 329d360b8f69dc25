//! Links that give nothing: expired ones, ones that name what is not there, and templates that
//! nobody links.

use std::collections::BTreeSet;

use cedar_policy::SlotId;
use jiff::Timestamp;
use serde_json::value::RawValue;

use super::Subject;
use crate::engine::bundle::Text;
use crate::engine::error::{PROBLEMS_MAX, Place, Problem, Problems, Severity};
use crate::engine::spelling;
use crate::engine::store::LinkRef;

/// The annotations of a template that say what its slots take.
const ANNOTATIONS: [&str; 2] = ["slot_principal", "slot_resource"];

/// Tells of links and templates that give nothing.
pub(super) fn judge(subject: &Subject<'_>, found: &mut Problems) {
    let store = subject.snapshot.store();
    let mut linked = BTreeSet::new();
    let mut told = 0;
    for link in store.links().filter_map(|no| store.link_of(no)) {
        linked.insert(store.template_name(link.template));
        for problem in of_link(subject, &link) {
            told += 1;
            if told <= PROBLEMS_MAX {
                found.push(problem.at_some(place(subject, link.id)));
            } else {
                found.count_only(Severity::Warning);
            }
        }
    }
    templates(subject, &linked, found);
}

fn of_link(subject: &Subject<'_>, link: &LinkRef<'_>) -> Vec<Problem> {
    let (store, schema) = (subject.snapshot.store(), &subject.snapshot.rules.schema);
    let mut problems = Vec::new();
    if let Some(expires) = link.expires_ms.filter(|expires| *expires <= subject.now_ms) {
        let at = Timestamp::from_millisecond(expires).map(|at| at.to_string()).unwrap_or_default();
        let message = format!("link `{}` expired at {at} and gives nothing any more", link.id);
        problems.push(
            Problem::warning("expired-link", message).hint("take it out, or give it a later time"),
        );
    }
    for (slot, no) in [("?principal", link.principal), ("?resource", link.resource)] {
        let Some(no) = no.filter(|no| !store.is_stored(*no)) else { continue };
        let uid = store.uid_of(no);
        if schema.action(&uid).is_some() {
            continue;
        }
        let message =
            format!("link `{}` fills `{slot}` with `{uid}`, which does not exist", link.id);
        problems.push(
            Problem::warning("missing-entity", message)
                .hint("add the entity, or take the link out; until then it gives nothing"),
        );
    }
    problems
}

/// Templates that cannot be linked, and those of a kind that nobody links: where one of several that
/// take the same is linked, the others are offers that nobody took up.
fn templates(subject: &Subject<'_>, linked: &BTreeSet<&str>, found: &mut Problems) {
    let rules = &subject.snapshot.rules;
    let schema = &rules.schema;
    let templates = || rules.policies.infos.iter().filter(|info| info.template);
    let slots = |id: &str| -> BTreeSet<SlotId> {
        let template = rules.policies.set.template(&cedar_policy::PolicyId::new(id));
        template.into_iter().flat_map(cedar_policy::Template::slots).cloned().collect()
    };
    for info in templates() {
        let before = found.warning_count();
        let takes = |name: &str| info.annotations.get(name);
        for (annotation, list) in ANNOTATIONS.into_iter().filter_map(|it| Some((it, takes(it)?))) {
            for name in list.split(',').map(str::trim) {
                if schema.entity_type(name).is_some() {
                    continue;
                }
                let message = format!(
                    "`@{annotation}` of template `{}` names the type `{name}`, which the schema \
                     does not declare",
                    info.id
                );
                let at = info.source.find(&format!("@{annotation}"));
                let place = at.map(|at| {
                    let len =
                        info.source.get(at..).and_then(|it| it.find(')')).map_or(1, |it| it + 1);
                    subject.place_in(info, at..at + len)
                });
                let mut problem = Problem::warning("template-slot", message).at_some(place);
                let known = schema.type_names();
                problem.hint = spelling::hint(name, "the schema declares", known);
                found.push(problem);
            }
        }
        // What no link can fill, none fills.
        if found.warning_count() > before {
            continue;
        }
        let alike = |other: &str| {
            let of = |id: &str, name: &str| {
                let info = rules.policies.infos.iter().find(|info| info.id == id);
                info.and_then(|info| info.annotations.get(name))
            };
            slots(other) == slots(&info.id)
                && ANNOTATIONS.iter().all(|name| of(other, name) == of(&info.id, name))
        };
        if !linked.iter().any(|other| *other == info.id || alike(other)) {
            let message = format!("no link fills the template `{}`: it decides nothing", info.id);
            found.push(
                Problem::warning("unlinked-template", message)
                    .at(subject.place_of(info))
                    .hint("links are kept in `links.json` beside the entities"),
            );
        }
    }
}

/// Where a link stands in the texts.
fn place(subject: &Subject<'_>, id: &str) -> Option<Place> {
    let quoted = serde_json::Value::from(id).to_string();
    subject
        .texts
        .links
        .iter()
        .chain(subject.texts.entities.iter().filter(|text| text.is_lines()))
        .find_map(|text| in_text(text, id, &quoted))
}

/// Where the id of a link stands: behind the name of its member.
fn in_text(text: &Text, id: &str, quoted: &str) -> Option<Place> {
    let mut from = 0;
    while let Some(found) = text.text.get(from..)?.find(quoted) {
        let at = from + found;
        let before = text.text.get(..at)?.trim_end();
        if before.strip_suffix(':').is_some_and(|it| it.trim_end().ends_with("\"link_id\"")) {
            return Some(Place::of(&text.name, &text.text, at, quoted.len()));
        }
        from = at + quoted.len();
    }
    // Written with escapes that are not needed.
    let items: Vec<&RawValue> = serde_json::from_str(&text.text).ok()?;
    let is_it = |item: &&&RawValue| {
        let link: Option<serde_json::Value> = serde_json::from_str(item.get()).ok();
        link.is_some_and(|link| link.get("link_id").and_then(serde_json::Value::as_str) == Some(id))
    };
    let item = items.iter().find(is_it)?;
    let at = item.get().as_ptr().addr().checked_sub(text.text.as_ptr().addr())?;
    let len = item.get().lines().next().unwrap_or_default().len();
    Some(Place::of(&text.name, &text.text, at, len))
}
