//! A test in a process of its own: the test binary runs itself again, and a variable of the
//! environment says with what to work. So it can be killed, or live in a mount of its own.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Names the directory for the child; its absence says that this is not the child.
const VARIABLE: &str = "DOORWARD_TEST_CHILD";

/// The directory that this process shall work in, if it is a child.
#[expect(clippy::disallowed_methods, reason = "clap has no say in a test binary")]
pub(super) fn directory() -> Option<PathBuf> {
    std::env::var_os(VARIABLE).map(PathBuf::from)
}

/// A number from the environment, to let a test run longer.
#[expect(clippy::disallowed_methods, reason = "clap has no say in a test binary")]
pub(super) fn number(name: &str, default: u32) -> u32 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// Says something to whoever runs the tests, past the capture.
pub(super) fn tell(text: &str) {
    writeln!(std::io::stderr(), "{text}").unwrap();
}

/// The command that runs one test of this binary as a child in a directory. With `mounts`, it has
/// mounts of its own, which go when it ends.
pub(super) fn command(test: &str, directory: &std::path::Path, mounts: bool) -> Command {
    let binary = std::env::current_exe().unwrap();
    let mut command = if mounts {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--user", "--map-root-user"]).arg(binary);
        command
    } else {
        Command::new(binary)
    };
    // The name within the crate, whatever that is called here.
    let (_, module) = module_path!().split_once("::").unwrap();
    let name = format!("{}::{test}", module.strip_suffix("::child").unwrap());
    command.args(["--exact", &name, "--nocapture", "--test-threads=1"]);
    command.env(VARIABLE, directory).stdin(Stdio::null());
    command
}

/// Runs a child to its end, which has to be a good one.
#[track_caller]
pub(super) fn passes(mut command: Command) {
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}
