//! A directory of its own for each test, and commands run in it as a user would run them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A directory that is removed when the test ends.
#[derive(Debug)]
pub(crate) struct Project {
    directory: TempDir,
}

impl Project {
    /// An empty directory.
    pub(crate) fn empty() -> Self {
        Self { directory: TempDir::new().expect("a temporary directory") }
    }

    /// The policies and entities that ship, in a directory of their own.
    pub(crate) fn shipped() -> Self {
        let project = Self::empty();
        for part in ["policies", "entities"] {
            let from = Path::new(env!("CARGO_MANIFEST_DIR")).join(part);
            for entry in fs::read_dir(from).expect("the parts that ship are there") {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                project.write(&format!("{part}/{name}"), &fs::read_to_string(&path).unwrap());
            }
        }
        project
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes a file, and the directories above it.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).unwrap();
    }

    /// The real binary, to be started in this directory, with nothing from the environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_doorward"));
        command.args(arguments).current_dir(self.directory.path()).env_clear();
        command.stdin(Stdio::null());
        command
    }

    /// Runs a command to its end: exit code, standard output and standard error, whole. What
    /// differs from run to run is replaced by its name in angle brackets.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        self.outcome(&mut self.command(arguments))
    }

    /// The same for a command that was prepared further.
    pub(crate) fn outcome(&self, command: &mut Command) -> String {
        let output = command.output().expect("the binary runs");
        let code = output.status.code().map_or("by a signal".to_owned(), |code| code.to_string());
        let mut whole = format!("exit: {code}\n");
        for (name, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
            let text = String::from_utf8(bytes.clone()).expect("output is text");
            if !text.is_empty() {
                whole.extend(["----- ", name, "\n", text.trim_end_matches('\n'), "\n"]);
            }
        }
        self.steady(&whole)
    }

    /// A text with what differs from run to run replaced: the directory, ids, times and digests.
    pub(crate) fn steady(&self, text: &str) -> String {
        let directory = self.directory.path().to_string_lossy().into_owned();
        super::steady::replace(&text.replace(&directory, "<directory>"))
    }
}
