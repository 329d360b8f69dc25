//! Tokens that are good, and each way in which one can fail.

use super::*;

#[tokio::test]
async fn a_good_token_says_who_it_is() {
    let case = Case::usual().await;
    assert_eq!(case.bearer(&token(&claims().to_string())).unwrap(), "User::emma");
    let headers =
        headers(&[("authorization", &format!("bEARER {}", token(&claims().to_string())))]);
    let identity = case.identities.identify(&presented(&headers), NOW * 1000).unwrap();
    assert_eq!(identity.expires_at, Some(NOW + 3600));
    assert_eq!(identity.source, Source::Jwt);
    assert_eq!(identity.owner, ClaimedOwner::Unasked);
}

#[tokio::test]
async fn the_algorithm_none_is_refused() {
    let case = Case::usual().await;
    for name in ["none", "None", "NONE", "nOnE"] {
        let header = format!(r#"{{"alg":"{name}","kid":"one"}}"#);
        let [header, claims] =
            [header, claims().to_string()].map(|part| URL_SAFE_NO_PAD.encode(part));
        assert_eq!(case.refused(&format!("{header}.{claims}.")), Fault::Algorithm);
    }
}

#[tokio::test]
async fn a_public_key_is_not_taken_for_a_secret() {
    let case = Case::usual().await;
    let public = std::fs::read(keys_folder().join("rsa-one.test-public.pem")).unwrap();
    let secret = EncodingKey::from_secret(&public);
    let header = r#"{"alg":"HS256","kid":"one"}"#;
    let swapped = signed_by(header, &claims().to_string(), &secret, Algorithm::HS256);
    assert_eq!(case.refused(&swapped), Fault::Algorithm);
}

#[tokio::test]
async fn another_algorithm_of_the_same_key_is_refused() {
    let case = Case::usual().await;
    let key = EncodingKey::from_rsa_pem(RSA_ONE.as_bytes()).unwrap();
    for (name, algorithm) in [("RS512", Algorithm::RS512), ("PS256", Algorithm::PS256)] {
        let header = format!(r#"{{"alg":"{name}","kid":"one"}}"#);
        let other = signed_by(&header, &claims().to_string(), &key, algorithm);
        assert_eq!(case.refused(&other), Fault::Algorithm);
    }
    // It calls itself RS256 and is signed otherwise.
    let header = r#"{"alg":"RS256","kid":"one"}"#;
    let lying = signed_by(header, &claims().to_string(), &key, Algorithm::PS256);
    assert_eq!(case.refused(&lying), Fault::Signature);
}

#[tokio::test]
async fn a_wrong_kid_is_refused() {
    let keys = set(&[jwk("one", RSA_ONE), jwk("two", RSA_TWO)]);
    let case = Case::new(&keys, |_| ()).await;
    let of = |kid: &str, pem| {
        signed(&format!(r#"{{"alg":"RS256","kid":"{kid}"}}"#), &claims().to_string(), pem)
    };
    assert_eq!(case.bearer(&of("two", RSA_TWO)).unwrap(), "User::emma");
    assert_eq!(case.refused(&of("two", RSA_ONE)), Fault::Signature);
    assert_eq!(case.refused(&of("three", RSA_ONE)), Fault::UnknownKey);
    assert_eq!(case.refused(&of("ONE", RSA_ONE)), Fault::UnknownKey);
    // Without a name it could be either.
    let unnamed = signed(r#"{"alg":"RS256"}"#, &claims().to_string(), RSA_ONE);
    assert_eq!(case.refused(&unnamed), Fault::UnknownKey);
    let number = signed(r#"{"alg":"RS256","kid":1}"#, &claims().to_string(), RSA_ONE);
    assert_eq!(case.refused(&number), Fault::Malformed);
}

#[tokio::test]
async fn a_token_without_kid_is_of_the_only_key() {
    let case = Case::usual().await;
    let unnamed = |pem| signed(r#"{"alg":"RS256"}"#, &claims().to_string(), pem);
    assert_eq!(case.bearer(&unnamed(RSA_ONE)).unwrap(), "User::emma");
    assert_eq!(case.refused(&unnamed(RSA_TWO)), Fault::Signature);
}

#[tokio::test]
async fn a_changed_token_is_refused() {
    let case = Case::usual().await;
    let good = token(&claims().to_string());
    let [header, _, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!() };
    let other = URL_SAFE_NO_PAD.encode(claims_with("sub", json!("jack")));
    assert_eq!(case.refused(&format!("{header}.{other}.{signature}")), Fault::Signature);
    assert_eq!(
        case.refused(good.strip_suffix(signature.get(4..).unwrap()).unwrap()),
        Fault::Signature
    );
    assert_eq!(case.refused(&format!("{good}=")), Fault::Signature);
    assert_eq!(case.refused(&format!("{good}.x")), Fault::Malformed);
    assert_eq!(case.refused("a.b"), Fault::Malformed);
    assert_eq!(case.refused(&format!("{good},{good}")), Fault::Malformed);
}

#[tokio::test]
async fn an_expired_token_is_refused_also_when_it_was_good_before() {
    let case = Case::usual().await;
    let good = token(&claims().to_string());
    assert!(case.at(&good, NOW + 3600 + 59).is_ok());
    assert_eq!(fault(case.at(&good, NOW + 3600 + 60)), Fault::Expired);
    assert_eq!(fault(case.at(&good, NOW + 1_000_000)), Fault::Expired);
    let report = case.identities.reports().next().unwrap();
    assert_eq!((report.verified, report.remembered, report.refused), (1, 0, 2));
    let expired = token(&claims_with("exp", json!(NOW - 60)));
    assert_eq!(case.refused(&expired), Fault::Expired);
    assert_eq!(case.refused(&token(&claims_with("exp", json!(i64::MIN)))), Fault::Expired);
    assert!(case.bearer(&token(&claims_with("exp", json!(i64::MAX)))).is_ok());
    assert_eq!(case.refused(&token(&claims_without("exp"))), Fault::Expiry);
}

#[tokio::test]
async fn a_token_before_its_time_is_refused() {
    let case = Case::usual().await;
    for name in ["nbf", "iat"] {
        let later = token(&claims_with(name, json!(NOW + 61)));
        assert_eq!(case.refused(&later), Fault::NotYetValid);
        assert!(case.at(&later, NOW + 1).is_ok());
        assert_eq!(case.refused(&later), Fault::NotYetValid, "also once it is remembered");
    }
}

#[tokio::test]
async fn a_time_that_is_not_a_whole_number_is_refused() {
    let case = Case::usual().await;
    for odd in [json!("never"), json!("1900000000"), json!(1.9e9), json!(null), json!([NOW])] {
        assert_eq!(case.refused(&token(&claims_with("exp", odd.clone()))), Fault::Expiry, "{odd}");
        for name in ["nbf", "iat"] {
            assert_eq!(
                case.refused(&token(&claims_with(name, odd.clone()))),
                Fault::Dates,
                "{odd}"
            );
        }
    }
    let huge = token(&claims_with("exp", json!(u64::MAX)));
    assert_eq!(case.refused(&huge), Fault::Expiry);
}

#[tokio::test]
async fn a_token_for_another_audience_is_refused() {
    let case = Case::usual().await;
    assert!(case.bearer(&token(&claims_with("aud", json!(["x", "iot"])))).is_ok());
    for odd in [json!("IoT"), json!("iot2"), json!([]), json!(["iot", 1]), json!({"iot": 1})] {
        let odd = token(&claims_with("aud", odd));
        assert_eq!(case.refused(&odd), Fault::Audience);
    }
    assert_eq!(case.refused(&token(&claims_without("aud"))), Fault::Audience);
    let any = Case::new(&set(&[jwk("one", RSA_ONE)]), |jwt| jwt["audience"] = json!("none")).await;
    assert!(any.bearer(&token(&claims_without("aud"))).is_ok());
}

#[tokio::test]
async fn a_token_of_another_issuer_is_refused() {
    let case = Case::usual().await;
    for odd in [json!("https://idp.example/"), json!(["https://idp.example"]), json!(null)] {
        assert_eq!(case.refused(&token(&claims_with("iss", odd))), Fault::Issuer);
    }
    assert_eq!(case.refused(&token(&claims_without("iss"))), Fault::Issuer);
}

#[tokio::test]
async fn duplicate_claims_are_refused() {
    let case = Case::usual().await;
    let claims = claims().to_string();
    let twice = claims.replacen('{', r#"{"sub":"jack","#, 1);
    assert_eq!(case.refused(&token(&twice)), Fault::Malformed);
    let header = r#"{"alg":"RS256","kid":"one","alg":"none"}"#;
    assert_eq!(case.refused(&signed(header, &claims, RSA_ONE)), Fault::Malformed);
    assert_eq!(case.refused(&token("[]")), Fault::Malformed);
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(case.refused(&token(&deep)), Fault::TooLong);
}

#[tokio::test]
async fn a_huge_token_is_refused_unread() {
    let case = Case::usual().await;
    let wide = |bytes: usize| token(&claims_with("pad", json!("x".repeat(bytes))));
    assert!(case.bearer(&wide(8 * 1024)).is_ok());
    assert_eq!(case.refused(&wide(jwt::TOKEN_BYTES_MAX)), Fault::TooLong);
    assert_eq!(case.refused(&".".repeat(jwt::TOKEN_BYTES_MAX + 1)), Fault::TooLong);
}

#[tokio::test]
async fn a_critical_extension_is_refused() {
    let case = Case::usual().await;
    for header in [
        r#"{"alg":"RS256","kid":"one","crit":["b64"],"b64":false}"#,
        r#"{"alg":"RS256","kid":"one","crit":[]}"#,
    ] {
        assert_eq!(case.refused(&signed(header, &claims().to_string(), RSA_ONE)), Fault::Critical);
    }
}

#[tokio::test]
async fn a_key_that_a_token_brings_along_counts_for_nothing() {
    let case = Case::usual().await;
    let header = json!({
        "alg": "RS256", "kid": "one", "jwk": jwk("one", RSA_TWO), "jku": case.server.url,
    });
    let own = signed(&header.to_string(), &claims().to_string(), RSA_TWO);
    assert_eq!(case.refused(&own), Fault::Signature);
}

#[tokio::test]
async fn two_credentials_are_refused() {
    let case = Case::new(&set(&[jwk("one", RSA_ONE)]), |jwt| {
        jwt["header"] = json!(["X-Authorization", "Authorization"]);
    })
    .await;
    let good = format!("Bearer {}", token(&claims().to_string()));
    let judge = |pairs: &[(&str, &str)]| {
        let headers = headers(pairs);
        case.identities.identify(&presented(&headers), NOW * 1000).map(|identity| shown(&identity))
    };
    assert_eq!(judge(&[("x-authorization", &good)]).unwrap(), "User::emma");
    assert_eq!(judge(&[("authorization", &good)]).unwrap(), "User::emma");
    for other in [good.as_str(), "Bearer x", ""] {
        let both = [("x-authorization", good.as_str()), ("authorization", other)];
        assert_eq!(fault(judge(&both)), Fault::TwoCredentials);
    }
    let twice = [("authorization", good.as_str()), ("authorization", good.as_str())];
    assert_eq!(fault(judge(&twice)), Fault::Duplicated);
    assert_eq!(fault(judge(&[("x_authorization", &good)])), Fault::Twin);
    let twin = [("authorization", good.as_str()), ("X_Authorization", "x")];
    assert_eq!(fault(judge(&twin)), Fault::Twin);
    let headers = headers(&[("authorization", &good)]);
    let query = Presented { token: Some("x"), ..presented(&headers) };
    let result = case.identities.identify(&query, NOW * 1000).map(|identity| shown(&identity));
    assert_eq!(fault(result), Fault::TwoCredentials);
}

#[tokio::test]
async fn a_token_may_stand_in_the_query_where_the_route_says_so() {
    let case = Case::usual().await;
    let (headers, good) = (HeaderMap::new(), token(&claims().to_string()));
    let query = Presented { token: Some(&good), ..presented(&headers) };
    let identity = case.identities.identify(&query, NOW * 1000).unwrap();
    assert_eq!(shown(&identity), "User::emma");
}

#[tokio::test]
async fn no_credential_is_none_and_an_empty_one_is_invalid() {
    let case = Case::usual().await;
    let judge = |pairs: &[(&str, &str)]| {
        let headers = headers(pairs);
        case.identities.identify(&presented(&headers), NOW * 1000).map(|identity| shown(&identity))
    };
    let none = judge(&[("x-authorization", "Bearer x"), ("cookie", "token=x")]).unwrap_err();
    assert_eq!((none, none.code()), (IdentityError::NoCredential, Code::NoCredential));
    let empty = judge(&[("authorization", "")]).unwrap_err();
    assert_eq!(empty.code(), Code::InvalidCredential);
}

#[tokio::test]
async fn seven_characters_without_a_scheme_are_refused() {
    let case = Case::usual().await;
    let good = token(&claims().to_string());
    for before in ["XXXXXXX", "Bearer\t", "Bearer:", "Bearer", "Basic ", "Bearer  ", "ApiKey ", ""]
    {
        let headers = headers(&[("authorization", &format!("{before}{good}"))]);
        let result = case.identities.identify(&presented(&headers), NOW * 1000);
        assert_eq!(result, Err(IdentityError::Invalid(Fault::Scheme)), "{before:?}");
    }
}

#[tokio::test]
async fn a_refresh_token_is_refused() {
    let listed = |scopes: Value| async move {
        Case::new(&set(&[jwk("one", RSA_ONE)]), |jwt| jwt["scopes"] = scopes).await
    };
    let case = listed(json!(["CUSTOMER_USER", "TENANT_ADMIN"])).await;
    let with = |scopes: Value| token(&claims_with("scopes", scopes));
    assert!(case.bearer(&with(json!(["CUSTOMER_USER"]))).is_ok());
    assert!(case.bearer(&token(&claims_with("scope", json!("openid TENANT_ADMIN")))).is_ok());
    for odd in [
        json!(["REFRESH_TOKEN"]),
        json!(["PRE_VERIFICATION_TOKEN"]),
        json!(["MFA_CONFIGURATION_TOKEN"]),
        json!(["CUSTOMER_USER", "REFRESH_TOKEN"]),
        json!(["SYS_ADMIN"]),
        json!([]),
        json!({"CUSTOMER_USER": true}),
    ] {
        assert_eq!(case.refused(&with(odd.clone())), Fault::Scope, "{odd}");
    }
    assert_eq!(case.refused(&token(&claims().to_string())), Fault::Scope);
    // It is none either where scopes are not asked for.
    let unasked = Case::usual().await;
    assert_eq!(unasked.refused(&with(json!(["REFRESH_TOKEN"]))), Fault::Scope);
    assert!(unasked.bearer(&with(json!(["anything"]))).is_ok());
}

#[tokio::test]
async fn thingsboards_tokens_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let secret: Vec<u8> = (0..64).collect();
    let base64 = base64::engine::general_purpose::STANDARD.encode(&secret);
    std::fs::write(folder.path().join("tb.secret"), format!("{base64}\n")).unwrap();
    let entry = json!({"jwt": {
        "header": ["X-Authorization", "Authorization"], "secret_file": "tb.secret",
        "algorithms": ["HS512"], "issuer": "thingsboard.io", "audience": "none",
        "scopes": ["SYS_ADMIN", "TENANT_ADMIN", "CUSTOMER_USER"],
        "owner_claim": ["customerId", "tenantId"],
        "principal": {
            "type_from": "{scopes}", "id": "{userId}",
            "map": {"SYS_ADMIN": "SystemAdministrator", "TENANT_ADMIN": "User", "CUSTOMER_USER": "User"}
        },
    }});
    let options = Options::read(&[entry]).unwrap();
    let identities = Identities::new(&options, folder.path()).unwrap();
    let key = EncodingKey::from_secret(&secret);
    let judge = |scope: &str, customer: &str, tenant: &str| {
        let claims = json!({
            "sub": "emma@a.example", "userId": "u-1", "scopes": [scope], "iss": "thingsboard.io",
            "exp": NOW + 9000, "iat": NOW, "customerId": customer, "tenantId": tenant,
        });
        let token = signed_by(r#"{"alg":"HS512"}"#, &claims.to_string(), &key, Algorithm::HS512);
        let headers = headers(&[("x-authorization", &format!("Bearer {token}"))]);
        let identity = identities.identify(&presented(&headers), NOW * 1000);
        identity.map(|identity| (shown(&identity), identity.owner.clone()))
    };
    let nobody = options::THINGSBOARD_NOBODY;
    let owner = |id: &str| ClaimedOwner::Id(id.to_owned());
    let user = "User::u-1".to_owned();
    assert_eq!(judge("CUSTOMER_USER", "c-1", "t-1").unwrap(), (user.clone(), owner("c-1")));
    assert_eq!(judge("TENANT_ADMIN", nobody, "t-1").unwrap(), (user, owner("t-1")));
    let (admin, none) = judge("SYS_ADMIN", nobody, nobody).unwrap();
    assert_eq!((&*admin, none), ("SystemAdministrator::u-1", ClaimedOwner::Nobody));
    let refresh = judge("REFRESH_TOKEN", "c-1", "t-1");
    assert_eq!(refresh, Err(IdentityError::Invalid(Fault::Scope)));
    assert_eq!(identities.principal_types(), ["SystemAdministrator", "User"]);
    assert!(!format!("{identities:?}").contains(&base64), "secrets are not shown");
}

#[tokio::test]
async fn a_token_that_lasts_too_long_is_refused() {
    let keys = set(&[jwk("one", RSA_ONE)]);
    let case = Case::new(&keys, |jwt| jwt["max_lifetime"] = json!(3600)).await;
    assert!(case.bearer(&token(&claims().to_string())).is_ok());
    assert_eq!(case.refused(&token(&claims_with("exp", json!(NOW + 3601)))), Fault::Lifetime);
    assert_eq!(case.refused(&token(&claims_without("iat"))), Fault::Lifetime);
}

#[tokio::test]
async fn each_issuer_on_a_header_has_its_own_keys() {
    let one = KeyServer::start(&set(&[jwk("k", RSA_ONE)])).await;
    let two = KeyServer::start(&set(&[jwk("k", RSA_TWO)])).await;
    let entry = |server: &KeyServer, issuer: &str, ty: &str| {
        json!({"jwt": {
            "header": "Authorization", "jwks": server.url, "algorithms": ["RS256"],
            "issuer": issuer, "audience": "iot", "principal": {"type": ty, "id": "{sub}"},
        }})
    };
    let identities = identities(&[entry(&one, "one", "User"), entry(&two, "two", "Service")]);
    let _refreshing = identities.refresh();
    tokio::time::timeout(PATIENCE, identities.first_keys()).await.unwrap();
    let of = |issuer: &str, pem| {
        let claims = claims_with("iss", json!(issuer));
        bearer_at(&identities, &signed(r#"{"alg":"RS256","kid":"k"}"#, &claims, pem), NOW)
    };
    assert_eq!(of("one", RSA_ONE).unwrap(), "User::emma");
    assert_eq!(of("two", RSA_TWO).unwrap(), "Service::emma");
    assert_eq!(fault(of("two", RSA_ONE)), Fault::Signature);
    assert_eq!(fault(of("one", RSA_TWO)), Fault::Signature);
    assert_eq!(fault(of("three", RSA_ONE)), Fault::Issuer);
}

#[tokio::test]
async fn public_keys_in_files_are_read() {
    for (file, pem, name, algorithm) in [
        ("rsa-one.test-public.pem", RSA_ONE, "RS256", Algorithm::RS256),
        ("ec.test-public.pem", EC, "ES256", Algorithm::ES256),
    ] {
        let entry = json!({"jwt": {
            "header": "Authorization", "key_file": file, "algorithms": [name],
            "issuer": "https://idp.example", "audience": "iot",
            "principal": {"type": "User", "id": "{sub}"},
        }});
        let key = match algorithm {
            Algorithm::ES256 => EncodingKey::from_ec_pem(pem.as_bytes()).unwrap(),
            _ => EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap(),
        };
        let header = format!(r#"{{"alg":"{name}","kid":"whatever"}}"#);
        let token = signed_by(&header, &claims().to_string(), &key, algorithm);
        assert_eq!(bearer_at(&identities(&[entry]), &token, NOW).unwrap(), "User::emma");
    }
}

#[test]
fn a_key_file_that_is_no_public_key_for_the_algorithms_is_refused() {
    for (file, name, why) in [
        (
            "rsa-weak.test-public.pem",
            "RS256",
            "is an RSA key of 1024 bits, and 2048 to 8192 are taken",
        ),
        ("ec.test-public.pem", "RS256", "is no key for `RS256`"),
        ("rsa-one.test-public.pem", "ES256", "is no key for `ES256`"),
        (
            "rsa-one.test-key.pem",
            "RS256",
            "holds a private key, and verifying needs the public one only",
        ),
        ("README.md", "RS256", "does not hold exactly one public key in PEM"),
    ] {
        let entry = json!({"jwt": {
            "header": "Authorization", "key_file": file, "algorithms": [name],
            "issuer": "none", "audience": "none", "principal": {"type": "User", "id": "{sub}"},
        }});
        let options = Options::read(&[entry]).unwrap();
        let error = Identities::new(&options, &keys_folder()).unwrap_err();
        assert_eq!(error.place, "identity[0].jwt.key_file");
        assert_eq!(error.message, format!("`{file}` {why}"));
    }
}

#[test]
fn a_secret_that_is_short_or_known_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let entry = json!({"jwt": {
        "header": "Authorization", "secret_file": "secret", "algorithms": ["HS512"],
        "issuer": "none", "audience": "none", "principal": {"type": "User", "id": "{sub}"},
    }});
    let options = Options::read(&[entry]).unwrap();
    let repeated = "A".repeat(88);
    for (secret, why) in [
        ("thingsboardDefaultSigningKey", "is the key that ThingsBoard's documentation shows"),
        ("c2hvcnQ=", "holds 5 bytes, and the algorithms need at least 64"),
        ("not base64!", "is not base64"),
        (&repeated, "can be guessed"),
        ("", "holds 0 bytes"),
    ] {
        std::fs::write(folder.path().join("secret"), secret).unwrap();
        let error = Identities::new(&options, folder.path()).unwrap_err();
        assert!(error.message.starts_with(&format!("`secret` {why}")), "{error}");
        assert!(secret.len() < 10 || !error.to_string().contains(secret), "{error}");
    }
}
