//! From the JSON of one entry of `identity:` to its options, or to the one thing that is wrong with
//! it first.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use hyper::header::HeaderName;
use jsonwebtoken::{Algorithm, AlgorithmFamily};
use reqwest::Url;
use serde_json::Value;

use super::fields::Fields;
use super::{
    ClientCertificateOptions, EntryOptions, JwtOptions, KeyOptions, OWNER_ATTRIBUTE, OptionsError,
    OwnerOptions, SecretOptions, THINGSBOARD_NOBODY, TrustedHeaderOptions,
};
use crate::identity::certificate;
use crate::identity::peers::Peers;
use crate::identity::principal::{PrincipalRule, Template, TypeRule};

/// How far clocks may be apart, in seconds, unless configured.
const LEEWAY_S: i64 = 60;
/// How often a key set is fetched without a reason, in seconds, unless configured.
const REFRESH_S: i64 = 300;
/// How long at least passes between two fetches of one key set that requests set off, in seconds,
/// unless configured.
const COOL_DOWN_S: i64 = 30;
/// One entry, with its place.
pub(super) fn entry(place: &str, entry: &Value) -> Result<(String, EntryOptions), OptionsError> {
    let known = "`jwt`, `trusted_header` or `client_certificate`";
    let Some((kind, fields)) =
        entry.as_object().filter(|entry| entry.len() == 1).and_then(|entry| entry.iter().next())
    else {
        return Err(OptionsError::new(place, format!("expected one key, {known}")));
    };
    let place = format!("{place}.{kind}");
    let fields = match kind.as_str() {
        "jwt" | "trusted_header" | "client_certificate" => Fields::of(&place, fields)?,
        _ => {
            let shown: String = kind.chars().take(100).collect();
            let message = format!("`{shown}` is no kind of credential");
            return Err(OptionsError::new(&place, message).hint(format!("known here: {known}")));
        }
    };
    let entry = match kind.as_str() {
        "jwt" => EntryOptions::Jwt(read_jwt(fields)?),
        "trusted_header" => EntryOptions::TrustedHeader(read_trusted_header(fields)?),
        _ => EntryOptions::ClientCertificate(read_client_certificate(fields)?),
    };
    Ok((place, entry))
}

fn read_jwt(mut fields: Fields<'_>) -> Result<JwtOptions, OptionsError> {
    let headers = fields.required_texts("header")?;
    let headers = headers.iter().map(|name| fields.header_name("header", name));
    let headers: Vec<HeaderName> = headers.collect::<Result<_, _>>()?;
    let algorithms = read_algorithms(&mut fields)?;
    let keys = read_keys(&mut fields, &algorithms)?;
    let issuer = fields.required_text("issuer").map_err(|error| {
        error.hint("the `iss` of the tokens, or `none` if they have none to rely on")
    })?;
    let audience = fields.required_texts("audience").map_err(|error| {
        error.hint("the `aud` that the tokens are meant for, or `none` if they have none")
    })?;
    let options = JwtOptions {
        headers,
        keys,
        algorithms,
        issuer: (issuer != "none").then(|| issuer.to_owned()),
        audience: if audience == ["none"] { Vec::new() } else { audience },
        principal: read_principal(&mut fields, &[])?,
        owner: read_owner(&mut fields)?,
        scopes: fields.texts("scopes")?.unwrap_or_default(),
        scope_claim: fields.text("scope_claim")?.map(str::to_owned),
        leeway_s: fields.integer("leeway", 0..=600)?.unwrap_or(LEEWAY_S),
        max_lifetime_s: fields.integer("max_lifetime", 1..=366 * 86_400)?,
    };
    fields.finish()?;
    Ok(options)
}

fn read_algorithms(fields: &mut Fields<'_>) -> Result<Vec<Algorithm>, OptionsError> {
    let names = fields.required_texts("algorithms")?;
    let mut algorithms = Vec::new();
    for name in &names {
        let algorithm: Algorithm = name.parse().map_err(|_| {
            if name.eq_ignore_ascii_case("none") {
                return fields.fault("algorithms", "a token without a signature proves nothing");
            }
            let known = "`RS256`, `RS384`, `RS512`, `PS256`, `PS384`, `PS512`, `ES256`, `ES384`, \
                         `EdDSA`, `HS256`, `HS384`, `HS512`";
            fields
                .fault("algorithms", format!("`{name}` is no algorithm"))
                .hint(format!("known here: {known}"))
        })?;
        algorithms.push(algorithm);
    }
    let symmetric = algorithms.iter().filter(|one| one.family() == AlgorithmFamily::Hmac).count();
    if symmetric != 0 && symmetric != algorithms.len() {
        let message = "symmetric and asymmetric algorithms together let a public key be used as a \
                       secret";
        return Err(fields.fault("algorithms", message));
    }
    Ok(algorithms)
}

fn read_keys(
    fields: &mut Fields<'_>,
    algorithms: &[Algorithm],
) -> Result<KeyOptions, OptionsError> {
    const SOURCES: [&str; 4] = ["jwks", "jwks_file", "key_file", "secret_file"];
    let mut given = Vec::new();
    for name in SOURCES {
        given.extend(fields.text(name)?.map(|text| (name, text)));
    }
    let [(name, text)] = given.as_slice() else {
        let hint = "exactly one of `jwks`, `jwks_file`, `key_file` and `secret_file`";
        let message = if given.is_empty() { "it names no keys" } else { "it names several keys" };
        return Err(OptionsError::new(fields.place(), message).hint(hint));
    };
    let symmetric = algorithms.iter().any(|one| one.family() == AlgorithmFamily::Hmac);
    if symmetric != (*name == "secret_file") {
        let message = if symmetric {
            format!("a symmetric algorithm needs `secret_file`, not `{name}`")
        } else {
            "with `secret_file` go `HS256`, `HS384` and `HS512` only".to_owned()
        };
        return Err(fields.fault("algorithms", message));
    }
    let refresh = fields.integer("refresh", 10..=86_400)?;
    let cool_down = fields.integer("cooldown", 1..=3_600)?;
    let ca_file = fields.text("ca_file")?.map(PathBuf::from);
    if *name != "jwks" && (refresh.is_some() || cool_down.is_some() || ca_file.is_some()) {
        let message = "`refresh`, `cooldown` and `ca_file` go with `jwks` only";
        return Err(OptionsError::new(fields.place(), message));
    }
    Ok(match *name {
        "jwks" => KeyOptions::Url {
            url: read_url(fields, text)?,
            ca_file,
            refresh: seconds(refresh.unwrap_or(REFRESH_S)),
            cool_down: seconds(cool_down.unwrap_or(COOL_DOWN_S)),
        },
        "jwks_file" => KeyOptions::SetFile(PathBuf::from(text)),
        "key_file" => KeyOptions::KeyFile(PathBuf::from(text)),
        _ => KeyOptions::SecretFile(PathBuf::from(text)),
    })
}

fn seconds(number: i64) -> Duration {
    Duration::from_secs(number.unsigned_abs())
}

/// Whoever can change a key set on its way can sign tokens, so it comes over TLS, or from this
/// machine.
fn read_url(fields: &Fields<'_>, text: &str) -> Result<String, OptionsError> {
    let url: Url =
        text.parse().map_err(|_| fields.fault("jwks", format!("`{text}` is not a URL")))?;
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let local = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
    let message = match url.scheme() {
        _ if !url.username().is_empty() || url.password().is_some() => {
            return Err(fields.fault("jwks", "the URL has a user or a password in it"));
        }
        "https" => return Ok(text.to_owned()),
        "http" if local => return Ok(text.to_owned()),
        "http" => "over plain `http://` anybody on the way can put in a key",
        _ => "the URL begins with neither `https://` nor `http://`",
    };
    Err(fields.fault("jwks", message).hint("use `https://`, with `ca_file` for a CA of your own"))
}

fn read_owner(fields: &mut Fields<'_>) -> Result<Option<OwnerOptions>, OptionsError> {
    let claims = fields.texts("owner_claim")?;
    let nobody = fields.texts("owner_none")?;
    let attribute = fields.text("owner_attribute")?;
    let Some(claims) = claims else {
        if nobody.is_some() || attribute.is_some() {
            let message = "`owner_none` and `owner_attribute` need `owner_claim`";
            return Err(OptionsError::new(fields.place(), message));
        }
        return Ok(None);
    };
    Ok(Some(OwnerOptions {
        claims,
        nobody: nobody.unwrap_or_else(|| vec![THINGSBOARD_NOBODY.to_owned()]),
        attribute: attribute.unwrap_or(OWNER_ATTRIBUTE).to_owned(),
    }))
}

fn read_principal(fields: &mut Fields<'_>, known: &[&str]) -> Result<PrincipalRule, OptionsError> {
    let mut fields = fields.required_fields("principal")?;
    let id = fields.required_text("id")?;
    let id = Template::parse(id, known).map_err(|message| fields.fault("id", message))?;
    let (fixed, from) = (fields.text("type")?, fields.text("type_from")?);
    let map = fields.value("map");
    let type_rule = match (fixed, from, map) {
        (Some(name), None, None) => TypeRule::Fixed(name.to_owned()),
        (None, Some(from), Some(map)) => {
            let from = Template::parse(from, known);
            let from = from.map_err(|message| fields.fault("type_from", message))?;
            let map = map.as_object().filter(|map| !map.is_empty()).and_then(|map| {
                let pair = |(from, to): (&String, &Value)| {
                    let to = to.as_str().filter(|to| !to.is_empty())?;
                    Some((from.clone(), to.to_owned()))
                };
                map.iter().map(pair).collect::<Option<BTreeMap<_, _>>>()
            });
            let message = "expected entity types by value, such as `{ SYS_ADMIN: Administrator }`";
            let map = map.ok_or_else(|| fields.fault("map", message))?;
            TypeRule::Mapped { from, map }
        }
        _ => {
            let message = "it needs `type`, or `type_from` and `map`";
            return Err(OptionsError::new(fields.place(), message));
        }
    };
    fields.finish()?;
    Ok(PrincipalRule { type_rule, id })
}

fn read_trusted_header(mut fields: Fields<'_>) -> Result<TrustedHeaderOptions, OptionsError> {
    let name = fields.required_text("name")?;
    let options = TrustedHeaderOptions {
        name: fields.header_name("name", name)?,
        from: read_from(&mut fields)?,
        secret: read_secret(&mut fields)?.ok_or_else(|| {
            let message = "it needs `secret_header` and `secret_file`";
            let hint = "an address is shared by all that runs there; have the proxy send a secret";
            OptionsError::new(fields.place(), message).hint(hint)
        })?,
        principal: read_principal(&mut fields, &["value"])?,
    };
    fields.finish()?;
    if options.name == options.secret.header {
        return Err(fields.fault("secret_header", "is the header that the secret is to guard"));
    }
    Ok(options)
}

fn read_client_certificate(
    mut fields: Fields<'_>,
) -> Result<ClientCertificateOptions, OptionsError> {
    let header = fields.required_text("header")?;
    let options = ClientCertificateOptions {
        header: fields.header_name("header", header)?,
        from: read_from(&mut fields)?,
        secret: read_secret(&mut fields)?,
        principal: read_principal(&mut fields, &certificate::NAMES)?,
    };
    fields.finish()?;
    Ok(options)
}

fn read_from(fields: &mut Fields<'_>) -> Result<Peers, OptionsError> {
    let mut peers = Peers::default();
    for text in fields.required_texts("from")? {
        let fault = |message| fields.fault("from", format!("`{text}` {message}"));
        peers.add(&text).map_err(fault)?;
    }
    Ok(peers)
}

fn read_secret(fields: &mut Fields<'_>) -> Result<Option<SecretOptions>, OptionsError> {
    match (fields.text("secret_header")?, fields.text("secret_file")?) {
        (None, None) => Ok(None),
        (Some(header), Some(file)) => {
            let header = fields.header_name("secret_header", header)?;
            Ok(Some(SecretOptions { header, file: PathBuf::from(file) }))
        }
        _ => {
            let message = "`secret_header` and `secret_file` go together";
            Err(OptionsError::new(fields.place(), message))
        }
    }
}
