//! The two ends that are talked to, on plain sockets and byte for byte: the proxy, which is sent
//! every case on a connection of its own, and doorward, which is asked about what arrived.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::cases::{Case, Header};

/// How long one request may take.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(4);
/// How long all of them may take together.
const TIME_MAX: Duration = Duration::from_mins(2);
/// The most bytes of an answer that are read.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// The proxy.
#[derive(Debug)]
pub(super) struct Proxy {
    pub(super) address: SocketAddr,
}

/// What came back.
#[derive(Debug, Clone, Default)]
pub(super) struct Answered {
    /// Nothing, if the connection ended or stayed open without an answer.
    pub(super) status: Option<u16>,
    /// `X-Doorward-Reason`.
    pub(super) reason: Option<String>,
}

/// The service that the proxy asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Doorward {
    place: Place,
    headers: Vec<Header>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Tcp(String),
    Unix(PathBuf),
}

trait Stream: Read + Write {}
impl<S: Read + Write> Stream for S {}

// === impl Proxy ===

impl Proxy {
    /// Sends the cases one after the other; fewer answers than cases mean that there was no more
    /// time.
    pub(super) fn send_all(&self, cases: &[Case]) -> Result<Vec<Answered>, String> {
        let start = Instant::now();
        let mut answers = Vec::with_capacity(cases.len());
        for case in cases {
            if start.elapsed() > TIME_MAX {
                break;
            }
            answers.push(self.send(case).map_err(|error| error.to_string())?);
        }
        Ok(answers)
    }

    fn send(&self, case: &Case) -> io::Result<Answered> {
        let mut stream = TcpStream::connect_timeout(&self.address, REQUEST_TIME_MAX)?;
        bounded(&stream)?;
        // A proxy that has seen enough closes its side, which is an answer as well.
        let _ = stream.write_all(&case.bytes());
        Ok(answer(&mut stream))
    }
}

fn bounded(stream: &TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(REQUEST_TIME_MAX))?;
    stream.set_write_timeout(Some(REQUEST_TIME_MAX))?;
    stream.set_nodelay(true)
}

/// The head of the answer, as far as it comes.
fn answer(stream: &mut dyn Stream) -> Answered {
    let start = Instant::now();
    let (mut head, mut buffer) = (Vec::new(), [0; 4096]);
    while head.len() < ANSWER_BYTES_MAX && start.elapsed() < REQUEST_TIME_MAX {
        match stream.read(&mut buffer) {
            Ok(length @ 1..) => head.extend(buffer.iter().take(length)),
            _ => break,
        }
        if head.windows(4).any(|window| window == b"\r\n\r\n") {
            break;
        }
    }
    let head = String::from_utf8_lossy(&head);
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let reason = lines.take_while(|line| !line.is_empty()).find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("x-doorward-reason").then(|| value.trim().to_owned())
    });
    Answered { status, reason }
}

// === impl Answered ===

impl Answered {
    /// Whether doorward says yes.
    pub(super) fn is_allow(&self) -> bool {
        self.status == Some(200)
    }
}

impl fmt::Display for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.status, &self.reason) {
            (None, _) => f.write_str("nothing"),
            (Some(status), None) => write!(f, "{status}"),
            (Some(status), Some(reason)) => write!(f, "{status} {reason}"),
        }
    }
}

// === impl Doorward ===

impl Doorward {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return Ok(Self { place: Place::Unix(PathBuf::from(path)), headers: Vec::new() });
        }
        let address = text.strip_prefix("http://").unwrap_or(text).trim_end_matches('/');
        let legal = address.rsplit_once(':').is_some_and(|(host, port)| {
            !host.is_empty() && port.parse::<u16>().is_ok() && !address.contains(['/', '@'])
        });
        if !legal {
            return Err("expected `http://HOST:PORT`, `HOST:PORT` or `unix:PATH`".to_owned());
        }
        let place = Place::Tcp(address.to_owned());
        Ok(Self { place, headers: Vec::new() })
    }

    /// The same, asked with these headers.
    pub(super) fn with(self, headers: Vec<Header>) -> Self {
        Self { headers, ..self }
    }

    /// What doorward says to a request. What cannot stand in a header is denied without asking.
    pub(super) fn asked(
        &self,
        method: &[u8],
        host: &[u8],
        target: &[u8],
        others: &[Header],
    ) -> Result<Answered, String> {
        let unspeakable =
            |bytes: &[u8]| bytes.iter().any(|b| *b < 0x20 && *b != b'\t' || *b == 0x7f);
        if [method, host, target].into_iter().any(unspeakable) {
            let reason = Some("ambiguous_path".to_owned());
            return Ok(Answered { status: Some(403), reason });
        }
        let mut bytes = b"GET /authz/auth-request HTTP/1.1\r\nConnection: close".to_vec();
        let own = [
            Header::new("Host", host),
            Header::new("X-Original-Method", method),
            Header::new("X-Original-URI", target),
        ];
        for header in own.iter().chain(others).chain(&self.headers) {
            bytes.extend(b"\r\n");
            header.write(&mut bytes);
        }
        bytes.extend(b"\r\n\r\n");
        let fault = |error: io::Error| format!("cannot ask doorward: {error}");
        let mut stream = self.connect().map_err(fault)?;
        stream.write_all(&bytes).map_err(fault)?;
        let answered = answer(&mut *stream);
        // Whatever else listens there says nothing about decisions.
        if answered.status.is_none() || answered.reason.is_none() && answered.is_allow() {
            return Err(format!(
                "what answers there is not doorward with a route map ({answered})"
            ));
        }
        Ok(answered)
    }

    fn connect(&self) -> io::Result<Box<dyn Stream>> {
        match &self.place {
            Place::Unix(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_read_timeout(Some(REQUEST_TIME_MAX))?;
                stream.set_write_timeout(Some(REQUEST_TIME_MAX))?;
                Ok(Box::new(stream))
            }
            Place::Tcp(address) => {
                let none = || io::Error::new(io::ErrorKind::NotFound, "it has no address");
                let address = address.to_socket_addrs()?.next().ok_or_else(none)?;
                let stream = TcpStream::connect_timeout(&address, REQUEST_TIME_MAX)?;
                bounded(&stream)?;
                Ok(Box::new(stream))
            }
        }
    }
}
