//! What stands between a proxy and doorward in the tests: it counts the connections that the proxy
//! opens, keeps what the proxy asks, and can be told to answer nothing.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// The most bytes kept of what a proxy asks.
const KEPT_BYTES_MAX: usize = 64 << 20;

/// What becomes of a proxy's connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// They lead to doorward.
    Pass,
    /// They are taken, and nothing is ever answered.
    Hang,
}

/// A running relay.
#[derive(Debug)]
pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    mode: Mutex<Mode>,
    connections: AtomicUsize,
    asked: Mutex<Vec<u8>>,
}

// === impl Relay ===

impl Relay {
    pub(crate) fn start(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            mode: Mutex::new(Mode::Pass),
            connections: AtomicUsize::new(0),
            asked: Mutex::new(Vec::new()),
        });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                accepting.connections.fetch_add(1, Ordering::SeqCst);
                let shared = Arc::clone(&accepting);
                std::thread::spawn(move || relay(&stream, to, &shared));
            }
        });
        Self { address, shared }
    }

    pub(crate) fn set(&self, mode: Mode) {
        *self.shared.mode.lock().unwrap() = mode;
    }

    /// How many connections the proxy has opened so far.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Whether the proxy has asked something with these bytes in it.
    pub(crate) fn was_asked(&self, bytes: &[u8]) -> bool {
        let asked = self.shared.asked.lock().unwrap();
        memchr::memmem::find(&asked, bytes).is_some()
    }
}

fn relay(proxy: &TcpStream, to: SocketAddr, shared: &Arc<Shared>) {
    let Ok(doorward) = TcpStream::connect(to) else { return };
    let _ = (proxy.set_nodelay(true), doorward.set_nodelay(true));
    let (from, back) = (proxy.try_clone().unwrap(), doorward.try_clone().unwrap());
    let answers = Arc::clone(shared);
    let answering = std::thread::spawn(move || {
        pump(back, from, |_| *answers.mode.lock().unwrap() == Mode::Pass);
    });
    pump(proxy.try_clone().unwrap(), doorward, |bytes| {
        let mut asked = shared.asked.lock().unwrap();
        assert!(asked.len() < KEPT_BYTES_MAX, "a proxy asks more than a test can keep");
        asked.extend_from_slice(bytes);
        *shared.mode.lock().unwrap() == Mode::Pass
    });
    let _ = answering.join();
}

/// Passes bytes on until one side ends; those of which `pass` says no are swallowed.
fn pump(mut from: TcpStream, mut to: TcpStream, mut pass: impl FnMut(&[u8]) -> bool) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        if pass(&buffer[..length]) && to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}
