//! The text that items stand in, for the places of problems. What is wrong with a part of an item is
//! shown at that part. Of a stream only the item itself is at hand.

use std::sync::Arc;

use serde_json::value::RawValue;

use super::pack::ItemPlace;
use crate::engine::error::Place;
use crate::engine::json::locate::{Fault, Step, locate};

/// The text that an item stands in, for places.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) name: String,
    pub(super) text: Option<Arc<str>>,
}

/// Members that lead from an item to the part that a problem is about; none: the item itself.
pub(super) type Part<'p> = &'p [&'p str];

// === impl Source ===

impl Source {
    /// The place of some bytes of the first line of an item, with the whole line where the text is
    /// at hand.
    pub(super) fn place(&self, at: ItemPlace, raw: &str, column: usize, len: usize) -> Place {
        self.line_place(at, raw, 0, column, len)
    }

    /// The same on a later line of an item: so many lines and bytes below its beginning.
    fn line_place(
        &self,
        at: ItemPlace,
        raw: &str,
        line_start: usize,
        column: usize,
        len: usize,
    ) -> Place {
        let above = raw.get(..line_start).unwrap_or_default();
        let line = at.line as usize + above.bytes().filter(|byte| *byte == b'\n').count();
        if let Some(text) = &self.text
            && let Ok(offset) = usize::try_from(at.offset)
            && let Some(before) = text.get(..offset + line_start)
        {
            let start = before.rfind('\n').map_or(0, |at| at + 1);
            let column = before.len() - start + column;
            return Place::in_text_line(&self.name, text, (line, start), column, len);
        }
        let whole = raw.get(line_start..).unwrap_or_default().lines().next().unwrap_or_default();
        Place::in_line(&self.name, line, whole.trim_end(), column, len)
    }

    /// The place of some bytes of an item, on whichever of its lines.
    pub(super) fn bytes_place(&self, at: ItemPlace, raw: &str, from: usize, len: usize) -> Place {
        let line_start = raw.get(..from).and_then(|it| it.rfind('\n')).map_or(0, |at| at + 1);
        self.line_place(at, raw, line_start, from - line_start, len)
    }

    /// The place of a part of an item whose text is `raw`.
    pub(super) fn fault_place(&self, at: ItemPlace, raw: &str, fault: &Fault) -> Place {
        self.part(at, raw, &fault.path)
    }

    /// The place of a part of an item, where the text is at hand.
    pub(super) fn part_place(&self, at: ItemPlace, part: Part<'_>) -> Option<Place> {
        let rest = self.text.as_ref()?.get(usize::try_from(at.offset).ok()?..)?;
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>();
        let raw = values.next()?.ok()?.get();
        let steps: Vec<Step> = part.iter().map(|name| Step::Member((*name).to_owned())).collect();
        Some(self.part(at, raw, &steps))
    }

    fn part(&self, at: ItemPlace, raw: &str, path: &[Step]) -> Place {
        let whole = 0..raw.len();
        let range = if path.is_empty() { whole } else { locate(raw, path).unwrap_or(whole) };
        // Of a part that fills several lines the first is shown.
        let shown = raw.get(range.clone()).unwrap_or_default();
        let len = shown.lines().next().unwrap_or_default().trim_end().len();
        self.bytes_place(at, raw, range.start, len)
    }
}
