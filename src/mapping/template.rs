//! The path of a route: literal segments and captures. One capture is one whole segment, or, as
//! `{*rest}` at the end, all that is left.

use super::CAPTURES_MAX;
use std::fmt::Write;

use super::path::{self, decode};
use super::pattern::{NAMES, Pattern};

/// A path with captures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template {
    pub(super) segments: Vec<Segment>,
}

/// What stands between two slashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Segment {
    /// A text in the one form that [`path::read`] gives.
    Literal(String),
    /// A capture; its form is [`Pattern::Any`] until the tables of the file are laid over it.
    Capture { name: String, pattern: Option<Pattern> },
    /// A capture of everything from here on, one segment at least.
    Rest { name: String },
}

/// How two templates lie to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    /// No path matches both.
    Disjoint,
    /// Where both match, one of them is the more specific in every segment.
    Ordered,
    /// Both can match, and each is the more specific one somewhere.
    Crossing,
}

// === impl Template ===

impl Template {
    /// Reads a path such as `/api/device/{id:uuid}`. The error is a sentence.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let Some(rest) = text.strip_prefix('/') else {
            return Err(format!("the path `{text}` does not begin with `/`"));
        };
        let mut segments = Vec::new();
        let mut names: Vec<String> = Vec::new();
        let mut parts = rest.split('/').peekable();
        while let Some(part) = parts.next() {
            let last = parts.peek().is_none();
            let segment = Self::segment(text, part, last)?;
            if let Segment::Capture { name, .. } | Segment::Rest { name } = &segment {
                if names.contains(name) {
                    return Err(format!("the capture `{name}` stands twice in `{text}`"));
                }
                names.push(name.clone());
            }
            segments.push(segment);
        }
        if names.len() > CAPTURES_MAX {
            return Err(format!("`{text}` has more than {CAPTURES_MAX} captures"));
        }
        Ok(Self { segments })
    }

    fn segment(whole: &str, part: &str, last: bool) -> Result<Segment, String> {
        let Some(inner) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) else {
            if part.contains(['{', '}']) {
                return Err(format!("`{part}`: a capture is a whole segment, as in `/{{id}}/`"));
            }
            if part.is_empty() && !last {
                return Err(format!("`{whole}` has an empty segment, which no request can have"));
            }
            if part.contains('?') {
                return Err(format!("`{whole}` has a `?`; conditions on the query go to `query`"));
            }
            let slashed = format!("/{part}");
            return match path::read(&slashed, false) {
                Ok(target) if target.encoded_slash => {
                    Err(format!("`{part}` has an encoded slash, which is refused in requests"))
                }
                Ok(target) => Ok(Segment::Literal(target.path.trim_start_matches('/').to_owned())),
                Err(why) => Err(format!("no request can match `{part}`: {why}")),
            };
        };
        let (name, rest) = match inner.strip_prefix('*') {
            Some(name) => (name, true),
            None => (inner, false),
        };
        let (name, form) = match name.split_once(':') {
            Some((name, form)) => (name, Some(form)),
            None => (name, None),
        };
        if !is_name(name) {
            return Err(format!("`{part}` is no capture: a name is letters, digits and `_`"));
        }
        if rest && !last {
            return Err(format!(
                "`{part}` takes all that is left, and stands before other segments"
            ));
        }
        let pattern = match form {
            Some(_) if rest => {
                return Err(format!("`{part}` takes several segments: no form fits"));
            }
            Some(form) => Some(Pattern::named(form).ok_or_else(|| {
                format!("`{form}` is no form of a capture; there are {NAMES} (under `captures`)")
            })?),
            None => None,
        };
        let name = name.to_owned();
        Ok(if rest { Segment::Rest { name } } else { Segment::Capture { name, pattern } })
    }

    /// The names of its captures, in order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Literal(_) => None,
            Segment::Capture { name, .. } | Segment::Rest { name } => Some(name.as_str()),
        })
    }

    /// The same path with captures numbered instead of named: two routes of one shape have it.
    pub(super) fn shape(&self) -> String {
        let mut shape = String::new();
        let mut number = 0;
        for segment in &self.segments {
            shape.push('/');
            match segment {
                Segment::Literal(text) => shape.push_str(text),
                Segment::Capture { .. } => {
                    let _ = write!(shape, "{{c{number}}}");
                    number += 1;
                }
                Segment::Rest { .. } => drop(write!(shape, "{{*c{number}}}")),
            }
        }
        shape
    }

    /// Whether a path matches, forms of captures included.
    pub(super) fn matches(&self, path: &str) -> bool {
        let mut parts = path.strip_prefix('/').unwrap_or(path).split('/');
        for segment in &self.segments {
            match (segment, parts.next()) {
                (Segment::Rest { .. }, Some(first)) => {
                    return !first.is_empty() || parts.next().is_some();
                }
                (_, None) => return false,
                (Segment::Literal(text), Some(part)) if text != part => return false,
                (Segment::Capture { pattern, .. }, Some(part)) => {
                    let any = Pattern::Any;
                    if !pattern.as_ref().unwrap_or(&any).fits(&decode(part)) {
                        return false;
                    }
                }
                (Segment::Literal(_), Some(_)) => {}
            }
        }
        parts.next().is_none()
    }

    /// How this template lies to another.
    pub(super) fn relation(&self, other: &Self) -> Relation {
        let (mut here, mut there) = (false, false);
        let mut pairs = (self.segments.iter(), other.segments.iter());
        loop {
            match (pairs.0.next(), pairs.1.next()) {
                (None, None) | (Some(Segment::Rest { .. }), Some(Segment::Rest { .. })) => break,
                (Some(Segment::Rest { .. }), Some(_)) => {
                    there = true;
                    break;
                }
                (Some(_), Some(Segment::Rest { .. })) => {
                    here = true;
                    break;
                }
                (None, Some(_)) | (Some(_), None) => return Relation::Disjoint,
                (Some(Segment::Literal(one)), Some(Segment::Literal(two))) => {
                    if one != two {
                        return Relation::Disjoint;
                    }
                }
                (Some(Segment::Literal(text)), Some(Segment::Capture { pattern, .. })) => {
                    if !pattern.as_ref().unwrap_or(&Pattern::Any).fits(&decode(text)) {
                        return Relation::Disjoint;
                    }
                    here = true;
                }
                (Some(Segment::Capture { pattern, .. }), Some(Segment::Literal(text))) => {
                    if !pattern.as_ref().unwrap_or(&Pattern::Any).fits(&decode(text)) {
                        return Relation::Disjoint;
                    }
                    there = true;
                }
                (Some(Segment::Capture { .. }), Some(Segment::Capture { .. })) => {}
            }
        }
        if here && there { Relation::Crossing } else { Relation::Ordered }
    }
}

/// Whether a text can name a capture.
pub(super) fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first == b'_' || first.is_ascii_alphabetic())
        && bytes.all(|byte| byte == b'_' || byte.is_ascii_alphanumeric())
}
