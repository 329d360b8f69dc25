//! The strict rule for paths: a target that a proxy or an application may read as another path than
//! the one decided on is refused, not repaired.
//!
//! What passes is brought to one form: characters that a path may hold as they are, but for letters
//! and digits, come with or without `%` to the same; what has to be escaped keeps its escape, in
//! upper case. Captures are decoded once, after the match.

use std::borrow::Cow;
use std::fmt;

use super::TARGET_BYTES_MAX;

/// Why a request has no one meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ambiguity {
    /// The target is empty or does not begin with `/`: absolute form, `*`, a host.
    NotAPath,
    /// The target is longer than [`TARGET_BYTES_MAX`].
    TooLong,
    /// A segment is `.` or `..`.
    DotSegment,
    /// A segment is empty: `//`.
    EmptySegment,
    /// `\` stands in the path, plain or as `%5C`.
    Backslash,
    /// `/` stands in the path as `%2F`.
    EncodedSlash,
    /// `.` stands in the path as `%2E`.
    EncodedDot,
    /// `%` stands in the path as `%25`.
    DoubleEncoding,
    /// `;` stands in the path, plain or as `%3B`.
    PathParameter,
    /// `?` or `#` stands in the path as `%3F` or `%23`.
    EncodedDelimiter,
    /// `#` stands in the target.
    Fragment,
    /// A control character, plain or escaped.
    ControlCharacter,
    /// A byte beyond ASCII, or escaped bytes that are not UTF-8.
    NotAscii,
    /// A character that a path cannot hold, such as a space or a quote.
    InvalidCharacter,
    /// `%` without two hexadecimal digits behind it.
    InvalidEscape,
    /// A letter, digit, `-`, `_` or `~` that is escaped for no reason but to look different.
    NeedlessEscape,
    /// Two routes match, and neither is the more specific one in every segment.
    TwoRoutes,
    /// The query cannot be read in one way, and the route depends on it.
    Query,
    /// A query parameter that the route depends on is there more than once.
    DuplicateQuery,
    /// The host is none.
    Host,
}

// === impl Ambiguity ===

impl Ambiguity {
    /// One lower-case sentence.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotAPath => "the target is not a path that begins with `/`",
            Self::TooLong => "the target is too long",
            Self::DotSegment => "the path has a `.` or `..` segment",
            Self::EmptySegment => "the path has an empty segment (`//`)",
            Self::Backslash => "the path has a backslash",
            Self::EncodedSlash => "the path has an encoded slash (`%2F`)",
            Self::EncodedDot => "the path has an encoded dot (`%2E`)",
            Self::DoubleEncoding => "the path has an encoded percent sign (`%25`)",
            Self::PathParameter => "the path has a `;`",
            Self::EncodedDelimiter => "the path has an encoded `?` or `#`",
            Self::Fragment => "the target has a `#`",
            Self::ControlCharacter => "the target has a control character",
            Self::NotAscii => {
                "the target has bytes that are not ASCII, or escapes that are not UTF-8"
            }
            Self::InvalidCharacter => "the path has a character that must be escaped",
            Self::InvalidEscape => "the target has a `%` without two hexadecimal digits",
            Self::NeedlessEscape => "the path has an escaped letter or digit",
            Self::TwoRoutes => "two routes match, neither the more specific one",
            Self::Query => "the query cannot be read in one way",
            Self::DuplicateQuery => "a query parameter that the route depends on is there twice",
            Self::Host => "the host is not one host name or address",
        }
    }
}

impl fmt::Display for Ambiguity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A path in its one form, and what stands behind the `?`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target<'a> {
    pub(super) path: Cow<'a, str>,
    pub(super) query: &'a str,
    /// Whether the path has a `%2F`, which only some captures may hold.
    pub(super) encoded_slash: bool,
}

/// Takes a target apart. `merge_slashes` makes one slash of several in a row.
pub(super) fn read(target: &str, merge_slashes: bool) -> Result<Target<'_>, Ambiguity> {
    if target.len() > TARGET_BYTES_MAX {
        return Err(Ambiguity::TooLong);
    }
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    if !path.starts_with('/') {
        return Err(Ambiguity::NotAPath);
    }
    // The first fault in the order of the bytes is the one that is told.
    query_bytes(query)?;
    let escapes = path_bytes(path)?;
    let merged = if !path.contains("//") {
        Cow::Borrowed(path)
    } else if merge_slashes {
        Cow::Owned(merge(path))
    } else {
        return Err(Ambiguity::EmptySegment);
    };
    if merged.split('/').any(|segment| segment == "." || segment == "..") {
        return Err(Ambiguity::DotSegment);
    }
    if !escapes {
        return Ok(Target { path: merged, query, encoded_slash: false });
    }
    let (path, encoded_slash) = unescape(&merged)?;
    Ok(Target { path: Cow::Owned(path), query, encoded_slash })
}

/// Looks at every byte of a path that is not part of an escape; says whether there are escapes.
fn path_bytes(path: &str) -> Result<bool, Ambiguity> {
    let mut escapes = false;
    for byte in path.bytes() {
        match byte {
            b'/' | b'.' => {}
            b'%' => escapes = true,
            b';' => return Err(Ambiguity::PathParameter),
            b'#' => return Err(Ambiguity::Fragment),
            b'\\' => return Err(Ambiguity::Backslash),
            0..0x20 | 0x7f => return Err(Ambiguity::ControlCharacter),
            0x80.. => return Err(Ambiguity::NotAscii),
            other if is_unreserved(other) || is_delimiter(other) => {}
            _ => return Err(Ambiguity::InvalidCharacter),
        }
    }
    Ok(escapes)
}

/// What no query holds, whether a route depends on it or not.
fn query_bytes(query: &str) -> Result<(), Ambiguity> {
    for byte in query.bytes() {
        match byte {
            b'#' => return Err(Ambiguity::Fragment),
            0..0x20 | 0x7f => return Err(Ambiguity::ControlCharacter),
            0x80.. => return Err(Ambiguity::NotAscii),
            _ => {}
        }
    }
    Ok(())
}

fn merge(path: &str) -> String {
    let mut merged = String::with_capacity(path.len());
    for character in path.chars() {
        if character != '/' || !merged.ends_with('/') {
            merged.push(character);
        }
    }
    merged
}

/// Resolves the escapes that may be there into the one form, and refuses the others.
fn unescape(path: &str) -> Result<(String, bool), Ambiguity> {
    let mut form = String::with_capacity(path.len());
    let mut decoded = Vec::with_capacity(path.len());
    let mut encoded_slash = false;
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            form.push(char::from(byte));
            decoded.push(byte);
            continue;
        }
        let high = bytes.next().and_then(hex).ok_or(Ambiguity::InvalidEscape)?;
        let low = bytes.next().and_then(hex).ok_or(Ambiguity::InvalidEscape)?;
        let byte = high << 4 | low;
        decoded.push(byte);
        match byte {
            b'/' => encoded_slash = true,
            b'\\' => return Err(Ambiguity::Backslash),
            b'.' => return Err(Ambiguity::EncodedDot),
            b'%' => return Err(Ambiguity::DoubleEncoding),
            b';' => return Err(Ambiguity::PathParameter),
            b'?' | b'#' => return Err(Ambiguity::EncodedDelimiter),
            0..0x20 | 0x7f => return Err(Ambiguity::ControlCharacter),
            other if is_unreserved(other) => return Err(Ambiguity::NeedlessEscape),
            other if is_delimiter(other) => {
                form.push(char::from(other));
                continue;
            }
            _ => {}
        }
        form.push('%');
        let digits = [high, low].map(|digit| char::from_digit(u32::from(digit), 16));
        form.extend(digits.into_iter().flatten().map(|digit| digit.to_ascii_uppercase()));
    }
    // Overlong forms and half characters are read differently by different readers.
    let Ok(decoded) = std::str::from_utf8(&decoded) else {
        return Err(Ambiguity::NotAscii);
    };
    // Whoever takes an encoded slash for a slash must not find a way up or a hole behind it.
    if encoded_slash {
        let rest = decoded.strip_prefix('/').unwrap_or(decoded);
        if rest.split('/').any(|segment| segment == "." || segment == "..") {
            return Err(Ambiguity::DotSegment);
        }
        if decoded.contains("//") {
            return Err(Ambiguity::EncodedSlash);
        }
    }
    Ok((form, encoded_slash))
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// What is never escaped, the dot left out.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~')
}

/// What a segment may hold as it is or escaped.
fn is_delimiter(byte: u8) -> bool {
    matches!(
        byte,
        b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b'=' | b':' | b'@'
    )
}

/// Decodes the escapes that are left in a captured text; once, for `%25` never gets this far.
pub(super) fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    // That the whole path decodes to UTF-8 was seen; a capture ends at a `/`, so it does too.
    percent_encoding::percent_decode_str(text).decode_utf8_lossy()
}
