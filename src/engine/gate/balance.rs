//! What most syntax errors come down to: a bracket that is not closed, one that closes nothing, or a
//! policy without its semicolon. A parser says where it gave up; here it is said where the cause is.

use super::Language;
use super::lexer::{Kind, Lexer, Token};
use crate::engine::error::{Place, Problem};

/// The code of a problem of a text in this language.
fn code(language: Language) -> &'static str {
    match language {
        Language::Policies => "policy-syntax",
        Language::Schema => "schema",
    }
}

/// The first thing out of balance in a text that does not parse, if there is one.
pub(super) fn problem(name: &str, text: &str, language: Language) -> Option<Problem> {
    let place = |token: &Token| Place::of(name, text, token.start, token.end - token.start);
    let said = |token: &Token| text.get(token.start..token.end).unwrap_or_default();
    let mut open: Vec<Token> = Vec::new();
    let mut statement = Statement::default();
    for token in Lexer::new(text) {
        let word = said(&token);
        let missing = language == Language::Policies && open.is_empty() && statement.ended(word);
        if let Some((first, last)) = statement.tokens.filter(|_| missing) {
            return Some(no_semicolon(name, text, &first, &last));
        }
        match token.kind {
            Kind::Open => open.push(token),
            Kind::Close => match open.pop() {
                Some(opening) if closes(said(&opening), word) => {}
                Some(opening) => {
                    let message =
                        format!("`{word}` closes nothing: `{}` is open here", said(&opening));
                    let problem = Problem::error(code(language), message).at(place(&token));
                    let problem = problem.related("it was opened here", place(&opening));
                    return Some(match closing(said(&opening)) {
                        Some(closing) => problem.hint(format!("close it by `{closing}` first")),
                        None => problem,
                    });
                }
                None => {
                    let message = format!("`{word}` closes nothing");
                    return Some(
                        Problem::error(code(language), message)
                            .at(place(&token))
                            .hint("take it out, or add what it should close"),
                    );
                }
            },
            _ => {}
        }
        statement.step(token, word, open.is_empty());
    }
    if let Some(opening) = open.last() {
        let message = format!("`{}` is never closed", said(opening));
        let problem = Problem::error(code(language), message).at(place(opening));
        return Some(match closing(said(opening)) {
            Some(closing) => problem.hint(format!("add the `{closing}` that belongs to it")),
            None => problem,
        });
    }
    match (language, statement.tokens) {
        (Language::Policies, Some((first, last))) if statement.scoped => {
            Some(no_semicolon(name, text, &first, &last))
        }
        _ => None,
    }
}

/// The policy that is being read.
#[derive(Default)]
struct Statement {
    /// Its first and its latest token.
    tokens: Option<(Token, Token)>,
    /// Whether its scope, the first pair of round brackets behind `permit` or `forbid`, is over.
    scoped: bool,
    effect: bool,
}

// === impl Statement ===

impl Statement {
    /// Whether a word that stands outside of brackets begins the next policy.
    fn ended(&self, word: &str) -> bool {
        self.scoped && matches!(word, "permit" | "forbid" | "@")
    }

    fn step(&mut self, token: Token, word: &str, outside: bool) {
        if outside && word == ";" {
            *self = Self::default();
            return;
        }
        self.effect |= outside && matches!(word, "permit" | "forbid");
        self.scoped |= outside && self.effect && word == ")";
        let first = self.tokens.map_or(token, |(first, _)| first);
        self.tokens = Some((first, token));
    }
}

fn no_semicolon(name: &str, text: &str, first: &Token, last: &Token) -> Problem {
    let end = Place::of(name, text, last.start, last.end - last.start);
    let begin = Place::of(name, text, first.start, first.end - first.start);
    let problem = Problem::error("policy-syntax", "this policy does not end with `;`");
    let problem = problem.hint("add a `;` behind it");
    if begin.line == end.line {
        return problem.at(end);
    }
    problem.at(end).related("the policy begins here", begin)
}

fn closing(opening: &str) -> Option<&'static str> {
    match opening {
        "(" => Some(")"),
        "[" => Some("]"),
        "{" => Some("}"),
        _ => None,
    }
}

fn closes(opening: &str, word: &str) -> bool {
    closing(opening) == Some(word)
}
