//! `doorward probe`: sends what reads in two ways through the operator's own proxy to a platform of
//! its own, and tells where the proxy, doorward and what reached the platform disagree.

mod cases;
mod class;
mod judge;
mod marker;
mod report;
mod route;
mod wire;

use std::net::{IpAddr, SocketAddr, TcpListener, ToSocketAddrs};

use clap::{Args, ValueEnum};

use self::cases::{Case, Header};
use self::judge::Judge;
use self::marker::Marker;
use self::report::Report;
use self::route::Rewriting;
use self::wire::{Doorward, Proxy};
use super::exit::{ExitCode, Failure, reason};
use super::terminal::{self, Paint};

/// Send tricks through your own proxy, and report who disagrees
#[derive(Debug, Args)]
#[command(
    after_help = "Paths, headers, methods and framing that two readers may read in two ways are \
                  sent.\n\nThe command is the platform while it runs: point the proxy at \
                  --upstream-listen, as a copy of its configuration on a test port does. About 150 \
                  requests are sent, one after the other, within two minutes.\n\nA finding is a \
                  request that reached the platform though doorward, asked about exactly what \
                  arrived, says no; or that arrived with somebody else's identity, or as two. Each \
                  names the advisories of its class.\n\nExit codes: 0 all agree, 4 something \
                  disagrees, 1 error, 2 usage.\n\nExample:\n  doorward probe --url \
                  http://127.0.0.1:8080/api/device/SD-001 --header \"X-Authorization: Bearer \
                  $TOKEN\""
)]
pub(super) struct ProbeArgs {
    #[arg(long, value_name = "URL", value_parser = Target::parse)]
    #[arg(
        help = "A GET that your proxy lets through, such as http://127.0.0.1:8080/api/device/SD-001"
    )]
    url: Target,

    /// What the request needs to be let through, above all a credential; repeatable. `Host: NAME`
    /// is sent in place of the URL's host
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = parse_header)]
    headers: Vec<Header>,

    /// A path that must not be let through; the tricks try to get there
    #[arg(long, value_name = "PATH", default_value = "/doorward-probe/denied")]
    #[arg(value_parser = parse_path)]
    denied: String,

    /// Where to stand in for the platform
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9090")]
    upstream_listen: SocketAddr,

    /// The doorward that the proxy asks: http://HOST:PORT, HOST:PORT or unix:PATH
    #[arg(long, value_name = "URL", default_value = "127.0.0.1:3667")]
    #[arg(value_parser = Doorward::parse)]
    doorward: Doorward,

    /// What only the proxy adds when it asks doorward, such as X-Doorward-Token; repeatable
    #[arg(long = "doorward-header", value_name = "NAME: VALUE", value_parser = parse_header)]
    doorward_headers: Vec<Header>,

    /// The host of the URL once more, if its address is neither loopback nor private: confirms that
    /// the proxy is yours
    #[arg(long, value_name = "HOST")]
    confirm_host: Option<String>,

    /// How the report is written
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Human,
    Json,
}

/// The proxy, and what it lets through.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Target {
    /// Name or address, without the port.
    host: String,
    port: u16,
    /// Path without a query.
    path: String,
}

/// Sends every case, judges what arrived, and prints the report.
pub(super) fn run(args: &ProbeArgs) -> Result<ExitCode, Failure> {
    let address = admitted(&args.url, args.confirm_host.as_deref())?;
    let listener = TcpListener::bind(args.upstream_listen).map_err(|error| {
        let why = reason(&error);
        Failure::error(format!(
            "cannot stand in for the platform at `{}`: {why}",
            args.upstream_listen
        ))
        .hint("stop the platform there, or say another address: `--upstream-listen ADDR`")
    })?;
    let marker = Marker::start(listener)
        .map_err(|error| Failure::error(format!("cannot start: {}", reason(&error))))?;
    let (host, headers) = args.host_and_headers();
    let proxy = Proxy { address };
    let doorward = args.doorward.clone().with(args.doorward_headers.clone());

    let baseline = Case::baseline(&args.url.path, &host, &headers);
    let rewriting = lets_through(args, &proxy, &doorward, &marker, &baseline)?;
    let cases = cases::all(&args.url.path, &args.denied, &host, &headers);
    terminal::note(&format!("{} requests to {address}", cases.len()));
    let sent = proxy.send_all(&cases).map_err(|why| unreachable_proxy(&args.url, &why))?;
    let arrived = marker.settled();
    let judge = Judge { doorward: &doorward, rewriting: &rewriting };
    let report = Report::new(judge.all(&cases, &sent, &arrived)?, cases.len(), sent.len());
    terminal::data(&match args.format {
        Format::Human => report.for_people(Paint::stdout()),
        Format::Json => format!("{:#}\n", report.to_json()),
    })?;
    if sent.len() < cases.len() {
        return Err(Failure::error(format!(
            "the proxy is too slow: {} of {} requests were sent in the time there is",
            sent.len(),
            cases.len()
        )));
    }
    Ok(if report.disagrees() { ExitCode::Found } else { ExitCode::Success })
}

/// Sees that proxy, doorward and this command are put together as they should, and how the proxy
/// rewrites paths.
fn lets_through(
    args: &ProbeArgs,
    proxy: &Proxy,
    doorward: &Doorward,
    marker: &Marker,
    baseline: &Case,
) -> Result<Rewriting, Failure> {
    let sent = proxy
        .send_all(std::slice::from_ref(baseline))
        .map_err(|why| unreachable_proxy(&args.url, &why))?;
    let arrived = marker.settled();
    let got = arrived.iter().find(|got| got.is_of(baseline));
    let Some(got) = got else {
        let answered = sent.first().map_or_else(String::new, ToString::to_string);
        let message = format!(
            "`GET {}` does not arrive at `{}`: the proxy answers {answered}",
            args.url.path, args.upstream_listen
        );
        return Err(Failure::error(message).hint(
            "point the proxy at `--upstream-listen`, and choose a `--url` that it lets through, \
             with the `--header`s that it needs",
        ));
    };
    let rewriting = Rewriting::learn(&args.url.path, &got.target).ok_or_else(|| {
        let message = format!(
            "`GET {}` arrives as `{}`: the proxy rewrites more than what the path begins with",
            args.url.path,
            got.shown_target()
        );
        Failure::error(message).hint("choose a `--url` whose path ends the same at the platform")
    })?;
    let method = baseline.method.as_bytes();
    let allowed =
        doorward.asked(method, &baseline.host, args.url.path.as_bytes(), &baseline.credentials);
    let allowed = allowed.map_err(unreachable_doorward)?;
    if !allowed.is_allow() {
        let message =
            format!("doorward, asked directly, does not allow `GET {}`: {allowed}", args.url.path);
        return Err(Failure::error(message).hint(
            "name the doorward that the proxy asks (`--doorward`), and what only the proxy adds \
             (`--doorward-header`)",
        ));
    }
    let denied = args.denied.as_bytes();
    let denied = doorward.asked(method, &baseline.host, denied, &baseline.credentials);
    if denied.map_err(unreachable_doorward)?.is_allow() {
        let message = format!("doorward allows `GET {}`, which is to be denied", args.denied);
        return Err(Failure::usage(message).hint("name another path: `--denied PATH`"));
    }
    Ok(rewriting)
}

fn unreachable_proxy(url: &Target, why: &str) -> Failure {
    Failure::error(format!("cannot reach the proxy at `{}:{}`: {why}", url.host, url.port))
}

fn unreachable_doorward(why: String) -> Failure {
    Failure::error(why).hint("`--doorward URL` says where the doorward is that the proxy asks")
}

/// The address of the proxy, if it may be probed.
fn admitted(url: &Target, confirmed: Option<&str>) -> Result<SocketAddr, Failure> {
    let named = format!("{}:{}", url.host, url.port);
    let mut addresses = named.to_socket_addrs().map_err(|error| {
        Failure::error(format!("cannot find the address of `{}`: {error}", url.host))
    })?;
    let address =
        addresses.next().ok_or_else(|| Failure::error(format!("`{}` has no address", url.host)))?;
    let host = url.host.trim_start_matches('[').trim_end_matches(']');
    if is_near(address.ip()) || confirmed.is_some_and(|name| name.eq_ignore_ascii_case(host)) {
        return Ok(address);
    }
    let message = format!("`{}` is neither a loopback nor a private address", address.ip());
    Err(Failure::usage(message)
        .hint(format!("probe only what is yours, and say so: `--confirm-host {host}`")))
}

fn is_near(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

fn parse_header(text: &str) -> Result<Header, String> {
    let (name, value) = text.split_once(':').ok_or("it has no colon")?;
    let legal = !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        && value.bytes().all(|byte| byte == b'\t' || !byte.is_ascii_control());
    if !legal {
        return Err("it is no header".to_owned());
    }
    Ok(Header::new(name, value.trim()))
}

fn parse_path(text: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_~%".contains(&byte);
    if text.starts_with('/') && text.len() > 1 && text.bytes().all(plain) && !text.contains("//") {
        Ok(text.to_owned())
    } else {
        Err("expected a plain path, such as `/api/device/SD-001`, without a query".to_owned())
    }
}

// === impl ProbeArgs ===

impl ProbeArgs {
    /// The value of `Host`, and the other headers.
    fn host_and_headers(&self) -> (String, Vec<Header>) {
        let (hosts, headers): (Vec<_>, Vec<_>) =
            self.headers.iter().cloned().partition(|header| header.is("host"));
        let named = hosts.into_iter().next().map(|header| header.value_text());
        (named.unwrap_or_else(|| format!("{}:{}", self.url.host, self.url.port)), headers)
    }
}

// === impl Target ===

impl Target {
    fn parse(text: &str) -> Result<Self, String> {
        if text.starts_with("https://") {
            return Err(
                "`https://` is not spoken: give the proxy a plain listener on this machine \
                        for the probe, with the same configuration behind it"
                    .to_owned(),
            );
        }
        let wrong = || "expected `http://HOST[:PORT]/PATH`".to_owned();
        let rest = text.strip_prefix("http://").ok_or_else(wrong)?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                (host, port.parse().map_err(|_| wrong())?)
            }
            _ => (authority, 80),
        };
        if host.is_empty() || authority.contains('@') {
            return Err(wrong());
        }
        let path = if path.is_empty() { "/".to_owned() } else { parse_path(&format!("/{path}"))? };
        Ok(Self { host: host.to_owned(), port, path })
    }
}

#[cfg(test)]
mod tests;
