//! Which paths a Rust file names: comments and literals are blanked first, then `use` trees are
//! opened, so that `use crate::{a, b::c}` names `crate::a` and `crate::b::c`.

/// A path such as `["crate", "engine", "Text"]`, and the line where it stands.
pub(crate) type Named = (usize, Vec<String>);

#[derive(Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Separator,
    Sign(char),
}

/// Every path that the file names, in order.
pub(crate) fn named(text: &str) -> Vec<Named> {
    let tokens = tokens(&blanked(text));
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some((line, token)) = tokens.get(at) {
        at = match token {
            Token::Word(word) if word == "use" => tree(&tokens, at + 1, &[], &mut found),
            Token::Word(_) => {
                let (path, next) = path(&tokens, at);
                found.push((*line, path));
                next
            }
            _ => at + 1,
        };
    }
    found
}

/// The same text with comments and the contents of literals blanked; lines stay where they are.
pub(crate) fn blanked(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut blank = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(&character) = characters.get(at) {
        let end = literal_end(&characters, at);
        if end > at {
            let covered = characters.iter().skip(at).take(end - at);
            blank.extend(covered.map(|c| if *c == '\n' { '\n' } else { ' ' }));
            at = end;
        } else {
            blank.push(character);
            at += 1;
        }
    }
    blank
}

/// Where the comment or literal that begins at `at` ends; `at` itself if none begins there.
fn literal_end(text: &[char], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    let inside_word = at > 0 && text.get(at - 1).is_some_and(|c| c.is_alphanumeric() || *c == '_');
    match rest {
        ['/', '/', ..] => at + rest.iter().position(|c| *c == '\n').unwrap_or(rest.len()),
        ['/', '*', ..] => at + block_comment(rest),
        ['"', ..] => at + quoted(rest),
        ['r', '"' | '#', ..] if !inside_word => raw(text, at, 1),
        ['b' | 'c', 'r', '"' | '#', ..] if !inside_word => raw(text, at, 2),
        ['\'', '\\', ..] => {
            let end = rest.iter().skip(3).position(|c| *c == '\'');
            at + end.map_or(rest.len(), |end| end + 4)
        }
        ['\'', _, '\'', ..] => at + 3,
        _ => at,
    }
}

fn block_comment(rest: &[char]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(pair) = rest.get(at..at + 2) {
        match pair {
            ['/', '*'] => (depth, at) = (depth + 1, at + 2),
            ['*', '/'] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

fn quoted(rest: &[char]) -> usize {
    let mut at = 1;
    while let Some(character) = rest.get(at) {
        match character {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// A raw string whose `"` or first `#` is `prefix` characters after `at`; an identifier such as
/// `r#type` is none.
fn raw(text: &[char], at: usize, prefix: usize) -> usize {
    let rest = text.get(at + prefix..).unwrap_or_default();
    let hashes = rest.iter().take_while(|c| **c == '#').count();
    if rest.get(hashes) != Some(&'"') {
        return at;
    }
    let mut close = vec!['"'];
    close.extend(std::iter::repeat_n('#', hashes));
    let body = rest.get(hashes + 1..).unwrap_or_default();
    let end = body.windows(close.len()).position(|window| window == close);
    end.map_or(text.len(), |end| at + prefix + hashes + 1 + end + close.len())
}

fn tokens(text: &str) -> Vec<(usize, Token)> {
    let mut tokens = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let mut rest = line.chars().peekable();
        while let Some(character) = rest.next() {
            if character.is_alphanumeric() || character == '_' {
                let mut word = String::from(character);
                while let Some(next) = rest.next_if(|c| c.is_alphanumeric() || *c == '_') {
                    word.push(next);
                }
                tokens.push((number + 1, Token::Word(word)));
            } else if character == ':' && rest.next_if_eq(&':').is_some() {
                tokens.push((number + 1, Token::Separator));
            } else if !character.is_whitespace() {
                tokens.push((number + 1, Token::Sign(character)));
            }
        }
    }
    tokens
}

/// The path that begins at `at`, and where the rest begins.
fn path(tokens: &[(usize, Token)], mut at: usize) -> (Vec<String>, usize) {
    let mut path = Vec::new();
    while let Some((_, Token::Word(word))) = tokens.get(at) {
        path.push(word.clone());
        at += 1;
        let (separator, next) = (tokens.get(at), tokens.get(at + 1));
        match (separator, next) {
            (Some((_, Token::Separator)), Some((_, Token::Word(_)))) => at += 1,
            _ => break,
        }
    }
    (path, at)
}

/// Opens one branch of a `use` tree, and says where the rest begins.
fn tree(tokens: &[(usize, Token)], at: usize, prefix: &[String], found: &mut Vec<Named>) -> usize {
    let Some((line, _)) = tokens.get(at) else { return at };
    let (tail, mut at) = path(tokens, at);
    let whole: Vec<String> = prefix.iter().cloned().chain(tail).collect();
    if let Some((_, Token::Separator)) = tokens.get(at) {
        at += 1;
    }
    if let Some((_, Token::Sign('{'))) = tokens.get(at) {
        at += 1;
        while let Some((_, token)) = tokens.get(at) {
            at = match token {
                Token::Sign('}') => return at + 1,
                Token::Word(word) if word == "as" => at + 2,
                Token::Word(_) | Token::Sign('{') => tree(tokens, at, &whole, found),
                _ => at + 1,
            };
        }
    } else if !whole.is_empty() {
        found.push((*line, whole));
    }
    at
}

#[test]
fn paths_are_found_in_trees_and_outside() {
    let text = r#"
        use crate::{a::{B, c::*}, d as e, self};
        use std::fmt; // use crate::comment;
        /* use /* nested */ crate::comment; */
        fn f<'a>(x: &'a str) -> char { let y = r"crate::raw"; g::<T>(h::I { j: '"' }); '\'' }
    "#;
    let paths: Vec<String> = named(text).into_iter().map(|(_, path)| path.join("::")).collect();
    for expected in ["crate::a::B", "crate::a::c", "crate::d", "crate::self", "std::fmt", "h::I"] {
        assert!(paths.contains(&expected.to_owned()), "{expected} is not in {paths:?}");
    }
    for absent in ["comment", "raw"] {
        assert!(!paths.iter().any(|path| path.contains(absent)), "{absent} is in {paths:?}");
    }
}
