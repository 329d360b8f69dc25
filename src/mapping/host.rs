//! Hosts, compared by name alone: lower case, without port and final dot.

use core::net::Ipv6Addr;
use std::borrow::Cow;

use super::path::Ambiguity;

/// The longest name of a host.
const HOST_BYTES_MAX: usize = 253;

/// A host as it is compared. Two hosts in one header, user names and the like are refused.
pub(super) fn read(host: &str) -> Result<Cow<'_, str>, Ambiguity> {
    let name = if let Some(rest) = host.strip_prefix('[') {
        let (address, port) = rest.split_once(']').ok_or(Ambiguity::Host)?;
        let address: Ipv6Addr = address.parse().map_err(|_| Ambiguity::Host)?;
        if !port.is_empty() && !port.strip_prefix(':').is_some_and(is_port) {
            return Err(Ambiguity::Host);
        }
        return Ok(Cow::Owned(format!("[{address}]")));
    } else if let Some((name, port)) = host.split_once(':') {
        if !is_port(port) {
            return Err(Ambiguity::Host);
        }
        name
    } else {
        host
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let label = |label: &str| !label.is_empty() && label.bytes().all(letter);
    if name.len() > HOST_BYTES_MAX || !name.split('.').all(label) {
        return Err(Ambiguity::Host);
    }
    let lower = !name.bytes().any(|byte| byte.is_ascii_uppercase());
    Ok(if lower { Cow::Borrowed(name) } else { Cow::Owned(name.to_ascii_lowercase()) })
}

fn is_port(text: &str) -> bool {
    !text.is_empty() && text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit())
}
