//! What a file of callers' tokens may hold, and which tokens pass.

use axum::http::HeaderValue;

use super::*;

fn fault(text: &str) -> String {
    match parse(text) {
        Ok(digests) => format!("{} tokens", digests.len()),
        Err((line, reason)) => format!("{line:?} {reason}"),
    }
}

#[test]
fn a_file_names_its_tokens_or_has_one() {
    assert_eq!(fault("# callers\n\nthe-only-token-there-is\n"), "1 tokens");
    assert_eq!(fault("nginx nginx-has-this-token\napp the-app-has-this-one\n"), "2 tokens");
    assert_eq!(fault(""), "None it holds no token");
    assert_eq!(fault("short"), "Some(1) the token is not at least 16 printable ASCII characters");
    assert_eq!(
        fault("a the-token-of-both\nb the-token-of-both\n"),
        "Some(2) the token stands in an earlier line too"
    );
    assert_eq!(
        fault("a the-token-of-a-one\na the-token-of-a-two\n"),
        "Some(2) the name stands in an earlier line too"
    );
    assert_eq!(
        fault("the-first-bare-token\nthe-second-bare-token\n"),
        "Some(1) it does not have two fields"
    );
    assert_eq!(fault("a read the-token-of-a-role\n"), "Some(1) it does not have two fields");
}

#[test]
fn exactly_one_token_that_is_known_passes() {
    let digests = parse("nginx nginx-has-this-token\napp the-app-has-this-one\n").unwrap();
    let callers = Callers { path: PathBuf::new(), digests: ArcSwap::from_pointee(digests) };
    let judged = |name: HeaderName, values: &[&'static str]| {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name.clone(), HeaderValue::from_static(value));
        }
        let result = if name == PROXY_TOKEN {
            callers.judge_proxy(&headers)
        } else {
            callers.judge(&headers)
        };
        result.map_err(|problem| problem.kind())
    };
    assert_eq!(judged(PROXY_TOKEN, &["nginx-has-this-token"]), Ok(()));
    assert_eq!(judged(PROXY_TOKEN, &[]), Err(Kind::NoCredential));
    for wrong in [
        &["nginx-has-this-toke"][..],
        &["Bearer nginx-has-this-token"],
        &[""],
        &["nginx-has-this-token", "nginx-has-this-token"],
    ] {
        assert_eq!(judged(PROXY_TOKEN, wrong), Err(Kind::InvalidCredential), "{wrong:?}");
    }
    assert_eq!(judged(AUTHORIZATION, &["bearer the-app-has-this-one"]), Ok(()));
    assert_eq!(judged(AUTHORIZATION, &[]), Err(Kind::NoCredential));
    for wrong in [&["the-app-has-this-one"][..], &["Bearer  the-app-has-this-one"], &["Bearer "]] {
        assert_eq!(judged(AUTHORIZATION, wrong), Err(Kind::InvalidCredential), "{wrong:?}");
    }
}
