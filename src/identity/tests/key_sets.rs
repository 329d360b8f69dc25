//! Key sets that are fetched: when, how often, which of their keys count, and what happens while
//! their server is down.

use super::*;

/// The modulus of an RSA key of 1,024 bits.
const WEAK_MODULUS: &str = "qM-69_eXSOAUdyg-axR7bHvgY2QW7a1Bg2AB8QbJfgi0dpwkwm0UoNBm_JilhxBYLeX5f964WDfR219NtKcqNNIbwgC5j_PXTVcyG7ZvmeQXmtt6AV97lya-DbqdrhWmDhxY7Kdm-JL_hMzF5pC4S9oXEMwYRyGwzDXca57U8Fk";

fn of_key(kid: &str, pem: &str) -> String {
    signed(&format!(r#"{{"alg":"RS256","kid":"{kid}"}}"#), &claims().to_string(), pem)
}

/// A long cool-down, so that a test never outlasts one.
fn hours(jwt: &mut Value) {
    jwt["cooldown"] = json!(3600);
    jwt["refresh"] = json!(86_400);
}

#[tokio::test]
async fn without_a_first_key_set_nothing_is_known() {
    let server = KeyServer::start(&json!({})).await;
    server.answer(503);
    let entry = json!({"jwt": {
        "header": "Authorization", "jwks": server.url, "algorithms": ["RS256"],
        "issuer": "https://idp.example", "audience": "iot",
        "principal": {"type": "User", "id": "{sub}"},
    }});
    let identities = identities(&[entry]);
    let good = token(&claims().to_string());
    let before = bearer_at(&identities, &good, NOW).unwrap_err();
    assert_eq!((before, before.code()), (IdentityError::KeysUnavailable, Code::NotReady));
    let _refreshing = identities.refresh();
    tokio::time::timeout(PATIENCE, identities.first_keys()).await.unwrap();
    assert_eq!(bearer_at(&identities, &good, NOW), Err(IdentityError::KeysUnavailable));
    let report = identities.reports().next().unwrap().keys;
    assert_eq!((report.usable, report.fetches, report.failures, report.fetched_at), (0, 1, 1, 0));
}

#[tokio::test]
async fn the_last_keys_stay_in_force_while_the_server_is_down() {
    let case = Case::new(&set(&[jwk("one", RSA_ONE)]), hours).await;
    for (status, body) in
        [(500, json!({"keys": []})), (200, json!("<html>")), (302, json!({"keys": []}))]
    {
        case.server.answer(status);
        case.server.serve(&body);
        case.identities.issuers[0].keys().fetch_now().await;
        assert_eq!(case.bearer(&of_key("one", RSA_ONE)).unwrap(), "User::emma");
    }
    let report = case.identities.reports().next().unwrap();
    assert_eq!((report.keys.usable, report.keys.failures), (1, 3));
    assert_eq!((report.verified, report.remembered), (1, 2));
    // An empty set of a server that is well is its word.
    case.server.answer(200);
    case.server.serve(&set(&[]));
    case.identities.issuers[0].keys().fetch_now().await;
    assert_eq!(case.refused(&of_key("one", RSA_ONE)), Fault::UnknownKey);
}

#[tokio::test]
async fn a_rotated_key_is_fetched_and_the_old_one_ends() {
    let case = Case::new(&set(&[jwk("one", RSA_ONE)]), hours).await;
    assert!(case.bearer(&of_key("one", RSA_ONE)).is_ok());
    case.server.serve(&set(&[jwk("two", RSA_TWO)]));
    assert_eq!(case.patient(&of_key("two", RSA_TWO)).await.unwrap(), "User::emma");
    assert_eq!(case.server.hits(), 2);
    // It was remembered, and its key is gone.
    assert_eq!(case.refused(&of_key("one", RSA_ONE)), Fault::UnknownKey);
}

#[tokio::test]
async fn a_storm_of_unknown_keys_is_one_fetch() {
    let case = Case::new(&set(&[jwk("one", RSA_ONE)]), hours).await;
    let good = of_key("one", RSA_ONE);
    let [_, payload, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!() };
    for number in 0..1_000 {
        let header = format!(r#"{{"alg":"RS256","kid":"made-up-{number}"}}"#);
        let token = format!("{}.{payload}.{signature}", URL_SAFE_NO_PAD.encode(header));
        assert_eq!(fault(case.patient(&token).await), Fault::UnknownKey);
    }
    assert_eq!(case.server.hits(), 2, "one at start and one for all of them");
    assert!(case.bearer(&good).is_ok());
    let report = case.identities.reports().next().unwrap();
    assert_eq!((report.keys.fetches, report.keys.suppressed, report.refused), (2, 1_000, 1_001));
}

#[tokio::test]
async fn all_issuers_together_have_a_cool_down_too() {
    let one = KeyServer::start(&set(&[jwk("one", RSA_ONE)])).await;
    let entry = |header: &str| {
        json!({"jwt": {
            "header": header, "jwks": one.url, "algorithms": ["RS256"], "issuer": "none",
            "audience": "none", "principal": {"type": "User", "id": "{sub}"},
        }})
    };
    let identities = identities(&[entry("A"), entry("B")]);
    let all = &identities.issuers[0];
    all.keys().wake();
    identities.issuers[1].keys().wake();
    let suppressed: Vec<u64> = identities.reports().map(|it| it.keys.suppressed).collect();
    assert_eq!(suppressed, [0, 1]);
}

#[tokio::test]
async fn keys_that_are_not_for_this_are_left_out() {
    let with = |member: &str, value: Value| {
        let mut key = jwk(&format!("odd-{member}"), RSA_TWO);
        key[member] = value;
        key
    };
    let mut undeclared = jwk("undeclared", RSA_ONE);
    undeclared.as_object_mut().unwrap().remove("alg");
    undeclared.as_object_mut().unwrap().remove("use");
    let keys = set(&[
        undeclared,
        with("use", json!("enc")),
        with("use", json!(1)),
        with("key_ops", json!(["sign"])),
        with("alg", json!("RS512")),
        with("alg", json!("RSA-OAEP")),
        with("kty", json!("EC")),
        with("n", json!("!")),
        with("kid", json!(7)),
        with("n", json!(WEAK_MODULUS)),
        json!({"kty": "oct", "kid": "shared", "k": "c2VjcmV0", "alg": "HS256"}),
        json!({"kid": "nothing"}),
        json!("odd"),
    ]);
    let case = Case::new(&keys, hours).await;
    let report = case.identities.reports().next().unwrap().keys;
    assert_eq!((report.usable, report.ignored), (1, 12));
    assert_eq!(case.bearer(&of_key("undeclared", RSA_ONE)).unwrap(), "User::emma");
    assert_eq!(case.refused(&of_key("odd-use", RSA_TWO)), Fault::UnknownKey);
}

#[tokio::test]
async fn a_key_set_is_bounded() {
    let case = Case::new(&set(&[jwk("one", RSA_ONE)]), hours).await;
    let many: Vec<Value> = (0..101).map(|number| jwk(&format!("k{number}"), RSA_TWO)).collect();
    let large = json!({"keys": [], "pad": "x".repeat(300 * 1024)});
    let twice = json!({"keys": [jwk("two", RSA_TWO)]}).to_string();
    for body in [set(&many), large] {
        case.server.serve(&body);
        case.identities.issuers[0].keys().fetch_now().await;
    }
    *case.server.served.body.lock().unwrap() = twice.replacen('{', r#"{"keys":[],"#, 1);
    case.identities.issuers[0].keys().fetch_now().await;
    assert_eq!(case.identities.reports().next().unwrap().keys.failures, 3);
    assert!(case.bearer(&of_key("one", RSA_ONE)).is_ok());
}

#[tokio::test]
async fn a_token_is_remembered_by_every_byte() {
    let case = Case::usual().await;
    let good = token(&claims().to_string());
    assert!(case.bearer(&good).is_ok());
    assert!(case.bearer(&good).is_ok());
    let mut last = good.clone().into_bytes();
    let at = last.len() - 5;
    last[at] = if last[at] == b'A' { b'B' } else { b'A' };
    assert_eq!(case.refused(&String::from_utf8(last).unwrap()), Fault::Signature);
    let report = case.identities.reports().next().unwrap();
    assert_eq!((report.verified, report.remembered, report.refused), (1, 1, 1));
}

#[test]
fn a_key_set_over_tls_is_set_up_with_a_ca_of_ones_own_or_not_at_all() {
    let with = |ca_file: &str| {
        let entry = json!({"jwt": {
            "header": "Authorization", "jwks": "https://idp.example/keys", "ca_file": ca_file,
            "algorithms": ["RS256"], "issuer": "none", "audience": "none",
            "principal": {"type": "User", "id": "{sub}"},
        }});
        let options = Options::read(&[entry]).unwrap();
        Identities::new(&options, &keys_folder()).map(|_| ()).map_err(|error| error.to_string())
    };
    assert_eq!(with("ca.test-cert.pem"), Ok(()));
    let none = "`identity[0].jwt.jwks`: `ca_file` holds no certificate in PEM";
    assert_eq!(with("README.md").unwrap_err(), none);
    let gone = with("gone.pem").unwrap_err();
    assert!(gone.starts_with("`identity[0].jwt.ca_file`: cannot read the file `"), "{gone}");
    assert!(gone.ends_with("\nhint: paths are relative to the route file"), "{gone}");
}
