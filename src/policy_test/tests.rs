//! Coverage counted by hand, and what a verdict has to be.

use super::answer::{Answer, Verdict};
use super::compare::compare;
use super::coverage::{self, Coverage, Observed, Share, Sight};
use super::suite::{Because, Errors, Expect};
use super::{Outcome, Suite, World};
use crate::engine::check::PolicyError;
use crate::engine::{Bundle, CheckOptions, CompileOptions, Problem, Text, compile};

const SCHEMA: &str = r"
entity Group;
entity User in [Group] { level: Long };
entity Bot;
entity Doc in [Group] { public: Bool };
action read, write appliesTo { principal: [User, Bot], resource: [Doc] };
";

const ENTITIES: &str = r#"[
  {"uid":{"type":"Group","id":"staff"},"attrs":{},"parents":[]},
  {"uid":{"type":"User","id":"ann"},"attrs":{"level":3},"parents":[{"type":"Group","id":"staff"}]},
  {"uid":{"type":"User","id":"ben"},"attrs":{"level":1},"parents":[]},
  {"uid":{"type":"Bot","id":"b"},"attrs":{},"parents":[]},
  {"uid":{"type":"Doc","id":"open"},"attrs":{"public":true},"parents":[{"type":"Group","id":"staff"}]},
  {"uid":{"type":"Doc","id":"shut"},"attrs":{"public":false},"parents":[]}
]"#;

fn world(policies: &str, links: &str) -> World {
    let bundle = Bundle {
        schema: Some(Text::new("schema.cedarschema", SCHEMA)),
        policies: vec![Text::new("some.cedar", policies)],
        entities: vec![Text::new("entities.json", ENTITIES)],
        links: vec![Text::new("links.json", links)],
    };
    World {
        snapshot: compile(&bundle, &CompileOptions::default()).unwrap(),
        policies: bundle.policies,
        routes: None,
        check: CheckOptions::default(),
        compile: CompileOptions::default(),
        now_ms: 0,
    }
}

/// What tests see of policies; all have to pass.
fn covered(world: &World, suite: &str) -> Coverage {
    let read = |name: &str| Err(Problem::error("x", name.to_owned()));
    let suite = Suite::parse(&Text::new("suite.yaml", suite), &read).unwrap();
    let mut observed = Observed::default();
    for test in &suite.tests {
        for case in test.cases(world).unwrap() {
            assert!(matches!(case.run(), Outcome::Passed(_)), "{} {:?}", case.test, case.run());
            observed.observe(&case);
        }
    }
    Coverage::of([&world.snapshot], &observed, &coverage::accepted(&[suite]))
}

/// Each clause: its source, and what was seen of true and of false.
fn sights(coverage: &Coverage) -> Vec<(String, char, char)> {
    let letter = |sight: &Sight| match sight {
        Sight::Seen => 's',
        Sight::Unseen => 'u',
        Sight::Impossible => 'i',
        Sight::Accepted(_) => 'a',
    };
    let clauses = coverage.policies.iter().flat_map(|policy| &policy.clauses);
    clauses.map(|it| (it.source.clone(), letter(&it.when_true), letter(&it.when_false))).collect()
}

const POLICY: &str = r#"@id("p") permit (principal is User, action == Action::"read", resource)
when { resource.public && principal.level > 2 };"#;

#[track_caller]
fn are(coverage: &Coverage, expected: &[(&str, char, char)]) {
    let expected: Vec<_> = expected.iter().map(|(it, t, f)| ((*it).to_owned(), *t, *f)).collect();
    assert_eq!(sights(coverage), expected);
}

#[test]
fn one_check_sees_one_outcome_of_each_clause_that_it_reaches() {
    let suite = r#"tests: [{ name: a, principal: User::"ann", action: read, resource: Doc::"open", expect: allow }]"#;
    let coverage = covered(&world(POLICY, "[]"), suite);
    are(
        &coverage,
        &[
            ("principal is User", 's', 'u'),
            ("action == Action::\"read\"", 's', 'u'),
            ("resource.public", 's', 'u'),
            ("principal.level > 2", 's', 'u'),
        ],
    );
    assert_eq!(coverage.share(), Share { seen: 4, asked: 8 });
    assert_eq!((coverage.satisfied(), coverage.share().percent()), (1, 50.0));
}

#[test]
fn a_matrix_counts_with_all_of_its_cells() {
    let suite = r#"tests:
  - name: all
    matrix:
      principals: [User::"ann", User::"ben", Bot::"b"]
      actions: [read, write]
      resources: [Doc::"open", Doc::"shut"]
      allow: [[User::"ann", read, Doc::"open"]]"#;
    assert_eq!(covered(&world(POLICY, "[]"), suite).share(), Share { seen: 8, asked: 8 });
}

/// A search says of everything it looks at whether it is found.
#[test]
fn a_search_counts_with_all_that_it_looks_at() {
    let suite = r#"tests:
  - name: what ann reads
    search: { principal: User::"ann", action: read }
    expect_exactly: [Doc::"open"]
  - name: who reads it
    search: { action: read, resource: Doc::"open" }
    expect_exactly: [User::"ann"]
  - name: what ann does
    search: { principal: User::"ann", resource: Doc::"open" }
    expect_exactly: [read]"#;
    assert_eq!(covered(&world(POLICY, "[]"), suite).share(), Share { seen: 8, asked: 8 });
}

#[test]
fn what_the_validator_knows_is_not_asked_for() {
    let policies = r#"@id("p") permit (principal is User, action, resource)
when { principal is User && resource is Doc && principal in Group::"staff" }
unless { principal is Bot };"#;
    let suite = r#"tests: [{ name: a, principal: User::"ann", action: read, resource: Doc::"open", expect: allow }]"#;
    are(
        &covered(&world(policies, "[]"), suite),
        &[
            ("principal is User", 's', 'u'),
            ("principal is User", 's', 'i'),
            ("resource is Doc", 's', 'i'),
            ("principal in Group::\"staff\"", 's', 'u'),
            ("principal is Bot", 'i', 's'),
        ],
    );
}

/// Which types fill a slot, its annotation says.
#[test]
fn a_template_is_seen_by_its_links() {
    let policies = r#"@id("t") @slot_principal("Group") permit (principal in ?principal, action, resource)
when { principal is User && resource.public };"#;
    let links = r#"[{"template_id":"t","link_id":"l","args":{"?principal":"Group::\"staff\""}}]"#;
    let suite = r#"tests:
  - { name: a, principal: User::"ann", action: read, resource: Doc::"open", expect: allow, because: [l] }
  - { name: b, principal: User::"ben", action: read, resource: Doc::"open", expect: deny }"#;
    let coverage = covered(&world(policies, links), suite);
    are(
        &coverage,
        &[
            ("principal in ?principal", 's', 's'),
            ("principal is User", 's', 'i'),
            ("resource.public", 's', 'u'),
        ],
    );
    assert_eq!(coverage.satisfied(), 1);
}

#[test]
fn what_cannot_be_seen_is_accepted_by_a_reason_that_must_hold() {
    let suite = r#"
coverage:
  accept:
    - { policy: p, clause: "principal is  User", never: false, reason: bots have no account }
    - { policy: p, clause: "resource.public", never: true, reason: this was seen }
    - { policy: p, clause: "resource.private", never: true, reason: no such clause }
tests: [{ name: a, principal: User::"ann", action: read, resource: Doc::"open", expect: allow }]"#;
    let coverage = covered(&world(POLICY, "[]"), suite);
    assert_eq!(sights(&coverage)[0], ("principal is User".to_owned(), 's', 'a'));
    assert_eq!(coverage.share(), Share { seen: 4, asked: 7 });
    assert_eq!(
        coverage.stale,
        [
            "suite.yaml:5: `resource.public` of `p` was seen true",
            "suite.yaml:6: `p` has no clause `resource.private`",
        ]
    );
}

fn answer(verdict: Verdict, code: &str, because: &[&str], errors: &[&str]) -> Answer {
    let error = |id: &&str| PolicyError { policy: (*id).to_owned(), message: String::new() };
    Answer {
        because: because.iter().map(|id| (*id).to_owned()).collect(),
        errors: errors.iter().map(error).collect(),
        why: None,
        ..Answer::without_check(verdict, code, "")
    }
}

#[test]
fn a_test_passes_only_by_what_it_says() {
    let expect = |because: Option<Because>, errors: Errors| Expect {
        verdict: Verdict::Allow,
        code: None,
        because,
        errors,
    };
    let texts = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    let differs = |expect: &Expect, answer: &Answer| -> Vec<&'static str> {
        compare(expect, answer).iter().map(|mismatch| mismatch.what).collect()
    };
    let allow = answer(Verdict::Allow, "allow", &["a", "b"], &[]);
    let none: [&str; 0] = [];
    assert_eq!(differs(&expect(None, Errors::Unsaid), &allow), none);
    let exactly = |ids: &[&str]| Some(Because::Exactly(texts(ids)));
    assert_eq!(differs(&expect(exactly(&["b", "a"]), Errors::Unsaid), &allow), none);
    assert_eq!(differs(&expect(exactly(&["a"]), Errors::Unsaid), &allow), ["because"]);
    let least = Some(Because::AtLeast(texts(&["a"])));
    assert_eq!(differs(&expect(least, Errors::Unsaid), &allow), none);
    let erring = answer(Verdict::Allow, "allow", &["a"], &["c"]);
    assert_eq!(differs(&expect(None, Errors::Unsaid), &erring), ["errors"]);
    assert_eq!(differs(&expect(None, Errors::Any), &erring), none);
    assert_eq!(differs(&expect(None, Errors::Exactly(texts(&["c"]))), &erring), none);
    assert_eq!(differs(&expect(None, Errors::Exactly(texts(&["c", "d"]))), &erring), ["errors"]);
    assert_eq!(differs(&expect(None, Errors::Count(2)), &erring), ["errors"]);
    let unknown = Answer { unknown: true, ..erring };
    assert_eq!(differs(&expect(None, Errors::Unsaid), &unknown), none);
    let deny = answer(Verdict::Deny, "no_permit", &[], &[]);
    assert_eq!(differs(&expect(None, Errors::Unsaid), &deny), ["decision"]);
}
