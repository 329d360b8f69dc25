//! A client on a plain socket: what a test says is sent byte for byte, also what no proper client
//! would send.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::identity::token;

/// The host of the platform, for which the route map is.
pub(crate) const HOST: &str = "iot.example";
/// How long a client waits: longer than the most patient proxy.
const PATIENCE: Duration = Duration::from_secs(45);

static CASES: AtomicU64 = AtomicU64::new(1);

/// A request to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) method: String,
    pub(crate) target: Vec<u8>,
    /// What the platform tells this request by.
    pub(crate) case: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

// === impl Ask ===

impl Ask {
    pub(crate) fn new(method: &str, target: impl AsRef<[u8]>) -> Self {
        let case = format!("c{}e", CASES.fetch_add(1, Ordering::Relaxed));
        Self {
            method: method.to_owned(),
            target: target.as_ref().to_vec(),
            headers: vec![
                ("Host".to_owned(), HOST.into()),
                ("X-Case".to_owned(), case.clone().into()),
            ],
            case,
            body: Vec::new(),
        }
    }

    pub(crate) fn get(target: impl AsRef<[u8]>) -> Self {
        Self::new("GET", target)
    }

    /// With a token of this user.
    pub(crate) fn by(self, user: &str) -> Self {
        self.with("X-Authorization", format!("Bearer {}", token(user)))
    }

    /// With one more header, whatever is there.
    pub(crate) fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// For another host.
    pub(crate) fn host(mut self, host: &str) -> Self {
        self.headers.retain(|(name, _)| name != "Host");
        self.with("Host", host)
    }

    /// With bytes behind the head, of which no header is said.
    pub(crate) fn tail(mut self, bytes: &[u8]) -> Self {
        self.body = bytes.to_vec();
        self
    }

    /// With a body.
    pub(crate) fn body(mut self, body: Vec<u8>) -> Self {
        self.body = body;
        let length = self.body.len().to_string();
        self.with("Content-Length", &length)
    }

    /// Sends the request on a connection of its own. Nothing comes back if the connection is closed
    /// without an answer.
    pub(crate) fn send(&self, to: SocketAddr) -> Option<Answer> {
        let mut stream = TcpStream::connect(to).expect("the proxy accepts connections");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let close = self.headers.iter().all(|(name, _)| name != "Connection");
        let _ = stream.write_all(&self.bytes(close));
        answer(&mut BufReader::new(stream), &self.method)
    }

    /// Sends the same request so many times, one after the other, each on a connection of its own.
    pub(crate) fn repeat(&self, times: usize, to: SocketAddr) -> Vec<Option<u16>> {
        (0..times).map(|_| self.send(to).map(|answer| answer.status)).collect()
    }

    fn bytes(&self, close: bool) -> Vec<u8> {
        let mut bytes = format!("{} ", self.method).into_bytes();
        bytes.extend(&self.target);
        bytes.extend(b" HTTP/1.1\r\n");
        for (name, value) in &self.headers {
            bytes.extend(name.as_bytes());
            bytes.extend(b": ");
            bytes.extend(value);
            bytes.extend(b"\r\n");
        }
        bytes.extend(if close { b"Connection: close\r\n\r\n".as_slice() } else { b"\r\n" });
        bytes.extend(&self.body);
        bytes
    }
}

// === impl Answer ===

impl Answer {
    /// The first value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let named = self.headers.iter().find(|(found, _)| found.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str())
    }
}

fn answer(reader: &mut BufReader<TcpStream>, method: &str) -> Option<Answer> {
    let status = line(reader)?.split(' ').nth(1)?.parse().ok()?;
    let mut headers = Vec::new();
    loop {
        let line = line(reader)?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':')?;
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let mut answer = Answer { status, headers, body: Vec::new() };
    if method == "HEAD" || status == 101 || status == 204 {
        // That there is no body is for a test to see.
        if method == "HEAD" {
            let _ = reader.read_to_end(&mut answer.body);
        }
        return Some(answer);
    }
    let length = answer.header("content-length").and_then(|length| length.parse().ok());
    match length {
        Some(length) => {
            answer.body.resize(length, 0);
            reader.read_exact(&mut answer.body).ok()?;
        }
        // The connection is closed behind it; a body in chunks is of no interest.
        None => drop(reader.read_to_end(&mut answer.body)),
    }
    Some(answer)
}

fn line(reader: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line).ok()?;
    let line = line.strip_suffix(b"\n")?;
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    Some(String::from_utf8_lossy(line).into_owned())
}
