//! The one table of routes. Each module lists its own; the router and the `OpenAPI` document are
//! made of the same entries, so that neither knows a route that the other does not. To add a route,
//! add an entry to the list of its module.

use std::collections::BTreeMap;

use axum::Router;
use axum::http::Method;
use axum::routing::MethodRouter;

use super::problem::Problem;
use super::{Doorway, admin, authzen, native, search};

/// One operation on one path.
#[derive(Debug, Clone, Copy)]
pub(super) struct Route {
    pub(super) verb: Verb,
    /// The path with its parameters in braces, as the router reads it.
    pub(super) path: &'static str,
    pub(super) access: Access,
    /// The handler as axum's router wants it, for this method only.
    pub(super) handler: fn() -> MethodRouter<Doorway>,
    pub(super) about: About,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verb {
    Get,
    Put,
    Post,
    Patch,
    Delete,
}

/// Who may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Whoever reaches the data plane.
    Data,
    /// Whoever reaches the admin plane.
    Open,
    /// A token that reads.
    Read,
    /// A token that writes.
    Write,
}

/// What the document says of a route.
#[derive(Debug, Clone, Copy)]
pub(super) struct About {
    /// The operation's id, in snake case.
    pub(super) id: &'static str,
    /// A line.
    pub(super) summary: &'static str,
    /// What else there is to know.
    pub(super) text: &'static str,
    pub(super) parameters: &'static [Parameter],
    /// The forms of the body; empty where there is none.
    pub(super) request: &'static [Content],
    /// The forms of the answer of 200.
    pub(super) answer: &'static [Content],
    /// Statuses of problems beside those that every route of its kind has.
    pub(super) problems: &'static [u16],
}

/// A parameter of a path, a query or a header.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    /// `path`, `query` or `header`.
    pub(super) place: &'static str,
    /// `string` or `boolean`.
    pub(super) kind: &'static str,
    pub(super) text: &'static str,
    pub(super) example: &'static str,
}

/// A body in one form.
#[derive(Debug, Clone, Copy)]
pub(super) struct Content {
    /// The media type.
    pub(super) media: &'static str,
    /// The name of its schema in `openapi/schemas.json`; empty for text.
    pub(super) schema: &'static str,
    /// A body as it is sent.
    pub(super) example: &'static str,
}

/// Every route of the data plane.
pub(super) fn data() -> impl Iterator<Item = &'static Route> {
    native::ROUTES.iter().chain(search::ROUTES).chain(authzen::ROUTES)
}

/// Every route of the admin plane.
pub(super) fn admin() -> impl Iterator<Item = &'static Route> {
    admin::ROUTES.iter().copied().flatten()
}

/// A router of these routes, which answers to other methods with those that there are.
pub(super) fn router(routes: impl Iterator<Item = &'static Route>) -> Router<Doorway> {
    let mut paths: BTreeMap<&str, (Vec<&str>, MethodRouter<Doorway>)> = BTreeMap::new();
    for route in routes {
        let (allowed, methods) = paths.entry(route.path).or_default();
        allowed.extend(route.verb.names());
        *methods = std::mem::take(methods).merge((route.handler)());
    }
    paths.into_iter().fold(Router::new(), |router, (path, (mut allowed, methods))| {
        allowed.sort_unstable();
        let allowed = allowed.join(", ");
        let refuse = move || {
            let problem = Problem::method_not_allowed(allowed.clone());
            async move { problem }
        };
        router.route(path, methods.fallback(refuse))
    })
}

/// Who may do this on the admin plane. Where the path is no entry as it stands, because it has
/// parameters or is none, the method decides, and never for open.
pub(super) fn access(method: &Method, path: &str) -> Access {
    let is_meant =
        |route: &&Route| route.path == path && route.verb.names().contains(&method.as_str());
    let by_method =
        if matches!(*method, Method::GET | Method::HEAD) { Access::Read } else { Access::Write };
    // Where a probe has no such method, there is nothing to protect, and the answer says so.
    let opens = |route: &Route| route.path == path && route.access == Access::Open;
    match admin().find(is_meant) {
        Some(route) => route.access,
        None if admin().any(opens) => Access::Open,
        None => by_method,
    }
}

// === impl Verb ===

impl Verb {
    /// The methods that the router answers to.
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Get => &["GET", "HEAD"],
            Self::Put => &["PUT"],
            Self::Post => &["POST"],
            Self::Patch => &["PATCH"],
            Self::Delete => &["DELETE"],
        }
    }

    /// As the document writes it.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Put => "put",
            Self::Post => "post",
            Self::Patch => "patch",
            Self::Delete => "delete",
        }
    }
}

// === impl Access ===

impl Access {
    /// The role that a token must have, if one is asked for.
    pub(super) fn role(self) -> Option<&'static str> {
        match self {
            Self::Data | Self::Open => None,
            Self::Read => Some("read"),
            Self::Write => Some("write"),
        }
    }
}

// === impl Content ===

impl Content {
    /// A body of JSON.
    pub(super) const fn json(schema: &'static str, example: &'static str) -> Self {
        Self { media: "application/json", schema, example }
    }
}

// === impl About ===

impl About {
    /// Nothing but an id and a line; the rest is added by struct update.
    pub(super) const fn new(id: &'static str, summary: &'static str) -> Self {
        Self { id, summary, text: "", parameters: &[], request: &[], answer: &[], problems: &[] }
    }
}
