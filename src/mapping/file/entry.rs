//! One entry under `routes`.

use super::super::CHECKS_MAX;
use super::super::pattern::Pattern;
use super::super::query::Condition;
use super::super::route::CredentialPlace;
use super::super::template::{Segment, Template};
use super::{hosts, patterns};
use crate::yaml::{Kind, Node, Reader};

const KEYS: &[&str] = &[
    "methods",
    "path",
    "hosts",
    "captures",
    "query",
    "upgrade",
    "credentials",
    "allow_encoded_slash_in",
    "public",
    "all_of",
    "action",
    "resource",
    "context",
];

/// A route as it is written.
#[derive(Debug, Clone)]
pub(in crate::mapping) struct Entry {
    /// Where it stands: its path.
    pub(in crate::mapping) node: Node,
    pub(in crate::mapping) label: String,
    pub(in crate::mapping) methods: Vec<String>,
    pub(in crate::mapping) template: Template,
    pub(in crate::mapping) hosts: Vec<String>,
    pub(in crate::mapping) query: Vec<(String, Condition)>,
    pub(in crate::mapping) upgrade: bool,
    pub(in crate::mapping) credentials: Vec<CredentialPlace>,
    pub(in crate::mapping) encoded_slash: Vec<usize>,
    /// Empty for a public route.
    pub(in crate::mapping) asked: Vec<Asked>,
    pub(in crate::mapping) public: bool,
}

/// What a route asks, as it is written.
#[derive(Debug, Clone)]
pub(in crate::mapping) struct Asked {
    pub(in crate::mapping) action: Node,
    pub(in crate::mapping) resource: Node,
    pub(in crate::mapping) context: Option<Node>,
}

// === impl Entry ===

impl Entry {
    /// Reads an entry; `None` where too little is right to go on with it.
    pub(super) fn read(
        node: &Node,
        captures: &[(String, Pattern)],
        all_hosts: &[String],
        reader: &mut Reader<'_>,
    ) -> Option<Self> {
        if !reader.keys(node, "a route", KEYS) {
            return None;
        }
        let methods = methods(node, reader);
        let Some(path) = node.get("path") else {
            reader.fail(node, "a route needs a `path`");
            return None;
        };
        let label = reader.text(Some(path))?.to_owned();
        let mut template = match Template::parse(&label) {
            Ok(template) => template,
            Err(why) => {
                reader.fail(path, why);
                return None;
            }
        };
        let own = patterns(node.get("captures"), reader);
        lay_over(&mut template, captures, &own);
        for (name, _) in &own {
            if !template.names().any(|it| it == name) {
                reader.fail(path, format!("`captures` names `{name}`, which the path has not"));
            }
        }
        let own_hosts = hosts(node.get("hosts"), reader);
        for host in own_hosts.iter().filter(|it| !all_hosts.is_empty() && !all_hosts.contains(it)) {
            let message =
                format!("the route is unreachable: `{host}` is not among the file's `hosts`");
            reader.fail(path, message);
        }
        let hosts = if own_hosts.is_empty() { all_hosts.to_vec() } else { own_hosts };
        let (public, asked) = asked(node, path, reader);
        Some(Self {
            methods,
            hosts,
            query: query(node.get("query"), reader),
            upgrade: reader.word(node.get("upgrade"), &[("websocket", true)]).unwrap_or_default(),
            credentials: credentials(node.get("credentials"), reader),
            encoded_slash: encoded_slash(node.get("allow_encoded_slash_in"), &template, reader),
            node: path.clone(),
            label,
            template,
            asked,
            public,
        })
    }
}

/// Gives captures their forms: what stands in the path, then in the route, then in the file.
fn lay_over(template: &mut Template, all: &[(String, Pattern)], own: &[(String, Pattern)]) {
    for segment in &mut template.segments {
        let Segment::Capture { name, pattern } = segment else { continue };
        if pattern.is_none() {
            let find = |list: &[(String, Pattern)]| {
                list.iter().find(|(other, _)| other == name).map(|(_, pattern)| pattern.clone())
            };
            *pattern = find(own).or_else(|| find(all));
        }
    }
}

fn methods(node: &Node, reader: &mut Reader<'_>) -> Vec<String> {
    let Some(list) = node.get("methods") else {
        reader.fail(node, "a route needs `methods`, such as `[GET]`");
        return Vec::new();
    };
    let mut methods: Vec<String> = Vec::new();
    for method in reader.texts(Some(list)) {
        let text = method.text().unwrap_or_default();
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-') {
            reader.fail(method, format!("`{text}` is no method: methods are words in upper case"));
        } else if text == "CONNECT" {
            reader
                .fail(method, "`CONNECT` asks for a tunnel, not for a path: no route can allow it");
        } else if methods.iter().any(|other| other == text) {
            reader.fail(method, format!("`{text}` stands here twice"));
        } else {
            methods.push(text.to_owned());
        }
    }
    if matches!(&list.kind, Kind::List(items) if items.is_empty()) {
        reader.fail(list, "the route is unreachable: it has no method");
    }
    methods
}

/// Conditions on the query: `{ name: present | absent | [value, …] }`.
fn query(node: Option<&Node>, reader: &mut Reader<'_>) -> Vec<(String, Condition)> {
    let mut conditions = Vec::new();
    for (name, condition) in node.map(|node| reader.members(node)).unwrap_or_default() {
        let condition = match &condition.kind {
            Kind::Text(word) if word == "present" => Condition::Present,
            Kind::Text(word) if word == "absent" => Condition::Absent,
            Kind::List(items) if !items.is_empty() => {
                let values = reader.texts(Some(condition));
                Condition::OneOf(values.iter().filter_map(|it| it.text().map(Into::into)).collect())
            }
            _ => {
                reader.fail(condition, "expected `present`, `absent`, or a list of values");
                continue;
            }
        };
        conditions.push((name.text().unwrap_or_default().to_owned(), condition));
    }
    conditions
}

/// `[query:token, cookie:session]`.
fn credentials(node: Option<&Node>, reader: &mut Reader<'_>) -> Vec<CredentialPlace> {
    let mut places = Vec::new();
    for place in reader.texts(node) {
        let text = place.text().unwrap_or_default();
        match text.split_once(':') {
            Some(("query", name)) if !name.is_empty() => {
                places.push(CredentialPlace::Query(name.to_owned()));
            }
            Some(("cookie", name)) if !name.is_empty() => {
                places.push(CredentialPlace::Cookie(name.to_owned()));
            }
            _ => reader
                .fail(place, format!("expected `query:NAME` or `cookie:NAME`, found `{text}`")),
        }
    }
    places
}

fn encoded_slash(node: Option<&Node>, template: &Template, reader: &mut Reader<'_>) -> Vec<usize> {
    let mut positions = Vec::new();
    for name in reader.texts(node) {
        let text = name.text().unwrap_or_default();
        match template.names().position(|capture| capture == text) {
            Some(position) => positions.push(position),
            None => reader.fail(name, format!("`{text}` is no capture of the path")),
        }
    }
    positions
}

/// What the route asks: nothing of a public one, one check, or several.
fn asked(node: &Node, path: &Node, reader: &mut Reader<'_>) -> (bool, Vec<Asked>) {
    let public = reader.boolean(node.get("public"));
    let single = ["action", "resource", "context"].iter().any(|key| node.get(key).is_some());
    if let Some(all_of) = node.get("all_of") {
        if single || public == Some(true) {
            reader.fail(path, "`all_of` stands alone: put action, resource and context into it");
        }
        let items = reader.list(Some(all_of));
        if items.is_empty() {
            reader.fail(all_of, "`all_of` is empty: it would allow everything");
        }
        if items.len() > CHECKS_MAX {
            reader.fail(all_of, format!("`all_of` has more than {CHECKS_MAX} checks"));
        }
        let mut list = Vec::new();
        for item in items {
            if reader.keys(item, "a check", &["action", "resource", "context"]) {
                list.extend(one(item, item, reader));
            }
        }
        return (false, list);
    }
    if public == Some(true) {
        if single {
            reader.fail(path, "a public route asks nothing: take action, resource and context out");
        }
        return (true, Vec::new());
    }
    (false, one(node, path, reader).into_iter().collect())
}

fn one(node: &Node, at: &Node, reader: &mut Reader<'_>) -> Option<Asked> {
    let missing: Vec<_> =
        ["action", "resource"].into_iter().filter(|key| node.get(key).is_none()).collect();
    if !missing.is_empty() {
        let message = format!("`{}` is missing", missing.join("` and `"));
        reader.fail_with_hint(
            at,
            message,
            "a route has an action and a resource, or `all_of`, or `public: true`",
        );
        return None;
    }
    reader.text(node.get("action"));
    Some(Asked {
        action: node.get("action")?.clone(),
        resource: node.get("resource")?.clone(),
        context: node.get("context").cloned(),
    })
}
