//! The literate HTTP cases of `tests/cases/*.md`, sent over a socket to the real service. The
//! README there says how a page is written; `UPDATE=1` rewrites the answers.

use std::fs;
use std::path::{Path, PathBuf};

use super::http::{Answer, Connection};
use super::project::Project;
use super::service::Service;
use super::steady;

/// The widest JSON value that an answer shows on one line.
const LINE_CHARS_MAX: usize = 96;

/// A fenced block: what stands after its fence, and its lines.
#[derive(Debug)]
struct Block {
    kind: String,
    text: String,
    /// Where its contents are in the page, in bytes.
    place: std::ops::Range<usize>,
}

/// What a heading introduces.
#[derive(Debug)]
struct Section {
    title: String,
    blocks: Vec<Block>,
}

/// A page keeps its tests together: one function for each, so that they run side by side.
macro_rules! pages {
    ($($name:ident)*) => {
        $(#[test] fn $name() { page(stringify!($name)); })*

        #[test]
        fn every_page_is_run() {
            let mut found: Vec<String> = fs::read_dir(directory()).unwrap()
                .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
                .filter(|name| name.ends_with(".md") && name != "README.md")
                .collect();
            found.sort();
            assert_eq!(found, [$(concat!(stringify!($name), ".md")),*]);
        }
    };
}

pages! {
    admin
    authzen_certification_basic
    authzen_certification_batch
    authzen_certification_discovery
    authzen_certification_search
    authzen_evaluation
    authzen_evaluations
    authzen_metadata
    batch
    bundle
    check
    dry_runs
    duties
    entities
    errors
    explain
    filter
    lists
    policies
    revisions
    search
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")
}

/// Runs every case of a page, in order. Sections without a fixture of their own share the page's.
#[track_caller]
fn page(name: &str) {
    let path = directory().join(format!("{name}.md"));
    let text = fs::read_to_string(&path).unwrap();
    let mut sections = sections(&text);
    let head = sections.remove(0);
    let shared = service(&head.blocks);
    let (mut failures, mut written, mut kept) = (String::new(), String::new(), 0);
    for section in &sections {
        let own = section.blocks.iter().any(|block| !block.kind.starts_with("http "));
        let own = own.then(|| service(&section.blocks));
        let service = own.as_ref().unwrap_or(&shared);
        let mut request = None;
        for block in &section.blocks {
            match (block.kind.as_str(), request.take()) {
                ("http response", Some(sent)) => {
                    let answer = send(service, sent);
                    let found = render(&answer, &block.text);
                    if found != block.text {
                        failures.extend(["\n## ", &section.title, "\n"]);
                        failures += &difference(&block.text, &found);
                    }
                    written += text.get(kept..block.place.start).unwrap();
                    written += &found;
                    kept = block.place.end;
                }
                ("http request" | "http request admin", None) => request = Some(block),
                (kind, _) => assert!(!kind.starts_with("http "), "`{kind}` in {}", section.title),
            }
        }
        assert!(request.is_none(), "a request without a response in {}", section.title);
    }
    written += text.get(kept..).unwrap();
    if updating() {
        fs::write(&path, written).unwrap();
    } else {
        assert!(failures.is_empty(), "{}\n{failures}", path.display());
    }
}

/// Whether answers are rewritten instead of compared.
#[expect(clippy::disallowed_methods, reason = "a test has no command line of its own")]
pub(crate) fn updating() -> bool {
    std::env::var_os("UPDATE").is_some()
}

/// The page's parts: the first is what stands before the first `##`.
fn sections(text: &str) -> Vec<Section> {
    let mut sections = vec![Section { title: String::new(), blocks: Vec::new() }];
    let (mut open, mut at): (Option<Block>, usize) = (None, 0);
    for line in text.split_inclusive('\n') {
        let next = at + line.len();
        let fence = line.trim_end().strip_prefix("```");
        match (&mut open, fence) {
            (Some(block), Some("")) => {
                block.place.end = at;
                let section = sections.last_mut().unwrap();
                section.blocks.extend(open.take());
            }
            (Some(block), _) => block.text.push_str(line),
            (None, Some(kind)) => {
                let kind = kind.to_owned();
                open = Some(Block { kind, text: String::new(), place: next..next });
            }
            (None, None) => {
                if let Some(title) = line.strip_prefix("## ") {
                    let title = title.trim().to_owned();
                    sections.push(Section { title, blocks: Vec::new() });
                }
            }
        }
        at = next;
    }
    assert!(open.is_none(), "a block is not closed");
    sections
}

/// A service on the blocks' own files, or on those that ship where there are none.
fn service(blocks: &[Block]) -> Service {
    let block = |kind: &str| blocks.iter().find(|block| block.kind == kind);
    let own = blocks.iter().any(|block| !block.kind.starts_with("http "));
    let project = if own { Project::empty() } else { Project::shipped() };
    let files = [
        ("cedar", "policies/case.cedar"),
        ("cedarschema", "policies/schema.cedarschema"),
        ("json entities", "entities/entities.json"),
        ("json links", "entities/links.json"),
        ("yaml", "doorward.yaml"),
    ];
    for (kind, path) in files {
        if let Some(block) = block(kind) {
            project.write(path, &block.text);
        }
    }
    let flags = block("serve").map_or("", |block| &block.text);
    Service::start(project, &flags.split_whitespace().collect::<Vec<_>>())
}

/// Sends what a request block says: a line, headers, an empty line, a body.
fn send(service: &Service, block: &Block) -> Answer {
    let address = if block.kind.ends_with("admin") { service.admin } else { service.data };
    let (head, body) = block.text.split_once("\n\n").unwrap_or((&block.text, ""));
    let mut lines = head.lines();
    let (method, target) = lines.next().unwrap().split_once(' ').expect("METHOD TARGET");
    let headers: Vec<(&str, &str)> =
        lines.map(|line| line.split_once(": ").expect("NAME: VALUE")).collect();
    let body = repeated(body.trim_end());
    Connection::open(address).request(method, target, &headers, body.as_bytes())
}

/// A body with every `{{N times TEXT}}` written out: what is too long to be read.
fn repeated(body: &str) -> String {
    let Some((before, rest)) = body.split_once("{{") else { return body.to_owned() };
    let (inside, after) = rest.split_once("}}").expect("`}}` closes `{{`");
    let (count, text) = inside.split_once(" times ").expect("{{N times TEXT}}");
    format!("{before}{}{}", text.repeat(count.parse().unwrap()), repeated(after))
}

/// An answer as a response block writes it: the status, of the headers those that the block
/// names, and the whole body. An empty value says that the header is absent.
fn render(answer: &Answer, expected: &str) -> String {
    let head = expected.split_once("\n\n").map_or(expected, |(head, _)| head);
    let mut text = format!("{}\n", answer.status);
    for line in head.lines().skip(1) {
        let name = line.split(':').next().unwrap_or_default();
        let value = answer.header(name).unwrap_or_default();
        text += format!("{name}: {value}").trim_end();
        text.push('\n');
    }
    if !answer.body.is_empty() {
        let body = serde_json::from_str(&steady::of_one_length(&answer.body))
            .map_or_else(|_| answer.body.trim_end().to_owned(), |json| indented(&json, 0));
        text.extend(["\n", &body, "\n"]);
    }
    steady::replace(&text)
}

/// JSON with one member a line where it would be too long for one line. Members keep their order.
fn indented(value: &serde_json::Value, depth: usize) -> String {
    use serde_json::Value::{Array, Object};
    let line = value.to_string();
    let (inner, outer) = ("  ".repeat(depth + 1), "  ".repeat(depth));
    let (open, items, close): (_, Vec<String>, _) = match value {
        _ if line.len() <= LINE_CHARS_MAX => return line,
        Array(items) => ('[', items.iter().map(|item| indented(item, depth + 1)).collect(), ']'),
        Object(members) => {
            let member = |(name, value): (&String, _)| {
                format!("{}: {}", serde_json::json!(name), indented(value, depth + 1))
            };
            ('{', members.iter().map(member).collect(), '}')
        }
        _ => return line,
    };
    format!("{open}\n{inner}{}\n{outer}{close}", items.join(&format!(",\n{inner}")))
}

/// Both texts, with a sign before each line that only one of them has.
pub(crate) fn difference(expected: &str, found: &str) -> String {
    let only = |a: &str, b: &str, sign: &str| -> String {
        let missing = a.lines().filter(|line| !b.lines().any(|other| other == *line));
        missing.flat_map(|line| [sign, line, "\n"]).collect()
    };
    only(expected, found, "- ") + &only(found, expected, "+ ")
}

#[test]
fn a_page_is_taken_apart() {
    let page = "# T\n\nText.\n```cedar\npermit;\n```\n## One\n```http request\nGET /\n```\n";
    let sections = sections(page);
    assert_eq!(sections.len(), 2);
    assert_eq!(sections[0].blocks[0].text, "permit;\n");
    assert_eq!(page.get(sections[1].blocks[0].place.clone()), Some("GET /\n"));
    assert_eq!(repeated("a{{3 times [}}b{{2 times ]}}"), "a[[[b]]");
    assert_eq!(difference("a\nb\n", "a\nc\n"), "- b\n+ c\n");
}
