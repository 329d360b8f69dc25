//! A server process with one worker thread on one core, and its CPU account.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// A server that is ended with this value.
pub(crate) struct Server {
    child: Child,
    port: u16,
}

#[expect(clippy::expect_used, reason = "a benchmark that cannot run ends")]
impl Server {
    /// The yardstick: this program again, as a hyper server that answers a constant.
    pub(crate) fn constant() -> Self {
        let own = std::env::current_exe().expect("this program has a path");
        let mut child = on_first_core(&own.to_string_lossy())
            .arg(super::constant::ARGUMENT)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the constant server starts");
        let port = read_port(child.stdout.take().expect("its output"));
        Self { child, port }
    }

    /// doorward, with these arguments behind `serve`, once it is ready.
    pub(crate) fn doorward(arguments: &[&str]) -> Self {
        let (port, admin) = (free_port(), free_port());
        let child = on_first_core(env!("CARGO_BIN_EXE_doorward"))
            .arg("serve")
            .args(arguments)
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .args(["--admin-listen", &format!("127.0.0.1:{admin}")])
            .arg("--ephemeral")
            .env("TOKIO_WORKER_THREADS", "1")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("doorward starts");
        let server = Self { child, port };
        wait_until_ready(admin);
        server
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// What all threads of the process have used so far, in nanoseconds.
    pub(crate) fn cpu_ns(&self) -> u64 {
        let tasks =
            fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("the process runs");
        tasks
            .flatten()
            .filter_map(|task| fs::read_to_string(task.path().join("schedstat")).ok())
            .filter_map(|text| text.split_whitespace().next()?.parse::<u64>().ok())
            .sum()
    }

    /// A line of its memory account, such as `VmRSS:`, in megabytes.
    pub(crate) fn resident_mb(&self, line: &str) -> std::io::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let value = status.lines().find_map(|text| text.strip_prefix(line));
        let kilobytes = value.and_then(|value| value.split_whitespace().next()?.parse().ok());
        Ok(kilobytes.unwrap_or(0_u64) / 1024)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The runtime keeps idle threads of blocking work for ten seconds.
const LOADERS_END: Duration = Duration::from_secs(11);

#[expect(clippy::disallowed_methods, reason = "no runtime here")]
fn pause(time: Duration) {
    std::thread::sleep(time);
}

fn wait_until_ready(admin: u16) {
    let deadline = Instant::now() + Duration::from_mins(10);
    while Instant::now() < deadline {
        let status = Command::new(env!("CARGO_BIN_EXE_doorward"))
            .args(["health", "--ready", "--admin", &format!("http://127.0.0.1:{admin}")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if status.is_ok_and(|status| status.success()) {
            // The threads that loaded end when they have had nothing to do for a while, and what
            // they used goes out of the account with them.
            pause(LOADERS_END);
            return;
        }
        pause(Duration::from_millis(100));
    }
    assert!(Instant::now() < deadline, "doorward did not become ready");
}

/// A command that is held on the first core where `taskset` is there; the driver then has the rest.
fn on_first_core(program: &str) -> Command {
    let there = Command::new("taskset").arg("-V").stdout(Stdio::null()).status().is_ok();
    if there {
        let mut command = Command::new("taskset");
        command.args(["-c", "0", program]);
        command
    } else {
        Command::new(program)
    }
}

#[expect(clippy::expect_used, reason = "a benchmark that cannot run ends")]
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

#[expect(clippy::expect_used, reason = "a benchmark that cannot run ends")]
fn read_port(output: ChildStdout) -> u16 {
    let mut line = String::new();
    BufReader::new(output.take(100)).read_line(&mut line).expect("a line");
    line.trim().parse().expect("a port")
}
