//! The same question through every door has the same answer: single, in a batch, in the AuthZEN
//! protocol, and asked twice.

use std::cell::RefCell;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::http::Connection;
use crate::service::Service;

/// A uid from those of the snapshot, beside them, or of no known type.
fn uid() -> impl Strategy<Value = Value> {
    let known = vec![
        ("User", "emma"),
        ("User", "jack"),
        ("User", "tenant_admin"),
        ("User", "cust_admin_a"),
        ("User", "other_tenant_admin"),
        ("User", "ghost"),
        ("SystemAdministrator", "sysadmin"),
        ("Anonymous", "anonymous"),
        ("Device", "SD-001"),
        ("Device", "AM-307"),
        ("Device", "ghost"),
        ("Dashboard", "My New Dashboard"),
        ("EntityGroup", "Buildings"),
        ("UserGroup", "A/All"),
        ("Customer", "Customer A"),
        ("Tenant", "Tenant 1"),
        ("Robot", "x"),
    ];
    prop_oneof![
        9 => select(known).prop_map(|(kind, id)| json!({"type": kind, "id": id})),
        1 => any::<String>().prop_map(|id| json!({"type": "User", "id": id})),
    ]
}

fn check() -> impl Strategy<Value = Value> {
    let action = select(vec!["read", "write", "delete", "change_owner", "share_group", "fly"]);
    let context = select(vec![
        json!({}),
        json!({"target": {"__entity": {"type": "Owner", "id": "A-East"}}}),
        json!({"target": {"__entity": {"type": "Owner", "id": "Tenant 1"}}}),
        json!({"target": "A-East"}),
        json!({"other": 1}),
    ]);
    (uid(), action, uid(), context).prop_map(|(principal, action, resource, context)| {
        json!({
            "principal": principal,
            "action": {"type": "Action", "id": action},
            "resource": resource,
            "context": context,
        })
    })
}

/// An answer or a refusal without what is particular to one request.
fn essence(answer: &Value) -> Value {
    let names = ["decision", "code", "reason", "errors", "detail"];
    let answer = if answer["error"].is_object() { &answer["error"] } else { answer };
    names.iter().map(|name| ((*name).to_owned(), answer[*name].clone())).collect()
}

/// Whether the context has a member that the action does not declare: AuthZEN leaves it out where
/// the native check refuses it.
fn has_undeclared(check: &Value) -> bool {
    let declares =
        ["change_owner", "share_group"].iter().any(|name| check["action"]["id"] == *name);
    let members = check["context"].as_object().unwrap();
    !members.is_empty() && (!declares || members.contains_key("other"))
}

#[test]
fn a_check_and_the_item_of_a_batch_agree() {
    let service = Service::shipped();
    // The runner calls a `Fn`.
    let connection = RefCell::new(Connection::open(service.data));
    let mut runner =
        TestRunner::new(Config { cases: 64, failure_persistence: None, ..Config::default() });
    let checks = vec(check(), 1..12);
    let outcome = runner.run(&checks, |checks| {
        let batch =
            connection.borrow_mut().post("/v1/checks", &json!({"checks": checks}).to_string());
        prop_assert_eq!(batch.status, 200, "{:?}", batch);
        let batch = batch.json();
        let decisions = batch["decisions"].as_array().unwrap();
        prop_assert_eq!(decisions.len(), checks.len());
        for (check, item) in checks.iter().zip(decisions) {
            let single = connection.borrow_mut().post("/v1/check", &check.to_string()).json();
            prop_assert_eq!(essence(&single), essence(item), "{}", check);
        }
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn a_check_and_an_authzen_evaluation_agree() {
    let service = Service::shipped();
    // The runner calls a `Fn`.
    let connection = RefCell::new(Connection::open(service.data));
    let mut runner =
        TestRunner::new(Config { cases: 128, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&check(), |check| {
        let evaluation = json!({
            "subject": check["principal"],
            "action": {"name": check["action"]["id"]},
            "resource": check["resource"],
            "context": check["context"],
        });
        let body = evaluation.to_string();
        let answer = connection.borrow_mut().post("/access/v1/evaluation", &body);
        let single = connection.borrow_mut().post("/v1/check", &check.to_string());
        prop_assert_eq!(answer.status, 200, "{}", body);
        if !has_undeclared(&check) {
            let allowed = single.status == 200 && single.json()["decision"] == "allow";
            prop_assert_eq!(answer.json(), json!({"decision": allowed}), "{}", body);
        }
        let batch = json!({"evaluations": [evaluation, evaluation]}).to_string();
        let batch = connection.borrow_mut().post("/access/v1/evaluations", &batch).json();
        prop_assert_eq!(batch, json!({"evaluations": [answer.json(), answer.json()]}), "{}", body);
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn a_uid_as_text_and_in_two_halves_agree() {
    let service = Service::shipped();
    let mut connection = Connection::open(service.data);
    let halves = json!({
        "principal": {"type": "User", "id": "emma"},
        "action": {"type": "Action", "id": "read"},
        "resource": {"type": "Dashboard", "id": "My New Dashboard"},
    });
    let text = json!({
        "principal": "User::\"emma\"",
        "action": "read",
        "resource": "Dashboard::\"My New Dashboard\"",
    });
    let mut ask = |body: &Value| essence(&connection.post("/v1/check", &body.to_string()).json());
    assert_eq!(ask(&halves), ask(&text));
}

/// An explanation takes longer than a decision, so that a batch has so many of them and no more.
#[test]
fn of_a_batch_the_first_hundred_are_explained() {
    let service = Service::shipped();
    let mut connection = Connection::open(service.data);
    let check = json!({
        "principal": "User::\"jack\"", "action": "read", "resource": "Device::\"SD-001\"",
        "explain": true,
    });
    let body = json!({"checks": vec![check; 101]});
    let answer = connection.post("/v1/checks", &body.to_string()).json();
    let decisions = answer["decisions"].as_array().unwrap();
    assert!(decisions.iter().all(|it| it["decision"] == "deny" && it["code"] == "no_permit"));
    let explained = decisions.iter().take_while(|it| it.get("explanation").is_some()).count();
    assert_eq!((explained, decisions.len()), (100, 101));
    assert!(decisions[100].get("explanation").is_none());
    let question = json!({
        "subject": {"type": "User", "id": "jack"}, "action": {"name": "read"},
        "resource": {"type": "Device", "id": "SD-001"},
    });
    let context = json!({"doorward": {"explain": true}});
    let body = json!({"context": context, "evaluations": vec![question; 101]});
    let answer = connection.post("/access/v1/evaluations", &body.to_string()).json();
    let evaluations = answer["evaluations"].as_array().unwrap();
    let has = |at: usize| evaluations[at]["context"].get("explanation").is_some();
    assert!(has(99) && !has(100) && evaluations[100]["context"]["code"] == "no_permit");
}
