//! What a test asks, and what has to come out.

use super::super::CELLS_MAX;
use super::super::answer::Verdict;
use super::super::suite::{
    Allowed, Ask, Because, Errors, Expect, Http, Matrix, Named, Search, Triple,
};
use super::named::{action, many, object, uid};
use super::{OF_A_CHECK, keys, missing, names};
use crate::engine::Code;
use crate::engine::uid::UidText;
use crate::yaml::{Kind, Node, Reader};

/// What may be expected.
const VERDICTS: [(&str, Verdict); 4] = [
    ("allow", Verdict::Allow),
    ("deny", Verdict::Deny),
    ("invalid", Verdict::Invalid),
    ("rejected", Verdict::Rejected),
];
/// Stands for all in a matrix.
const ALL: &str = "*";

/// Reads what the key asks.
pub(super) fn read(key: &str, node: &Node, reader: &mut Reader<'_>) -> Option<Ask> {
    match key {
        "matrix" => matrix(node, reader),
        "search" => search(node, reader),
        "request" => request(node, reader),
        _ => check(node, reader),
    }
}

fn check(node: &Node, reader: &mut Reader<'_>) -> Option<Ask> {
    keys(node, &OF_A_CHECK, reader);
    let expect = expect(node, reader);
    let principal = node.get("principal").and_then(|node| uid(node, reader));
    let (Some(act), Some(resource)) = (node.get("action"), node.get("resource")) else {
        let key = if node.get("action").is_none() { "action" } else { "resource" };
        return missing(node, key, reader);
    };
    let (act, resource) = (action(act, reader), uid(resource, reader));
    Some(Ask::Check(Triple { principal: principal?, action: act?, resource: resource? }, expect?))
}

/// What has to come out of a check.
fn expect(node: &Node, reader: &mut Reader<'_>) -> Option<Expect> {
    let Some(expected) = node.get("expect") else {
        missing(node, "expect", reader);
        return None;
    };
    let verdict = reader.word(Some(expected), &VERDICTS)?;
    let because = node.get("because").map(|node| Because::Exactly(names(Some(node), reader)));
    let errors = errors(node.get("errors"), reader);
    let code = code(node.get("code"), verdict, reader);
    Some(Expect { verdict, code, because, errors })
}

fn errors(node: Option<&Node>, reader: &mut Reader<'_>) -> Errors {
    match node {
        None => Errors::Unsaid,
        Some(node) if node.text() == Some("any") => Errors::Any,
        some => Errors::Exactly(names(some, reader)),
    }
}

/// A code that can come with the verdict.
fn code(node: Option<&Node>, verdict: Verdict, reader: &mut Reader<'_>) -> Option<String> {
    let node = node?;
    let text = reader.text(Some(node))?;
    // A refused change has the codes of problems, which are many.
    if verdict == Verdict::Rejected {
        return Some(text.to_owned());
    }
    let known = Code::ALL.iter().find(|code| code.as_str() == text);
    let fits = match (known, verdict) {
        (None, _) => {
            let known: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
            let hint = format!("known here: `{}`", known.join("`, `"));
            reader.fail_with_hint(node, format!("there is no code `{text}`"), hint);
            return None;
        }
        (Some(Code::Allow), verdict) => verdict == Verdict::Allow,
        (Some(Code::InvalidRequest), Verdict::Invalid) => true,
        (Some(_), verdict) => verdict == Verdict::Deny,
    };
    if !fits {
        reader.fail(node, format!("the code `{text}` does not come with `{verdict}`"));
    }
    Some(text.to_owned())
}

fn matrix(node: &Node, reader: &mut Reader<'_>) -> Option<Ask> {
    keys(node, &["matrix", "errors"], reader);
    let errors = errors(node.get("errors"), reader);
    let node = node.get("matrix")?;
    if !reader.keys(node, "`matrix`", &["principals", "resources", "actions", "allow"]) {
        return None;
    }
    let mut read = |key, one| {
        let list = many(node.get(key), one, reader);
        if node.get(key).is_none() {
            reader.fail(node, format!("`{key}` is missing"));
        } else if let Some(at) = node.get(key)
            && matches!(&at.kind, Kind::List(items) if items.is_empty())
        {
            reader.fail(at, format!("`{key}` is empty"));
        }
        list
    };
    let (principals, actions) = (read("principals", uid), read("actions", action));
    let resources = read("resources", uid);
    let cells = principals.len().saturating_mul(actions.len()).saturating_mul(resources.len());
    if cells > CELLS_MAX {
        reader.fail(node, format!("the matrix has {cells} cells, more than {CELLS_MAX}"));
        return None;
    }
    let mut matrix = Matrix { principals, actions, resources, allow: Vec::new(), errors };
    for triple in reader.list(node.get("allow")) {
        let allowed = allowed(triple, &matrix, reader);
        matrix.allow.extend(allowed);
    }
    Some(Ask::Matrix(matrix))
}

/// A triple of what is allowed: the principal first, then action and resource in either order,
/// since the lists of the matrix say which is which.
fn allowed(node: &Node, matrix: &Matrix, reader: &mut Reader<'_>) -> Option<Allowed> {
    const FORM: &str = "expected [principal, action, resource]";
    let (Kind::List(parts), hint) = (&node.kind, "`\"*\"` stands for all of the matrix") else {
        reader.fail_with_hint(node, FORM, "`\"*\"` stands for all of the matrix");
        return None;
    };
    let [principal, second, third] = parts.as_slice() else {
        reader.fail_with_hint(node, FORM, hint);
        return None;
    };
    let is_resource = |node: &Node| {
        node.text()
            .is_some_and(|text| matrix.resources.iter().any(|it| it.uid.to_string() == text.trim()))
    };
    let (act, resource) =
        if is_resource(second) && !is_resource(third) { (third, second) } else { (second, third) };
    let principal = among(principal, &matrix.principals, "principals", uid, reader);
    let act = among(act, &matrix.actions, "actions", action, reader);
    let resource = among(resource, &matrix.resources, "resources", uid, reader);
    Some(Allowed { principal: principal?, action: act?, resource: resource? })
}

/// One of the matrix, or all of them.
#[expect(clippy::option_option, reason = "the outer says whether it could be read")]
fn among(
    node: &Node,
    all: &[Named],
    key: &str,
    one: fn(&Node, &mut Reader<'_>) -> Option<Named>,
    reader: &mut Reader<'_>,
) -> Option<Option<UidText>> {
    if node.text() == Some(ALL) {
        return Some(None);
    }
    let uid = one(node, reader)?.uid;
    if !all.iter().any(|it| it.uid == uid) {
        let message = format!("`{uid}` is not among the `{key}` of the matrix");
        reader.fail_with_hint(node, message, "a triple is [principal, action, resource]");
        return None;
    }
    Some(Some(uid))
}

/// What may be left out; `None` where it is there and cannot be read, which was told.
#[expect(clippy::option_option, reason = "the outer says whether it could be read")]
fn optional(
    node: Option<&Node>,
    one: fn(&Node, &mut Reader<'_>) -> Option<Named>,
    reader: &mut Reader<'_>,
) -> Option<Option<Named>> {
    match node {
        None => Some(None),
        Some(node) => one(node, reader).map(Some),
    }
}

fn search(node: &Node, reader: &mut Reader<'_>) -> Option<Ask> {
    keys(node, &["search", "expect_exactly"], reader);
    let Some(expected) = node.get("expect_exactly") else {
        return missing(node, "expect_exactly", reader);
    };
    let node = node.get("search")?;
    if !reader.keys(node, "`search`", &["principal", "action", "resource", "type", "where"]) {
        return None;
    }
    let principal = optional(node.get("principal"), uid, reader);
    let resource = optional(node.get("resource"), uid, reader);
    let act = optional(node.get("action"), action, reader);
    let parts = ["principal", "action", "resource"];
    if parts.into_iter().filter(|part| node.get(part).is_some()).count() != 2 {
        let hint = "without `resource` it finds resources, without `principal` principals, without \
                    `action` actions";
        reader.fail_with_hint(node, "a search has two of `principal`, `action`, `resource`", hint);
        return None;
    }
    let of_entities = [node.get("type"), node.get("where")].into_iter().flatten().next();
    let finds_actions = node.get("action").is_none();
    if let (true, Some(at)) = (finds_actions, of_entities) {
        reader.fail(at, "`type` and `where` are about entities; actions have neither");
    }
    if let (None, Some(at)) = (node.get("type"), node.get("where")) {
        reader.fail(at, "`where` needs `type`, whose attributes it is about");
    }
    let type_name = reader.text(node.get("type")).map(str::to_owned);
    let wanted = node.get("where").map(|node| object(node, "`where`", reader)).unwrap_or_default();
    let one = if finds_actions { action } else { uid };
    let expected = many(Some(expected), one, reader);
    let place = reader.source().of(node);
    Some(Ask::Search(Search {
        place,
        principal: principal?,
        action: act?,
        resource: resource?,
        type_name,
        wanted,
        expected,
    }))
}

fn request(node: &Node, reader: &mut Reader<'_>) -> Option<Ask> {
    keys(node, &["request", "expect", "code", "because", "errors"], reader);
    let expect = expect(node, reader);
    if let Some(context) = node.get("context") {
        reader.fail(context, "the context of a request is made by its route");
    }
    let node = node.get("request")?;
    if !reader.keys(node, "`request`", &["method", "url", "as", "headers"]) {
        return None;
    }
    let asker = optional(node.get("as"), uid, reader);
    let mut headers = Vec::new();
    for (name, value) in node.get("headers").map(|it| reader.members(it)).unwrap_or_default() {
        if let (Some(name), Some(value)) = (name.text(), reader.text(Some(value))) {
            headers.push((name.to_owned(), value.to_owned()));
        }
    }
    let method = reader.text(node.get("method")).unwrap_or("GET").to_owned();
    let Some(url) = reader.text(node.get("url")).map(str::to_owned) else {
        if node.get("url").is_none() {
            reader.fail_with_hint(
                node,
                "`url` is missing",
                "path and query as the client sends them",
            );
        }
        return None;
    };
    let place = reader.source().of(node);
    Some(Ask::Http(Http { place, method, url, asker: asker?, headers }, expect?))
}
