//! Whether a request was meant for this service: its host must be one of the service's names,
//! which a page that points its own name at this address cannot claim, and its origin, if it has
//! one, the very host it asks.

use std::net::IpAddr;
use std::str::FromStr as _;

use axum::body::Body;
use axum::http::header::{HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Request};

use crate::http::problem::{Kind, Problem};

/// How a listener is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Over a network, where browsers are.
    Network,
    /// Over a Unix socket, which no browser opens: its clients put any name into `Host`.
    UnixSocket,
}

/// Refuses a request whose host or origin is foreign.
pub(super) fn judge(
    reach: Reach,
    hosts: &[String],
    request: &Request<Body>,
) -> Result<(), Problem> {
    // HTTP/2 and the absolute form name the host in the target. Where both are there, both count.
    let target = request.uri().authority().map(Authority::as_str);
    let header = match request.headers().get(HOST) {
        Some(value) => Some(value.to_str().map_err(|_| unclear())?),
        None => None,
    };
    for text in [target, header].into_iter().flatten() {
        if !(text.is_empty() && reach == Reach::UnixSocket) {
            judge_host(reach, hosts, text)?;
        }
    }
    judge_origin(request.headers(), target.or(header))
}

fn judge_host(reach: Reach, hosts: &[String], text: &str) -> Result<(), Problem> {
    let authority = Authority::from_str(text).map_err(|_| unclear())?;
    if text.contains('@') || authority.host().is_empty() {
        return Err(unclear());
    }
    let name = authority.host();
    let name = name.strip_suffix('.').unwrap_or(name);
    let known = reach == Reach::UnixSocket
        || is_ip_literal(name)
        || name.eq_ignore_ascii_case("localhost")
        || hosts.iter().any(|host| name.eq_ignore_ascii_case(host));
    if known {
        return Ok(());
    }
    let detail = "the request is for a host that is not a name of this service";
    let problem = Problem::new(Kind::ForeignHost, detail);
    Err(problem.hint("ask by IP address or `localhost`, or configure the name"))
}

/// Whether a host is an address, which no page can make point elsewhere. Only the plain forms
/// count: what only some resolvers read as an address is a name.
fn is_ip_literal(name: &str) -> bool {
    match name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inner) => inner.parse::<IpAddr>().is_ok_and(|ip| ip.is_ipv6()),
        None => name.parse::<IpAddr>().is_ok(),
    }
}

fn judge_origin(headers: &HeaderMap, host: Option<&str>) -> Result<(), Problem> {
    let mut origins = headers.get_all(ORIGIN).iter();
    let own = match (origins.next(), origins.next()) {
        (None, _) => true,
        (Some(origin), None) => is_own_origin(origin, host),
        (Some(_), Some(_)) => false,
    };
    if own {
        return Ok(());
    }
    let detail = "the request comes from a page of another origin";
    Err(Problem::new(Kind::ForeignOrigin, detail))
}

/// Whether an origin names the host, port included, that the request asks.
fn is_own_origin(origin: &HeaderValue, host: Option<&str>) -> bool {
    let (Ok(origin), Some(host)) = (origin.to_str(), host) else { return false };
    let (authority, port) = match origin.split_once("://") {
        Some(("http", authority)) => (authority, ":80"),
        Some(("https", authority)) => (authority, ":443"),
        _ => return false,
    };
    let bare = |text: &'_ str| text.strip_suffix(port).unwrap_or(text).to_ascii_lowercase();
    bare(authority) == bare(host)
}

fn unclear() -> Problem {
    Problem::new(Kind::InvalidHost, "the request's host is not a host")
}

#[cfg(test)]
mod tests;
