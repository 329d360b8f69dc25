//! A stand-in platform behind the proxy: it writes down every request as it came, byte for byte,
//! answers it, and echoes what it is told over a WebSocket.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use tokio_tungstenite::tungstenite::WebSocket;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

/// The most bytes of a head or a line.
const LINE_BYTES_MAX: u64 = 64 * 1024;

/// A running platform.
#[derive(Debug)]
pub(crate) struct Platform {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// A request that reached the platform. Bytes beyond ASCII are the characters of the same number.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

// === impl Platform ===

impl Platform {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || serve(&stream, &shared));
            }
        });
        Self { address, seen }
    }

    /// The requests of one case, told apart by their header `X-Case`.
    pub(crate) fn seen(&self, case: &str) -> Vec<Seen> {
        let seen = self.seen.lock().unwrap();
        seen.iter().filter(|seen| seen.header("x-case") == Some(case)).cloned().collect()
    }

    /// Whether a request came whose target holds this text.
    pub(crate) fn was_asked_for(&self, text: &str) -> bool {
        self.seen.lock().unwrap().iter().any(|seen| seen.target.contains(text))
    }
}

// === impl Seen ===

impl Seen {
    /// The first value of a header.
    pub(crate) fn header<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).next()
    }

    /// Every value of a header.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.headers.iter().filter(move |(found, _)| found.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str())
    }
}

fn serve(stream: &TcpStream, log: &Mutex<Vec<Seen>>) {
    let _ = stream.set_nodelay(true);
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some(seen) = request(&mut reader) {
        let socket = seen
            .header("upgrade")
            .filter(|upgrade| upgrade.eq_ignore_ascii_case("websocket"))
            .and(seen.header("sec-websocket-key"))
            .map(|key| derive_accept_key(key.as_bytes()));
        let is_head = seen.method == "HEAD";
        log.lock().unwrap().push(seen);
        if let Some(accept) = socket {
            echo(stream.try_clone().unwrap(), &accept);
            return;
        }
        let body = "the platform answers\n";
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let answer = if is_head { head } else { format!("{head}{body}") };
        if reader.get_mut().write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn echo(mut stream: TcpStream, accept: &str) {
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    if stream.write_all(head.as_bytes()).is_err() {
        return;
    }
    let mut socket = WebSocket::from_raw_socket(stream, Role::Server, None);
    while let Ok(message) = socket.read() {
        if !(message.is_text() || message.is_binary()) || socket.send(message).is_err() {
            return;
        }
    }
}

fn request(reader: &mut BufReader<TcpStream>) -> Option<Seen> {
    let first = line(reader)?;
    // A target may hold spaces; the method and the version do not.
    let (method, rest) = first.split_once(' ')?;
    let (target, _) = rest.rsplit_once(' ')?;
    let mut seen = Seen { method: method.into(), target: target.into(), ..Seen::default() };
    loop {
        let line = line(reader)?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':')?;
        seen.headers.push((name.to_owned(), value.trim().to_owned()));
    }
    if seen.header("transfer-encoding").is_some_and(|value| value.contains("chunked")) {
        loop {
            let length = usize::from_str_radix(line(reader)?.split(';').next()?, 16).ok()?;
            let mut chunk = vec![0; length];
            reader.read_exact(&mut chunk).ok()?;
            line(reader)?;
            if length == 0 {
                break;
            }
            seen.body.extend(chunk);
        }
    } else if let Some(length) = seen.header("content-length") {
        let mut body = vec![0; length.parse().ok()?];
        reader.read_exact(&mut body).ok()?;
        seen.body = body;
    }
    Some(seen)
}

fn line(reader: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = Vec::new();
    reader.take(LINE_BYTES_MAX).read_until(b'\n', &mut line).ok()?;
    let line = line.strip_suffix(b"\n")?;
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    Some(line.iter().map(|byte| char::from(*byte)).collect())
}
