//! Which changes are made of a policy, how they are named and shown, and which cannot change anything
//! and are left out. That tests notice them, the command's tests hold.

use super::*;
use crate::engine::check::Undeclared;
use crate::engine::{Bundle, CheckOptions, CheckRequest, CompileOptions, Draft, Problems, compile};

const SCHEMA: &str = r"
entity Owner in [Owner];
entity Role;
entity Group in [Role];
entity User in [Group] { owner: Owner, enabled: Bool, home?: Doc };
entity Folder;
entity Doc in [Folder] { owner: Owner, draft: Bool, author: User };
action Look, Change;
action read in [Look] appliesTo { principal: [User], resource: [Doc, Folder] };
action write, sign in [Change] appliesTo { principal: [User], resource: [Doc] };
";

const ENTITIES: &str = r#"[
  {"uid": {"type": "Role", "id": "reader"}, "attrs": {}, "parents": []},
  {"uid": {"type": "Owner", "id": "o"}, "attrs": {}, "parents": []},
  {"uid": {"type": "Folder", "id": "f"}, "attrs": {}, "parents": []},
  {"uid": {"type": "Group", "id": "a"}, "attrs": {}, "parents": [{"type": "Role", "id": "reader"}]},
  {"uid": {"type": "User", "id": "ann"}, "parents": [{"type": "Group", "id": "a"}],
   "attrs": {"owner": {"__entity": {"type": "Owner", "id": "o"}}, "enabled": true}},
  {"uid": {"type": "Doc", "id": "d"}, "parents": [{"type": "Folder", "id": "f"}],
   "attrs": {"owner": {"__entity": {"type": "Owner", "id": "o"}}, "draft": false,
             "author": {"__entity": {"type": "User", "id": "ann"}}}}
]"#;

fn snapshot(policies: &str) -> (Snapshot, Text) {
    let text = Text::new("policies/p.cedar", policies);
    let bundle = Bundle {
        schema: Some(Text::new("schema.cedarschema", SCHEMA)),
        policies: vec![text.clone()],
        entities: vec![Text::new("entities.json", ENTITIES)],
        ..Bundle::default()
    };
    (compile(&bundle, &CompileOptions::default()).unwrap(), text)
}

/// The names of the mutants of a policy, in order, and whether they compile.
fn names(policies: &str) -> Vec<(String, bool)> {
    let (snapshot, text) = snapshot(policies);
    let schema = Text::new("schema.cedarschema", SCHEMA);
    let made = mutants(&snapshot, &text).into_iter().map(|mutant| {
        let changed = [mutant.apply(&text)];
        let rules = Some((Some(&schema), &changed[..]));
        let draft = Draft { rules, ..Draft::default() };
        let whole = snapshot.revise(&draft, &CompileOptions::default());
        let quick = snapshot.with_policies(&changed, &CompileOptions::default());
        // What is not validated again is as it was. (Cedar tells several faults in any order.)
        let told = |made: &Result<Snapshot, Problems>| {
            made.as_ref().map(answers).map_err(|_| "it does not compile")
        };
        assert_eq!(told(&whole), told(&quick), "{}", mutant.name);
        (mutant.name, whole.is_ok())
    });
    made.collect()
}

/// What is answered to whatever can be asked.
fn answers(snapshot: &Snapshot) -> Vec<String> {
    let mut answers = Vec::new();
    for action in ["read", "write", "sign"] {
        for (type_name, id) in [("Doc", "d"), ("Folder", "f"), ("Doc", "none")] {
            let request = CheckRequest {
                principal: snapshot.uid("User", "ann").unwrap(),
                action: snapshot.action("Action", action).unwrap(),
                resource: snapshot.uid(type_name, id).unwrap(),
                context: serde_json::Map::new(),
                undeclared: Undeclared::Refuse,
                principal_properties: None,
                resource_properties: None,
                now_ms: 0,
                explain: false,
            };
            answers.push(format!("{:?}", snapshot.check(&request, CheckOptions::default())));
        }
    }
    answers
}

/// The mutants that compile.
#[track_caller]
fn are(policies: &str, expected: &[&str]) {
    let names = names(policies);
    let compiling = names.iter().filter(|(_, compiles)| *compiles);
    let names: Vec<&str> = compiling.map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, expected);
}

#[test]
fn each_part_of_a_policy_is_changed() {
    are(
        r#"@id("p") permit (
             principal in Role::"reader",
             action in [Action::"Look", Action::"write"],
             resource is Doc
           ) when { resource.owner in principal.owner && principal.enabled }
           unless { resource.draft };"#,
        &[
            "p: drop",
            "p: flip permit",
            r#"p: remove principal in Role::"reader""#,
            r#"p: in to == principal in Role::"reader""#,
            r#"p: remove action in [Action::"Look", Action::"write"]"#,
            r#"p: drop from list Action::"Look""#,
            r#"p: drop from list Action::"write""#,
            r#"p: widen to Action::"Change""#,
            "p: drop resource.owner in principal.owner",
            "p: negate resource.owner in principal.owner",
            "p: in to == resource.owner in principal.owner",
            "p: drop principal.enabled",
            "p: negate principal.enabled",
            "p: drop resource.draft",
            "p: when to unless resource.owner in principal.owner && principal.enabled",
            "p: unless to when resource.draft",
        ],
    );
}

#[test]
fn alternatives_lists_and_equalities_are_changed_at_any_depth() {
    are(
        r#"@id("p") forbid (principal is User, action == Action::"read", resource)
           when { !(resource is Folder || (resource is Doc && resource.author == principal)) ||
                  principal in [Group::"a", Group::"b"] };"#,
        &[
            "p: drop",
            "p: flip forbid",
            r#"p: remove action == Action::"read""#,
            r#"p: drop !(resource is Folder || (resource is Doc && resource.author == principal)) || principal in [Group::"a", Group::"b"]"#,
            "p: drop resource is Folder",
            "p: drop (resource is Doc && resource.author == principal)",
            "p: drop !(resource is Folder || (resource is Doc && resource.author == principal))",
            r#"p: drop principal in [Group::"a", Group::"b"]"#,
            r#"p: drop from list Group::"a""#,
            r#"p: drop from list Group::"b""#,
            r#"p: when to unless !(resource is Folder || (resource is Doc && resource.author == principal)) || principal in [Group::"a", Group::"b"]"#,
        ],
    );
}

/// No user is in a user, `read` is no group, only users do anything, and only documents are written.
#[test]
fn what_cannot_change_anything_is_left_out() {
    let names = names(
        r#"@id("a") permit (principal is User, action == Action::"write", resource is Doc)
           when { resource.author == principal };
           @id("b") permit (principal, action == Action::"read", resource is Doc in Folder::"f")
           when { resource.owner == principal.owner };"#,
    );
    let has = |name: &str| names.iter().any(|(it, _)| it == name);
    assert!(!has("a: remove principal is User") && !has("a: remove resource is Doc"));
    assert!(!has("a: == to in resource.author == principal"));
    assert!(!has(r#"a: == to in action == Action::"write""#));
    assert!(has("b: == to in resource.owner == principal.owner"));
    // What may be a folder is more than what is a document.
    assert!(has("b: remove resource is Doc") && has(r#"b: remove in Folder::"f""#));
    assert!(has(r#"a: widen to Action::"Change""#) && !has(r#"a: widen to Action::"Look""#));
}

#[test]
fn roles_take_each_others_place() {
    let names = names(
        r#"@id("a") permit (principal in Role::"reader", action, resource);
           @id("b") permit (principal in Role::"editor", action, resource);"#,
    );
    let has = |name: &str| names.contains(&(name.to_owned(), true));
    assert!(has(r#"a: replace Role::"reader" to Role::"editor""#), "{names:?}");
    assert!(has(r#"b: replace Role::"editor" to Role::"reader""#));
}

#[test]
fn a_template_keeps_its_links() {
    let policies =
        r#"@id("share") permit (principal in ?principal, action, resource in ?resource);"#;
    let names = names(policies);
    let names: Vec<&str> = names.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "share: drop",
            "share: flip permit",
            "share: remove principal in ?principal",
            "share: in to == principal in ?principal",
            "share: remove resource in ?resource",
            "share: in to == resource in ?resource",
        ]
    );
    let (snapshot, text) = snapshot(policies);
    let dropped = mutants(&snapshot, &text).remove(0).apply(&text);
    assert!(dropped.text.ends_with("resource in ?resource) when { false };"), "{}", dropped.text);
}

/// Neither lines above nor another layout make another name.
#[test]
fn a_name_lasts() {
    let short = r#"@id("p") permit (principal, action, resource) when { principal.enabled && context == {} };"#;
    let long = "// A comment.\n\n@id(\"p\")\npermit (\n  principal,\n  action,\n  resource\n)\nwhen\n{\n  \
                principal.enabled &&\n  context == {}\n};\n";
    assert_eq!(names(short), names(long));
    // The same text twice in a policy is told apart.
    let twice = names(
        r#"@id("p") permit (principal, action, resource) when { principal.enabled } when { principal.enabled };"#,
    );
    assert!(twice.iter().any(|(name, _)| name == "p: drop principal.enabled (2)"), "{twice:?}");
}

#[test]
fn a_difference_is_one_that_people_read() {
    let policy = "// Why.\n@id(\"p\")\npermit (\n  principal,\n  action,\n  resource\n)\nwhen { resource is \
                  Folder };\n// The end.\n";
    let (snapshot, text) = snapshot(policy);
    let made = mutants(&snapshot, &text);
    let of = |name: &str| made.iter().find(|it| it.name == name).unwrap();
    let mutant = of("p: drop resource is Folder");
    assert_eq!(
        (mutant.line, mutant.file.as_str(), mutant.operation),
        (8, "policies/p.cedar", "drop")
    );
    assert_eq!(
        mutant.diff(&text),
        "--- policies/p.cedar\n+++ policies/p.cedar\n@@ -6,4 +6,4 @@\n   resource\n )\n\
         -when { resource is Folder };\n+when { true };\n // The end.\n"
    );
    let dropped = of("p: drop").diff(&text);
    assert!(
        dropped.starts_with(
            "--- policies/p.cedar\n+++ policies/p.cedar\n@@ -1,9 +1,3 @@\n // Why.\n-@id"
        ),
        "{dropped}"
    );
}

/// What is in a string or a comment is no operator.
#[test]
fn strings_and_comments_are_left_alone() {
    let names = names(
        r#"@id("permit == in") permit (principal, action, resource == Doc::"a || b, [c in d]")
           // when { true || false }
           when { principal == User::"\"in\" == " };"#,
    );
    let with = |part: &str| names.iter().filter(|(name, _)| name.contains(part)).count();
    assert_eq!((with("in to =="), with("drop from list"), with("drop \"")), (0, 0, 0), "{names:?}");
}
