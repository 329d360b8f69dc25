//! What a route file says under `identity:`, read and checked: a credential that is configured by
//! half is refused here, before a request can meet it.

mod fields;
mod reading;

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper::header::HeaderName;
use jsonwebtoken::Algorithm;
use serde_json::Value;

use super::peers::Peers;
use super::principal::PrincipalRule;

/// The most entries of `identity:`.
const ENTRIES_MAX: usize = 16;
/// The most bytes of a file with keys or a secret.
const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// The attribute of a principal that names its owner, unless configured.
pub const OWNER_ATTRIBUTE: &str = "owner";
/// What `ThingsBoard` writes where there is no customer.
pub const THINGSBOARD_NOBODY: &str = "13814000-1dd2-11b2-8080-808080808080";

/// The `identity:` of a route file: each entry with its place in the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// The entries, in the order of the file, each with its place.
    pub entries: Vec<(String, EntryOptions)>,
}

/// One entry of `identity:`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryOptions {
    /// `jwt`
    Jwt(JwtOptions),
    /// `trusted_header`
    TrustedHeader(TrustedHeaderOptions),
    /// `client_certificate`
    ClientCertificate(ClientCertificateOptions),
}

/// `jwt`: a signed token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwtOptions {
    /// The headers that it may come in, as `Bearer TOKEN`.
    pub headers: Vec<HeaderName>,
    /// Where the keys are.
    pub keys: KeyOptions,
    /// The algorithms that it may be signed with; all symmetric or none.
    pub algorithms: Vec<Algorithm>,
    /// The `iss` that it must have; `None` if the file says `none`.
    pub issuer: Option<String>,
    /// The audiences of which its `aud` must name one; empty if the file says `none`.
    pub audience: Vec<String>,
    /// Who it is.
    pub principal: PrincipalRule,
    /// Which claims name the owner.
    pub owner: Option<OwnerOptions>,
    /// The scopes of which it must have one; empty if it need not.
    pub scopes: Vec<String>,
    /// The claim with the scopes; `None` is `scopes`, or else `scope`.
    pub scope_claim: Option<String>,
    /// How far the clocks may be apart, in seconds.
    pub leeway_s: i64,
    /// The longest from `iat` to `exp`, in seconds.
    pub max_lifetime_s: Option<i64>,
}

/// The owner that a token claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerOptions {
    /// The claims: the first that names somebody counts.
    pub claims: Vec<String>,
    /// The values that name nobody.
    pub nobody: Vec<String>,
    /// The attribute of the principal that it is compared with.
    pub attribute: String,
}

/// Where the keys of an issuer are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyOptions {
    /// A key set behind a URL.
    Url {
        /// The URL.
        url: String,
        /// The certificates that its server's must be signed by; without, the platform's.
        ca_file: Option<PathBuf>,
        /// How often it is fetched without a reason.
        refresh: Duration,
        /// How long at least passes between two fetches that requests set off.
        cool_down: Duration,
    },
    /// A key set in a file.
    SetFile(PathBuf),
    /// A public key in PEM.
    KeyFile(PathBuf),
    /// A secret in base64.
    SecretFile(PathBuf),
}

/// `trusted_header`: a user whom a proxy has identified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedHeaderOptions {
    /// The header.
    pub name: HeaderName,
    /// Who may set it.
    pub from: Peers,
    /// What they prove themselves with.
    pub secret: SecretOptions,
    /// Who it is.
    pub principal: PrincipalRule,
}

/// `client_certificate`: a certificate that a proxy has checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificateOptions {
    /// The header that tells of it.
    pub header: HeaderName,
    /// Who may set it.
    pub from: Peers,
    /// What they prove themselves with, if they must.
    pub secret: Option<SecretOptions>,
    /// Who it is.
    pub principal: PrincipalRule,
}

/// A secret that a proxy sends along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretOptions {
    /// The header.
    pub header: HeaderName,
    /// The file that the secret is in.
    pub file: PathBuf,
}

/// Something under `identity:` that cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{place}`: {message}{}", hint.as_ref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default())]
pub struct OptionsError {
    /// Where, such as `identity[0].jwt.algorithms`.
    pub place: String,
    /// One lower-case sentence, input in backticks. It never quotes a secret.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

// === impl OptionsError ===

impl OptionsError {
    pub(super) fn new(place: &str, message: impl Into<String>) -> Self {
        Self { place: place.to_owned(), message: message.into(), hint: None }
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

// === impl Options ===

impl Options {
    /// Reads the entries of `identity:`, or says what is wrong with each that is wrong.
    pub fn read(entries: &[Value]) -> Result<Self, Vec<OptionsError>> {
        if entries.len() > ENTRIES_MAX {
            let message = format!("{} entries, and {ENTRIES_MAX} is the limit", entries.len());
            return Err(vec![OptionsError::new("identity", message)]);
        }
        let (mut read, mut errors) = (Vec::new(), Vec::new());
        for (index, entry) in entries.iter().enumerate() {
            match reading::entry(&format!("identity[{index}]"), entry) {
                Ok(entry) => read.push(entry),
                Err(error) => errors.push(error),
            }
        }
        let options = Self { entries: read };
        if errors.is_empty() {
            options.refuse_shared_headers(&mut errors);
        }
        if errors.is_empty() { Ok(options) } else { Err(errors) }
    }

    /// The entity types that principals can have.
    pub fn principal_types(&self) -> Vec<&str> {
        let rules = self.entries.iter().map(|(_, entry)| match entry {
            EntryOptions::Jwt(entry) => &entry.principal,
            EntryOptions::TrustedHeader(entry) => &entry.principal,
            EntryOptions::ClientCertificate(entry) => &entry.principal,
        });
        rules.flat_map(PrincipalRule::types).collect()
    }

    /// A header has one reader, so that nothing depends on which one is asked first. Issuers can
    /// share one if each token says by its `iss` whose it is.
    fn refuse_shared_headers(&self, errors: &mut Vec<OptionsError>) {
        for (at, (place, entry)) in self.entries.iter().enumerate() {
            for (earlier_place, earlier) in self.entries.iter().take(at) {
                let headers = earlier.headers();
                let Some(shared) = entry.headers().into_iter().find(|name| headers.contains(name))
                else {
                    continue;
                };
                if let (EntryOptions::Jwt(one), EntryOptions::Jwt(other)) = (earlier, entry)
                    && let (Some(one), Some(other)) = (&one.issuer, &other.issuer)
                    && one != other
                {
                    continue;
                }
                let message = format!("`{earlier_place}` reads the header `{shared}` too");
                let hint = "only `jwt` entries can share a header, and only if each has an \
                            `issuer` of its own";
                errors.push(OptionsError::new(place, message).hint(hint));
            }
        }
    }
}

// === impl EntryOptions ===

impl EntryOptions {
    fn headers(&self) -> Vec<&HeaderName> {
        match self {
            Self::Jwt(entry) => entry.headers.iter().collect(),
            Self::TrustedHeader(entry) => vec![&entry.name, &entry.secret.header],
            Self::ClientCertificate(entry) => {
                let secret = entry.secret.as_ref().map(|secret| &secret.header);
                std::iter::once(&entry.header).chain(secret).collect()
            }
        }
    }
}

/// A file that an entry names, whole. `key` is where it is named.
pub(super) fn read_file(path: &Path, place: &str, key: &str) -> Result<Vec<u8>, OptionsError> {
    let place = format!("{place}.{key}");
    let unreadable = |error: std::io::Error| {
        let message = format!("cannot read the file `{}`: {error}", path.display());
        OptionsError::new(&place, message).hint("paths are relative to the route file")
    };
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(unreadable)?;
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        let message = format!("the file `{}` is larger than 1 MiB", path.display());
        return Err(OptionsError::new(&place, message));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
