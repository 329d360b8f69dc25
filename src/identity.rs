//! Who sends a request: exactly one credential, out of the places that the route file's `identity:`
//! names, becomes an [`Identity`]. No credential is not an error of its sender; two are, and so is
//! one that does not hold, which is never treated as if it had not been sent.
//!
//! Credentials identify and nothing more: what a principal may do, the snapshot says. The one
//! claim that is compared with it is the owner ([`Identity::agrees`]). Network and time stay
//! outside, but for [`keys`], which fetches key sets in the background.

mod certificate;
pub mod jwt;
pub mod keys;
pub mod options;
mod owner;
mod peers;
mod principal;
mod trusted;

pub use jwt::Fault;
pub use options::{Options, OptionsError};
pub use owner::{ClaimedOwner, StaleToken};
pub use peers::Peer;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use tokio::task::JoinSet;

use crate::engine::Code;
use certificate::Certificate;
use jwt::Issuer;
use keys::CoolDown;
use options::EntryOptions;
use trusted::TrustedHeader;

/// How long at least passes between two fetches, of whatever key sets, that requests set off by
/// naming unknown keys.
const COOL_DOWN_OF_ALL: Duration = Duration::from_secs(1);

/// Who sends a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The entity type of the principal, as the route file names it.
    pub type_name: String,
    /// The principal's id.
    pub id: String,
    /// What the credential says about the principal's owner.
    pub owner: ClaimedOwner,
    /// The attribute of the principal that `owner` is compared with.
    pub owner_attribute: Arc<str>,
    /// When the credential ends, in seconds since 1970, where it says so.
    pub expires_at: Option<i64>,
    /// Which kind of credential it was.
    pub source: Source,
}

/// A kind of credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// A signed token.
    Jwt,
    /// A header that a trusted proxy sets.
    TrustedHeader,
    /// A client certificate that a trusted proxy has checked.
    ClientCertificate,
}

/// What came with a request that can say who sends it.
#[derive(Debug, Clone, Copy)]
pub struct Presented<'a> {
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// A token that stands elsewhere, where the route says so: in the query or in a cookie.
    pub token: Option<&'a str>,
    /// Who opened the connection, which is the proxy.
    pub peer: Peer,
}

/// Why a request has no identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// Nothing says who sends it.
    #[error("no credential")]
    NoCredential,
    /// Something does, and does not hold.
    #[error("the credential is not valid: {}", .0.as_str())]
    Invalid(Fault),
    /// The keys to tell have never been fetched.
    #[error("the key set has not been fetched yet")]
    KeysUnavailable,
}

/// The `identity:` of a route file, ready for requests.
#[derive(Debug)]
pub struct Identities {
    slots: Vec<(HeaderName, Slot)>,
    issuers: Vec<Issuer>,
    trusted: Vec<TrustedHeader>,
    certificates: Vec<Certificate>,
}

/// What reads a header.
#[derive(Debug)]
enum Slot {
    /// The issuers of which one may have made the token, by number.
    Token(Vec<usize>),
    Trusted(usize),
    Certificate(usize),
}

/// The one credential of a request.
enum Credential<'a> {
    Bearer(&'a [usize], &'a HeaderValue),
    Token(&'a str),
    Trusted(&'a TrustedHeader, &'a HeaderValue),
    Certificate(&'a Certificate, &'a HeaderValue),
}

/// The tasks that keep key sets fresh. They end when this is dropped.
#[derive(Debug)]
pub struct Refreshing {
    _tasks: JoinSet<()>,
}

// === impl Source ===

impl Source {
    /// Every source, in the order of the variants.
    pub const ALL: [Self; 3] = [Self::Jwt, Self::TrustedHeader, Self::ClientCertificate];

    /// The source as the route file names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Jwt => "jwt",
            Self::TrustedHeader => "trusted_header",
            Self::ClientCertificate => "client_certificate",
        }
    }
}

// === impl IdentityError ===

impl IdentityError {
    /// The code that the client is told: nothing in it helps whoever guesses.
    pub fn code(self) -> Code {
        match self {
            Self::NoCredential => Code::NoCredential,
            Self::Invalid(_) => Code::InvalidCredential,
            Self::KeysUnavailable => Code::NotReady,
        }
    }
}

// === impl Identities ===

impl Identities {
    /// Makes the options ready: reads the files that they name, paths being relative to `base`, the
    /// folder of the route file. Key sets behind a URL are empty until [`Self::refresh`].
    pub fn new(options: &Options, base: &Path) -> Result<Self, OptionsError> {
        let all = Arc::new(CoolDown::new(COOL_DOWN_OF_ALL));
        let mut identities = Self {
            slots: Vec::new(),
            issuers: Vec::new(),
            trusted: Vec::new(),
            certificates: Vec::new(),
        };
        for (place, entry) in &options.entries {
            match entry {
                EntryOptions::Jwt(entry) => {
                    let number = identities.issuers.len();
                    for name in &entry.headers {
                        identities.note_token_header(name, number);
                    }
                    identities.issuers.push(Issuer::new(entry, place, base, &all)?);
                }
                EntryOptions::TrustedHeader(entry) => {
                    let slot = Slot::Trusted(identities.trusted.len());
                    identities.slots.push((entry.name.clone(), slot));
                    identities.trusted.push(TrustedHeader::new(entry, place, base)?);
                }
                EntryOptions::ClientCertificate(entry) => {
                    let slot = Slot::Certificate(identities.certificates.len());
                    identities.slots.push((entry.header.clone(), slot));
                    identities.certificates.push(Certificate::new(entry, place, base)?);
                }
            }
        }
        Ok(identities)
    }

    fn note_token_header(&mut self, name: &HeaderName, issuer: usize) {
        for (known, slot) in &mut self.slots {
            if let (true, Slot::Token(issuers)) = (known == name, slot) {
                issuers.push(issuer);
                return;
            }
        }
        self.slots.push((name.clone(), Slot::Token(vec![issuer])));
    }

    /// Who sends a request, at a time in milliseconds since 1970.
    pub fn identify(
        &self,
        presented: &Presented<'_>,
        now_ms: i64,
    ) -> Result<Arc<Identity>, IdentityError> {
        let now = now_ms.div_euclid(1000);
        match self.credential(presented)? {
            Credential::Bearer(issuers, value) => {
                let token = jwt::bearer(value).map_err(IdentityError::Invalid)?;
                by_token(issuers.iter().filter_map(|at| self.issuers.get(*at)), token, now)
            }
            Credential::Token(token) => by_token(self.issuers.iter(), token, now),
            Credential::Trusted(entry, value) => {
                entry.identify(presented, value).map_err(IdentityError::Invalid).map(Arc::new)
            }
            Credential::Certificate(entry, value) => {
                entry.identify(presented, value).map_err(IdentityError::Invalid).map(Arc::new)
            }
        }
    }

    /// The same, but a token of a key that is not known yet waits, at most for `patience`, for the
    /// fetch of the key set that it has set off or found under way, and is looked at once more.
    pub async fn identify_or_refresh(
        &self,
        presented: &Presented<'_>,
        now_ms: i64,
        patience: Duration,
    ) -> Result<Arc<Identity>, IdentityError> {
        // Counted before the first look, so that a fetch that ends in between counts too.
        let before = self.fetches_ended();
        let first = self.identify(presented, now_ms);
        let waits = matches!(
            first,
            Err(IdentityError::Invalid(Fault::UnknownKey) | IdentityError::KeysUnavailable)
        );
        if !waits {
            return first;
        }
        let settled = async {
            for issuer in &self.issuers {
                issuer.keys().settled().await;
            }
        };
        match tokio::time::timeout(patience, settled).await {
            Ok(()) if self.fetches_ended() != before => self.identify(presented, now_ms),
            _ => first,
        }
    }

    fn fetches_ended(&self) -> u64 {
        self.issuers.iter().map(|issuer| issuer.keys().fetches_ended()).sum()
    }

    /// Fetches the key sets now and again and again, until what comes back is dropped.
    pub fn refresh(&self) -> Refreshing {
        let mut tasks = JoinSet::new();
        for issuer in &self.issuers {
            if let Some(work) = issuer.keys().keep_fresh() {
                tasks.spawn(work);
            }
        }
        Refreshing { _tasks: tasks }
    }

    /// Waits until every key set was asked for once. The caller bounds the wait.
    pub async fn first_keys(&self) {
        for issuer in &self.issuers {
            issuer.keys().asked_once().await;
        }
    }

    /// The entity types that principals can have, each once.
    pub fn principal_types(&self) -> Vec<&str> {
        let mut types: Vec<&str> = self
            .issuers
            .iter()
            .map(|entry| &entry.principal)
            .chain(self.trusted.iter().map(|entry| &entry.principal))
            .chain(self.certificates.iter().map(|entry| &entry.principal))
            .flat_map(principal::PrincipalRule::types)
            .collect();
        types.sort_unstable();
        types.dedup();
        types
    }

    /// The headers that can hold a credential or a secret: they are never logged.
    pub fn secret_headers(&self) -> impl Iterator<Item = &HeaderName> {
        let names = self.slots.iter().map(|(name, _)| name);
        let secrets = self.trusted.iter().map(TrustedHeader::secret_header);
        names.chain(secrets).chain(self.certificates.iter().filter_map(Certificate::secret_header))
    }

    /// What became of each issuer's key set and tokens, for the metrics.
    pub fn reports(&self) -> impl Iterator<Item = jwt::Report> {
        self.issuers.iter().map(Issuer::report)
    }

    /// The one credential of a request.
    fn credential<'a>(
        &'a self,
        presented: &Presented<'a>,
    ) -> Result<Credential<'a>, IdentityError> {
        self.refuse_twins(presented.headers)?;
        let mut found = presented.token.map(Credential::Token);
        for (name, slot) in &self.slots {
            let mut values = presented.headers.get_all(name).iter();
            let Some(value) = values.next() else { continue };
            if values.next().is_some() {
                return Err(IdentityError::Invalid(Fault::Duplicated));
            }
            let credential = match slot {
                Slot::Token(issuers) => Some(Credential::Bearer(issuers, value)),
                // A proxy that always sets its header leaves it empty for nobody.
                Slot::Trusted(_) | Slot::Certificate(_) if value.is_empty() => None,
                Slot::Trusted(at) => {
                    self.trusted.get(*at).map(|entry| Credential::Trusted(entry, value))
                }
                Slot::Certificate(at) => {
                    self.certificates.get(*at).map(|entry| Credential::Certificate(entry, value))
                }
            };
            if found.is_some() && credential.is_some() {
                return Err(IdentityError::Invalid(Fault::TwoCredentials));
            }
            found = found.or(credential);
        }
        found.ok_or(IdentityError::NoCredential)
    }

    /// A platform behind a gateway interface cannot tell `X_Forwarded_User` from
    /// `X-Forwarded-User`; a request that has the one spelling for the other is not clear.
    fn refuse_twins(&self, headers: &HeaderMap) -> Result<(), IdentityError> {
        for name in headers.keys().filter(|name| name.as_str().contains('_')) {
            let plain = name.as_str().replace('_', "-");
            if self.secret_headers().any(|secret| secret.as_str().replace('_', "-") == plain)
                && !self.secret_headers().any(|secret| secret == name)
            {
                return Err(IdentityError::Invalid(Fault::Twin));
            }
        }
        Ok(())
    }
}

/// Of several issuers the token itself says which one made it; that one's keys tell whether this is
/// so.
fn by_token<'a>(
    mut issuers: impl Iterator<Item = &'a Issuer> + Clone,
    token: &str,
    now: i64,
) -> Result<Arc<Identity>, IdentityError> {
    let mut rest = issuers.clone();
    if let (Some(only), None) = (rest.next(), rest.next()) {
        return only.identify(token, now);
    }
    let named = jwt::named_issuer(token).map_err(IdentityError::Invalid)?;
    let issuer = issuers.find(|issuer| issuer.name() == Some(&*named));
    issuer.ok_or(IdentityError::Invalid(Fault::Issuer))?.identify(token, now)
}

#[cfg(test)]
mod tests;
