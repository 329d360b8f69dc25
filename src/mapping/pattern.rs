//! What a capture may be: one of a few named forms, or a list of words. There are no regular
//! expressions: a form that is nearly right is how maps were got round.

use uuid::Uuid;

/// What a captured text has to look like.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Pattern {
    /// Anything that a path segment can hold.
    #[default]
    Any,
    /// A UUID with its hyphens, in lower or upper case.
    Uuid,
    /// Decimal digits without a sign, at most 18.
    Int,
    /// Letters, digits, `_` and `-` of ASCII.
    Word,
    /// One of these.
    OneOf(Vec<String>),
}

/// The names of the forms, for people.
pub(super) const NAMES: &str = "`any`, `uuid`, `int`, `word`, or a list of the texts allowed";

// === impl Pattern ===

impl Pattern {
    /// The form of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "any" => Some(Self::Any),
            "uuid" => Some(Self::Uuid),
            "int" => Some(Self::Int),
            "word" => Some(Self::Word),
            _ => None,
        }
    }

    /// Whether a decoded text fits.
    pub(super) fn fits(&self, text: &str) -> bool {
        match self {
            Self::Any => !text.is_empty(),
            Self::Uuid => text.len() == 36 && Uuid::try_parse(text).is_ok(),
            Self::Int => {
                !text.is_empty() && text.len() <= 18 && text.bytes().all(|b| b.is_ascii_digit())
            }
            Self::Word => {
                let word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
                !text.is_empty() && text.bytes().all(word)
            }
            Self::OneOf(words) => words.iter().any(|word| word == text),
        }
    }

    /// Texts that fit, to try a route with: all there are, or a few that nobody writes as a
    /// literal.
    pub(super) fn samples(&self) -> Vec<String> {
        match self {
            Self::Any | Self::Word => vec!["zz-sample-1".to_owned(), "zz-sample-2".to_owned()],
            Self::Uuid => vec![
                "0d9e2f4a-7c1b-4f7e-9a3d-5b8c6e1f2a34".to_owned(),
                "5b8c6e1f-2a34-4f7e-9a3d-0d9e2f4a7c1b".to_owned(),
            ],
            Self::Int => vec!["907134".to_owned(), "413709".to_owned()],
            Self::OneOf(words) => words.clone(),
        }
    }
}
