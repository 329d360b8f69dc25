//! The captures of a matched path, as ranges of it: a match allocates nothing.

use std::borrow::Cow;
use std::ops::Range;

use matchit::Params;

use super::CAPTURES_MAX;
use super::path::decode;

/// Where each capture stands in the path.
#[derive(Debug, Clone, Default)]
pub(super) struct Captures {
    ranges: [Range<usize>; CAPTURES_MAX],
    len: usize,
}

// === impl Captures ===

impl Captures {
    /// The places of what was captured in `path`.
    pub(super) fn of(path: &str, params: &Params<'_, '_>) -> Self {
        let mut captures = Self::default();
        let start = path.as_ptr() as usize;
        for ((_, value), range) in params.iter().zip(&mut captures.ranges) {
            let at = (value.as_ptr() as usize).saturating_sub(start);
            *range = at..at + value.len();
            captures.len += 1;
        }
        captures
    }

    /// A capture as it stands in the path.
    pub(super) fn raw<'a>(&self, path: &'a str, position: usize) -> Option<&'a str> {
        let range = self.ranges.get(position).filter(|_| position < self.len)?;
        path.get(range.clone())
    }

    /// A capture, decoded once.
    pub(super) fn get<'a>(&self, path: &'a str, position: usize) -> Option<Cow<'a, str>> {
        self.raw(path, position).map(decode)
    }
}
