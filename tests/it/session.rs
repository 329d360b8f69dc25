//! Pages that are run as they stand there: what a page writes into files, what it types, and what
//! comes back. A fenced block is
//! - `console`: lines behind `$ ` are typed (`> ` goes on with one), what follows is the output;
//! - `LANGUAGE file=PATH`: the file is written; `LANGUAGE append=PATH`: the text is added to it;
//! - anything else is for readers alone.
//!
//! `UPDATE=1` writes into the page what came back.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::project::Project;
use crate::service::{Running, until};
use crate::steady;

/// How often a question to a running service is put again, which is reading its files meanwhile.
const TRIES_MAX: usize = 300;
/// Where the page has its service.
const ADDRESS: &str = "127.0.0.1:3667";

/// What the page says, in pieces that put together are the page again.
#[derive(Debug)]
enum Piece {
    /// For readers, and whatever is no output.
    Text(String),
    /// A file, and whether the text is added to what it holds.
    File { path: String, text: String, appended: bool },
    /// What is typed, and what comes back.
    Typed { command: String, output: String },
}

/// A shell in a directory of its own.
#[derive(Debug)]
struct Shell {
    project: Project,
    directory: PathBuf,
    /// The exit code of what was typed last.
    code: i32,
    service: Option<Running>,
    address: String,
    admin: String,
}

/// Runs a page from the beginning to its end.
#[track_caller]
pub(crate) fn run(page: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    let text = fs::read_to_string(&path).unwrap();
    let pieces = pieces(&text);
    assert_eq!(pieces.iter().map(Piece::written).collect::<String>(), text, "{page}");
    #[expect(clippy::disallowed_methods, reason = "a test is told what to do in no other way")]
    let update = std::env::var_os("UPDATE").is_some();
    let (mut shell, mut now) = (Shell::new(), String::new());
    for mut part in pieces {
        match &mut part {
            Piece::Text(_) => {}
            Piece::File { path, text, appended } => shell.write(path, text, *appended),
            Piece::Typed { command, output } => {
                let found = shell.types(command, output);
                if !same(&found, output) {
                    assert!(
                        update,
                        "{page}: $ {command}\n\nsaid there:\n{output}\nfound:\n{found}"
                    );
                    let blank = if output.ends_with("\n\n") { "\n" } else { "" };
                    *output = format!("{}\n{blank}", found.trim_end());
                }
            }
        }
        now.push_str(&part.written());
    }
    if update {
        fs::write(path, now).unwrap();
    }
}

/// Whether two outputs differ in nothing but what differs from run to run.
fn same(one: &str, other: &str) -> bool {
    steady::replace(one).trim_end() == steady::replace(other).trim_end()
}

/// Takes a page apart.
fn pieces(page: &str) -> Vec<Piece> {
    let mut pieces = vec![Piece::Text(String::new())];
    let mut fence: Option<&str> = None;
    for line in page.split_inclusive('\n') {
        if let Some(opened) = line.strip_prefix("```") {
            let opens = fence.is_none();
            fence = opens.then(|| opened.trim_end());
            pieces.push(Piece::Text(line.to_owned()));
            let named = |word| opened.split_once(word).map(|(_, path)| path.trim_end().to_owned());
            let (file, more) = (named(" file="), named(" append="));
            let appended = more.is_some();
            if let (true, Some(path)) = (opens, file.or(more)) {
                pieces.push(Piece::File { path, text: String::new(), appended });
            }
            continue;
        }
        if fence == Some("console") {
            if let Some(command) = line.strip_prefix("$ ") {
                let command = command.trim_end().to_owned();
                pieces.push(Piece::Typed { command, output: String::new() });
                continue;
            }
            if let Some(Piece::Typed { command, output }) = pieces.last_mut() {
                match line.strip_prefix("> ") {
                    Some(more) if output.is_empty() => {
                        command.push('\n');
                        command.push_str(more.trim_end());
                    }
                    _ => output.push_str(line),
                }
                continue;
            }
        }
        match pieces.last_mut() {
            Some(Piece::Text(text) | Piece::File { text, .. }) => text.push_str(line),
            _ => pieces.push(Piece::Text(line.to_owned())),
        }
    }
    pieces
}

// === impl Piece ===

impl Piece {
    /// As it stands in the page.
    fn written(&self) -> String {
        match self {
            Self::Text(text) | Self::File { text, .. } => text.clone(),
            Self::Typed { command, output } => {
                format!("$ {}\n{output}", command.replace('\n', "\n> "))
            }
        }
    }
}

// === impl Shell ===

impl Shell {
    fn new() -> Self {
        let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let project = Project::empty();
        let directory = project.path("");
        Self { project, directory, code: 0, service: None, address: free(), admin: free() }
    }

    fn write(&self, path: &str, text: &str, appended: bool) {
        let path = self.directory.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let before = if appended { fs::read_to_string(&path).unwrap() } else { String::new() };
        fs::write(path, before + text).unwrap();
    }

    /// Types a command. One to a running service is put again while it does not answer as
    /// expected: when it has read its files, nothing tells.
    fn types(&mut self, command: &str, expected: &str) -> String {
        if command == "echo $?" {
            return format!("{}\n", self.code);
        }
        if let Some(directory) = command.strip_prefix("cd ") {
            self.directory.push(directory);
            return String::new();
        }
        if let Some(command) = command.strip_suffix(" &") {
            return self.starts(command);
        }
        if command.starts_with("kill ") {
            self.service.take().expect("there is a service to be ended");
            return String::new();
        }
        let mut found = self.runs(command);
        if command.contains(" --server ") {
            let mut tries = 0;
            while !same(&found, expected) && tries < TRIES_MAX {
                tries += 1;
                #[expect(
                    clippy::disallowed_methods,
                    reason = "another process gives no other sign"
                )]
                std::thread::sleep(std::time::Duration::from_millis(20));
                found = self.runs(command);
            }
        }
        found
    }

    /// A shell that finds the binary and what every system has, and nothing else.
    fn command(&self, line: &str) -> Command {
        let binary = Path::new(env!("CARGO_BIN_EXE_doorward")).parent().unwrap();
        let mut command = Command::new("/bin/sh");
        command.args(["-c", &line.replace(ADDRESS, &self.address)]);
        command.current_dir(&self.directory).stdin(Stdio::null()).env_clear();
        command.env("PATH", format!("{}:/usr/bin:/bin", binary.display()));
        command
    }

    fn runs(&mut self, line: &str) -> String {
        // Both outputs in the order in which they were written.
        let output = self.command(&format!("exec 2>&1\n{line}")).output().unwrap();
        self.code = output.status.code().expect("it ends by itself");
        let text = String::from_utf8(output.stdout).unwrap();
        let directory = self.project.path("").to_string_lossy().into_owned();
        text.replace(&self.address, ADDRESS).replace(directory.trim_end_matches('/'), "/home/ada")
    }

    /// Starts the service, and waits until it answers.
    fn starts(&mut self, line: &str) -> String {
        let mut command = self.command(&format!("exec {line}"));
        command.env("DOORWARD_LISTEN", &self.address).env("DOORWARD_ADMIN_LISTEN", &self.admin);
        self.service = Some(Running::start(&mut command));
        let health = format!("doorward health --ready --admin http://{}", self.admin);
        until("the service is ready", || {
            let asked = self.command(&health).output().unwrap();
            asked.status.success().then_some(())
        });
        String::new()
    }
}

#[test]
fn a_page_is_taken_apart() {
    let page = "One.\n\n```yaml file=a/b.yaml\nx: 1\n```\n\n```console\n$ ls \\\n> -l\na\n\n$ echo $?\n0\n```\nTwo.\n";
    let found = pieces(page);
    assert_eq!(found.iter().map(Piece::written).collect::<String>(), page);
    let typed: Vec<_> = found
        .iter()
        .filter_map(|piece| match piece {
            Piece::Typed { command, output } => Some((command.as_str(), output.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(typed, [("ls \\\n-l", "a\n\n"), ("echo $?", "0\n")]);
    let files = found.iter().filter(|piece| matches!(piece, Piece::File { .. }));
    assert_eq!(files.map(Piece::written).collect::<Vec<_>>(), ["x: 1\n"]);
}
