//! Stored values as Cedar's evaluator has them.

use std::collections::HashSet;
use std::sync::Arc;

use cedar_policy_core::ast::{
    Context, Entity, EntityUID, Literal, PartialValue, RestrictedExpr, Value, ValueKind,
};
use cedar_policy_core::evaluator::RestrictedEvaluator;
use cedar_policy_core::extensions::Extensions;
use smol_str::SmolStr;

use super::Scene;
use super::needs::Node;
use crate::engine::store::{EntityNo, ExtensionRef, RecordRef, TagsRef, ValueRef};

/// The members of a context.
pub(super) fn pairs(context: &Context) -> impl Iterator<Item = (&SmolStr, &Value)> {
    match context {
        Context::Value(members) => Some(members.iter()),
        // Contexts are parsed without unknowns.
        Context::RestrictedResidual(_) => None,
    }
    .into_iter()
    .flatten()
}

impl Scene<'_> {
    /// A stored entity with what the nodes ask of it and no more.
    pub(super) fn entity(&self, number: EntityNo, nodes: &[&Node]) -> Entity {
        let stored = self.store.attributes(number);
        let read = |name: &SmolStr| {
            let value = stored?.get(name)?;
            Some((name.clone(), PartialValue::Value(self.value(value))))
        };
        let attributes: Vec<(SmolStr, PartialValue)> =
            nodes.iter().flat_map(|node| node.attributes.keys()).filter_map(read).collect();
        let ancestors = if nodes.iter().any(|node| node.ancestors) {
            self.ancestors(number)
        } else {
            HashSet::new()
        };
        let tags = if nodes.iter().any(|node| node.tags) { self.tags(number) } else { Vec::new() };
        let uid = self.ground.uid(self.store, number);
        Entity::new_with_attr_partial_value(uid, attributes, ancestors, HashSet::new(), tags)
    }

    /// A stored entity with all that is stored of it.
    pub(super) fn whole_entity(&self, number: EntityNo) -> Entity {
        let stored = self.store.attributes(number).into_iter().flat_map(RecordRef::iter);
        let attributes = stored
            .map(|(name, value)| (SmolStr::new(name), PartialValue::Value(self.value(value))));
        let (uid, ancestors) = (self.ground.uid(self.store, number), self.ancestors(number));
        let tags = self.tags(number);
        Entity::new_with_attr_partial_value(uid, attributes, ancestors, HashSet::new(), tags)
    }

    /// An entity that came with the request. It has the ancestors of the stored one: properties
    /// never give parents.
    pub(super) fn sent_entity(&self, index: usize) -> Entity {
        let Some(entity) = self.sent.get(index) else {
            #[expect(clippy::panic, reason = "members are made of the entities that were sent")]
            std::panic::panic_any("the slice asked for an entity that was not sent")
        };
        let mut entity: Entity = AsRef::<Entity>::as_ref(entity).clone();
        let ty = self.ground.type_no(entity.uid());
        let number = ty.and_then(|ty| self.store.number(ty, entity.uid().eid().as_ref()));
        for ancestor in number.into_iter().flat_map(|number| self.ancestors(number)) {
            entity.add_indirect_ancestor(ancestor);
        }
        entity
    }

    fn ancestors(&self, number: EntityNo) -> HashSet<EntityUID> {
        let mut numbers = Vec::with_capacity(8);
        self.store.ancestors_into(number, &mut numbers);
        numbers.into_iter().map(|ancestor| self.ground.uid(self.store, ancestor)).collect()
    }

    fn tags(&self, number: EntityNo) -> Vec<(SmolStr, PartialValue)> {
        let stored = self.store.tags(number).into_iter().flat_map(TagsRef::iter);
        stored
            .map(|(name, value)| (SmolStr::new(name), PartialValue::Value(self.value(value))))
            .collect()
    }

    fn value(&self, value: ValueRef<'_>) -> Value {
        let kind = match value {
            ValueRef::Bool(value) => ValueKind::Lit(Literal::Bool(value)),
            ValueRef::Long(value) => ValueKind::Lit(Literal::Long(value)),
            ValueRef::String(value) => ValueKind::Lit(Literal::String(SmolStr::new(value))),
            ValueRef::Entity(number) => {
                let uid = self.ground.uid(self.store, number);
                ValueKind::Lit(Literal::EntityUID(Arc::new(uid)))
            }
            ValueRef::Set(items) => {
                return Value::set(items.iter().map(|item| self.value(item)), None);
            }
            ValueRef::Record(members) => {
                let members = members.iter();
                let members = members.map(|(name, value)| (SmolStr::new(name), self.value(value)));
                return Value::record(members, None);
            }
            ValueRef::Extension(value) => return extension(&value),
        };
        Value::new(kind, None)
    }
}

/// The entities that an entity's attributes and tags name.
pub(super) fn names_in(entity: &Entity, names: &mut Vec<EntityUID>) {
    for (_, value) in entity.attrs().chain(entity.tags()) {
        if let PartialValue::Value(value) = value {
            names.extend(value.all_literal_uids());
        }
    }
}

/// A value of an extension type. Cedar made one of the same text when the entity was loaded.
fn extension(value: &ExtensionRef<'_>) -> Value {
    let expression = value.expression();
    let expression: &RestrictedExpr = expression.as_ref();
    let evaluator = RestrictedEvaluator::new(Extensions::all_available());
    match evaluator.interpret(expression.as_borrowed()) {
        Ok(value) => value,
        #[expect(clippy::panic, reason = "Cedar made a value of this text when it was loaded")]
        Err(error) => std::panic::panic_any(format!("a stored extension value is none: {error}")),
    }
}
