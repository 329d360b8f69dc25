//! Fetches a key set: over TLS or from this machine, without following anybody elsewhere, bounded
//! in time and bytes.

use std::time::Duration;

use reqwest::{Certificate, Client, StatusCode, redirect};

/// The largest key set, in bytes.
const BODY_BYTES_MAX: usize = 256 * 1024;
/// How long a fetch may take, from the name of the host to the last byte.
const FETCH_TIME_MAX: Duration = Duration::from_secs(10);
/// How long a connection may take.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);

/// Where a key set is.
#[derive(Debug)]
pub(super) struct Fetcher {
    url: String,
    client: Client,
}

// === impl Fetcher ===

impl Fetcher {
    /// `ca` are the certificates, in PEM, that the server's must be signed by; without, the
    /// platform's.
    pub(super) fn new(url: &str, ca: Option<&[u8]>) -> Result<Self, String> {
        let mut client = Client::builder()
            .timeout(FETCH_TIME_MAX)
            .connect_timeout(CONNECT_TIME_MAX)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .pool_max_idle_per_host(0)
            .user_agent(concat!("doorward/", env!("CARGO_PKG_VERSION")));
        if let Some(ca) = ca {
            let certificates = Certificate::from_pem_bundle(ca)
                .ok()
                .filter(|certificates| !certificates.is_empty())
                .ok_or("`ca_file` holds no certificate in PEM")?;
            client = client.tls_certs_only(certificates);
        } else if url.starts_with("http://") {
            // No certificate is looked at, so none of the platform's is needed.
            client = client.tls_certs_only([]);
        }
        let client =
            client.build().map_err(|error| format!("cannot set up TLS: {}", innermost(&error)))?;
        Ok(Self { url: url.to_owned(), client })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// The body of an answer of 200.
    pub(super) async fn fetch(&self) -> Result<Vec<u8>, String> {
        let request = self.client.get(&self.url).header("accept", "application/json");
        let mut answer = request.send().await.map_err(|error| innermost(&error))?;
        if answer.status() != StatusCode::OK {
            return Err(format!("it answered {}", answer.status().as_u16()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| innermost(&error))? {
            if body.len() + chunk.len() > BODY_BYTES_MAX {
                return Err(format!("its answer is larger than {BODY_BYTES_MAX} bytes"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

/// The error behind the errors, which says what happened.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
