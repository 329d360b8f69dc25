//! What is sent: each case is one request, its class, and what it tries. They are made from a path
//! that the proxy lets through and one that it does not.

use super::class::Class;
use super::marker::MARK;

/// A header, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    name: String,
    value: Vec<u8>,
}

/// One request.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) class: Class,
    /// What it tries, for people.
    pub(super) what: String,
    /// What it is told by at the platform, and what a second request hidden in it asks for.
    pub(super) mark: String,
    pub(super) method: String,
    pub(super) target: Vec<u8>,
    pub(super) host: Vec<u8>,
    /// What identifies the sender: the operator's own headers.
    pub(super) credentials: Vec<Header>,
    /// The other headers, `Host` and the mark left out.
    headers: Vec<Header>,
    /// What follows the head.
    tail: Vec<u8>,
    /// Whether it is wrong for it to arrive, whatever doorward says to what arrives.
    pub(super) never: bool,
    /// A header whose arrival is worth a notice.
    pub(super) notice: Option<String>,
}

/// What forged values say, so that they are known where they arrive.
pub(super) const FORGED: &str = "doorward-probe-forged";

/// Ways of one segment up.
const UPS: [(&str, &[u8]); 15] = [
    ("`..`", b"/.."),
    ("`%2e%2e`", b"/%2e%2e"),
    ("`%2E%2E`", b"/%2E%2E"),
    ("`.%2e`", b"/.%2e"),
    ("`..%2f`", b"%2f.."),
    ("`%2e%2e%2f`", b"%2f%2e%2e"),
    ("`..%5c`", b"%5c.."),
    ("`..\\`", b"\\.."),
    ("`..;/`", b"/..;"),
    ("`..;x=y/`", b"/..;x=y"),
    ("`%252e%252e`", b"/%252e%252e"),
    ("`..%252f`", b"%252f.."),
    ("overlong dots", b"/%c0%ae%c0%ae"),
    ("`%u002e`", b"/%u002e%u002e"),
    ("fullwidth dots", b"/\xef\xbc\x8e\xef\xbc\x8e"),
];

/// Headers that tell some reader where a request goes.
const CLAIMS: [&str; 14] = [
    "X-Original-URI",
    "X-Original-URL",
    "X-Rewrite-URL",
    "X-Forwarded-Uri",
    "X-Forwarded-Prefix",
    "X-Forwarded-Path",
    "X-Envoy-Original-Path",
    "X-Original-Path",
    "X-Request-Uri",
    "X_Original_URI",
    "X_Original_URL",
    "X_Forwarded_Uri",
    "X.Original.URI",
    "X.Forwarded.Uri",
];

/// Other headers that some check believes, and what they say.
const BELIEVED: [(&str, &str); 10] = [
    ("X-Original-Method", "OPTIONS"),
    ("X-Forwarded-Method", "OPTIONS"),
    ("X-Forwarded-Host", "localhost"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-For", "127.0.0.1"),
    ("Forwarded", "for=127.0.0.1;proto=https"),
    ("X-Forwarded-User", FORGED),
    ("Remote-User", FORGED),
    ("User-Agent", "GoogleHC/1.0"),
    ("X-Doorward-Token", FORGED),
];

/// Spellings of the headers by which the platform is told who asks.
const IDENTITIES: [&str; 7] = [
    "X-Doorward-Principal",
    "x-doorward-principal",
    "X-Doorward-Decision-Id",
    "X-Doorward-Revision",
    "X_Doorward_Principal",
    "X-Doorward_Principal",
    "X.Doorward.Principal",
];

const STAND_INS: [&str; 5] = [
    "X-HTTP-Method-Override",
    "X-HTTP-Method",
    "X-Method-Override",
    "X-Original-URL",
    "X-Rewrite-URL",
];

/// Makes cases that differ in a few things.
struct Maker<'a> {
    allowed: &'a str,
    denied: &'a str,
    host: &'a str,
    credentials: &'a [Header],
    cases: Vec<Case>,
}

/// Every case, in the order of the report.
pub(super) fn all(allowed: &str, denied: &str, host: &str, credentials: &[Header]) -> Vec<Case> {
    let mut maker = Maker { allowed, denied, host, credentials, cases: Vec::new() };
    maker.plain();
    maker.ups();
    maker.readings();
    maker.forms();
    maker.claims();
    maker.identities();
    maker.methods();
    maker.senders();
    maker.framing();
    maker.cases
}

// === impl Header ===

impl Header {
    pub(super) fn new(name: &str, value: impl AsRef<[u8]>) -> Self {
        Self { name: name.to_owned(), value: value.as_ref().to_vec() }
    }

    pub(super) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    pub(super) fn value_text(&self) -> String {
        String::from_utf8_lossy(&self.value).into_owned()
    }

    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.name.as_bytes());
        bytes.extend(b": ");
        bytes.extend(&self.value);
    }
}

// === impl Case ===

impl Case {
    /// The request that is let through.
    pub(super) fn baseline(allowed: &str, host: &str, credentials: &[Header]) -> Self {
        Self {
            class: Class::Unprotected,
            what: "the request itself".to_owned(),
            mark: uuid::Uuid::now_v7().simple().to_string(),
            method: "GET".to_owned(),
            target: allowed.as_bytes().to_vec(),
            host: host.as_bytes().to_vec(),
            credentials: credentials.to_vec(),
            headers: Vec::new(),
            tail: Vec::new(),
            never: false,
            notice: None,
        }
    }

    /// The request, byte for byte.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.method.clone().into_bytes();
        bytes.push(b' ');
        bytes.extend(&self.target);
        bytes.extend(b" HTTP/1.1");
        let own = [Header::new("Host", &self.host), Header::new(MARK, &self.mark)];
        for header in own.iter().chain(&self.credentials).chain(&self.headers) {
            bytes.extend(b"\r\n");
            header.write(&mut bytes);
        }
        if !self.headers.iter().any(|header| header.is("connection")) {
            bytes.extend(b"\r\nConnection: close");
        }
        bytes.extend(b"\r\n\r\n");
        bytes.extend(&self.tail);
        bytes
    }

    /// The first line for people, and the headers that make the case.
    pub(super) fn shown(&self) -> String {
        let mut shown = format!("{} {}", self.method, self.target.escape_ascii());
        for header in &self.headers {
            let value = header.value.escape_ascii();
            shown.extend([", ", &header.name, ": ", &value.to_string()]);
        }
        shown
    }

    fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push(Header::new(name, value));
        self
    }
}

// === impl Maker ===

impl Maker<'_> {
    fn get(&self, target: impl AsRef<[u8]>) -> Case {
        let mut case = Case::baseline(self.allowed, self.host, self.credentials);
        case.target = target.as_ref().to_vec();
        case
    }

    fn add(&mut self, class: Class, what: impl Into<String>, case: Case) {
        self.cases.push(Case { class, what: what.into(), ..case });
    }

    fn plain(&mut self) {
        let case = self.get(self.denied);
        self.add(Class::Unprotected, "the denied path as it is", case);
    }

    /// From the allowed path up to the root, and down to the denied one; and a step up and back.
    fn ups(&mut self) {
        let depth = self.allowed.split('/').filter(|segment| !segment.is_empty()).count();
        for (name, up) in UPS {
            let class = match up {
                _ if up.contains(&b';') => Class::Parameters,
                _ if up.windows(3).any(|window| window == b"%25") => Class::Escapes,
                _ if up.windows(2).any(|window| matches!(window, b"%2" | b"%5" | b"\\."))
                    && up.contains(&b'.') =>
                {
                    Class::Slashes
                }
                _ if !up.is_ascii() || up.starts_with(b"/%c0") => Class::Bytes,
                _ => Class::DotSegments,
            };
            let target = [self.allowed.as_bytes(), &up.repeat(depth), self.denied.as_bytes()];
            let case = self.get(target.concat());
            self.add(class, format!("up from the allowed path by {name}"), case);
            let (parent, last) = self.allowed.rsplit_once('/').unwrap_or_default();
            let target = [parent.as_bytes(), b"/x", up, b"/", last.as_bytes()].concat();
            let case = self.get(target);
            self.add(class, format!("the allowed path by a way round, {name}"), case);
        }
    }

    /// Other names of the same places.
    fn readings(&mut self) {
        let (allowed, denied) = (self.allowed, self.denied);
        let bare = denied.trim_start_matches('/');
        let escaped = |path: &str| {
            let last = path.bytes().last().unwrap_or(b'/');
            format!("{}%{last:02x}", path.get(..path.len() - 1).unwrap_or_default())
        };
        let targets: Vec<(Class, &str, Vec<u8>)> = vec![
            (Class::Slashes, "two slashes", format!("/{denied}").into()),
            (Class::Slashes, "two slashes", format!("/{allowed}").into()),
            (Class::Slashes, "a slash encoded", format!("/%2f{bare}").into()),
            (Class::Slashes, "a slash encoded", allowed.replacen('/', "%2F", 2).into()),
            (Class::Slashes, "a backslash", format!("\\{bare}").into()),
            (Class::Slashes, "a backslash", format!("/\\{bare}").into()),
            (Class::DotSegments, "a dot segment", format!("/.{denied}").into()),
            (Class::DotSegments, "a dot segment", format!("/.{allowed}").into()),
            (Class::DotSegments, "a dot at the end", format!("{allowed}/.").into()),
            (Class::Parameters, "a parameter", format!("{denied};x=1").into()),
            (Class::Parameters, "a parameter", format!("{allowed};x=1").into()),
            (Class::Parameters, "a parameter first", format!("/;{denied}").into()),
            (Class::Escapes, "a letter escaped", escaped(denied).into()),
            (Class::Escapes, "a letter escaped", escaped(allowed).into()),
            (Class::Escapes, "escaped twice", escaped(allowed).replace('%', "%25").into()),
            (Class::Escapes, "an escape that is none", format!("{allowed}%zz").into()),
            (Class::Escapes, "an escape cut short", format!("{allowed}%2").into()),
            (Class::Bytes, "an escaped NUL", format!("{denied}%00{allowed}").into()),
            (Class::Bytes, "an escaped NUL", format!("{allowed}%00.png").into()),
            (Class::Bytes, "a NUL", format!("{allowed}\0x").into()),
            (Class::Bytes, "a tab", format!("{allowed}\tx").into()),
            (Class::Bytes, "an escaped line end", format!("{allowed}%0d%0aX: y").into()),
            (Class::Bytes, "bytes beyond ASCII", format!("{allowed}\u{e9}").into()),
            (Class::Bytes, "bytes that are no text", [allowed.as_bytes(), b"\xff"].concat()),
            (Class::Delimiters, "a fragment", format!("{denied}#{allowed}").into()),
            (Class::Delimiters, "a fragment", format!("{allowed}#{denied}").into()),
            (Class::Delimiters, "an escaped `#`", format!("{denied}%23{allowed}").into()),
            (Class::Delimiters, "an escaped `?`", format!("{denied}%3f{allowed}").into()),
            (Class::Delimiters, "the allowed path as query", format!("{denied}?{allowed}").into()),
            (Class::Spelling, "upper case", denied.to_uppercase().into()),
            (Class::Spelling, "upper case", allowed.to_uppercase().into()),
            (Class::Spelling, "a slash at the end", format!("{allowed}/").into()),
            (Class::Spelling, "a dot at the end", format!("{allowed}.").into()),
            (Class::Spelling, "an escaped space at the end", format!("{allowed}%20").into()),
        ];
        for (class, what, target) in targets {
            let case = self.get(target);
            self.add(class, what, case);
        }
    }

    /// Targets that are not paths.
    fn forms(&mut self) {
        let (allowed, denied, host) = (self.allowed, self.denied, self.host);
        let targets = [
            ("absolute form", format!("http://{host}{denied}")),
            ("absolute form of another host", format!("http://other.invalid{allowed}")),
            ("absolute form in https", format!("https://{host}{denied}")),
            ("an authority in the path", format!("//{host}{denied}")),
            ("no slash in front", denied.trim_start_matches('/').to_owned()),
            ("a scheme without a host", format!("http:{denied}")),
            ("an asterisk", "*".to_owned()),
        ];
        for (what, target) in targets {
            let case = self.get(target);
            self.add(Class::Forms, what, case);
        }
    }

    /// Headers that say that another path is asked for.
    fn claims(&mut self) {
        for name in CLAIMS {
            let whole = format!("http://{}{}", self.host, self.allowed);
            for value in [self.allowed.to_owned(), whole] {
                let case = self.get(self.denied).with(name, value);
                self.add(Class::Claims, format!("`{name}` names the allowed path"), case);
            }
        }
        for (name, value) in BELIEVED {
            let case = self.get(self.denied).with(name, value);
            self.add(Class::Claims, format!("`{name}` says what some check believes"), case);
        }
        for name in ["X-Original-URI", "X-Original-Method", "X-Forwarded-Uri", "X-Forwarded-Host"] {
            let case = self.get(self.denied).with("Connection", format!("close, {name}"));
            let case = case.with(name, self.allowed);
            self.add(Class::Connection, format!("`Connection` names `{name}`"), case);
        }
    }

    /// Headers that say that somebody else asks.
    fn identities(&mut self) {
        for name in IDENTITIES {
            let case = self.get(self.allowed).with(name, FORGED);
            self.add(Class::Identity, format!("`{name}` from the client"), case);
        }
        let twice = self.get(self.allowed).with("X-Doorward-Principal", FORGED);
        let twice = twice.with("X-Doorward-Principal", FORGED);
        self.add(Class::Identity, "`X-Doorward-Principal` from the client, twice", twice);
        let named = self.get(self.allowed).with("Connection", "close, X-Doorward-Principal");
        let named = named.with("X-Doorward-Principal", FORGED);
        self.add(Class::Connection, "`Connection` names `X-Doorward-Principal`", named);
    }

    fn methods(&mut self) {
        for method in ["get", "TRACE", "CONNECT", "GETX", "OPTIONS"] {
            let case = Case { method: method.to_owned(), ..self.get(self.allowed) };
            self.add(Class::Methods, format!("method {method}"), case);
        }
        for name in STAND_INS {
            let value = if name.ends_with("URL") { self.denied } else { "DELETE" };
            let case = self.get(self.allowed).with(name, value);
            let case = Case { notice: Some(name.to_owned()), ..case };
            self.add(Class::Methods, format!("`{name}`, which some platforms believe"), case);
        }
        for protocol in ["h2c", "TLS/1.0", "websocket, h2c"] {
            let case = self.get(self.allowed).with("Connection", "Upgrade, HTTP2-Settings");
            let case =
                case.with("Upgrade", protocol).with("HTTP2-Settings", "AAMAAABkAAQCAAAAAAIAAAAA");
            self.add(Class::Upgrades, format!("upgrade to {protocol}"), case);
        }
    }

    /// Credentials and hosts that are two, or none.
    fn senders(&mut self) {
        for credential in self.credentials {
            let others = self.credentials.iter().filter(|other| *other != credential).cloned();
            let without = Case { credentials: others.collect(), ..self.get(self.allowed) };
            self.add(Class::Credentials, format!("without `{}`", credential.name), without);
            let second = self.get(self.allowed).with(&credential.name, FORGED);
            let second = Case { never: true, ..second };
            self.add(Class::Credentials, format!("a second `{}`", credential.name), second);
        }
        let case = Case { never: true, ..self.get(self.allowed).with("Host", "other.invalid") };
        self.add(Class::Hosts, "a second `Host`", case);
        // A proxy may make one of two that are the same.
        let case = self.get(self.allowed).with("Host", self.host);
        self.add(Class::Hosts, "the same `Host` twice", case);
        let joined = format!("{}, other.invalid", self.host);
        let case = Case { never: true, host: joined.into(), ..self.get(self.allowed) };
        self.add(Class::Hosts, "two hosts in one `Host`", case);
        let with_path = format!("{}{}?", self.host, self.allowed);
        let case = Case { never: true, host: with_path.into(), ..self.get(self.denied) };
        self.add(Class::Hosts, "a path in `Host`", case);
    }

    /// Requests of two lengths, with a second request in what one of them leaves over.
    fn framing(&mut self) {
        let lengths = [
            ("two lengths", "Content-Length", "LENGTH", "Transfer-Encoding", "chunked"),
            (
                "two lengths, the shorter first",
                "Content-Length",
                "5",
                "Transfer-Encoding",
                "chunked",
            ),
            ("an unknown coding", "Content-Length", "5", "Transfer-Encoding", "xchunked"),
            ("a space before the colon", "Content-Length", "5", "Transfer-Encoding ", "chunked"),
            ("two codings", "Transfer-Encoding", "chunked", "Transfer-Encoding", "identity"),
            ("a tab in the coding", "Content-Length", "5", "Transfer-Encoding", "\tchunked"),
            ("two lengths that differ", "Content-Length", "5", "Content-Length", "LENGTH"),
            ("a length with a sign", "Content-Length", "+5", "X-Other", "1"),
            ("a length that is none", "Content-Length", "5, 5", "X-Other", "1"),
            ("a line end alone", "X-Other", "1\nTransfer-Encoding: chunked", "Content-Length", "5"),
            (
                "a folded header",
                "X-Other",
                "1\r\n Transfer-Encoding: chunked",
                "Content-Length",
                "5",
            ),
        ];
        for (what, first, one, second, two) in lengths {
            let case = self.get(self.allowed);
            let hidden = format!(
                "GET /{}/{} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
                case.mark, "smuggled", self.host
            );
            let tail = format!("0\r\n\r\n{hidden}");
            let length = tail.len().to_string();
            let value = |value: &str| value.replace("LENGTH", &length);
            let case = case.with(first, value(one)).with(second, value(two));
            self.add(Class::Framing, what, Case { tail: tail.into(), ..case });
        }
    }
}
