//! Connections: an accept loop of our own on hyper, for TCP and Unix sockets, HTTP/1.1 and h2c.
//! It bounds how many connections there are, how long each may dawdle, and how long a drain takes.
//! What is answered is the service's business; see [`crate::http`].

pub mod address;
pub mod listener;

mod accept;
mod activity;
mod connection;
mod descriptors;
mod stream;

pub use accept::run;
pub use address::ListenAddr;
pub use connection::HEAD_BYTES_MIN;
pub use descriptors::raise_open_files;
pub use listener::{BindError, Listener};

use std::time::Duration;

/// The bounds on connections. Bounds on bodies are [`crate::http::Limits`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The most connections at once, in connections. Further ones wait to be accepted. Where the
    /// process may open fewer files than that, fewer connections are taken.
    pub connections_max: usize,
    /// The most streams of one HTTP/2 connection at once, in streams.
    pub streams_max: u32,
    /// The longest request head, in bytes, at least 8 KiB. Beyond it: 431.
    pub head_bytes: usize,
    /// How long a request head may take from its first byte on.
    pub head_timeout: Duration,
    /// How long a connection is kept without a request. More than the 60 seconds that proxies
    /// commonly keep theirs, so that it is the proxy that closes.
    pub idle_timeout: Duration,
    /// How long what a client still sends is read and thrown away after an answer that closes the
    /// connection, so that the answer arrives.
    pub linger_timeout: Duration,
    /// The most bytes that are read and thrown away so.
    pub linger_bytes: u64,
    /// How long requests in flight may take to finish once the service stops.
    pub drain_timeout: Duration,
}

// === impl Options ===

impl Default for Options {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            streams_max: 100,
            head_bytes: 32 * 1024,
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(90),
            linger_timeout: Duration::from_secs(10),
            linger_bytes: 256 * 1024 * 1024,
            drain_timeout: Duration::from_secs(20),
        }
    }
}
