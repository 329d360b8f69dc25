//! What a check is about and what stands in its context: how each is made of the request, and the
//! compile-time half of that, against the schema.

use cedar_policy::EntityTypeName;
use serde_json::Value;

use super::reference::Reference;

/// Where the resource of a check comes from.
#[derive(Debug, Clone)]
pub(super) enum Resource {
    /// The principal itself.
    Principal,
    /// The entity that an attribute of the principal names.
    Attribute(String),
    /// An entity of a type and an id.
    Entity(EntityOf),
}

/// An entity, by type and id.
#[derive(Debug, Clone)]
pub(super) struct EntityOf {
    pub(super) ty: TypeOf,
    pub(super) id: Reference,
}

/// An entity type.
#[derive(Debug, Clone)]
pub(super) enum TypeOf {
    /// Always this one of these.
    Fixed(Types),
    /// What a table has for a word of the request.
    Table(Reference, Vec<(String, Types)>),
}

/// One type, or several of which the snapshot knows the one: a path that names a group does not say
/// of what.
pub(super) type Types = Vec<EntityTypeName>;

/// Where a value of the context comes from.
#[derive(Debug, Clone)]
pub(super) enum ValueOf {
    /// What stands in the file.
    Fixed(Value),
    /// A text of the request.
    Text(Reference),
    /// An integer of the request.
    Long(Reference),
    /// `true` or `false` of the request.
    Bool(Reference),
    /// An entity.
    Entity(Resource),
}

// === impl Resource ===

impl Resource {
    /// The types that it can have; none where only the principal knows.
    pub(super) fn types(&self) -> Vec<&EntityTypeName> {
        match self {
            Self::Principal | Self::Attribute(_) => Vec::new(),
            Self::Entity(EntityOf { ty: TypeOf::Fixed(types), .. }) => types.iter().collect(),
            Self::Entity(EntityOf { ty: TypeOf::Table(_, table), .. }) => {
                table.iter().flat_map(|(_, types)| types).collect()
            }
        }
    }
}
