//! The interoperability scenarios of the AuthZEN working group, with the policies in
//! `examples/authzen/` and the decisions that were published.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::http::Connection;
use crate::project::Project;
use crate::service::Service;

const PEOPLE: [(&str, &str); 5] = [
    ("rick@the-citadel.com", "CiRmZDA2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs"),
    ("morty@the-citadel.com", "CiRmZDE2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs"),
    ("summer@the-smiths.com", "CiRmZDI2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs"),
    ("beth@the-smiths.com", "CiRmZDM2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs"),
    ("jerry@the-smiths.com", "CiRmZDQ2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs"),
];

const USERS: [&str; 6] = ["alice", "bob", "carol", "dan", "erin", "felix"];

/// What each user may view, edit and delete.
const RECORDS: [(&str, &str, &str); 6] = [
    (
        "101 102 103 104 105 106 107 108 109 110 111 112 113 114 115 116 117 118 119 120",
        "101 107 110 113 119",
        "101 107 113 119",
    ),
    ("101 102 103 105 108 112 114 116 117 119 120", "102 108 114 120", "102 108 114 120"),
    ("101 102 103 105 108 109 112 115 116 117 119", "103 109 115", "103 109 115"),
    (
        "101 102 103 104 105 106 107 108 109 110 111 112 113 114 115 116 117 118 119 120",
        "104 110 115 116",
        "104 110 116",
    ),
    ("105 111 115 117", "105 111 117", "105 111 117"),
    ("104 106 109 111 112 114 118 120", "106 112 118", "106 112 118"),
];

/// A service on one of the directories.
fn scenario(name: &str) -> Service {
    let project = Project::empty();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/authzen").join(name);
    for part in ["policies", "entities", "."] {
        for entry in fs::read_dir(root.join(part)).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_file() {
                let file = entry.file_name().to_string_lossy().into_owned();
                let text = fs::read_to_string(entry.path()).unwrap();
                project.write(&format!("{part}/{file}"), &text);
            }
        }
    }
    Service::start(project, &[])
}

/// The whole answer, since runners compare it whole.
#[track_caller]
fn is(service: &Service, path: &str, request: &Value, expected: &Value) {
    let answer = Connection::open(service.data).post(path, &request.to_string());
    assert_eq!((answer.status, &answer.json()), (200, expected), "{request}");
}

fn evaluation(subject: (&str, &str), action: &str, resource: &Value) -> Value {
    json!({"subject": {"type": subject.0, "id": subject.1}, "action": {"name": action},
           "resource": resource})
}

/// Subjects come by their mail address in one version of the scenario and by an opaque id in
/// another.
#[test]
fn todo() {
    let service = scenario("todo");
    let owners = ["rick@the-citadel.com", "morty@the-citadel.com", "summer@the-smiths.com"];
    for (number, (mail, opaque)) in PEOPLE.into_iter().enumerate() {
        let editor = number < 3;
        let mut asked = Vec::new();
        let todo = |id: &str| json!({"type": "todo", "id": id});
        asked.push(("can_read_user", json!({"type": "user", "id": "beth@the-smiths.com"}), true));
        asked.push(("can_read_user", json!({"type": "user", "id": opaque}), true));
        asked.push(("can_read_todos", todo("todo-1"), true));
        asked.push(("can_create_todo", todo("todo-1"), editor));
        for owner in owners {
            let mut of_owner = todo("7240d0db-8ff0-41ec-98b2-34a096273b92");
            of_owner["properties"] = json!({"ownerID": owner});
            let may = number == 0 || editor && owner == mail;
            asked.push(("can_update_todo", of_owner.clone(), may));
            asked.push(("can_delete_todo", of_owner, may));
        }
        for id in [mail, opaque] {
            let mut decisions = Vec::new();
            for (action, resource, expected) in &asked {
                let request = evaluation(("user", id), action, resource);
                let decision = json!({"decision": expected});
                is(&service, "/access/v1/evaluation", &request, &decision);
                decisions.push(decision);
            }
            let items = asked.iter().map(
                |(action, resource, _)| json!({"action": {"name": action}, "resource": resource}),
            );
            let batch = json!({"subject": {"type": "user", "id": id},
                               "evaluations": items.collect::<Vec<_>>()});
            let answer = json!({"evaluations": decisions});
            is(&service, "/access/v1/evaluations", &batch, &answer);
        }
    }
}

#[test]
fn gateway() {
    let service = scenario("todo");
    let routes = [
        ("GET", "/users/{userId}", false),
        ("GET", "/todos", false),
        ("POST", "/todos", true),
        ("PUT", "/todos/{todoId}", true),
        ("DELETE", "/todos/{todoId}", true),
    ];
    for (number, (_, opaque)) in PEOPLE.into_iter().enumerate() {
        for (method, path, needs_editor) in routes {
            let route = json!({"type": "route", "id": path});
            let request = evaluation(("identity", opaque), method, &route);
            let expected = json!({"decision": number < 3 || !needs_editor});
            is(&service, "/access/v1/evaluation", &request, &expected);
        }
    }
}

/// The records of a user for an action.
fn records(user: usize, action: &str) -> Vec<&'static str> {
    let (view, edit, delete) = RECORDS[user];
    let ids = match action {
        "view" => view,
        "edit" => edit,
        _ => delete,
    };
    ids.split(' ').collect()
}

fn results<'a>(type_name: &str, ids: impl IntoIterator<Item = &'a str>) -> Value {
    let results = ids.into_iter().map(|id| json!({"type": type_name, "id": id}));
    json!({"results": results.collect::<Vec<_>>()})
}

#[test]
fn search() {
    let service = scenario("search");
    let ids: Vec<String> = (101..=120).map(|id: u32| id.to_string()).collect();
    for (number, user) in USERS.into_iter().enumerate() {
        let subject = json!({"type": "user", "id": user});
        for action in ["view", "edit", "delete"] {
            let request = json!({"subject": subject, "action": {"name": action},
                                 "resource": {"type": "record"}});
            let expected = results("record", records(number, action));
            is(&service, "/access/v1/search/resource", &request, &expected);
        }
        for id in &ids {
            let may = |action: &&str| records(number, action).contains(&id.as_str());
            let names = ["delete", "edit", "view"].into_iter().filter(may);
            let names: Vec<Value> = names.map(|name| json!({"name": name})).collect();
            let request = json!({"subject": subject, "resource": {"type": "record", "id": id}});
            is(&service, "/access/v1/search/action", &request, &json!({"results": names}));
        }
    }
    for id in &ids {
        for action in ["view", "edit", "delete"] {
            let may = |user: &usize| records(*user, action).contains(&id.as_str());
            let users = (0..USERS.len()).filter(may).map(|user| USERS[user]);
            let request = json!({"subject": {"type": "user"}, "action": {"name": action},
                                 "resource": {"type": "record", "id": id}});
            is(&service, "/access/v1/search/subject", &request, &results("user", users));
        }
    }
}

#[test]
fn identity_provider() {
    let service = scenario("idp");
    let issued = [
        ("manager", 110, true),
        ("editor", 60, true),
        ("contractor", 0, false),
        ("manager", 60, true),
        ("editor", 110, true),
        ("contractor", 100, false),
    ];
    for (number, (user, (role, balance, expected))) in USERS.into_iter().zip(issued).enumerate() {
        let application = json!({"type": "application", "id": "DemoApp"});
        let mut request = evaluation(("user", user), "issue", &application);
        request["subject"]["properties"] = json!({"role": role, "balance": balance});
        is(&service, "/access/v1/evaluation", &request, &json!({"decision": expected}));
        let request = evaluation(("user", user), "delete", &json!({"type": "record"}));
        // Who owns what is the same as in the scenario of searches.
        let owned = (0..20).filter(|record| record % 6 == number).map(|record| 101 + record);
        let owned: Vec<String> = owned.map(|id| id.to_string()).collect();
        let expected = results("record", owned.iter().map(String::as_str));
        is(&service, "/access/v1/search/resource", &request, &expected);
    }
}
