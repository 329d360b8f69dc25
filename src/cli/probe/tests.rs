//! What may be probed, and how a proxy's rewriting is undone.

use super::*;

#[track_caller]
fn target(text: &str) -> (String, u16, String) {
    let target = Target::parse(text).unwrap();
    (target.host, target.port, target.path)
}

#[test]
fn urls_name_a_host_and_a_plain_path() {
    let expected = ("127.0.0.1".to_owned(), 8080, "/api/device/SD-001".to_owned());
    assert_eq!(target("http://127.0.0.1:8080/api/device/SD-001"), expected);
    assert_eq!(target("http://proxy"), ("proxy".to_owned(), 80, "/".to_owned()));
    assert_eq!(target("http://[::1]:80/x"), ("[::1]".to_owned(), 80, "/x".to_owned()));
    for text in ["https://proxy/x", "http://", "http://u@proxy/x", "proxy/x", "http://proxy/a?b"] {
        assert!(Target::parse(text).is_err(), "{text}");
    }
}

#[test]
fn only_addresses_nearby_are_probed_unless_confirmed() {
    let near = |text: &str| is_near(text.parse().unwrap());
    for text in ["127.0.0.1", "::1", "10.1.2.3", "192.168.0.1", "fd00::1", "::ffff:127.0.0.1"] {
        assert!(near(text), "{text}");
    }
    for text in ["192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1", "0.0.0.0"] {
        assert!(!near(text), "{text}");
    }
    let far = Target::parse("http://192.0.2.1/x").unwrap();
    assert!(admitted(&far, None).is_err());
    assert!(admitted(&far, Some("192.0.2.2")).is_err());
    assert!(admitted(&far, Some("192.0.2.1")).is_ok());
}

#[test]
fn rewriting_is_learnt_and_undone() {
    let undone = |sent: &str, arrived: &str, other: &str| {
        let rewriting = Rewriting::learn(sent, arrived.as_bytes())?;
        Some(String::from_utf8(rewriting.undone(other.as_bytes())).unwrap())
    };
    let same = |text: &str| Some(text.to_owned());
    assert_eq!(undone("/api/a", "/api/a", "/x/../y"), same("/x/../y"));
    assert_eq!(undone("/api/a", "/base/api/a", "/base/x"), same("/x"));
    assert_eq!(undone("/iot/api/a", "/api/a", "/x"), same("/iot/x"));
    assert_eq!(undone("/iot/a", "/tb/a", "/tb/x"), same("/iot/x"));
    assert_eq!(undone("/api/a", "/base/api/a", "/other"), same("/other"));
    assert_eq!(undone("/api/a", "/api/b", "/x"), None);
}

#[test]
fn every_case_is_one_request_with_a_mark_of_its_own() {
    let headers = [Header::new("X-Authorization", "Bearer x")];
    let cases = cases::all("/api/device/SD-001", "/no", "iot.example", &headers);
    assert!((100..250).contains(&cases.len()), "{}", cases.len());
    let marks: std::collections::BTreeSet<_> = cases.iter().map(|case| &case.mark).collect();
    assert_eq!(marks.len(), cases.len());
    for case in &cases {
        let bytes = case.bytes();
        let mark = case.mark.as_bytes();
        assert!(bytes.windows(mark.len()).any(|window| window == mark));
    }
}
