//! The rules themselves. A finding is one line: the path, the line where there is one, and what is
//! wrong there.

use super::paths::{blanked, named};
use super::tree::File;

/// From files to findings.
pub(crate) type Rule = fn(&[File]) -> Vec<String>;

/// Which module may name which. `ARCHITECTURE.md` draws the same picture: change both.
const ARROWS: &[(&str, &[&str])] = &[
    ("lib", &[]),
    ("main", &["cli"]),
    ("cli", EVERYTHING_BELOW_CLI),
    ("config", EVERYTHING_BELOW_CLI),
    ("server", &["http", "sources", "identity", "pdp", "engine"]),
    ("http", &["mapping", "identity", "pdp", "engine", "analysis"]),
    ("pdp", &["engine", "revisions"]),
    ("sources", &["pdp", "revisions", "engine"]),
    ("policy_test", &["mapping", "yaml", "engine"]),
    ("mapping", &["yaml", "engine"]),
    ("yaml", &["engine"]),
    ("identity", &["engine"]),
    ("analysis", &["engine"]),
    ("thingsboard", &["engine"]),
    ("revisions", &["engine"]),
    ("engine", &[]),
];
const EVERYTHING_BELOW_CLI: &[&str] = &[
    "config",
    "server",
    "http",
    "pdp",
    "sources",
    "policy_test",
    "mapping",
    "yaml",
    "identity",
    "analysis",
    "thingsboard",
    "revisions",
    "engine",
];

/// What a pure module has no business with: files, sockets, the environment, clocks, tasks, logs.
const IMPURE_PATHS: &[&str] = &["std::fs", "std::net", "std::env", "std::process", "std::os"];
const IMPURE_WORDS: &[&str] =
    &["SystemTime", "Instant", "tokio", "tracing", "axum", "hyper", "now", "now_v7", "Serialize"];

/// The files that may reach below Cedar's public interface: for resolved types, and for slices.
const CORE_FILES: [&str; 2] = ["src/engine/schema.rs", "src/engine/slice.rs"];
/// What `slice.rs` is made of, which counts as that file.
const CORE_FOLDER: &str = "src/engine/slice/";

const LINES_MAX: usize = 500;

/// The page that says which test holds against which failure.
const FAILURES_PAGE: &str = "docs/failure-tests.md";

const NO_NAMES: &[&str] = &["util", "utils", "common", "helper", "helpers", "manager", "misc"];

/// Modules name only what the arrows allow.
pub(crate) fn arrows(files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        let Some(from) = module(&file.path) else { continue };
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == from) else {
            findings.push(format!("{}: `{from}` has no line in the table of arrows", file.path));
            continue;
        };
        for (line, path) in named(&file.text) {
            let Some(to) = target(&file.path, &path) else { continue };
            if to != from && !allowed.contains(&to) {
                findings.push(format!("{}:{line}: `{from}` must not name `{to}`", file.path));
            }
        }
    }
    findings
}

/// The top-level module that a file belongs to.
fn module(path: &str) -> Option<&str> {
    let inside = path.strip_prefix("src/")?;
    Some(inside.split('/').next().unwrap_or(inside).trim_end_matches(".rs"))
}

/// The top-level module that a path leads to, from a file.
fn target<'a>(file: &str, path: &'a [String]) -> Option<&'a str> {
    let to = match path.first()?.as_str() {
        "crate" | "doorward" => path.get(1)?,
        "super" => {
            let steps = path.iter().take_while(|step| *step == "super").count();
            let depth = file.matches('/').count();
            path.get(steps).filter(|_| steps >= depth)?
        }
        _ => return None,
    };
    ARROWS.iter().any(|(name, _)| name == to).then_some(to.as_str())
}

/// The engine, the mapping of requests and the policy tests are functions of their arguments.
pub(crate) fn pure(files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        let place = match module(&file.path) {
            Some("engine") => "the engine",
            Some("mapping") => "the mapping",
            Some("analysis") => "an analysis",
            Some("yaml") => "a reader of YAML",
            Some("policy_test") => "a policy test",
            _ => continue,
        };
        for (line, path) in named(&file.text) {
            let whole = path.join("::");
            let outside = IMPURE_PATHS.iter().find(|outside| whole.starts_with(**outside));
            let word = IMPURE_WORDS.iter().find(|word| {
                let calls = path.len() > 1 || !word.starts_with("now");
                calls && path.iter().any(|step| step == **word)
            });
            if let Some(what) = outside.or(word) {
                findings.push(format!("{}:{line}: {place} must not name `{what}`", file.path));
            }
        }
    }
    findings
}

/// `cedar_policy_core` is pinned to one version and may change with any: few files know it.
pub(crate) fn cedar_core(files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files
        .iter()
        .filter(|file| file.is_rust())
        .filter(|file| !CORE_FILES.contains(&file.path.as_str()))
        .filter(|file| !file.path.starts_with(CORE_FOLDER))
    {
        for (line, path) in named(&file.text) {
            if path.iter().any(|step| step == "cedar_policy_core") {
                let message = format!("only {} name `cedar_policy_core`", CORE_FILES.join(" and "));
                findings.push(format!("{}:{line}: {message}", file.path));
            }
        }
    }
    findings
}

/// No source file is longer than can be read in one sitting.
pub(crate) fn sizes(files: &[File]) -> Vec<String> {
    let long = |file: &&File| file.is_rust() && file.text.lines().count() > LINES_MAX;
    let finding = |file: &File| {
        let lines = file.text.lines().count();
        format!("{}: {lines} lines, and {LINES_MAX} is the limit: split it at the noun", file.path)
    };
    files.iter().filter(long).map(finding).collect()
}

/// A module's name says what it is about.
pub(crate) fn names(files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        if file.path.ends_with("/mod.rs") {
            findings.push(format!("{}: write `foo.rs` beside `foo/`, not `foo/mod.rs`", file.path));
        }
        let steps = file.path.trim_end_matches(".rs").split('/').map(str::to_owned);
        let words = named(&file.text);
        let inline = words.windows(2).filter_map(|pair| match pair {
            [(_, keyword), (_, name)] if keyword.as_slice() == ["mod"] => name.first().cloned(),
            _ => None,
        });
        for name in steps.chain(inline).filter(|name| NO_NAMES.contains(&name.as_str())) {
            findings.push(format!("{}: `{name}` is not a name; say what it is about", file.path));
        }
    }
    findings
}

/// What is merged is finished, and every test runs.
pub(crate) fn left_open(files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    let in_code = ["todo!", "unimplemented!", "#[ignore", "dbg!"];
    let in_comments = [concat!("FIX", "ME"), concat!("XX", "X:"), concat!("TO", "DO")];
    for file in files.iter().filter(|file| file.is_rust()) {
        let code = blanked(&file.text);
        let lines = code.lines().zip(file.text.lines()).enumerate();
        for (number, (code, whole)) in lines {
            let found = in_code.iter().find(|mark| code.contains(**mark));
            if let Some(mark) = found.or(in_comments.iter().find(|mark| whole.contains(**mark))) {
                findings.push(format!("{}:{}: `{mark}` is left open", file.path, number + 1));
            }
        }
    }
    findings
}

/// The first lines of a file say what it is for.
pub(crate) fn opening(files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files {
        let (mark, skip) = match file.extension() {
            "rs" => ("//! ", ""),
            "cedar" | "cedarschema" => ("// ", ""),
            "md" if file.path.starts_with("tests/cases/") => ("", "#"),
            _ => continue,
        };
        let mut lines = file.text.lines();
        let title = !skip.is_empty() && file.text.starts_with(skip);
        let first = if title { lines.nth(2) } else { lines.next() };
        let words =
            |line: &str| line.strip_prefix(mark).map(|text| text.split_whitespace().count());
        if first.and_then(words).is_none_or(|count| count < 3) {
            let message = "opens without a paragraph that says what it is for";
            findings.push(format!("{}: {message}", file.path));
        }
    }
    findings
}

/// Every test that the page on failures names is there.
pub(crate) fn named_tests(files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    for page in files.iter().filter(|file| file.path == FAILURES_PAGE) {
        let rows = page.text.lines().enumerate().filter(|(_, line)| line.starts_with("| "));
        for (number, row) in rows.skip(1) {
            let cell = row.trim_end().trim_end_matches('|').rsplit('|').next().unwrap_or_default();
            let words: Vec<&str> = cell.split('`').skip(1).step_by(2).collect();
            let is_there = |path: &str, test: &str| {
                let declared = format!("fn {test}(");
                files.iter().any(|file| file.path == path && file.text.contains(&declared))
            };
            match words.as_slice() {
                [path, test] if is_there(path, test) => {}
                [path, test] => findings.push(format!(
                    "{}:{}: `{path}` has no test `{test}`",
                    page.path,
                    number + 1
                )),
                _ => findings.push(format!(
                    "{}:{}: a row without `FILE` `TEST`",
                    page.path,
                    number + 1
                )),
            }
        }
    }
    findings
}

/// A policy has an id, the rules that it carries, and a comment above it that says why.
pub(crate) fn policies(files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    let shipped = ["policies/", "examples/"];
    for file in files.iter().filter(|file| file.extension() == "cedar") {
        if !shipped.iter().any(|root| file.path.starts_with(root)) {
            continue;
        }
        // The rules are those of the platform that ships, and of its variants.
        let has_rules = !file.path.starts_with("examples/") || file.path.contains("thingsboard");
        for (line, policy) in policies_of(&file.text) {
            let wanted = [
                (policy.starts_with("//"), "a comment above it that says why"),
                (policy.contains("\n@id(\""), "`@id`"),
                (!has_rules || policy.contains("\n@rules(\""), "`@rules`"),
            ];
            for (_, what) in wanted.iter().filter(|(there, _)| !there) {
                findings.push(format!("{}:{line}: a policy without {what}", file.path));
            }
        }
    }
    findings
}

/// The policies of a text with what stands above them, each with the line where that begins.
fn policies_of(text: &str) -> Vec<(usize, String)> {
    let mut policies = Vec::new();
    let (mut policy, mut start, mut quoted) = (String::new(), 1, false);
    for (number, line) in text.lines().enumerate() {
        if policy.is_empty() {
            if line.trim().is_empty() {
                continue;
            }
            start = number + 1;
        }
        policy.push_str(line);
        policy.push('\n');
        if line.trim_start().starts_with("//") {
            continue;
        }
        let mut characters = line.chars();
        while let Some(character) = characters.next() {
            match character {
                '\\' if quoted => drop(characters.next()),
                '"' => quoted = !quoted,
                ';' if !quoted => policies.push((start, std::mem::take(&mut policy))),
                _ => {}
            }
        }
    }
    policies
}

/// Words and paths of the machine that a file was written on mean nothing to its readers.
pub(crate) fn places(files: &[File]) -> Vec<String> {
    let words = [
        concat!("/wo", "rk/"),
        concat!("/ro", "ot/"),
        concat!("/fa", "rm/"),
        concat!("farm-", "studio"),
        concat!("farm-", "bench"),
        concat!("sub", "agent"),
        concat!("bash_", "jobs"),
    ];
    let mut findings = Vec::new();
    for file in files {
        for (number, line) in file.text.lines().enumerate() {
            if let Some(word) = words.iter().find(|word| line.contains(**word)) {
                let message = format!("`{word}` is no place that readers have");
                findings.push(format!("{}:{}: {message}", file.path, number + 1));
            }
        }
    }
    findings
}
