//! A route, compiled: what it matches beside its path, and what it asks.

use cedar_policy::EntityUid;

use super::query::Condition;
use super::request::Upgrade;
use super::resource::{Resource, ValueOf};
use super::template::Template;

/// One route of the map.
#[derive(Debug)]
pub struct Route {
    pub(super) number: usize,
    pub(super) label: String,
    pub(super) line: usize,
    pub(super) methods: Vec<String>,
    /// The hosts it is for; none: all.
    pub(super) hosts: Vec<String>,
    pub(super) template: Template,
    pub(super) names: Vec<String>,
    pub(super) query: Vec<(String, Condition)>,
    pub(super) upgrade: bool,
    pub(super) credentials: Vec<CredentialPlace>,
    /// The positions of the captures that may hold an encoded slash.
    pub(super) encoded_slash: Vec<usize>,
    /// None for a public route.
    pub(super) checks: Vec<Check>,
    pub(super) public: bool,
}

/// A place beside the usual headers where this route's credential may stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialPlace {
    /// A query parameter.
    Query(String),
    /// A cookie.
    Cookie(String),
}

/// One check of a route.
#[derive(Debug)]
pub(super) struct Check {
    pub(super) action: EntityUid,
    pub(super) resource: Resource,
    pub(super) context: Vec<(String, ValueOf)>,
}

// === impl Route ===

impl Route {
    /// The pattern of the path, as the file has it: for metrics, and for logs that must not hold
    /// what a path or query may hold.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Its place among the routes of the map, from 0.
    pub fn number(&self) -> usize {
        self.number
    }

    /// The methods that it is for.
    pub fn methods(&self) -> &[String] {
        &self.methods
    }

    /// The line of the route file where it stands, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// Where its credential may stand beside the usual headers.
    pub fn credentials(&self) -> &[CredentialPlace] {
        &self.credentials
    }

    /// Whether it needs no credential and no check.
    pub fn is_public(&self) -> bool {
        self.public
    }

    /// Whether it is for this kind of connection.
    pub(super) fn takes(&self, upgrade: Upgrade) -> bool {
        match upgrade {
            Upgrade::None => !self.upgrade,
            Upgrade::WebSocket => self.upgrade,
            Upgrade::Other => false,
        }
    }

    /// Whether no request is for both, given that their paths have one shape.
    pub(super) fn excludes(&self, other: &Self) -> bool {
        let by_query = self.query.iter().any(|(name, condition)| {
            let theirs = other.query.iter().find(|(other, _)| other == name);
            theirs.is_some_and(|(_, other)| condition.excludes(other))
        });
        by_query || self.upgrade != other.upgrade
    }
}
