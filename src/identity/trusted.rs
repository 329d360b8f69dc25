//! Headers that a proxy sets which has identified the user itself. They count only from trusted
//! peers that also know a secret: an address alone is shared by whatever else runs there.

use std::path::Path;

use hyper::header::{HeaderName, HeaderValue};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::jwt::Fault;
use super::options::{self, OptionsError, SecretOptions, TrustedHeaderOptions};
use super::peers::{Peer, Peers};
use super::principal::{PrincipalRule, Values};
use super::{ClaimedOwner, Identity, Presented, Source};

/// The shortest secret, in bytes.
const SECRET_BYTES_MIN: usize = 16;

/// One `trusted_header` of a route file.
#[derive(Debug)]
pub(super) struct TrustedHeader {
    guard: Guard,
    secret: Secret,
    pub(super) principal: PrincipalRule,
}

/// Who may set a header.
#[derive(Debug)]
pub(super) struct Guard(pub(super) Peers);

/// A header that a proxy proves itself with. Kept and compared as a digest, so that neither its
/// bytes nor its length show in how long it takes.
pub(super) struct Secret {
    header: HeaderName,
    digest: [u8; 32],
}

struct One<'a>(&'a str);

// === impl TrustedHeader ===

impl TrustedHeader {
    pub(super) fn new(
        options: &TrustedHeaderOptions,
        place: &str,
        base: &Path,
    ) -> Result<Self, OptionsError> {
        Ok(Self {
            guard: Guard(options.from.clone()),
            secret: Secret::read(&options.secret, place, base)?,
            principal: options.principal.clone(),
        })
    }

    pub(super) fn secret_header(&self) -> &HeaderName {
        &self.secret.header
    }

    pub(super) fn identify(
        &self,
        presented: &Presented<'_>,
        value: &HeaderValue,
    ) -> Result<Identity, Fault> {
        self.guard.admit(presented.peer)?;
        self.secret.admit(presented)?;
        let value = std::str::from_utf8(value.as_bytes()).map_err(|_| Fault::Principal)?;
        let (type_name, id) = self.principal.apply(&One(value))?;
        Ok(Identity {
            type_name,
            id,
            owner: ClaimedOwner::Unasked,
            owner_attribute: options::OWNER_ATTRIBUTE.into(),
            expires_at: None,
            source: Source::TrustedHeader,
        })
    }
}

// === impl Guard ===

impl Guard {
    pub(super) fn admit(&self, peer: Peer) -> Result<(), Fault> {
        if self.0.contain(peer) { Ok(()) } else { Err(Fault::Peer) }
    }
}

// === impl Secret ===

impl Secret {
    pub(super) fn read(
        options: &SecretOptions,
        place: &str,
        base: &Path,
    ) -> Result<Self, OptionsError> {
        let bytes = options::read_file(&base.join(&options.file), place, "secret_file")?;
        let secret = bytes.trim_ascii();
        let fault = |message: &str| {
            let path = options.file.display();
            OptionsError::new(&format!("{place}.secret_file"), format!("`{path}` {message}"))
        };
        if secret.len() < SECRET_BYTES_MIN {
            let hint = "make one with `openssl rand -hex 32`".to_owned();
            let message = format!("has fewer than {SECRET_BYTES_MIN} bytes, which can be guessed");
            return Err(fault(&message).hint(hint));
        }
        if !secret.iter().all(u8::is_ascii_graphic) {
            return Err(fault("has characters that a header cannot carry"));
        }
        Ok(Self { header: options.header.clone(), digest: Sha256::digest(secret).into() })
    }

    pub(super) fn header(&self) -> &HeaderName {
        &self.header
    }

    /// Exactly one header with the secret.
    pub(super) fn admit(&self, presented: &Presented<'_>) -> Result<(), Fault> {
        let mut values = presented.headers.get_all(&self.header).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return Err(Fault::Secret) };
        let digest: [u8; 32] = Sha256::digest(value.as_bytes()).into();
        if bool::from(digest.ct_eq(&self.digest)) { Ok(()) } else { Err(Fault::Secret) }
    }
}

/// Without the digest: a short secret can be found from it.
impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secret").field("header", &self.header).finish_non_exhaustive()
    }
}

// === impl One ===

impl Values for One<'_> {
    fn value(&self, reference: &str) -> Option<String> {
        (reference == "value").then(|| self.0.to_owned())
    }
}
