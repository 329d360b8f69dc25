//! Sends requests over several connections, each one request at a time, and reads the answers.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::ops::Range;
use std::time::{Duration, Instant};

/// The most bytes of an answer: ten thousand decisions.
const ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// A request, ready to be sent.
pub(crate) struct Load {
    requests: Vec<Vec<u8>>,
}

impl Load {
    /// One request, again and again.
    pub(crate) fn new(path: &str, body: &str) -> Self {
        Self::of(path, &[body.to_owned()])
    }

    /// Requests in turn.
    pub(crate) fn of(path: &str, bodies: &[String]) -> Self {
        let requests = bodies
            .iter()
            .map(|body| {
                format!(
                    "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                )
                .into_bytes()
            })
            .collect();
        Self { requests }
    }

    /// What nginx asks about requests, each a target and a user whom the proxy has identified.
    pub(crate) fn proxied(asked: &[(String, String)], secret: &str) -> Self {
        let request = |(target, user): &(String, String)| {
            format!(
                "GET /authz/auth-request HTTP/1.1\r\nHost: iot.example\r\nX-Original-Method: GET\r\nX-Original-URI: {target}\r\nX-Forwarded-User: {user}\r\nX-Proxy-Secret: {secret}\r\nX-Forwarded-For: 192.0.2.1\r\nAccept: */*\r\n\r\n"
            )
            .into_bytes()
        };
        Self { requests: asked.iter().map(request).collect() }
    }
}

/// Sends `most` requests over `connections` connections, or fewer where a slow server would need
/// longer than `longest`; gives their number. Every answer must be a 200.
#[expect(clippy::expect_used, reason = "a benchmark that cannot run ends")]
pub(crate) fn drive(
    port: u16,
    load: &Load,
    connections: usize,
    most: usize,
    longest: Duration,
) -> usize {
    let mut streams: Vec<TcpStream> = (0..connections)
        .map(|_| {
            let stream = TcpStream::connect(("127.0.0.1", port)).expect("the server listens");
            stream.set_nodelay(true).expect("a socket");
            stream
        })
        .collect();
    let mut answer = vec![0_u8; ANSWER_BYTES];
    let mut sent = 0;
    let started = Instant::now();
    // All connections have a request in flight before the first answer is read.
    while sent < most && started.elapsed() < longest {
        for stream in &mut streams {
            let request = load.requests.get(sent % load.requests.len()).expect("a request");
            stream.write_all(request).expect("the server reads");
            sent += 1;
        }
        for stream in &mut streams {
            read_answer(stream, &mut answer);
        }
    }
    sent
}

/// Asks one native check and gives the body of the answer, which must be a 200.
pub(crate) fn ask(port: u16, body: &str) -> std::io::Result<Vec<u8>> {
    ask_at(port, "/v1/check", body)
}

/// The same of any endpoint.
pub(crate) fn ask_at(port: u16, path: &str, body: &str) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    let load = Load::new(path, body);
    for request in &load.requests {
        stream.write_all(request)?;
    }
    let mut answer = vec![0_u8; ANSWER_BYTES];
    let body = read_answer(&mut stream, &mut answer);
    Ok(answer.get(body).unwrap_or_default().to_vec())
}

/// Reads one answer and says where in the buffer its body stands.
#[expect(clippy::expect_used, reason = "a benchmark that cannot run ends")]
fn read_answer(stream: &mut TcpStream, buffer: &mut [u8]) -> Range<usize> {
    let mut length = 0;
    loop {
        let read =
            stream.read(buffer.get_mut(length..).expect("room")).expect("the server answers");
        assert!(read > 0, "the server closed the connection");
        length += read;
        let text = buffer.get(..length).unwrap_or_default();
        let Some(head) = text.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let headers = String::from_utf8_lossy(text.get(..head).unwrap_or_default()).to_lowercase();
        assert!(headers.starts_with("http/1.1 200"), "{}", String::from_utf8_lossy(text));
        let body: usize = headers
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .and_then(|value| value.parse().ok())
            .expect("a length");
        if length >= head + 4 + body {
            return head + 4..length;
        }
    }
}
