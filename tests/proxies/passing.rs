//! What passes each proxy and what does not: allow, deny, 401, bodies, WebSockets, preflights and
//! HEAD, and that checks share connections.

use std::net::TcpStream;

use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Message, client};

use super::client::{Ask, HOST};
use super::identity::token;
use super::world::{Kind, World};

/// The tests below for each proxy, under its name.
macro_rules! at_every_proxy {
    ($($test:ident),* $(,)?) => {
        at_every_proxy! { @ nginx Nginx $($test)* }
        at_every_proxy! { @ haproxy HaProxy $($test)* }
        at_every_proxy! { @ traefik Traefik $($test)* }
        at_every_proxy! { @ caddy Caddy $($test)* }
        at_every_proxy! { @ envoy_http EnvoyHttp $($test)* }
        at_every_proxy! { @ envoy_grpc EnvoyGrpc $($test)* }
    };
    (@ $name:ident $kind:ident $($test:ident)*) => {
        mod $name {
            $(#[test] fn $test() { super::$test(crate::world::Kind::$kind); })*
        }
    };
}
pub(crate) use at_every_proxy;

at_every_proxy! {
    allow_reaches_the_platform_with_our_headers_only,
    deny_is_403_and_says_why,
    no_credential_is_401_with_a_challenge,
    a_credential_that_does_not_hold_is_401,
    bodies_arrive_whole,
    heads_are_decided_like_gets,
    preflights_pass_without_credentials,
    web_sockets_pass_if_they_are_allowed,
    no_other_upgrade_passes,
    unmapped_is_denied,
    another_host_is_denied,
    checks_share_connections,
}

fn allow_reaches_the_platform_with_our_headers_only(kind: Kind) {
    let world = World::of(kind);
    let ask = Ask::get("/api/device/SD-001?verbose=true")
        .by("emma")
        .with("X-Doorward-Principal", "User::\"tenant_admin\"")
        .with("X-Doorward-Principal", "User::\"jack\"")
        .with("x-doorward-revision", "999")
        .with("X-Doorward-Decision-Id", "mine");
    let outcome = world.ask(&ask);
    let seen = outcome.allowed();
    assert_eq!(seen.target, "/api/device/SD-001?verbose=true");
    assert_eq!(seen.all("x-doorward-principal").collect::<Vec<_>>(), ["User::\"emma\""]);
    assert_eq!(seen.all("x-doorward-revision").collect::<Vec<_>>(), ["1"]);
    let decision: Vec<_> = seen.all("x-doorward-decision-id").collect();
    assert!(matches!(decision[..], [id] if id.len() == 36), "{decision:?}");
    assert_eq!(outcome.answer.unwrap().body, b"the platform answers\n");

    // A public route has nobody as its principal, and the client is not believed to be somebody.
    let ask = Ask::get("/public/page").with("X-Doorward-Principal", "User::\"tenant_admin\"");
    let outcome = world.ask(&ask);
    let principals = outcome.allowed().all("x-doorward-principal").collect::<Vec<_>>();
    assert!(principals.iter().all(|principal| principal.is_empty()), "{principals:?}");
}

fn deny_is_403_and_says_why(kind: Kind) {
    let outcome = World::of(kind).ask(&Ask::get("/api/device/SD-001").by("jack"));
    outcome.denied(&[403]);
    let reason = outcome.answer.unwrap().header("x-doorward-reason").unwrap_or_default().to_owned();
    assert_eq!(reason, "no_permit");
}

fn no_credential_is_401_with_a_challenge(kind: Kind) {
    let outcome = World::of(kind).ask(&Ask::get("/api/device/SD-001"));
    outcome.denied(&[401]);
    let answer = outcome.answer.unwrap();
    assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"doorward\""));
    assert_eq!(answer.header("x-doorward-reason"), Some("no_credential"));
}

fn a_credential_that_does_not_hold_is_401(kind: Kind) {
    let world = World::of(kind);
    let (emma, jack) = (token("emma"), token("jack"));
    for value in [
        "Bearer nonsense".to_owned(),
        format!("XXXXXXX{emma}"),
        format!("Bearer  {emma}"),
        format!("Bearer {emma}x"),
        format!("Bearer {emma}, Bearer {jack}"),
    ] {
        let ask = Ask::get("/api/device/SD-001").with("X-Authorization", &value);
        world.ask(&ask).denied(&[401]);
    }
    let twice = Ask::get("/api/device/SD-001").by("emma").by("jack");
    world.ask(&twice).denied(&[400, 401]);
}

fn bodies_arrive_whole(kind: Kind) {
    let world = World::of(kind);
    let body: Vec<u8> = (0..300_000_u32).map(|number| number.to_le_bytes()[0]).collect();
    let target = "/api/device/SD-001/telemetry";
    let ask = Ask::new("POST", target).by("tenant_admin").body(body.clone());
    assert!(world.ask(&ask).allowed().body == body);
    let ask = Ask::new("POST", target)
        .by("tenant_admin")
        .with("Transfer-Encoding", "chunked")
        .tail(b"5\r\nfirst\r\n6\r\nsecond\r\n0\r\n\r\n");
    assert_eq!(world.ask(&ask).allowed().body, b"firstsecond");
    world.ask(&Ask::new("POST", target).by("emma").body(body)).denied(&[403, 0]);
}

fn heads_are_decided_like_gets(kind: Kind) {
    let world = World::of(kind);
    let outcome = world.ask(&Ask::new("HEAD", "/api/device/SD-001").by("emma"));
    assert_eq!(outcome.allowed().method, "HEAD");
    assert!(outcome.answer.unwrap().body.is_empty());
    world.ask(&Ask::new("HEAD", "/api/device/SD-001").by("jack")).denied(&[403]);
}

fn preflights_pass_without_credentials(kind: Kind) {
    let world = World::of(kind);
    let preflight = |target| {
        Ask::new("OPTIONS", target)
            .with("Origin", "https://app.example")
            .with("Access-Control-Request-Method", "GET")
    };
    assert_eq!(world.ask(&preflight("/api/device/SD-001")).allowed().method, "OPTIONS");
    world.ask(&preflight("/nowhere")).denied(&[403]);
    world.ask(&Ask::new("OPTIONS", "/api/device/SD-001")).denied(&[401, 403]);
}

fn web_sockets_pass_if_they_are_allowed(kind: Kind) {
    let world = World::of(kind);
    let open = |user: &str| {
        let url = format!("ws://{HOST}/api/ws/SD-001");
        let mut request = url.into_client_request().unwrap();
        let value = format!("Bearer {}", token(user)).parse().unwrap();
        request.headers_mut().insert("X-Authorization", value);
        client(request, TcpStream::connect(world.clients).unwrap())
    };
    let (mut socket, _) = open("emma").unwrap();
    socket.send(Message::text("hello")).unwrap();
    assert_eq!(socket.read().unwrap(), Message::text("hello"));
    let refused = open("jack").unwrap_err().to_string();
    assert!(refused.contains("403"), "{refused}");
    // Without an upgrade the route is not there.
    world.ask(&Ask::get("/api/ws/SD-001").by("emma")).denied(&[403]);
}

fn no_other_upgrade_passes(kind: Kind) {
    let ask = Ask::get("/api/device/SD-001")
        .by("emma")
        .with("Connection", "Upgrade, HTTP2-Settings")
        .with("Upgrade", "h2c")
        .with("HTTP2-Settings", "AAMAAABkAAQCAAAAAAIAAAAA");
    let outcome = World::of(kind).ask(&ask);
    for seen in &outcome.seen {
        assert_eq!(seen.header("upgrade"), None, "{seen:?}");
    }
}

fn unmapped_is_denied(kind: Kind) {
    let world = World::of(kind);
    for (method, target) in [
        ("GET", "/"),
        ("GET", "/api/device"),
        ("PUT", "/api/device/SD-001"),
        ("get", "/api/device/SD-001"),
        ("PROPFIND", "/api/device/SD-001"),
        ("TRACE", "/api/device/SD-001"),
        ("GET", "*"),
        ("OPTIONS", "*"),
        ("CONNECT", "platform.example:443"),
    ] {
        let outcome = world.ask(&Ask::new(method, target).by("tenant_admin"));
        assert!(outcome.seen.is_empty(), "{method} {target}: {outcome:?}");
        // Some proxies answer `OPTIONS *` themselves.
        let own = target == "*" && outcome.answer.as_ref().is_some_and(|it| it.body.is_empty());
        let denied = outcome.status() == 0 || outcome.status() >= 400;
        assert!(denied || own, "{method} {target}: {outcome:?}");
    }
}

fn another_host_is_denied(kind: Kind) {
    let world = World::of(kind);
    for host in ["other.example", "iot.example.other.example", "iot.example/public", ""] {
        let outcome = world.ask(&Ask::get("/api/device/SD-001").by("emma").host(host));
        assert!(outcome.seen.is_empty(), "{host}: {outcome:?}");
        assert!(outcome.status() == 0 || outcome.status() >= 400, "{host}: {outcome:?}");
    }
}

fn checks_share_connections(kind: Kind) {
    let world = World::start(kind, &[]);
    let ask = Ask::get("/api/device/SD-001").by("emma");
    // As many as the proxy has workers.
    assert!(ask.repeat(10, world.clients).iter().all(|status| *status == Some(200)));
    let before = world.relay.connections();
    assert!(ask.repeat(40, world.clients).iter().all(|status| *status == Some(200)));
    let denied = Ask::get("/api/device/SD-001").by("jack");
    assert!(denied.repeat(20, world.clients).iter().all(|status| *status == Some(403)));
    let opened = world.relay.connections() - before;
    assert!(opened <= 4, "60 checks, one after the other, opened {opened} connections");
}
