//! What `docs/clients.md` shows, run as it stands there, and the description of the API under a
//! validator that is not ours. What is not installed on the machine is left out, and said so.

#![expect(clippy::print_stderr, reason = "a test that is left out says so")]

use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::project::Project;
use crate::service::Service;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The block in this language, and what it prints.
fn example(language: &str) -> (String, String) {
    let page = std::fs::read_to_string(Path::new(ROOT).join("docs/clients.md")).unwrap();
    let rest = page.split(&format!("```{language}\n")).nth(1).expect(language);
    let (code, rest) = rest.split_once("```").unwrap();
    let printed = rest.split("```text\n").nth(1).and_then(|rest| rest.split("```").next());
    (code.to_owned(), printed.unwrap().to_owned())
}

/// Whether a command is there at all.
fn is_there(command: &str) -> bool {
    let version = Command::new(command).arg("--version").stdout(Stdio::null()).status();
    let there = version.is_ok_and(|status| status.success());
    if !there {
        eprintln!("left out: there is no `{command}` on this machine");
    }
    there
}

fn run(command: &str, arguments: &[&str]) -> Output {
    Command::new(command).args(arguments).stdin(Stdio::null()).output().unwrap()
}

/// Runs an example from a file against a service on what ships.
#[track_caller]
fn prints_what_it_says(language: &str, command: &str, file: &str, needs: &str) {
    if !is_there(needs) {
        return;
    }
    let (code, expected) = example(language);
    let service = Service::shipped();
    let address = format!("http://{}", service.data);
    assert!(code.contains("http://127.0.0.1:3667"));
    let project = Project::empty();
    project.write(file, &code.replace("http://127.0.0.1:3667", &address));
    let path = project.path(file).to_string_lossy().into_owned();
    let output = run(command, &[&path]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{said}");
    assert!(output.status.success(), "{said}");
}

#[test]
fn curl() {
    prints_what_it_says("sh", "sh", "example.sh", "curl");
}

#[test]
fn python() {
    prints_what_it_says("python", "python3", "example.py", "python3");
}

#[test]
fn javascript() {
    prints_what_it_says("javascript", "node", "example.mjs", "node");
}

/// The validator is installed below the target directory, once.
#[test]
fn the_description_is_valid_openapi() {
    if !is_there("python3") {
        return;
    }
    let venv = Path::new(env!("CARGO_TARGET_TMPDIR")).join("openapi-validator");
    let in_venv = |name: &str| venv.join("bin").join(name).to_string_lossy().into_owned();
    let validator = in_venv("openapi-spec-validator");
    if !Path::new(&validator).exists() {
        let made = run("python3", &["-m", "venv", &venv.to_string_lossy()]);
        let installed = made.status.success().then(|| {
            run(&in_venv("pip"), &["install", "--quiet", "openapi-spec-validator==0.9.0"])
        });
        if !installed.is_some_and(|output| output.status.success()) {
            eprintln!("left out: the validator could not be installed");
            return;
        }
    }
    let document = Path::new(ROOT).join("docs/openapi.json").to_string_lossy().into_owned();
    let output = run(&validator, &[&document]);
    let said = format!("{output:?}");
    assert!(output.status.success(), "{said}");
    // A validator that finds nothing wrong with anything would not be one.
    let project = Project::empty();
    let text = std::fs::read_to_string(&document).unwrap();
    project.write("broken.json", &text.replacen("\"responses\"", "\"replies\"", 1));
    let broken = project.path("broken.json").to_string_lossy().into_owned();
    assert!(!run(&validator, &[&broken]).status.success());
}
