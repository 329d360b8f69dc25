//! What counts as nesting, what is refused for it, and how statements find their comments.

use super::*;

fn depth(text: &str, language: Language) -> usize {
    let mut nesting = Nesting::new(language);
    let deepest = Lexer::new(text).map(|token| nesting.step(&token, text)).max().unwrap_or(0);
    deepest.max(nesting.end_ifs())
}

#[track_caller]
fn check_depth(text: &str, expected: usize) {
    assert_eq!(depth(text, Language::Policies), expected, "{text}");
}

#[test]
fn brackets_operators_and_conditions_nest() {
    check_depth("permit (principal, action, resource);", 1);
    check_depth("permit (principal, action, resource) when { a };", 2);
    check_depth("((((a))))", 4);
    check_depth("!!!!a", 4);
    check_depth("----1", 4);
    check_depth("a - b - c", 2);
    check_depth("1 + 1 + 1 + 1", 3);
    check_depth("a && b && c || d && e", 3);
    check_depth("(((a) && b && c) && d && e)", 7);
    check_depth("a.b.c.d", 3);
    check_depth("a.b == c.d && e.f", 3);
    check_depth("[a, b, c, d, e]", 1);
    check_depth("if a then b else if c then d else if e then f else g", 3);
    check_depth("a[\"b\"][\"c\"]", 2);
}

#[test]
fn comments_and_strings_do_not_nest() {
    check_depth("// ((((((((\n a", 0);
    check_depth("\"((((((\\\"((((\"", 0);
}

#[test]
fn a_chain_of_clauses_nests_like_and() {
    let text = format!("permit (principal, action, resource) {};", "when { a } ".repeat(40));
    check_depth(&text, 41);
}

#[test]
fn angle_brackets_nest_in_schemas_only() {
    assert_eq!(depth("entity A { a: Set<Set<Set<Long>>> };", Language::Schema), 4);
    check_depth("a < b", 1);
}

#[test]
fn what_follows_a_bracket_lifts_it_too() {
    let text = format!("{}a{};", "(".repeat(20), " && b && c && d)".repeat(20));
    check_depth(&text, 80);
}

#[test]
fn deep_texts_are_refused_with_their_place() {
    let text = format!("permit (principal, action, resource) when {{\n{}a", "(".repeat(200));
    let problem = policies("deep.cedar", &text, &Limits::default()).unwrap_err();
    assert_eq!(problem.code, "nested-too-deep");
    let place = problem.place.unwrap();
    assert_eq!((place.name.as_str(), place.line), ("deep.cedar", 2));
}

#[test]
fn statements_carry_their_comment() {
    let text = "// About the file.\n//\n// Why: a reason.\n// More of it.\n@id(\"a;b\")\npermit (principal, action, resource);\nforbid (principal, action, resource); // after\npermit (principal, action, resource);";
    let found = statements(text);
    let comments: Vec<_> = found.iter().map(|statement| statement.comment.as_deref()).collect();
    assert_eq!(comments, [Some("Why: a reason. More of it."), None, None]);
    assert_eq!(text.get(found[1].span.clone()), Some("forbid (principal, action, resource);"));
    let text = "// About the file.\n//\n// Why.\npermit (principal, action, resource);";
    assert_eq!(statements(text)[0].comment.as_deref(), Some("Why."));
}
