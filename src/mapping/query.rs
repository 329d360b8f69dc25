//! Query parameters that a route depends on: conditions under which it matches, and values that a
//! check is made of. A query that two readers may read differently is refused, but only where
//! something depends on it.

use std::borrow::Cow;

use super::path::Ambiguity;

/// What a route asks of one query parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Condition {
    /// It is there, with any value.
    Present,
    /// It is not there.
    Absent,
    /// It is there with one of these values.
    OneOf(Vec<String>),
}

// === impl Condition ===

impl Condition {
    fn holds(&self, value: Option<&str>) -> bool {
        match (self, value) {
            (Self::Present, Some(_)) | (Self::Absent, None) => true,
            (Self::OneOf(values), Some(value)) => values.iter().any(|one| one == value),
            _ => false,
        }
    }

    /// Whether no request satisfies both.
    pub(super) fn excludes(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Absent, Self::Absent) => false,
            (Self::Absent, _) | (_, Self::Absent) => true,
            (Self::OneOf(mine), Self::OneOf(theirs)) => !mine.iter().any(|it| theirs.contains(it)),
            _ => false,
        }
    }
}

/// Whether all conditions hold.
pub(super) fn holds(conditions: &[(String, Condition)], query: &str) -> Result<bool, Ambiguity> {
    for (name, condition) in conditions {
        if !condition.holds(value(query, name)?.as_deref()) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The value of a parameter, decoded; `None` where it is not there.
pub(super) fn value<'a>(query: &'a str, name: &str) -> Result<Option<Cow<'a, str>>, Ambiguity> {
    // Some readers separate parameters by `;` too.
    if query.contains(';') {
        return Err(Ambiguity::Query);
    }
    let mut found = None;
    for pair in query.split('&') {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let key = decode(key)?;
        // Some readers end a text at a NUL, and some cut off what stands in brackets.
        if key.trim().split(['[', '\0']).next() == Some(name) {
            if key != name {
                return Err(Ambiguity::Query);
            }
            if found.is_some() {
                return Err(Ambiguity::DuplicateQuery);
            }
            found = Some(decode(value)?);
        }
    }
    Ok(found)
}

/// Decodes a key or value as forms are encoded.
fn decode(text: &str) -> Result<Cow<'_, str>, Ambiguity> {
    if !text.contains(['%', '+']) {
        return Ok(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let mut digit = || rest.next().and_then(|byte| char::from(byte).to_digit(16));
                let (high, low) = (digit(), digit());
                let byte = high.zip(low).and_then(|(high, low)| u8::try_from(high << 4 | low).ok());
                bytes.push(byte.ok_or(Ambiguity::InvalidEscape)?);
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8(bytes).map(Cow::Owned).map_err(|_| Ambiguity::Query)
}
