//! The tokens of policy text, as far as changes of it need them: where words, strings and operators
//! stand, and how deep in brackets. The text has passed Cedar's parser.

use std::ops::Range;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Word,
    String,
    Open,
    Close,
    Operator,
}

/// A token, where it stands, and how many brackets are open there; a bracket is as deep as what is
/// in it.
#[derive(Debug, Clone)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
    pub(super) span: Range<usize>,
    pub(super) depth: usize,
}

/// The operators of two characters; every other is one.
const PAIRS: [&str; 7] = ["==", "!=", "<=", ">=", "&&", "||", "::"];

/// All tokens, comments and white space left out.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let first = rest.chars().next().unwrap_or(' ');
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        if rest.starts_with("//") {
            at += rest.find('\n').unwrap_or(rest.len());
            continue;
        }
        let (kind, length) = match first {
            '"' => (Kind::String, string(rest)),
            '(' | '[' | '{' => (Kind::Open, 1),
            ')' | ']' | '}' => (Kind::Close, 1),
            _ if is_word(first) => {
                (Kind::Word, rest.find(|next| !is_word(next)).unwrap_or(rest.len()))
            }
            _ if PAIRS.iter().any(|pair| rest.starts_with(pair)) => (Kind::Operator, 2),
            _ => (Kind::Operator, first.len_utf8()),
        };
        depth += usize::from(kind == Kind::Open);
        let text = rest.get(..length).unwrap_or_default();
        found.push(Token { kind, text, span: at..at + length, depth });
        depth = depth.saturating_sub(usize::from(kind == Kind::Close));
        at += length;
    }
    found
}

fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

/// The length of a string with both quotes.
fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

// === impl Token ===

impl Token<'_> {
    pub(super) fn is(&self, kind: Kind, text: &str) -> bool {
        self.kind == kind && self.text == text
    }
}

/// The operands of every chain of `||`, however deep; each chain of at least two by itself.
pub(super) fn alternatives(tokens: &[Token<'_>]) -> Vec<Vec<Range<usize>>> {
    let mut chains = Vec::new();
    for (number, token) in tokens.iter().enumerate() {
        if !token.is(Kind::Operator, "||") {
            continue;
        }
        let inside = |other: &Token<'_>| other.depth >= token.depth;
        // The bracket around is as deep as the operator.
        let bounds = |other: &Token<'_>| {
            !inside(other) || (other.depth == token.depth && bounds_operands(other))
        };
        let before = tokens.get(..number).unwrap_or_default();
        let begin = before.iter().rposition(bounds).map_or(0, |at| at + 1);
        let behind = tokens.get(number..).unwrap_or_default();
        let end = behind.iter().position(bounds).map_or(tokens.len(), |at| number + at);
        let chain = tokens.get(begin..end).unwrap_or_default();
        let operands = split(chain, token.depth, "||");
        if !chains.contains(&operands) {
            chains.push(operands);
        }
    }
    chains
}

/// The elements of every list of at least two, each with what takes it out: the element and one
/// comma.
pub(super) fn elements<'a>(tokens: &'a [Token<'a>]) -> Vec<(Range<usize>, Range<usize>)> {
    let mut found = Vec::new();
    for (number, open) in tokens.iter().enumerate() {
        if !open.is(Kind::Open, "[") {
            continue;
        }
        let behind = tokens.get(number + 1..).unwrap_or_default();
        let closes = |other: &Token<'_>| other.depth == open.depth && other.is(Kind::Close, "]");
        let Some(end) = behind.iter().position(closes) else { continue };
        let inner = behind.get(..end).unwrap_or_default();
        let items = split(inner, open.depth, ",");
        if items.len() < 2 {
            continue;
        }
        for (place, item) in items.iter().enumerate() {
            let next = items.get(place + 1).map(|next| item.start..next.start);
            let previous = place.checked_sub(1).and_then(|before| items.get(before));
            let taken = next.or(previous.map(|previous| previous.end..item.end));
            found.extend(taken.map(|taken| (item.clone(), taken)));
        }
    }
    found
}

/// What stands between separators of one depth.
fn split(tokens: &[Token<'_>], depth: usize, by: &str) -> Vec<Range<usize>> {
    let parts = tokens.split(|token| token.depth == depth && token.is(Kind::Operator, by));
    let span = |part: &[Token<'_>]| Some(part.first()?.span.start..part.last()?.span.end);
    parts.filter_map(span).collect()
}

fn bounds_operands(token: &Token<'_>) -> bool {
    match token.kind {
        Kind::Open | Kind::Close => true,
        Kind::Operator => token.text == ",",
        Kind::Word => matches!(token.text, "if" | "then" | "else"),
        Kind::String => false,
    }
}
