//! The example that ships, embedded: the policies and the tutorial's snapshot that `demo` decides
//! by and `init` writes.

use crate::engine::{Bundle, Text};

/// A file that ships: its path from the project's root, and its text.
pub(super) type Shipped = (&'static str, &'static str);

/// The schema.
pub(super) const SCHEMA: Shipped =
    ("policies/schema.cedarschema", include_str!("../../policies/schema.cedarschema"));
/// The policies that every platform has.
pub(super) const CORE_POLICIES: [Shipped; 3] = [
    ("policies/isolation.cedar", include_str!("../../policies/isolation.cedar")),
    ("policies/ownership.cedar", include_str!("../../policies/ownership.cedar")),
    ("policies/sharing.cedar", include_str!("../../policies/sharing.cedar")),
];
/// What is ThingsBoard's own.
pub(super) const OWN_POLICIES: [Shipped; 1] =
    [("policies/thingsboard.cedar", include_str!("../../policies/thingsboard.cedar"))];
/// The entities.
pub(super) const ENTITIES: Shipped =
    ("entities/entities.json", include_str!("../../entities/entities.json"));
/// The links.
pub(super) const LINKS: Shipped =
    ("entities/links.json", include_str!("../../entities/links.json"));

/// All of it as a bundle.
pub(super) fn bundle() -> Bundle {
    let text = |(name, text): Shipped| Text::new(name, text);
    Bundle {
        schema: Some(text(SCHEMA)),
        policies: CORE_POLICIES.into_iter().chain(OWN_POLICIES).map(text).collect(),
        entities: vec![text(ENTITIES)],
        links: vec![text(LINKS)],
    }
}
