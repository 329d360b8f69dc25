//! What every backend is held to, and what bodies and states come back as.

pub(crate) mod conformance;
mod random;

use super::*;
use crate::engine::store::Change;
use crate::engine::{Digests, References, Text, uid};

#[test]
fn a_body_comes_back_as_it_was() {
    let rules = Rules {
        schema: Some(Text::new("schema", "entity User;")),
        policies: vec![Text::new("a.cedar", "permit (principal, action, resource);\n")],
    };
    let body = Body {
        digests: Digests { schema: "s".into(), ..Digests::default() },
        seed: Some("seed".into()),
        references: References::Cedar,
        rules: Some((rules.clone(), Some(rules))),
        change: Some(Change {
            unlink: vec!["l".into()],
            remove: vec![uid::of(&"N::User".parse().unwrap(), "a\"b")],
            upsert: Some(Text::new("upsert", "[]")),
            link: None,
        }),
        links_removed: vec!["m".into()],
        parents_dropped: 3,
    };
    let again = Body::read(&body.write().unwrap()).unwrap();
    assert_eq!(format!("{again:?}"), format!("{body:?}"));
    let empty = Body::read(&Body::default().write().unwrap()).unwrap();
    assert_eq!(format!("{empty:?}"), format!("{:?}", Body::default()));
    let other = String::from_utf8(body.write().unwrap().to_vec()).unwrap();
    let other = other.replace("\"format\":1", "\"format\":2");
    assert_eq!(Body::read(other.as_bytes()).unwrap_err(), "it has format 2, not 1");
}
