//! The three dialects over HTTP: headers in, the client's request out.

use super::*;

type Headers<'a> = &'a [(&'a str, &'a str)];

async fn nginx(headers: Headers<'_>) -> String {
    told("GET", AUTH_REQUEST_PATH, headers).await
}

async fn with(more: Headers<'_>) -> String {
    let mut headers = vec![("host", "a")];
    headers.extend_from_slice(more);
    told("OPTIONS", "/authz/ext-authz/x", &headers).await
}

#[tokio::test]
async fn nginx_tells_by_its_own_headers() {
    let method = ("x-original-method", "POST");
    let uri = ("x-original-uri", "/api/x?a=1,2");
    let host = ("host", "iot.example");
    assert_eq!(nginx(&[host, method, uri]).await, "POST - iot.example /api/x?a=1,2");
    let url = ("x-original-url", "https://iot.example:8443/api//x%2F?a=/b#c");
    let whole = nginx(&[method, url]).await;
    assert_eq!(whole, "POST https iot.example:8443 /api//x%2F?a=/b#c");
    for (headers, expected) in [
        (&[host, uri][..], "`x-original-method` is missing: have the proxy send it"),
        (&[host, method], "`x-original-uri` is missing: have the proxy send it"),
        (&[method, uri], "`host` is missing: have the proxy send it"),
        (
            &[host, method, method, uri],
            "`x-original-method` is there twice: have the proxy replace what the client sends",
        ),
        (
            &[host, method, uri, uri],
            "`x-original-uri` is there twice: have the proxy replace what the client sends",
        ),
        (
            &[host, ("x-original-method", ""), uri],
            "`x-original-method` is empty: have the proxy fill it",
        ),
        (
            &[host, ("x-original-method", "GET,POST"), uri],
            "`x-original-method` is there twice: have the proxy replace what the client sends",
        ),
        (&[host, ("x-original-method", "GET POST"), uri], "`x-original-method` is malformed"),
        (
            &[("host", "a,b"), method, uri],
            "`host` is there twice: have the proxy replace what the client sends",
        ),
        (
            &[host, method, uri, url],
            "`x-original-url` is contradicted: have the proxy send one form of it, and drop the other that clients may send",
        ),
        (
            &[host, ("x_original_method", "GET"), uri],
            "`x-original-method` is missing: have the proxy send it",
        ),
    ] {
        assert_eq!(nginx(headers).await, expected);
    }
    for odd in [
        "/api",
        "iot.example/api",
        "ftp://a/x",
        "https:///x",
        "https://u@a/x",
        "https://a,b/x",
        "https://a b/x",
    ] {
        assert_eq!(
            nginx(&[method, ("x-original-url", odd)]).await,
            "`x-original-url` is malformed",
            "{odd}"
        );
    }
    // What is not a path is kept as it is, for the path rules to refuse.
    let absolute = ("x-original-uri", "http://evil/x");
    assert_eq!(nginx(&[host, method, absolute]).await, "POST - iot.example http://evil/x");
    assert_eq!(nginx(&[method, ("x-original-url", "https://a")]).await, "POST https a ");
    assert_eq!(nginx(&[method, ("x-original-url", "https://a?/b")]).await, "POST https a ?/b");
    assert_eq!(nginx(&[method, ("x-original-url", "https://a\\b/c")]).await, "POST https a \\b/c");
    let long = format!("/{}", "x".repeat(16 * 1024));
    assert_eq!(
        nginx(&[host, method, ("x-original-uri", &long)]).await,
        "`x-original-uri` is too long"
    );
}

#[tokio::test]
async fn traefik_and_caddy_tell_by_their_own_headers() {
    let all = [
        ("x-forwarded-method", "PUT"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "iot.example"),
        ("x-forwarded-uri", "/api/x?y=1"),
        ("host", "doorward:3667"),
    ];
    assert_eq!(told("GET", FORWARD_AUTH_PATH, &all).await, "PUT https iot.example /api/x?y=1");
    // The client's own query, which Caddy appends, counts for nothing.
    let path = "/authz/forward-auth?x-forwarded-uri=/public&token=x";
    assert_eq!(told("GET", path, &all).await, "PUT https iot.example /api/x?y=1");
    for at in 0..4 {
        let (name, value) = all[at];
        let mut without = all.to_vec();
        without.remove(at);
        let expected = format!("`{name}` is missing: have the proxy send it");
        assert_eq!(told("GET", FORWARD_AUTH_PATH, &without).await, expected);
        let mut twice = all.to_vec();
        twice.push((name, value));
        let expected =
            format!("`{name}` is there twice: have the proxy replace what the client sends");
        assert_eq!(told("GET", FORWARD_AUTH_PATH, &twice).await, expected);
    }
    let proto = |value: &'static str| {
        let mut headers = all.to_vec();
        headers[1].1 = value;
        async move { told("GET", FORWARD_AUTH_PATH, &headers).await }
    };
    assert_eq!(proto("wss").await, "PUT https iot.example /api/x?y=1 WebSocket");
    assert_eq!(proto("ws").await, "PUT http iot.example /api/x?y=1 WebSocket");
    for odd in ["HTTPS", "ftp", "h2"] {
        assert_eq!(proto(odd).await, "`x-forwarded-proto` is malformed");
    }
    let joined = "`x-forwarded-proto` is there twice: have the proxy replace what the client sends";
    assert_eq!(proto("https,http").await, joined);
}

#[tokio::test]
async fn envoy_tells_by_the_request_itself() {
    let host = [("host", "iot.example")];
    let path = |rest: &str| format!("{EXT_AUTHZ_PREFIX}{rest}");
    for target in ["/", "/api/x?y=/z", "//api", "/a/../b", "/a%2Fb;c", "/authz/ext-authz/x", "/%zz"]
    {
        let expected = format!("DELETE - iot.example {target}");
        assert_eq!(told("DELETE", &path(target), &host).await, expected);
    }
    assert_eq!(told("get", &path("/x"), &host).await, "get - iot.example /x");
    let missing = "`host` is missing: have the proxy send it";
    assert_eq!(told("GET", &path("/x"), &[]).await, missing);
    let twice = [("host", "a"), ("host", "b")];
    let expected = "`host` is there twice: have the proxy replace what the client sends";
    assert_eq!(told("GET", &path("/x"), &twice).await, expected);
    assert_eq!(told("GET", &path("/x"), &[("host", "a,b")]).await, expected);
    let absolute = "http://evil/authz/ext-authz/x";
    assert_eq!(told("GET", absolute, &host).await, "`path` is malformed");
}

#[tokio::test]
async fn headers_of_other_families_change_nothing_and_are_counted() {
    let spoofed = [
        ("x-original-method", "GET"),
        ("x-original-url", "https://a/public"),
        ("x-original-uri", "/public"),
        ("x-forwarded-method", "GET"),
        ("x-forwarded-uri", "/public"),
        ("x_forwarded_uri", "/public"),
        ("x-rewrite-url", "/public"),
        ("x-http-method-override", "GET"),
        ("forwarded", "host=a"),
        ("x-forwarded-for", "1.2.3.4"),
        ("user-agent", "GoogleHC/1.0"),
    ];
    let door = Door::default();
    let mut headers = spoofed.to_vec();
    headers.push(("host", "iot.example"));
    send(&door.decide(allow()), "POST", "/authz/ext-authz/secret", &headers).await;
    let asked = door.last();
    assert_eq!((&*shown(&asked), asked.ignored), ("POST - iot.example /secret", 9));
    let own = [
        ("x-forwarded-method", "POST"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "iot.example"),
        ("x-forwarded-uri", "/secret"),
        ("x-original-uri", "/public"),
        ("x_forwarded_method", "GET"),
        ("x-forwarded-prefix", "/public"),
    ];
    send(&door.decide(allow()), "GET", FORWARD_AUTH_PATH, &own).await;
    let asked = door.last();
    assert_eq!((&*shown(&asked), asked.ignored), ("POST https iot.example /secret", 3));
}

#[tokio::test]
async fn preflights_and_upgrades_are_told() {
    let (origin, wants) = (("origin", "https://b"), ("access-control-request-method", "PUT"));
    assert_eq!(with(&[origin, wants]).await, "OPTIONS - a /x cors");
    assert_eq!(with(&[origin]).await, "OPTIONS - a /x");
    assert_eq!(with(&[("upgrade", "WebSocket")]).await, "OPTIONS - a /x WebSocket");
    assert_eq!(with(&[("sec-websocket-key", "x")]).await, "OPTIONS - a /x WebSocket");
    assert_eq!(with(&[("upgrade", "h2c")]).await, "OPTIONS - a /x Other");
    assert_eq!(with(&[("upgrade", "websocket, h2c")]).await, "OPTIONS - a /x Other");
    let both = [("upgrade", "websocket"), ("upgrade", "h2c")];
    assert_eq!(with(&both).await, "OPTIONS - a /x Other");
}
