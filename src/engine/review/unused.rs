//! What the schema declares and nobody uses: entity types that nothing leads to, and actions that no
//! policy permits. Attributes that no policy reads are left alone: they are what entities are, and
//! whoever searches or audits reads them.

use std::collections::BTreeSet;

use cedar_policy::EntityUid;

use super::{Subject, Written, named};
use crate::engine::error::{Place, Problem, Problems};
use crate::engine::gate;
use crate::engine::schema::{Record, SchemaInfo, Type};

/// Tells of entity types and actions that nobody uses.
pub(super) fn judge(subject: &Subject<'_>, policies: &[Written<'_>], found: &mut Problems) {
    types(subject, policies, found);
    actions(subject, found);
}

fn types(subject: &Subject<'_>, policies: &[Written<'_>], found: &mut Problems) {
    let (schema, store) = (&subject.snapshot.rules.schema, subject.snapshot.store());
    let mut used: BTreeSet<String> = BTreeSet::new();
    for (_, action) in schema.actions() {
        used.extend(action.principals.iter().chain(&action.resources).cloned());
        record(&action.context, &mut used);
    }
    for policy in policies {
        let mut of_policy = BTreeSet::new();
        named::types(&policy.json, &mut of_policy);
        used.extend(of_policy.into_iter().map(str::to_owned));
        let lists = policy.info.annotations.iter();
        for (_, list) in lists.filter(|(name, _)| name.starts_with("slot_")) {
            used.extend(list.split(',').map(|name| name.trim().to_owned()));
        }
    }
    let stored = store.types().filter(|ty| store.count_of(*ty) > 0);
    used.extend(stored.map(|ty| store.type_name(ty).to_owned()));
    follow(schema, &mut used);
    for name in schema.type_names() {
        if used.contains(name) {
            continue;
        }
        let message = format!(
            "nothing uses the entity type `{name}`: no action applies to it, no policy names it, \
             and no entity is of it"
        );
        let problem = Problem::warning("unused-type", message)
            .at_some(declaration(subject, "entity", name))
            .hint("take it out of the schema, or let an action apply to it");
        found.push(problem);
    }
}

/// Adds what the types that are used lead to: what their attributes and tags hold, and what they
/// are in.
fn follow(schema: &SchemaInfo, used: &mut BTreeSet<String>) {
    let mut open: Vec<String> = used.iter().cloned().collect();
    while let Some(name) = open.pop() {
        let Some(info) = schema.entity_type(&name) else { continue };
        let mut next = info.ancestors.clone();
        record(&info.attributes, &mut next);
        if let Some(tags) = &info.tags {
            of_type(tags, &mut next);
        }
        for name in next {
            if used.insert(name.clone()) {
                open.push(name);
            }
        }
    }
}

fn record(members: &Record, out: &mut BTreeSet<String>) {
    for member in members.values() {
        of_type(&member.ty, out);
    }
}

fn of_type(ty: &Type, out: &mut BTreeSet<String>) {
    match ty {
        Type::Entity(name) => drop(out.insert(name.clone())),
        Type::Set(element) => of_type(element, out),
        Type::Record(members) => record(members, out),
        Type::Bool | Type::Long | Type::String | Type::Extension(_) => {}
    }
}

fn actions(subject: &Subject<'_>, found: &mut Problems) {
    let rules = &subject.snapshot.rules;
    let permitted = rules.index.permitted_actions();
    // Where nothing is permitted at all, there is nothing to say of each action.
    if permitted.is_empty() {
        return;
    }
    let applies = rules
        .schema
        .actions()
        .filter(|(_, info)| !info.principals.is_empty() && !info.resources.is_empty());
    let mut unused: Vec<&EntityUid> =
        applies.map(|(uid, _)| uid).filter(|uid| !permitted.contains(uid)).collect();
    unused.sort_unstable();
    for uid in unused {
        let message = format!("no policy permits `{uid}`: everybody is denied it");
        let place = declaration(subject, "action", uid.id().unescaped());
        found.push(
            Problem::warning("unused-action", message)
                .at_some(place)
                .hint("add a policy for it, or take it out of the schema"),
        );
    }
}

/// Where the schema declares a type or an action, if it is written in Cedar's schema language.
fn declaration(subject: &Subject<'_>, keyword: &str, name: &str) -> Option<Place> {
    let text = subject.texts.schema.as_ref()?;
    if text.text.trim_start().starts_with('{') {
        return Some(Place::whole(&text.name));
    }
    let span = gate::declaration(&text.text, keyword, name);
    Some(match span {
        Some(span) => Place::of(&text.name, &text.text, span.start, span.len()),
        None => Place::whole(&text.name),
    })
}
