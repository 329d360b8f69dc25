//! Who opened a connection, and which of them are trusted to set headers.

use std::net::IpAddr;

use ipnet::IpNet;

/// Who opened a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// Somebody at this address.
    Ip(IpAddr),
    /// Somebody on this machine who may open the socket.
    Unix,
    /// Nobody can say; trusted by none.
    Unknown,
}

/// The peers that are trusted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Peers {
    networks: Vec<IpNet>,
    unix: bool,
}

// === impl Peers ===

impl Peers {
    /// Reads one entry of `from`: an address, a network, or `unix`.
    pub(super) fn add(&mut self, text: &str) -> Result<(), &'static str> {
        if text == "unix" {
            self.unix = true;
            return Ok(());
        }
        let network = match (text.parse::<IpNet>(), text.parse::<IpAddr>()) {
            (Ok(network), _) => network.trunc(),
            (_, Ok(address)) => IpNet::from(address.to_canonical()),
            _ => {
                return Err(
                    "is neither an address, nor a network such as `10.0.0.0/8`, nor `unix`",
                );
            }
        };
        if network.prefix_len() == 0 {
            return Err("is everybody, and a header that everybody may set says nothing");
        }
        self.networks.push(network);
        Ok(())
    }

    /// Whether a peer is one of them. An IPv4 address in IPv6's clothes is the IPv4 address.
    pub(super) fn contain(&self, peer: Peer) -> bool {
        match peer {
            Peer::Unix => self.unix,
            Peer::Unknown => false,
            Peer::Ip(address) => {
                let address = address.to_canonical();
                self.networks.iter().any(|network| network.contains(&address))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contain(from: &[&str], peer: &str) -> bool {
        let mut peers = Peers::default();
        for text in from {
            peers.add(text).unwrap();
        }
        peers.contain(if peer == "unix" { Peer::Unix } else { Peer::Ip(peer.parse().unwrap()) })
    }

    #[test]
    fn only_those_named_are_trusted() {
        assert!(contain(&["10.0.0.0/8"], "10.1.2.3"));
        assert!(contain(&["10.1.2.3/8"], "10.9.9.9"));
        assert!(contain(&["127.0.0.1"], "::ffff:127.0.0.1"));
        assert!(contain(&["::ffff:127.0.0.1"], "127.0.0.1"));
        assert!(contain(&["fd00::/8"], "fd12::1"));
        assert!(contain(&["unix"], "unix"));
        assert!(!contain(&["10.0.0.0/8"], "11.0.0.1"));
        assert!(!contain(&["10.0.0.0/8"], "unix"));
        assert!(!contain(&["unix"], "127.0.0.1"));
        assert!(!contain(&["::1"], "127.0.0.1"));
    }

    #[test]
    fn everybody_is_nobody_to_trust() {
        for text in ["0.0.0.0/0", "::/0", "10.0.0.0/33", "localhost", ""] {
            assert!(Peers::default().add(text).is_err(), "{text}");
        }
    }
}
