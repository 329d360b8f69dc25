//! `doorward test --mutate`: which changes of policies tests notice, and what is told of the others.

use std::collections::BTreeSet;

use insta::assert_snapshot;
use serde_json::Value;

use crate::project::Project;

const SCHEMA: &str = r"
entity Role;
entity Owner in [Owner];
entity User in [Role] { owner: Owner, enabled: Bool };
entity Folder;
entity Doc in [Folder] { owner: Owner, draft: Bool };
action Look, Change;
action read, print in [Look] appliesTo { principal: [User], resource: [Doc] };
action write in [Change] appliesTo { principal: [User], resource: [Doc] };
";

const POLICIES: &str = r#"
@id("staff")
permit (
  principal in Role::"staff",
  action in [Action::"read", Action::"print"],
  resource in Folder::"open"
)
when { resource.owner in principal.owner && principal.enabled }
unless { resource.draft };

@id("boss")
permit (principal in Role::"boss", action == Action::"print", resource)
when { resource.owner == principal.owner || resource.draft };
"#;

/// Every cell of what there is.
const THOROUGH: &str = r#"
tests:
  - name: everybody and everything
    matrix:
      principals: [User::"sam", User::"off", User::"low", User::"pat", User::"bob"]
      actions: [read, print, write]
      resources: [Doc::"own", Doc::"sub", Doc::"draft", Doc::"subdraft", Doc::"out"]
      allow:
        - [User::"sam", read, Doc::"own"]
        - [User::"sam", print, Doc::"own"]
        - [User::"sam", read, Doc::"sub"]
        - [User::"sam", print, Doc::"sub"]
        - [User::"low", read, Doc::"sub"]
        - [User::"low", print, Doc::"sub"]
        - [User::"bob", print, Doc::"own"]
        - [User::"bob", print, Doc::"draft"]
        - [User::"bob", print, Doc::"subdraft"]
        - [User::"bob", print, Doc::"out"]
"#;

/// One cell that no rule is near.
const CARELESS: &str = r#"
tests:
  - name: Pat writes nothing
    principal: User::"pat"
    action: write
    resource: Doc::"sub"
    expect: deny
"#;

fn entities() -> String {
    let owner = |id: &str| format!(r#"{{"__entity":{{"type":"Owner","id":"{id}"}}}}"#);
    let entity = |ty: &str, id: &str, attrs: String, parent: Option<(&str, &str)>| {
        let parents = parent.map(|(ty, id)| format!(r#"{{"type":"{ty}","id":"{id}"}}"#));
        let parents = parents.unwrap_or_default();
        format!(
            r#"{{"uid":{{"type":"{ty}","id":"{id}"}},"attrs":{{{attrs}}},"parents":[{parents}]}}"#
        )
    };
    let user = |id: &str, role: Option<&str>, of: &str, enabled: bool| {
        let attrs = format!(r#""owner":{},"enabled":{enabled}"#, owner(of));
        entity("User", id, attrs, role.map(|role| ("Role", role)))
    };
    let doc = |id: &str, folder: bool, of: &str, draft: bool| {
        let attrs = format!(r#""owner":{},"draft":{draft}"#, owner(of));
        entity("Doc", id, attrs, folder.then_some(("Folder", "open")))
    };
    let all = [
        entity("Role", "staff", String::new(), None),
        entity("Role", "boss", String::new(), None),
        entity("Folder", "open", String::new(), None),
        entity("Owner", "top", String::new(), None),
        entity("Owner", "low", String::new(), Some(("Owner", "top"))),
        user("sam", Some("staff"), "top", true),
        user("off", Some("staff"), "top", false),
        user("low", Some("staff"), "low", true),
        user("pat", None, "top", true),
        user("bob", Some("boss"), "top", true),
        doc("own", true, "top", false),
        doc("sub", true, "low", false),
        doc("draft", true, "top", true),
        doc("subdraft", true, "low", true),
        doc("out", false, "top", false),
    ];
    format!("[{}]", all.join(",\n"))
}

fn project(policies: &str, suite: &str) -> Project {
    let project = Project::empty();
    project.write("policies/schema.cedarschema", SCHEMA);
    project.write("policies/rules.cedar", policies);
    project.write("entities/entities.json", &entities());
    project.write("tests/policies/suite.yaml", suite);
    project
}

fn mutated(policies: &str, suite: &str) -> Value {
    let project = project(policies, suite);
    let output = project.command(&["test", "--mutate", "--format", "json"]).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    report["mutation"].clone()
}

fn operations(mutation: &Value) -> BTreeSet<String> {
    let survivors = mutation["survivors"].as_array().unwrap();
    survivors.iter().map(|it| it["operation"].as_str().unwrap().to_owned()).collect()
}

/// Each operation has a case where a test fails for it and one where none does.
#[test]
fn what_thorough_tests_notice_careless_ones_do_not() {
    let careless = mutated(POLICIES, CARELESS);
    let every = [
        "== to in",
        "drop",
        "drop from list",
        "flip",
        "in to ==",
        "negate",
        "remove",
        "replace",
        "unless to when",
        "when to unless",
        "widen to",
    ];
    assert_eq!(operations(&careless), every.map(str::to_owned).into_iter().collect());
    assert_eq!(careless["killed"], 0);
    let thorough = mutated(POLICIES, THOROUGH);
    assert_eq!(thorough["survivors"], Value::Array(Vec::new()));
    assert_eq!(thorough["killed"], careless["survived"]);
    assert_eq!(thorough["score_permille"], 1000);
    assert_eq!(thorough["complete"], true);
}

const ONE: &str = r#"@id("boss")
permit (principal in Role::"boss", action == Action::"print", resource)
when { resource.owner == principal.owner };
"#;

const NEARLY: &str = r#"
tests:
  - name: Bob prints his own
    principal: User::"bob"
    action: print
    resource: Doc::"own"
    expect: allow
  - name: Bob does not print what is below
    principal: User::"bob"
    action: print
    resource: Doc::"sub"
    expect: deny
  - name: Bob does not write
    principal: User::"bob"
    action: write
    resource: Doc::"own"
    expect: deny
  - name: Bob does not read
    principal: User::"bob"
    action: read
    resource: Doc::"own"
    expect: deny
"#;

#[test]
fn a_survivor_is_told_with_its_difference_and_what_is_missing() {
    assert_snapshot!(project(ONE, NEARLY).run(&["test", "--mutate"]), @r#"
    exit: 4
    ----- stdout
    SURVIVED boss: remove principal in Role::"boss"  policies/rules.cedar:2
      --- policies/rules.cedar
      +++ policies/rules.cedar
      @@ -1,3 +1,3 @@
       @id("boss")
      -permit (principal in Role::"boss", action == Action::"print", resource)
      +permit (principal, action == Action::"print", resource)
       when { resource.owner == principal.owner };
      hint: add a test that expects a deny where `principal in Role::"boss"` does not hold, and all else of `boss` holds

    4 passed, 0 failed, 0 skipped
    9 mutants: 8 killed, 1 survived, 0 accepted; score 88.8 %
    "#);
}

#[test]
fn a_survivor_with_a_reason_is_accepted() {
    let reason = "accepted_mutants:\n  - { mutant: 'boss: remove principal in Role::\"boss\"', \
                  reason: nobody else prints }\n";
    let suite = format!("{reason}{NEARLY}");
    assert_snapshot!(project(ONE, &suite).run(&["test", "--mutate"]), @"
    exit: 0
    ----- stdout
    4 passed, 0 failed, 0 skipped
    9 mutants: 8 killed, 0 survived, 1 accepted; score 100.0 %
    ");
}

#[test]
fn a_reason_that_is_about_nothing_is_a_failure() {
    let reasons = "accepted_mutants:\n  - { mutant: 'boss: remove principal in Role::\"boss\"', \
                   reason: nobody else prints }\n  - { mutant: 'boss: drop', reason: why not }\n  \
                   - { mutant: 'chief: drop', reason: gone by now }\n";
    let suite = format!("{reasons}{NEARLY}");
    assert_snapshot!(project(ONE, &suite).run(&["test", "--mutate"]), @"
    exit: 4
    ----- stdout
    STALE boss: drop  tests/policies/suite.yaml:3
      it is accepted that this mutant survives, but a test fails for it by now
      hint: take it out of `accepted_mutants`

    STALE chief: drop  tests/policies/suite.yaml:4
      it is accepted that this mutant survives, but there is no such mutant
      hint: take it out of `accepted_mutants`

    4 passed, 0 failed, 0 skipped
    9 mutants: 8 killed, 0 survived, 1 accepted; score 100.0 %
    ");
    // Where nothing is changed, they do not matter.
    assert!(project(ONE, &suite).run(&["test"]).starts_with("exit: 0"));
}

#[test]
fn a_reason_is_written() {
    let suite = format!("accepted_mutants:\n  - {{ mutant: 'boss: drop', reason: ' ' }}\n{NEARLY}");
    assert_snapshot!(project(ONE, &suite).run(&["test", "--mutate"]), @"
    exit: 1
    ----- stderr
    error[policy-tests]: `reason` is missing
     --> tests/policies/suite.yaml:2:5
      |
    2 |   - { mutant: 'boss: drop', reason: ' ' }
      |     ^
    hint: write the mutant's name as the report has it, and why it may survive
    ");
}

#[test]
fn so_many_changes_and_no_more() {
    let project = project(POLICIES, THOROUGH);
    assert_snapshot!(project.run(&["test", "--mutate", "--mutants-max", "3"]), @"
    exit: 0
    ----- stdout
    75 passed, 0 failed, 0 skipped
    3 mutants: 3 killed, 0 survived, 0 accepted; score 100.0 %
    not all: 3 of 31 changes were tried; `--mutants-max` allows more
    ");
    let alone = project.run(&["test", "--mutants-max", "3"]);
    assert!(alone.starts_with("exit: 2\n") && alone.contains("--mutate"), "{alone}");
}

#[test]
fn no_policy_is_changed_where_a_test_fails_anyhow() {
    let suite = CARELESS.replace("expect: deny", "expect: allow");
    let output = project(POLICIES, &suite).run(&["test", "--mutate"]);
    assert!(output.starts_with("exit: 4\n"), "{output}");
    assert!(output.contains("no policy is changed as long as a test fails"), "{output}");
    assert!(!output.contains("SURVIVED"), "{output}");
}

#[test]
fn a_ci_system_sees_the_survivors() {
    let project = project(ONE, NEARLY);
    let output = project.run(&["test", "--mutate", "--format", "junit"]);
    assert!(output.contains(r#"<testsuite name="mutants" tests="1""#), "{output}");
    assert!(output.contains("boss: remove principal in Role::&quot;boss&quot;"), "{output}");
}

/// Only the tests that are asked for count.
#[test]
fn a_filter_leaves_tests_out() {
    let project = project(ONE, NEARLY);
    let whole = project.run(&["test", "--mutate"]);
    let part = project.run(&["test", "--mutate", "--filter", "his own"]);
    assert!(part.matches("SURVIVED").count() > whole.matches("SURVIVED").count(), "{part}");
}
