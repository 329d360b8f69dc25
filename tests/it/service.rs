//! The real service as a child process on ports that the system chooses; it ends with the test.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::http::{Answer, Connection};
use crate::project::Project;

/// The tokens of the admin plane in tests.
pub(crate) const WRITER: &str = "the-token-that-writes";
pub(crate) const READER: &str = "the-token-that-reads";

/// What a member may do with what ships: the body of a native check that is allowed.
pub(crate) const EMMA_READS: &str =
    r#"{"principal":"User::\"emma\"","action":"read","resource":"Device::\"SD-001\""}"#;

/// How often and how long something that is about to happen is waited for: 60 seconds in all.
const TRIES_MAX: u32 = 3_000;
const BETWEEN_TRIES: Duration = Duration::from_millis(20);

/// A running service, in a directory of its own.
#[derive(Debug)]
pub(crate) struct Service {
    /// The data plane.
    pub(crate) data: SocketAddr,
    /// The admin plane.
    pub(crate) admin: SocketAddr,
    pub(crate) project: Project,
    running: Running,
}

/// The process, killed when the test ends before it.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    log: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

/// Waits, within bounds, until there is what is waited for.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..TRIES_MAX {
        if let Some(found) = look() {
            return found;
        }
        #[expect(clippy::disallowed_methods, reason = "another process gives no other sign")]
        std::thread::sleep(BETWEEN_TRIES);
    }
    panic!("waited in vain: {what}");
}

// === impl Service ===

impl Service {
    /// A service on the policies and entities that ship.
    pub(crate) fn shipped() -> Self {
        Self::start(Project::shipped(), &[])
    }

    /// A service in the project's directory, with the tokens of the tests.
    #[track_caller]
    pub(crate) fn start(project: Project, flags: &[&str]) -> Self {
        project.write("admin.tokens", &format!("writer write {WRITER}\nreader read {READER}\n"));
        Self::start_bare(project, &[flags, &["--admin-token-file", "admin.tokens"]].concat())
    }

    /// A service in the project's directory, with nothing but addresses added to the flags.
    #[track_caller]
    pub(crate) fn start_bare(project: Project, flags: &[&str]) -> Self {
        let addresses = ["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
        let mut command = project.command(&[&addresses[..], flags].concat());
        let mut running = Running::start(&mut command);
        let (data, admin) = until("the service listens", || {
            let ended = running.child.try_wait().unwrap();
            assert!(ended.is_none(), "the service ended: {}", running.log());
            addresses_in(&running.log())
        });
        Self { data, admin, project, running }
    }

    /// What ships, as the body of `PUT /v1/bundle`.
    pub(crate) fn shipped_bundle() -> String {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut policies = Map::new();
        for entry in fs::read_dir(root.join("policies")).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "cedar") {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                policies.insert(name, Value::from(fs::read_to_string(&path).unwrap()));
            }
        }
        let text = |name: &str| fs::read_to_string(root.join(name)).unwrap();
        let array = |name: &str| serde_json::from_str::<Value>(&text(name)).unwrap();
        let bundle = json!({
            "schema": text("policies/schema.cedarschema"),
            "policies": policies,
            "entities": array("entities/entities.json"),
            "links": array("entities/links.json"),
        });
        bundle.to_string()
    }

    /// The answer to a native check.
    #[track_caller]
    pub(crate) fn check(&self, body: &str) -> Value {
        let answer = Connection::open(self.data).post("/v1/check", body);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// `allow` or `deny`.
    #[track_caller]
    pub(crate) fn decision(&self, body: &str) -> String {
        self.check(body)["decision"].as_str().unwrap().to_owned()
    }

    /// A request to the admin plane with the token that writes.
    pub(crate) fn admin(&self, method: &str, target: &str, body: &str) -> Answer {
        let authorization = format!("Bearer {WRITER}");
        let mut headers = vec![("Authorization", authorization.as_str())];
        if !body.is_empty() {
            headers.push(("Content-Type", "application/json"));
        }
        Connection::open(self.admin).request(method, target, &headers, body.as_bytes())
    }

    /// A request to the admin plane with the token that writes, and whatever headers and bytes.
    pub(crate) fn send(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let authorization = format!("Bearer {WRITER}");
        let headers = [headers, &[("Authorization", authorization.as_str())]].concat();
        Connection::open(self.admin).request(method, target, &headers, body)
    }

    /// What is in force, without what was rejected last.
    pub(crate) fn in_force(&self) -> Value {
        let mut revision = self.admin("GET", "/v1/revision", "").json();
        revision.as_object_mut().unwrap().shift_remove("last_rejection");
        revision
    }

    /// The metrics as Prometheus reads them.
    pub(crate) fn metrics(&self) -> String {
        Connection::open(self.admin).request("GET", "/metrics", &[], b"").body
    }

    /// What the process has logged so far.
    pub(crate) fn log(&self) -> String {
        self.running.log()
    }

    /// The id of the process.
    pub(crate) fn id(&self) -> u32 {
        self.running.child.id()
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Has the files read again, and waits until that has been answered for in the metrics.
    #[track_caller]
    pub(crate) fn reload(&self) {
        let changes = || -> u64 {
            let metrics = self.metrics();
            let lines = metrics.lines().filter(|line| line.starts_with("doorward_changes_total{"));
            lines.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
        };
        let before = changes();
        self.signal("HUP");
        until("the files are taken", || (changes() > before).then_some(()));
    }

    /// Waits for the process to end by itself: its exit code, its whole log, its directory.
    #[track_caller]
    pub(crate) fn ended(mut self) -> (Option<i32>, String, Project) {
        let child = &mut self.running.child;
        let status = until("the service ends", || child.try_wait().unwrap());
        self.running.finish();
        (status.code(), self.running.log(), self.project)
    }

    /// Kills the process as a crash would, and gives its directory back.
    pub(crate) fn kill(mut self) -> Project {
        self.running.finish();
        self.project
    }
}

// === impl Running ===

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let log = Arc::new(Mutex::new(String::new()));
        let (lines, written) = (BufReader::new(child.stderr.take().unwrap()), Arc::clone(&log));
        let reader = std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                let mut log = written.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
            }
        });
        Self { child, log, reader: Some(reader) }
    }

    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    fn finish(&mut self) {
        // Where it has ended already there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.finish();
    }
}

/// The addresses of both planes, once the log has told them.
fn addresses_in(log: &str) -> Option<(SocketAddr, SocketAddr)> {
    let address = |plane: &str| {
        let line = log.lines().find(|line| line.contains(plane))?;
        let value = line.split_whitespace().find_map(|word| word.strip_prefix("address="));
        value?.parse().ok()
    };
    Some((address("listening plane=\"data\"")?, address("listening plane=\"admin\"")?))
}
