//! What tests meet: policies and entities, compiled as the service compiles them, the route map,
//! and the time.

use std::fmt;
use std::sync::Arc;

use cedar_policy::EntityUid;

use crate::engine::{CheckOptions, Code, CompileOptions, Problems, Snapshot, Text};
use crate::mapping::{Matched, RouteMap};

/// Policies, entities and routes that tests are run against.
#[derive(Debug, Clone)]
pub struct World {
    /// Policies, schema, entities and links.
    pub snapshot: Snapshot,
    /// The policy texts that it was compiled from.
    pub policies: Vec<Text>,
    /// What requests of a proxy ask for, if there is a route file.
    pub routes: Option<Arc<Routes>>,
    /// How checks are evaluated.
    pub check: CheckOptions,
    /// How changes are judged.
    pub compile: CompileOptions,
    /// The time of a test that says none, in milliseconds since 1970.
    pub now_ms: i64,
}

/// A route map, and who can tell who asks.
pub struct Routes {
    /// The route map.
    pub map: RouteMap,
    /// Reads from a request's headers who asks.
    pub identify: Box<Identify>,
}

/// Says who asks for a matched route, by these headers, at this time in milliseconds since 1970.
pub type Identify =
    dyn Fn(&Matched<'_, '_>, &[(String, String)], i64, &Snapshot) -> Asker + Send + Sync;

/// Who asks.
#[derive(Debug)]
pub enum Asker {
    /// No credentials.
    Nobody,
    /// Credentials that do not hold, and why.
    Refused(Code, String),
    /// The principal that they stand for.
    Principal(EntityUid),
}

// === impl World ===

impl World {
    /// The same with another text in the place of one of the policies. Entities and links are
    /// shared.
    ///
    /// # Errors
    /// The policies do not compile so.
    pub fn with_policy_text(&self, text: &Text) -> Result<Self, Problems> {
        let of_name = |policies: &Text| policies.name == text.name;
        let texts = self.policies.iter().map(|own| if of_name(own) { text } else { own });
        let policies: Vec<Text> = texts.cloned().collect();
        let snapshot = self.snapshot.with_policies(&policies, &self.compile)?;
        Ok(Self { snapshot, policies, ..self.clone() })
    }
}

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Routes").field("map", &self.map).finish_non_exhaustive()
    }
}
