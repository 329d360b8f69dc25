//! Keys, read and judged: a JSON Web Key Set, a public key in PEM, a secret in base64. A key of a
//! set that cannot be used is left out and counted, so that one odd key does not lock everybody
//! out.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_PAD_INDIFFERENT, URL_SAFE_NO_PAD};
use jsonwebtoken::crypto::aws_lc;
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::engine::json;

/// The most keys of a set that are looked at.
const KEYS_MAX: usize = 100;
/// The deepest nesting of a key set.
const DEPTH_MAX: usize = 16;
/// The shortest modulus of an RSA key, in bits.
const RSA_BITS_MIN: usize = 2048;
/// The longest, which is what the verifier takes.
const RSA_BITS_MAX: usize = 8192;
/// The key that `ThingsBoard`'s own configuration shows; whoever reads it can sign tokens.
const THINGSBOARD_DEFAULT: &[u8] = b"thingsboardDefaultSigningKey";

/// A key to verify signatures with.
#[derive(Debug)]
pub(in crate::identity) struct Key {
    name: Name,
    algorithms: Vec<Algorithm>,
    decoding: DecodingKey,
    /// What tells it from others.
    digest: [u8; 32],
}

/// What a key is called.
#[derive(Debug, PartialEq, Eq)]
enum Name {
    /// It is the only one that is configured, whatever tokens call it.
    Any,
    /// A key of a set, by its `kid`.
    Kid(Option<String>),
}

// === impl Key ===

impl Key {
    pub(in crate::identity) fn fits(&self, algorithm: Algorithm) -> bool {
        self.algorithms.contains(&algorithm)
    }

    pub(in crate::identity) fn answers_to(&self, kid: &str) -> bool {
        match &self.name {
            Name::Any => true,
            Name::Kid(name) => name.as_deref() == Some(kid),
        }
    }

    pub(in crate::identity) fn decoding(&self) -> &DecodingKey {
        &self.decoding
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
            && self.algorithms == other.algorithms
            && self.digest == other.digest
    }
}

/// The usable keys of a set, for some of these algorithms, and how many others there are.
pub(super) fn parse(text: &[u8], algorithms: &[Algorithm]) -> Result<(Vec<Key>, usize), String> {
    let set = json::parse(text, DEPTH_MAX).map_err(|error| format!("is not JSON: {error}"))?;
    let keys = set.get("keys").and_then(Value::as_array);
    let keys = keys.ok_or("is no key set: it has no list `keys`")?;
    if keys.len() > KEYS_MAX {
        return Err(format!("has {} keys, and {KEYS_MAX} is the limit", keys.len()));
    }
    let members = keys.iter().filter_map(Value::as_object);
    let usable: Vec<Key> = members.filter_map(|key| from_set(key, algorithms)).collect();
    let ignored = keys.len() - usable.len();
    Ok((usable, ignored))
}

/// One key of a set, if it is one that tokens can be verified with.
fn from_set(key: &Map<String, Value>, algorithms: &[Algorithm]) -> Option<Key> {
    if key.get("use").is_some_and(|purpose| purpose != "sig") {
        return None;
    }
    if let Some(operations) = key.get("key_ops")
        && !operations.as_array()?.iter().any(|operation| operation == "verify")
    {
        return None;
    }
    let name = match key.get("kid") {
        None => None,
        Some(kid) => Some(kid.as_str()?.to_owned()),
    };
    let text = |member| key.get(member).and_then(Value::as_str);
    let part = |member| URL_SAFE_NO_PAD.decode(text(member)?.trim_end_matches('=')).ok();
    let (decoding, material, can) = match (text("kty")?, text("crv")) {
        ("RSA", _) => {
            let (modulus, exponent) = (part("n")?, part("e")?);
            strong(&modulus).ok()?;
            let decoding = DecodingKey::from_rsa_raw_components(&modulus, &exponent);
            (decoding, [modulus, exponent].concat(), AlgorithmFamily::Rsa.algorithms().to_vec())
        }
        ("EC", Some(curve)) => {
            let (algorithm, bytes) = match curve {
                "P-256" => (Algorithm::ES256, 32),
                "P-384" => (Algorithm::ES384, 48),
                _ => return None,
            };
            let (x, y) = (part("x")?, part("y")?);
            if x.len() != bytes || y.len() != bytes {
                return None;
            }
            let point = [&[4], x.as_slice(), y.as_slice()].concat();
            (DecodingKey::from_ec_der(&point), point, vec![algorithm])
        }
        ("OKP", Some("Ed25519")) => {
            let x = part("x").filter(|x| x.len() == 32)?;
            (DecodingKey::from_ed_der(&x), x, vec![Algorithm::EdDSA])
        }
        // Whoever can read a set could sign with a symmetric key in it.
        _ => return None,
    };
    let declared = match key.get("alg") {
        None => None,
        Some(declared) => Some(declared.as_str()?.parse::<Algorithm>().ok()?),
    };
    let allowed = |algorithm: &Algorithm| {
        algorithms.contains(algorithm) && declared.is_none_or(|declared| declared == *algorithm)
    };
    let algorithms: Vec<Algorithm> = can.into_iter().filter(allowed).collect();
    let digest = Sha256::digest(material).into();
    (!algorithms.is_empty()).then_some(Key { name: Name::Kid(name), algorithms, decoding, digest })
}

/// Whether an RSA modulus is long enough, and not longer than is verified.
fn strong(modulus: &[u8]) -> Result<(), String> {
    let zeros = modulus.iter().take_while(|byte| **byte == 0).count();
    let first = modulus.get(zeros).map_or(8, |byte| byte.leading_zeros() as usize);
    let bits = ((modulus.len() - zeros) * 8).saturating_sub(first);
    if (RSA_BITS_MIN..=RSA_BITS_MAX).contains(&bits) {
        return Ok(());
    }
    Err(format!("is an RSA key of {bits} bits, and {RSA_BITS_MIN} to {RSA_BITS_MAX} are taken"))
}

/// A public key in PEM.
pub(super) fn public_key(text: &[u8], algorithms: &[Algorithm]) -> Result<Key, String> {
    let pem = std::str::from_utf8(text).map_err(|_| "is not PEM")?;
    let mut begins = pem.lines().filter(|line| line.starts_with("-----BEGIN "));
    match (begins.next().map(str::trim_end), begins.next()) {
        (Some("-----BEGIN PUBLIC KEY-----" | "-----BEGIN RSA PUBLIC KEY-----"), None) => {}
        (Some(label), None) if label.contains("PRIVATE") => {
            return Err("holds a private key, and verifying needs the public one only".to_owned());
        }
        _ => return Err("does not hold exactly one public key in PEM".to_owned()),
    }
    let (decoding, can) = if let Ok(key) = DecodingKey::from_rsa_pem(text) {
        let der = key.try_get_as_bytes().map_err(|_| "is not an RSA key as verified here")?;
        let parts = (aws_lc::DEFAULT_PROVIDER.key_utils.rsa_pub_components_from_public_key)(der);
        strong(&parts.map_err(|_| "is not an RSA key as verified here")?.0)?;
        (key, AlgorithmFamily::Rsa.algorithms().to_vec())
    } else if let Ok(key) = DecodingKey::from_ec_pem(text) {
        let algorithm = match key.try_get_as_bytes().map(<[u8]>::len) {
            Ok(65) => Algorithm::ES256,
            Ok(97) => Algorithm::ES384,
            _ => return Err("is on a curve that no algorithm here is for".to_owned()),
        };
        (key, vec![algorithm])
    } else if let Ok(key) = DecodingKey::from_ed_pem(text) {
        (key, vec![Algorithm::EdDSA])
    } else {
        return Err("is neither an RSA, nor an EC, nor an Ed25519 key".to_owned());
    };
    if let Some(odd) = algorithms.iter().find(|algorithm| !can.contains(algorithm)) {
        return Err(format!("is no key for `{odd:?}`"));
    }
    let digest = Sha256::digest(text).into();
    Ok(Key { name: Name::Any, algorithms: algorithms.to_vec(), decoding, digest })
}

/// A secret in base64. It must be as long as the digest of the algorithm (RFC 7518, section 3.2).
pub(super) fn secret(text: &[u8], algorithms: &[Algorithm]) -> Result<Key, String> {
    let text = text.trim_ascii();
    let bytes = STANDARD_PAD_INDIFFERENT.decode(text).map_err(|_| "is not base64")?;
    if text == THINGSBOARD_DEFAULT || bytes == THINGSBOARD_DEFAULT {
        return Err("is the key that ThingsBoard's documentation shows; set one of your own".into());
    }
    let needed = algorithms.iter().map(|algorithm| match algorithm {
        Algorithm::HS512 => 64,
        Algorithm::HS384 => 48,
        _ => 32,
    });
    let needed = needed.max().unwrap_or(64);
    if bytes.len() < needed {
        let found = bytes.len();
        return Err(format!("holds {found} bytes, and the algorithms need at least {needed}"));
    }
    // Of a long secret with few different bytes in it somebody has held a key down.
    if bytes.iter().collect::<HashSet<_>>().len() < 8 {
        return Err("can be guessed: it has fewer than 8 different bytes".to_owned());
    }
    let digest = Sha256::digest(&bytes).into();
    let decoding = DecodingKey::from_secret(&bytes);
    Ok(Key { name: Name::Any, algorithms: algorithms.to_vec(), decoding, digest })
}
