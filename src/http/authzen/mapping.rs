//! How `AuthZEN`'s names are read: a type is the Cedar entity type of that name and an action
//! `Action::"name"`, unless the configuration maps them; and the metadata, whose base is
//! configured and never taken from a request.

use std::collections::{BTreeMap, HashMap};

use cedar_policy::EntityUid;
use serde::Serialize;

use super::{
    ACTION_SEARCH_PATH, EVALUATION_PATH, EVALUATIONS_PATH, RESOURCE_SEARCH_PATH,
    SUBJECT_SEARCH_PATH,
};
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
    /// From the type and id of an action to the name that means it, the first of several.
    names: HashMap<(String, String), String>,
    metadata: Vec<u8>,
    /// The path of the public URL, which begins with a slash, or is empty.
    public_path: String,
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
    search_subject_endpoint: String,
    search_resource_endpoint: String,
    search_action_endpoint: String,
}

// === impl Mapping ===

impl Mapping {
    /// Makes the configuration ready. `listener_url` is the base of the listener's own URLs.
    pub fn new(options: &Options, listener_url: &str) -> Result<Self, MappingError> {
        let base = match &options.public_url {
            Some(url) => checked_base(url)?,
            None => listener_url,
        };
        let public_path = base.splitn(4, '/').nth(3).map(|path| format!("/{path}"));
        let public_path = public_path.unwrap_or_default();
        let mut metadata = Vec::new();
        write_json(
            &mut metadata,
            &Metadata {
                policy_decision_point: base,
                access_evaluation_endpoint: format!("{base}{EVALUATION_PATH}"),
                access_evaluations_endpoint: format!("{base}{EVALUATIONS_PATH}"),
                search_subject_endpoint: format!("{base}{SUBJECT_SEARCH_PATH}"),
                search_resource_endpoint: format!("{base}{RESOURCE_SEARCH_PATH}"),
                search_action_endpoint: format!("{base}{ACTION_SEARCH_PATH}"),
            },
        );
        let types = options.types.iter().map(|(from, to)| (from.clone(), to.clone())).collect();
        let actions =
            options.actions.iter().map(|(from, to)| (from.clone(), action_named(to.clone())));
        let actions: HashMap<String, UidText> = actions.collect();
        let mut names = HashMap::new();
        // In the order of the names, so that it is always the same one.
        for name in options.actions.keys() {
            if let Some(uid) = actions.get(name) {
                let key = (uid.type_name.clone(), uid.id.clone());
                names.entry(key).or_insert_with(|| name.clone());
            }
        }
        Ok(Self { types, actions, names, metadata, public_path })
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

    /// The name of an action, where results are names: one that the configuration gives it, or its
    /// own.
    pub(super) fn name_of<'a>(&'a self, uid: &'a EntityUid) -> &'a str {
        let key = (uid.type_name().to_string(), uid.id().unescaped().to_owned());
        self.names.get(&key).map_or(uid.id().unescaped(), String::as_str)
    }

    /// Whether an evaluation can ask for an action at all.
    pub(super) fn names(&self, uid: &EntityUid) -> bool {
        let (type_name, id) = self.action(self.name_of(uid));
        uid.id().unescaped() == id && uid.type_name().to_string() == type_name
    }

    pub(super) fn metadata(&self) -> &[u8] {
        &self.metadata
    }

    /// What stands behind the well-known path where clients look for the metadata: the path of the
    /// public URL, which the specification has them put there; empty if it has none.
    pub(super) fn public_path(&self) -> &str {
        &self.public_path
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
