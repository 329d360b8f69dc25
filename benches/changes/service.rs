//! A doorward process with its admin plane, and what the operating system says of its memory.

use std::error::Error;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::client::Client;

/// Threads ask and change at the same time, and what fails in one ends the whole.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// The token that may write.
const TOKEN: &str = "a-token-for-this-measurement-alone";

/// A service that is ended with this value.
pub(crate) struct Service {
    child: Child,
    port: u16,
    admin: u16,
    entities: PathBuf,
    data: Option<PathBuf>,
    ready_seconds: f64,
}

impl Service {
    /// Starts a service on the shipped policies and these entities, and waits until it is ready.
    pub(crate) fn start(entities: &Path, data: Option<&Path>) -> Result<Self, Failure> {
        Self::start_with(entities, data, &[])
    }

    /// The same with more flags.
    pub(crate) fn start_with(
        entities: &Path,
        data: Option<&Path>,
        flags: &[&str],
    ) -> Result<Self, Failure> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_doorward"));
        command.args(["serve", "--policies", "policies", "--entities"]).arg(entities).args(flags);
        match data {
            Some(data) => command.arg("--data-dir").arg(data),
            None => command.arg("--ephemeral"),
        };
        Self::launch(command, "GET /readyz", (entities, data))
    }

    /// Starts a service that holds nothing yet: policies and entities are put over HTTP.
    pub(crate) fn start_empty(data: &Path) -> Result<Self, Failure> {
        // Where there is a directory of policies it would be loaded.
        let nowhere = data.with_extension("nowhere");
        fs::create_dir_all(&nowhere)?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_doorward"));
        command.current_dir(&nowhere).args(["serve", "--data-dir"]).arg(data);
        Self::launch(command, "GET /livez", (&nowhere, Some(data)))
    }

    /// Starts it on ports of its own, and waits until it answers this with 200.
    fn launch(
        mut command: Command,
        awaited: &str,
        (entities, data): (&Path, Option<&Path>),
    ) -> Result<Self, Failure> {
        let (port, admin) = (free_port()?, free_port()?);
        let tokens = Path::new(env!("CARGO_TARGET_TMPDIR")).join("changes-tokens");
        fs::write(&tokens, format!("bench write {TOKEN}\n"))?;
        command
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .args(["--admin-listen", &format!("127.0.0.1:{admin}")])
            .arg("--admin-token-file")
            .arg(&tokens)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let started = Instant::now();
        let child = command.spawn()?;
        let (entities, data) = (entities.to_owned(), data.map(Path::to_owned));
        let mut service = Self { child, port, admin, entities, data, ready_seconds: 0.0 };
        while !service.answers_with_200(awaited) {
            if started.elapsed() > Duration::from_mins(10) {
                return Err("doorward did not become ready".into());
            }
            pause(Duration::from_millis(20));
        }
        service.ready_seconds = started.elapsed().as_secs_f64();
        Ok(service)
    }

    /// Ends the process as an operator does, and starts it again on its data directory.
    pub(crate) fn restart(mut self) -> Result<Self, Failure> {
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        self.child.wait()?;
        Self::start(&self.entities, self.data.as_deref())
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// A connection to the admin plane.
    pub(crate) fn admin(&self) -> std::io::Result<Client> {
        Client::connect(self.admin)
    }

    /// The headers of a write.
    pub(crate) fn headers(content_type: &str) -> String {
        format!("Authorization: Bearer {TOKEN}\r\nContent-Type: {content_type}\r\n")
    }

    /// Puts everything that a file holds, and says how many seconds that took.
    pub(crate) fn put_stream(&self, file: &Path) -> Result<f64, Failure> {
        let mut body = File::open(file)?;
        let mut client = self.admin()?;
        let started = Instant::now();
        let headers = Self::headers("application/x-ndjson");
        client.begin("PUT /v1/entities", &headers, body.metadata()?.len())?;
        std::io::copy(&mut body, client.stream())?;
        let (status, answer) = client.answer()?;
        if status != 200 {
            return Err(format!("{status}: {}", String::from_utf8_lossy(&answer)).into());
        }
        Ok(started.elapsed().as_secs_f64())
    }

    /// Decisions and reasons.
    pub(crate) fn answers(&self, checks: &[String]) -> Result<Vec<String>, Failure> {
        let mut client = Client::connect(self.port)?;
        checks.iter().map(|check| ask(&mut client, check)).collect()
    }

    /// Prints what the process holds.
    pub(crate) fn tell(&self, when: &str) -> Result<(), Failure> {
        let (resident, most) = (self.resident_mb("VmRSS:")?, self.resident_mb("VmHWM:")?);
        let ready = if when.ends_with("ready") {
            format!(" {:.1} s,", self.ready_seconds)
        } else {
            String::new()
        };
        println!("{when}:{ready} {resident} MB resident, {most} MB at most");
        Ok(())
    }

    /// A line of its memory account, such as `VmRSS:`, in megabytes.
    pub(crate) fn resident_mb(&self, line: &str) -> Result<u64, Failure> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let value = status.lines().find_map(|text| text.strip_prefix(line));
        let kilobytes = value.and_then(|value| value.split_whitespace().next()?.parse().ok());
        Ok(kilobytes.unwrap_or(0_u64) / 1024)
    }

    /// A metric without labels.
    pub(crate) fn metric(&self, name: &str) -> Result<i64, Failure> {
        let (_, body) = self.admin()?.send("GET /metrics", "", b"")?;
        let text = String::from_utf8_lossy(&body).into_owned();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Ok(value.ok_or("there is no such metric")?.parse()?)
    }

    fn answers_with_200(&self, line: &str) -> bool {
        let Ok(mut client) = self.admin() else { return false };
        client.send(line, "", b"").is_ok_and(|(status, _)| status == 200)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Decision and reason of a check.
fn ask(client: &mut Client, check: &str) -> Result<String, Failure> {
    let headers = "Content-Type: application/json\r\n";
    let (status, body) = client.send("POST /v1/check", headers, check.as_bytes())?;
    let answer: Value = serde_json::from_slice(&body)?;
    let part = |name: &str| answer.get(name).cloned().unwrap_or_default();
    Ok(format!("{status} {} {} {}", part("decision"), part("code"), part("reason")))
}

#[expect(clippy::disallowed_methods, reason = "no runtime here")]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
