//! Searches of an estate so large that nobody holds the answer: streamed while checks go on, left in
//! the middle, and taken page by page.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::asking::{Asking, Latencies};
use super::client::Client;
use super::huge;
use super::service::{Failure, Service, pause};

/// Streams at a time.
const STREAMS: [usize; 2] = [1, 4];
/// Rounds of each, every one beside a quiet one.
const ROUNDS: usize = 3;
/// Seconds that a round takes: streams begin again until it is over.
const ROUND_SECONDS: u64 = 10;
/// Uids on a page, and pages of a search that are measured.
const PAGE: usize = 1_000;
const PAGES: usize = 40;
/// The most that a client may keep the service waiting for a sign of life.
const PATIENCE: Duration = Duration::from_secs(30);

/// Streams beside checks: the times of the checks, and the memory.
pub(crate) fn stream(service: &Service, checks: &[String]) -> Result<(), Failure> {
    let whole = Stopped::default();
    let began = Instant::now();
    let (bytes, last) = read_stream(service.port(), &whole)?;
    println!("\na stream alone: {bytes} bytes in {:.1} s, {last}", began.elapsed().as_secs_f64());
    for streams in STREAMS {
        for round in 1..=ROUNDS {
            let quiet = Asking::begin(service.port(), checks).measure_for_seconds(ROUND_SECONDS)?;
            let before = service.resident_mb("VmRSS:")?;
            let asking = Asking::begin(service.port(), checks);
            let (bytes, most) = stream_for(service, streams)?;
            let during = asking.end()?;
            println!(
                "\n{streams} streams, round {round}: {} MB a second; {before} MB resident before, \
                 {most} MB at most meanwhile",
                bytes / 1_000_000 / ROUND_SECONDS
            );
            tell(&quiet, &during);
        }
    }
    Ok(())
}

fn tell(quiet: &Latencies, during: &Latencies) {
    quiet.tell("checks before");
    during.tell("checks while that goes on");
    println!("p99 of checks: {:.2}x", during.p99_ms() / quiet.p99_ms());
}

/// Streams until the round is over: how many bytes came, and the most that was resident.
fn stream_for(service: &Service, streams: usize) -> Result<(u64, u64), Failure> {
    let stopped = Stopped::default();
    let port = service.port();
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..streams)
            .map(|_| {
                scope.spawn(|| {
                    let mut bytes = 0;
                    while !stopped.is() {
                        bytes += read_stream(port, &stopped)?.0;
                    }
                    Ok::<u64, Failure>(bytes)
                })
            })
            .collect();
        let (began, mut most) = (Instant::now(), 0);
        while began.elapsed() < Duration::from_secs(ROUND_SECONDS) {
            most = most.max(service.resident_mb("VmRSS:")?);
            pause(Duration::from_millis(100));
        }
        stopped.stop();
        let mut bytes = 0;
        for reader in readers {
            bytes += reader.join().map_err(|_| "a thread that reads has failed")??;
        }
        Ok((bytes, most))
    })
}

/// Clients that go in the middle: how long until nothing is left of their searches.
pub(crate) fn leave(service: &Service) -> Result<(), Failure> {
    let mut took = Vec::new();
    for number in 0..20 {
        let stopped = Stopped::default();
        let mut stream = begin_stream(service.port())?;
        let mut buffer = vec![0; 1 << 16];
        // Some leave at once, and some when a part has come.
        for _ in 0..number {
            let _ = stream.read(&mut buffer)?;
        }
        stopped.stop();
        let gone = Instant::now();
        drop(stream);
        while service.metric("doorward_searches_running")? != 0 {
            if gone.elapsed() > PATIENCE {
                return Err("a search goes on that nobody waits for".into());
            }
            pause(Duration::from_millis(1));
        }
        took.push(gone.elapsed());
    }
    println!("\n{:<44}{:>10}{:>10}{:>10}", "milliseconds", "p50", "p99", "most");
    Latencies::of(took).tell("from a client's leaving to nothing running");
    Ok(())
}

/// Pages, by each of those who search.
pub(crate) fn page(service: &Service, what: &str) -> Result<(), Failure> {
    println!("\npages of {PAGE}, {what}");
    println!("{:<44}{:>10}{:>10}{:>10}", "milliseconds", "p50", "p99", "most");
    for (share, who) in huge::WHO {
        let mut client = Client::connect(service.port())?;
        let mut question = huge::search(who);
        let mut took = Vec::new();
        for _ in 0..PAGES {
            set(&mut question, "limit", json!(PAGE));
            let began = Instant::now();
            let headers = "Content-Type: application/json\r\n";
            let body = question.to_string();
            let (status, answer) =
                client.send("POST /v1/search/resources", headers, body.as_bytes())?;
            took.push(began.elapsed());
            let answer: Value = serde_json::from_slice(&answer)?;
            let cursor = answer.get("cursor").filter(|_| status == 200);
            set(&mut question, "cursor", cursor.ok_or("the search ended early")?.clone());
        }
        let first = took.first().map_or(f64::NAN, Duration::as_secs_f64) * 1e3;
        Latencies::of(took.split_off(1)).tell(&format!("who may read {share}; first {first:.1}"));
    }
    Ok(())
}

fn set(question: &mut Value, name: &str, value: Value) {
    if let Some(members) = question.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}

/// Sends the search of the administrator.
fn begin_stream(port: u16) -> Result<TcpStream, Failure> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let (_, who) = huge::WHO[0];
    let body = huge::search(who).to_string();
    write!(
        stream,
        "POST /v1/search/resources HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/x-ndjson\r\n\
         Content-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    Ok(stream)
}

/// Reads a stream to its end, or until it is stopped: the bytes that came, and the last line.
fn read_stream(port: u16, stopped: &Stopped) -> Result<(u64, String), Failure> {
    let mut stream = begin_stream(port)?;
    let (mut buffer, mut bytes, mut last) = (vec![0; 1 << 18], 0_u64, Vec::new());
    while !stopped.is() {
        let read = stream.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        bytes += read as u64;
        last = buffer.get(read.saturating_sub(200)..read).unwrap_or_default().to_vec();
    }
    let last = String::from_utf8_lossy(&last).into_owned();
    let last = last.lines().rev().find(|line| line.contains("complete")).unwrap_or_default();
    if !stopped.is() && !last.contains("\"complete\":true") {
        return Err(format!("the stream ended early: {last}").into());
    }
    Ok((bytes, last.to_owned()))
}

/// Whether readers are to end.
#[derive(Default)]
struct Stopped(AtomicBool);

impl Stopped {
    fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A configuration under which nothing is kept between pages.
pub(crate) fn forgetful(directory: &Path) -> std::io::Result<std::path::PathBuf> {
    let path = directory.with_extension("forgetful.yaml");
    std::fs::write(&path, "limits: { cursor_candidates_bytes: 1 }\n")?;
    Ok(path)
}
