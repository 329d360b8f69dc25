//! What the schema declares secret is in no explanation, however policies look at it.

use serde_json::{Map, json};

use super::{ExplainedClause, WITHHELD};
use crate::engine::check::{CheckOptions, CheckRequest, CheckResponse, Code, Undeclared};
use crate::engine::clauses::Outcome;
use crate::engine::{Bundle, CompileOptions, Snapshot, Text, compile};

/// Every secret value has this in it.
const CANARY: &str = "c4n4ry";
/// A secret number.
const NUMBER: &str = "9223372036854770001";

const SCHEMA: &str = r"
namespace N {
  type Card = { holder: String, @secret pin: String };
  entity Group;
  entity User in [Group] {
    name: String, card: Card, @secret code: String, @secret balance: Long, cards: Set<Card>
  };
  entity Doc in [Group] { password: String, level: Long, open: Bool, @secret owner?: User };
  action read appliesTo {
    principal: [User], resource: [Doc], context: { said: String, @secret token: String }
  };
}
";

fn snapshot(policies: &str) -> Snapshot {
    let user = json!({"type": "N::User", "id": "u"});
    let card = json!({"holder": "Ann", "pin": CANARY});
    let entities = json!([
        {"uid": {"type": "N::Group", "id": "g"}, "attrs": {}, "parents": []},
        {"uid": user, "parents": [], "attrs": {
            "name": "ann", "card": card, "code": CANARY, "cards": [card],
            "balance": NUMBER.parse::<i64>().unwrap(),
        }},
        {"uid": {"type": "N::Doc", "id": "d"}, "parents": [], "attrs": {
            "password": "none", "level": 1, "open": false, "owner": {"__entity": user},
        }},
    ]);
    let bundle = Bundle {
        schema: Some(Text::new("schema.cedarschema", SCHEMA)),
        policies: vec![Text::new("p.cedar", policies)],
        entities: vec![Text::new("entities.json", entities.to_string())],
        links: Vec::new(),
    };
    compile(&bundle, &CompileOptions::default()).unwrap()
}

fn ask(policies: &str) -> CheckResponse {
    let snapshot = snapshot(policies);
    let mut context = Map::new();
    context.insert("said".to_owned(), json!("hello"));
    context.insert("token".to_owned(), json!(CANARY));
    let request = CheckRequest {
        principal: snapshot.uid("N::User", "u").unwrap(),
        action: snapshot.action("N::Action", "read").unwrap(),
        resource: snapshot.uid("N::Doc", "d").unwrap(),
        context,
        undeclared: Undeclared::Refuse,
        principal_properties: None,
        resource_properties: None,
        now_ms: 0,
        explain: true,
    };
    snapshot.check(&request, CheckOptions::default()).unwrap()
}

/// The answer, in which no secret stands.
fn kept(policies: &str) -> CheckResponse {
    let answer = ask(policies);
    let told = format!("{answer:?}");
    assert!(!told.contains(CANARY) && !told.contains(NUMBER), "{told}");
    answer
}

fn values(clauses: &[ExplainedClause]) -> Vec<(&str, Option<&str>, bool)> {
    let all = clauses.iter().flat_map(|clause| &clause.values);
    all.map(|it| (it.expression.as_str(), it.value.as_deref(), it.secret)).collect()
}

#[test]
fn secret_values_are_masked_at_every_depth() {
    let answer = kept(
        r#"@id("p") permit (principal, action, resource)
           when { principal.code != "" && principal.card != {holder: "", pin: ""}
                  && principal.card.pin != "" && !principal.cards.isEmpty()
                  && context.token != context.said && principal.name == "ann" };"#,
    );
    let explanation = answer.explanation.unwrap();
    assert_eq!(
        values(&explanation.policies[0].clauses),
        [
            ("principal.code", Some("(secret)"), true),
            ("principal.card", Some("{holder: \"Ann\", pin: (secret)}"), false),
            ("principal.card.pin", Some("(secret)"), true),
            ("principal.cards", Some("[{holder: \"Ann\", pin: (secret)}]"), false),
            ("context.token", Some("(secret)"), true),
            ("context.said", Some("\"hello\""), false),
            ("principal.name", Some("\"ann\""), false),
        ]
    );
}

#[test]
fn a_message_that_could_tell_a_secret_is_withheld() {
    let answer = kept(
        r#"@id("f") forbid (principal, action, resource)
           when { principal.balance + 9223372036854770002 > 0 };"#,
    );
    assert_eq!(answer.code, Code::ForbidError);
    assert_eq!(answer.errors[0].message, WITHHELD);
    let explanation = answer.explanation.unwrap();
    let told = &explanation.policies[0].clauses[3];
    assert_eq!(told.outcome, Outcome::Error(WITHHELD.to_owned()));
}

#[test]
fn no_change_is_named_that_would_tell_a_secret() {
    // The password would have to be the code, the user's own entity would have to be written out,
    // and so would the document's, whose owner is secret.
    for condition in [
        "resource.password == principal.code",
        "resource.password == context.token",
        "principal in N::Group::\"g\"",
        "resource.level > principal.balance",
        "resource has owner && resource.owner.name == \"bob\"",
        "resource.open",
    ] {
        let answer = kept(&format!(
            "@id(\"p\") permit (principal, action, resource) when {{ {condition} }};"
        ));
        let sought = answer.explanation.unwrap().change.unwrap();
        assert_eq!(sought.patch, None, "{condition}");
        assert!(sought.summary.starts_with("no change of up to"), "{}", sought.summary);
    }
}

#[test]
fn what_masks_nothing_is_warned_of() {
    let schema = "@secret entity User { @secret code: String };\n\
                  action read appliesTo { principal: User, resource: User };";
    let bundle = Bundle { schema: Some(Text::new("s.cedarschema", schema)), ..Bundle::default() };
    let snapshot = compile(&bundle, &CompileOptions::default()).unwrap();
    let warnings: Vec<String> =
        snapshot.warnings().iter().map(|problem| problem.message.clone()).collect();
    assert_eq!(warnings, ["`@secret` on the entity type `User` masks nothing"]);
}
