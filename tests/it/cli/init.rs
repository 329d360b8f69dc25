//! `doorward init`: what it writes is a project that validates, answers, passes its own tests and
//! is left alone after.

use std::path::Path;
use std::process::Command;

use insta::assert_snapshot;

use crate::project::Project;
use crate::service::Service;

/// Every example, with how many policies, entities, links and routes it has.
const EXAMPLES: [(&str, &str); 5] = [
    ("drive", "7 policies, 37 entities, 5 links, 10 routes"),
    ("hospital", "7 policies, 36 entities, 3 links, 9 routes"),
    ("thingsboard", "18 policies, 68 entities, 4 links, 739 routes"),
    ("thingsboard-small", "18 policies, 21 entities, 1 link, 739 routes"),
    ("tracker", "7 policies, 31 entities, 2 links, 10 routes"),
];

fn in_repository(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A directory that `init` was run in.
#[track_caller]
fn made(arguments: &[&str]) -> Project {
    let project = Project::empty();
    let output = project.run(&[&["init", "."], arguments].concat());
    assert!(output.starts_with("exit: 0\n"), "{output}");
    project
}

/// Runs the commands of a page in a directory, as a shell would, and gives their exit codes.
fn run_commands(page: &str, project: &Project) -> Vec<i32> {
    let binary = Path::new(env!("CARGO_BIN_EXE_doorward"));
    let commands = page.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let asked = commands.filter(|block| block.starts_with("doorward check"));
    let codes = asked.map(|block| {
        let mut command = Command::new("sh");
        command.args(["-c", block]).current_dir(project.path("")).env_clear();
        command.env("PATH", binary.parent().unwrap());
        command.output().unwrap().status.code().unwrap()
    });
    codes.collect()
}

#[test]
fn an_empty_directory_becomes_a_project() {
    let project = Project::empty();
    assert_snapshot!(project.run(&["init", "pdp"]), @"");
    let at = |arguments: &[&str]| {
        let mut command = project.command(arguments);
        command.current_dir(project.path("pdp"));
        project.outcome(&mut command)
    };
    assert_snapshot!(at(&["validate"]), @"");
    assert_snapshot!(at(&["test"]), @"");
    assert_snapshot!(at(&["format", "--check"]), @"");
    let check = ["check", "--principal", "User::\"emma\"", "--action", "read"];
    assert_snapshot!(at(&[&check[..], &["--resource", "Device::\"SD-001\""]].concat()), @"");
}

#[test]
fn the_directory_that_one_is_in() {
    let project = Project::empty();
    let output = project.run(&["init", "."]);
    assert!(
        output.starts_with("exit: 0\n----- stdout\n./policies/schema.cedarschema\n"),
        "{output}"
    );
    assert!(output.contains("\nNext:\n  cd .\n"), "{output}");
    assert_snapshot!(project.run(&["validate"]), @"");
}

#[test]
fn every_example_is_a_project_that_passes_its_own_tests() {
    for (name, counts) in EXAMPLES {
        let project = made(&["--example", name]);
        let valid = project.run(&["validate"]);
        assert_eq!(valid, format!("exit: 0\n----- stdout\nvalid: {counts}\n"), "{name}");
        let tested = project.run(&["test"]);
        assert!(tested.starts_with("exit: 0\n"), "{name}: {tested}");
        assert!(!tested.contains("skipped"), "{name}: {tested}");
        let formatted = project.run(&["format", "--check"]);
        assert!(formatted.starts_with("exit: 0\n"), "{name}: {formatted}");
        for core in ["isolation", "ownership", "sharing"] {
            let path = format!("policies/{core}.cedar");
            assert_eq!(project.read(&path), in_repository(&path), "{name}");
        }
    }
}

#[test]
fn the_questions_of_its_readme_are_answered() {
    let tutorial = made(&[]);
    assert_eq!(run_commands(&tutorial.read("README.md"), &tutorial), [0, 3]);
    for (name, _) in EXAMPLES {
        let project = made(&["--example", name]);
        let page = project.read("README.md");
        let expected: &[i32] = if name == "thingsboard" { &[0, 3] } else { &[0] };
        assert_eq!(run_commands(&page, &project), expected, "{name}");
        assert!(!page.contains("From the root of the repository"), "{name}: {page}");
        assert!(!page.contains("examples/"), "{name}: {page}");
    }
}

#[test]
fn every_example_is_served() {
    for (name, _) in EXAMPLES {
        let service = Service::start(made(&["--example", name]), &[]);
        let ready =
            crate::http::Connection::open(service.admin).request("GET", "/readyz", &[], b"");
        assert_eq!(ready.status, 200, "{name}: {}", service.log());
    }
}

/// The snippets are the files that `docs/proxies` shows and the tests of the proxies run.
#[test]
fn the_files_of_proxies_are_those_of_the_documentation() {
    let project = made(&[]);
    let mut expected = Vec::new();
    let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/proxies");
    for entry in std::fs::read_dir(pages).unwrap() {
        let path = entry.unwrap().path();
        let page = std::fs::read_to_string(&path).unwrap();
        for block in page.split("\n```").filter(|block| !block.is_empty()) {
            let Some((first, text)) = block.split_once('\n') else { continue };
            let Some((_, file)) = first.split_once(" file=") else { continue };
            let folder = path.file_stem().unwrap().to_string_lossy().into_owned();
            let name = format!("proxies/{folder}/{}", file.rsplit('/').next().unwrap());
            assert_eq!(project.read(&name), format!("{text}\n"), "{name}");
            expected.push(name);
        }
    }
    let folders = std::fs::read_dir(project.path("proxies")).unwrap();
    let written = folders.flat_map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap());
    assert_eq!(written.count(), expected.len(), "{expected:?}");
    assert!(expected.contains(&"proxies/nginx/nginx.conf".to_owned()), "{expected:?}");
}

#[test]
fn an_example_that_there_is_not() {
    let project = Project::empty();
    assert_snapshot!(project.run(&["init", "pdp", "--example", "driv"]), @"");
    assert!(!project.path("pdp").exists());
}

#[test]
fn nothing_is_overwritten() {
    let project = Project::empty();
    project.write("policies/sharing.cedar", "// Mine.\n");
    assert_snapshot!(project.run(&["init", ".", "--example", "drive"]), @"");
    assert_eq!(project.read("policies/sharing.cedar"), "// Mine.\n");
    assert!(!project.path("entities").exists());
}

#[test]
fn its_help() {
    assert_snapshot!(Project::empty().run(&["init", "--help"]), @"");
}
