//! The way through the hierarchy from an entity to a group that it is in.

use cedar_policy::EntityUid;

use super::{SeenPath, SeenValue};
use crate::engine::hash::HashMap;
use crate::engine::slice::seen::{Membership, Read};
use crate::engine::snapshot::Snapshot;
use crate::engine::store::EntityNo;

/// How many ancestors are looked at for a way.
const VISITED_MAX: usize = 4096;
/// How many ancestors are told where there is no way.
const ANCESTORS_MAX: usize = 8;

// === impl Snapshot ===

impl Snapshot {
    /// How an entity is in one of some groups, by the shortest way, or what it is in instead.
    pub(super) fn path(&self, asked: &Membership) -> SeenPath {
        let Membership { expression, from, groups } = asked;
        let (through, ancestors) = match groups.iter().find(|group| *group == from) {
            Some(_) => (vec![from.to_string()], Vec::new()),
            None if self.rules.schema.action(from).is_some() => {
                (self.of_action(from, groups), Vec::new())
            }
            None => self.walk_up(from, groups),
        };
        SeenPath {
            expression: expression.clone(),
            from: from.to_string(),
            groups: groups.iter().map(ToString::to_string).collect(),
            through,
            ancestors,
        }
    }

    /// Groups of actions are the schema's, and flat enough for the group alone.
    fn of_action(&self, action: &EntityUid, groups: &[EntityUid]) -> Vec<String> {
        let group = groups.iter().find(|group| self.rules.schema.is_action_in(action, group));
        group.map(|group| vec![action.to_string(), group.to_string()]).unwrap_or_default()
    }

    fn walk_up(&self, from: &EntityUid, groups: &[EntityUid]) -> (Vec<String>, Vec<String>) {
        let Some(start) = self.number_of(from) else { return Default::default() };
        let goals: Vec<EntityNo> =
            groups.iter().filter_map(|group| self.number_of(group)).collect();
        let mut reached: HashMap<EntityNo, EntityNo> = HashMap::default();
        let mut order = vec![start];
        let mut next = 0;
        while let Some(current) = order.get(next).copied() {
            next += 1;
            if goals.contains(&current) {
                return (self.way(&reached, start, current), Vec::new());
            }
            for parent in self.store.parents(current) {
                if *parent != start && order.len() < VISITED_MAX && !reached.contains_key(parent) {
                    reached.insert(*parent, current);
                    order.push(*parent);
                }
            }
        }
        let ancestors = order.iter().skip(1).take(ANCESTORS_MAX);
        (Vec::new(), ancestors.map(|no| self.store.uid_of(*no).to_string()).collect())
    }

    fn way(
        &self,
        reached: &HashMap<EntityNo, EntityNo>,
        start: EntityNo,
        end: EntityNo,
    ) -> Vec<String> {
        let mut way = vec![end];
        let mut current = end;
        while current != start {
            let Some(child) = reached.get(&current) else { break };
            current = *child;
            way.push(current);
        }
        way.iter().rev().map(|no| self.store.uid_of(*no).to_string()).collect()
    }
}

// === impl SeenValue ===

impl From<Read> for SeenValue {
    fn from(read: Read) -> Self {
        let Read { expression, value, secret } = read;
        Self { expression, value, secret }
    }
}
