//! What was in force before: listed, in pages, and put in force again, over restarts.

mod keys;

use std::fs;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::http::{Answer, Connection};
use crate::project::Project;
use crate::service::{READER, Service, WRITER};

const SCHEMA: &str = "entity Team; entity User in [Team]; entity Report { author: User };
    action read appliesTo { principal: User, resource: Report };\n";
const AUTHOR: &str = "@id(\"author\") permit (principal, action, resource)
        when { resource.author == principal };
    @id(\"share\") permit (principal in ?principal, action, resource == ?resource);\n";

fn user(id: &str) -> Value {
    json!({"uid": {"type": "User", "id": id}, "attrs": {}, "parents": []})
}

fn entities() -> Value {
    json!([
        {"uid": {"type": "Team", "id": "t"}, "attrs": {}, "parents": []},
        user("u"),
        {"uid": {"type": "Report", "id": "r"},
         "attrs": {"author": {"__entity": {"type": "User", "id": "u"}}}, "parents": []},
    ])
}

fn bundle() -> Value {
    json!({"schema": SCHEMA, "policies": {"a.cedar": AUTHOR}, "entities": entities()})
}

/// A service whose every part the API owns, at revision 1.
fn own() -> Service {
    let service = Service::start(Project::empty(), &[]);
    taken(&service.admin("PUT", "/v1/bundle", &bundle().to_string()), 1);
    service
}

/// The same with policies and seed from files.
fn of_files() -> Project {
    let project = Project::empty();
    project.write("policies/schema.cedarschema", SCHEMA);
    project.write("policies/reports.cedar", AUTHOR);
    project.write("entities/entities.json", &entities().to_string());
    project
}

#[track_caller]
fn taken(answer: &Answer, revision: u64) -> Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    let json = answer.json();
    assert_eq!(json["revision"], revision, "{json}");
    assert_eq!(answer.header("etag"), Some(format!("\"{revision}\"")));
    json
}

#[track_caller]
fn refused(answer: &Answer, status: u16, code: &str) -> String {
    assert_eq!(answer.status, status, "{answer:?}");
    let json = answer.json();
    assert_eq!(json["code"], code, "{json}");
    json["detail"].as_str().unwrap().to_owned()
}

fn patch(service: &Service, change: &Value) -> Answer {
    service.admin("PATCH", "/v1/entities", &change.to_string())
}

fn restore(service: &Service, revision: u64) -> Answer {
    service.admin("POST", &format!("/v1/revisions/{revision}/restore"), "")
}

fn request(
    service: &Service,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let authorization = format!("Bearer {WRITER}");
    let mut all = vec![("Authorization", authorization.as_str())];
    if !body.is_empty() {
        all.push(("Content-Type", "application/json"));
    }
    all.extend(headers);
    Connection::open(service.admin).request(method, target, &all, body.as_bytes())
}

fn reads(service: &Service, user: &str) -> String {
    let body = json!({
        "principal": {"type": "User", "id": user}, "action": "read",
        "resource": {"type": "Report", "id": "r"},
    });
    service.check(&body.to_string())["code"].as_str().unwrap().to_owned()
}

fn state(service: &Service) -> Value {
    service.admin("GET", "/v1/revision", "").json()
}

fn again(service: Service) -> Service {
    Service::start(service.kill(), &[])
}

#[test]
fn revisions_are_listed_newest_first_with_who_made_them() {
    let service = Service::start(of_files(), &[]);
    taken(&patch(&service, &json!({"upsert": [user("v")]})), 2);
    service
        .project
        .write("policies/more.cedar", "@id(\"no\") forbid (principal, action, resource);");
    service.reload();
    let list = service.admin("GET", "/v1/revisions", "");
    assert_eq!((list.status, list.header("etag")), (200, Some("\"3\"".to_owned())));
    let expected = r#"{"revisions":[{"revision":3,"at":"<time>","by":"files","changed":["policies"]},{"revision":2,"at":"<time>","by":"writer","changed":["entities"]},{"revision":1,"at":"<time>","by":"files","changed":["schema","policies","entities"]}]}"#;
    assert_eq!(service.project.steady(&list.body), expected);
    let list = list.body;
    let service = again(service);
    assert_eq!(service.admin("GET", "/v1/revisions", "").body, list);
    let authorization = format!("Bearer {READER}");
    let headers = [("Authorization", authorization.as_str())];
    let mut admin = Connection::open(service.admin);
    assert_eq!(admin.request("GET", "/v1/revisions", &headers, b"").body, list);
    let answer = admin.request("POST", "/v1/revisions/1/restore", &headers, b"");
    refused(&answer, 403, "insufficient_role");
    refused(&service.admin("GET", "/v1/revisions?cursor=x", ""), 400, "invalid_member");
    refused(&service.admin("GET", "/v1/revisions?size=1", ""), 400, "unknown_member");
}

#[test]
fn pages_of_revisions_hold_each_once() {
    let service = own();
    for number in 0..249 {
        taken(&patch(&service, &json!({"upsert": [user(&format!("p{number}"))]})), number + 2);
    }
    let (mut found, mut target, mut pages) = (Vec::new(), "/v1/revisions".to_owned(), 0);
    loop {
        let page = service.admin("GET", &target, "").json();
        let revisions = page["revisions"].as_array().unwrap().iter();
        found.extend(revisions.map(|it| it["revision"].as_u64().unwrap()));
        pages += 1;
        let Some(next) = page["next"].as_str() else { break };
        target = format!("/v1/revisions?cursor={next}");
    }
    assert_eq!((found, pages), ((1..=250).rev().collect::<Vec<u64>>(), 3));
}

#[test]
fn a_revision_is_restored_as_a_new_one() {
    let service = own();
    let first = state(&service);
    taken(
        &patch(
            &service,
            &json!({"upsert": [user("v")], "link": [{
                "template_id": "share", "link_id": "l",
                "args": {"?principal": "User::\"v\"", "?resource": "Report::\"r\""},
            }]}),
        ),
        2,
    );
    assert_eq!(reads(&service, "v"), "allow");
    let none = json!({"policies": {"a.cedar": AUTHOR.replacen("permit", "forbid", 1)}});
    taken(&service.admin("PUT", "/v1/bundle", &none.to_string()), 3);
    assert_eq!(reads(&service, "u"), "forbidden");
    // Policies alone, then everything, then what is in force already.
    assert_eq!(taken(&restore(&service, 2), 4)["changed"], json!(["policies"]));
    assert_eq!((reads(&service, "u"), reads(&service, "v")), ("allow".into(), "allow".into()));
    assert_eq!(taken(&restore(&service, 1), 5)["changed"], json!(["entities", "links"]));
    assert_eq!(reads(&service, "v"), "unknown_principal");
    assert_eq!(state(&service)["digest"], first["digest"]);
    assert_eq!(taken(&restore(&service, 1), 5)["changed"], json!([]));
    let service = again(service);
    assert_eq!(state(&service)["digest"], first["digest"]);
    assert_eq!(reads(&service, "v"), "unknown_principal");
    taken(&restore(&service, 3), 6);
    assert_eq!((reads(&service, "u"), reads(&service, "v")), ("forbidden".into(), "allow".into()));
}

#[test]
fn a_restore_says_what_it_cannot_do() {
    let service = own();
    taken(&patch(&service, &json!({"upsert": [user("v")]})), 2);
    let detail = refused(&restore(&service, 9), 404, "not_found");
    assert_eq!(detail, "there is no revision 9; the newest is 2");
    refused(&restore(&service, 0), 404, "not_found");
    let post = |target: &str, headers: &[(&str, &str)], body: &str| {
        request(&service, "POST", target, headers, body)
    };
    refused(&post("/v1/revisions/x/restore", &[], ""), 404, "not_found");
    refused(&post("/v1/revisions/1/restore", &[], "{}"), 400, "invalid_json");
    refused(&post("/v1/revisions/1/restore?dry_run=maybe", &[], ""), 400, "invalid_member");
    refused(&service.admin("PUT", "/v1/revisions/1/restore", ""), 405, "method_not_allowed");
    let stale = post("/v1/revisions/1/restore", &[("If-Match", "\"1\"")], "");
    refused(&stale, 412, "revision_mismatch");
    let tried = post("/v1/revisions/1/restore?dry_run=true", &[], "");
    assert_eq!(taken(&tried, 2)["changed"], json!(["entities"]));
    assert_eq!(state(&service)["revision"], 2);
    taken(&post("/v1/revisions/1/restore", &[("If-Match", "\"2\"")], ""), 3);
    let service = Service::start(Project::shipped(), &["--ephemeral"]);
    refused(&restore(&service, 1), 409, "ephemeral");
    assert_eq!(service.admin("GET", "/v1/revisions", "").json(), json!({"revisions": []}));
}

#[test]
fn a_restore_leaves_to_files_what_is_theirs() {
    let service = Service::start(of_files(), &[]);
    service.project.write("entities/entities.json", "[]");
    service.reload();
    let detail = refused(&restore(&service, 1), 409, "owned_elsewhere");
    assert_eq!(detail, "`entities` belongs to files and cannot be written here");
    taken(&patch(&service, &json!({"upsert": [user("w")]})), 3);
    taken(&patch(&service, &json!({"remove": ["User::\"w\""]})), 4);
    // Entities are the API's now, and policies are what they were.
    taken(&restore(&service, 1), 5);
    assert_eq!(reads(&service, "u"), "allow");
    service
        .project
        .write("policies/more.cedar", "@id(\"no\") forbid (principal, action, resource);");
    service.reload();
    let detail = refused(&restore(&service, 5), 409, "owned_elsewhere");
    assert_eq!(detail, "`policies` belongs to files and cannot be written here");
    assert_eq!(state(&service)["revision"], 6);
}

/// The last thousand revisions and more can be restored, though snapshots were written between.
#[test]
fn a_thousand_revisions_later_the_first_is_restored() {
    let service = own();
    let first = state(&service);
    let mut admin = Connection::open(service.admin);
    let authorization = format!("Bearer {WRITER}");
    let headers = [("Authorization", authorization.as_str()), ("Content-Type", "application/json")];
    for number in 0..1_200 {
        let body = json!({"upsert": [user(&format!("p{}", number % 7))]}).to_string();
        let body = if number < 7 {
            body
        } else {
            json!({"upsert": [{"uid": {"type": "User", "id": format!("p{}", number % 7)},
                "attrs": {}, "parents": if number / 7 % 2 == 1 {
                    json!([{"type": "Team", "id": "t"}]) } else { json!([]) }}]})
            .to_string()
        };
        let answer = admin.request("PATCH", "/v1/entities", &headers, body.as_bytes());
        taken(&answer, number + 2);
    }
    let service = again(service);
    assert_eq!(state(&service)["revision"], 1_201);
    taken(&restore(&service, 600), 1_202);
    taken(&restore(&service, 1), 1_203);
    assert_eq!(state(&service)["digest"], first["digest"]);
}

#[test]
fn what_is_so_already_makes_no_revision() {
    let service = own();
    taken(&patch(&service, &json!({"upsert": [user("v")]})), 2);
    // Another order, another layout, a member that is empty: the same entities.
    let same = r#"{"entities": [
        {"parents": [], "uid": {"id": "v", "type": "User"}, "attrs": {}, "tags": {}},
        {"uid": {"type": "Report", "id": "r"}, "attrs": {"author": {"__entity": {"id": "u", "type": "User"}}}, "parents": []},
        {"uid": {"type": "User", "id": "u"}, "attrs": {}, "parents": []},
        {"uid": {"type": "Team", "id": "t"}, "attrs": {}, "parents": []}]}"#;
    let answer = service.admin("PUT", "/v1/entities", same);
    assert_eq!(taken(&answer, 2)["changed"], json!([]));
    let again_same = service.admin("PUT", "/v1/bundle?dry_run=true", &bundle().to_string());
    assert_eq!(taken(&again_same, 2)["changed"], json!(["entities"]));
    // The same with other policies changes those alone; one entity less is one removed.
    let both = json!({"policies": {"a.cedar": format!("{AUTHOR} // more")},
        "entities": serde_json::from_str::<Value>(same).unwrap()["entities"]});
    let answer = service.admin("PUT", "/v1/bundle", &both.to_string());
    assert_eq!(taken(&answer, 3)["changed"], json!(["policies"]));
    let answer = service.admin("PUT", "/v1/entities", &json!({"entities": entities()}).to_string());
    assert_eq!(taken(&answer, 4)["changed"], json!(["entities"]));
    assert_eq!(reads(&service, "v"), "unknown_principal");
    let shown = service.project.run(&["log", "show", "4"]);
    assert!(shown.contains("\"remove\": [\n    \"User::\\\"v\\\"\"\n  ]"), "{shown}");
    let before = state(&service);
    let service = again(service);
    assert_eq!(state(&service), before);
    assert_eq!(reads(&service, "v"), "unknown_principal");
}

/// How much of the past is kept can be set.
#[test]
fn fewer_revisions_are_kept_where_that_is_configured() {
    let project = Project::empty();
    project.write("doorward.yaml", "limits: { revisions: 10, older_revisions_bytes: 1 }\n");
    let service = Service::start(project, &[]);
    taken(&service.admin("PUT", "/v1/bundle", &bundle().to_string()), 1);
    let mut admin = Connection::open(service.admin);
    let authorization = format!("Bearer {WRITER}");
    let headers = [("Authorization", authorization.as_str()), ("Content-Type", "application/json")];
    // Snapshots are a thousand revisions apart, and the oldest that is kept needs one before it.
    for number in 0..2_020 {
        let parents =
            if number % 2 == 0 { json!([]) } else { json!([{"type": "Team", "id": "t"}]) };
        let change = json!({"upsert": [{"uid": {"type": "User", "id": "p"}, "attrs": {}, "parents": parents}]});
        let body = change.to_string();
        taken(&admin.request("PATCH", "/v1/entities", &headers, body.as_bytes()), number + 2);
    }
    let detail = crate::service::until("the first revision is let go", || {
        let answer = restore(&service, 1);
        (answer.status == 404).then(|| refused(&answer, 404, "not_found"))
    });
    assert!(detail.starts_with("revision 1 is no longer kept; the oldest is "), "{detail}");
}

/// Changes that wait at the same time wait for the disk together, and each is a revision.
#[test]
fn each_of_many_changes_at_once_is_a_revision() {
    const WRITERS: usize = 24;
    const CHANGES: usize = 25;
    let service = own();
    let admin = service.admin;
    let mut revisions: Vec<u64> = std::thread::scope(|scope| {
        let write = |writer: usize| {
            let authorization = format!("Bearer {WRITER}");
            let headers =
                [("Authorization", authorization.as_str()), ("Content-Type", "application/json")];
            let mut connection = Connection::open(admin);
            let change = |number: usize| {
                let body = json!({"upsert": [user(&format!("w{writer}-{number}"))]}).to_string();
                let answer = connection.request("PATCH", "/v1/entities", &headers, body.as_bytes());
                assert_eq!(answer.status, 200, "{answer:?}");
                answer.json()["revision"].as_u64().unwrap()
            };
            (0..CHANGES).map(change).collect::<Vec<u64>>()
        };
        let started: Vec<_> =
            (0..WRITERS).map(|writer| scope.spawn(move || write(writer))).collect();
        started.into_iter().flat_map(|it| it.join().unwrap()).collect()
    });
    revisions.sort_unstable();
    assert_eq!(revisions, (2..=1 + (WRITERS * CHANGES) as u64).collect::<Vec<_>>());
    let before = state(&service);
    assert_eq!(before["entities"], 3 + WRITERS * CHANGES);
    let service = again(service);
    assert_eq!(state(&service), before);
}

#[test]
fn a_directory_of_an_earlier_form_is_refused() {
    let project = of_files();
    project.write(".doorward/state.json", "digest\n{}");
    let output =
        project.run(&["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
    let told = output.split_once("error").unwrap().1;
    let root = fs::canonicalize(project.path("")).unwrap();
    let told = told.replace(root.to_str().unwrap(), "<directory>");
    assert_snapshot!(told, @"
    [data-dir]: `<directory>/.doorward/state.json` was written by a version before the first release, and is not read by this one
    hint: move the directory away and start with an empty one; what the admin API wrote has to be put again
    ");
}
