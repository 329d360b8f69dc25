//! The gallery of broken inputs in `tests/cases/diagnostics/`: each page holds what is wrong with a
//! small project, and the whole output of `doorward validate`. `UPDATE=1` rewrites the outputs; the
//! README there says how a page is written. And that every code is explained.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::cases::{difference, updating};
use super::cli::validate::valid;
use super::project::Project;

/// What a fence that holds an output begins with: the command that is run.
const COMMAND: &str = "doorward ";

#[test]
fn every_broken_input_is_told_as_its_page_says() {
    let mut pages: Vec<PathBuf> = fs::read_dir(root().join("tests/cases/diagnostics"))
        .unwrap()
        .map(|it| it.unwrap().path())
        .collect();
    pages.retain(|path| path.file_name().is_some_and(|name| name != "README.md"));
    pages.sort();
    assert!(pages.len() >= 30, "{} pages", pages.len());
    let mut failures = String::new();
    for path in pages {
        let text = fs::read_to_string(&path).unwrap();
        let found = answered(&text);
        if updating() {
            fs::write(&path, &found).unwrap();
        } else if found != text {
            let name = path.display().to_string();
            failures.extend(["\n", &name, "\n", &difference(&text, &found)]);
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

/// The page with the outputs that its commands give.
fn answered(page: &str) -> String {
    let project = valid();
    let mut written = String::new();
    let mut block: Option<(&str, String)> = None;
    for line in page.split_inclusive('\n') {
        let fence = line.trim_end().strip_prefix("```");
        match (&mut block, fence) {
            (Some((kind, contents)), Some("")) => {
                if let Some(arguments) = kind.strip_prefix(COMMAND) {
                    let arguments: Vec<&str> = arguments.split_whitespace().collect();
                    written += &project.run(&arguments);
                } else {
                    if let Some(file) = kind.strip_prefix("remove ") {
                        project.remove(file);
                    } else {
                        put(&project, kind, contents);
                    }
                    written += contents;
                }
                written += line;
                block = None;
            }
            (Some((_, contents)), _) => contents.push_str(line),
            (None, Some(kind)) => {
                written += line;
                block = Some((kind, String::new()));
            }
            (None, None) => written += line,
        }
    }
    assert!(block.is_none(), "a block is not closed");
    written
}

/// Writes a file. `{{64 times [}}` stands for what is too long to be read, `{{byte ff}}` for a byte
/// that is no text.
fn put(project: &Project, name: &str, contents: &str) {
    let mut bytes = Vec::new();
    let mut rest = contents;
    while let Some((before, after)) = rest.split_once("{{") {
        let (inside, after) = after.split_once("}}").expect("`}}` closes `{{`");
        bytes.extend_from_slice(before.as_bytes());
        match (inside.strip_prefix("byte "), inside.split_once(" times ")) {
            (Some(byte), _) => bytes.push(u8::from_str_radix(byte, 16).unwrap()),
            (None, Some((count, text))) => {
                bytes.extend_from_slice(text.repeat(count.parse().unwrap()).as_bytes());
            }
            (None, None) => panic!("{{{{{inside}}}}}"),
        }
        rest = after;
    }
    bytes.extend_from_slice(rest.as_bytes());
    project.write(name, "");
    fs::write(project.path(name), bytes).unwrap();
}

#[test]
fn every_code_is_explained() {
    let page = fs::read_to_string(root().join("docs/diagnostics.md")).unwrap();
    let mut sources = Vec::new();
    gather(&root().join("src"), &mut sources);
    for path in sources {
        let whole = fs::read_to_string(&path).unwrap();
        let text = whole.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        for code in codes(text) {
            let row = format!("| `{code}` |");
            assert!(page.contains(&row), "`{code}` of {} is not explained", path.display());
        }
    }
}

/// The codes that a source file gives to problems.
fn codes(text: &str) -> BTreeSet<&str> {
    let written = ["Problem::error(", "Problem::warning(", "problem_from("];
    // Codes that have a name of their own.
    let named = ["CODE: &str =", "REMOVED_AND_UPSERTED: &str =", "LINK_CONFLICT: &str ="];
    let mut found = BTreeSet::new();
    for mark in written.into_iter().chain(named) {
        for (at, _) in text.match_indices(mark) {
            let rest = text.get(at + mark.len()..).unwrap().trim_start();
            found.extend(rest.strip_prefix('"').and_then(|it| it.split('"').next()));
        }
    }
    // Reasons of decisions and codes of HTTP answers are written with underscores.
    found.retain(|code| !code.contains('_'));
    found
}

#[test]
fn every_code_explained_is_one() {
    let page = fs::read_to_string(root().join("docs/diagnostics.md")).unwrap();
    let mut sources = Vec::new();
    gather(&root().join("src"), &mut sources);
    let all: String = sources.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    for code in rows {
        assert!(all.contains(&format!("\"{code}\"")), "`{code}` is explained, and nothing has it");
    }
}

#[test]
fn no_example_is_warned_of() {
    let root = root().to_string_lossy().into_owned();
    let project = Project::empty();
    let core =
        ["isolation", "ownership", "sharing"].map(|name| format!("{root}/policies/{name}.cedar"));
    let mut runs: Vec<Vec<String>> = Vec::new();
    for name in ["drive", "tracker", "hospital"] {
        let mut run: Vec<String> = vec!["validate".into()];
        run.extend(core.iter().flat_map(|file| ["--policies".to_owned(), file.clone()]));
        run.extend(["--schema".into(), format!("{root}/examples/{name}/schema.cedarschema")]);
        run.extend(["--entities".into(), format!("{root}/examples/{name}")]);
        runs.push(run);
    }
    let pairs = [("policies", "entities"), ("policies", "examples/thingsboard-small")];
    let authzen = ["todo", "search", "idp"].map(|name| format!("examples/authzen/{name}"));
    let of_authzen = authzen.iter().map(|at| (format!("{at}/policies"), format!("{at}/entities")));
    let pairs = pairs.map(|(one, two)| (one.to_owned(), two.to_owned()));
    for (policies, entities) in pairs.into_iter().chain(of_authzen) {
        let (policies, entities) = (format!("{root}/{policies}"), format!("{root}/{entities}"));
        runs.push(
            ["validate", "--policies", &policies, "--entities", &entities]
                .map(String::from)
                .to_vec(),
        );
    }
    for run in runs {
        let arguments: Vec<&str> = run.iter().map(String::as_str).collect();
        let output = project.run(&arguments);
        let quiet =
            output.starts_with("exit: 0\n----- stdout\nvalid: ") && !output.contains("warning");
        assert!(quiet, "{run:?}\n{output}");
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The source files of a directory and those below it. What unit tests make up is no code of ours.
fn gather(directory: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("tests") {
            gather(&path, out);
        } else if path.extension().is_some_and(|it| it == "rs") && !path.ends_with("tests.rs") {
            out.push(path);
        }
    }
}
