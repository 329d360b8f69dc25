//! What a review finds, what it does not, and that what it calls superfluous is: taken out, no
//! decision changes.

use proptest::prelude::*;

use super::review;
use crate::engine::check::Undeclared;
use crate::engine::{
    Bundle, CheckOptions, CheckRequest, CompileOptions, Decision, Problems, Snapshot, Text, compile,
};

const SCHEMA: &str = "
    entity Team in [Team];
    entity User in [Team] { level: Long, active: Bool };
    entity File in [Folder] { owner: User, open: Bool };
    entity Folder;
    action view, edit appliesTo { principal: User, resource: [File, Folder] };
";
const ENTITIES: &str = r#"[
    {"uid": {"type": "Team", "id": "top"}},
    {"uid": {"type": "Team", "id": "t"}, "parents": [{"type": "Team", "id": "top"}]},
    {"uid": {"type": "User", "id": "a"}, "attrs": {"level": 1, "active": true}, "parents": [{"type": "Team", "id": "t"}]},
    {"uid": {"type": "User", "id": "b"}, "attrs": {"level": 5, "active": false}},
    {"uid": {"type": "Folder", "id": "d"}},
    {"uid": {"type": "File", "id": "f"}, "attrs": {"owner": {"__entity": {"type": "User", "id": "a"}}, "open": true}, "parents": [{"type": "Folder", "id": "d"}]},
    {"uid": {"type": "File", "id": "g"}, "attrs": {"owner": {"__entity": {"type": "User", "id": "b"}}, "open": false}}
]"#;

fn bundle(policies: &str) -> Bundle {
    Bundle {
        schema: Some(Text::new("schema", SCHEMA)),
        policies: vec![Text::new("p.cedar", policies)],
        entities: vec![Text::new("entities", ENTITIES)],
        links: Vec::new(),
    }
}

fn reviewed(policies: &str) -> Problems {
    let bundle = bundle(policies);
    let snapshot = compile(&bundle, &CompileOptions::default()).unwrap();
    review(&snapshot, &bundle, 0)
}

/// The codes and the lines of what is found, those of unused actions left out.
fn found(policies: &str) -> Vec<(&'static str, usize)> {
    let problems = reviewed(policies);
    let line = |it: &crate::engine::Problem| it.place.as_ref().map_or(0, |place| place.line);
    problems
        .iter()
        .filter(|problem| problem.code != "unused-action")
        .map(|problem| (problem.code, line(problem)))
        .collect()
}

#[test]
fn a_narrower_policy_is_implied() {
    let wide = "permit (principal, action, resource) when { principal.active };\n";
    for narrow in [
        "permit (principal, action, resource) when { principal.active };",
        "permit (principal is User, action, resource) when { principal.active };",
        "permit (principal, action == Action::\"view\", resource) when { principal.active };",
        "permit (principal, action, resource) when { principal.level > 3 && principal.active };",
        "permit (principal, action, resource) when { principal.level > 3 } when { principal.active };",
        "permit (principal, action, resource) unless { !principal.active || principal.level > 3 };",
    ] {
        assert_eq!(found(&format!("{wide}{narrow}")), [("implied-policy", 2)], "{narrow}");
        let turned = format!("{narrow}\n{wide}");
        let line =
            if narrow.contains("level") || narrow.contains("is User") || narrow.contains("view") {
                1
            } else {
                2
            };
        assert_eq!(found(&turned), [("implied-policy", line)], "{turned}");
    }
}

#[test]
fn what_may_differ_is_not_implied() {
    for other in [
        "permit (principal, action, resource) when { principal.level > 3 };",
        "permit (principal, action, resource) when { principal.active || principal.level > 3 };",
        "permit (principal, action, resource) unless { principal.active && principal.level > 3 };",
        "@advice(\"look\") permit (principal, action, resource) when { principal.active && principal.level > 3 };",
        "forbid (principal, action, resource) when { principal.active && principal.level > 3 };",
    ] {
        let wide =
            "permit (principal, action == Action::\"view\", resource) when { principal.active };\n";
        assert_eq!(found(&format!("{wide}{other}")), [], "{other}");
    }
    // The second errs where the first does not, and a forbid that errs denies.
    let forbids = "forbid (principal, action, resource) when { principal.active };\n\
                   forbid (principal, action, resource) when { principal.level + 1 > 3 && principal.active };";
    assert_eq!(found(forbids), []);
}

#[test]
fn a_permit_that_is_forbidden_whole_is_masked() {
    let policies = "permit (principal is User, action == Action::\"edit\", resource) when { resource is File && principal.active };\n\
                    forbid (principal, action, resource) when { principal.active };";
    assert_eq!(found(policies), [("masked-policy", 1)]);
}

#[test]
fn a_name_that_nobody_has_is_told() {
    let policies = "permit (principal in Team::\"topp\", action, resource);";
    let problems = reviewed(policies);
    let problem = problems.iter().next().unwrap();
    assert_eq!(
        (problem.code, problem.hint.as_deref()),
        ("missing-entity", Some("did you mean `Team::\"top\"`?"))
    );
    assert_eq!(problem.place.as_ref().unwrap().column, 22);
}

#[test]
fn actions_and_types_that_nobody_uses_are_told() {
    let problems = reviewed("permit (principal, action == Action::\"view\", resource);");
    let codes: Vec<_> = problems.iter().map(|it| (it.code, it.message.contains("edit"))).collect();
    assert_eq!(codes, [("unused-action", true)]);
}

/// Policies of few pieces, so that many of them imply each other.
fn policy() -> impl Strategy<Value = String> {
    let principal = prop::sample::select(vec![
        "principal",
        "principal is User",
        "principal in Team::\"top\"",
        "principal in Team::\"t\"",
        "principal is User in Team::\"t\"",
        "principal == User::\"a\"",
    ]);
    let action = prop::sample::select(vec![
        "action",
        "action == Action::\"view\"",
        "action in [Action::\"view\", Action::\"edit\"]",
    ]);
    let resource = prop::sample::select(vec![
        "resource",
        "resource is File",
        "resource in Folder::\"d\"",
        "resource is Folder",
    ]);
    let conditions = prop::collection::vec(
        prop::sample::select(vec![
            "when { principal.active }",
            "unless { principal.active }",
            "unless { !principal.active }",
            "when { principal.level > 3 }",
            "when { principal.active && principal.level > 3 }",
            "unless { !principal.active || principal.level > 3 }",
            "when { principal.level + 9223372036854775806 > 3 }",
            "when { true }",
        ]),
        0..3,
    );
    let effect = prop::sample::select(vec!["permit", "permit", "forbid"]);
    (effect, principal, action, resource, conditions).prop_map(|(effect, p, a, r, conditions)| {
        format!("{effect} ({p}, {a}, {r}) {};", conditions.join(" "))
    })
}

fn decisions(snapshot: &Snapshot) -> Vec<Decision> {
    let mut decisions = Vec::new();
    for principal in ["a", "b", "nobody"] {
        for action in ["view", "edit"] {
            for (ty, id) in [("File", "f"), ("File", "g"), ("Folder", "d")] {
                let request = CheckRequest {
                    principal: snapshot.uid("User", principal).unwrap(),
                    action: snapshot.action("Action", action).unwrap(),
                    resource: snapshot.uid(ty, id).unwrap(),
                    context: serde_json::Map::new(),
                    undeclared: Undeclared::Refuse,
                    principal_properties: None,
                    resource_properties: None,
                    now_ms: 0,
                    explain: false,
                };
                let response = snapshot.check(&request, CheckOptions::default()).unwrap();
                decisions.push(response.decision);
            }
        }
    }
    decisions
}

fn compiled(policies: &[String]) -> (Bundle, Snapshot) {
    let bundle = bundle(&policies.join("\n"));
    let snapshot = compile(&bundle, &CompileOptions::default()).unwrap();
    (bundle, snapshot)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is called superfluous can be taken out, and every decision stays as it was.
    #[test]
    fn what_makes_no_difference_makes_none(policies in prop::collection::vec(policy(), 2..5)) {
        let (bundle, snapshot) = compiled(&policies);
        let before = decisions(&snapshot);
        for problem in review(&snapshot, &bundle, 0).iter() {
            if !matches!(problem.code, "implied-policy" | "masked-policy") {
                continue;
            }
            let line = problem.place.as_ref().unwrap().line;
            let mut others = policies.clone();
            others.remove(line - 1);
            prop_assert_eq!(&decisions(&compiled(&others).1), &before, "{}", problem);
        }
    }
}
