//! `doorward init`: what it writes is a project that validates, answers, passes its own tests and
//! is left alone after.

use std::path::Path;
use std::process::Command;

use insta::assert_snapshot;

use crate::project::Project;
use crate::service::Service;

/// Every example, with how many policies, entities, links and routes it has.
const EXAMPLES: [(&str, &str); 5] = [
    ("drive", "7 policies, 37 entities, 5 links, 10 routes, 22 tests"),
    ("hospital", "7 policies, 36 entities, 3 links, 9 routes, 18 tests"),
    ("thingsboard", "18 policies, 68 entities, 4 links, 739 routes, 186 tests"),
    ("thingsboard-small", "18 policies, 21 entities, 1 link, 739 routes, 6 tests"),
    ("tracker", "7 policies, 31 entities, 2 links, 10 routes, 20 tests"),
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
        let mut command = Command::new("/bin/sh");
        command.args(["-c", block]).current_dir(project.path("")).env_clear();
        command.env("PATH", binary.parent().unwrap());
        command.output().unwrap().status.code().unwrap()
    });
    codes.collect()
}

#[test]
fn an_empty_directory_becomes_a_project() {
    let project = Project::empty();
    assert_snapshot!(project.run(&["init", "pdp"]), @"
    exit: 0
    ----- stdout
    pdp/policies/schema.cedarschema
    pdp/policies/isolation.cedar
    pdp/policies/ownership.cedar
    pdp/policies/sharing.cedar
    pdp/policies/thingsboard.cedar
    pdp/entities/entities.json
    pdp/entities/links.json
    pdp/tests/policies/tutorial.yaml
    pdp/tests/policies/ownership.yaml
    pdp/tests/policies/sharing.yaml
    pdp/tests/policies/isolation.yaml
    pdp/tests/policies/records.yaml
    pdp/tests/policies/alarms.yaml
    pdp/tests/policies/moves.yaml
    pdp/tests/policies/changes.yaml
    pdp/tests/policies/traps.yaml
    pdp/tests/policies/requests.yaml
    pdp/routes.yaml
    pdp/doorward.yaml
    pdp/proxies/nginx/nginx.conf
    pdp/proxies/haproxy/haproxy.cfg
    pdp/proxies/haproxy/doorward.lua
    pdp/proxies/traefik/traefik.yaml
    pdp/proxies/traefik/doorward.yaml
    pdp/proxies/caddy/Caddyfile
    pdp/proxies/envoy-http/envoy.yaml
    pdp/proxies/envoy-grpc/envoy.yaml
    pdp/README.md
    ----- stderr

    Next:
      cd pdp
      doorward validate
      doorward test
      doorward serve

    README.md there says more.
    ");
    let at = |arguments: &[&str]| {
        let mut command = project.command(arguments);
        command.current_dir(project.path("pdp"));
        project.outcome(&mut command)
    };
    assert_snapshot!(at(&["validate"]), @"
    exit: 0
    ----- stdout
    valid: 18 policies, 68 entities, 4 links, 5 routes, 162 tests
    ");
    assert_snapshot!(at(&["test"]), @"
    exit: 0
    ----- stdout
    1892 passed, 0 failed, 0 skipped
    ");
    assert_snapshot!(at(&["format", "--check"]), @"
    exit: 0
    ----- stderr
    0 of 4 files would change
    ");
    let check = ["check", "--principal", "User::\"emma\"", "--action", "read"];
    assert_snapshot!(at(&[&check[..], &["--resource", "Device::\"SD-001\""]].concat()), @"
    exit: 0
    ----- stdout
    allow
      permit ownership-read  policies/ownership.cedar:6
    ");
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
    assert_snapshot!(project.run(&["validate"]), @"
    exit: 0
    ----- stdout
    valid: 18 policies, 68 entities, 4 links, 5 routes, 162 tests
    ");
}

#[test]
fn every_example_is_a_project_that_passes_its_own_tests() {
    for (name, counts) in EXAMPLES {
        let project = made(&["--example", name]);
        let valid = project.run(&["validate"]);
        assert_eq!(valid, format!("exit: 0\n----- stdout\nvalid: {counts}\n"), "{name}");
        let tested = project.run(&["test"]);
        assert!(tested.starts_with("exit: 0\n"), "{name}: {tested}");
        assert!(tested.ends_with(" passed, 0 failed, 0 skipped\n"), "{name}: {tested}");
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
    assert_snapshot!(project.run(&["init", "pdp", "--example", "driv"]), @"
    exit: 2
    ----- stderr
    error: invalid value 'driv' for '--example <NAME>'
      [possible values: drive, hospital, thingsboard, thingsboard-small, tracker]

      tip: a similar value exists: 'drive'

    For more information, try '--help'.
    ");
    assert!(!project.path("pdp").exists());
}

#[test]
fn nothing_is_overwritten() {
    let project = Project::empty();
    project.write("policies/sharing.cedar", "// Mine.\n");
    assert_snapshot!(project.run(&["init", ".", "--example", "drive"]), @"
    exit: 1
    ----- stderr
    error: `./policies/sharing.cedar` is there already
    hint: nothing was written; choose another directory
    ");
    assert_eq!(project.read("policies/sharing.cedar"), "// Mine.\n");
    assert!(!project.path("entities").exists());
}

#[test]
fn its_help() {
    assert_snapshot!(Project::empty().run(&["init", "--help"]), @"
    exit: 0
    ----- stdout
    Write policies, schema, entities, tests, routes and proxy snippets to start from

    Usage: doorward init [OPTIONS] <DIR>

    Arguments:
      <DIR>
              Directory to write to; it is made if it is not there

    Options:
          --example <NAME>
              A platform to start from, in place of the tutorial

              Possible values:
              - drive:             Documents in folders, by department
              - hospital:          Patients' records, by department and care group
              - thingsboard:       ThingsBoard whole: all routes, all tests
              - thingsboard-small: ThingsBoard with one customer, one device, one share
              - tracker:           Issues and comments, by team and project

      -h, --help
              Print help (see a summary with '-h')

    Nothing is overwritten: if one of the files is there already, none is written.

    Example: doorward init --example drive my-drive

    Exit codes: 0 done, 1 error, 2 usage.
    ");
}
