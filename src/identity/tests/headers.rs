//! Headers and certificates that a proxy vouches for, and everybody else's.

use super::*;

const SECRET: &str = "a-secret-of-32-bytes-for-a-proxy";

fn entries() -> [Value; 2] {
    [
        json!({"trusted_header": {
            "name": "X-Forwarded-User", "from": ["127.0.0.0/8", "unix"],
            "secret_header": "X-Proxy-Secret", "secret_file": "proxy.secret",
            "principal": {"type": "User", "id": "{value}"},
        }}),
        json!({"client_certificate": {
            "header": "X-Forwarded-Client-Cert", "from": ["127.0.0.1"],
            "principal": {"type": "Service", "id": "{uri}"},
        }}),
    ]
}

fn judge(pairs: &[(&str, &str)], peer: &str) -> Result<String, IdentityError> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("proxy.secret"), format!("{SECRET}\n")).unwrap();
    let identities = Identities::new(&Options::read(&entries()).unwrap(), folder.path()).unwrap();
    let headers = headers(pairs);
    let peer = if peer == "unix" { Peer::Unix } else { Peer::Ip(peer.parse().unwrap()) };
    let presented = Presented { headers: &headers, token: None, peer };
    identities.identify(&presented, NOW * 1000).map(|identity| shown(&identity))
}

#[test]
fn a_trusted_header_needs_the_peer_and_the_secret() {
    let user = ("x-forwarded-user", "emma");
    let secret = ("x-proxy-secret", SECRET);
    for peer in ["127.0.0.1", "127.9.9.9", "::ffff:127.0.0.1", "unix"] {
        assert_eq!(judge(&[user, secret], peer).unwrap(), "User::emma");
    }
    for peer in ["10.0.0.1", "::1"] {
        assert_eq!(fault(judge(&[user, secret], peer)), Fault::Peer);
    }
    for wrong in ["", "a-secret-of-32-bytes-for-a-prox", "A-secret-of-32-bytes-for-a-proxy"] {
        let wrong = ("x-proxy-secret", wrong);
        assert_eq!(fault(judge(&[user, wrong], "127.0.0.1")), Fault::Secret);
    }
    assert_eq!(fault(judge(&[user], "127.0.0.1")), Fault::Secret);
    assert_eq!(fault(judge(&[user, secret, secret], "127.0.0.1")), Fault::Secret);
    assert_eq!(fault(judge(&[user, user, secret], "127.0.0.1")), Fault::Duplicated);
    let twin = ("x_forwarded_user", "jack");
    assert_eq!(fault(judge(&[user, twin, secret], "127.0.0.1")), Fault::Twin);
    assert_eq!(fault(judge(&[("x_proxy_secret", SECRET)], "127.0.0.1")), Fault::Twin);
    assert_eq!(
        fault(judge(&[("x-forwarded-user", "a\tb"), secret], "127.0.0.1")),
        Fault::Principal
    );
}

#[test]
fn a_trusted_header_that_is_empty_is_nobody() {
    let empty = ("x-forwarded-user", "");
    let secret = ("x-proxy-secret", SECRET);
    assert_eq!(judge(&[empty, secret], "127.0.0.1"), Err(IdentityError::NoCredential));
    assert_eq!(judge(&[secret], "127.0.0.1"), Err(IdentityError::NoCredential));
    assert_eq!(judge(&[("remote-user", "emma"), secret], "unix"), Err(IdentityError::NoCredential));
}

#[test]
fn a_certificate_counts_from_the_proxy_alone() {
    let certificate = ("x-forwarded-client-cert", "By=x;URI=spiffe://a/b;Subject=\"CN=b\"");
    assert_eq!(judge(&[certificate], "127.0.0.1").unwrap(), "Service::spiffe://a/b");
    assert_eq!(fault(judge(&[certificate], "127.0.0.2")), Fault::Peer);
    assert_eq!(fault(judge(&[certificate], "unix")), Fault::Peer);
    let without = ("x-forwarded-client-cert", "By=x;Hash=ab");
    assert_eq!(fault(judge(&[without], "127.0.0.1")), Fault::Principal);
    let user = [certificate, ("x-forwarded-user", "emma"), ("x-proxy-secret", SECRET)];
    assert_eq!(fault(judge(&user, "127.0.0.1")), Fault::TwoCredentials);
}

#[test]
fn a_secret_that_can_be_guessed_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options::read(&entries()).unwrap();
    let refused = |secret: &str| {
        std::fs::write(folder.path().join("proxy.secret"), secret).unwrap();
        Identities::new(&options, folder.path()).unwrap_err().to_string()
    };
    assert_eq!(
        refused("s3cret"),
        "`identity[0].trusted_header.secret_file`: `proxy.secret` has fewer than 16 bytes, which \
         can be guessed\nhint: make one with `openssl rand -hex 32`"
    );
    assert!(refused("a secret that has spaces").contains("characters that a header cannot carry"));
}
