//! A proxy with doorward beside it and the platform behind it. Those of the documented files are
//! started once and shared by the tests; what breaks something starts its own.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::OnceLock;

use super::child::{Child, directory, until};
use super::client::{Answer, Ask};
use super::install::program;
use super::page::{self, Addresses};
use super::platform::{Platform, Seen};
use super::relay::Relay;
use super::service::{ROUTES, Service};

/// How often a proxy is started on another port, should somebody else take the first.
const STARTS_MAX: usize = 3;

/// A proxy, or a way of one to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Nginx,
    HaProxy,
    Traefik,
    Caddy,
    EnvoyHttp,
    EnvoyGrpc,
}

/// Everything that runs for one proxy.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) kind: Kind,
    pub(crate) clients: SocketAddr,
    pub(crate) relay: Relay,
    pub(crate) platform: Platform,
    pub(crate) service: Service,
    proxy: Child,
}

/// A proxy and doorward, with no platform of ours behind them.
#[derive(Debug)]
pub(crate) struct Front {
    pub(crate) clients: SocketAddr,
    pub(crate) service: Service,
    _proxy: Child,
}

/// What became of a request.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) answer: Option<Answer>,
    /// The requests that reached the platform: none or one, if all is well.
    pub(crate) seen: Vec<Seen>,
}

// === impl World ===

impl World {
    /// The proxy as its page sets it up.
    pub(crate) fn of(kind: Kind) -> &'static Self {
        static WORLDS: [OnceLock<World>; 6] = [const { OnceLock::new() }; 6];
        WORLDS[kind as usize].get_or_init(|| Self::start(kind, &[]))
    }

    /// The same with texts of its files replaced.
    pub(crate) fn start(kind: Kind, changes: &[(&str, &str)]) -> Self {
        Self::with_routes(kind, changes, ROUTES)
    }

    /// The same on another route map, which has `/public/ready`.
    pub(crate) fn with_routes(kind: Kind, changes: &[(&str, &str)], routes: &str) -> Self {
        let world = Self::unready(kind, changes, routes);
        // Some accept connections before they know where to pass them on.
        let ask = Ask::get("/public/ready");
        let ready = until(|| ask.send(world.clients).filter(|answer| answer.status == 200));
        assert!(ready.is_some(), "{kind:?} does not pass anything on: {}", world.proxy.log());
        world
    }

    /// A proxy that accepts connections and may pass nothing on.
    pub(crate) fn unready(kind: Kind, changes: &[(&str, &str)], routes: &str) -> Self {
        let platform = Platform::start();
        let service = Service::start(routes);
        let relay = Relay::start(service.data);
        let (doorward, behind) = (relay.address, platform.address);
        let (clients, proxy) = start_proxy(kind, changes, doorward, behind);
        Self { kind, clients, relay, platform, service, proxy }
    }

    /// Sends a request through the proxy.
    pub(crate) fn ask(&self, ask: &Ask) -> Outcome {
        let answer = ask.send(self.clients);
        Outcome { answer, seen: self.platform.seen(&ask.case) }
    }

    /// Whether doorward was asked about this target.
    pub(crate) fn was_asked_about(&self, target: &str) -> bool {
        let target: Vec<u8> = target.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
        let joined = |before: &[u8], after: &[u8]| [before, &target, after].concat();
        let names: &[&str] = match self.kind {
            Kind::Nginx | Kind::HaProxy => &["X-Original-URI: ", "x-original-uri: "],
            Kind::Traefik | Kind::Caddy => &["X-Forwarded-Uri: ", "x-forwarded-uri: "],
            Kind::EnvoyHttp => &[" /authz/ext-authz"],
            // The field `path` of the message: its tag, its length, its bytes.
            Kind::EnvoyGrpc => return self.relay.was_asked(&joined(&field(target.len()), b"")),
        };
        let end: &[u8] = if self.kind == Kind::EnvoyHttp { b" HTTP/1.1\r\n" } else { b"\r\n" };
        names.iter().any(|name| self.relay.was_asked(&joined(name.as_bytes(), end)))
    }
}

// === impl Front ===

impl Front {
    /// A proxy that passes on to this address.
    pub(crate) fn start(kind: Kind, changes: &[(&str, &str)], platform: SocketAddr) -> Self {
        let service = Service::start(ROUTES);
        let (clients, proxy) = start_proxy(kind, changes, service.data, platform);
        Self { clients, service, _proxy: proxy }
    }
}

fn field(length: usize) -> Vec<u8> {
    let mut bytes = vec![4 << 3 | 2];
    let mut rest = length;
    while rest >= 0x80 {
        bytes.push(u8::try_from(rest & 0x7f).unwrap() | 0x80);
        rest >>= 7;
    }
    bytes.push(u8::try_from(rest).unwrap());
    bytes
}

fn start_proxy(
    kind: Kind,
    changes: &[(&str, &str)],
    doorward: SocketAddr,
    platform: SocketAddr,
) -> (SocketAddr, Child) {
    let program = program(kind);
    let mut log = String::new();
    for _ in 0..STARTS_MAX {
        let clients = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let directory = directory(&format!("{kind:?}").to_lowercase());
        let addresses = Addresses { clients, doorward, platform };
        let files = page::write(kind.page(), &directory, addresses, changes);
        let arguments = kind.arguments(&files);
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let child = Child::start(directory, &program, &arguments);
        if until(|| TcpStream::connect(clients).ok()).is_some() {
            return (clients, child);
        }
        log = child.log();
    }
    panic!("{kind:?} does not start: {log}");
}

// === impl Kind ===

impl Kind {
    fn page(self) -> &'static str {
        match self {
            Self::Nginx => "nginx.md",
            Self::HaProxy => "haproxy.md",
            Self::Traefik => "traefik.md",
            Self::Caddy => "caddy.md",
            Self::EnvoyHttp => "envoy-http.md",
            Self::EnvoyGrpc => "envoy-grpc.md",
        }
    }

    /// How it is started on the first file of its page.
    fn arguments(self, files: &[PathBuf]) -> Vec<String> {
        let file = files[0].display().to_string();
        let arguments: &[&str] = match self {
            Self::Nginx => &["-e", "error.log", "-g", "daemon off;", "-c", &file],
            Self::HaProxy => &["-db", "-f", &file],
            Self::Traefik => &["--configFile", &file],
            Self::Caddy => &["run", "--adapter", "caddyfile", "--config", &file],
            Self::EnvoyHttp | Self::EnvoyGrpc => {
                &["--disable-hot-restart", "--concurrency", "2", "-l", "warning", "-c", &file]
            }
        };
        arguments.iter().map(|&argument| argument.to_owned()).collect()
    }
}

// === impl Outcome ===

impl Outcome {
    /// The status that the client got; 0 if it got no answer.
    pub(crate) fn status(&self) -> u16 {
        self.answer.as_ref().map_or(0, |answer| answer.status)
    }

    /// The one request that reached the platform.
    #[track_caller]
    pub(crate) fn allowed(&self) -> &Seen {
        assert_eq!((self.status(), self.seen.len()), (200, 1), "{self:?}");
        &self.seen[0]
    }

    /// Nothing reached the platform; the client got one of these.
    #[track_caller]
    pub(crate) fn denied(&self, statuses: &[u16]) {
        assert!(self.seen.is_empty(), "{self:?}");
        assert!(statuses.contains(&self.status()), "{self:?}");
    }
}
