//! What the claims of a token must say: times, issuer, audience, scopes; and the owner that it
//! names.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::Fault;
use crate::identity::ClaimedOwner;
use crate::identity::options::{JwtOptions, OWNER_ATTRIBUTE, OwnerOptions};
use crate::identity::principal;

/// Scopes of tokens that are there to get a token with. `ThingsBoard` signs them with the same key
/// as access tokens; they count only where the route file lists them.
const NOT_ACCESS: [&str; 3] =
    ["REFRESH_TOKEN", "PRE_VERIFICATION_TOKEN", "MFA_CONFIGURATION_TOKEN"];

/// What one issuer's tokens must say.
#[derive(Debug)]
pub(super) struct Rules {
    issuer: Option<String>,
    audience: Vec<String>,
    scopes: Vec<String>,
    scope_claim: Option<String>,
    owner: Option<OwnerOptions>,
    pub(super) owner_attribute: Arc<str>,
    leeway_s: i64,
    max_lifetime_s: Option<i64>,
}

/// The times of a token, in seconds since 1970.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claims {
    pub(super) expires_at: i64,
    not_before: Option<i64>,
    issued_at: Option<i64>,
}

// === impl Rules ===

impl Rules {
    pub(super) fn new(options: &JwtOptions) -> Self {
        let attribute = options.owner.as_ref().map_or(OWNER_ATTRIBUTE, |owner| &owner.attribute);
        Self {
            issuer: options.issuer.clone(),
            audience: options.audience.clone(),
            scopes: options.scopes.clone(),
            scope_claim: options.scope_claim.clone(),
            owner_attribute: attribute.into(),
            owner: options.owner.clone(),
            leeway_s: options.leeway_s,
            max_lifetime_s: options.max_lifetime_s,
        }
    }

    /// Everything but whether the token is good now.
    pub(super) fn judge(&self, claims: &Map<String, Value>) -> Result<Claims, Fault> {
        let whole = |name, fault| match claims.get(name) {
            None => Ok(None),
            Some(value) => value.as_i64().map(Some).ok_or(fault),
        };
        let times = Claims {
            expires_at: whole("exp", Fault::Expiry)?.ok_or(Fault::Expiry)?,
            not_before: whole("nbf", Fault::Dates)?,
            issued_at: whole("iat", Fault::Dates)?,
        };
        if let Some(max) = self.max_lifetime_s {
            let begin = times.issued_at.ok_or(Fault::Lifetime)?;
            if times.expires_at.saturating_sub(begin) > max {
                return Err(Fault::Lifetime);
            }
        }
        if let Some(issuer) = &self.issuer
            && claims.get("iss").and_then(Value::as_str) != Some(issuer)
        {
            return Err(Fault::Issuer);
        }
        self.judge_audience(claims)?;
        self.judge_scopes(claims)?;
        Ok(times)
    }

    /// Whether the token is good at a time, in seconds since 1970.
    pub(super) fn judge_time(&self, claims: &Claims, now: i64) -> Result<(), Fault> {
        if claims.expires_at.saturating_add(self.leeway_s) <= now {
            return Err(Fault::Expired);
        }
        let begins = [claims.not_before, claims.issued_at];
        if begins.into_iter().flatten().any(|time| time > now.saturating_add(self.leeway_s)) {
            return Err(Fault::NotYetValid);
        }
        Ok(())
    }

    fn judge_audience(&self, claims: &Map<String, Value>) -> Result<(), Fault> {
        if self.audience.is_empty() {
            return Ok(());
        }
        let audiences = texts(claims.get("aud").ok_or(Fault::Audience)?).ok_or(Fault::Audience)?;
        let meant = audiences.iter().any(|one| self.audience.iter().any(|ours| ours == one));
        if meant { Ok(()) } else { Err(Fault::Audience) }
    }

    /// One scope that the route file lists, and none that only gets tokens.
    fn judge_scopes(&self, claims: &Map<String, Value>) -> Result<(), Fault> {
        let claim = match &self.scope_claim {
            Some(name) => principal::claim(claims, name),
            None => claims.get("scopes").or_else(|| claims.get("scope")),
        };
        let Some(claim) = claim else {
            return if self.scopes.is_empty() { Ok(()) } else { Err(Fault::Scope) };
        };
        let scopes: Vec<&str> =
            texts(claim).ok_or(Fault::Scope)?.into_iter().flat_map(str::split_whitespace).collect();
        let listed = |scope: &str| self.scopes.iter().any(|listed| listed == scope);
        let for_tokens = |scope: &&str| NOT_ACCESS.contains(scope) && !listed(scope);
        let one_listed = self.scopes.is_empty() || scopes.iter().any(|scope| listed(scope));
        if one_listed && !scopes.iter().any(for_tokens) { Ok(()) } else { Err(Fault::Scope) }
    }

    /// The owner that the token names: the first of the claims that names somebody.
    pub(super) fn owner(&self, claims: &Map<String, Value>) -> Result<ClaimedOwner, Fault> {
        let Some(options) = &self.owner else { return Ok(ClaimedOwner::Unasked) };
        for name in &options.claims {
            match principal::claim(claims, name) {
                None | Some(Value::Null) => {}
                Some(Value::String(id)) if id.is_empty() || options.nobody.contains(id) => {}
                Some(Value::String(id)) => return Ok(ClaimedOwner::Id(id.clone())),
                Some(_) => return Err(Fault::Owner),
            }
        }
        Ok(ClaimedOwner::Nobody)
    }
}

/// One text, or a list of nothing but texts.
fn texts(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::String(text) => Some(vec![text]),
        Value::Array(items) => items.iter().map(Value::as_str).collect(),
        _ => None,
    }
}
