//! Checks that go on while something else happens, and how long each took.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::client::Client;
use super::service::{Failure, pause};

/// Connections that ask, each one check at a time.
const CONNECTIONS: usize = 4;
/// Between two checks of a connection: the service is busy, and not more than that.
const PAUSE: Duration = Duration::from_millis(1);

/// Checks in progress.
pub(crate) struct Asking {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Result<Vec<Duration>, Failure>>>,
}

/// How long things took, sorted.
pub(crate) struct Latencies(Vec<Duration>);

impl Asking {
    /// Begins to ask these checks in turn; every answer must be a 200.
    pub(crate) fn begin(port: u16, checks: &[String]) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let threads = (0..CONNECTIONS).map(|number| {
            let own: Vec<String> =
                checks.iter().skip(number).step_by(CONNECTIONS).cloned().collect();
            let stop = Arc::clone(&stop);
            std::thread::spawn(move || ask(port, &own, &stop))
        });
        Self { threads: threads.collect(), stop }
    }

    pub(crate) fn measure_for_seconds(self, seconds: u64) -> Result<Latencies, Failure> {
        pause(Duration::from_secs(seconds));
        self.end()
    }

    pub(crate) fn end(self) -> Result<Latencies, Failure> {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Vec::new();
        for thread in self.threads {
            all.extend(thread.join().map_err(|_| "a thread that asks has failed")??);
        }
        Ok(Latencies::of(all))
    }
}

fn ask(port: u16, checks: &[String], stop: &AtomicBool) -> Result<Vec<Duration>, Failure> {
    let mut client = Client::connect(port)?;
    let mut took = Vec::new();
    for check in checks.iter().cycle() {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let started = Instant::now();
        let headers = "Content-Type: application/json\r\n";
        let (status, body) = client.send("POST /v1/check", headers, check.as_bytes())?;
        took.push(started.elapsed());
        if status != 200 {
            return Err(format!("{status}: {}", String::from_utf8_lossy(&body)).into());
        }
        pause(PAUSE);
    }
    Ok(took)
}

impl Latencies {
    pub(crate) fn of(mut all: Vec<Duration>) -> Self {
        all.sort_unstable();
        Self(all)
    }

    pub(crate) fn p99_ms(&self) -> f64 {
        self.at(99)
    }

    /// Prints a line of a table.
    pub(crate) fn tell(&self, what: &str) {
        println!("{what:<44}{:>10.3}{:>10.3}{:>10.3}", self.at(50), self.at(99), self.at(100));
    }

    fn at(&self, percent: usize) -> f64 {
        let place = (self.0.len() * percent / 100).min(self.0.len().saturating_sub(1));
        self.0.get(place).map_or(f64::NAN, Duration::as_secs_f64) * 1e3
    }
}
