//! What `identity:` may say, and that whatever is configured by half is refused, with its place.

use serde_json::json;

use super::*;

fn jwt() -> Value {
    json!({
        "header": "Authorization", "jwks": "https://idp.example/jwks.json",
        "algorithms": ["RS256"], "issuer": "https://idp.example", "audience": "iot",
        "principal": {"type": "User", "id": "{sub}"},
    })
}

fn trusted() -> Value {
    json!({
        "name": "X-Forwarded-User", "from": ["10.0.0.0/8"], "secret_header": "X-Proxy-Secret",
        "secret_file": "proxy.secret", "principal": {"type": "User", "id": "{value}"},
    })
}

/// What is said when a member has another value, or is left out where that is `null`.
#[track_caller]
fn refused(kind: &str, mut entry: Value, member: &str, value: Value) -> String {
    if value.is_null() {
        entry.as_object_mut().unwrap().remove(member);
    } else {
        entry[member] = value;
    }
    let errors = Options::read(&[json!({kind: entry})]).unwrap_err();
    assert_eq!(errors.len(), 1);
    let text = errors[0].to_string();
    text.strip_prefix(&format!("`identity[0].{kind}")).unwrap_or(&text).to_owned()
}

#[test]
fn the_contracts_entries_are_read() {
    let certificate = json!({
        "header": "X-Forwarded-Client-Cert", "from": ["127.0.0.1"],
        "principal": {"type": "User", "id": "{uri}"},
    });
    let entries = [
        json!({"jwt": jwt()}),
        json!({"trusted_header": trusted()}),
        json!({"client_certificate": certificate}),
    ];
    let options = Options::read(&entries).unwrap();
    assert_eq!(options.entries.len(), 3);
    let (place, EntryOptions::Jwt(jwt)) = &options.entries[0] else { panic!() };
    assert_eq!(place, "identity[0].jwt");
    assert_eq!(jwt.audience, ["iot"]);
    assert_eq!((jwt.leeway_s, jwt.max_lifetime_s, &jwt.owner), (60, None, &None));
    assert_eq!(Options::read(&[]), Ok(Options::default()));
}

#[test]
fn half_a_jwt_is_refused() {
    let say = |member, value| refused("jwt", jwt(), member, value);
    assert_eq!(say("algorithms", json!(null)), "`: `algorithms` is missing");
    assert_eq!(say("algorithms", json!([])), ".algorithms`: expected 1 to 64 items");
    assert_eq!(
        say("algorithms", json!(["none"])),
        ".algorithms`: a token without a signature proves nothing"
    );
    assert!(say("algorithms", json!(["rs256"])).starts_with(".algorithms`: `rs256` is no algo"));
    assert_eq!(
        say("algorithms", json!(["HS256"])),
        ".algorithms`: a symmetric algorithm needs `secret_file`, not `jwks`"
    );
    assert_eq!(
        say("algorithms", json!(["RS256", "HS256"])),
        ".algorithms`: symmetric and asymmetric algorithms together let a public key be used as a \
         secret"
    );
    let one_of = "\nhint: exactly one of `jwks`, `jwks_file`, `key_file` and `secret_file`";
    assert_eq!(say("jwks", json!(null)), format!("`: it names no keys{one_of}"));
    assert_eq!(say("secret_file", json!("x")), format!("`: it names several keys{one_of}"));
    assert_eq!(
        say("issuer", json!(null)),
        "`: `issuer` is missing\nhint: the `iss` of the tokens, or `none` if they have none to \
         rely on"
    );
    assert_eq!(
        say("issuer", json!("")),
        ".issuer`: is empty\nhint: the `iss` of the tokens, or `none` if they have none to rely on"
    );
    assert!(say("audience", json!(null)).starts_with("`: `audience` is missing"));
    assert!(say("audience", json!("")).starts_with(".audience`: is empty"));
    assert!(say("audience", json!([])).starts_with(".audience`: expected 1 to 64 items"));
    assert_eq!(say("header", json!("a b")), ".header`: `a b` is not the name of a header");
    assert_eq!(
        say("leeway", json!(601)),
        ".leeway`: expected a whole number of seconds from 0 to 600"
    );
    assert!(say("audiences", json!("x")).starts_with("`: unknown key `audiences`\nhint: known"));
    assert_eq!(
        say("owner_none", json!("x")),
        "`: `owner_none` and `owner_attribute` need `owner_claim`"
    );
}

#[test]
fn a_key_set_comes_over_tls_or_from_this_machine() {
    let read = |url: &str| {
        let mut jwt = jwt();
        jwt["jwks"] = json!(url);
        Options::read(&[json!({"jwt": jwt})]).map(|_| ()).map_err(|errors| errors[0].to_string())
    };
    for url in [
        "https://idp.example/keys",
        "http://127.0.0.1:8080/keys",
        "http://[::1]/keys",
        "http://localhost/keys",
    ] {
        assert_eq!(read(url), Ok(()), "{url}");
    }
    for url in [
        "http://idp.example/keys",
        "http://127.0.0.1.example/keys",
        "http://10.0.0.1/keys",
        "http://localhost.example/keys",
        "https://user:pass@idp.example/keys",
        "ftp://idp.example/keys",
        "file:///keys",
        "keys.json",
    ] {
        assert!(read(url).unwrap_err().starts_with("`identity[0].jwt.jwks`: "), "{url}");
    }
    assert_eq!(
        read("http://idp.example/keys").unwrap_err(),
        "`identity[0].jwt.jwks`: over plain `http://` anybody on the way can put in a key\nhint: \
         use `https://`, with `ca_file` for a CA of your own"
    );
}

#[test]
fn half_a_trusted_header_is_refused() {
    let say = |member, value| refused("trusted_header", trusted(), member, value);
    assert_eq!(say("from", json!(null)), "`: `from` is missing");
    assert!(say("from", json!(["0.0.0.0/0"])).starts_with(".from`: `0.0.0.0/0` is everybody"));
    assert_eq!(say("secret_file", json!(null)), "`: `secret_header` and `secret_file` go together");
    assert_eq!(
        say("secret_header", json!("x-forwarded-user")),
        ".secret_header`: is the header that the secret is to guard"
    );
    let mut bare = trusted();
    bare.as_object_mut().unwrap().remove("secret_file");
    assert_eq!(
        refused("trusted_header", bare, "secret_header", json!(null)),
        "`: it needs `secret_header` and `secret_file`\nhint: an address is shared by all that \
         runs there; have the proxy send a secret"
    );
    assert_eq!(
        say("principal", json!({"type": "User", "id": "{sub}"})),
        ".principal.id`: `{sub}` is none of `{value}`"
    );
    assert_eq!(
        say("principal", json!({"id": "{value}"})),
        ".principal`: it needs `type`, or `type_from` and `map`"
    );
}

#[test]
fn a_header_has_one_reader() {
    let mut other = jwt();
    other["issuer"] = json!("https://other.example");
    assert!(Options::read(&[json!({"jwt": jwt()}), json!({"jwt": other})]).is_ok());
    other["issuer"] = json!("none");
    let twins = [(jwt(), jwt()), (jwt(), other)];
    for (one, two) in twins {
        let errors = Options::read(&[json!({"jwt": one}), json!({"jwt": two})]).unwrap_err();
        assert_eq!(errors[0].message, "`identity[0].jwt` reads the header `authorization` too");
    }
    let mut user = jwt();
    user["header"] = json!("X-Forwarded-User");
    assert!(Options::read(&[json!({"trusted_header": trusted()}), json!({"jwt": user})]).is_err());
}

#[test]
fn every_entry_that_is_wrong_is_told() {
    let entries = [json!({"basic": {}}), json!({"jwt": jwt()}), json!({}), json!("jwt")];
    let errors = Options::read(&entries).unwrap_err();
    let places: Vec<&str> = errors.iter().map(|error| &*error.place).collect();
    assert_eq!(places, ["identity[0].basic", "identity[2]", "identity[3]"]);
    assert!(Options::read(&vec![json!({"jwt": jwt()}); 17]).is_err());
}
