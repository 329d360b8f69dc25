//! Whether what a store holds fits together: nothing that points nowhere, no cycle, and what
//! `@same_as_parents` in the schema promises. It is asked of everything after a load, and after a
//! change of what the change touches.

use std::collections::HashMap;

use serde_json::Value;

use super::export::value_json;
use super::links::link_of;
use super::loaded::{Places, is_full};
use super::rows::STORED;
use super::source::Part;
use super::{EntityNo, LinkNo, Store, ValueRef};
use crate::engine::compile::References;
use crate::engine::error::{Place, Problem, Problems};
use crate::engine::schema::SchemaInfo;

/// Checks all that was loaded.
pub(super) fn check(
    store: &Store,
    schema: &SchemaInfo,
    allowed: References,
    places: &Places<'_>,
    problems: &mut Problems,
) {
    let place = |no: EntityNo, part: Part<'_>| places.of_entity(no, part);
    if allowed == References::Strict && !places.loaded.blind {
        dangling(store, schema, places, problems);
    }
    let all = || (0..store.rows.len()).map(EntityNo);
    for no in all() {
        same_as_parents(store, no, &place, problems);
    }
    // Whatever has no child is on no cycle, and the rest is few.
    let mut with_children: Vec<EntityNo> =
        store.children.iter().map(|key| EntityNo(key[0])).collect();
    with_children.dedup();
    cycles(store, with_children.into_iter(), &place, problems);
}

/// Every reference to an entity that is not there, in the order of those that hold them.
fn dangling(store: &Store, schema: &SchemaInfo, places: &Places<'_>, problems: &mut Problems) {
    let numbered = (0..).map(EntityNo).zip(store.rows.iter());
    let missing: Vec<EntityNo> = numbered
        .filter(|(no, row)| row.flags & STORED == 0 && !places.loaded.faulty.contains(no))
        .map(|(no, _)| no)
        .filter(|no| schema.action(&store.uid_of(*no)).is_none())
        .collect();
    let mut holders: Vec<EntityNo> = Vec::new();
    let mut links: Vec<LinkNo> = Vec::new();
    for no in &missing {
        holders.extend(store.children(*no));
        holders.extend(store.holders(*no));
        links.extend(store.links_of_principal(Some(*no)));
        links.extend(store.links_of_resource(Some(*no)));
    }
    holders.sort_by_key(|no| places.order(*no));
    holders.dedup();
    let is_missing = |no: EntityNo| missing.binary_search(&no).is_ok();
    for holder in holders {
        let place = |part: Part<'_>| places.of_entity(holder, part);
        dangling_of(store, holder, &is_missing, &place, problems);
    }
    links.sort_unstable();
    links.dedup();
    for link in links {
        let place = |part: Part<'_>| places.of_link(link.0, part);
        dangling_link(store, link, &is_missing, &place, problems);
    }
}

/// The references of one entity to others that are missing.
pub(super) fn dangling_of(
    store: &Store,
    holder: EntityNo,
    is_missing: &dyn Fn(EntityNo) -> bool,
    place: &dyn Fn(Part<'_>) -> Option<Place>,
    problems: &mut Problems,
) {
    let mut report = |role: &str, no: EntityNo, part: Part<'_>| {
        if !is_missing(no) || is_full(problems) {
            return;
        }
        let (holder, no) = (store.uid_of(holder), store.uid_of(no));
        let message = format!("the {role} of `{holder}` is `{no}`, which does not exist");
        problems.push(
            Problem::error("unknown-entity", message)
                .at_some(place(part))
                .hint("add the entity, or load with `--references cedar`"),
        );
    };
    for parent in store.parents(holder) {
        report("parent", *parent, &["parents"]);
    }
    named(store, holder, &mut |name, no| report(&format!("`{name}`"), no, &["attrs", name]));
}

/// Every entity that an entity's attributes and tags name, with the attribute's or tag's name.
pub(super) fn named(store: &Store, holder: EntityNo, found: &mut dyn FnMut(&str, EntityNo)) {
    let attributes = store.attributes(holder).into_iter().flat_map(super::RecordRef::iter);
    let tags = store.tags(holder).into_iter().flat_map(super::TagsRef::iter);
    for (name, value) in attributes.chain(tags) {
        value.entities(&mut |no| found(name, no));
    }
}

/// What a link names and is missing.
pub(super) fn dangling_link(
    store: &Store,
    link: LinkNo,
    is_missing: &dyn Fn(EntityNo) -> bool,
    place: &dyn Fn(Part<'_>) -> Option<Place>,
    problems: &mut Problems,
) {
    let Some(link) = store.links.rows.row(link.0).map(link_of) else { return };
    for (slot, no) in [("?principal", link.principal), ("?resource", link.resource)] {
        let Some(no) = no.filter(|no| is_missing(*no)) else { continue };
        if is_full(problems) {
            continue;
        }
        let uid = store.uid_of(no);
        let message =
            format!("link `{}` fills `{slot}` with `{uid}`, which does not exist", link.id);
        problems.push(
            Problem::error("unknown-entity", message)
                .at_some(place(&["args", slot]))
                .hint("add the entity, or load with `--references cedar`"),
        );
    }
}

/// Whether an entity agrees with its parents on what the schema says they share.
pub(super) fn same_as_parents(
    store: &Store,
    no: EntityNo,
    place: &dyn Fn(EntityNo, Part<'_>) -> Option<Place>,
    problems: &mut Problems,
) {
    let row = store.row(no);
    if row.flags & STORED == 0 || row.nos.is_empty() {
        return;
    }
    let Some(shape) = store.shape_of(&row) else { return };
    for name in &shape.same_as_parents {
        let ours = store.attribute(no, name);
        for parent in row.nos {
            let Some(theirs) = store.attribute(*parent, name) else { continue };
            if ours.is_some_and(|ours| ours.same(theirs)) || is_full(problems) {
                continue;
            }
            let message = format!(
                "`{name}` of `{}` is {}, but its parent `{}` has {}",
                store.uid_of(no),
                shown(store, ours),
                store.uid_of(*parent),
                shown(store, Some(theirs))
            );
            let part: Part<'_> = &["attrs", name];
            let mut problem = Problem::error("same-as-parents", message)
                .at_some(place(no, part))
                .hint("give both the same value, or take it out of that parent, in one change");
            let there = place(*parent, part);
            if let Some(there) = there.filter(|there| Some(there) != problem.place.as_ref()) {
                problem = problem.related("the parent is here", there);
            }
            problems.push(problem);
        }
    }
}

fn shown(store: &Store, value: Option<ValueRef<'_>>) -> String {
    match value {
        None => "missing".to_owned(),
        Some(ValueRef::Entity(no)) => format!("`{}`", store.uid_of(no)),
        Some(value) => match value_json(store, value) {
            Value::String(text) => format!("`{text}`"),
            other => format!("`{other}`"),
        },
    }
}

/// Finds cycles among the ancestors of some entities, without recursion: a chain may be as long as
/// the store. A cycle is reported once.
pub(super) fn cycles(
    store: &Store,
    from: impl Iterator<Item = EntityNo>,
    place: &dyn Fn(EntityNo, Part<'_>) -> Option<Place>,
    problems: &mut Problems,
) {
    // `true`: all above it is known to be free of cycles; `false`: on the path.
    let mut known: HashMap<EntityNo, bool> = HashMap::new();
    for start in from {
        if store.parents(start).is_empty() || known.contains_key(&start) {
            continue;
        }
        known.insert(start, false);
        let mut path = vec![(start, 0)];
        while let Some((no, next)) = path.last_mut() {
            let Some(parent) = store.parents(*no).get(*next).copied() else {
                known.insert(*no, true);
                path.pop();
                continue;
            };
            *next += 1;
            match known.get(&parent) {
                None => {
                    known.insert(parent, false);
                    path.push((parent, 0));
                }
                Some(true) => {}
                Some(false) => {
                    if !is_full(problems) {
                        let place = place(parent, &["parents"]);
                        problems.push(cycle(store, &path, parent).at_some(place));
                    }
                }
            }
        }
    }
}

fn cycle(store: &Store, path: &[(EntityNo, usize)], back_to: EntityNo) -> Problem {
    let from = path.iter().position(|(no, _)| *no == back_to).unwrap_or(0);
    let nos = path.iter().skip(from).map(|(no, _)| *no).chain([back_to]);
    let mut names: Vec<String> = nos.map(|no| format!("`{}`", store.uid_of(no))).collect();
    if names.len() > 8 {
        let hidden = names.len() - 7;
        names.splice(4..names.len() - 3, [format!("{hidden} more")]);
    }
    Problem::error("cycle", format!("parents form a cycle: {}", names.join(" in ")))
        .hint("take one of these parents out; nothing can be below itself")
}
