//! The worlds that suites are run against: each fixture read and compiled once, however many suites
//! have it.

use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;

use super::super::check::no_policies;
use super::super::exit::Failure;
use crate::config::Config;
use crate::engine::{Bundle, Code, Snapshot, compile};
use crate::http::proxy::{self, RouteConfig};
use crate::identity::Peer;
use crate::mapping::{Matched, RouteFile, RouteMap};
use crate::policy_test::{Asker, Fixture, Routes, Suite, World};
use crate::sources::{self, Inputs};

/// The worlds that were read.
#[derive(Debug)]
pub(super) struct Worlds<'a> {
    config: &'a Config,
    read: Vec<(Key, Arc<World>)>,
    now_ms: i64,
}

/// What tells one world from another.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Key {
    inputs: Inputs,
    routes: Option<PathBuf>,
    /// Whether requests say by their headers who asks.
    by_headers: bool,
}

// === impl Worlds ===

impl<'a> Worlds<'a> {
    pub(super) fn new(config: &'a Config) -> Self {
        Self { config, read: Vec::new(), now_ms: Timestamp::now().as_millisecond() }
    }

    /// The world of a suite.
    pub(super) fn of(&mut self, suite: &Suite) -> Result<Arc<World>, Failure> {
        let key = Key::of(self.config, suite);
        if let Some((_, world)) = self.read.iter().find(|(known, _)| *known == key) {
            return Ok(Arc::clone(world));
        }
        let world = Arc::new(self.build(&key, &suite.fixture)?);
        self.read.push((key, Arc::clone(&world)));
        Ok(world)
    }

    /// All of them.
    pub(super) fn all(self) -> Vec<Arc<World>> {
        self.read.into_iter().map(|(_, world)| world).collect()
    }

    fn build(&self, key: &Key, fixture: &Fixture) -> Result<World, Failure> {
        if key.inputs.policies.is_empty() {
            return Err(no_policies());
        }
        let limits = self.config.limits.file_limits();
        let mut bundle = sources::read(&key.inputs, &limits)?;
        if bundle.schema.is_none() && fixture.policies.is_some() {
            // Policies alone are read under the project's own schema.
            let own = Inputs { entities: Vec::new(), links: None, ..self.config.inputs() };
            bundle = Bundle { schema: sources::read(&own, &limits)?.schema, ..bundle };
        }
        let compile_options = self.config.compile_options();
        let snapshot = compile(&bundle, &compile_options)?;
        let routes = match &key.routes {
            Some(path) => Some(Arc::new(routes(path, key.by_headers, &snapshot)?)),
            None => None,
        };
        Ok(World {
            snapshot,
            policies: bundle.policies,
            routes,
            check: self.config.check_options(),
            compile: compile_options,
            now_ms: self.now_ms,
        })
    }
}

// === impl Key ===

impl Key {
    fn of(config: &Config, suite: &Suite) -> Self {
        let base = Path::new(&suite.name).parent().unwrap_or(Path::new(""));
        let path = |written: &String| tidied(&base.join(written));
        let many = |written: &Vec<String>| written.iter().map(path).collect::<Vec<_>>();
        let Fixture { policies, schema, entities, links, routes } = &suite.fixture;
        let mut inputs = config.inputs();
        if let Some(policies) = policies {
            inputs.policies = many(policies);
            inputs.schema = None;
        }
        if let Some(schema) = schema {
            inputs.schema = Some(path(schema));
        }
        if let Some(entities) = entities {
            inputs.entities = many(entities);
            inputs.links = None;
        }
        if let Some(links) = links {
            inputs.links = Some(path(links));
        }
        let routes = match routes {
            Some(routes) => Some(path(routes)),
            None => config.routes.value.clone(),
        };
        Self { inputs, routes, by_headers: suite.identifies() }
    }
}

/// The files and directories that the world of a suite is read from.
pub(super) fn paths(config: &Config, suite: &Suite) -> Vec<PathBuf> {
    let Key { inputs, routes, .. } = Key::of(config, suite);
    let single = [inputs.schema, inputs.links, routes].into_iter().flatten();
    inputs.policies.into_iter().chain(inputs.entities).chain(single).collect()
}

/// A path without the steps that lead back, where the system takes both for the same.
fn tidied(path: &Path) -> PathBuf {
    let mut tidy = PathBuf::new();
    for step in path.components() {
        let back = step == Component::ParentDir
            && matches!(tidy.components().next_back(), Some(Component::Normal(_)));
        if back {
            tidy.pop();
        } else if step != Component::CurDir {
            tidy.push(step);
        }
    }
    match (fs::canonicalize(&tidy), fs::canonicalize(path)) {
        (Ok(one), Ok(other)) if one == other => tidy,
        _ => path.to_owned(),
    }
}

/// A route file, compiled. The keys and secrets that it names are read only where requests need
/// them; keys behind a URL are never fetched.
fn routes(path: &Path, by_headers: bool, snapshot: &Snapshot) -> Result<Routes, Failure> {
    let text = RouteConfig::text(path)?;
    RouteConfig::judge(&text, Some(snapshot.schema()))?;
    let map = RouteMap::compile(&RouteFile::parse(&text)?, snapshot.schema())?;
    if !by_headers {
        return Ok(Routes { map, identify: Box::new(|_, _, _, _| Asker::Nobody) });
    }
    let config = RouteConfig::read(&text)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::error(format!("cannot start: {error}")))?;
    let identify = move |matched: &Matched<'_, '_>,
                         headers: &[(String, String)],
                         now_ms: i64,
                         snapshot: &Snapshot| {
        let Some(headers) = header_map(headers) else {
            let why = "a header is none that HTTP can have".to_owned();
            return Asker::Refused(Code::InvalidCredential, why);
        };
        let peer = Peer::Ip(std::net::Ipv4Addr::LOCALHOST.into());
        let known = config.identities();
        let asked = proxy::identify(known, matched, &headers, peer, now_ms);
        let identity = match runtime.block_on(asked) {
            Ok(identity) => identity,
            Err(why) if why.code() == Code::NoCredential => return Asker::Nobody,
            Err(why) => return Asker::Refused(why.code(), why.to_string()),
        };
        if let Err(stale) = identity.agrees(snapshot) {
            return Asker::Refused(stale.code(), stale.to_string());
        }
        match snapshot.uid(&identity.type_name, &identity.id) {
            Ok(principal) => Asker::Principal(principal),
            Err(invalid) => Asker::Refused(Code::InvalidRequest, invalid.message),
        }
    };
    Ok(Routes { map, identify: Box::new(identify) })
}

fn header_map(headers: &[(String, String)]) -> Option<HeaderMap> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name: HeaderName = name.parse().ok()?;
        let value: HeaderValue = value.parse().ok()?;
        map.append(name, value);
    }
    Some(map)
}
