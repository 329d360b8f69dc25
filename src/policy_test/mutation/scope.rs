//! Changes of a scope: a part that asks for less, for another role or group, or for more of them;
//! and what of it cannot change a decision, as far as the schema tells.

use std::collections::BTreeSet;
use std::ops::Range;

use cedar_policy::EntityUid;

use super::tokens::{Kind, Token, tokens};
use super::{Maker, one_line};
use crate::engine::clauses::{Clause, ClauseKind};

/// The most other entities that take the place of one, and groups that are added to a list.
const OTHERS_MAX: usize = 4;

/// An entity that a text names: its uid as Cedar's text, and where.
type Named = (String, Range<usize>);

// === impl Maker ===

impl Maker<'_> {
    /// Changes of one part of the scope.
    pub(super) fn scope(&mut self, clause: &Clause) {
        if clause.open {
            return;
        }
        let parsed = tokens(&clause.source);
        let word = |text: &str| parsed.iter().position(|token| token.is(Kind::Word, text));
        let (is, within) = (word("is"), word("in"));
        let variable = clause.kind.as_str();
        let hint = self.hint(true, &format!("`{}` does not hold", one_line(&clause.source)));
        let keeps_type = is.is_some() && within.is_none() && self.is_only_type(clause, &parsed);
        if !keeps_type {
            self.add("remove", &clause.source, clause.span.clone(), variable, hint.clone());
        }
        if let (Some(_), Some(within)) = (is, within) {
            let group = parsed.get(within).map(|token| token.span.start).unwrap_or_default();
            let of_type = clause.source.get(..group).unwrap_or_default().trim_end();
            let group = clause.source.get(group..).unwrap_or_default();
            self.add("remove", group, clause.span.clone(), of_type, hint.clone());
            if !self.is_only_type(clause, &parsed) {
                let with = format!("{variable} {group}");
                self.add("remove", of_type, clause.span.clone(), with, hint);
            }
        }
        self.swap(clause, &parsed);
        self.shorten(clause, &parsed, false);
        if clause.kind == ClauseKind::Action {
            self.widen(clause, &parsed);
        } else {
            self.replace(clause, &parsed);
        }
    }

    /// `in` for `==`, and the other way round.
    fn swap(&mut self, clause: &Clause, parsed: &[Token<'_>]) {
        let at = |span: &Range<usize>| clause.span.start + span.start..clause.span.start + span.end;
        for (number, token) in parsed.iter().enumerate() {
            let list = parsed.get(number + 1).is_some_and(|next| next.is(Kind::Open, "["));
            let where_ = format!("`{}` is about a group and its members", one_line(&clause.source));
            if token.is(Kind::Word, "in") && !list {
                let hint = self.hint(false, &where_);
                self.add("in to ==", &clause.source, at(&token.span), "==", hint);
            }
            if token.is(Kind::Operator, "==") && !self.is_leaf(clause, parsed) {
                let hint = self.hint(true, &where_);
                self.add("== to in", &clause.source, at(&token.span), "in", hint);
            }
        }
    }

    /// Whether nothing can be below what the scope names: an action that is no group, or an entity
    /// of a type that is no ancestor.
    fn is_leaf(&self, clause: &Clause, parsed: &[Token<'_>]) -> bool {
        let schema = self.snapshot.schema();
        let names = named(parsed, &clause.source);
        if clause.kind == ClauseKind::Action {
            let uid = names.first().and_then(|(text, _)| self.action(text));
            return uid.is_some_and(|uid| {
                schema
                    .actions()
                    .all(|(other, _)| *other == uid || !schema.is_action_in(other, &uid))
            });
        }
        let type_name = names.first().and_then(|(text, _)| text.rsplit_once("::"));
        type_name.is_some_and(|(name, _)| !self.is_above_any(name))
    }

    /// Whether entities of some type can be below entities of this one.
    fn is_above_any(&self, type_name: &str) -> bool {
        let schema = self.snapshot.schema();
        schema.type_names().iter().any(|name| {
            schema.entity_type(name).is_some_and(|info| info.ancestors.contains(type_name))
        })
    }

    /// More groups of actions than the scope has, and for a single action the groups that it is in.
    fn widen(&mut self, clause: &Clause, parsed: &[Token<'_>]) {
        let schema = self.snapshot.schema();
        let names = named(parsed, &clause.source);
        let own: Vec<EntityUid> = names.iter().filter_map(|(text, _)| self.action(text)).collect();
        let covers = |action: &EntityUid| {
            own.iter().any(|group| action == group || schema.is_action_in(action, group))
        };
        let is_group = |uid: &&EntityUid| {
            schema.actions().any(|(other, _)| other != *uid && schema.is_action_in(other, uid))
        };
        // Only a group with an action for these types, which the scope does not have yet, makes a
        // difference.
        let adds = |group: &&EntityUid| {
            schema.actions().any(|(action, info)| {
                schema.is_action_in(action, group)
                    && !covers(action)
                    && self.concerns(&info.principals, ClauseKind::Principal)
                    && self.concerns(&info.resources, ClauseKind::Resource)
            })
        };
        let single = parsed.iter().any(|token| token.is(Kind::Operator, "=="));
        let near = |group: &&EntityUid| {
            !single || own.first().is_some_and(|action| schema.is_action_in(action, group))
        };
        let mut groups: Vec<EntityUid> = schema
            .actions()
            .map(|(uid, _)| uid)
            .filter(is_group)
            .filter(adds)
            .filter(near)
            .cloned()
            .collect();
        groups.sort_by_cached_key(ToString::to_string);
        groups.truncate(OTHERS_MAX);
        for group in groups {
            let hint = self.hint(true, &format!("the action is in `{group}`"));
            let with = if single {
                format!("action in {group}")
            } else {
                let texts: Vec<&str> = names.iter().map(|(text, _)| text.as_str()).collect();
                format!("action in [{}, {group}]", texts.join(", "))
            };
            self.add("widen to", &group.to_string(), clause.span.clone(), with, hint);
        }
    }

    /// Whether the scope leaves any of these types.
    fn concerns(&self, types: &BTreeSet<String>, kind: ClauseKind) -> bool {
        let clause = self.policy.clauses.iter().find(|clause| clause.kind == kind);
        let only = clause.and_then(|clause| type_of(&tokens(&clause.source), &clause.source));
        only.map_or(!types.is_empty(), |only| types.contains(&only))
    }

    /// Another entity of the same type that policies name, such as another role.
    fn replace(&mut self, clause: &Clause, parsed: &[Token<'_>]) {
        let names = named(parsed, &clause.source);
        let Some((own, span)) = names.first() else { return };
        let Some((type_name, _)) = own.rsplit_once("::") else { return };
        let mut others = BTreeSet::new();
        for policy in self.snapshot.clauses() {
            for clause in policy.clauses {
                let parsed = tokens(&clause.source);
                let all = named(&parsed, &clause.source).into_iter().map(|(text, _)| text);
                others.extend(all.filter(|text| {
                    text != own && text.rsplit_once("::").is_some_and(|(of, _)| of == type_name)
                }));
            }
        }
        for other in others.into_iter().take(OTHERS_MAX) {
            let hint = self.hint(
                true,
                &format!("`{}` does not hold, and it is in `{other}`", one_line(&clause.source)),
            );
            let span = clause.span.start + span.start..clause.span.start + span.end;
            let what = format!("{own} to {other}");
            self.add("replace", &what, span, other, hint);
        }
    }

    /// Whether every action that the scope has is for the type alone that it asks for, so that
    /// asking makes no difference.
    fn is_only_type(&self, clause: &Clause, parsed: &[Token<'_>]) -> bool {
        let Some(only) = type_of(parsed, &clause.source) else { return false };
        let schema = self.snapshot.schema();
        let actions = self.policy.clauses.iter().find(|it| it.kind == ClauseKind::Action);
        let own: Vec<EntityUid> = actions
            .map(|actions| named(&tokens(&actions.source), &actions.source))
            .into_iter()
            .flatten()
            .filter_map(|(text, _)| self.action(&text))
            .collect();
        schema.actions().all(|(action, info)| {
            let covered = own.is_empty()
                || own.iter().any(|group| action == group || schema.is_action_in(action, group));
            let types = match clause.kind {
                ClauseKind::Principal => &info.principals,
                _ => &info.resources,
            };
            !covered || types.iter().all(|name| *name == only)
        })
    }

    fn action(&self, text: &str) -> Option<EntityUid> {
        let schema = self.snapshot.schema();
        schema.actions().map(|(uid, _)| uid).find(|uid| uid.to_string() == text).cloned()
    }

    /// Whether the sides of an `==` in a condition can only be equal where one is in the other: two
    /// plain paths, or a path and an entity, between whose types there is no hierarchy.
    pub(super) fn is_flat(&self, parsed: &[Token<'_>], operator: usize) -> bool {
        let left = parsed.get(..operator).unwrap_or_default();
        let right = parsed.get(operator + 1..).unwrap_or_default();
        let (Some(left), Some(right)) = (self.types_before(left), self.types_behind(right)) else {
            return false;
        };
        let schema = self.snapshot.schema();
        left.iter()
            .filter_map(|name| schema.entity_type(name))
            .all(|info| right.iter().all(|name| !info.ancestors.contains(name)))
    }

    /// The types of the path that ends before an operator.
    fn types_before(&self, tokens: &[Token<'_>]) -> Option<BTreeSet<String>> {
        let is_path =
            |token: &&Token<'_>| token.kind == Kind::Word || token.is(Kind::Operator, ".");
        let length = tokens.iter().rev().take_while(is_path).count();
        self.types_of_path(tokens.get(tokens.len() - length..)?)
    }

    /// The types of the path that begins behind an operator.
    fn types_behind(&self, tokens: &[Token<'_>]) -> Option<BTreeSet<String>> {
        let is_path =
            |token: &&Token<'_>| token.kind == Kind::Word || token.is(Kind::Operator, ".");
        let length = tokens.iter().take_while(is_path).count();
        self.types_of_path(tokens.get(..length)?)
    }

    /// What `principal`, `resource` or attributes below them can be, by the schema; `None` where
    /// that is not plain.
    fn types_of_path(&self, path: &[Token<'_>]) -> Option<BTreeSet<String>> {
        let schema = self.snapshot.schema();
        let (root, rest) = path.split_first()?;
        let kind = match root.text {
            "principal" => ClauseKind::Principal,
            "resource" => ClauseKind::Resource,
            _ => return None,
        };
        let clause = self.policy.clauses.iter().find(|clause| clause.kind == kind)?;
        let only = type_of(&tokens(&clause.source), &clause.source);
        let of_actions = schema.actions().flat_map(|(_, info)| match kind {
            ClauseKind::Principal => &info.principals,
            _ => &info.resources,
        });
        let mut types: BTreeSet<String> =
            only.map_or_else(|| of_actions.cloned().collect(), |only| BTreeSet::from([only]));
        for name in rest.iter().filter(|token| token.kind == Kind::Word) {
            let member = |of: &String| {
                schema.entity_type(of)?.attributes.get(name.text).map(|member| &member.ty)
            };
            let mut next = BTreeSet::new();
            for ty in types.iter().filter_map(member) {
                match ty {
                    crate::engine::schema::Type::Entity(of) => next.insert(of.clone()),
                    _ => return None,
                };
            }
            types = next;
        }
        Some(types)
    }
}

/// The type that a part of a scope asks for with `is`.
fn type_of(parsed: &[Token<'_>], source: &str) -> Option<String> {
    let is = parsed.iter().position(|token| token.is(Kind::Word, "is"))?;
    let name = parsed.get(is + 1..)?;
    let is_name = |token: &&Token<'_>| {
        token.is(Kind::Operator, "::") || (token.kind == Kind::Word && token.text != "in")
    };
    let last = name.iter().take_while(is_name).last()?;
    source.get(name.first()?.span.start..last.span.end).map(|name| name.replace(' ', ""))
}

/// The entities that a text names.
fn named(parsed: &[Token<'_>], source: &str) -> Vec<Named> {
    let mut found = Vec::new();
    for (number, token) in parsed.iter().enumerate() {
        if token.kind != Kind::String {
            continue;
        }
        let before = parsed.get(..number).unwrap_or_default();
        let is_name = |token: &&Token<'_>| {
            token.is(Kind::Operator, "::")
                || (token.kind == Kind::Word && !matches!(token.text, "in" | "is"))
        };
        let Some(first) = before.iter().rev().take_while(is_name).last() else { continue };
        if !before.last().is_some_and(|last| last.is(Kind::Operator, "::")) {
            continue;
        }
        let span = first.span.start..token.span.end;
        if let Some(text) = source.get(span.clone()) {
            found.push((text.to_owned(), span));
        }
    }
    found
}
