//! The walls of `ARCHITECTURE.md` and the habits of the source tree, held by a test: which module
//! may name which, what the engine must not touch, sizes, names, and what every policy carries.
//! Each rule is a function from files to findings, and has a test that shows it finding something.

#![cfg(test)]

#[path = "tidy/paths.rs"]
mod paths;
#[path = "tidy/rules.rs"]
mod rules;
#[path = "tidy/tree.rs"]
mod tree;

use rules::Rule;
use tree::File;

/// Runs a rule over the whole tree.
#[track_caller]
fn holds(rule: Rule) {
    let findings = rule(&tree::files());
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

/// Runs a rule over one file of the given text; the first finding, without its path, is what is
/// expected. An empty expectation says that there is no finding.
#[track_caller]
fn finds(rule: Rule, path: &str, text: &str, expected: &str) {
    let file = File { path: path.to_owned(), text: text.to_owned() };
    let first = rule(&[file]).into_iter().next().unwrap_or_default();
    assert_eq!(first.strip_prefix(path).unwrap_or(&first), expected);
}

#[test]
fn the_tree_is_found() {
    let files = tree::files();
    for path in ["src/lib.rs", "src/engine/check.rs", "policies/sharing.cedar", "tests/tidy.rs"] {
        assert!(files.iter().any(|file| file.path == path), "{path} is not among the files");
    }
    assert!(files.iter().all(|file| !file.path.starts_with("target/")));
}

#[test]
fn modules_name_only_what_the_arrows_allow() {
    holds(rules::arrows);
}

#[test]
fn an_arrow_against_the_plan_is_found() {
    let (path, rule) = ("src/engine/check.rs", rules::arrows as Rule);
    finds(rule, path, "\nuse crate::pdp::Pdp;", ":2: `engine` must not name `pdp`");
    finds(rule, path, "fn f() { crate::http::problem::of() }", ":1: `engine` must not name `http`");
    finds(rule, path, "use crate::{engine::Text, cli::X};", ":1: `engine` must not name `cli`");
    finds(rule, path, "use super::super::server::X;", ":1: `engine` must not name `server`");
    finds(rule, path, "use crate::engine::Text; use super::server::X;", "");
    finds(rule, path, "//! See [`crate::pdp`].\nconst A: &str = \"crate::pdp\";", "");
    finds(rule, "src/http/native.rs", "use crate::pdp::Pdp;", "");
    finds(rule, "src/http.rs", "use crate::server::X;", ":1: `http` must not name `server`");
    finds(rule, "src/main.rs", "doorward::http::X", ":1: `main` must not name `http`");
    finds(rule, "src/main.rs", "doorward::cli::run()", "");
    finds(rule, "src/odd.rs", "", ": `odd` has no line in the table of arrows");
}

#[test]
fn the_engine_is_pure() {
    holds(rules::pure);
}

#[test]
fn an_impure_engine_is_found() {
    let (path, rule) = ("src/engine/check.rs", rules::pure as Rule);
    finds(rule, path, "use std::{fmt, fs};", ":1: the engine must not name `std::fs`");
    finds(rule, path, "use std::net::*;", ":1: the engine must not name `std::net`");
    finds(rule, path, "std::env::var(\"X\")", ":1: the engine must not name `std::env`");
    finds(rule, path, "use std::time::Instant;", ":1: the engine must not name `Instant`");
    finds(rule, path, "std::time::SystemTime::now()", ":1: the engine must not name `SystemTime`");
    finds(rule, path, "tokio::spawn(x)", ":1: the engine must not name `tokio`");
    finds(rule, path, "use tracing::info;", ":1: the engine must not name `tracing`");
    finds(rule, path, "Timestamp::now()", ":1: the engine must not name `now`");
    finds(rule, path, "#[derive(Serialize)]", ":1: the engine must not name `Serialize`");
    finds(rule, path, "let now = request.now_ms; use std::time::Duration;", "");
    finds(rule, "src/server.rs", "use tokio::net::TcpListener;", "");
}

#[test]
fn few_files_name_the_core_of_cedar() {
    holds(rules::cedar_core);
}

#[test]
fn another_file_that_names_the_core_is_found() {
    let text = "use cedar_policy_core::ast;";
    let expected = ":1: only src/engine/schema.rs and src/engine/slice.rs name `cedar_policy_core`";
    finds(rules::cedar_core, "src/engine/check.rs", text, expected);
    finds(rules::cedar_core, "src/engine/slice.rs", text, "");
}

#[test]
fn files_keep_their_size() {
    holds(rules::sizes);
}

#[test]
fn a_file_that_has_grown_is_found() {
    let expected = ": 501 lines, and 500 is the limit: split it at the noun";
    finds(rules::sizes, "src/pdp.rs", &"\n".repeat(501), expected);
    finds(rules::sizes, "src/pdp.rs", &"\n".repeat(500), "");
}

#[test]
fn modules_are_named_for_what_they_are_about() {
    holds(rules::names);
}

#[test]
fn a_name_that_says_nothing_is_found() {
    let expected = ": `helpers` is not a name; say what it is about";
    finds(rules::names, "src/http/helpers.rs", "", expected);
    finds(
        rules::names,
        "tests/common/service.rs",
        "",
        ": `common` is not a name; say what it is about",
    );
    finds(
        rules::names,
        "src/http.rs",
        "mod util {}",
        ": `util` is not a name; say what it is about",
    );
    finds(rules::names, "src/http/mod.rs", "", ": write `foo.rs` beside `foo/`, not `foo/mod.rs`");
    finds(rules::names, "src/http/problem.rs", "let util = 1;", "");
}

#[test]
fn nothing_is_left_open() {
    holds(rules::left_open);
}

#[test]
fn what_is_left_open_is_found() {
    let (path, rule) = ("src/http.rs", rules::left_open as Rule);
    finds(rule, path, "fn f() { todo!() }", ":1: `todo!` is left open");
    finds(rule, path, "unimplemented!()", ":1: `unimplemented!` is left open");
    finds(rule, path, "#[ignore]", ":1: `#[ignore` is left open");
    finds(rule, path, concat!("\n// FIX", "ME: later"), concat!(":2: `FIX", "ME` is left open"));
    finds(rule, path, "const IGNORED: bool = true;", "");
}

#[test]
fn every_file_opens_with_what_it_is_for() {
    holds(rules::opening);
}

#[test]
fn a_file_without_an_opening_is_found() {
    let expected = ": opens without a paragraph that says what it is for";
    finds(rules::opening, "src/http.rs", "use std::fmt;", expected);
    finds(rules::opening, "src/http.rs", "//! Http.\n", expected);
    finds(rules::opening, "policies/x.cedar", "permit(principal, action, resource);", expected);
    finds(rules::opening, "tests/cases/x.md", "# Title\n```cedar\n```\n", expected);
    finds(rules::opening, "src/http.rs", "//! Endpoints, one file for each protocol.\n", "");
    finds(rules::opening, "policies/x.cedar", "// What nobody may do, ever.\n", "");
    finds(rules::opening, "tests/cases/x.md", "# Title\n\nWhat callers send, and get.\n", "");
}

#[test]
fn every_policy_says_its_id_its_rules_and_why() {
    holds(rules::policies);
}

#[test]
fn a_policy_without_id_rules_or_reason_is_found() {
    let (path, rule) = ("policies/x.cedar", rules::policies as Rule);
    let whole =
        "// Why this is so.\n@id(\"a\")\n@rules(\"R1\")\npermit (principal, action, resource);\n";
    finds(rule, path, whole, "");
    finds(rule, path, &whole.replace("@id(\"a\")\n", ""), ":1: a policy without `@id`");
    finds(rule, path, &whole.replace("@rules(\"R1\")\n", ""), ":1: a policy without `@rules`");
    finds(rule, "examples/drive/x.cedar", &whole.replace("@rules(\"R1\")\n", ""), "");
    let second =
        format!("{whole}\n@id(\"b\")\n@rules(\"R1\")\npermit (principal, action, resource);");
    finds(rule, path, &second, ":6: a policy without a comment above it that says why");
    let odd = whole.replace("action,", "action == Action::\"a;b // c\",");
    finds(rule, path, &odd, "");
}

#[test]
fn every_failure_has_its_test() {
    holds(rules::named_tests);
    let page = |file: &&File| file.path == "docs/failure-tests.md";
    let rows = tree::files().iter().find(page).unwrap().text.lines().count();
    assert!(rows > 40, "the page has {rows} lines");
}

#[test]
fn a_failure_without_its_test_is_found() {
    let (path, rule) = ("docs/failure-tests.md", rules::named_tests as Rule);
    let head = "| what | test |\n|---|---|\n";
    let row = |cell: &str| format!("{head}| it holds | {cell} |\n");
    finds(rule, path, &row("`a.rs` `b`"), ":3: `a.rs` has no test `b`");
    finds(rule, path, &row("somewhere"), ":3: a row without `FILE` `TEST`");
    finds(rule, "docs/other.md", &row("somewhere"), "");
}

#[test]
fn no_file_names_a_place_that_only_its_author_has() {
    holds(rules::places);
}

#[test]
fn a_place_that_only_its_author_has_is_found() {
    let text = concat!("\nsee /wo", "rk/main/src");
    finds(
        rules::places,
        "README.md",
        text,
        concat!(":2: `/wo", "rk/` is no place that readers have"),
    );
    finds(rules::places, "README.md", "the work of /var/lib/doorward", "");
}
