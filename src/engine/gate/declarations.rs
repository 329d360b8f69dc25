//! Where a schema in Cedar's schema language declares a type or an action, for the places of
//! problems that are found later, in the compiled schema, which does not know.

use std::ops::Range;

use super::lexer::{Kind, Lexer};

/// The bytes of a name where it is declared by `entity` or `action`; a type's name comes with its
/// namespace, an action's without.
pub fn declaration(text: &str, keyword: &str, name: &str) -> Option<Range<usize>> {
    let mut depth = 0_usize;
    let mut namespaces: Vec<(usize, String)> = Vec::new();
    // The names of a declaration stand between its keyword and what is said of them.
    let mut declares = false;
    let mut namespace: Option<String> = None;
    for token in Lexer::new(text) {
        let word = text.get(token.start..token.end)?;
        if let Some(path) = &mut namespace {
            if word == "{" {
                namespaces.push((depth, std::mem::take(path)));
                namespace = None;
            } else {
                path.push_str(word);
                continue;
            }
        }
        match (token.kind, word) {
            (Kind::Open, _) => {
                depth += 1;
                declares = false;
            }
            (Kind::Close, _) => {
                depth = depth.saturating_sub(1);
                namespaces.retain(|(outside, _)| *outside < depth);
            }
            (Kind::Operator, "," | "::") => {}
            (Kind::Word, "namespace") if depth == 0 => namespace = Some(String::new()),
            (Kind::Word, "in" | "appliesTo" | "tags" | "enum" | "attributes") => declares = false,
            (Kind::Word | Kind::Literal, _) if declares => {
                let bare = word.trim_matches('"');
                let prefix = namespaces.last().map_or("", |(_, path)| path.as_str());
                let whole = match (keyword, prefix) {
                    ("action", _) | (_, "") => bare.to_owned(),
                    (_, prefix) => format!("{prefix}::{bare}"),
                };
                if whole == name {
                    return Some(token.start..token.end);
                }
            }
            (Kind::Word, word) if depth == namespaces.len() => declares = word == keyword,
            _ => declares = false,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declaration_is_found_by_its_name() {
        let text = "// entity C;\nentity A, B in [C] { C: Long };\nentity C;\n\
                    namespace N::M { entity C; action \"a b\" appliesTo { principal: C }; }\n\
                    action entity, c in [\"a b\"];\n";
        let at = |keyword, name| declaration(text, keyword, name).map(|span| span.start);
        assert_eq!(at("entity", "A"), text.find("A, B"));
        assert_eq!(at("entity", "B"), text.find("B in"));
        assert_eq!(at("entity", "C"), text.find("C;\nnamespace"));
        assert_eq!(at("entity", "N::M::C"), text.find("C; action"));
        assert_eq!(at("action", "a b"), text.find("\"a b\" appliesTo"));
        assert_eq!(at("action", "c"), text.find("c in [\"a"));
        assert_eq!(at("action", "C"), None);
    }
}
