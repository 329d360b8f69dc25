//! A lexer for Cedar's policy and schema languages: enough to bound a text's nesting and to find
//! where each statement begins and ends, in one pass without recursion.

use std::ops::Range;

/// What a token is, as far as nesting and statements go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `(`, `[` or `{`.
    Open,
    /// `)`, `]` or `}`.
    Close,
    /// Any other punctuation.
    Operator,
    /// A keyword or a name.
    Word,
    /// A string or a number.
    Literal,
}

/// A token and where it stands, in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// A policy or template in a text, in the order of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// From the first annotation or the effect to the semicolon, in bytes.
    pub span: Range<usize>,
    /// The comment lines directly above, without their slashes, joined by spaces.
    pub comment: Option<String>,
}

/// The tokens of a text, comments and white space left out.
pub(super) struct Lexer<'a> {
    text: &'a [u8],
    at: usize,
    /// Where each comment passed over stands, for whoever wants them.
    comments: Vec<Range<usize>>,
}

/// The statements of a policy text: each ends with a semicolon outside of brackets.
pub fn statements(text: &str) -> Vec<Statement> {
    let mut lexer = Lexer::new(text);
    let mut found = Vec::new();
    let mut depth = 0_usize;
    let mut start = None;
    let mut comment = None;
    while let Some(token) = lexer.next() {
        if start.is_none() {
            start = Some(token.start);
            comment = comment_above(text, &lexer.comments, token.start);
        }
        match token.kind {
            Kind::Open => depth += 1,
            Kind::Close => depth = depth.saturating_sub(1),
            Kind::Operator if depth == 0 && text.get(token.start..token.end) == Some(";") => {
                if let Some(start) = start.take() {
                    found.push(Statement { span: start..token.end, comment: comment.take() });
                }
                lexer.comments.clear();
            }
            _ => {}
        }
    }
    found
}

/// The paragraph of comments that ends on the line above `start`.
fn comment_above(text: &str, comments: &[Range<usize>], start: usize) -> Option<String> {
    let mut below = start;
    let mut lines = Vec::new();
    for comment in comments.iter().rev() {
        let between = text.get(comment.end..below)?;
        if between.bytes().filter(|byte| *byte == b'\n').count() > 1 {
            break;
        }
        let line_start = text.get(..comment.start)?.rfind('\n').map_or(0, |at| at + 1);
        if !text.get(line_start..comment.start)?.trim().is_empty() {
            // It stands behind the statement before and speaks of that one.
            break;
        }
        let line = text.get(comment.clone())?.trim_start_matches('/').trim();
        if line.is_empty() && !lines.is_empty() {
            // What stands above an empty line of comment opens the file, and speaks of all of it.
            break;
        }
        lines.push(line);
        below = comment.start;
    }
    lines.reverse();
    let joined = lines.join(" ");
    (!joined.trim().is_empty()).then(|| joined.trim().to_owned())
}

// === impl Lexer ===

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text: text.as_bytes(), at: 0, comments: Vec::new() }
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.get(self.at + ahead).copied()
    }

    fn skip_while(&mut self, wanted: impl Fn(u8) -> bool) {
        while self.peek(0).is_some_and(&wanted) {
            self.at += 1;
        }
    }

    fn skip_blank(&mut self) {
        loop {
            self.skip_while(|byte| byte.is_ascii_whitespace() || byte == 0x0b);
            if self.peek(0) != Some(b'/') || self.peek(1) != Some(b'/') {
                return;
            }
            let start = self.at;
            self.skip_while(|byte| byte != b'\n' && byte != b'\r');
            self.comments.push(start..self.at);
        }
    }

    fn string(&mut self) {
        self.at += 1;
        while let Some(byte) = self.peek(0) {
            self.at += 1;
            match byte {
                b'"' => return,
                b'\\' => self.at += 1,
                _ => {}
            }
        }
    }
}

impl Iterator for Lexer<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        self.skip_blank();
        let start = self.at;
        let kind = match self.peek(0)? {
            b'(' | b'[' | b'{' => {
                self.at += 1;
                Kind::Open
            }
            b')' | b']' | b'}' => {
                self.at += 1;
                Kind::Close
            }
            b'"' => {
                self.string();
                Kind::Literal
            }
            byte if byte.is_ascii_digit() => {
                self.skip_while(|byte| byte.is_ascii_digit());
                Kind::Literal
            }
            byte if byte == b'_' || byte.is_ascii_alphabetic() || byte >= 0x80 => {
                self.skip_while(|b| b == b'_' || b.is_ascii_alphanumeric() || b >= 0x80);
                Kind::Word
            }
            byte => {
                let double = matches!(
                    (byte, self.peek(1)),
                    (b'&', Some(b'&'))
                        | (b'|', Some(b'|'))
                        | (b'=' | b'!' | b'<' | b'>', Some(b'='))
                        | (b':', Some(b':'))
                );
                self.at += if double { 2 } else { 1 };
                Kind::Operator
            }
        };
        self.at = self.at.min(self.text.len());
        Some(Token { kind, start, end: self.at })
    }
}
