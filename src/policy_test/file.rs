//! A suite in YAML, read key by key: everything that is wrong with it is told at once, each fault
//! with its line. Whether a world has what it names is seen later.

mod ask;
mod named;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Map;

use super::suite::{Accepted, AcceptedClause, Ask, Fixture, Given, Suite, Test};
use super::{CODE, FILE_BYTES_MAX, NAME_CHARS_MAX, TESTS_MAX};
use crate::engine::{Place, Problem, Problems, Text};
use crate::yaml::{self, Kind, Node, Reader, Source};
use named::{name, uid};

/// Keys that every test may have.
const OF_EVERY_TEST: [&str; 6] = ["name", "skip", "now", "given", "unknown", "context"];
/// Keys of a suite.
const OF_A_SUITE: [&str; 6] =
    ["version", "fixture", "now", "coverage", "tests", "accepted_mutants"];
/// Keys that a test of one check has beside them.
const OF_A_CHECK: [&str; 7] =
    ["principal", "action", "resource", "expect", "code", "because", "errors"];
/// What a test asks, by the key that says so.
const ASKS: [&str; 4] = ["principal", "matrix", "search", "request"];

/// See [`Suite::parse`].
pub(super) fn parse(text: &Text) -> Result<Suite, Problems> {
    let source = Source { name: &text.name, text: &text.text };
    let root = yaml::parse(source, CODE, FILE_BYTES_MAX)?;
    let mut reader = Reader::new(source, CODE);
    let suite = suite(&root, &mut reader);
    reader.finish(suite)
}

fn suite(root: &Node, reader: &mut Reader<'_>) -> Suite {
    let mut suite = Suite {
        name: reader.source().name.to_owned(),
        fixture: Fixture::default(),
        tests: Vec::new(),
        accepted_clauses: Vec::new(),
        accepted_mutants: Vec::new(),
    };
    if matches!(root.kind, Kind::Null) {
        let problem = Problem::error(CODE, "the file is empty");
        let problem = problem.at(Place::whole(reader.source().name));
        reader.push(problem.hint("a suite has `tests:`, and a `name:` for each of them"));
        return suite;
    }
    if !reader.keys(root, "a suite of tests", &OF_A_SUITE) {
        return suite;
    }
    if let Some(version) = root.get("version")
        && !matches!(&version.kind, Kind::Number(number) if number.as_u64() == Some(1))
    {
        reader.fail(version, "`version` is 1; no other is known");
    }
    suite.fixture = fixture(root.get("fixture"), reader);
    suite.accepted_clauses = accepted_clauses(root.get("coverage"), reader);
    suite.accepted_mutants = accepted_mutants(root.get("accepted_mutants"), reader);
    let now_ms = time(root.get("now"), reader);
    let Some(tests) = root.get("tests") else {
        reader.fail(root, "`tests` is missing");
        return suite;
    };
    let tests = reader.list(Some(tests));
    if tests.is_empty() {
        reader.fail(root, "there is no test in it");
    }
    let mut lines: BTreeMap<String, usize> = BTreeMap::new();
    for (number, node) in tests.iter().enumerate() {
        if number >= TESTS_MAX {
            reader.fail(node, format!("there are more than {TESTS_MAX} tests in the file"));
            break;
        }
        let Some(test) = test(node, now_ms, reader) else { continue };
        if let Some(line) = lines.get(&test.name) {
            let message = format!("the name `{}` is that of the test in line {line}", test.name);
            reader.push(Problem::error(CODE, message).at(test.place.clone()));
        }
        lines.entry(test.name.clone()).or_insert(test.place.line);
        suite.tests.push(test);
    }
    suite
}

fn fixture(node: Option<&Node>, reader: &mut Reader<'_>) -> Fixture {
    const KEYS: &[&str] = &["policies", "schema", "entities", "links", "routes"];
    let Some(node) = node else { return Fixture::default() };
    if !reader.keys(node, "`fixture`", KEYS) {
        return Fixture::default();
    }
    let mut one = |key| reader.text(node.get(key)).map(str::to_owned);
    let (schema, links, routes) = (one("schema"), one("links"), one("routes"));
    let policies = paths(node.get("policies"), reader);
    let entities = paths(node.get("entities"), reader);
    Fixture { policies, schema, entities, links, routes }
}

/// The outcomes of clauses that need not be seen.
fn accepted_clauses(node: Option<&Node>, reader: &mut Reader<'_>) -> Vec<AcceptedClause> {
    const KEYS: [&str; 4] = ["policy", "clause", "never", "reason"];
    let Some(node) = node else { return Vec::new() };
    if !reader.keys(node, "`coverage`", &["accept"]) {
        return Vec::new();
    }
    let mut all = Vec::new();
    for node in reader.list(node.get("accept")) {
        if !reader.keys(node, "what is accepted", &KEYS) {
            continue;
        }
        for key in KEYS.iter().filter(|key| node.get(key).is_none()) {
            reader.fail(node, format!("`{key}` is missing"));
        }
        let mut text = |key| reader.text(node.get(key)).map(|text| text.trim().to_owned());
        let (policy, clause, reason) = (text("policy"), text("clause"), text("reason"));
        if let (Some(""), Some(at)) = (reason.as_deref(), node.get("reason")) {
            reader.fail(at, "the reason is empty");
        }
        let never = reader.boolean(node.get("never"));
        let place = reader.source().of(node);
        if let (Some(policy), Some(clause), Some(reason), Some(never)) =
            (policy, clause, reason, never)
        {
            all.push(AcceptedClause { place, policy, clause, never, reason });
        }
    }
    all
}

/// Mutants, each with the reason why none of the tests has to fail for it.
fn accepted_mutants(node: Option<&Node>, reader: &mut Reader<'_>) -> Vec<Accepted> {
    let mut accepted: Vec<Accepted> = Vec::new();
    for node in reader.list(node) {
        if !reader.keys(node, "an accepted mutant", &["mutant", "reason"]) {
            continue;
        }
        let mut text = |key: &str| {
            let text = node.get(key).and_then(Node::text).map(str::trim).unwrap_or_default();
            if text.is_empty() {
                let hint = "write the mutant's name as the report has it, and why it may survive";
                reader.fail_with_hint(node, format!("`{key}` is missing"), hint);
            }
            text.to_owned()
        };
        let (mutant, reason) = (text("mutant"), text("reason"));
        let place = reader.source().of(node);
        if let Some(other) = accepted.iter().find(|other| other.mutant == mutant) {
            let message = format!("this mutant is accepted in line {} already", other.place.line);
            reader.push(Problem::error(CODE, message).at(place.clone()));
        }
        accepted.push(Accepted { mutant, reason, place });
    }
    accepted
}

/// A path, or a list of them.
fn paths(node: Option<&Node>, reader: &mut Reader<'_>) -> Option<Vec<String>> {
    let node = node?;
    if let Some(path) = node.text() {
        return Some(vec![path.to_owned()]);
    }
    let paths = reader.texts(Some(node));
    Some(paths.iter().filter_map(|path| path.text().map(str::to_owned)).collect())
}

/// A moment, in milliseconds since 1970.
fn time(node: Option<&Node>, reader: &mut Reader<'_>) -> Option<i64> {
    let node = node?;
    let text = reader.text(Some(node))?;
    let time = text.parse::<Timestamp>().ok();
    if time.is_none() {
        let message = format!("`{text}` is no moment");
        reader.fail_with_hint(node, message, "write it as `2026-11-21T12:00:00Z`");
    }
    time.map(Timestamp::as_millisecond)
}

fn test(node: &Node, now_ms: Option<i64>, reader: &mut Reader<'_>) -> Option<Test> {
    if !matches!(node.kind, Kind::Map(_)) {
        let message = format!("a test is made of keys with values, not of {}", node.what());
        reader.fail(node, message);
        return None;
    }
    let (name, place) = test_name(node, reader);
    let asked: Vec<&str> = ASKS.into_iter().filter(|key| node.get(key).is_some()).collect();
    let ask = match asked.as_slice() {
        [one] => ask::read(one, node, reader),
        [] => {
            // A misspelt key may be what is missing.
            keys(node, &OF_A_CHECK, reader);
            let missing =
                ["action", "resource", "expect"].into_iter().any(|key| node.get(key).is_some());
            let (message, hint) = if missing {
                ("`principal` is missing", "who is it that asks?")
            } else {
                (
                    "the test asks nothing",
                    "it has `principal`, `action` and `resource`, or `matrix`, `search` or \
                     `request`",
                )
            };
            reader.fail_with_hint(node, message, hint);
            None
        }
        [first, second, ..] => {
            let message = format!("the test has both `{first}` and `{second}`");
            reader.fail_with_hint(node, message, "a test asks one thing: make two of it");
            None
        }
    };
    let own_time = time(node.get("now"), reader);
    let given = node.get("given").and_then(|node| given(node, reader));
    let context = match node.get("context") {
        None => Map::new(),
        Some(node) => named::object(node, "`context`", reader),
    };
    let unknown = reader.boolean(node.get("unknown")).unwrap_or_default();
    let skip = skip(node.get("skip"), reader);
    Some(Test {
        name: name?,
        place,
        skip,
        now_ms: own_time.or(now_ms),
        entities: None,
        given,
        unknown,
        context,
        ask: ask?,
    })
}

fn test_name(node: &Node, reader: &mut Reader<'_>) -> (Option<String>, Place) {
    let Some(at) = node.get("name") else {
        reader.fail_with_hint(node, "`name` is missing", "say in it what the test holds");
        return (None, reader.source().of(node));
    };
    let place = reader.source().of(at);
    let name = reader.text(Some(at)).map(str::trim);
    if name.is_some_and(str::is_empty) {
        reader.fail(at, "the name is empty");
    }
    if name.is_some_and(|name| name.chars().count() > NAME_CHARS_MAX) {
        reader.fail(at, format!("the name has more than {NAME_CHARS_MAX} characters"));
    }
    (name.map(str::to_owned), place)
}

fn skip(node: Option<&Node>, reader: &mut Reader<'_>) -> Option<String> {
    let node = node?;
    match node.text().map(str::trim) {
        Some(reason) if !reason.is_empty() => Some(reason.to_owned()),
        _ => {
            reader.fail_with_hint(node, "`skip` is the reason", "write why: `skip: \"…\"`");
            None
        }
    }
}

/// A change, in the form of `PATCH /v1/entities`.
fn given(node: &Node, reader: &mut Reader<'_>) -> Option<Given> {
    if !reader.keys(node, "`given`", &["unlink", "remove", "upsert", "link"]) {
        return None;
    }
    let ids = reader.texts(node.get("unlink"));
    let place = |node: &Node, reader: &Reader<'_>| reader.source().of(node);
    let unlink =
        ids.iter().filter_map(|id| Some((id.text()?.to_owned(), place(id, reader)))).collect();
    let remove = reader.list(node.get("remove")).iter().filter_map(|it| uid(it, reader)).collect();
    let mut json = |key| {
        let items = reader.list(node.get(key));
        let items: Vec<_> = items.iter().map(|item| item.to_json().to_string()).collect();
        // A line for each, so that places in it say which of them is meant.
        (!items.is_empty()).then(|| format!("[{}]", items.join(",\n")))
    };
    let (upsert, link) = (json("upsert"), json("link"));
    Some(Given { place: place(node, reader), unlink, remove, upsert, link })
}

/// Tells of keys that a test of this kind cannot have.
fn keys(node: &Node, own: &[&str], reader: &mut Reader<'_>) {
    let known: Vec<&str> = OF_EVERY_TEST.iter().chain(own).copied().collect();
    reader.keys(node, "a test", &known);
}

/// What is asked for and is not there.
fn missing(node: &Node, key: &str, reader: &mut Reader<'_>) -> Option<Ask> {
    let name = node.get("name").unwrap_or(node);
    reader.fail(name, format!("`{key}` is missing"));
    None
}

/// The names of a test, for those that gather more of them.
fn names(node: Option<&Node>, reader: &mut Reader<'_>) -> Vec<String> {
    let nodes = reader.texts(node);
    nodes.into_iter().filter_map(name).collect()
}
