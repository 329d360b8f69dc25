//! Where in an input a problem stands: lines and columns for people, bytes for editors, and the line
//! itself as an excerpt, shortened around the problem if it is long.

use std::fmt;
use std::ops::Range;

/// The most characters of a source line that an excerpt shows.
const EXCERPT_CHARS_MAX: usize = 160;

/// Where in an input a problem stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The name of the text: a file's path, or the part of an uploaded bundle.
    pub name: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The line on which the problem ends, from 1.
    pub end_line: usize,
    /// The column just behind its end, in characters, from 1.
    pub end_column: usize,
    /// The bytes of the text that it covers, where the text was at hand.
    pub bytes: Option<Range<usize>>,
    /// How many characters of the excerpt the problem covers, at least 1.
    pub width: usize,
    /// The line itself, shortened around the problem if it is long.
    pub excerpt: String,
    /// Where in `excerpt` the problem begins, in characters, from 0.
    pub excerpt_offset: usize,
}

// === impl Place ===

impl Place {
    /// The place of `offset..offset + length` (bytes) in `text`.
    pub fn of(name: &str, text: &str, offset: usize, length: usize) -> Self {
        let offset = floor_boundary(text, offset);
        let before = text.get(..offset).unwrap_or_default();
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        Self::in_text_line(name, text, (line, start), offset - start, length)
    }

    /// The place of `offset..offset + length` (bytes) in a line of a text, of which the number and
    /// the byte where it begins are known. It may end on a later line.
    pub fn in_text_line(
        name: &str,
        text: &str,
        (line, start): (usize, usize),
        offset: usize,
        length: usize,
    ) -> Self {
        let rest = text.get(start..).unwrap_or_default();
        let whole = rest.split('\n').next().unwrap_or_default().trim_end_matches('\r');
        let mut place = Self::in_line(name, line, whole, offset, length);
        let offset = floor_boundary(whole, offset);
        let end = floor_boundary(rest, offset.saturating_add(length).min(rest.len()));
        place.bytes = Some(start + offset..start + end.max(offset));
        if let Some(covered) = rest.get(offset..end)
            && let Some(last) = covered.rfind('\n')
        {
            place.end_line = line + covered.bytes().filter(|byte| *byte == b'\n').count();
            place.end_column = covered.get(last + 1..).unwrap_or_default().chars().count() + 1;
        }
        place
    }

    /// The place of `offset..offset + length` (bytes) in one line whose number is known.
    pub fn in_line(name: &str, line: usize, whole: &str, offset: usize, length: usize) -> Self {
        let offset = floor_boundary(whole, offset);
        let end = floor_boundary(whole, offset.saturating_add(length).min(whole.len()));
        let column = whole.get(..offset).unwrap_or_default().chars().count();
        let width = whole.get(offset..end).unwrap_or_default().chars().count();
        let skip = column.saturating_sub(EXCERPT_CHARS_MAX / 2);
        let mut excerpt: String = whole.chars().skip(skip).take(EXCERPT_CHARS_MAX).collect();
        let shown = excerpt.chars().count();
        let mut excerpt_offset = (column - skip).min(shown);
        let shown_width = width.max(1).min(shown.saturating_sub(excerpt_offset).max(1));
        if whole.chars().nth(skip + EXCERPT_CHARS_MAX).is_some() {
            excerpt.push('…');
        }
        if skip > 0 {
            excerpt.insert(0, '…');
            excerpt_offset += 1;
        }
        Self {
            name: name.to_owned(),
            line,
            column: column + 1,
            end_line: line,
            end_column: column + 1 + width,
            bytes: None,
            width: shown_width,
            excerpt,
            excerpt_offset,
        }
    }

    /// The place of a whole text, where nothing narrower is known.
    pub fn whole(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            line: 1,
            column: 1,
            end_line: 1,
            end_column: 1,
            bytes: None,
            width: 1,
            excerpt: String::new(),
            excerpt_offset: 0,
        }
    }

    /// Whether nothing narrower than the whole text is known.
    pub fn is_whole(&self) -> bool {
        self.excerpt.is_empty()
    }
}

/// For people: the name, line and column, and the line with what is meant underlined.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gutter = self.line.to_string().len();
        if self.is_whole() {
            return write!(f, "{:gutter$}--> {}", "", self.name);
        }
        write!(f, "{:gutter$}--> {}:{}:{}", "", self.name, self.line, self.column)?;
        write!(f, "\n{:gutter$} |\n{} | {}", "", self.line, self.excerpt)?;
        // Tabs stay tabs, so that what is underlined stands where it stands above.
        let blank = |c: char| if c == '\t' { '\t' } else { ' ' };
        let before: String = self.excerpt.chars().take(self.excerpt_offset).map(blank).collect();
        write!(f, "\n{:gutter$} | {before}{}", "", "^".repeat(self.width))
    }
}

/// The last character boundary of `text` at or before `offset`.
fn floor_boundary(text: &str, offset: usize) -> usize {
    let mut at = offset.min(text.len());
    while at > 0 && !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
