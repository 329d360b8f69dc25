//! How the proxy changes what a path begins with, learnt from a request that it lets through, so
//! that doorward is asked about paths as clients send them.

/// What stands at the platform in place of what clients send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rewriting {
    client: Vec<u8>,
    platform: Vec<u8>,
}

// === impl Rewriting ===

impl Rewriting {
    /// Holds a path against what arrived for it: they must end in the same segments, one at least.
    pub(super) fn learn(sent: &str, arrived: &[u8]) -> Option<Self> {
        let sent = sent.as_bytes();
        let same = sent.iter().rev().zip(arrived.iter().rev()).take_while(|(a, b)| a == b).count();
        let tail = sent.get(sent.len() - same..)?;
        // From the first slash in what is the same.
        let slash = tail.iter().position(|byte| *byte == b'/')?;
        let kept = same - slash;
        let without = |whole: &[u8]| whole.get(..whole.len() - kept).map(<[u8]>::to_vec);
        Some(Self { client: without(sent)?, platform: without(arrived)? })
    }

    /// The target as a client would have sent it.
    pub(super) fn undone(&self, arrived: &[u8]) -> Vec<u8> {
        match arrived.strip_prefix(self.platform.as_slice()) {
            Some(rest) => [self.client.as_slice(), rest].concat(),
            None => arrived.to_vec(),
        }
    }
}
