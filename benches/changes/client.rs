//! One connection that sends requests and reads answers, as little as a measurement needs.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::service::Failure;

pub(crate) struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    pub(crate) fn connect(port: u16) -> std::io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; 1 << 16] })
    }

    /// Sends a request and gives the status and the body of the answer.
    pub(crate) fn send(
        &mut self,
        line: &str,
        headers: &str,
        body: &[u8],
    ) -> Result<(u16, Vec<u8>), Failure> {
        self.begin(line, headers, body.len() as u64)?;
        self.stream.write_all(body)?;
        self.answer()
    }

    /// Sends the head of a request whose body follows.
    pub(crate) fn begin(&mut self, line: &str, headers: &str, length: u64) -> Result<(), Failure> {
        let head = format!(
            "{line} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}Content-Length: {length}\r\n\r\n"
        );
        Ok(self.stream.write_all(head.as_bytes())?)
    }

    pub(crate) fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// Reads one answer.
    pub(crate) fn answer(&mut self) -> Result<(u16, Vec<u8>), Failure> {
        let mut text = Vec::new();
        loop {
            let read = self.stream.read(&mut self.buffer)?;
            if read == 0 {
                return Err("the service closed the connection".into());
            }
            text.extend_from_slice(self.buffer.get(..read).unwrap_or_default());
            let Some(head) = text.windows(4).position(|window| window == b"\r\n\r\n") else {
                continue;
            };
            let (head, body) = text.split_at_checked(head + 4).unwrap_or_default();
            let head = String::from_utf8_lossy(head).to_lowercase();
            let mut lines = head.lines();
            let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
            let length = lines.find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            if length.is_none_or(|length: usize| body.len() >= length) {
                return Ok((status.ok_or("no status")?, body.to_vec()));
            }
        }
    }
}
