//! The questions that are compared: actions on pairs of types, those together that the policies of
//! both sides treat alike, and for each how the policies of the sides differ.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::{Effect, EntityTypeName, EntityUid};

use super::Comparison;
use super::alike::Lens;
use crate::engine::check::CheckRequest;
use crate::engine::index::{Entry, Environment, Scope};
use crate::engine::slice::fold::{Folded, Situation};
use crate::engine::snapshot::Snapshot;
use crate::engine::uid;

/// A type of principals and a type of resources, with the actions that apply to the two.
#[derive(Debug)]
pub struct Pairing {
    /// The type of the principals.
    pub principal: String,
    /// The type of the resources.
    pub resource: String,
    /// The actions.
    pub groups: Vec<Group>,
    /// What tells principals, and what tells resources from each other.
    pub(super) lenses: [Lens; 2],
}

/// Actions that the policies of both sides treat alike: what is decided for one is for all.
#[derive(Debug)]
pub struct Group {
    /// The actions, in the order of type and id.
    pub actions: Vec<EntityUid>,
    /// What about the rules may change a decision.
    pub grounds: Grounds,
    /// Whether their context is not empty.
    pub(super) has_context: bool,
    /// The templates of each side that can be satisfied.
    pub(super) templates: [Vec<usize>; 2],
}

/// What about the rules of the two sides may change a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grounds {
    /// They say the same: only data may.
    Nothing,
    /// These permits, which only the old and only the new side has.
    Permits([Vec<usize>; 2]),
    /// More than that.
    Anything,
}

/// An action that is not compared, because its context cannot be empty, or the one that is given
/// does not fit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeftOut {
    /// The action.
    pub action: String,
    /// The type of the principals.
    pub principal: String,
    /// The type of the resources.
    pub resource: String,
    /// Why.
    pub why: String,
}

/// A policy as it is for one action and one pair of types.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece<'a> {
    number: usize,
    effect: Effect,
    principal: Scope,
    resource: Scope,
    /// A template's id, by which links name it.
    template: Option<&'a str>,
    condition: Folded,
}

/// What makes actions a group: the policies of both sides, and the action where one speaks of it.
#[derive(PartialEq, Eq)]
struct Like<'a>([Option<Vec<Piece<'a>>>; 2], Option<EntityUid>);

/// The names of two types, or the type and id of an action.
type Name = (String, String);
type Types = (EntityTypeName, EntityTypeName);

// === impl Comparison ===

impl Comparison<'_> {
    /// Puts all that is compared together.
    pub(super) fn pair(&mut self) {
        let mut environments: BTreeMap<Name, (Types, BTreeSet<Name>)> = BTreeMap::new();
        let mut actions: BTreeMap<Name, EntityUid> = BTreeMap::new();
        for side in self.sides {
            for environment in side.rules.schema.cedar.request_envs() {
                let (principal, resource) = (environment.principal(), environment.resource());
                let types = (principal.clone(), resource.clone());
                let names = (principal.to_string(), resource.to_string());
                let action = environment.action();
                let name = (action.type_name().to_string(), action.id().unescaped().to_owned());
                actions.insert(name.clone(), action.clone());
                environments.entry(names).or_insert((types, BTreeSet::new())).1.insert(name);
            }
        }
        let same_actions = self.same_actions();
        let mut pairings = Vec::new();
        let mut left_out = BTreeSet::new();
        for ((principal, resource), (types, names)) in environments {
            let mut groups: Vec<(Like<'_>, Group)> = Vec::new();
            for action in names.iter().filter_map(|name| actions.get(name)) {
                let has_context = match self.has_context(&types, action) {
                    Ok(has_context) => has_context,
                    Err(why) => {
                        left_out.insert(LeftOut {
                            action: action.to_string(),
                            principal: principal.clone(),
                            resource: resource.clone(),
                            why,
                        });
                        continue;
                    }
                };
                let pieces = [self.pieces(0, &types, action), self.pieces(1, &types, action)];
                let speaks = pieces.iter().flatten().flatten();
                let speaks = speaks.clone().any(|piece| piece.condition.names_the_action());
                let like = Like(pieces, (speaks || has_context).then(|| action.clone()));
                if let Some((_, group)) = groups.iter_mut().find(|(known, _)| *known == like) {
                    group.actions.push(action.clone());
                } else {
                    let grounds = grounds(&like.0, same_actions);
                    let actions = vec![action.clone()];
                    let templates = like.0.each_ref().map(|side| templates(side.as_ref()));
                    groups.push((like, Group { actions, grounds, has_context, templates }));
                }
            }
            let groups: Vec<Group> = groups.into_iter().map(|(_, group)| group).collect();
            let lenses = self.lenses(&types, &groups);
            pairings.push(Pairing { principal, resource, groups, lenses });
        }
        pairings.retain(|pairing| !pairing.groups.is_empty());
        (self.pairings, self.left_out) = (pairings, left_out.into_iter().collect());
        self.note_what_all_depend_on();
    }

    /// Whether the context that checks have for an action is not empty, or why it does not fit.
    fn has_context(&self, types: &Types, action: &EntityUid) -> Result<bool, String> {
        let mut has_context = false;
        for side in self.sides {
            if side.environment(types, action).is_none() {
                continue;
            }
            let request = self.request(uid::of(&types.0, ""), action, uid::of(&types.1, ""));
            let context = side.context(&request).map_err(|invalid| invalid.message)?;
            has_context |= context.is_some_and(|context| context.into_iter().next().is_some());
        }
        Ok(has_context)
    }

    /// A check with the terms of the comparison.
    pub(super) fn request(
        &self,
        principal: EntityUid,
        action: &EntityUid,
        resource: EntityUid,
    ) -> CheckRequest {
        self.terms.check(principal, action.clone(), resource)
    }

    /// Whether both schemas say the same of which of the actions that both have are in which.
    fn same_actions(&self) -> bool {
        let [old, new] = self.sides.map(|side| &side.rules.schema);
        if self.side(0).shares_rules(self.side(1)) {
            return true;
        }
        let shared: Vec<&EntityUid> =
            old.actions().map(|(uid, _)| uid).filter(|uid| new.action(uid).is_some()).collect();
        shared.iter().all(|action| {
            shared
                .iter()
                .all(|group| old.is_action_in(action, group) == new.is_action_in(action, group))
        })
    }

    /// The policies of a side, as they are for an action; `None` where it does not apply.
    fn pieces(&self, side: usize, types: &Types, action: &EntityUid) -> Option<Vec<Piece<'_>>> {
        let snapshot = self.side(side);
        let environment = snapshot.environment(types, action)?;
        let schema = &snapshot.rules.schema;
        let entries = environment.entries(snapshot);
        let folded = |entry: &Entry| {
            let situation = Situation {
                principal: &types.0,
                action,
                resource: &types.1,
                is_action_in: &|group| schema.is_action_in(action, group),
                erring_is_false: entry.effect == Effect::Permit,
            };
            let condition = entry.condition.as_ref();
            condition.map_or(Folded::Bool(true), |condition| condition.folded(&situation))
        };
        let pieces = entries.into_iter().map(|(number, entry)| Piece {
            number,
            effect: entry.effect,
            principal: anywhere(&entry.principal),
            resource: anywhere(&entry.resource),
            template: entry.template.then_some(entry.id.as_str()),
            condition: folded(entry),
        });
        Some(pieces.filter(|piece| piece.condition != Folded::Bool(false)).collect())
    }
}

// === impl Snapshot ===

impl Snapshot {
    fn environment(&self, types: &Types, action: &EntityUid) -> Option<&Environment> {
        self.rules.index.environment_of(&types.0, action, &types.1)
    }
}

// === impl Environment ===

impl Environment {
    /// Every policy and template that can concern it, by number.
    pub(super) fn entries<'s>(&self, snapshot: &'s Snapshot) -> Vec<(usize, &'s Entry)> {
        let mut numbers: Vec<usize> =
            self.matching.iter().chain(self.templates.keys()).copied().collect();
        numbers.sort_unstable();
        let entry = |number| Some((number, snapshot.rules.index.entry(number)?));
        numbers.into_iter().filter_map(entry).collect()
    }
}

// === impl Piece ===

impl Piece<'_> {
    /// Whether it says what another says, which may be of the other side.
    fn is(&self, other: &Piece<'_>, same_actions: bool) -> bool {
        self.effect == other.effect
            && self.principal == other.principal
            && self.resource == other.resource
            && self.template == other.template
            && self.condition == other.condition
            && (same_actions || !self.condition.asks_for_membership())
    }
}

/// A scope without the place of its name, which each side's names have of their own.
fn anywhere(scope: &Scope) -> Scope {
    match scope {
        Scope::In(uid, _) => Scope::In(uid.clone(), 0),
        other => other.clone(),
    }
}

/// The numbers of the templates among policies.
fn templates(pieces: Option<&Vec<Piece<'_>>>) -> Vec<usize> {
    let templates = pieces.into_iter().flatten().filter(|piece| piece.template.is_some());
    templates.map(|piece| piece.number).collect()
}

/// What only one side says.
fn grounds(sides: &[Option<Vec<Piece<'_>>>; 2], same_actions: bool) -> Grounds {
    let [Some(old), Some(new)] = sides else { return Grounds::Anything };
    let mut left: Vec<&Piece<'_>> = old.iter().collect();
    let mut only_new = Vec::new();
    for piece in new {
        match left.iter().position(|other| piece.is(other, same_actions)) {
            Some(at) => drop(left.swap_remove(at)),
            None => only_new.push(piece),
        }
    }
    let numbers = |pieces: &[&Piece<'_>]| pieces.iter().map(|piece| piece.number).collect();
    match left.iter().chain(&only_new).all(|piece| piece.effect == Effect::Permit) {
        _ if left.is_empty() && only_new.is_empty() => Grounds::Nothing,
        true => Grounds::Permits([numbers(&left), numbers(&only_new)]),
        false => Grounds::Anything,
    }
}
