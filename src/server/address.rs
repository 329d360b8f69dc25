//! Where a listener listens: `HOST:PORT`, or `unix:PATH`.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use serde::Deserialize;

/// An address to listen on.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum ListenAddr {
    /// A host (a name or an IP literal, IPv6 in brackets) and a port.
    Tcp(String),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

/// A text that is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not an address: {reason}\nhint: write HOST:PORT, for example `127.0.0.1:3667`, or `unix:PATH`"
)]
pub struct AddressError {
    text: String,
    reason: &'static str,
}

// === impl ListenAddr ===

impl ListenAddr {
    /// Whether only this machine can reach it: a Unix socket, `localhost`, or a loopback address.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Unix(_) => true,
            Self::Tcp(text) => {
                let host = text.rsplit_once(':').map_or("", |(host, _)| host);
                let bare = host.trim_start_matches('[').trim_end_matches(']');
                host.eq_ignore_ascii_case("localhost")
                    || bare.parse().is_ok_and(|ip: IpAddr| ip.to_canonical().is_loopback())
            }
        }
    }

    /// The base of its URLs: `http://` and the address. A Unix socket has no address that a URL
    /// can name, so it is `http://localhost`.
    pub fn base_url(&self) -> String {
        match self {
            Self::Unix(_) => "http://localhost".to_owned(),
            Self::Tcp(text) => format!("http://{text}"),
        }
    }
}

impl FromStr for ListenAddr {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = |reason| Err(AddressError { text: text.to_owned(), reason });
        if let Some(path) = text.strip_prefix("unix:") {
            return match path {
                "" => fail("the path is empty"),
                path if path.contains('\0') => fail("the path holds a NUL"),
                path => Ok(Self::Unix(PathBuf::from(path))),
            };
        }
        let Some((host, port)) = text.rsplit_once(':') else { return fail("the port is missing") };
        if !port.bytes().all(|byte| byte.is_ascii_digit()) || port.parse::<u16>().is_err() {
            return fail("the port is not a number up to 65535");
        }
        if host.is_empty() {
            return fail("the host is missing");
        }
        let bracketed = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        match bracketed {
            Some(inner) if inner.parse::<std::net::Ipv6Addr>().is_err() => {
                fail("what stands in brackets is not an IPv6 address")
            }
            None if host.contains([':', '[', ']']) => fail("an IPv6 address stands in brackets"),
            None if host.contains(|c: char| c.is_whitespace() || c == '/') => {
                fail("the host is not a name")
            }
            _ => Ok(Self::Tcp(text.to_owned())),
        }
    }
}

impl fmt::Display for ListenAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(text) => f.write_str(text),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl TryFrom<String> for ListenAddr {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests;
