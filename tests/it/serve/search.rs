//! Searches and filters of a running service: each finds what a loop of checks allows, whatever the
//! size of a page, whoever changes what meanwhile, and however little may be looked at.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::http::{Answer, Connection};
use crate::project::Project;
use crate::service::{Service, until};
use crate::world::World;
use crate::world::requests::USUAL;

const WORLD: World = World { seed: 7, entities_least: 0, tenant_entities: 40 };

fn world(configuration: &str) -> Service {
    let project = Project::shipped();
    for name in ["entities/entities.json", "entities/links.json"] {
        project.remove(name);
    }
    let (mut entities, mut links) = (Vec::new(), Vec::new());
    WORLD.write(&mut entities, &mut links).unwrap();
    project.write("entities/world.jsonl", &String::from_utf8(entities).unwrap());
    project.write("entities/links.json", &String::from_utf8(links).unwrap());
    project.write("doorward.yaml", configuration);
    Service::start(project, &[])
}

fn post(service: &Service, target: &str, body: &Value) -> Answer {
    Connection::open(service.data).post(target, &body.to_string())
}

#[track_caller]
fn ok(service: &Service, target: &str, body: &Value) -> Value {
    let answer = post(service, target, body);
    assert_eq!(answer.status, 200, "{target} {body}: {answer:?}");
    answer.json()
}

/// The uids of every stored entity of a type, by id.
fn stored(service: &Service, type_name: &str) -> Vec<Value> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let target = format!("/v1/entities?type={type_name}{cursor}");
        let page = service.admin("GET", &target, "").json();
        found.extend(page["entities"].as_array().unwrap().iter().map(|it| it["uid"].clone()));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

/// Those of the checks that are allowed.
fn allowed(service: &Service, uids: &[Value], check: impl Fn(&Value) -> Value) -> Vec<Value> {
    let checks: Vec<Value> = uids.iter().map(check).collect();
    let decided = ok(service, "/v1/checks", &json!({"checks": checks}));
    let decisions = decided["decisions"].as_array().unwrap();
    let allowed = uids.iter().zip(decisions).filter(|(_, it)| it["decision"] == "allow");
    allowed.map(|(uid, _)| uid.clone()).collect()
}

/// All pages of a search, which have to be of one revision.
#[track_caller]
fn pages(service: &Service, target: &str, question: &Value, limit: usize) -> Vec<Value> {
    let member = target.rsplit('/').next().unwrap();
    let (mut found, mut body, mut revision) = (Vec::new(), question.clone(), Value::Null);
    body["limit"] = json!(limit);
    loop {
        let page = ok(service, target, &body);
        let uids = page[member].as_array().unwrap();
        assert!(uids.len() <= limit, "{page}");
        assert!(revision.is_null() || revision == page["revision"], "{page}");
        assert_eq!(page["complete"].as_bool().unwrap(), page["cursor"].is_null(), "{page}");
        revision = page["revision"].clone();
        found.extend(uids.iter().cloned());
        if page["complete"] == true {
            return found;
        }
        body["cursor"] = page["cursor"].clone();
    }
}

/// The question of each kind that a request of the world gives, with what it must find.
fn questions(service: &Service) -> Vec<(&'static str, Value, Vec<Value>)> {
    let mut questions = Vec::new();
    for asked in WORLD.requests(USUAL).take(10) {
        let uid = |(type_name, id): &(&str, String)| json!({"type": type_name, "id": id});
        let (principal, resource) = (&uid(&asked.principal), &uid(&asked.resource));
        let action = &json!(asked.action);
        let target = asked.target.map(|id| json!({"target": {"type": "Owner", "id": id}}));
        let context = target.unwrap_or_else(|| json!({}));
        let type_of = |uid: &Value| uid["type"].as_str().unwrap().to_owned();
        let check = |principal: &Value, action: &Value, resource: &Value| {
            json!({"principal": principal, "action": action, "resource": resource,
                   "context": context})
        };
        let of_type = stored(service, &type_of(resource));
        let expected = allowed(service, &of_type, |uid| check(principal, action, uid));
        let question = json!({"principal": principal, "action": action, "context": context,
                              "type": type_of(resource)});
        questions.push(("/v1/search/resources", question, expected));
        let of_type = stored(service, &type_of(principal));
        let expected = allowed(service, &of_type, |uid| check(uid, action, resource));
        let question = json!({"resource": resource, "action": action, "context": context,
                              "type": type_of(principal)});
        questions.push(("/v1/search/principals", question, expected));
        let actions: Vec<Value> = ["create", "delete", "read", "read_telemetry", "write"]
            .map(|id| json!({"type": "Action", "id": id}))
            .to_vec();
        let expected = allowed(
            service,
            &actions,
            |action| json!({"principal": principal, "action": action, "resource": resource}),
        );
        let question = json!({"principal": principal, "resource": resource});
        questions.push(("/v1/search/actions", question, expected));
    }
    questions
}

/// Of actions, those that were checked.
fn comparable(target: &str, found: Vec<Value>) -> Vec<Value> {
    let checked = ["create", "delete", "read", "read_telemetry", "write"];
    let is_checked = |uid: &Value| checked.contains(&uid["id"].as_str().unwrap());
    let actions = target.ends_with("actions");
    found.into_iter().filter(|uid| !actions || is_checked(uid)).collect()
}

#[test]
fn every_search_is_a_loop_of_checks() {
    let service = world("");
    let questions = questions(&service);
    assert!(questions.iter().map(|(_, _, expected)| expected.len()).sum::<usize>() > 100);
    for (target, question, expected) in questions {
        let whole = pages(&service, target, &question, 10_000);
        assert_eq!(comparable(target, whole.clone()), expected, "{target} {question}");
        let sizes = (1..=whole.len() + 1).filter(|size| *size <= 5 || size + 2 > whole.len());
        for size in sizes {
            let paged = pages(&service, target, &question, size);
            assert_eq!(paged, whole, "{target} {question}, pages of {size}");
        }
        let mut counted = question.clone();
        (counted["count"], counted["limit"]) = (json!(true), json!(1));
        assert_eq!(ok(&service, target, &counted)["count"], whole.len(), "{target} {question}");
    }
}

#[test]
fn a_filter_is_a_loop_of_checks_in_the_order_asked() {
    let service = world("");
    for (target, question, mut expected) in questions(&service) {
        let Some(type_name) = question["type"].as_str().filter(|_| target.ends_with("resources"))
        else {
            continue;
        };
        let mut resources = stored(&service, type_name);
        resources.reverse();
        expected.reverse();
        // Twice asked is twice answered, and what is not stored is decided as by a check.
        resources.extend(expected.first().cloned());
        resources.push(json!({"type": type_name, "id": "nobody has this id"}));
        expected.extend(expected.first().cloned());
        let body = json!({"principal": question["principal"], "action": question["action"],
                          "context": question["context"], "resources": resources});
        let answer = ok(&service, "/v1/filter", &body);
        assert_eq!(answer, json!({"allowed": expected, "revision": 1}), "{question}");
    }
}

#[test]
fn authzen_finds_the_same() {
    let service = world("");
    for (target, question, expected) in questions(&service) {
        let entity = |uid: &Value| json!({"type": uid["type"], "id": uid["id"]});
        let action = json!({"name": question["action"]});
        let (target, mut body) = match target {
            "/v1/search/resources" => (
                "/access/v1/search/resource",
                json!({
                "subject": entity(&question["principal"]), "action": action,
                "resource": {"type": question["type"]}}),
            ),
            "/v1/search/principals" => (
                "/access/v1/search/subject",
                json!({
                "subject": {"type": question["type"]}, "action": action,
                "resource": entity(&question["resource"])}),
            ),
            _ => continue,
        };
        body["context"] = question["context"].clone();
        assert_eq!(ok(&service, target, &body), json!({"results": expected}), "{body}");
        body["page"] = json!({"limit": 2});
        let mut found = Vec::new();
        loop {
            let page = ok(&service, target, &body);
            found.extend(page["results"].as_array().unwrap().clone());
            let token = page["page"]["next_token"].clone();
            if token == "" {
                break;
            }
            body["page"]["token"] = token;
        }
        assert_eq!(found, expected, "{body}");
    }
}

#[test]
fn pages_are_of_one_revision_whoever_changes_what() {
    let service = Service::start(Project::shipped(), &[]);
    let emma = json!({"principal": "User::\"emma\"", "action": "read", "type": "Device"});
    let whole = pages(&service, "/v1/search/resources", &emma, 100);
    let device = |id: &str| {
        json!({"uid": {"type": "Device", "id": id}, "parents": [],
        "attrs": {"owner": {"__entity": {"type": "Owner", "id": "A"}},
                  "tenant": {"__entity": {"type": "Owner", "id": "T"}}}})
    };
    let stored = service.admin("GET", "/v1/entities/Device/SD-001", "").json();
    let like = |id: &str| {
        let mut device = device(id);
        device["attrs"] = stored["attrs"].clone();
        device
    };
    let (mut found, mut body) = (Vec::new(), emma.clone());
    body["limit"] = json!(1);
    for number in 0.. {
        let page = ok(&service, "/v1/search/resources", &body);
        assert_eq!(page["revision"], 1, "{page}");
        found.extend(page["resources"].as_array().unwrap().clone());
        // One comes and another one goes, before and behind the cursor.
        let change = json!({"upsert": [like(&format!("A-{number}")), like(&format!("Z-{number}"))],
            "remove": [{"type": "Device", "id": format!("Z-{}", number - 1)}]});
        let patched = service.admin("PATCH", "/v1/entities", &change.to_string());
        assert_eq!(patched.status, 200, "{patched:?}");
        if page["complete"] == true {
            break;
        }
        body["cursor"] = page["cursor"].clone();
    }
    assert_eq!(found, whole);
    let metrics = service.metrics();
    let kept =
        metrics.lines().find_map(|it| it.strip_prefix("doorward_search_candidates_kept_bytes "));
    assert!(kept.unwrap().parse::<u64>().unwrap() > 0, "the pages kept nothing");
    let now = pages(&service, "/v1/search/resources", &emma, 1);
    assert_eq!(now.len(), whole.len() * 2 + 1, "{now:?}");
}

#[test]
fn a_spent_budget_is_told_and_goes_on() {
    let service = world("limits: { search_candidates: 3 }\n");
    let unbounded = world("");
    for (target, question, expected) in questions(&service) {
        if target.ends_with("actions") {
            continue;
        }
        assert_eq!(pages(&service, target, &question, 100), expected, "{question}");
        let mut counted = question.clone();
        counted["count"] = json!(true);
        let (page, whole) = (ok(&service, target, &counted), ok(&unbounded, target, &counted));
        assert_eq!(whole["count"], expected.len(), "{whole}");
        let least = page["count_at_least"].as_u64().or(page["count"].as_u64()).unwrap();
        assert!(least <= expected.len() as u64, "{page}");
        assert!(page["count"].is_null() || page["count"] == whole["count"], "{page}");
        if expected.len() > 3 {
            assert_eq!((&page["complete"], page["count"].is_null()), (&json!(false), true));
        }
    }
    assert!(service.metrics().contains(r#"searches_total{kind="resources",result="partial"}"#));
}

#[test]
fn a_cursor_ends_with_its_revision_and_belongs_to_its_question() {
    let project = Project::shipped();
    project.write("doorward.yaml", "limits: { cursor_revisions: 1 }\n");
    let service = Service::start(project, &[]);
    let mut emma =
        json!({"principal": "User::\"emma\"", "action": "read", "type": "Device", "limit": 1});
    let first = ok(&service, "/v1/search/resources", &emma)["cursor"].clone();
    let change =
        json!({"unlink": ["no-such-link"], "remove": [{"type": "Device", "id": "WM-003"}]});
    let patched = service.admin("PATCH", "/v1/entities", &change.to_string());
    assert_eq!(patched.json()["revision"], 2, "{patched:?}");
    let with = |question: &Value, cursor: &Value| {
        let mut body = question.clone();
        body["cursor"] = cursor.clone();
        post(&service, "/v1/search/resources", &body)
    };
    assert_eq!(with(&emma, &first).json()["revision"], 1);
    // One revision is kept for cursors: that of the last one.
    let second = ok(&service, "/v1/search/resources", &emma)["cursor"].clone();
    let gone = with(&emma, &first);
    assert_eq!((gone.status, gone.json()["code"].as_str()), (410, Some("cursor_gone")), "{gone:?}");
    assert!(gone.json()["hint"].as_str().unwrap().contains("begin again"));
    assert_eq!(with(&emma, &second).json()["revision"], 2);
    assert!(service.metrics().contains("doorward_pinned_revisions 1"));

    let forged = json!(second.as_str().unwrap().replace('a', "b"));
    assert_eq!(with(&emma, &forged).status % 10, 0, "{forged}");
    emma["principal"] = json!("User::\"jack\"");
    let other = with(&emma, &second);
    assert_eq!((other.status, other.json()["code"].as_str()), (400, Some("invalid_cursor")));
    // The size of a page is no part of the question.
    emma["principal"] = json!("User::\"emma\"");
    emma["limit"] = json!(3);
    assert_eq!(with(&emma, &second).status, 200);
    let service = Service::start(service.kill(), &[]);
    emma["cursor"] = second;
    assert_eq!(post(&service, "/v1/search/resources", &emma).status, 410);
}

/// The tutorial's share, with a time: a page of a pinned revision respects it too.
#[test]
fn a_link_that_expires_is_found_by_nothing_any_more() {
    let service = Service::start(Project::shipped(), &[]);
    let question = json!({"principal": "User::\"jack\"", "action": "read", "limit": 1});
    let all = |body: &Value| {
        let found = pages(&service, "/v1/search/resources", body, 1);
        found.iter().map(ToString::to_string).collect::<BTreeSet<_>>()
    };
    let links = service.admin("GET", "/v1/links", "").json();
    let mut changed = Vec::new();
    let expires = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(3);
    for link in links["links"].as_array().unwrap() {
        let mut link = link.clone();
        link["expires"] = json!(expires.to_string());
        changed.push(link);
    }
    let unlink: Vec<&Value> = changed.iter().map(|link| &link["link_id"]).collect();
    let change = json!({"unlink": unlink, "link": changed});
    assert_eq!(service.admin("PATCH", "/v1/entities", &change.to_string()).status, 200);
    let before = all(&question);
    let pinned = ok(&service, "/v1/search/resources", &question)["cursor"].clone();
    let after = until("the shares expire", || {
        let now = all(&question);
        (now.len() < before.len()).then_some(now)
    });
    assert!(after.is_subset(&before) && !before.is_empty());
    let mut continued = question.clone();
    continued["cursor"] = pinned;
    assert!(all(&continued).is_subset(&after));
}
