//! What came out for one request, for people and for programs.

use std::fmt::Write;

use cedar_policy::EntityUid;
use serde_json::{Map, Value, json};

use super::super::exit::Failure;
use super::super::terminal::{Paint, visible};
use super::super::verdict::{Detail, Verdict, indent};
use crate::engine::{CheckOptions, CheckRequest, Code, Snapshot};
use crate::mapping::{Mapped, OriginalRequest, Route};

/// Who asks, once their credentials were looked at.
#[derive(Debug)]
pub(super) enum Asker {
    /// No credentials.
    Nobody,
    /// Credentials that do not hold, and why.
    Refused(Code, String),
    /// The principal that they stand for.
    Principal(EntityUid),
}

/// A decision over a whole request.
pub(super) struct Answer {
    code: String,
    /// Why, where no policy was asked.
    why: Option<String>,
    allow: bool,
    checks: Vec<Decided>,
}

/// One check, and what came out.
struct Decided {
    request: CheckRequest,
    verdict: Result<Verdict, String>,
}

/// An answer and what it is about.
pub(super) struct Explained<'m> {
    pub(super) answer: Answer,
    method: String,
    target: String,
    file: String,
    route: Option<&'m Route>,
    captures: Vec<(String, String)>,
}

// === impl Answer ===

impl Answer {
    /// Decides what the map says of a request.
    pub(super) fn of(
        mapped: &Mapped<'_, '_>,
        asker: &Asker,
        snapshot: &Snapshot,
        options: CheckOptions,
        now_ms: i64,
    ) -> Self {
        let matched = match mapped {
            Mapped::Unmapped => {
                return Self::without_check(
                    false,
                    "unmapped_route",
                    "no route is for this request",
                );
            }
            Mapped::Ambiguous(why) => {
                return Self::without_check(false, "ambiguous_path", why.as_str());
            }
            Mapped::Preflight => {
                return Self::without_check(true, "allow", "a preflight carries no credentials");
            }
            Mapped::Public(_) => return Self::without_check(true, "allow", "the route is public"),
            Mapped::Matched(matched) => matched,
        };
        let principal = match asker {
            Asker::Principal(principal) => principal,
            Asker::Refused(code, why) => return Self::without_check(false, code.as_str(), why),
            Asker::Nobody => {
                let why = "the route is not public, and nobody is signed in";
                return Self::without_check(false, Code::NoCredential.as_str(), why);
            }
        };
        match matched.checks(principal, snapshot, now_ms) {
            Err(why) => Self::without_check(false, why.code().as_str(), &why.to_string()),
            Ok(requests) => Self::decide(requests, snapshot, options),
        }
    }

    fn without_check(allow: bool, code: &str, why: &str) -> Self {
        Self { code: code.to_owned(), why: Some(why.to_owned()), allow, checks: Vec::new() }
    }

    fn decide(requests: Vec<CheckRequest>, snapshot: &Snapshot, options: CheckOptions) -> Self {
        let mut checks = Vec::new();
        let (mut allow, mut code) = (true, "allow".to_owned());
        for mut request in requests {
            request.explain = true;
            let (allows, its_code, verdict) = match snapshot.check(&request, options) {
                Ok(response) => {
                    let its_code = response.code.as_str();
                    let verdict = Verdict::from(response);
                    (verdict.is_allow(), its_code, Ok(verdict))
                }
                Err(invalid) => (false, "invalid_request", Err(invalid.message)),
            };
            // The first check that does not allow says why.
            if allow && !allows {
                allow = false;
                its_code.clone_into(&mut code);
            }
            checks.push(Decided { request, verdict });
        }
        Self { code, why: None, allow, checks }
    }

    pub(super) fn is_allow(&self) -> bool {
        self.allow
    }
}

// === impl Explained ===

impl<'m> Explained<'m> {
    pub(super) fn new(
        request: &OriginalRequest<'_>,
        mapped: &Mapped<'m, '_>,
        file: &str,
        answer: Answer,
    ) -> Self {
        let (route, captures) = match mapped {
            Mapped::Public(route) => (Some(*route), Vec::new()),
            Mapped::Matched(matched) => {
                let owned =
                    matched.captures().map(|(name, value)| (name.to_owned(), value.into_owned()));
                (Some(matched.route()), owned.collect())
            }
            _ => (None, Vec::new()),
        };
        Self {
            answer,
            method: request.method.to_owned(),
            target: request.target.to_owned(),
            file: file.to_owned(),
            route,
            captures,
        }
    }

    /// For people: the decision first, then how it came about.
    pub(super) fn for_people(&self, paint: Paint) -> String {
        let Answer { code, why, allow, checks } = &self.answer;
        let mut lines =
            vec![if *allow { paint.good("allow") } else { paint.bad("deny") }.into_owned()];
        if let Some(why) = why {
            let code = if *allow { String::new() } else { format!(" ({code})") };
            lines.extend(indent(2, &format!("{why}{code}")));
        }
        if let Some(route) = self.route {
            let place =
                paint.faint(&visible(&format!("{}:{}", self.file, route.line()))).into_owned();
            lines.push(format!("  route {}  {place}", paint.bold(&visible(route.label()))));
        }
        for (name, value) in &self.captures {
            lines.push(visible(&format!("    {name} = {value}")));
        }
        for Decided { request, verdict } in checks {
            let action = request.action.id().unescaped();
            let CheckRequest { principal, resource, context, .. } = request;
            let mut question = format!("  check {principal} {action} {resource}");
            if !context.is_empty() {
                let _ = write!(question, " {}", Value::Object(context.clone()));
            }
            lines.push(visible(&question));
            match verdict {
                Ok(verdict) => {
                    let text = verdict.render(paint, Detail::Brief);
                    lines.extend(text.lines().map(|line| format!("    {line}")));
                }
                Err(why) => {
                    lines.push(format!("    {}", paint.bad("deny")));
                    lines.extend(indent(6, &format!("{why} (invalid_request)")));
                }
            }
        }
        lines.join("\n") + "\n"
    }

    /// For programs.
    pub(super) fn to_json(&self) -> Result<Value, Failure> {
        let mut json = json!({
            "method": self.method,
            "target": self.target,
            "decision": if self.answer.allow { "allow" } else { "deny" },
            "code": self.answer.code,
        });
        let Value::Object(members) = &mut json else { return Ok(json) };
        if let Some(why) = &self.answer.why {
            members.insert("why".to_owned(), json!(why));
        }
        if let Some(route) = self.route {
            let route = json!({
                "path": route.label(),
                "file": self.file,
                "line": route.line(),
                "public": route.is_public(),
            });
            members.insert("route".to_owned(), route);
            let captures: Map<String, Value> =
                self.captures.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
            members.insert("captures".to_owned(), Value::Object(captures));
        }
        let checks = self.answer.checks.iter().map(Decided::to_json);
        let checks = checks.collect::<Result<Vec<_>, _>>();
        let checks = checks.map_err(|error| Failure::error(error.to_string()))?;
        members.insert("checks".to_owned(), Value::Array(checks));
        Ok(json)
    }
}

// === impl Decided ===

impl Decided {
    fn to_json(&self) -> Result<Value, serde_json::Error> {
        let CheckRequest { principal, action, resource, context, .. } = &self.request;
        let mut json = match &self.verdict {
            Ok(verdict) => serde_json::to_value(verdict)?,
            Err(why) => json!({"decision": "deny", "code": "invalid_request", "why": why}),
        };
        if let Value::Object(members) = &mut json {
            members.insert("principal".to_owned(), json!(principal.to_string()));
            members.insert("action".to_owned(), json!(action.to_string()));
            members.insert("resource".to_owned(), json!(resource.to_string()));
            members.insert("context".to_owned(), Value::Object(context.clone()));
        }
        Ok(json)
    }
}
