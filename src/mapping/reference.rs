//! Where a value of a check comes from. A value is one whole reference or one fixed text: there is
//! no language to put texts together with.

use super::template::is_name;

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reference {
    /// What stands in the file.
    Fixed(String),
    /// `{name}`: a capture of the path, by its position.
    Capture(usize),
    /// `{?name}`: a query parameter, which has to be there once.
    Query(String),
    /// `{principal}`: the principal, or its id.
    Principal,
    /// `{principal.attribute}`: what the snapshot says of the principal.
    Attribute(String),
}

// === impl Reference ===

impl Reference {
    /// Reads a value; `captures` are the names of the route's captures. The error is a sentence.
    pub(super) fn parse<'a>(
        text: &str,
        mut captures: impl Iterator<Item = &'a str>,
    ) -> Result<Self, String> {
        let Some(inner) = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) else {
            if text.contains(['{', '}']) {
                return Err(format!(
                    "`{text}`: a value is one whole reference such as `{{id}}`, or a text without \
                     braces"
                ));
            }
            return Ok(Self::Fixed(text.to_owned()));
        };
        if inner == "principal" {
            return Ok(Self::Principal);
        }
        if let Some(attribute) = inner.strip_prefix("principal.") {
            if is_name(attribute) {
                return Ok(Self::Attribute(attribute.to_owned()));
            }
            return Err(format!("`{text}` names no attribute: write `{{principal.tenant}}`"));
        }
        if let Some(name) = inner.strip_prefix('?') {
            if name.is_empty() || name.chars().any(char::is_control) {
                return Err(format!("`{text}` names no query parameter"));
            }
            return Ok(Self::Query(name.to_owned()));
        }
        match captures.position(|name| name == inner) {
            Some(position) => Ok(Self::Capture(position)),
            None => Err(format!("`{text}` is no capture of this route's path")),
        }
    }
}
