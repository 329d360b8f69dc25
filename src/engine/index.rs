//! Which policies a request can concern, found without looking at all of them.
//!
//! A policy whose scope cannot match may be left out: a scope never errs and is the first conjunct,
//! so leaving the policy out changes neither decision, nor determining policies, nor errors (proved
//! in cedar-spec, `Thm/PolicySlice.lean`). Permits are also left out where the validator knows that
//! they are never satisfied for the request's action and types, provided that principal and
//! resource are stored; forbids never are, because one that errs must be seen to err.
//!
//! Links are found by what fills their slots: the store has them by pair.

use cedar_policy::{
    ActionConstraint, Effect, EntityTypeName, EntityUid, PrincipalConstraint, ResourceConstraint,
    TemplatePrincipalConstraint, TemplateResourceConstraint,
};

use super::clauses::Clauses;
use super::hash::{HashMap, HashSet};
use super::policies::{Policies, PolicyInfo};
use super::schema::SchemaInfo;
use super::slice::Condition;
use super::slice::needs::Needs;
use super::slice::plain::Names;
use super::snapshot::Rules;

/// The policies, by what they can concern.
#[derive(Debug)]
pub(super) struct Index {
    entries: Vec<Entry>,
    templates: HashMap<String, usize>,
    environments: HashMap<EntityUid, HashMap<(EntityTypeName, EntityTypeName), Environment>>,
    /// The entities that policies name.
    names: Names,
}

/// A static policy or a template, taken apart.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) id: String,
    pub(super) effect: Effect,
    pub(super) principal: Scope,
    pub(super) resource: Scope,
    pub(super) condition: Option<Condition>,
    pub(super) needs: Needs,
    pub(super) template: bool,
    pub(super) clauses: Clauses,
    principal_type: Option<EntityTypeName>,
    resource_type: Option<EntityTypeName>,
    actions: Actions,
    /// The environments in which it can be satisfied, as the validator knows it.
    satisfiable: HashSet<Key>,
}

/// What a scope asks of the principal or the resource beside its type, which the environment settles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scope {
    /// Nothing more than its type.
    Any,
    /// To be this entity.
    Eq(EntityUid),
    /// To be this entity, which has this place among the names, or below it.
    In(EntityUid, usize),
    /// To be what fills the slot.
    EqSlot,
    /// To be what fills the slot, or below it.
    InSlot,
}

#[derive(Debug)]
enum Actions {
    Any,
    Eq(EntityUid),
    In(Vec<EntityUid>),
}

/// What can concern requests of one action and two types.
#[derive(Debug, Default)]
pub(super) struct Environment {
    /// Static policies whose scope can match.
    pub(super) matching: Vec<usize>,
    /// The same without permits that are never satisfied here.
    pub(super) satisfiable: Vec<usize>,
    /// Templates whose scope can match, and which of them can be satisfied here.
    pub(super) templates: HashMap<usize, bool>,
    /// What all of them look at.
    pub(super) needs: Needs,
}

/// The types and the action of an environment.
type Key = (EntityTypeName, EntityUid, EntityTypeName);

/// A scope with the type that it asks for.
type Typed = (Scope, Option<EntityTypeName>);

// === impl Index ===

impl Index {
    /// Rules under the very same schema know where the policies that they share are satisfiable.
    pub(super) fn new(policies: &Policies, schema: &SchemaInfo, before: Option<&Rules>) -> Self {
        let (set, infos) = (&policies.set, &policies.infos);
        let mut entries = Vec::with_capacity(infos.len());
        let mut names = Names::default();
        for info in infos {
            let id = cedar_policy::PolicyId::new(&info.id);
            let known = before.and_then(|rules| {
                let number = rules.policies.same(info)?;
                Some(rules.index.entry(number)?.satisfiable.clone())
            });
            let taken_apart = match (set.policy(&id), set.template(&id)) {
                (Some(policy), _) => {
                    Some(Entry::of_policy(info, policy, schema, &mut names, known))
                }
                (None, Some(template)) => {
                    Some(Entry::of_template(info, template, schema, &mut names, known))
                }
                (None, None) => None,
            };
            entries.extend(taken_apart);
        }
        let templates = entries
            .iter()
            .enumerate()
            .filter(|(_, entry)| entry.template)
            .map(|(number, entry)| (entry.id.clone(), number))
            .collect();
        let mut index = Self { entries, templates, environments: HashMap::default(), names };
        index.fill(schema);
        index
    }

    /// Makes the environments: few, since a schema's actions name the types they apply to.
    fn fill(&mut self, schema: &SchemaInfo) {
        for environment in schema.cedar.request_envs() {
            let (principal, action, resource) =
                (environment.principal(), environment.action(), environment.resource());
            let mut here = Environment::default();
            for (number, entry) in self.entries.iter().enumerate() {
                let fits = entry.concerns(action, schema)
                    && entry.is_of_principal(principal)
                    && entry.is_of_resource(resource);
                if !fits {
                    continue;
                }
                let key = (principal.clone(), action.clone(), resource.clone());
                let satisfiable = entry.satisfiable.contains(&key);
                here.needs.merge(&entry.needs);
                if entry.template {
                    here.templates.insert(number, satisfiable);
                    continue;
                }
                here.matching.push(number);
                if satisfiable || entry.effect == Effect::Forbid {
                    here.satisfiable.push(number);
                }
            }
            // An entity that policies name and do not look into need not be found.
            here.needs.literals.retain(|_, node| node.is_needed());
            self.environments
                .entry(action.clone())
                .or_default()
                .insert((principal.clone(), resource.clone()), here);
        }
    }

    /// What can concern this request; `None` where the action does not apply to these types.
    pub(super) fn environment(
        &self,
        principal: &EntityUid,
        action: &EntityUid,
        resource: &EntityUid,
    ) -> Option<&Environment> {
        self.environment_of(principal.type_name(), action, resource.type_name())
    }

    /// The same by types.
    pub(super) fn environment_of(
        &self,
        principal: &EntityTypeName,
        action: &EntityUid,
        resource: &EntityTypeName,
    ) -> Option<&Environment> {
        self.environments.get(action)?.get(&(principal.clone(), resource.clone()))
    }

    /// A policy or template.
    pub(super) fn entry(&self, number: usize) -> Option<&Entry> {
        self.entries.get(number)
    }

    /// The entities that policies name, by their places.
    pub(super) fn names(&self) -> &[EntityUid] {
        self.names.uids()
    }

    /// The actions that some permit may permit, as the validator knows it.
    pub(super) fn permitted_actions(&self) -> HashSet<&EntityUid> {
        let permits = self.entries.iter().filter(|entry| entry.effect == Effect::Permit);
        permits.flat_map(|entry| entry.satisfiable.iter().map(|(_, action, _)| action)).collect()
    }

    /// The number of a policy or template.
    pub(super) fn number(&self, id: &str) -> Option<usize> {
        self.entries.iter().position(|entry| entry.id == id)
    }

    /// The number of a template.
    pub(super) fn template(&self, id: &str) -> Option<usize> {
        self.templates.get(id).copied()
    }
}

// === impl Entry ===

impl Entry {
    fn of_policy(
        info: &PolicyInfo,
        policy: &cedar_policy::Policy,
        schema: &SchemaInfo,
        names: &mut Names,
        known: Option<HashSet<Key>>,
    ) -> Self {
        let mut within = |uid: EntityUid| {
            let place = names.place(&uid);
            Scope::In(uid, place)
        };
        let (principal, of_principal) = match policy.principal_constraint() {
            PrincipalConstraint::Any => (Scope::Any, None),
            PrincipalConstraint::In(uid) => (within(uid), None),
            PrincipalConstraint::Eq(uid) => (Scope::Eq(uid), None),
            PrincipalConstraint::Is(name) => (Scope::Any, Some(name)),
            PrincipalConstraint::IsIn(name, uid) => (within(uid), Some(name)),
        };
        let (resource, of_resource) = match policy.resource_constraint() {
            ResourceConstraint::Any => (Scope::Any, None),
            ResourceConstraint::In(uid) => (within(uid), None),
            ResourceConstraint::Eq(uid) => (Scope::Eq(uid), None),
            ResourceConstraint::Is(name) => (Scope::Any, Some(name)),
            ResourceConstraint::IsIn(name, uid) => (within(uid), Some(name)),
        };
        let look = || policy.get_valid_request_envs(&schema.cedar).map(|env| key(&env)).collect();
        let parts = Apart {
            condition: Condition::of_policy(policy, names),
            actions: policy.action_constraint(),
            satisfiable: known.unwrap_or_else(look),
        };
        Self::new(info, (principal, of_principal), (resource, of_resource), parts)
    }

    fn of_template(
        info: &PolicyInfo,
        template: &cedar_policy::Template,
        schema: &SchemaInfo,
        names: &mut Names,
        known: Option<HashSet<Key>>,
    ) -> Self {
        let mut in_or_slot = |uid: Option<EntityUid>| {
            uid.map_or(Scope::InSlot, |uid| {
                let place = names.place(&uid);
                Scope::In(uid, place)
            })
        };
        let eq_or_slot = |uid: Option<EntityUid>| uid.map_or(Scope::EqSlot, Scope::Eq);
        let (principal, of_principal): Typed = match template.principal_constraint() {
            TemplatePrincipalConstraint::Any => (Scope::Any, None),
            TemplatePrincipalConstraint::In(uid) => (in_or_slot(uid), None),
            TemplatePrincipalConstraint::Eq(uid) => (eq_or_slot(uid), None),
            TemplatePrincipalConstraint::Is(name) => (Scope::Any, Some(name)),
            TemplatePrincipalConstraint::IsIn(name, uid) => (in_or_slot(uid), Some(name)),
        };
        let (resource, of_resource): Typed = match template.resource_constraint() {
            TemplateResourceConstraint::Any => (Scope::Any, None),
            TemplateResourceConstraint::In(uid) => (in_or_slot(uid), None),
            TemplateResourceConstraint::Eq(uid) => (eq_or_slot(uid), None),
            TemplateResourceConstraint::Is(name) => (Scope::Any, Some(name)),
            TemplateResourceConstraint::IsIn(name, uid) => (in_or_slot(uid), Some(name)),
        };
        let look = || template.get_valid_request_envs(&schema.cedar).map(|env| key(&env)).collect();
        let parts = Apart {
            condition: Condition::of_template(template, names),
            actions: template.action_constraint(),
            satisfiable: known.unwrap_or_else(look),
        };
        Self::new(info, (principal, of_principal), (resource, of_resource), parts)
    }

    fn new(info: &PolicyInfo, principal: Typed, resource: Typed, parts: Apart) -> Self {
        let (principal, principal_type) = principal;
        let (resource, resource_type) = resource;
        let Apart { condition, actions, satisfiable } = parts;
        Self {
            id: info.id.clone(),
            effect: info.effect,
            principal,
            resource,
            principal_type,
            resource_type,
            needs: condition.as_ref().map(Condition::needs).unwrap_or_default(),
            clauses: Clauses::of(info, condition.as_ref()),
            condition,
            template: info.template,
            actions: match actions {
                ActionConstraint::Any => Actions::Any,
                ActionConstraint::In(uids) => Actions::In(uids),
                ActionConstraint::Eq(uid) => Actions::Eq(uid),
            },
            satisfiable,
        }
    }

    /// Whether the scope takes principals of a type.
    pub(super) fn is_of_principal(&self, name: &EntityTypeName) -> bool {
        self.principal_type.as_ref().is_none_or(|wanted| wanted == name)
    }

    /// Whether the scope takes resources of a type.
    pub(super) fn is_of_resource(&self, name: &EntityTypeName) -> bool {
        self.resource_type.as_ref().is_none_or(|wanted| wanted == name)
    }

    /// The actions and groups of actions that the scope names.
    pub(super) fn action_groups(&self) -> &[EntityUid] {
        match &self.actions {
            Actions::Any => &[],
            Actions::Eq(uid) => std::slice::from_ref(uid),
            Actions::In(uids) => uids,
        }
    }

    /// Whether the scope takes an action.
    pub(super) fn concerns(&self, action: &EntityUid, schema: &SchemaInfo) -> bool {
        match &self.actions {
            Actions::Any => true,
            Actions::Eq(uid) => uid == action,
            Actions::In(uids) => {
                uids.iter().any(|uid| uid == action || schema.is_action_in(action, uid))
            }
        }
    }
}

/// What policies and templates have in common.
struct Apart {
    condition: Option<Condition>,
    actions: ActionConstraint,
    satisfiable: HashSet<Key>,
}

fn key(environment: &cedar_policy::RequestEnv) -> Key {
    (environment.principal().clone(), environment.action().clone(), environment.resource().clone())
}
