//! ThingsBoard's route map: every route of both editions is mapped or left out on purpose, and a
//! golden file says what each request asks. `UPDATE=1` rewrites what stands behind the arrows;
//! read the difference.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::sync::LazyLock;

use doorward::engine::CheckOptions;
use doorward::mapping::{Mapped, OriginalRequest, RouteFile, RouteMap, Upgrade};

use crate::world::{SNAPSHOT, path, request, said, text};

const GOLDEN: &str = "tests/data/thingsboard_routes.txt";

static MAP: LazyLock<RouteMap> = LazyLock::new(|| {
    let file = RouteFile::parse(&text("examples/thingsboard/routes.yaml"));
    let file = file.unwrap_or_else(|problems| panic!("{problems}"));
    RouteMap::compile(&file, SNAPSHOT.schema()).unwrap_or_else(|problems| panic!("{problems}"))
});

/// Method and path of every route that the editions list, each once.
pub(crate) fn listed() -> Vec<(String, String)> {
    let mut shapes = BTreeSet::new();
    let mut listed = Vec::new();
    for edition in ["ce", "pe44"] {
        let name = format!("tests/data/thingsboard_routes_{edition}.csv");
        let mut reader = csv::Reader::from_path(path(&name)).unwrap();
        for row in reader.records() {
            let row = row.unwrap();
            let shape: Vec<&str> =
                row[1].split('/').map(|it| if it.starts_with('{') { "{}" } else { it }).collect();
            if shapes.insert((row[0].to_owned(), shape.join("/"))) {
                listed.push((row[0].to_owned(), row[1].to_owned()));
            }
        }
    }
    listed
}

/// A path with ids of the tutorial in place of its captures.
fn target(path: &str) -> String {
    let id = |segment: &str| {
        match segment {
            "{entityType}" => "DEVICE",
            "{deviceId}" | "{entityId}" => "SD-001",
            "{assetId}" | "{fromId}" | "{toId}" => "Building%20A",
            "{dashboardId}" => "My%20New%20Dashboard",
            "{customerId}" => "Customer%20A",
            "{tenantId}" => "Tenant%201",
            "{userId}" | "{assigneeId}" => "emma",
            "{entityGroupId}" => "Buildings",
            "{userGroupId}" => "A-All",
            "{ownerType}" => "CUSTOMER",
            "{ownerId}" => "A-East",
            "{fromType}" | "{toType}" => "ASSET",
            "{scope}" => "SERVER_SCOPE",
            "{protocol}" => "mqtt",
            other => return other.trim_matches(['{', '}', '*']).to_owned(),
        }
        .to_owned()
    };
    let path: Vec<String> = path
        .split('/')
        .map(|it| if it.starts_with('{') { id(it) } else { it.to_owned() })
        .collect();
    path.join("/")
}

/// One line of the golden file: what a request of Emma's asks.
fn line(method: &str, target: &str) -> String {
    let upgrade = if method == "WS" { Upgrade::WebSocket } else { Upgrade::None };
    let sent = if method == "WS" { "GET" } else { method };
    let request = OriginalRequest { upgrade, ..request(sent, target) };
    format!("{method} {target} -> {}", said(&MAP, &request, ("User", "emma")))
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a switch of the test, not a setting of doorward")]
fn the_golden_file_holds() {
    let golden = fs::read_to_string(path(GOLDEN)).unwrap();
    let mut now = String::new();
    for old in golden.lines() {
        let asked = old.split_once(" -> ").map_or(old, |(asked, _)| asked);
        match asked.split_once(' ') {
            Some((method, target)) if !asked.starts_with('#') => {
                let _ = writeln!(now, "{}", line(method, target));
            }
            _ => {
                let _ = writeln!(now, "{asked}");
            }
        }
    }
    if std::env::var_os("UPDATE").is_some() {
        fs::write(path(GOLDEN), &now).unwrap();
        return;
    }
    for (old, new) in golden.lines().zip(now.lines()) {
        assert_eq!(new, old);
    }
    assert_eq!(golden.lines().count(), now.lines().count());
}

#[test]
fn every_route_has_a_line_in_the_golden_file() {
    let golden = fs::read_to_string(path(GOLDEN)).unwrap();
    let mut missing = Vec::new();
    for (method, path) in listed() {
        let asked = format!("{method} {}", target(&path));
        if !golden.lines().any(|line| line.split(" -> ").next() == Some(asked.as_str())) {
            missing.push(asked);
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    // And every route of the map is found by some line.
    let mut found = BTreeSet::new();
    for line in golden.lines().filter(|line| !line.starts_with('#')) {
        let Some((method, target)) = line.split(" -> ").next().unwrap().split_once(' ') else {
            continue;
        };
        let upgrade = if method == "WS" { Upgrade::WebSocket } else { Upgrade::None };
        let sent = if method == "WS" { "GET" } else { method };
        let request = OriginalRequest { upgrade, ..request(sent, target) };
        match MAP.map(&request) {
            Mapped::Public(route) => drop(found.insert((sent.to_owned(), route.line()))),
            Mapped::Matched(it) => drop(found.insert((sent.to_owned(), it.route().line()))),
            _ => {}
        }
    }
    let lines: BTreeSet<usize> = found.iter().map(|(_, line)| *line).collect();
    for route in MAP.routes() {
        assert!(lines.contains(&route.line()), "no line for {} of {}", route.line(), route.label());
    }
}

/// What the page lists as left out is denied, and everything else that is listed is mapped.
#[test]
fn what_is_left_out_is_on_the_page() {
    let page = fs::read_to_string(path("examples/thingsboard/ROUTES.md")).unwrap();
    for (method, path) in listed() {
        let denied = matches!(MAP.map(&request(&method, &target(&path))), Mapped::Unmapped);
        let named = page.contains(&format!("\n- `{method} {path}`\n"));
        assert_eq!(denied, named, "{method} {path}");
    }
}

/// What somebody may do, by the whole way from the request to the decision.
#[track_caller]
fn decides(user: &str, method: &str, target: &str, expected: bool) {
    let principal = SNAPSHOT.uid("User", user).unwrap();
    let Mapped::Matched(matched) = MAP.map(&request(method, target)) else {
        panic!("{method} {target} is not mapped to checks")
    };
    let allow = matched.checks(&principal, &SNAPSHOT, 0).is_ok_and(|checks| {
        checks.iter().all(|check| {
            let decided = SNAPSHOT.check(check, CheckOptions::default());
            decided.is_ok_and(|it| it.decision == doorward::engine::Decision::Allow)
        })
    });
    assert_eq!(allow, expected, "{user} {method} {target}");
}

#[test]
fn the_tutorial_by_its_routes() {
    let telemetry = |kind: &str, id: &str| {
        format!("/api/plugins/telemetry/{kind}/{id}/values/timeseries?keys=temperature")
    };
    for (user, own, other) in [("emma", "SD-001", "AM-307"), ("jack", "AM-307", "SD-001")] {
        decides(user, "GET", &format!("/api/device/{own}"), true);
        decides(user, "GET", &format!("/api/device/{other}"), false);
        decides(user, "GET", &telemetry("DEVICE", own), true);
        decides(user, "GET", &telemetry("DEVICE", other), false);
        decides(user, "POST", &telemetry("DEVICE", own), true);
        decides(user, "GET", &telemetry("ASSET", "Building%20A"), true);
        decides(user, "GET", "/api/asset/Building%20A", true);
        decides(user, "GET", "/api/dashboard/My%20New%20Dashboard", true);
        decides(user, "DELETE", "/api/dashboard/My%20New%20Dashboard", false);
        decides(user, "GET", "/api/auth/user", true);
        // Reading is not calling, and credentials are not data.
        decides(user, "POST", &format!("/api/rpc/oneway/{own}"), false);
        decides(user, "GET", &format!("/api/rpc/persistent/device/{own}"), false);
        decides(user, "GET", &format!("/api/device/{own}/credentials"), false);
        decides(user, "GET", "/api/user/emma/token", false);
        // Lists and bodies are the administrators'.
        decides(user, "GET", "/api/user/devices?pageSize=10&page=0", false);
        decides(user, "POST", "/api/entitiesQuery/find", false);
        decides(user, "POST", "/api/device", false);
    }
    for target in ["/api/device/SD-001", "/api/device/AM-307", "/api/user/devices"] {
        decides("tenant_admin", "GET", target, true);
        decides("other_tenant_admin", "GET", "/api/device/SD-001", false);
    }
    decides("tenant_admin", "POST", "/api/entitiesQuery/find", true);
    decides("tenant_admin", "GET", "/api/user/emma/token", true);
    // An owner change goes down one's own tree, never to a neighbour.
    decides("cust_admin_a", "POST", "/api/owner/CUSTOMER/A-East/DEVICE/SD-001", true);
    decides("cust_admin_a", "POST", "/api/owner/CUSTOMER/Customer%20B/DEVICE/SD-001", false);
    decides("cust_admin_a", "GET", "/api/customer/A-East/devices", true);
    decides("cust_admin_a", "GET", "/api/customer/Customer%20A/devices", false);
}
