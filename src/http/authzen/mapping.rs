//! How `AuthZEN`'s names are read: a type is the Cedar entity type of that name and an action
//! `Action::"name"`, unless the configuration maps them; and the metadata, whose base is
//! configured and never taken from a request.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use super::{EVALUATION_PATH, EVALUATIONS_PATH};
use crate::engine::uid::UidText;
use crate::http::native::{ACTION_TYPE, action_named};
use crate::http::problem::write_json;

/// The configuration of `AuthZEN`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Under which URL clients reach the data plane; without one, the address of the listener.
    pub public_url: Option<String>,
    /// From an `AuthZEN` type to the Cedar entity type that it means.
    pub types: BTreeMap<String, String>,
    /// From an `AuthZEN` action to the name of the Cedar action that it means, or to its uid as
    /// Cedar text.
    pub actions: BTreeMap<String, String>,
}

/// The configuration, made ready for requests.
#[derive(Debug)]
pub struct Mapping {
    types: HashMap<String, String>,
    actions: HashMap<String, UidText>,
    metadata: Vec<u8>,
}

/// A configuration of `AuthZEN` that cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`authzen.public_url`: `{url}` {reason}")]
pub struct MappingError {
    url: String,
    reason: &'static str,
}

#[derive(Serialize)]
struct Metadata<'a> {
    policy_decision_point: &'a str,
    access_evaluation_endpoint: String,
    access_evaluations_endpoint: String,
}

// === impl Mapping ===

impl Mapping {
    /// Makes the configuration ready. `listener_url` is the base of the listener's own URLs.
    pub fn new(options: &Options, listener_url: &str) -> Result<Self, MappingError> {
        let base = match &options.public_url {
            Some(url) => checked_base(url)?,
            None => listener_url,
        };
        let mut metadata = Vec::new();
        write_json(
            &mut metadata,
            &Metadata {
                policy_decision_point: base,
                access_evaluation_endpoint: format!("{base}{EVALUATION_PATH}"),
                access_evaluations_endpoint: format!("{base}{EVALUATIONS_PATH}"),
            },
        );
        let types = options.types.iter().map(|(from, to)| (from.clone(), to.clone())).collect();
        let actions =
            options.actions.iter().map(|(from, to)| (from.clone(), action_named(to.clone())));
        Ok(Self { types, actions: actions.collect(), metadata })
    }

    pub(super) fn type_name<'a>(&'a self, name: &'a str) -> &'a str {
        self.types.get(name).map_or(name, String::as_str)
    }

    /// The type and the id of an action.
    pub(super) fn action<'a>(&'a self, name: &'a str) -> (&'a str, &'a str) {
        match self.actions.get(name) {
            Some(uid) => (&uid.type_name, &uid.id),
            None => (ACTION_TYPE, name),
        }
    }

    pub(super) fn metadata(&self) -> &[u8] {
        &self.metadata
    }
}

/// A URL that endpoints can be appended to.
fn checked_base(url: &str) -> Result<&str, MappingError> {
    let fail = |reason| Err(MappingError { url: url.to_owned(), reason });
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    match rest {
        None => fail("begins neither with `https://` nor with `http://`"),
        Some(rest) if rest.is_empty() || rest.starts_with('/') => fail("names no host"),
        Some(_) if url.contains(['?', '#']) => fail("has a query or a fragment"),
        Some(_) if !url.bytes().all(|byte| byte.is_ascii_graphic()) => {
            fail("has characters that a URL cannot have")
        }
        Some(_) => Ok(url.trim_end_matches('/')),
    }
}
