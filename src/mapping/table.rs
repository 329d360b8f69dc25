//! The compiled map, and how a request finds its route: by host, method and path, then by what
//! tells routes of one path apart. Nothing here grows with the number of routes at request time.

use std::collections::HashMap;

use matchit::Router;

use super::captures::Captures;
use super::check::Matched;
use super::file::{Preflight, RouteFile};
use super::path::{self, Ambiguity, Target, decode};
use super::pattern::Pattern;
use super::request::{Mapped, OriginalRequest, Upgrade};
use super::route::Route;
use super::template::{Segment, Template};
use super::{host, query};

/// A compiled route map.
#[derive(Debug)]
pub struct RouteMap {
    pub(super) routes: Vec<Route>,
    /// The routes of each host that is named.
    pub(super) hosts: HashMap<String, Methods>,
    /// The routes of every other host.
    pub(super) others: Methods,
    pub(super) preflight: Preflight,
    pub(super) head_as_get: bool,
    pub(super) merge_slashes: bool,
}

/// Routers by method: a handful, so that a list is searched faster than a map.
#[derive(Debug, Default)]
pub(super) struct Methods(pub(super) Vec<(String, Router<Group>)>);

/// The routes of one shape.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// Their numbers; at most one of them is for any request.
    pub(super) routes: Vec<usize>,
    /// Routes of other shapes that can match the same path without either being the more specific.
    pub(super) crossing: Vec<usize>,
}

/// A route and what its path captured.
type Found = (usize, Captures);

// === impl RouteMap ===

impl RouteMap {
    pub(super) fn new(file: &RouteFile, routes: Vec<Route>) -> Self {
        Self {
            routes,
            hosts: HashMap::new(),
            others: Methods::default(),
            preflight: file.preflight,
            head_as_get: file.head_as_get,
            merge_slashes: file.merge_slashes,
        }
    }

    /// Every route, in the order of the file.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// What is to be done about a request.
    pub fn map<'m, 'r>(&'m self, request: &OriginalRequest<'r>) -> Mapped<'m, 'r> {
        self.find(request).unwrap_or_else(Mapped::Ambiguous)
    }

    fn find<'m, 'r>(&'m self, request: &OriginalRequest<'r>) -> Result<Mapped<'m, 'r>, Ambiguity> {
        let target = path::read(request.target, self.merge_slashes)?;
        let Some(methods) = self.methods(request.host)? else { return Ok(Mapped::Unmapped) };
        let is_preflight = request.method == "OPTIONS" && request.cors;
        if is_preflight && self.preflight == Preflight::AllowCors {
            let known = methods.knows(&self.routes, &target.path);
            let plain = request.upgrade == Upgrade::None && !target.encoded_slash;
            return Ok(if known && plain { Mapped::Preflight } else { Mapped::Unmapped });
        }
        let mut found = self.route(methods, request.method, request.upgrade, &target)?;
        if found.is_none() && request.method == "HEAD" && self.head_as_get {
            found = self.route(methods, "GET", request.upgrade, &target)?;
        }
        let Some((number, captures)) = found else {
            let slash = target.encoded_slash;
            return if slash { Err(Ambiguity::EncodedSlash) } else { Ok(Mapped::Unmapped) };
        };
        let Some(route) = self.routes.get(number) else { return Ok(Mapped::Unmapped) };
        if target.encoded_slash {
            may_hold_slashes(route, &target.path, &captures)?;
        }
        if route.public {
            return Ok(Mapped::Public(route));
        }
        Ok(Mapped::Matched(Matched::new(route, target, captures)))
    }

    /// The routers of a host; `None` where no route can be for it.
    fn methods(&self, host: Option<&str>) -> Result<Option<&Methods>, Ambiguity> {
        let host = host.map(host::read).transpose()?;
        if self.hosts.is_empty() {
            return Ok(Some(&self.others));
        }
        // Where hosts decide, a request that does not say its host has no route.
        let Some(host) = host else { return Ok(None) };
        Ok(Some(self.hosts.get(&*host).unwrap_or(&self.others)))
    }

    /// The one route for a method and a path.
    fn route(
        &self,
        methods: &Methods,
        method: &str,
        upgrade: Upgrade,
        target: &Target<'_>,
    ) -> Result<Option<Found>, Ambiguity> {
        let Some(router) = methods.router(method) else { return Ok(None) };
        let Ok(matched) = router.at(&target.path) else { return Ok(None) };
        let too = |number: &usize| {
            self.routes.get(*number).is_some_and(|it| it.template.matches(&target.path))
        };
        if matched.value.crossing.iter().any(too) {
            return Err(Ambiguity::TwoRoutes);
        }
        for number in &matched.value.routes {
            let Some(route) = self.routes.get(*number) else { continue };
            if route.takes(upgrade)
                && route.template.matches(&target.path)
                && query::holds(&route.query, target.query)?
            {
                return Ok(Some((*number, Captures::of(&target.path, &matched.params))));
            }
        }
        Ok(None)
    }
}

/// Whether every encoded slash stands in a capture that may hold some.
fn may_hold_slashes(route: &Route, path: &str, captures: &Captures) -> Result<(), Ambiguity> {
    let count = |text: &str| text.matches("%2F").count();
    let allowed: usize =
        route.encoded_slash.iter().filter_map(|at| captures.raw(path, *at)).map(count).sum();
    if allowed == count(path) { Ok(()) } else { Err(Ambiguity::EncodedSlash) }
}

// === impl Methods ===

impl Methods {
    pub(super) fn router(&self, method: &str) -> Option<&Router<Group>> {
        self.0.iter().find(|(name, _)| name == method).map(|(_, router)| router)
    }

    /// Whether some route, of whatever method, is for a path.
    fn knows(&self, routes: &[Route], path: &str) -> bool {
        self.0.iter().filter_map(|(_, router)| router.at(path).ok()).any(|matched| {
            let mut numbers = matched.value.routes.iter();
            numbers.any(|number| routes.get(*number).is_some_and(|it| it.template.matches(path)))
        })
    }
}

/// Whether the forms of captures keep two routes of one shape apart.
pub(super) fn told_apart(one: &Template, two: &Template) -> bool {
    one.segments.iter().zip(&two.segments).any(|pair| match pair {
        (Segment::Capture { pattern: one, .. }, Segment::Capture { pattern: two, .. }) => {
            let apart = |words: &[String], other: &Option<Pattern>| {
                let other = other.as_ref().unwrap_or(&Pattern::Any);
                !words.iter().any(|word| other.fits(&decode(word)))
            };
            match (one, two) {
                (Some(Pattern::OneOf(words)), other) | (other, Some(Pattern::OneOf(words))) => {
                    apart(words, other)
                }
                _ => false,
            }
        }
        _ => false,
    })
}
