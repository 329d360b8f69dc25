//! Who asks: credentials that hold, and those that do not.

use super::*;

fn asks(service: &Service, headers: &[(&str, &str)]) -> (u16, String) {
    outcome(&ask(service, "GET", "/api/device/SD-001", headers))
}

#[test]
fn exactly_one_credential_that_holds() {
    let service = service();
    let emma = emma();
    let token = ("X-Authorization", emma.as_str());
    let trusted = [("X-Forwarded-User", "emma"), ("X-Proxy-Secret", PROXY_SECRET)];
    let invalid = (401, "invalid_credential".to_owned());
    assert_eq!(asks(&service, &[token]), (200, "allow".to_owned()));
    assert_eq!(asks(&service, &trusted), (200, "allow".to_owned()));
    assert_eq!(asks(&service, &[]), (401, "no_credential".to_owned()));
    // A header that nobody reads is no credential.
    assert_eq!(asks(&service, &[("Authorization", &emma)]), (401, "no_credential".to_owned()));
    assert_eq!(asks(&service, &[token, token]), invalid);
    assert_eq!(asks(&service, &[&trusted[..], &[token]].concat()), invalid);
    assert_eq!(asks(&service, &[token, ("X_Authorization", "x")]), invalid);
    assert_eq!(asks(&service, &[("X-Forwarded-User", "emma")]), invalid);
    assert_eq!(asks(&service, &[trusted[0], ("X-Proxy-Secret", "not-the-secret-of-it")]), invalid);
    let unprefixed = emma.strip_prefix("Bearer ").unwrap();
    assert_eq!(asks(&service, &[("X-Authorization", unprefixed)]), invalid);
    assert_eq!(asks(&service, &[("X-Authorization", &format!("XXXXXXX{unprefixed}"))]), invalid);
    let answer = ask(&service, "GET", "/api/device/SD-001", &[("X-Authorization", "Bearer x")]);
    let challenge = "Bearer realm=\"doorward\", error=\"invalid_token\"";
    assert_eq!(answer.header("www-authenticate").as_deref(), Some(challenge));
    assert!(!service.log().contains(unprefixed));
}

#[test]
fn other_tokens_of_the_platform_are_none() {
    let service = service();
    let claimed = |change: &dyn Fn(&mut Value)| {
        let mut claims = claims("emma", "CUSTOMER_USER", "Customer A");
        change(&mut claims);
        asks(&service, &[("X-Authorization", &sign(&claims))])
    };
    let invalid = (401, "invalid_credential".to_owned());
    assert_eq!(claimed(&|_| {}), (200, "allow".to_owned()));
    assert_eq!(claimed(&|claims| claims["scopes"] = json!(["REFRESH_TOKEN"])), invalid);
    assert_eq!(claimed(&|claims| claims["scopes"] = json!(["SYS_ADMIN"])), invalid);
    assert_eq!(claimed(&|claims| claims["iss"] = json!("elsewhere")), invalid);
    assert_eq!(claimed(&|claims| claims["exp"] = json!(1)), invalid);
    assert_eq!(claimed(&|claims| claims["exp"] = json!("never")), invalid);
}

#[test]
fn a_token_from_before_somebody_moved_is_stale() {
    let service = service();
    let elsewhere = sign(&claims("emma", "CUSTOMER_USER", "Customer B"));
    let answer = ask(&service, "GET", "/api/device/SD-001", &[("X-Authorization", &elsewhere)]);
    assert_outcome(&answer, 401, "stale_token");
    assert!(answer.header("www-authenticate").is_some());
    let unknown = sign(&claims("nobody", "CUSTOMER_USER", "Customer B"));
    let answer = ask(&service, "GET", "/api/device/SD-001", &[("X-Authorization", &unknown)]);
    assert_outcome(&answer, 403, "unknown_principal");
    assert_eq!(answer.header("x-doorward-principal").as_deref(), Some("User::\"nobody\""));
}

#[test]
fn explain_reads_who_asks_from_the_headers() {
    let project = project(&routes());
    let explain = |headers: &[&str]| {
        let mut arguments = vec!["explain", "GET", "/api/device/SD-001"];
        arguments.extend(headers.iter().flat_map(|header| ["--header", *header]));
        let said = project.run(&arguments);
        said.lines().take(3).collect::<Vec<_>>().join("\n")
    };
    let (emma, jack) = (emma(), jack());
    let allow = "exit: 0\n----- stdout\nallow";
    assert_eq!(explain(&[&format!("X-Authorization: {emma}")]), allow);
    let trusted = format!("X-Proxy-Secret: {PROXY_SECRET}");
    assert_eq!(explain(&["X-Forwarded-User: emma", &trusted]), allow);
    let deny = "exit: 3\n----- stdout\ndeny";
    assert_eq!(explain(&[&format!("X-Authorization: {jack}")]), deny);
    assert_eq!(explain(&["X-Authorization: Bearer x"]), deny);
    assert_eq!(explain(&[]), deny);
    let remote = ["--peer", "10.0.0.1", "--header", "X-Forwarded-User: emma", "--header", &trusted];
    let arguments = [&["explain", "GET", "/api/device/SD-001"][..], &remote].concat();
    let said = project.run(&arguments);
    assert!(said.starts_with(deny) && said.contains("(invalid_credential)"), "{said}");
    let said = project.run(&[
        "explain",
        "OPTIONS",
        "/api/device/SD-001",
        "--header",
        "Origin: a",
        "--header",
        "Access-Control-Request-Method: GET",
    ]);
    assert!(said.starts_with(allow), "{said}");
}
