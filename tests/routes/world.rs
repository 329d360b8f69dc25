//! The tutorial's snapshot, maps over it, and what a map says of a request as one line.

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use doorward::engine::{Bundle, CompileOptions, Snapshot, Text, compile};
use doorward::mapping::{Mapped, OriginalRequest, RouteFile, RouteMap, Upgrade};

/// A file of the repository.
pub(crate) fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

pub(crate) fn text(name: &str) -> Text {
    Text::new(name, fs::read_to_string(path(name)).unwrap())
}

/// The policies and entities that ship.
pub(crate) static SNAPSHOT: LazyLock<Snapshot> = LazyLock::new(|| {
    let policies = ["isolation", "ownership", "sharing", "thingsboard"];
    let bundle = Bundle {
        schema: Some(text("policies/schema.cedarschema")),
        policies: policies.iter().map(|it| text(&format!("policies/{it}.cedar"))).collect(),
        entities: vec![text("entities/entities.json")],
        links: vec![text("entities/links.json")],
    };
    compile(&bundle, &CompileOptions::default()).unwrap()
});

/// A map of these routes, with what else the file says before them.
pub(crate) fn map_with(head: &str, routes: &str) -> RouteMap {
    let text = Text::new("routes.yaml", format!("version: 1\n{head}\nroutes:\n{routes}"));
    let file = RouteFile::parse(&text).unwrap_or_else(|problems| panic!("{problems}"));
    RouteMap::compile(&file, SNAPSHOT.schema()).unwrap_or_else(|problems| panic!("{problems}"))
}

pub(crate) fn map(routes: &str) -> RouteMap {
    map_with("", routes)
}

/// What is wrong with a file.
pub(crate) fn problems(text: &str) -> String {
    let text = Text::new("routes.yaml", text);
    let compiled =
        RouteFile::parse(&text).and_then(|file| RouteMap::compile(&file, SNAPSHOT.schema()));
    compiled.map_or_else(|problems| problems.to_string(), |_| "nothing".to_owned())
}

pub(crate) fn request<'a>(method: &'a str, target: &'a str) -> OriginalRequest<'a> {
    OriginalRequest { method, host: None, target, cors: false, upgrade: Upgrade::None }
}

/// What a map says of a request of a principal: the checks it makes, or why it makes none.
pub(crate) fn said(
    map: &RouteMap,
    request: &OriginalRequest<'_>,
    principal: (&str, &str),
) -> String {
    let matched = match map.map(request) {
        Mapped::Unmapped => return "deny unmapped_route".to_owned(),
        Mapped::Ambiguous(why) => return format!("deny ambiguous_path: {why}"),
        Mapped::Preflight => return "allow preflight".to_owned(),
        Mapped::Public(_) => return "allow public".to_owned(),
        Mapped::Matched(matched) => matched,
    };
    let principal = SNAPSHOT.uid(principal.0, principal.1).unwrap();
    match matched.checks(&principal, &SNAPSHOT, 0) {
        Err(why) => format!("deny {}: {why}", why.code()),
        Ok(checks) => {
            let one = |check: &doorward::engine::CheckRequest| {
                let action = check.action.id().unescaped();
                let context = if check.context.is_empty() {
                    String::new()
                } else {
                    format!(" {}", serde_json::to_string(&check.context).unwrap())
                };
                format!("{action} {}{context}", check.resource)
            };
            checks.iter().map(one).collect::<Vec<_>>().join(" and ")
        }
    }
}

/// The same for Emma.
pub(crate) fn emma(map: &RouteMap, method: &str, target: &str) -> String {
    said(map, &request(method, target), ("User", "emma"))
}
