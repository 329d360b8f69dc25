//! Client certificates that a proxy has checked and tells of in `X-Forwarded-Client-Cert`, in
//! Envoy's form: elements separated by commas, each of `Key=Value` separated by semicolons. Most
//! proxies pass on what a client writes into that header, so it counts from trusted peers only.

use std::path::Path;

use hyper::header::{HeaderName, HeaderValue};

use super::jwt::Fault;
use super::options::{self, ClientCertificateOptions, OptionsError};
use super::principal::{PrincipalRule, Values};
use super::trusted::{Guard, Secret};
use super::{ClaimedOwner, Identity, Presented, Source};

/// The longest header that is read, in bytes; whole certificates may be in it.
const HEADER_BYTES_MAX: usize = 16 * 1024;

/// What a principal's id can be made of, as the route file names it.
pub(super) const NAMES: [&str; 5] = ["uri", "dns", "subject", "hash", "by"];

/// One `client_certificate` of a route file.
#[derive(Debug)]
pub(super) struct Certificate {
    guard: Guard,
    secret: Option<Secret>,
    pub(super) principal: PrincipalRule,
}

/// The keys and values of one certificate.
#[derive(Debug, Default, PartialEq, Eq)]
struct Element(Vec<(String, String)>);

// === impl Certificate ===

impl Certificate {
    pub(super) fn new(
        options: &ClientCertificateOptions,
        place: &str,
        base: &Path,
    ) -> Result<Self, OptionsError> {
        let secret = options.secret.as_ref().map(|secret| Secret::read(secret, place, base));
        Ok(Self {
            guard: Guard(options.from.clone()),
            secret: secret.transpose()?,
            principal: options.principal.clone(),
        })
    }

    pub(super) fn secret_header(&self) -> Option<&HeaderName> {
        self.secret.as_ref().map(Secret::header)
    }

    pub(super) fn identify(
        &self,
        presented: &Presented<'_>,
        value: &HeaderValue,
    ) -> Result<Identity, Fault> {
        self.guard.admit(presented.peer)?;
        if let Some(secret) = &self.secret {
            secret.admit(presented)?;
        }
        let (type_name, id) = self.principal.apply(&parse(value.as_bytes())?)?;
        Ok(Identity {
            type_name,
            id,
            owner: ClaimedOwner::Unasked,
            owner_attribute: options::OWNER_ATTRIBUTE.into(),
            expires_at: None,
            source: Source::ClientCertificate,
        })
    }
}

/// Reads the header. Several certificates are several proxies' word, and which of them to believe
/// nothing says.
fn parse(value: &[u8]) -> Result<Element, Fault> {
    let text = std::str::from_utf8(value).map_err(|_| Fault::Malformed)?;
    if text.len() > HEADER_BYTES_MAX {
        return Err(Fault::TooLong);
    }
    let mut element = Element::default();
    let mut rest = text;
    loop {
        let (key, after) = rest.split_once('=').ok_or(Fault::Malformed)?;
        let (value, after) = unquoted(after)?;
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(Fault::Malformed);
        }
        element.0.push((key.to_ascii_lowercase(), value));
        let mut after = after.chars();
        match after.next() {
            None => return Ok(element),
            Some(';') => rest = after.as_str(),
            Some(',') => return Err(Fault::TwoCredentials),
            Some(_) => return Err(Fault::Malformed),
        }
    }
}

/// A value, quoted or plain, and what follows it.
fn unquoted(text: &str) -> Result<(String, &str), Fault> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([';', ',', '"', '=']).unwrap_or(text.len());
        let (value, after) = text.split_at_checked(end).ok_or(Fault::Malformed)?;
        return Ok((value.to_owned(), after));
    };
    let mut value = String::new();
    let mut characters = quoted.chars();
    loop {
        match characters.next() {
            Some('"') => return Ok((value, characters.as_str())),
            Some('\\') => value.push(characters.next().ok_or(Fault::Malformed)?),
            Some(other) => value.push(other),
            None => return Err(Fault::Malformed),
        }
    }
}

// === impl Values for Element ===

/// A key that stands twice, as several alternative names of one certificate do, identifies nobody.
impl Values for Element {
    fn value(&self, reference: &str) -> Option<String> {
        let mut values = self.0.iter().filter(|(key, _)| key == reference);
        match (values.next(), values.next()) {
            (Some((_, value)), None) => Some(value.clone()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(header: &str, key: &str) -> Result<Option<String>, Fault> {
        parse(header.as_bytes()).map(|element| element.value(key))
    }

    #[test]
    fn the_parts_of_a_certificate_are_read() {
        let header = "By=spiffe://x/proxy;Hash=ab12;Subject=\"CN=emma, \\\"E\\\";O=A\";\
                      URI=spiffe://x/user/emma;DNS=a.example;DNS=b.example";
        assert_eq!(value(header, "uri"), Ok(Some("spiffe://x/user/emma".to_owned())));
        assert_eq!(value(header, "subject"), Ok(Some("CN=emma, \"E\";O=A".to_owned())));
        assert_eq!(value(header, "hash"), Ok(Some("ab12".to_owned())));
        assert_eq!(value(header, "dns"), Ok(None));
        assert_eq!(value("URI=", "uri"), Ok(Some(String::new())));
    }

    #[test]
    fn what_is_not_one_certificate_identifies_nobody() {
        for (header, fault) in [
            ("URI=a,URI=b", Fault::TwoCredentials),
            ("URI", Fault::Malformed),
            ("URI=\"a", Fault::Malformed),
            ("URI=\"a\"b", Fault::Malformed),
            ("URI=a=b", Fault::Malformed),
            ("=a", Fault::Malformed),
            ("URI=a;", Fault::Malformed),
            ("U RI=a", Fault::Malformed),
        ] {
            assert_eq!(value(header, "uri"), Err(fault), "{header}");
        }
    }
}
