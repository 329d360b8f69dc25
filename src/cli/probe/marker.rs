//! The platform that the probe is: it takes requests as they come, byte for byte, and answers each
//! of them by the same few words.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use super::cases::Case;

/// The header by which requests of the probe are told from others. A name of doorward's own would
/// rightly be deleted on the way.
pub(super) const MARK: &str = "X-Probe-Mark";
/// How long nothing must have come before everything has.
const SETTLED_AFTER: Duration = Duration::from_millis(400);
/// How long a connection may say nothing.
const IDLE_MAX: Duration = Duration::from_secs(30);
const LINE_BYTES_MAX: u64 = 64 * 1024;
const HEADERS_MAX: usize = 500;
const BODY_BYTES_MAX: u64 = 1 << 20;
const CONNECTIONS_MAX: usize = 256;
/// The most requests that are kept.
const REQUESTS_MAX: usize = 10_000;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 15\r\n\r\n";
const BODY: &[u8] = b"doorward probe\n";

/// A running platform.
#[derive(Debug)]
pub(super) struct Marker {
    arrived: Receiver<Got>,
}

/// A request that arrived.
#[derive(Debug, Clone, Default)]
pub(super) struct Got {
    pub(super) method: Vec<u8>,
    pub(super) target: Vec<u8>,
    pub(super) headers: Vec<(String, Vec<u8>)>,
}

// === impl Marker ===

impl Marker {
    pub(super) fn start(listener: TcpListener) -> io::Result<Self> {
        let (sender, arrived) = channel();
        let open = Arc::new(AtomicUsize::new(0));
        thread::Builder::new().name("platform".to_owned()).spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if open.fetch_add(1, Ordering::SeqCst) >= CONNECTIONS_MAX {
                    open.fetch_sub(1, Ordering::SeqCst);
                    continue;
                }
                let (sender, open) = (sender.clone(), Arc::clone(&open));
                thread::spawn(move || {
                    serve(stream, &sender);
                    open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        })?;
        Ok(Self { arrived })
    }

    /// Everything that has arrived since, once nothing more does.
    pub(super) fn settled(&self) -> Vec<Got> {
        let mut all = Vec::new();
        while let Ok(got) = self.arrived.recv_timeout(SETTLED_AFTER) {
            all.push(got);
            if all.len() >= REQUESTS_MAX {
                break;
            }
        }
        all
    }
}

// === impl Got ===

impl Got {
    /// Whether it is what became of this case.
    pub(super) fn is_of(&self, case: &Case) -> bool {
        self.all(MARK).any(|value| value == case.mark.as_bytes())
    }

    /// Whether its target holds these bytes.
    pub(super) fn names(&self, text: &str) -> bool {
        self.target.windows(text.len().max(1)).any(|window| window == text.as_bytes())
    }

    /// Every value of a header.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let named = self.headers.iter().filter(move |(found, _)| found.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_slice())
    }

    /// Method and target for people.
    pub(super) fn shown(&self) -> String {
        format!("{} {}", self.method.escape_ascii(), self.shown_target())
    }

    pub(super) fn shown_target(&self) -> String {
        self.target.escape_ascii().to_string()
    }
}

fn serve(stream: TcpStream, sender: &Sender<Got>) {
    if stream.set_read_timeout(Some(IDLE_MAX)).is_err() {
        return;
    }
    let mut reader = BufReader::new(stream);
    while let Some(got) = request(&mut reader) {
        let is_head = got.method == b"HEAD";
        // Should nobody wait any more, the command has ended.
        let kept = sender.send(got).is_ok();
        let stream = reader.get_mut();
        let written =
            stream.write_all(ANSWER).is_ok() && (is_head || stream.write_all(BODY).is_ok());
        if !kept || !written {
            return;
        }
    }
}

fn request(reader: &mut BufReader<TcpStream>) -> Option<Got> {
    let first = line(reader)?;
    let at = |found: Option<usize>| found.unwrap_or(first.len());
    let method_end = at(first.iter().position(|byte| *byte == b' '));
    let version = at(first.iter().rposition(|byte| *byte == b' '));
    let target = first.get(method_end + 1..version).unwrap_or_default();
    let method = first.get(..method_end)?.to_vec();
    let mut got = Got { method, target: target.to_vec(), headers: Vec::new() };
    loop {
        let line = line(reader)?;
        if line.is_empty() || got.headers.len() >= HEADERS_MAX {
            break;
        }
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let name = String::from_utf8_lossy(line.get(..colon)?).trim().to_owned();
        let value = line.get(colon + 1..).unwrap_or_default().trim_ascii().to_vec();
        got.headers.push((name, value));
    }
    // The body is read as HTTP says, so that a second request in it shows only where the proxy has
    // let one through.
    let chunked = got.all("transfer-encoding").any(|value| value.ends_with(b"chunked"));
    let length = got.all("content-length").next();
    let length = length.and_then(|length| std::str::from_utf8(length).ok()?.parse().ok());
    if chunked {
        chunks(reader)?;
    } else if let Some(length) = length {
        skip(reader, length)?;
    }
    Some(got)
}

fn chunks(reader: &mut BufReader<TcpStream>) -> Option<()> {
    loop {
        let line = line(reader)?;
        let size = std::str::from_utf8(&line).ok()?.split(';').next()?.trim().to_owned();
        let size = u64::from_str_radix(&size, 16).ok()?;
        skip(reader, size)?;
        if size == 0 {
            // What may stand behind the last chunk ends with an empty line.
            while !self::line(reader)?.is_empty() {}
            return Some(());
        }
        self::line(reader)?;
    }
}

fn skip(reader: &mut BufReader<TcpStream>, length: u64) -> Option<()> {
    if length > BODY_BYTES_MAX {
        return None;
    }
    let skipped = io::copy(&mut reader.take(length), &mut io::sink()).ok()?;
    (skipped == length).then_some(())
}

fn line(reader: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let mut line = Vec::new();
    reader.take(LINE_BYTES_MAX).read_until(b'\n', &mut line).ok()?;
    let line = line.strip_suffix(b"\n")?;
    Some(line.strip_suffix(b"\r").unwrap_or(line).to_vec())
}
