//! What a change or a draft makes of a snapshot is what a load of everything makes.

use super::*;
use crate::engine::check::Undeclared;
use crate::engine::{Bundle, CheckOptions, CheckRequest, Decision, RestoreError, compile, restore};

const SCHEMA: &str = "entity Team; entity User in [Team]; entity Report { author: User };
    action read appliesTo { principal: User, resource: Report };";
const POLICIES: &str = "@id(\"author\") permit (principal, action, resource)
        when { resource.author == principal };
    @id(\"share\") permit (principal in ?principal, action, resource == ?resource);";
const ENTITIES: &str = r#"[
    {"uid": {"type": "Team", "id": "t"}},
    {"uid": {"type": "User", "id": "u"}, "parents": [{"type": "Team", "id": "t"}]},
    {"uid": {"type": "User", "id": "v"}, "parents": [{"type": "Team", "id": "t"}]},
    {"uid": {"type": "Report", "id": "r"}, "attrs": {"author": {"type": "User", "id": "u"}}}
]"#;
const LINKS: &str = r#"[{"link_id": "t-r", "template_id": "share",
    "args": {"?principal": "Team::\"t\"", "?resource": "Report::\"r\""}}]"#;

fn texts(text: &str) -> Vec<Text> {
    vec![Text::new("a", text)]
}

fn bundle() -> Bundle {
    Bundle {
        schema: Some(Text::new("schema", SCHEMA)),
        policies: texts(POLICIES),
        entities: texts(ENTITIES),
        links: texts(LINKS),
    }
}

fn options() -> CompileOptions {
    CompileOptions::default()
}

fn reads(snapshot: &Snapshot, user: &str) -> bool {
    let request = CheckRequest {
        principal: snapshot.uid("User", user).unwrap(),
        action: snapshot.action("Action", "read").unwrap(),
        resource: snapshot.uid("Report", "r").unwrap(),
        context: serde_json::Map::new(),
        undeclared: Undeclared::Refuse,
        principal_properties: None,
        resource_properties: None,
        now_ms: 0,
        explain: false,
    };
    snapshot.check(&request, CheckOptions::default()).unwrap().decision == Decision::Allow
}

fn codes(problems: &Problems) -> Vec<&'static str> {
    problems.errors().map(|problem| problem.code).collect()
}

#[test]
fn a_change_shares_the_rules_and_decides_at_once() {
    let first = compile(&bundle(), &options()).unwrap();
    let change = Change { unlink: vec!["t-r".to_owned()], ..Change::default() };
    let (second, applied) = first.apply(&change, &options()).unwrap();
    assert_eq!(applied.unlinked, ["t-r"]);
    assert!(second.shares_rules(&first));
    assert_eq!((reads(&first, "v"), reads(&second, "v")), (true, false));
    assert!(reads(&second, "u"));
}

#[test]
fn new_policies_keep_entities_and_links() {
    let first = compile(&bundle(), &options()).unwrap();
    let schema = Text::new("schema", SCHEMA);
    let policies =
        texts(&POLICIES.replace("when { resource.author == principal }", "when { false }"));
    let draft = Draft { rules: Some((Some(&schema), &policies)), ..Draft::default() };
    let second = first.revise(&draft, &options()).unwrap();
    assert_eq!(second.counts(), first.counts());
    assert!(reads(&second, "v"));
}

#[test]
fn policies_without_the_template_of_a_link_are_refused() {
    let first = compile(&bundle(), &options()).unwrap();
    let schema = Text::new("schema", SCHEMA);
    let draft = Draft { rules: Some((Some(&schema), &[])), ..Draft::default() };
    let problems = first.revise(&draft, &options()).unwrap_err();
    assert_eq!(codes(&problems), ["unknown-template"]);
}

#[test]
fn another_schema_judges_the_entities_in_force() {
    let first = compile(&bundle(), &options()).unwrap();
    let policies = texts(POLICIES);
    let wider =
        Text::new("schema", SCHEMA.replace("entity Team;", "entity Team { name?: String };"));
    let draft = Draft { rules: Some((Some(&wider), &policies)), ..Draft::default() };
    let second = first.revise(&draft, &options()).unwrap();
    assert_eq!(second.counts(), first.counts());
    assert!(reads(&second, "v"));
    let narrower =
        Text::new("schema", SCHEMA.replace("entity Team;", "entity Team { name: String };"));
    let draft = Draft { rules: Some((Some(&narrower), &policies)), ..Draft::default() };
    let problems = first.revise(&draft, &options()).unwrap_err();
    assert_eq!(codes(&problems), ["entity"]);
}

#[test]
fn new_entities_keep_the_links_and_must_fit_them() {
    let first = compile(&bundle(), &options()).unwrap();
    let entities =
        texts(&ENTITIES.replace(", \"parents\": [{\"type\": \"Team\", \"id\": \"t\"}]", ""));
    let draft = Draft { entities: Some(&entities), ..Draft::default() };
    let second = first.revise(&draft, &options()).unwrap();
    assert!(second.shares_rules(&first));
    assert!(!reads(&second, "v"));
    let draft = Draft { entities: Some(&[]), ..Draft::default() };
    let problems = first.revise(&draft, &options()).unwrap_err();
    assert!(codes(&problems).contains(&"unknown-entity"), "{problems}");
}

#[test]
fn a_snapshot_is_made_again_from_its_image() {
    let first = compile(&bundle(), &options()).unwrap();
    let mut image = Vec::new();
    first.store().write_image(&mut image).unwrap();
    let (schema, policies) = (Text::new("schema", SCHEMA), texts(POLICIES));
    let second = restore(&schema, &policies, &mut image.as_slice(), &options()).unwrap();
    assert_eq!(second.counts(), first.counts());
    assert!(reads(&second, "v"));
    image.truncate(image.len() / 2);
    let damaged = restore(&schema, &policies, &mut image.as_slice(), &options());
    assert!(matches!(damaged, Err(RestoreError::Image(_))));
}
