//! Who may ask on the data plane: whoever reaches it, or only callers with a token of a file. Tokens
//! are kept and compared as digests, so that neither their bytes nor their lengths show in how long
//! it takes.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fmt, fs, io};

use arc_swap::ArcSwap;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderName};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::problem::{Kind, Problem};

/// Where proxies put their token: `Authorization` is the client's.
pub(super) const PROXY_TOKEN: HeaderName = HeaderName::from_static("x-doorward-token");
/// The most bytes that a token file may have.
const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// The shortest token, in bytes.
const TOKEN_BYTES_MIN: usize = 16;

/// The tokens of callers.
pub struct Callers {
    path: PathBuf,
    digests: ArcSwap<Vec<[u8; 32]>>,
}

/// A token file that cannot be used. What stands in the file is never quoted.
#[derive(Debug, thiserror::Error)]
pub enum CallersError {
    /// It cannot be read.
    #[error("cannot read the token file `{}`: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It does not say what a token file says.
    #[error(
        "the token file `{}`{}: {reason}\nhint: write `NAME TOKEN` a line, or one bare token and \
         nothing else",
        path.display(),
        line.map(|line| format!(", line {line}")).unwrap_or_default()
    )]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line, from 1, where one is at fault.
        line: Option<usize>,
        /// What is wrong.
        reason: &'static str,
    },
}

// === impl Callers ===

impl Callers {
    /// The tokens of a file.
    pub fn from_file(path: &Path) -> Result<Self, CallersError> {
        let digests = ArcSwap::from_pointee(read(path)?);
        Ok(Self { path: path.to_owned(), digests })
    }

    /// Reads the file again. If it cannot be used, the tokens stay as they are.
    pub fn reload(&self) -> Result<(), CallersError> {
        self.digests.store(Arc::new(read(&self.path)?));
        Ok(())
    }

    /// Judges the one token of a caller that is no proxy.
    pub(super) fn judge(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let missing = "this service needs `Authorization: Bearer TOKEN`";
        let value = one(headers, &AUTHORIZATION, missing)?;
        let token = super::admin::bearer(value).ok_or_else(invalid)?;
        self.find(token)
    }

    /// Judges the one token of a proxy.
    pub(super) fn judge_proxy(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let missing = "this service needs the proxy's token in `X-Doorward-Token`";
        self.find(one(headers, &PROXY_TOKEN, missing)?)
    }

    fn find(&self, token: &[u8]) -> Result<(), Problem> {
        let digest: [u8; 32] = Sha256::digest(token).into();
        let mut known = false;
        // Every token is compared, also after one that matches.
        for other in self.digests.load().iter() {
            known |= bool::from(other.ct_eq(&digest));
        }
        if known { Ok(()) } else { Err(invalid()) }
    }
}

impl fmt::Debug for Callers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callers").field("path", &self.path).finish_non_exhaustive()
    }
}

fn invalid() -> Problem {
    Problem::new(Kind::InvalidCredential, "the credential is not valid")
}

/// The one value of a header.
fn one<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
    missing: &'static str,
) -> Result<&'a [u8], Problem> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Err(Problem::new(Kind::NoCredential, missing)),
        (Some(value), None) => Ok(value.as_bytes()),
        (Some(_), Some(_)) => Err(invalid()),
    }
}

fn read(path: &Path) -> Result<Vec<[u8; 32]>, CallersError> {
    let unreadable = |source| CallersError::Read { path: path.to_owned(), source };
    let malformed =
        |(line, reason)| CallersError::Malformed { path: path.to_owned(), line, reason };
    if fs::metadata(path).map_err(unreadable)?.len() > FILE_BYTES_MAX {
        return Err(malformed((None, "it is larger than 1 MiB")));
    }
    parse(&fs::read_to_string(path).map_err(unreadable)?).map_err(malformed)
}

fn parse(text: &str) -> Result<Vec<[u8; 32]>, (Option<usize>, &'static str)> {
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    let lines: Vec<_> =
        lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')).collect();
    let alone = lines.len() == 1;
    let (mut names, mut digests) = (Vec::new(), Vec::new());
    for (number, line) in lines {
        let at = |reason| (Some(number), reason);
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (name, token) = match fields.as_slice() {
            [name, token] => (*name, *token),
            [token] if alone => ("", *token),
            _ => return Err(at("it does not have two fields")),
        };
        if names.contains(&name) {
            return Err(at("the name stands in an earlier line too"));
        }
        if token.len() < TOKEN_BYTES_MIN || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(at("the token is not at least 16 printable ASCII characters"));
        }
        let digest: [u8; 32] = Sha256::digest(token).into();
        if digests.contains(&digest) {
            return Err(at("the token stands in an earlier line too"));
        }
        names.push(name);
        digests.push(digest);
    }
    if digests.is_empty() { Err((None, "it holds no token")) } else { Ok(digests) }
}

#[cfg(test)]
mod tests;
