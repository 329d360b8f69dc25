//! A child process that ends with the tests, however they end: a shell holds it, and lets go of it
//! when the pipe to the tests is closed. Its directory goes with it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child as Process, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// How often and how long something that is about to happen is waited for: 60 seconds in all.
const TRIES_MAX: u32 = 3_000;
const BETWEEN_TRIES: Duration = Duration::from_millis(20);

/// `$1` is the directory, the rest the command. A process that does not end when it is asked to is
/// killed.
const HOLD: &str = r#"
directory=$1; shift
cd "$directory" || exit 1
"$@" > log 2>&1 &
child=$!
cat > /dev/null
kill -TERM $child 2> /dev/null
for try in 1 2 3 4 5 6 7 8 9 10; do kill -0 $child 2> /dev/null || break; sleep 0.1; done
kill -KILL $child 2> /dev/null
cd / && rm -rf "$directory"
"#;

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A process in a directory of its own.
#[derive(Debug)]
pub(crate) struct Child {
    pub(crate) directory: PathBuf,
    shell: Process,
}

/// A directory for a process to come.
pub(crate) fn directory(name: &str) -> PathBuf {
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("{name}-{}-{number}", std::process::id());
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&path).unwrap();
    path
}

/// Waits, within bounds, until there is what is waited for.
pub(crate) fn until<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    for _ in 0..TRIES_MAX {
        if let Some(found) = look() {
            return Some(found);
        }
        #[expect(clippy::disallowed_methods, reason = "another process gives no other sign")]
        std::thread::sleep(BETWEEN_TRIES);
    }
    None
}

// === impl Child ===

impl Child {
    /// Starts a program in the directory, which is removed when it ends.
    pub(crate) fn start(directory: PathBuf, program: &Path, arguments: &[&str]) -> Self {
        let held = Command::new("sh")
            .args(["-c", HOLD, "sh"])
            .arg(&directory)
            .arg(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self { directory, shell: held.expect("a shell is there") }
    }

    /// What it has written so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        // Where it has ended already there is nothing to wait for.
        let _ = self.shell.wait();
    }
}

/// Runs a program to its end, no longer than so many seconds: what it wrote, or why it failed.
pub(crate) fn run(program: &str, arguments: &[&str], seconds: u32) -> Result<String, String> {
    let output = Command::new("timeout")
        .arg(seconds.to_string())
        .arg(program)
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot run `{program}`: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        let said = text(&output.stderr);
        Err(format!("`{program} {}`: {}: {said}", arguments.join(" "), output.status))
    }
}
