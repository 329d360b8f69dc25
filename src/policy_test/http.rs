//! A request of a client through the route map, decided as a proxy's question is: the route, who
//! asks, and the route's checks, of which the first that does not allow says why.

use std::collections::BTreeSet;

use cedar_policy::EntityUid;

use super::answer::{Answer, Verdict};
use super::case::Scene;
use super::suite::Http;
use super::world::{Asker, Routes};
use crate::engine::{CheckRequest, Code};
use crate::mapping::{Mapped, Matched, OriginalRequest, Upgrade};

/// What came out of a request.
pub(super) struct Decided {
    pub(super) answer: Answer,
    /// The checks that were made.
    pub(super) requests: Vec<CheckRequest>,
    /// The check that decided, where one did.
    pub(super) deciding: Option<CheckRequest>,
}

// === impl Scene ===

impl Scene {
    /// Decides a request.
    pub(super) fn http(&self, http: &Http, asker: Option<&EntityUid>) -> Decided {
        let deny =
            |code: Code, why: String| Decided::without_check(Verdict::Deny, code.as_str(), why);
        let Some(routes) = &self.routes else {
            return deny(Code::UnmappedRoute, "there is no route file".to_owned());
        };
        let header = |name: &'static str| {
            let is_it = move |it: &&(String, String)| it.0.eq_ignore_ascii_case(name);
            http.headers.iter().filter(is_it).map(|(_, value)| value.as_str())
        };
        let cors = header("origin").next().is_some()
            && header("access-control-request-method").next().is_some();
        let web_socket = header("sec-websocket-key").next().is_some();
        let upgrade = Upgrade::told(header("upgrade").map(str::as_bytes), web_socket);
        let mut request = OriginalRequest::at(&http.method, &http.url);
        request.host = request.host.or(header("host").next());
        request.cors = cors;
        if upgrade != Upgrade::None {
            request.upgrade = upgrade;
        }
        match routes.map.map(&request) {
            Mapped::Unmapped => {
                deny(Code::UnmappedRoute, "no route is for this request".to_owned())
            }
            Mapped::Ambiguous(why) => deny(Code::AmbiguousPath, why.as_str().to_owned()),
            Mapped::Preflight => {
                Decided::without_check(Verdict::Allow, "allow", "a preflight has no credentials")
            }
            Mapped::Public(_) => {
                Decided::without_check(Verdict::Allow, "allow", "the route is public")
            }
            Mapped::Matched(matched) => match self.who_asks(http, asker, &matched, routes) {
                Asker::Nobody => {
                    deny(Code::NoCredential, "the route is not public, and nobody asks".to_owned())
                }
                Asker::Refused(code, why) => deny(code, why),
                Asker::Principal(principal) => self.checks(&matched, &principal),
            },
        }
    }

    fn who_asks(
        &self,
        http: &Http,
        asker: Option<&EntityUid>,
        matched: &Matched<'_, '_>,
        routes: &Routes,
    ) -> Asker {
        match asker {
            Some(uid) => Asker::Principal(uid.clone()),
            None => (routes.identify)(matched, &http.headers, self.now_ms, &self.snapshot),
        }
    }

    fn checks(&self, matched: &Matched<'_, '_>, principal: &EntityUid) -> Decided {
        let requests = match matched.checks(principal, &self.snapshot, self.now_ms) {
            Ok(requests) => requests,
            Err(why) => {
                return Decided::without_check(Verdict::Deny, why.code().as_str(), why.to_string());
            }
        };
        let mut because = BTreeSet::new();
        let mut errors = Vec::new();
        let mut whole = None;
        let mut deciding = None;
        let mut made = Vec::new();
        for request in requests {
            let mut answer = self.decide(&request);
            // To a proxy a request that does not fit is a deny like any other.
            if answer.verdict == Verdict::Invalid {
                answer.verdict = Verdict::Deny;
            }
            errors.append(&mut answer.errors);
            let denied = answer.verdict != Verdict::Allow;
            if denied {
                because.clear();
            }
            because.extend(std::mem::take(&mut answer.because));
            whole = Some(answer);
            deciding = Some(request.clone());
            made.push(request);
            if denied {
                break;
            }
        }
        let nothing = || Answer::without_check(Verdict::Deny, "invalid_request", "no check");
        let mut answer = whole.unwrap_or_else(nothing);
        answer.because = because.into_iter().collect();
        answer.errors = errors;
        Decided { answer, requests: made, deciding }
    }
}

// === impl Decided ===

impl Decided {
    fn without_check(verdict: Verdict, code: &str, why: impl Into<String>) -> Self {
        let answer = Answer::without_check(verdict, code, why);
        Self { answer, requests: Vec::new(), deciding: None }
    }
}
