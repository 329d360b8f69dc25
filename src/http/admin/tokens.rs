//! The tokens of the admin plane: a file of them, or one made at start. Tokens are kept and
//! compared as digests, so that neither their bytes nor their lengths show in how long it takes.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use arc_swap::ArcSwap;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::http::problem::{Kind, Problem};

/// The most bytes that a token file may have.
const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// How many random bytes a token has that is made at start.
const GENERATED_BYTES: usize = 32;

/// What a token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// To look.
    Read,
    /// To look and to change.
    Write,
}

/// The tokens that are valid.
#[derive(Debug)]
pub struct Tokens {
    path: Option<PathBuf>,
    list: ArcSwap<Vec<Token>>,
}

/// One token.
struct Token {
    name: String,
    role: Role,
    digest: [u8; 32],
}

/// A token file that cannot be used. What stands in the file is never quoted: a token in the wrong
/// column is still a token.
#[derive(Debug, thiserror::Error)]
pub enum TokensError {
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
        "the token file `{}`{}: {reason}\nhint: write `NAME ROLE TOKEN` a line, ROLE `read` or \
         `write`, or one bare token and nothing else",
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
    /// The system gave no random bytes.
    #[error("cannot make a token: the system gives no random bytes: {0}")]
    Random(getrandom::Error),
}

/// What is wrong with the text of a token file, and in which line.
type Fault = (Option<usize>, &'static str);

// === impl Tokens ===

impl Tokens {
    /// The tokens of a file.
    pub fn from_file(path: &Path) -> Result<Self, TokensError> {
        let list = ArcSwap::from_pointee(read(path)?);
        Ok(Self { path: Some(path.to_owned()), list })
    }

    /// One new write token, and its text, which nothing else tells.
    pub fn generated() -> Result<(Self, String), TokensError> {
        let mut bytes = [0; GENERATED_BYTES];
        getrandom::fill(&mut bytes).map_err(TokensError::Random)?;
        let text = hex::encode(bytes);
        let token = Token::new("generated", Role::Write, &text);
        Ok((Self { path: None, list: ArcSwap::from_pointee(vec![token]) }, text))
    }

    /// Reads the file again. If it cannot be used, the tokens stay as they are.
    pub fn reload(&self) -> Result<(), TokensError> {
        if let Some(path) = &self.path {
            self.list.store(Arc::new(read(path)?));
        }
        Ok(())
    }

    /// The role of the one token that a request carries.
    pub(super) fn role(&self, headers: &HeaderMap) -> Result<Role, Problem> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let (first, second) = (values.next(), values.next());
        let Some(value) = first else {
            let detail = "this path needs `Authorization: Bearer TOKEN`";
            return Err(Problem::new(Kind::NoCredential, detail));
        };
        let invalid = || Problem::new(Kind::InvalidCredential, "the credential is not valid");
        if second.is_some() {
            return Err(invalid());
        }
        let token = bearer(value.as_bytes()).ok_or_else(invalid)?;
        let digest: [u8; 32] = Sha256::digest(token).into();
        let mut role = None;
        // Every token is compared, also after one that matches.
        for known in self.list.load().iter() {
            if bool::from(known.digest.ct_eq(&digest)) {
                role = Some(known.role);
            }
        }
        role.ok_or_else(invalid)
    }
}

/// The token of `Bearer TOKEN`: the scheme in any case, exactly one space.
pub(in crate::http) fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(b"Bearer ".len())?;
    let legal = !token.is_empty() && token.iter().all(u8::is_ascii_graphic);
    (scheme.eq_ignore_ascii_case(b"Bearer ") && legal).then_some(token)
}

fn read(path: &Path) -> Result<Vec<Token>, TokensError> {
    let unreadable = |source| TokensError::Read { path: path.to_owned(), source };
    let malformed = |(line, reason)| TokensError::Malformed { path: path.to_owned(), line, reason };
    if fs::metadata(path).map_err(unreadable)?.len() > FILE_BYTES_MAX {
        return Err(malformed((None, "it is larger than 1 MiB")));
    }
    parse(&fs::read_to_string(path).map_err(unreadable)?).map_err(malformed)
}

fn parse(text: &str) -> Result<Vec<Token>, Fault> {
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    let lines: Vec<_> =
        lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')).collect();
    if let [(number, line)] = lines.as_slice()
        && !line.contains(char::is_whitespace)
    {
        refuse_odd(*number, line)?;
        return Ok(vec![Token::new("default", Role::Write, line)]);
    }
    let mut tokens: Vec<Token> = Vec::with_capacity(lines.len());
    for (number, line) in lines {
        let token = parse_line(number, line)?;
        if tokens.iter().any(|known| known.name == token.name) {
            return Err((Some(number), "the name stands in an earlier line too"));
        }
        if tokens.iter().any(|known| known.digest == token.digest) {
            return Err((Some(number), "the token stands in an earlier line too"));
        }
        tokens.push(token);
    }
    if tokens.is_empty() { Err((None, "it holds no token")) } else { Ok(tokens) }
}

fn parse_line(number: usize, line: &str) -> Result<Token, Fault> {
    let mut fields = line.split_whitespace();
    let (Some(name), Some(role), Some(token), None) =
        (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return Err((Some(number), "it does not have three fields"));
    };
    let role = match role {
        "read" => Role::Read,
        "write" => Role::Write,
        _ => return Err((Some(number), "the role is neither `read` nor `write`")),
    };
    refuse_odd(number, token)?;
    Ok(Token::new(name, role, token))
}

/// A token goes into a header, so it is made of visible ASCII characters.
fn refuse_odd(number: usize, token: &str) -> Result<(), Fault> {
    if token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    Err((Some(number), "the token has characters that a header cannot carry"))
}

// === impl Token ===

impl Token {
    fn new(name: &str, role: Role, token: &str) -> Self {
        Self { name: name.to_owned(), role, digest: Sha256::digest(token).into() }
    }
}

/// Without the digest: a short token can be found from it.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("name", &self.name)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
