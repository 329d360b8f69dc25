//! Who a request is from: tokens against a real key server on a real socket, trusted headers,
//! certificates, and the owner that a token names. What each test needs is made here.

mod headers;
mod key_sets;
mod owner;
mod tokens;

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::TokioIo;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::*;

const RSA_ONE: &str = include_str!("../../tests/keys/rsa-one.test-key.pem");
const RSA_TWO: &str = include_str!("../../tests/keys/rsa-two.test-key.pem");
const EC: &str = include_str!("../../tests/keys/ec.test-key.pem");

/// The time of every test, in seconds since 1970.
const NOW: i64 = 1_800_000_000;
/// How long a test waits for a fetch before it fails instead of hanging.
const PATIENCE: Duration = Duration::from_mins(1);

/// A server of key sets.
#[derive(Debug)]
struct KeyServer {
    url: String,
    served: Arc<Served>,
}

#[derive(Debug)]
struct Served {
    status: AtomicU16,
    body: Mutex<String>,
    hits: AtomicUsize,
}

/// Identities made of options, with their key server's keys fetched.
struct Case {
    identities: Identities,
    server: KeyServer,
    _refreshing: Refreshing,
}

// === impl KeyServer ===

impl KeyServer {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test ends with its runtime, and drains nothing"
    )]
    async fn start(body: &Value) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
        let served = Arc::new(Served {
            status: AtomicU16::new(200),
            body: Mutex::new(body.to_string()),
            hits: AtomicUsize::new(0),
        });
        let answering = Arc::clone(&served);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let served = Arc::clone(&answering);
                let answer = service_fn(move |_| {
                    served.hits.fetch_add(1, Ordering::SeqCst);
                    let body = Full::new(Bytes::from(served.body.lock().unwrap().clone()));
                    let mut response = Response::new(body);
                    let status = served.status.load(Ordering::SeqCst);
                    *response.status_mut() = StatusCode::from_u16(status).unwrap();
                    async { Ok::<_, Infallible>(response) }
                });
                let serving = hyper::server::conn::http1::Builder::new();
                tokio::spawn(serving.serve_connection(TokioIo::new(stream), answer));
            }
        });
        Self { url, served }
    }

    fn hits(&self) -> usize {
        self.served.hits.load(Ordering::SeqCst)
    }

    /// From now on it serves these keys.
    fn serve(&self, body: &Value) {
        *self.served.body.lock().unwrap() = body.to_string();
    }

    /// From now on it answers with this status.
    fn answer(&self, status: u16) {
        self.served.status.store(status, Ordering::SeqCst);
    }
}

// === impl Case ===

impl Case {
    /// One `jwt` entry: the usual one, changed by `change`, with a key server that has `keys`.
    async fn new(keys: &Value, change: impl FnOnce(&mut Value)) -> Self {
        let server = KeyServer::start(keys).await;
        let mut entry = json!({"jwt": {
            "header": "Authorization", "jwks": server.url, "algorithms": ["RS256"],
            "issuer": "https://idp.example", "audience": "iot",
            "principal": {"type": "User", "id": "{sub}"},
        }});
        change(&mut entry["jwt"]);
        let identities = identities(&[entry]);
        let refreshing = identities.refresh();
        tokio::time::timeout(PATIENCE, identities.first_keys()).await.unwrap();
        Self { identities, server, _refreshing: refreshing }
    }

    /// The usual entry, with the usual key.
    async fn usual() -> Self {
        Self::new(&set(&[jwk("one", RSA_ONE)]), |_| ()).await
    }

    fn bearer(&self, token: &str) -> Result<String, IdentityError> {
        self.at(token, NOW)
    }

    fn at(&self, token: &str, now: i64) -> Result<String, IdentityError> {
        bearer_at(&self.identities, token, now)
    }

    /// The same, with the wait for a fetch.
    async fn patient(&self, token: &str) -> Result<String, IdentityError> {
        let headers = headers(&[("authorization", &format!("Bearer {token}"))]);
        let presented = presented(&headers);
        let identity =
            self.identities.identify_or_refresh(&presented, NOW * 1000, PATIENCE).await?;
        Ok(shown(&identity))
    }

    fn refused(&self, token: &str) -> Fault {
        fault(self.bearer(token))
    }
}

fn identities(entries: &[Value]) -> Identities {
    Identities::new(&Options::read(entries).unwrap(), &keys_folder()).unwrap()
}

/// The folder with the keys, as if a route file lay there.
fn keys_folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "keys"].iter().collect()
}

fn bearer_at(identities: &Identities, token: &str, now: i64) -> Result<String, IdentityError> {
    let headers = headers(&[("authorization", &format!("Bearer {token}"))]);
    identities.identify(&presented(&headers), now * 1000).map(|identity| shown(&identity))
}

fn shown(identity: &Identity) -> String {
    format!("{}::{}", identity.type_name, identity.id)
}

#[track_caller]
fn fault(result: Result<String, IdentityError>) -> Fault {
    match result {
        Err(IdentityError::Invalid(fault)) => fault,
        other => panic!("expected an invalid credential, not {other:?}"),
    }
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    headers
}

fn presented(headers: &HeaderMap) -> Presented<'_> {
    Presented { headers, token: None, peer: Peer::Ip(IpAddr::V4(Ipv4Addr::LOCALHOST)) }
}

fn set(keys: &[Value]) -> Value {
    json!({"keys": keys})
}

/// The public half of an RSA key, as key sets have it.
fn jwk(kid: &str, pem: &str) -> Value {
    let key = EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap();
    let mut jwk = serde_json::to_value(Jwk::from_encoding_key(&key, Algorithm::RS256).unwrap());
    let jwk = jwk.as_mut().unwrap();
    jwk["kid"] = json!(kid);
    jwk["use"] = json!("sig");
    jwk.take()
}

/// The claims of the usual token.
fn claims() -> Value {
    json!({
        "sub": "emma", "iss": "https://idp.example", "aud": "iot", "exp": NOW + 3600, "iat": NOW,
    })
}

/// The claims of the usual token, but for one.
fn claims_with(name: &str, value: Value) -> String {
    let mut claims = claims();
    claims[name] = value;
    claims.to_string()
}

fn claims_without(name: &str) -> String {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims.to_string()
}

/// A token of key one with these claims.
fn token(claims: &str) -> String {
    signed(r#"{"alg":"RS256","kid":"one"}"#, claims, RSA_ONE)
}

fn signed(header: &str, claims: &str, pem: &str) -> String {
    let key = EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap();
    signed_by(header, claims, &key, Algorithm::RS256)
}

/// A token whose header and claims are texts as they are, whatever they say.
fn signed_by(header: &str, claims: &str, key: &EncodingKey, algorithm: Algorithm) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = crypto::sign(message.as_bytes(), key, algorithm).unwrap();
    format!("{message}.{signature}")
}
