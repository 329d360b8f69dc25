//! The yardstick: hyper alone, reading a JSON body and answering a constant.

use std::convert::Infallible;
use std::net::TcpListener as StdListener;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// The argument that makes the benchmark serve instead of measure.
pub(crate) const ARGUMENT: &str = "--constant-server";

/// As long as the answer of a check.
const ANSWER: &[u8] = br#"{"decision":"allow","code":"allow","reason":["ownership-read"],"errors":[],"revision":1,"decision_id":"019aa8f2-0000-7000-8000-000000000000"}"#;

/// Serves until the process is ended; prints the port first.
#[expect(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a benchmark's server"
)]
pub(crate) fn serve() {
    let listener = StdListener::bind("127.0.0.1:0").expect("a free port");
    println!("{}", listener.local_addr().expect("an address").port());
    listener.set_nonblocking(true).expect("a socket");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let listener = TcpListener::from_std(listener).expect("a listener");
        loop {
            let Ok((stream, _)) = listener.accept().await else { continue };
            let _ = stream.set_nodelay(true);
            tokio::spawn(
                http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)),
            );
        }
    });
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = request.into_body().collect().await.map(|body| body.to_bytes().len());
    let mut response = Response::new(Full::new(Bytes::from_static(ANSWER)));
    if body.is_ok() {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    Ok(response)
}
