//! A small HTTP/1.1 client on a plain socket: tests say byte for byte what they send, also what no
//! proper client would, and see the whole answer.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// How long a test waits for an answer before it fails instead of hanging.
const PATIENCE: Duration = Duration::from_mins(1);

/// One connection, kept alive from request to request.
#[derive(Debug)]
pub(crate) struct Connection {
    address: SocketAddr,
    stream: BufReader<TcpStream>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the service accepts connections");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { address, stream: BufReader::new(stream) }
    }

    /// Sends a request and waits for its answer. `Host` and `Content-Length` are added where the
    /// headers do not say them.
    pub(crate) fn request(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let says = |name: &str| headers.iter().any(|(said, _)| said.eq_ignore_ascii_case(name));
        let mut head = format!("{method} {target} HTTP/1.1\r\n");
        if !says("host") {
            write!(head, "Host: {}\r\n", self.address).unwrap();
        }
        if !body.is_empty() && !says("content-length") && !says("transfer-encoding") {
            write!(head, "Content-Length: {}\r\n", body.len()).unwrap();
        }
        for (name, value) in headers {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
        head.push_str("\r\n");
        self.send(head.as_bytes());
        self.send(body);
        self.answer(method)
    }

    /// Sends a JSON body by `POST` and waits for the answer.
    pub(crate) fn post(&mut self, target: &str, body: &str) -> Answer {
        self.request("POST", target, &[("Content-Type", "application/json")], body.as_bytes())
    }

    /// Sends bytes as they are. A service that has answered already may have closed its side, so
    /// that the rest cannot be sent: the answer is what counts.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.get_mut().write_all(bytes);
    }

    /// Reads one answer to a request of the given method.
    pub(crate) fn answer(&mut self, method: &str) -> Answer {
        let status_line = self.line();
        let status = status_line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.unwrap_or_else(|| panic!("`{status_line}` is no status line"));
        let mut headers = Vec::new();
        loop {
            let line = self.line();
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').expect("a header has a colon");
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        let mut answer = Answer { status, headers, body: String::new() };
        if method != "HEAD" && status >= 200 && status != 204 && status != 304 {
            answer.body = self.body(&answer);
        }
        answer
    }

    /// Sends no more: the service sees the end of what was sent, and can still answer.
    pub(crate) fn finish(&mut self) {
        let _ = self.stream.get_ref().shutdown(std::net::Shutdown::Write);
    }

    /// Whether the service has closed the connection: nothing comes any more.
    pub(crate) fn is_closed(&mut self) -> bool {
        matches!(self.stream.fill_buf(), Ok([]) | Err(_))
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).expect("the service answers");
        line.trim_end_matches(['\r', '\n']).to_owned()
    }

    fn body(&mut self, answer: &Answer) -> String {
        let mut body = Vec::new();
        if let Some(length) = answer.header("content-length") {
            body.resize(length.parse().expect("the length is a number"), 0);
            self.stream.read_exact(&mut body).expect("the body is whole");
        } else if answer.header("transfer-encoding").is_some() {
            while let Some(chunk) = self.chunk() {
                body.extend(chunk);
            }
        } else {
            self.stream.read_to_end(&mut body).expect("the body is whole");
        }
        String::from_utf8(body).expect("the body is text")
    }

    fn chunk(&mut self) -> Option<Vec<u8>> {
        let length = usize::from_str_radix(&self.line(), 16).expect("a chunk has a length");
        let mut chunk = vec![0; length];
        self.stream.read_exact(&mut chunk).expect("the chunk is whole");
        self.line();
        (length > 0).then_some(chunk)
    }
}

impl Answer {
    /// The value of a header; several of one name are joined by a comma.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let matching = self.headers.iter().filter(|(found, _)| found.eq_ignore_ascii_case(name));
        let values: Vec<&str> = matching.map(|(_, value)| value.as_str()).collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    /// The body as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }
}
