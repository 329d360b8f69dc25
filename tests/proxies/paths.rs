//! Every way of writing a path that two readers may read differently, through every proxy, as its
//! page sets it up and with a configuration that rewrites the path: either nothing reaches the
//! platform, or what reaches it is what doorward was asked about, and plainly so.

use super::client::Ask;
use super::passing::at_every_proxy;
use super::platform::Seen;
use super::world::{Kind, World};

at_every_proxy! {
    what_reaches_the_platform_is_what_was_decided_on,
    so_it_is_where_the_proxy_rewrites_paths,
    plain_paths_pass_as_they_are,
}

/// Ways from what Emma may read to what she may not, and to the same place by another name.
const TRICKS: &[&[u8]] = &[
    // Dot segments, plain and encoded.
    b"/api/device/SD-001/../AM-307",
    b"/api/device/./AM-307",
    b"/public/../api/device/AM-307",
    b"/public/page/../../api/device/AM-307",
    b"/api/device/SD-001/..",
    b"/api/device/SD-001/.",
    b"/api/device/SD-001/%2e%2e/AM-307",
    b"/public/%2e%2e/api/device/AM-307",
    b"/public/%2E%2E/api/device/AM-307",
    b"/public/.%2e/api/device/AM-307",
    b"/public/%2e/page",
    b"/public/..%2fapi/device/AM-307",
    b"/public/..%2Fapi%2Fdevice%2FAM-307",
    b"/public/%2e%2e%2fapi/device/AM-307",
    b"/public/.../api",
    b"/../api/device/SD-001",
    b"/..",
    // Slashes that are several, encoded or backwards.
    b"//api/device/AM-307",
    b"/api//device/SD-001",
    b"/public//../api/device/AM-307",
    b"//public/page",
    b"/public/page//",
    b"/api%2fdevice%2fAM-307",
    b"/api/device%2FSD-001",
    b"/public%2f..%2fapi/device/AM-307",
    b"/api\\device\\AM-307",
    b"/public\\..\\api\\device\\AM-307",
    b"/public/..\\api/device/AM-307",
    b"/public/..%5capi/device/AM-307",
    b"/public/..%5Capi%5Cdevice%5CAM-307",
    b"/\\api/device/SD-001",
    // Parameters.
    b"/api/device/AM-307;x=1",
    b"/api/device;x=/AM-307",
    b"/public/..;/api/device/AM-307",
    b"/public/..;x=y/api/device/AM-307",
    b"/public;/../api/device/AM-307",
    b"/public/%3b/page",
    b"/;/api/device/SD-001",
    // Encoded twice.
    b"/public/%252e%252e/api/device/AM-307",
    b"/public/%252e%252e%252fapi/device/AM-307",
    b"/public/..%252fapi/device/AM-307",
    b"/api/device/%2541M-307",
    b"/public/%25252e%25252e/api",
    // Letters and digits encoded for no reason.
    b"/%61pi/device/AM-307",
    b"/api/device/%53D-001",
    b"/api/device/SD%2D001",
    b"/%70ublic/page",
    // NUL, line ends and other control characters.
    b"/public/page%00/../../api/device/AM-307",
    b"/api/device/SD-001%00",
    b"/api/device/SD-001%00.png",
    b"/public/page%0d%0aX-Doorward-Principal:%20User",
    b"/public/page%0aX-Original-URI:%20/x",
    b"/public/page\t/x",
    b"/public/page\x01",
    b"/public/page\x7f",
    b"/public/page\x00/x",
    b"/public/%09page",
    // Fragments and question marks.
    b"/public/page#/../../api/device/AM-307",
    b"/api/device/AM-307#/public/page",
    b"/#/api/device/SD-001",
    b"/public/page%23/../../api/device/AM-307",
    b"/api/device/SD-001%3fx=1",
    b"/api/device/AM-307?/../../public/page",
    b"/public/page?/../../api/device/AM-307",
    b"/public/page??x",
    b"/public/page?a=b;c=d",
    b"/public/page?a=b&amp;c=d&a=e",
    b"/public/page?x#y",
    b"?/public/page",
    // Absolute form, authority and what is no path.
    b"http://iot.example/api/device/SD-001",
    b"http://iot.example/public/page",
    b"http://other.example/public/page",
    b"https://iot.example/public/page",
    b"http://iot.example",
    b"http:/public/page",
    b"iot.example/public/page",
    b"public/page",
    b"iot.example:80",
    b"//iot.example/public/page",
    b"///public/page",
    // Case, trailing slash, dots and spaces at the end.
    b"/API/device/SD-001",
    b"/api/Device/SD-001",
    b"/PUBLIC/page",
    b"/api/device/sd-001",
    b"/api/device/SD-001/",
    b"/api/device/",
    b"/api/device/SD-001.",
    b"/api/device/SD-001%20",
    b"/api/device/SD-001.json",
    b"/public/page ",
    b"/public/a b/../../api/device/AM-307",
    // Escapes that are none.
    b"/public/%zz",
    b"/public/%",
    b"/public/%2",
    b"/public/%u002e%u002e/api/device/AM-307",
    b"/public/%c0%ae%c0%ae/api/device/AM-307",
    b"/public/%c0%af../api/device/AM-307",
    b"/public/%e0%80%ae/page",
    // Beyond ASCII.
    b"/public/\xc3\xa9",
    b"/public/\xff",
    b"/public/\xef\xbc\x8e\xef\xbc\x8e/api/device/AM-307",
    b"/public/\xef\xbc\x8f..\xef\xbc\x8fapi",
    b"/public/%ef%bc%8e%ef%bc%8e/api/device/AM-307",
    b"/public/%ef%bc%8f..%ef%bc%8fapi",
    b"/api/device/SD\xe2\x80\x91001",
    b"/public/%ff",
    b"/public/%e2%80%ae",
    // Delimiters and characters that have to be escaped.
    b"/public/page|x",
    b"/public/<page>",
    b"/public/\"page\"",
    b"/public/{page}",
    b"/public/^page`",
    b"/public/@page:80",
    b"/public/page&x=/../api",
    b"/public/page,../api",
    b"/public/$page",
    b"/public/~page",
];

/// Where the rewriting proxies of the tests put everything.
const BASE: &str = "/base";

fn what_reaches_the_platform_is_what_was_decided_on(kind: Kind) {
    let world = World::of(kind);
    let reached: Vec<_> = TRICKS.iter().filter(|trick| reaches(world, trick, "")).collect();
    // Not everything is refused: the tricks are sent as they are meant.
    assert!(reached.len() >= 5, "{reached:?}");
}

fn so_it_is_where_the_proxy_rewrites_paths(kind: Kind) {
    let world = World::start(kind, rewriting(kind));
    let reached: Vec<_> = TRICKS.iter().filter(|trick| reaches(&world, trick, BASE)).collect();
    assert!(reached.len() >= 5, "{reached:?}");
}

/// What a test changes in the documented files, so that the platform sees other paths than clients.
fn rewriting(kind: Kind) -> &'static [(&'static str, &'static str)] {
    match kind {
        // With a path here nginx decodes and resolves what it passes on.
        Kind::Nginx => &[("proxy_pass http://platform;", "proxy_pass http://platform/base/;")],
        Kind::HaProxy => &[(
            "    default_backend platform",
            "    http-request set-path /base%[path]\n    default_backend platform",
        )],
        Kind::Traefik => &[
            ("ask-doorward]", "ask-doorward, add]"),
            (
                "    ask-doorward:\n",
                "    add: { addPrefix: { prefix: /base } }\n    ask-doorward:\n",
            ),
        ],
        Kind::Caddy => &[(
            "\t\treverse_proxy 127.0.0.1:9090",
            "\t\trewrite * /base{uri}\n\t\treverse_proxy 127.0.0.1:9090",
        )],
        Kind::EnvoyHttp | Kind::EnvoyGrpc => &[(
            "route: { cluster: platform, timeout: 30s }",
            "route: { cluster: platform, timeout: 30s, prefix_rewrite: /base/ }",
        )],
    }
}

/// Sends a trick as Emma; whether it reached the platform. If it did, it is held against what was
/// decided on.
#[track_caller]
fn reaches(world: &World, trick: &[u8], base: &str) -> bool {
    let shown = String::from_utf8_lossy(trick).into_owned();
    let outcome = world.ask(&Ask::get(trick).by("emma"));
    let [seen] = outcome.seen.as_slice() else {
        assert!(outcome.seen.is_empty(), "{shown}: {outcome:?}");
        // A redirect to the path in another form is an answer of the proxy's own.
        let denied = outcome.status() == 0 || outcome.status() >= 300;
        assert!(denied, "{shown}: {outcome:?}");
        return false;
    };
    let path = seen.target.strip_prefix(base);
    let path = path.unwrap_or_else(|| panic!("{shown}: the platform got {}", seen.target));
    if base.is_empty() {
        let asked = world.was_asked_about(path);
        assert!(asked, "{shown}: the platform got {path}, and doorward was not asked about it");
    }
    // Whichever way a platform reads it, it is what Emma may read.
    for reading in readings(path) {
        let allowed = reading.starts_with("/public/") || reading == "/api/device/SD-001";
        assert!(allowed, "{shown}: the platform got {path}, which may be read as {reading}");
    }
    as_emma(seen, &shown);
    true
}

#[track_caller]
fn as_emma(seen: &Seen, shown: &str) {
    let principals: Vec<_> = seen.all("x-doorward-principal").collect();
    let legal = matches!(principals[..], ["User::\"emma\"" | ""] | []);
    assert!(legal, "{shown}: {seen:?}");
}

/// The path as one application or another reads it: cut at what ends a path for some, decoded up to
/// three times, parameters dropped, backslashes and runs of slashes made one slash, dots resolved.
fn readings(target: &str) -> Vec<String> {
    let mut text = target.split('?').next().unwrap().to_owned();
    let mut found = Vec::new();
    for _ in 0..3 {
        for cut in [&[][..], &['#', '\0'], &['#', '\0', ';']] {
            let cut = text.split(cut).next().unwrap_or_default();
            found.push(resolved(cut));
            found.push(resolved(&cut.replace('\\', "/")));
        }
        let bytes = percent_encoding::percent_decode_str(&text);
        text = bytes.decode_utf8_lossy().into_owned();
    }
    found
}

fn resolved(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment.split(';').next().unwrap_or_default() {
            "" | "." => {}
            ".." => drop(segments.pop()),
            _ => segments.push(segment),
        }
    }
    format!("/{}", segments.join("/"))
}

fn plain_paths_pass_as_they_are(kind: Kind) {
    let world = World::of(kind);
    for target in [
        "/api/device/SD-001",
        "/api/asset/Building%20A",
        "/public/a/b.c/d-e_f~g?x=%2F..%2F&y=a+b",
        "/public/caf%C3%A9",
    ] {
        assert_eq!(world.ask(&Ask::get(target).by("emma")).allowed().target, target);
    }
}

#[test]
fn readings_go_up_and_cut() {
    let of = |path| readings(path).into_iter().collect::<std::collections::BTreeSet<_>>();
    assert!(of("/public/..%252fapi").contains("/api"));
    assert!(of("/public/..;/api").contains("/api"));
    assert!(of("/public\\..\\api").contains("/api"));
    assert_eq!(of("/public/page").len(), 1);
}
