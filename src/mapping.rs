//! From a request as a proxy tells it to checks: the route map, and the rules for paths.
//!
//! [`RouteFile`] is what `routes.yaml` says, [`RouteMap`] the same compiled against a schema, and
//! [`RouteMap::map`] says of an [`OriginalRequest`] what is to be checked. It is a function of its
//! arguments: no file, socket or clock. What cannot be mapped beyond doubt is not mapped at all:
//! every outcome but a check, a public route and a preflight is a deny.

mod captures;
mod check;
mod compile;
mod file;
mod host;
pub mod openapi;
mod overlap;
mod path;
mod pattern;
mod query;
mod reach;
mod reference;
mod request;
mod resource;
mod route;
mod table;
mod template;

pub use check::{Matched, Unresolved};
pub use file::{Preflight, RouteFile};
pub use path::Ambiguity;
pub use request::{Mapped, OriginalRequest, Upgrade};
pub use route::{CredentialPlace, Route};
pub use table::RouteMap;

/// The most bytes of a route file.
pub const FILE_BYTES_MAX: usize = 8 << 20;
/// The most routes of a file.
pub const ROUTES_MAX: usize = 10_000;
/// The most bytes of a request's target, path and query together.
pub const TARGET_BYTES_MAX: usize = 16 * 1024;
/// The most captures of one path.
pub const CAPTURES_MAX: usize = 8;
/// The most checks that one route asks for.
pub const CHECKS_MAX: usize = 16;
