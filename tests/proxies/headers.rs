//! What clients write into headers changes nothing: not which request is decided on, not who asks,
//! not what the platform is told about either.

use super::client::{Ask, HOST};
use super::passing::at_every_proxy;
use super::world::{Kind, World};

at_every_proxy! {
    headers_of_every_dialect_change_nothing,
    other_spellings_of_our_headers_do_not_reach_the_platform,
    headers_named_by_connection_change_nothing,
    two_hosts_are_denied,
    a_method_in_a_header_changes_nothing,
    two_lengths_make_no_second_request,
}

/// Headers by which one proxy or another tells the client's request, or believes it.
const CLAIMS: [&str; 16] = [
    "X-Original-URI",
    "X-Original-URL",
    "X-Rewrite-URL",
    "X-Forwarded-Uri",
    "X-Forwarded-Prefix",
    "X-Envoy-Original-Path",
    "X-Original-Path",
    "X-Auth-Request-Redirect",
    "X-Request-Uri",
    "X-Real-Uri",
    "X-Proxy-Uri",
    "X_Original_URI",
    "X_Original_URL",
    "X_Forwarded_Uri",
    "X.Original.URI",
    "X.Forwarded.Uri",
];

/// What they say, which is `/public/page` of nobody's.
const CLAIMED: [(&str, &str); 12] = [
    ("X-Original-Method", "GET"),
    ("X-Forwarded-Method", "GET"),
    ("X-Forwarded-Host", "iot.example"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-For", "127.0.0.1"),
    ("Forwarded", "for=127.0.0.1;host=iot.example;proto=https"),
    ("X-Forwarded-User", "tenant_admin"),
    ("Remote-User", "tenant_admin"),
    ("X-Forwarded-Client-Cert", "URI=spiffe://iot.example/tenant_admin"),
    ("X-Doorward-Token", "a-token"),
    ("X-Envoy-Auth-Partial-Body", "true"),
    ("User-Agent", "GoogleHC/1.0"),
];

fn headers_of_every_dialect_change_nothing(kind: Kind) {
    let world = World::of(kind);
    for name in CLAIMS {
        // What Emma may not see stays closed, whatever else she says she asks for.
        for target in ["/api/device/AM-307", "/nowhere"] {
            let ask = Ask::get(target).by("emma").with(name, "/public/page");
            world.ask(&ask).denied(&[400, 403]);
        }
        let whole = Ask::get("/nowhere").by("emma").with(name, "http://iot.example/public/page");
        world.ask(&whole).denied(&[400, 403]);
        // What she may see is what she gets.
        let ask = Ask::get("/api/device/SD-001").by("emma").with(name, "/api/device/AM-307");
        let outcome = world.ask(&ask);
        if outcome.status() == 200 {
            assert_eq!(outcome.allowed().target, "/api/device/SD-001", "{name}");
        } else {
            outcome.denied(&[400, 403]);
        }
    }
    for (name, value) in CLAIMED {
        world.ask(&Ask::get("/api/device/SD-001").with(name, value)).denied(&[400, 401]);
        let ask = Ask::get("/api/device/AM-307").by("emma").with(name, value);
        world.ask(&ask).denied(&[400, 403]);
        let outcome = world.ask(&Ask::get("/api/device/SD-001").by("emma").with(name, value));
        let principals: Vec<_> = outcome.allowed().all("x-doorward-principal").collect();
        assert_eq!(principals, ["User::\"emma\""], "{name}");
    }
}

fn other_spellings_of_our_headers_do_not_reach_the_platform(kind: Kind) {
    let world = World::of(kind);
    let plain = |name: &str| name.to_lowercase().replace(['_', '.'], "-");
    for name in [
        "X_Doorward_Principal",
        "X-Doorward_Principal",
        "x_doorward-principal",
        "X.Doorward.Principal",
        "X_Doorward_Decision_Id",
        "X-DOORWARD-PRINCIPAL",
    ] {
        let ask = Ask::get("/api/device/SD-001").by("emma").with(name, "User::\"tenant_admin\"");
        for seen in world.ask(&ask).seen {
            let values = seen.headers.iter().filter(|(found, _)| plain(found) == plain(name));
            let values: Vec<_> = values.map(|(_, value)| value.as_str()).collect();
            assert!(values.len() == 1 && values[0] != "User::\"tenant_admin\"", "{name}: {seen:?}");
        }
    }
}

fn headers_named_by_connection_change_nothing(kind: Kind) {
    let world = World::of(kind);
    for named in [
        "X-Original-URI",
        "X-Original-Method",
        "X-Forwarded-Uri",
        "X-Forwarded-Method",
        "X-Forwarded-Host",
        "Host",
        "X-Doorward-Principal",
        "X-Authorization",
    ] {
        let connection = format!("close, {named}");
        let ask = |target: &str, user: &str| {
            let spoof = Ask::get(target).by(user).with("Connection", &connection);
            spoof
                .with("X-Original-URI", "/public/page")
                .with("X-Forwarded-Uri", "/public/page")
                .with("X-Doorward-Principal", "User::\"tenant_admin\"")
        };
        let outcome = world.ask(&ask("/api/device/AM-307", "emma"));
        outcome.denied(&[400, 401, 403]);
        // The platform is told who asks, or nothing; never what the client says.
        let outcome = world.ask(&ask("/api/device/SD-001", "emma"));
        for seen in &outcome.seen {
            assert_eq!(seen.target, "/api/device/SD-001");
            let principals: Vec<_> = seen.all("x-doorward-principal").collect();
            assert!(matches!(principals[..], [] | ["User::\"emma\""]), "{named}: {seen:?}");
            // Nor is the platform told to drop it.
            let connection = seen.header("connection").unwrap_or_default().to_lowercase();
            assert!(!connection.contains("doorward"), "{named}: {seen:?}");
        }
    }
}

fn two_hosts_are_denied(kind: Kind) {
    let world = World::of(kind);
    let ask = Ask::get("/api/device/SD-001").by("emma").with("Host", "other.example");
    let outcome = world.ask(&ask);
    assert!(outcome.seen.is_empty(), "{outcome:?}");
    assert!(outcome.status() == 0 || outcome.status() >= 400, "{outcome:?}");
    // HAProxy makes one of two that are the same.
    let ask = Ask::get("/api/device/SD-001").by("emma").with("Host", HOST);
    for seen in world.ask(&ask).seen {
        assert_eq!(seen.all("host").collect::<Vec<_>>(), [HOST]);
    }
}

fn a_method_in_a_header_changes_nothing(kind: Kind) {
    let world = World::of(kind);
    for name in ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"] {
        let ask = Ask::get("/api/device/SD-001").by("emma").with(name, "DELETE");
        let outcome = world.ask(&ask);
        let seen = outcome.allowed();
        assert_eq!((seen.method.as_str(), seen.header(name)), ("GET", None));
        let ask = Ask::new("DELETE", "/api/device/SD-001").by("emma").with(name, "GET");
        world.ask(&ask).denied(&[403]);
    }
}

/// One request is one request: what stands behind it in its body is not another.
fn two_lengths_make_no_second_request(kind: Kind) {
    let world = World::of(kind);
    let target = "/api/device/SD-001/telemetry";
    let lengths = [
        ("Content-Length: LENGTH", "Transfer-Encoding: chunked"),
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
        ("Content-Length: 5", "Transfer-Encoding: xchunked"),
        ("Content-Length: 5", "Transfer-Encoding : chunked"),
        ("Content-Length: 5", "Transfer-Encoding: identity, chunked"),
        ("Content-Length: 5", "Content-Length: LENGTH"),
        ("Content-Length: +5", "X-None: 1"),
        ("Transfer-Encoding: chunked", "Transfer-Encoding: identity"),
    ];
    for (one, two) in lengths {
        let mark = Ask::get("/").case;
        let second = format!("GET /smuggled/{mark} HTTP/1.1\r\nHost: iot.example\r\n\r\n");
        let body = format!("0\r\n\r\n{second}");
        let mut ask = Ask::new("POST", target).by("tenant_admin");
        for header in [one, two] {
            let header = header.replace("LENGTH", &body.len().to_string());
            let (name, value) = header.split_once(": ").unwrap();
            ask = ask.with(name, value);
        }
        world.ask(&ask.with("Connection", "keep-alive, close").tail(body.as_bytes()));
        assert!(!world.platform.was_asked_for(&mark), "{one}, {two}");
    }
}
