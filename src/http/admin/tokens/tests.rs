//! Token files: what is taken, what is refused, and that no token is ever shown.

use super::*;

fn tokens(text: &str) -> Tokens {
    Tokens { path: None, list: ArcSwap::from_pointee(parse(text).unwrap()) }
}

fn role(tokens: &Tokens, values: &[&str]) -> Result<Role, Kind> {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(AUTHORIZATION, value.parse().unwrap());
    }
    tokens.role(&headers).map_err(|problem| problem.kind())
}

#[test]
fn a_bare_token_may_write() {
    let tokens = tokens("\n  s3cret \n");
    assert_eq!(role(&tokens, &["Bearer s3cret"]), Ok(Role::Write));
    assert_eq!(role(&tokens, &["bEARER s3cret"]), Ok(Role::Write));
}

#[test]
fn each_token_has_its_role() {
    let tokens = tokens("# who\nci write aaa\ngrafana read bbb\n");
    assert_eq!(role(&tokens, &["Bearer aaa"]), Ok(Role::Write));
    assert_eq!(role(&tokens, &["Bearer bbb"]), Ok(Role::Read));
}

#[test]
fn a_credential_that_is_not_exactly_one_known_token_is_invalid() {
    let tokens = tokens("s3cret");
    assert_eq!(role(&tokens, &[]), Err(Kind::NoCredential));
    for value in [
        "",
        "s3cret",
        "Bearer",
        "Bearer ",
        "Bearer  s3cret",
        "Bearer s3cret ",
        "Basic s3cret",
        "Bearer s3cre",
        "Bearer s3crets",
        "Bearer s3cret,x",
        "Token s3cret",
    ] {
        assert_eq!(role(&tokens, &[value]), Err(Kind::InvalidCredential), "{value}");
    }
    let twice = ["Bearer s3cret", "Bearer s3cret"];
    assert_eq!(role(&tokens, &twice), Err(Kind::InvalidCredential));
}

#[test]
fn a_file_that_is_not_clear_is_refused_by_line() {
    let fault = |text| parse(text).map(|_| ()).unwrap_err();
    assert_eq!(fault("# only\n\n"), (None, "it holds no token"));
    assert_eq!(fault("a write x\nb read"), (Some(2), "it does not have three fields"));
    assert_eq!(
        fault("a write x\n\nb admin y"),
        (Some(3), "the role is neither `read` nor `write`")
    );
    assert_eq!(fault("a write x\na read y"), (Some(2), "the name stands in an earlier line too"));
    assert_eq!(fault("a write x\nb read x"), (Some(2), "the token stands in an earlier line too"));
    assert_eq!(fault("x\ny"), (Some(1), "it does not have three fields"));
    assert_eq!(fault("schlüssel").0, Some(1));
}

#[test]
fn neither_errors_nor_debug_output_hold_a_token() {
    let error = TokensError::Malformed {
        path: PathBuf::from("t"),
        line: Some(1),
        reason: parse("name s3cret write").map(|_| ()).unwrap_err().1,
    };
    assert!(!format!("{error} {error:?}").contains("s3cret"));
    assert!(!format!("{:?}", tokens("ci write s3cret")).contains("s3cret"));
}

#[test]
fn a_generated_token_is_valid_and_never_the_same() {
    let (tokens, text) = Tokens::generated().unwrap();
    assert_eq!(role(&tokens, &[&format!("Bearer {text}")]), Ok(Role::Write));
    assert_ne!(Tokens::generated().unwrap().1, text);
}
