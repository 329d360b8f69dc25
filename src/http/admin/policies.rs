//! `GET` and `PUT /v1/policies`: schema and policies as they were written.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::http::header::ETAG;
use axum::response::Response;
use serde::Serialize;

use super::bundle::{self, read_policies, string};
use super::revision::etag;
use crate::engine::Text;
use crate::http::outline::Outline;
use crate::http::problem::{Problem, write_json};
use crate::http::{Doorway, json_answer};
use crate::pdp::publisher::Parts;

#[derive(Serialize)]
struct PoliciesWire<'a> {
    policies: BTreeMap<&'a str, &'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<&'a str>,
    revision: u64,
}

pub(super) async fn get_policies(State(doorway): State<Doorway>) -> Result<Response, Problem> {
    let installed = doorway.app.pdp.current().ok_or_else(Problem::not_ready)?;
    let texts = &installed.texts;
    let wire = PoliciesWire {
        policies: named(&texts.policies),
        schema: texts.schema.as_ref().map(|schema| &*schema.text),
        revision: installed.revision,
    };
    let mut body = Vec::new();
    write_json(&mut body, &wire);
    let mut response = json_answer(body);
    response.headers_mut().insert(ETAG, etag(installed.revision));
    Ok(response)
}

pub(super) async fn put_policies(
    State(doorway): State<Doorway>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    bundle::put(&doorway, request, read).await
}

/// All policies, and the schema unless it is absent: then the one in force is kept.
fn read(bytes: &[u8], depth_max: usize) -> Result<Parts, Problem> {
    let mut outline = Outline::read(bytes, depth_max, &["policies", "schema"])?;
    outline.refuse_unknown("a set of policies")?;
    let policies = outline.take("policies").map(read_policies).transpose()?;
    let policies = policies.ok_or_else(|| Problem::missing_member("policies"))?;
    let schema = outline.take("schema").map(|text| string("schema", text)).transpose()?;
    Ok(Parts { schema, policies: Some(policies), ..Parts::default() })
}

/// Texts by the names of their files. Where files in two folders have one name, the later ones keep
/// their folders.
fn named(texts: &[Text]) -> BTreeMap<&str, &str> {
    let mut named = BTreeMap::new();
    for text in texts {
        let file = text.name.rsplit(['/', '\\']).next().unwrap_or(&text.name);
        let name = if named.contains_key(file) { text.name.as_str() } else { file };
        named.insert(name, &*text.text);
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_one_name_are_both_there() {
        let texts = [Text::new("a/x.cedar", "1"), Text::new("b/x.cedar", "2")];
        let expected = BTreeMap::from([("x.cedar", "1"), ("b/x.cedar", "2")]);
        assert_eq!(named(&texts), expected);
    }
}
