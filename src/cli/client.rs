//! A small HTTP client for `check --server` and `health`: one request on one connection, with a
//! bound on the answer and on the time.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{CONTENT_TYPE, HOST, USER_AGENT};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use super::exit::reason;
use crate::server::ListenAddr;

/// The most bytes of an answer that are read.
const ANSWER_BYTES_MAX: usize = 4 << 20;

/// Where a service is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Server {
    address: ListenAddr,
    /// What stands before the path of an endpoint: empty, or `/prefix`.
    prefix: String,
}

/// One request.
#[derive(Debug)]
pub(super) struct Question {
    /// The path of the endpoint.
    pub(super) path: &'static str,
    /// A JSON body to post; without one it is a GET.
    pub(super) body: Option<String>,
    /// How long the whole may take.
    pub(super) timeout: Duration,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    /// The status.
    pub(super) status: StatusCode,
    /// The body.
    pub(super) body: Bytes,
}

// === impl Server ===

impl Server {
    /// The service that listens at this address.
    pub(super) fn at(address: &ListenAddr) -> Self {
        Self { address: reachable(address), prefix: String::new() }
    }

    /// Reads `http://HOST[:PORT][/PREFIX]`, `unix:PATH` or `HOST:PORT`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.starts_with("https://") {
            return Err(
                "`https://` is not spoken: this command has no TLS, as the service itself \
                        listens on loopback and leaves TLS to the proxy before it; ask the service \
                        at its own address, `http://` or `unix:PATH`"
                    .to_owned(),
            );
        }
        let Some(rest) = text.strip_prefix("http://") else {
            return Ok(Self::at(&text.parse::<ListenAddr>().map_err(|_| {
                format!("`{text}` is none of `http://HOST:PORT`, `HOST:PORT` and `unix:PATH`")
            })?));
        };
        let wrong = || format!("`{text}` is not a URL of the form `http://HOST[:PORT][/PREFIX]`");
        let uri: Uri = text.parse().map_err(|_| wrong())?;
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(wrong)?;
        if rest.contains(['@', '?', '#']) {
            return Err(wrong());
        }
        let port = uri.port_u16().unwrap_or(80);
        let prefix = uri.path().trim_end_matches('/').to_owned();
        Ok(Self { address: ListenAddr::Tcp(format!("{host}:{port}")), prefix })
    }

    /// Asks, and waits for the whole answer. The error is a sentence that names the service.
    pub(super) fn ask(&self, question: Question) -> Result<Answer, String> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| format!("cannot start: {error}"))?;
        let timeout = question.timeout;
        let work = async { tokio::time::timeout(timeout, self.exchange(question)).await };
        let answer = runtime.block_on(work).map_err(|_| {
            format!("`{}` did not answer within {} s", self.url(), timeout.as_secs())
        })?;
        answer.map_err(|why| format!("cannot ask `{}`: {why}", self.url()))
    }

    /// The address for people.
    pub(super) fn url(&self) -> String {
        match &self.address {
            ListenAddr::Tcp(address) => format!("http://{address}{}", self.prefix),
            ListenAddr::Unix(_) => self.address.to_string(),
        }
    }

    async fn exchange(&self, question: Question) -> Result<Answer, String> {
        match &self.address {
            ListenAddr::Tcp(address) => {
                let stream = TcpStream::connect(address.as_str()).await;
                self.speak(stream.map_err(|error| reason(&error))?, question).await
            }
            ListenAddr::Unix(path) => {
                let stream = UnixStream::connect(path).await;
                self.speak(stream.map_err(|error| reason(&error))?, question).await
            }
        }
    }

    async fn speak<S>(&self, stream: S, question: Question) -> Result<Answer, String>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let host = match &self.address {
            ListenAddr::Tcp(address) => address.clone(),
            ListenAddr::Unix(_) => "localhost".to_owned(),
        };
        let method = if question.body.is_some() { Method::POST } else { Method::GET };
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{}", self.prefix, question.path))
            .header(HOST, host)
            .header(USER_AGENT, concat!("doorward/", env!("CARGO_PKG_VERSION")))
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(question.body.unwrap_or_default())))
            .map_err(|error| error.to_string())?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| error.to_string())?;
        let answer = async {
            let (head, body) = sender.send_request(request).await.map_err(what)?.into_parts();
            let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
            let body = body.map_err(|error| error.to_string())?.to_bytes();
            Ok(Answer { status: head.status, body })
        };
        // The connection is driven beside the request, and dropped with it: no task is left.
        tokio::pin!(answer, connection);
        tokio::select! {
            biased;
            answered = &mut answer => answered,
            closed = &mut connection => match closed {
                Err(error) => Err(what(error)),
                Ok(()) => answer.await,
            },
        }
    }
}

/// The address under which a client on this machine reaches a service that listens here: one that
/// listens everywhere is reached on the loopback interface.
fn reachable(address: &ListenAddr) -> ListenAddr {
    let ListenAddr::Tcp(text) = address else { return address.clone() };
    let everywhere = [("0.0.0.0:", "127.0.0.1:"), ("[::]:", "[::1]:")];
    for (host, loopback) in everywhere {
        if let Some(port) = text.strip_prefix(host) {
            return ListenAddr::Tcp(format!("{loopback}{port}"));
        }
    }
    address.clone()
}

#[expect(clippy::needless_pass_by_value, reason = "handed to map_err")]
fn what(error: hyper::Error) -> String {
    if error.is_parse() || error.is_incomplete_message() {
        format!("it does not speak HTTP ({error})")
    } else {
        error.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, url: &str) {
        assert_eq!(Server::parse(text).unwrap().url(), url);
    }

    #[test]
    fn servers_are_named_by_url_or_address() {
        check("http://127.0.0.1:3667", "http://127.0.0.1:3667");
        check("http://127.0.0.1:3667/", "http://127.0.0.1:3667");
        check("http://authz.internal", "http://authz.internal:80");
        check("http://[::1]:3667/base", "http://[::1]:3667/base");
        check("127.0.0.1:3667", "http://127.0.0.1:3667");
        check("unix:/run/d.sock", "unix:/run/d.sock");
    }

    #[test]
    fn a_service_that_listens_everywhere_is_asked_on_loopback() {
        check("0.0.0.0:3668", "http://127.0.0.1:3668");
        check("[::]:3668", "http://[::1]:3668");
    }

    #[test]
    fn what_cannot_be_asked_is_refused() {
        for text in ["https://h", "http://", "http://u:p@h", "http://h/?q", "ftp://h", "h", ""] {
            assert!(Server::parse(text).is_err(), "{text}");
        }
        assert!(Server::parse("https://h").unwrap_err().contains("no TLS"));
    }
}
