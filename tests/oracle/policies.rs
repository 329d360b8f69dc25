//! Makes up policies, templates and links: scopes of every form around an environment that the
//! schema allows, with conditions that are typed for it.

use crate::conditions::{Conditions, Reach, Site};
use crate::dice::Dice;
use crate::entities::Pools;
use crate::model::{
    Action, ActionScope, Clause, Expr, Field, Link, Policy, Schema, Scope, Target, Uid,
};
use crate::schemas::Size;

const IDS: [&str; 3] = ["", " with space", "/\u{fc}"];

pub(crate) struct Policies<'a> {
    pub(crate) dice: &'a mut Dice,
    pub(crate) schema: &'a Schema,
    pub(crate) pools: &'a Pools,
    pub(crate) reach: Reach,
}

// === impl Policies ===

impl Policies<'_> {
    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.dice.below(from.len())].clone()
    }

    /// One policy; a template if `template`.
    pub(crate) fn policy(&mut self, number: usize, template: bool) -> Policy {
        let action = self.pick(&self.schema.applicable());
        let (principal, resource) = (self.pick(&action.principals), self.pick(&action.resources));
        let permit = !self.dice.one_in(3);
        // A template has a slot at one side or at both.
        let slots = if template {
            self.pick(&[(true, false), (false, true), (true, true)])
        } else {
            (false, false)
        };
        let (action_scope, covered) = self.action_scope(action);
        let principal_scope = self.scope(&principal, slots.0);
        let resource_scope = self.scope(&resource, slots.1);
        let site = self.site(&principal, &resource, &covered);
        let clauses = self.clauses(permit, site, &principal_scope, &resource_scope);
        let mut slot_types = [None, None];
        for (slot, ty) in slot_types.iter_mut().zip([(slots.0, &principal), (slots.1, &resource)]) {
            if ty.0 && self.dice.one_in(3) {
                *slot = Some(self.schema.above(ty.1).into_iter().collect::<Vec<_>>().join(", "));
            }
        }
        Policy {
            id: format!("p{number}{}", self.pick(&IDS)),
            permit,
            principal: principal_scope,
            action: action_scope,
            resource: resource_scope,
            clauses,
            slot_types,
        }
    }

    /// A scope that an entity of this type can be in, and, rarely, one that none can.
    fn scope(&mut self, ty: &str, slot: bool) -> Scope {
        let above: Vec<String> = self.schema.above(ty).into_iter().collect();
        let group = self.pick(&above);
        let same = self.pools.any(self.dice, ty);
        let high = self.pools.any(self.dice, &group);
        let target = |uid: Uid| if slot { Target::Slot } else { Target::Uid(uid) };
        match self.dice.below(if slot { 4 } else { 8 }) {
            0 => Scope::Equals(target(same)),
            1 => Scope::IsIn(ty.to_owned(), target(high)),
            2 | 3 => Scope::In(target(high)),
            4 | 5 => Scope::Is(ty.to_owned()),
            _ => Scope::Any,
        }
    }

    /// A scope that covers an action, and the actions that it covers.
    fn action_scope(&mut self, action: &Action) -> (ActionScope, Vec<Uid>) {
        let groups: Vec<Uid> = self.schema.groups_of(&action.uid).into_iter().collect();
        let group = self.pick(&groups);
        let other = self.pick(&self.schema.actions).uid;
        let scope = match self.dice.below(6) {
            0 => ActionScope::Any,
            1 => ActionScope::Equals(action.uid.clone()),
            2 | 3 => ActionScope::In(group),
            4 => ActionScope::InAny(vec![action.uid.clone(), other]),
            _ => ActionScope::InAny(vec![group, other]),
        };
        let actions = self.schema.actions.iter();
        let covered = actions.filter(|other| self.schema.covers(&scope, &other.uid));
        let covered = covered.map(|action| action.uid.clone()).collect();
        (scope, covered)
    }

    fn site(&mut self, principal: &str, resource: &str, covered: &[Uid]) -> Site {
        let applies = |action: &&Action| {
            action.principals.iter().any(|ty| ty == principal)
                && action.resources.iter().any(|ty| ty == resource)
        };
        let actions: Vec<&Action> =
            covered.iter().filter_map(|uid| self.schema.action(uid)).filter(applies).collect();
        let mut context: Vec<Field> = actions[0].context.clone();
        context.retain(|field| actions.iter().all(|action| action.context.contains(field)));
        Site {
            principal: principal.to_owned(),
            resource: resource.to_owned(),
            actions: actions.iter().map(|action| action.uid.clone()).collect(),
            context,
            sides: vec!["principal", "resource"],
        }
    }

    /// Conditions for the types of `site`; where a scope leaves the type open, the first clause asks
    /// for it before the rest is evaluated.
    fn clauses(
        &mut self,
        permit: bool,
        mut site: Site,
        principal: &Scope,
        resource: &Scope,
    ) -> Vec<Clause> {
        let count = match self.dice.below(8) {
            0 | 1 => 0,
            2..=6 => 1,
            _ => 2,
        };
        if count == 0 {
            return Vec::new();
        }
        let sides = [
            ("principal", principal, site.principal.clone()),
            ("resource", resource, site.resource.clone()),
        ];
        let one_sided = self.dice.one_in(4).then(|| self.dice.below(2));
        if let Some(side) = one_sided {
            site.sides = vec![sides[side].0];
            // The other side is of any type, and so are the actions and their contexts.
            site.context.clear();
        }
        let is =
            |variable, ty: &str| Expr::Is(Box::new(Expr::Variable(variable)), ty.to_owned(), None);
        let open = sides.iter().filter(|(variable, scope, _)| {
            site.sides.contains(variable)
                && matches!(scope, Scope::Any | Scope::In(_) | Scope::Equals(Target::Slot))
        });
        let guards: Vec<Expr> = open.map(|(variable, _, ty)| is(*variable, ty)).collect();
        let mut clauses = Vec::new();
        let depth = self.dice.below(4);
        let any_type = self.pick(&self.schema.types).name;
        let (schema, pools, reach) = (self.schema, self.pools, self.reach);
        let mut conditions = Conditions { dice: self.dice, schema, pools, site, reach };
        for _ in 0..count {
            let risky = conditions.dice.one_in(if permit { 3 } else { 2 });
            let condition = if risky { conditions.risky() } else { conditions.condition(depth) };
            // A permit's `unless` and a forbid's `when` err alike; both are made.
            let when = conditions.dice.one_in(2) == permit || conditions.dice.one_in(3);
            clauses.push(Clause { when, condition });
        }
        if let Some(guard) = guards.into_iter().reduce(Expr::and) {
            match clauses.first_mut() {
                Some(first) if first.when => first.condition = guard.and(first.condition.clone()),
                _ => clauses.insert(0, Clause { when: true, condition: guard }),
            }
        }
        if let Some(side) = one_sided {
            // Only now the other side's type: the condition has erred where it errs, also in an
            // environment where this makes the whole false.
            let (variable, _, ty) = &sides[1 - side];
            let ty = if conditions.dice.one_in(2) { ty } else { &any_type };
            clauses.push(Clause { when: true, condition: is(variable, ty) });
        }
        clauses
    }

    /// Links of a template. Their slots name what exists in a strict world, else anything.
    pub(crate) fn links(&mut self, template: &Policy, count: usize) -> Vec<Link> {
        let mut links = Vec::new();
        for number in 0..count {
            let principal = self.slot(template, &template.principal, 0);
            let resource = self.slot(template, &template.resource, 1);
            let expires_s = self.dice.one_in(4).then(|| [1, 2, 4_000_000_000][self.dice.below(3)]);
            links.push(Link {
                id: format!("l{number}-{}", template.id),
                template: template.id.clone(),
                principal,
                resource,
                expires_s,
            });
        }
        links
    }

    fn slot(&mut self, template: &Policy, scope: &Scope, side: usize) -> Option<Uid> {
        if !scope.has_slot() {
            return None;
        }
        let names: Vec<String> = if let Some(types) = &template.slot_types[side] {
            types.split(", ").map(str::to_owned).collect()
        } else {
            let sides = |action: &Action| {
                if side == 0 { action.principals.clone() } else { action.resources.clone() }
            };
            let applied: Vec<String> = self.schema.actions.iter().flat_map(sides).collect();
            let ty = self.pick(&applied);
            let above = self.schema.above(&ty);
            if matches!(scope, Scope::Equals(_)) { vec![ty] } else { above.into_iter().collect() }
        };
        let name = self.pick(&names);
        Some(self.pools.nameable(self.dice, &name))
    }
}

/// How many static policies, templates and links of each there are.
pub(crate) fn counts(dice: &mut Dice, size: Size) -> (usize, usize, usize) {
    let statics = 2 + dice.below(3 + 4 * size);
    let templates = dice.below(2 + size);
    let links = if dice.one_in(8) { 30 } else { 1 + dice.below(2 + 2 * size) };
    (statics, templates, links)
}
