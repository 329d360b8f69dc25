//! Tokens: what one issuer signed, verified by that issuer's keys and algorithms. The token chooses
//! among what is configured and never adds to it.

mod claims;
mod compact;

pub use compact::{Fault, TOKEN_BYTES_MAX};
pub(super) use compact::{bearer, named_issuer};

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use foldhash::quality::RandomState;
use jsonwebtoken::{Algorithm, crypto};
use moka::sync::Cache;

use super::keys::{CoolDown, Key, KeySource};
use super::options::{JwtOptions, OptionsError};
use super::principal::PrincipalRule;
use super::{Identity, IdentityError, Source};
use claims::{Claims, Rules};
use compact::Compact;

/// How much of verified tokens is remembered for each issuer, in bytes of tokens.
const CACHE_BYTES: u64 = 16 * 1024 * 1024;
/// What remembering a token takes beside its bytes, about, in bytes.
const CACHE_ENTRY_BYTES: usize = 512;
/// How long a verified token is remembered at most; then its signature is verified again.
const CACHE_TIME: Duration = Duration::from_mins(5);

/// One `jwt` of a route file.
#[derive(Debug)]
pub struct Issuer {
    name: Option<String>,
    algorithms: Vec<Algorithm>,
    rules: Rules,
    keys: Arc<KeySource>,
    verified: Cache<Box<str>, Arc<Verified>, RandomState>,
    tally: Tally,
    pub(super) principal: PrincipalRule,
}

/// A token that was found to be good, but for the time.
#[derive(Debug)]
struct Verified {
    identity: Arc<Identity>,
    claims: Claims,
    /// The keys by which it was.
    generation: u64,
}

#[derive(Debug, Default)]
struct Tally {
    verified: AtomicU64,
    remembered: AtomicU64,
    refused: AtomicU64,
}

/// What became of one issuer's tokens and keys, for the metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The issuer, as the route file names it; empty if it says `none`.
    pub issuer: String,
    /// Tokens whose signature was verified and that were good.
    pub verified: u64,
    /// Tokens that were good and whose signature was verified shortly before.
    pub remembered: u64,
    /// Tokens that were refused.
    pub refused: u64,
    /// The key set.
    pub keys: super::keys::KeysReport,
}

/// What remembering a token takes, in bytes.
fn weight(token: &str) -> u32 {
    u32::try_from(token.len() + CACHE_ENTRY_BYTES).unwrap_or(u32::MAX)
}

// === impl Issuer ===

impl Issuer {
    pub(super) fn new(
        options: &JwtOptions,
        place: &str,
        base: &Path,
        all: &Arc<CoolDown>,
    ) -> Result<Self, OptionsError> {
        let keys = KeySource::new(&options.keys, &options.algorithms, place, base, all)?;
        let verified = Cache::<Box<str>, Arc<Verified>>::builder()
            .max_capacity(CACHE_BYTES)
            .weigher(|token, _| weight(token))
            .time_to_live(CACHE_TIME)
            .build_with_hasher(RandomState::default());
        Ok(Self {
            name: options.issuer.clone(),
            algorithms: options.algorithms.clone(),
            rules: Rules::new(options),
            keys: Arc::new(keys),
            verified,
            tally: Tally::default(),
            principal: options.principal.clone(),
        })
    }

    /// The `iss` of its tokens.
    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    pub(super) fn keys(&self) -> &Arc<KeySource> {
        &self.keys
    }

    /// Who a token says that it is, if the token is good at this time, in seconds since 1970.
    pub(super) fn identify(&self, token: &str, now: i64) -> Result<Arc<Identity>, IdentityError> {
        let identity = self.recall(token, now).unwrap_or_else(|| self.verify(token, now));
        if identity.is_err() {
            self.tally.refused.fetch_add(1, Relaxed);
        }
        identity
    }

    /// A token that was verified by the keys in force. The time is looked at again.
    fn recall(&self, token: &str, now: i64) -> Option<Result<Arc<Identity>, IdentityError>> {
        let verified = self.verified.get(token)?;
        if verified.generation != self.keys.generation() {
            return None;
        }
        Some(match self.rules.judge_time(&verified.claims, now) {
            Ok(()) => {
                self.tally.remembered.fetch_add(1, Relaxed);
                Ok(Arc::clone(&verified.identity))
            }
            Err(fault) => Err(IdentityError::Invalid(fault)),
        })
    }

    fn verify(&self, token: &str, now: i64) -> Result<Arc<Identity>, IdentityError> {
        let compact = Compact::split(token).map_err(IdentityError::Invalid)?;
        let header = compact.header().map_err(IdentityError::Invalid)?;
        let algorithm = header
            .algorithm
            .filter(|algorithm| self.algorithms.contains(algorithm))
            .ok_or(IdentityError::Invalid(Fault::Algorithm))?;
        let keys = self.keys.current().ok_or_else(|| {
            self.keys.wake();
            IdentityError::KeysUnavailable
        })?;
        let mut fitting = keys.fitting(header.kid.as_deref(), algorithm).peekable();
        if fitting.peek().is_none() {
            self.keys.wake();
            return Err(IdentityError::Invalid(Fault::UnknownKey));
        }
        let good = |key: &Key| {
            crypto::verify(compact.signature, compact.signed.as_bytes(), key.decoding(), algorithm)
                .unwrap_or(false)
        };
        if !fitting.any(good) {
            return Err(IdentityError::Invalid(Fault::Signature));
        }
        let (identity, claims) = self.read(&compact, now).map_err(IdentityError::Invalid)?;
        self.tally.verified.fetch_add(1, Relaxed);
        let identity = Arc::new(identity);
        let generation = keys.generation;
        let verified = Verified { identity: Arc::clone(&identity), claims, generation };
        self.verified.insert(token.into(), Arc::new(verified));
        Ok(identity)
    }

    /// What the claims of a token say whose signature is good.
    fn read(&self, compact: &Compact<'_>, now: i64) -> Result<(Identity, Claims), Fault> {
        let object = compact.payload()?;
        let claims = self.rules.judge(&object)?;
        self.rules.judge_time(&claims, now)?;
        let (type_name, id) = self.principal.apply(&object)?;
        let identity = Identity {
            type_name,
            id,
            owner: self.rules.owner(&object)?,
            owner_attribute: Arc::clone(&self.rules.owner_attribute),
            expires_at: Some(claims.expires_at),
            source: Source::Jwt,
        };
        Ok((identity, claims))
    }

    pub(super) fn report(&self) -> Report {
        Report {
            issuer: self.name.clone().unwrap_or_default(),
            verified: self.tally.verified.load(Relaxed),
            remembered: self.tally.remembered.load(Relaxed),
            refused: self.tally.refused.load(Relaxed),
            keys: self.keys.report(),
        }
    }
}
