//! A request as the proxy tells of it, and what the map says to it.

use super::check::Matched;
use super::path::Ambiguity;
use super::route::Route;

/// The request that the client sent to the proxy.
#[derive(Debug, Clone, Copy)]
pub struct OriginalRequest<'a> {
    /// The method, as sent: `get` is not `GET`.
    pub method: &'a str,
    /// The host, with or without port; has to be there where the map names hosts.
    pub host: Option<&'a str>,
    /// Path and query, as sent.
    pub target: &'a str,
    /// Whether both `Origin` and `Access-Control-Request-Method` are there: with the method
    /// `OPTIONS` that is a preflight.
    pub cors: bool,
    /// Whether the client wants to speak something else on this connection.
    pub upgrade: Upgrade,
}

/// What a client wants to speak instead of HTTP/1.1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Upgrade {
    /// Nothing.
    #[default]
    None,
    /// WebSocket. A proxy that leaves `Upgrade` out of what it tells still passes on
    /// `Sec-WebSocket-Key`, which says the same.
    WebSocket,
    /// Anything else, such as `h2c`, behind which requests would pass unseen: never mapped.
    Other,
}

/// What is to be done about a request.
#[derive(Debug, Clone)]
pub enum Mapped<'m, 'r> {
    /// Deny, `unmapped_route`: no route is for it.
    Unmapped,
    /// Deny, `ambiguous_path`: it has no one meaning.
    Ambiguous(Ambiguity),
    /// Allow, whoever asks: a CORS preflight for a path that some route is for. Browsers send no
    /// credentials with it.
    Preflight,
    /// Allow, whoever asks.
    Public(&'m Route),
    /// Allow if all checks allow.
    Matched(Matched<'m, 'r>),
}

// === impl Mapped ===

impl<'m> Mapped<'m, '_> {
    /// The pattern of the route, for logs and metrics: it holds nothing that the client sent.
    pub fn label(&self) -> Option<&'m str> {
        match self {
            Self::Public(route) => Some(route.label()),
            Self::Matched(matched) => Some(matched.route().label()),
            Self::Unmapped | Self::Ambiguous(_) | Self::Preflight => None,
        }
    }
}
