//! doorward down, hanging or replaced by something else is a deny at every proxy, and nothing
//! reaches the platform.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use super::client::Ask;
use super::passing::at_every_proxy;
use super::relay::Mode;
use super::service::ROUTES;
use super::world::{Kind, World};

at_every_proxy! { doorward_that_hangs_is_a_deny, doorward_that_is_down_is_a_deny }

fn doorward_that_hangs_is_a_deny(kind: Kind) {
    let world = World::start(kind, &[]);
    world.relay.set(Mode::Hang);
    world.ask(&Ask::get("/api/device/SD-001").by("emma")).denied(&[403, 500, 502, 503, 504]);
    // And it recovers.
    world.relay.set(Mode::Pass);
    let ask = Ask::get("/api/device/SD-001").by("emma");
    assert!(ask.repeat(20, world.clients).contains(&Some(200)));
}

fn doorward_that_is_down_is_a_deny(kind: Kind) {
    let mut world = World::start(kind, &[]);
    // The relay stays and has nowhere to lead to: connections end without an answer.
    world.service.stop();
    let statuses = [403, 500, 502, 503, 504];
    world.ask(&Ask::get("/api/device/SD-001").by("emma")).denied(&statuses);
    world.ask(&Ask::get("/public/page")).denied(&statuses);
}

/// A web server that answers 200 to everything is no permit, where a proxy can tell.
#[test]
fn haproxy_does_not_take_another_server_for_doorward() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut buffer = [0; 4096];
            let _ = stream.read(&mut buffer);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let to = format!("URL = \"http://127.0.0.1:{port}/authz/auth-request\"");
    let from = "URL = \"http://127.0.0.1:3667/authz/auth-request\"";
    let world = World::unready(Kind::HaProxy, &[(from, &to)], ROUTES);
    world.ask(&Ask::get("/public/page")).denied(&[503]);
}
