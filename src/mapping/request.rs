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

// === impl OriginalRequest ===

impl<'a> OriginalRequest<'a> {
    /// The request of a method and a URL as people write them: path and query, with scheme and host
    /// before them or without; `ws://` and `wss://` ask for a WebSocket. No reader of URLs stands
    /// between: what is sent is judged as it is.
    pub fn at(method: &'a str, url: &'a str) -> Self {
        let schemes = [("http://", false), ("https://", false), ("ws://", true), ("wss://", true)];
        let with_host = schemes.iter().find_map(|(scheme, web_socket)| {
            url.strip_prefix(scheme).map(|rest| (rest, *web_socket))
        });
        let (host, target, web_socket) = match with_host {
            Some((rest, web_socket)) => {
                let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
                let (host, target) = rest.split_at(end);
                (Some(host), if target.is_empty() { "/" } else { target }, web_socket)
            }
            None => (None, url, false),
        };
        let upgrade = if web_socket { Upgrade::WebSocket } else { Upgrade::None };
        Self { method, host, target, cors: false, upgrade }
    }
}

// === impl Upgrade ===

impl Upgrade {
    /// What the values of `Upgrade` say, and whether `Sec-WebSocket-Key` is there.
    pub fn told<'a>(mut values: impl Iterator<Item = &'a [u8]>, web_socket_key: bool) -> Self {
        match (values.next(), values.next()) {
            (Some(value), None) if value.eq_ignore_ascii_case(b"websocket") => Self::WebSocket,
            (Some(_), _) => Self::Other,
            (None, _) if web_socket_key => Self::WebSocket,
            (None, _) => Self::None,
        }
    }
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
