//! What counts as a clause, where it stands, and how far evaluation goes.

use super::{Clause, ClauseKind, Outcome};
use crate::engine::check::{CheckOptions, CheckRequest, Undeclared};
use crate::engine::{Bundle, CompileOptions, Snapshot, Text, compile};

const SCHEMA: &str = r"
entity Group;
entity User in [Group] { level: Long, name?: String };
entity Doc in [Group] { owner: User, public: Bool };
action read, write appliesTo { principal: [User], resource: [Doc] };
";

const ENTITIES: &str = r#"[
  {"uid":{"type":"Group","id":"staff"},"attrs":{},"parents":[]},
  {"uid":{"type":"Group","id":"papers"},"attrs":{},"parents":[]},
  {"uid":{"type":"User","id":"ann"},"attrs":{"level":3},"parents":[{"type":"Group","id":"staff"}]},
  {"uid":{"type":"Doc","id":"d"},"attrs":{"owner":{"__entity":{"type":"User","id":"ann"}},"public":false},
   "parents":[{"type":"Group","id":"papers"}]}
]"#;

fn snapshot(policies: &str, links: &str) -> Snapshot {
    let bundle = Bundle {
        schema: Some(Text::new("schema.cedarschema", SCHEMA)),
        policies: vec![Text::new("some.cedar", policies)],
        entities: vec![Text::new("entities.json", ENTITIES)],
        links: vec![Text::new("links.json", links)],
    };
    compile(&bundle, &CompileOptions::default()).unwrap()
}

fn request(snapshot: &Snapshot) -> CheckRequest {
    CheckRequest {
        principal: snapshot.uid("User", "ann").unwrap(),
        action: snapshot.action("Action", "read").unwrap(),
        resource: snapshot.uid("Doc", "d").unwrap(),
        context: serde_json::Map::new(),
        undeclared: Undeclared::Refuse,
        principal_properties: None,
        resource_properties: None,
        now_ms: 1_000,
        explain: false,
    }
}

fn told(clauses: &[Clause]) -> Vec<(ClauseKind, usize, usize, &str)> {
    let each = clauses.iter();
    each.map(|it| (it.kind, it.block, it.line, it.source.as_str())).collect()
}

#[test]
fn clauses_are_the_scope_and_the_conjuncts_of_each_block() {
    let text = r#"// About nothing.
@id("p")
permit (
  principal in Group::"staff",
  action,
  resource is Doc
)
when { (principal.level > 1 && (principal.level < 9)) && true } // behind
unless { resource.public || resource.owner == principal }
when { if resource.public then false else true };
"#;
    let snapshot = snapshot(text, "[]");
    let one = snapshot.clauses().next().unwrap();
    assert_eq!(
        told(one.clauses),
        [
            (ClauseKind::Principal, 0, 4, "principal in Group::\"staff\""),
            (ClauseKind::Action, 0, 5, "action"),
            (ClauseKind::Resource, 0, 6, "resource is Doc"),
            (ClauseKind::When, 0, 8, "principal.level > 1"),
            (ClauseKind::When, 0, 8, "principal.level < 9"),
            (ClauseKind::When, 0, 8, "true"),
            (ClauseKind::Unless, 1, 9, "resource.public || resource.owner == principal"),
            (ClauseKind::When, 2, 10, "if resource.public then false else true"),
        ]
    );
    let open: Vec<bool> = one.clauses.iter().map(|clause| clause.open).collect();
    assert_eq!(open, [false, true, false, false, false, false, false, false]);
    assert!(one.clauses.iter().all(|it| text.get(it.span.clone()) == Some(&*it.source)));
}

#[test]
fn literals_are_clauses_though_cedar_folds_them() {
    let snapshot = snapshot("permit (principal, action, resource) when { true && false };", "[]");
    let one = snapshot.clauses().next().unwrap();
    let sources: Vec<&str> = one.clauses.iter().map(|clause| clause.source.as_str()).collect();
    assert_eq!(sources, ["principal", "action", "resource", "true", "false"]);
}

#[test]
fn evaluation_goes_as_far_as_cedar_goes() {
    use Outcome::{NotReached, NotSatisfied, Satisfied};
    let snapshot = snapshot(
        r#"
@id("a") permit (principal, action == Action::"write", resource) when { true };
@id("b") permit (principal, action, resource)
  when { principal.level > 5 && principal.level + 9223372036854775807 > 0 };
@id("c") permit (principal, action, resource)
  unless { resource.public && principal.level > 1 }
  when { resource.owner == principal };
@id("d") permit (principal, action, resource)
  unless { principal.level > 1 && resource.owner == principal }
  when { true };
@id("e") permit (principal, action, resource)
  when { principal.level + 9223372036854775807 > 0 && true };
"#,
        "[]",
    );
    let request = request(&snapshot);
    let outcomes = snapshot.outcomes(&request, CheckOptions::default()).unwrap();
    let of = |at: usize| outcomes[at].outcomes.as_slice();
    assert_eq!(of(0), [Satisfied, NotSatisfied, NotReached, NotReached]);
    assert_eq!(of(1), [Satisfied, Satisfied, Satisfied, NotSatisfied, NotReached]);
    // Behind a conjunct of `unless` that is false, the next block is reached.
    assert_eq!(of(2), [Satisfied, Satisfied, Satisfied, NotSatisfied, NotReached, Satisfied]);
    assert_eq!(of(3), [Satisfied, Satisfied, Satisfied, Satisfied, Satisfied, NotReached]);
    let message =
        "integer overflow while attempting to add the values `3` and `9223372036854775807`";
    assert_eq!(of(4)[3..], [Outcome::Error(message.to_owned()), NotReached]);
    let verdicts: Vec<_> = outcomes.iter().map(|one| one.verdict()).collect();
    assert_eq!(verdicts, [Ok(false), Ok(false), Ok(true), Ok(false), Err(message)]);
}

#[test]
fn a_template_is_told_once_with_the_links_that_fit() {
    use Outcome::{NotReached, NotSatisfied, Satisfied};
    let template = r#"
@id("share") permit (principal in ?principal, action, resource in ?resource)
  when { principal.level > 2 };"#;
    let link = |id: &str, principal: &str, resource: &str, more: &str| {
        format!(
            r#"{{"template_id":"share","link_id":"{id}","args":{{"?principal":"Group::\"{principal}\"","?resource":"Group::\"{resource}\""}}{more}}}"#
        )
    };
    let outcomes = |links: &[String]| {
        let snapshot = snapshot(template, &format!("[{}]", links.join(",")));
        let request = request(&snapshot);
        let all = snapshot.outcomes(&request, CheckOptions::default()).unwrap();
        let links = all[0].links.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        (all[0].outcomes.clone(), links, all[0].verdict().unwrap())
    };
    let expired = r#","expires":"1970-01-01T00:00:00.500Z""#;
    let fits = [link("b", "staff", "papers", ""), link("a", "staff", "papers", "")];
    assert_eq!(outcomes(&fits), (vec![Satisfied; 4], vec!["a".to_owned(), "b".to_owned()], true));
    let half = [link("a", "staff", "staff", ""), link("gone", "staff", "papers", expired)];
    let half_told = vec![Satisfied, Satisfied, NotSatisfied, NotReached];
    assert_eq!(outcomes(&half), (half_told, Vec::new(), false));
    let none = vec![NotSatisfied, NotReached, NotReached, NotReached];
    assert_eq!(outcomes(&[link("a", "papers", "papers", "")]), (none.clone(), Vec::new(), false));
    assert_eq!(outcomes(&[]), (none, Vec::new(), false));
}
