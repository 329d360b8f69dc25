//! Whether entities fit together: no uid twice, nothing that points nowhere, no cycle, and what
//! `@same_as_parents` in the schema promises. Every offender is named, up to the bound of a list.

use std::collections::HashMap;

use cedar_policy::EntityUid;

use super::entities::Loaded;
use super::error::{Problem, Problems};
use super::schema::SchemaInfo;

/// Checks all of them together. `missing_allowed` leaves out the question whether every uid exists.
pub(super) fn check(
    loaded: &[Loaded],
    schema: &SchemaInfo,
    missing_allowed: bool,
    problems: &mut Problems,
) {
    let numbers = number(loaded, problems);
    if !missing_allowed {
        for entity in loaded {
            references(entity, &numbers, schema, problems);
        }
    }
    for entity in loaded {
        same_as_parents(entity, loaded, &numbers, schema, problems);
    }
    cycles(loaded, &numbers, problems);
}

fn number<'a>(loaded: &'a [Loaded], problems: &mut Problems) -> HashMap<&'a EntityUid, usize> {
    let mut numbers: HashMap<&EntityUid, usize> = HashMap::with_capacity(loaded.len());
    for (index, entity) in loaded.iter().enumerate() {
        if let Some(first) = numbers.get(&entity.uid).and_then(|first| loaded.get(*first)) {
            let message = format!(
                "`{}` is there twice; the other is at {}:{}",
                entity.uid, first.place.name, first.place.line
            );
            problems.push(Problem::error("duplicate-entity", message).at(entity.place.clone()));
        } else {
            numbers.insert(&entity.uid, index);
        }
    }
    numbers
}

fn references(
    entity: &Loaded,
    numbers: &HashMap<&EntityUid, usize>,
    schema: &SchemaInfo,
    problems: &mut Problems,
) {
    let missing = |uid: &EntityUid| !numbers.contains_key(uid) && schema.action(uid).is_none();
    let parents = entity.parents.iter().map(|parent| ("parent".to_owned(), parent));
    let attributes = entity.references.iter().map(|(name, uid)| (format!("`{name}`"), uid));
    for (role, uid) in parents.chain(attributes) {
        if missing(uid) {
            let message = format!("the {role} of `{}` is `{uid}`, which does not exist", entity.uid);
            problems.push(
                Problem::error("unknown-entity", message)
                    .at(entity.place.clone())
                    .hint("add the entity, or load with `--references cedar`"),
            );
        }
    }
}

fn same_as_parents(
    entity: &Loaded,
    loaded: &[Loaded],
    numbers: &HashMap<&EntityUid, usize>,
    schema: &SchemaInfo,
    problems: &mut Problems,
) {
    let Some(entity_type) = schema.entity_type(&entity.uid.type_name().to_string()) else { return };
    for attribute in &entity_type.same_as_parents {
        for parent in &entity.parents {
            let Some(parent) = numbers.get(parent).and_then(|number| loaded.get(*number)) else {
                continue;
            };
            let theirs = parent.attributes.get(attribute);
            let ours = entity.attributes.get(attribute);
            if theirs.is_some() && ours != theirs {
                let show = |value: Option<&serde_json::Value>| match value {
                    Some(serde_json::Value::String(text)) => format!("`{text}`"),
                    Some(other) => format!("`{other}`"),
                    None => "missing".to_owned(),
                };
                let message = format!(
                    "`{attribute}` of `{}` is {}, but its parent `{}` has {}",
                    entity.uid,
                    show(ours),
                    parent.uid,
                    show(theirs)
                );
                problems.push(
                    Problem::error("same-as-parents", message)
                        .at(entity.place.clone())
                        .hint("take the entity out of the group, or give both the same value, in one change"),
                );
            }
        }
    }
}

/// Finds cycles by walking parents without recursion: a chain may be as long as the snapshot.
fn cycles(loaded: &[Loaded], numbers: &HashMap<&EntityUid, usize>, problems: &mut Problems) {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        New,
        Open,
        Done,
    }
    let parents: Vec<Vec<usize>> = loaded
        .iter()
        .map(|entity| entity.parents.iter().filter_map(|uid| numbers.get(uid).copied()).collect())
        .collect();
    let mut states = vec![State::New; loaded.len()];
    for start in 0..loaded.len() {
        if states.get(start) != Some(&State::New) {
            continue;
        }
        let mut path = vec![(start, 0_usize)];
        while let Some((node, next)) = path.last_mut() {
            let node = *node;
            if let Some(state) = states.get_mut(node) {
                *state = State::Open;
            }
            let Some(parent) = parents.get(node).and_then(|list| list.get(*next)).copied() else {
                if let Some(state) = states.get_mut(node) {
                    *state = State::Done;
                }
                path.pop();
                continue;
            };
            *next += 1;
            match states.get(parent) {
                Some(State::New) => path.push((parent, 0)),
                Some(State::Open) => {
                    problems.push(cycle(loaded, &path, parent));
                    return;
                }
                _ => {}
            }
        }
    }
}

fn cycle(loaded: &[Loaded], path: &[(usize, usize)], back_to: usize) -> Problem {
    let from = path.iter().position(|(node, _)| *node == back_to).unwrap_or(0);
    let mut names: Vec<String> = path
        .iter()
        .skip(from)
        .chain(std::iter::once(&(back_to, 0)))
        .filter_map(|(node, _)| loaded.get(*node))
        .map(|entity| format!("`{}`", entity.uid))
        .collect();
    if names.len() > 8 {
        let hidden = names.len() - 7;
        names.splice(4..names.len() - 3, [format!("{hidden} more")]);
    }
    let message = format!("parents form a cycle: {}", names.join(" in "));
    let problem = Problem::error("cycle", message);
    match loaded.get(back_to) {
        Some(entity) => problem.at(entity.place.clone()),
        None => problem,
    }
}
