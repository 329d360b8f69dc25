//! From a proxy's question to a verdict: the route, who asks, whether the credential is not older
//! than the snapshot, and the route's checks, all by one snapshot. Whatever is missing on the way is
//! a deny.

use std::sync::Arc;
use std::time::Instant;

use super::complaints::Fault;
use super::identified::identify;
use super::metrics::RouteTally;
use super::routes::{Routes, State};
use super::{Asked, Decide, Dialect, Outcome, Told, Verdict};
use crate::engine::{Code, uid};
use crate::http::now_ms;
use crate::mapping::{Mapped, Matched, OriginalRequest};
use crate::pdp::{Installed, Pdp};

/// Decides what proxies ask. Cloning is shallow.
#[derive(Debug, Clone)]
pub struct Guard {
    pdp: Pdp,
    routes: Arc<Routes>,
}

/// A verdict, and the route that it is counted at.
struct Judged {
    verdict: Verdict,
    tally: Arc<RouteTally>,
    /// Whether checks have counted it already.
    counted: bool,
}

// === impl Guard ===

impl Guard {
    /// Decides by these routes.
    pub fn new(pdp: Pdp, routes: Arc<Routes>) -> Self {
        Self { pdp, routes }
    }

    /// The routes that it decides by.
    pub fn routes(&self) -> &Arc<Routes> {
        &self.routes
    }

    /// As what the endpoints call.
    pub(in crate::http) fn decide(&self) -> Decide {
        let guard = self.clone();
        Arc::new(move |asked| {
            let guard = guard.clone();
            Box::pin(async move { guard.answer(asked).await })
        })
    }

    /// Counts a question that was refused before it was asked, and tells the log why.
    pub(in crate::http) fn note_refused(&self, dialect: Dialect, code: Code) {
        self.pdp.metrics().count_refused(dialect.door(), code);
        let fault = match code {
            Code::NoCredential => Fault::NoToken,
            Code::InvalidCredential => Fault::InvalidToken,
            Code::ProxyMisconfigured => Fault::Host,
            _ => return,
        };
        self.routes.complaints.note(dialect, fault);
    }

    async fn answer(&self, asked: Asked) -> Verdict {
        let started = Instant::now();
        let door = asked.dialect.door();
        self.routes.tally.note_ignored(door, asked.ignored);
        let Judged { verdict, tally, counted } = self.judge(&asked).await;
        if let (Outcome::Deny(code), false) = (verdict.outcome, counted) {
            self.pdp.metrics().count_refused(door, code);
        }
        tally.observe(verdict.outcome, started.elapsed());
        verdict
    }

    async fn judge(&self, asked: &Asked) -> Judged {
        let told = match &asked.told {
            Ok(told) => told,
            Err(misconfigured) => {
                let fault = Fault::Misconfigured(*misconfigured);
                self.routes.complaints.note(asked.dialect, fault);
                return self.without_route(Outcome::Deny(Code::ProxyMisconfigured));
            }
        };
        let Some((installed, state)) = self.routes.in_force(&self.pdp).await else {
            return self.without_route(Outcome::Deny(Code::NotReady));
        };
        let compiled = state.as_ref().and_then(|state| Some((&**state, state.compiled()?)));
        let Some((state, compiled)) = compiled else {
            return self.without_route(Outcome::Deny(Code::UnmappedRoute));
        };
        match compiled.map.map(&original(told)) {
            Mapped::Unmapped => self.without_route(Outcome::Deny(Code::UnmappedRoute)),
            Mapped::Ambiguous(_) => self.without_route(Outcome::Deny(Code::AmbiguousPath)),
            Mapped::Preflight => self.without_route(Outcome::Allow),
            Mapped::Public(route) => {
                let tally = compiled.tallies.of(route);
                Judged { verdict: Verdict::nobody(Outcome::Allow), tally, counted: true }
            }
            Mapped::Matched(matched) => {
                let (verdict, counted) = self.decide_at(asked, &matched, state, &installed).await;
                Judged { verdict, tally: compiled.tallies.of(matched.route()), counted }
            }
        }
    }

    fn without_route(&self, outcome: Outcome) -> Judged {
        let tally = Arc::clone(self.routes.tally.without_route());
        Judged { verdict: Verdict::nobody(outcome), tally, counted: false }
    }

    /// Decides a request that needs somebody who asks; whether it was counted.
    async fn decide_at(
        &self,
        asked: &Asked,
        matched: &Matched<'_, '_>,
        state: &State,
        installed: &Installed,
    ) -> (Verdict, bool) {
        let refused = |code| (Verdict::deny(code), false);
        let now_ms = now_ms();
        let identities = state.identities();
        let identified = identify(identities, matched, &asked.headers, asked.peer, now_ms).await;
        let identity = match identified {
            Ok(identity) => identity,
            Err(unidentified) => return refused(unidentified.code()),
        };
        let snapshot = &installed.snapshot;
        // The compiler has seen to it that the schema declares the type.
        let Ok(principal) = snapshot.uid(&identity.type_name, &identity.id) else {
            return refused(Code::InvalidRequest);
        };
        let about = |code| {
            let revision = Some(installed.revision);
            Verdict { principal: uid::text(&principal), revision, ..Verdict::deny(code) }
        };
        if let Err(stale) = identity.agrees(snapshot) {
            return (about(stale.code()), false);
        }
        match matched.checks(&principal, snapshot, now_ms) {
            Err(unresolved) => (about(unresolved.code()), false),
            Ok(requests) => {
                let mut verdict = about(Code::NoPermit);
                for request in &requests {
                    let decided = self.pdp.check(asked.dialect.door(), installed, request);
                    verdict.decision_id = Some(decided.id);
                    // The first that does not allow says why.
                    if decided.code() != Code::Allow {
                        verdict.outcome = Outcome::Deny(decided.code());
                        return (verdict, true);
                    }
                    verdict.outcome = Outcome::Allow;
                }
                (verdict, true)
            }
        }
    }
}

fn original(told: &Told) -> OriginalRequest<'_> {
    OriginalRequest {
        method: &told.method,
        host: told.host.as_deref(),
        target: &told.target,
        cors: told.cors,
        upgrade: told.upgrade,
    }
}
