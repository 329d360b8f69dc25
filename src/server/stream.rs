//! The bytes of one connection: a TCP or Unix stream that notes what it reads, and that lingers
//! when this side closes first: what the client still sends is read and thrown away for a while,
//! because unread bytes would make the system reset the connection and the answer would be lost.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::Sleep;

use super::Options;
use super::activity::Activity;
use crate::identity::Peer;

/// How an HTTP/2 connection begins; no method of HTTP/1.1 does.
const HTTP2_PREFACE_START: &[u8] = b"PRI";
/// How many bytes are thrown away at a time while lingering.
const DISCARD_BYTES: usize = 16 * 1024;
/// How many such reads one wake-up makes before it lets other connections run.
const DISCARDS_PER_WAKE: usize = 32;

/// An accepted connection.
#[derive(Debug)]
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A [`Stream`] that notes what it reads and lingers when closed.
#[derive(Debug)]
pub(super) struct Watched {
    stream: Stream,
    activity: Arc<Activity>,
    options: Options,
    begun: bool,
    ended: bool,
    linger: Option<Linger>,
}

#[derive(Debug)]
struct Linger {
    deadline: Pin<Box<Sleep>>,
    bytes_left: u64,
}

// === impl Watched ===

impl Watched {
    pub(super) fn new(stream: Stream, activity: Arc<Activity>, options: Options) -> Self {
        Self { stream, activity, options, begun: false, ended: false, linger: None }
    }

    /// Reads and throws away until the client closes, the time is over or enough was thrown away.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let options = self.options;
        let linger = self.linger.get_or_insert_with(|| Linger {
            deadline: Box::pin(tokio::time::sleep(options.linger_timeout)),
            bytes_left: options.linger_bytes,
        });
        if linger.deadline.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let mut scratch = [0; DISCARD_BYTES];
        for _ in 0..DISCARDS_PER_WAKE {
            let mut buffer = ReadBuf::new(&mut scratch);
            let read = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer));
            let count = buffer.filled().len() as u64;
            linger.bytes_left = linger.bytes_left.saturating_sub(count);
            if read.is_err() || count == 0 || linger.bytes_left == 0 {
                return Poll::Ready(());
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, buffer))?;
        match buffer.filled().get(before..) {
            Some([]) | None => this.ended = true,
            Some(bytes) => {
                if !this.begun {
                    this.begun = true;
                    if bytes.starts_with(HTTP2_PREFACE_START) {
                        this.activity.speaks_http2();
                    }
                }
                this.activity.received();
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.linger.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
        }
        // A client that has closed sends nothing more, and a connection that is closed because it
        // idles has no answer under way: neither needs to be waited for.
        if this.ended || this.activity.is_closing() {
            return Poll::Ready(Ok(()));
        }
        this.poll_linger(cx).map(Ok)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

// === impl Stream ===

impl Stream {
    /// Who opened it.
    pub(super) fn peer(&self) -> Peer {
        match self {
            Self::Tcp(stream) => {
                stream.peer_addr().map_or(Peer::Unknown, |address| Peer::Ip(address.ip()))
            }
            Self::Unix(_) => Peer::Unix,
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Self::Unix(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Self::Unix(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(stream) => stream.is_write_vectored(),
            Self::Unix(stream) => stream.is_write_vectored(),
        }
    }
}
