//! The example that ships, embedded: the policies and the tutorial's snapshot that `demo` decides
//! by and `init` writes.

use crate::engine::{Bundle, Text};

/// A file that ships: its path from the project's root, and its text.
pub(super) type Shipped = (&'static str, &'static str);

/// The schema.
pub(super) const SCHEMA: Shipped =
    ("policies/schema.cedarschema", include_str!("../../policies/schema.cedarschema"));
/// The policies.
pub(super) const POLICIES: [Shipped; 4] = [
    ("policies/isolation.cedar", include_str!("../../policies/isolation.cedar")),
    ("policies/ownership.cedar", include_str!("../../policies/ownership.cedar")),
    ("policies/sharing.cedar", include_str!("../../policies/sharing.cedar")),
    ("policies/thingsboard.cedar", include_str!("../../policies/thingsboard.cedar")),
];
/// The entities.
pub(super) const ENTITIES: Shipped =
    ("entities/entities.json", include_str!("../../entities/entities.json"));
/// The links.
pub(super) const LINKS: Shipped =
    ("entities/links.json", include_str!("../../entities/links.json"));

/// Every file.
pub(super) fn files() -> impl Iterator<Item = Shipped> {
    std::iter::once(SCHEMA).chain(POLICIES).chain([ENTITIES, LINKS])
}

/// All of it as a bundle.
pub(super) fn bundle() -> Bundle {
    let text = |(name, text): Shipped| Text::new(name, text);
    Bundle {
        schema: Some(text(SCHEMA)),
        policies: POLICIES.into_iter().map(text).collect(),
        entities: vec![text(ENTITIES)],
        links: vec![text(LINKS)],
    }
}
