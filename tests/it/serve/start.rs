//! What a start needs, and what it says where it cannot: a service that cannot decide rightly does
//! not start.

use std::fs;
use std::net::TcpListener;
use std::process::Command;

use insta::assert_snapshot;
use serde_json::Value;

use crate::http::Connection;
use crate::project::Project;
use crate::service::{EMMA_READS, Running, Service, until};

/// `serve` on ports that the system chooses, expected to end by itself.
fn refuses(project: &Project, flags: &[&str]) -> String {
    let addresses = ["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
    let output = project.run(&[&addresses[..], flags].concat());
    // Log lines before the refusal say when they were written and what was tried.
    let said = output.split_once("error").map_or("", |(_, said)| said);
    let exit = output.lines().next().unwrap_or_default();
    format!("{exit}\nerror{said}")
}

#[test]
fn a_directory_without_a_schema() {
    let project = Project::shipped();
    project.remove("policies/schema.cedarschema");
    assert_snapshot!(refuses(&project, &[]), @"
    exit: 1
    error[no-schema]: there is no schema
    hint: add one `schema.cedarschema` beside the policies, or give `--schema FILE`
    ");
}

#[test]
fn a_policy_that_does_not_parse() {
    let project = Project::shipped();
    project.write("policies/broken.cedar", "permit (principal, action, resource in [A, B]);\n");
    assert_snapshot!(refuses(&project, &[]), @"
    exit: 1
    error[policy-syntax]: expected single entity uid or template slot, found set of entity uids
     --> policies/broken.cedar:1:40
      |
    1 | permit (principal, action, resource in [A, B]);
      |                                        ^^^^^^
    ");
}

#[test]
fn an_entity_that_breaks_the_schema() {
    let project = Project::shipped();
    project.write(
        "entities/more.json",
        "[{\"uid\": {\"type\": \"Robot\", \"id\": \"x\"}, \"attrs\": {}, \"parents\": []}]\n",
    );
    assert_snapshot!(refuses(&project, &[]), @r#"
    exit: 1
    error[unknown-type]: `Robot::"x"` has a type that the schema does not declare
     --> entities/more.json:1:19
      |
    1 | [{"uid": {"type": "Robot", "id": "x"}, "attrs": {}, "parents": []}]
      |                   ^^^^^^^
    hint: the schema declares `Alarm`, `Anonymous`, `Asset`, `Customer`, `Dashboard`, `Device`, `Edge`, `EntityGroup`, `EntityView`, `Owner`, `Role`, `SystemAdministrator` and 3 more
    "#);
}

#[test]
fn policies_that_are_not_there() {
    assert_snapshot!(refuses(&Project::empty(), &["--policies", "absent"]), @"
    exit: 1
    error[unreadable-file]: cannot read `absent`: there is no such file or directory
    hint: it was named as a file; check the path
    ");
}

#[test]
fn a_port_that_is_taken() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let project = Project::shipped();
    let data = project.run(&["serve", "--listen", &address, "--admin-listen", "127.0.0.1:0"]);
    assert!(data.starts_with("exit: 1\n"), "{data}");
    assert_snapshot!(data.split_once("error").unwrap().1, @"
    [listen]: cannot listen on `127.0.0.1:<port>`: Address already in use (os error 98)
    hint: another process listens there; stop it, or choose another address
    ");
    let admin = project.run(&["serve", "--listen", "127.0.0.1:0", "--admin-listen", &address]);
    assert!(admin.starts_with("exit: 1\n"), "{admin}");
    assert_snapshot!(admin.split_once("error").unwrap().1, @"
    [listen]: cannot listen on `127.0.0.1:<port>`: Address already in use (os error 98)
    hint: another process listens there; stop it, or choose another address
    ");
}

#[test]
fn an_admin_plane_for_everybody_without_a_token() {
    let project = Project::shipped();
    let serve = ["serve", "--listen", "127.0.0.1:0", "--admin-listen", "0.0.0.0:0"];
    assert_snapshot!(project.run(&serve), @r#"
    exit: 1
    ----- stderr
    <time>  INFO starting version="0.1.0"
    error[admin-token]: the admin plane would listen on `0.0.0.0:0`, which other machines can reach, without a token of yours
    hint: put one into a file and name it by `--admin-token-file FILE`, or listen on loopback
    "#);
}

#[test]
fn a_token_file_that_is_none() {
    let project = Project::shipped();
    project.write("admin.tokens", "ops write one two\n");
    assert_snapshot!(refuses(&project, &["--admin-token-file", "admin.tokens"]), @"
    exit: 1
    error[admin-token]: the token file `admin.tokens`, line 1: it does not have three fields
    hint: write `NAME ROLE TOKEN` a line, ROLE `read` or `write`, or one bare token and nothing else
    ");
    project.write("admin.tokens", "");
    assert_snapshot!(refuses(&project, &["--admin-token-file", "admin.tokens"]), @"
    exit: 1
    error[admin-token]: the token file `admin.tokens`: it holds no token
    hint: write `NAME ROLE TOKEN` a line, ROLE `read` or `write`, or one bare token and nothing else
    ");
    assert_snapshot!(refuses(&project, &["--admin-token-file", "absent.tokens"]), @"
    exit: 1
    error[admin-token]: cannot read the token file `absent.tokens`: No such file or directory (os error 2)
    ");
}

#[test]
fn a_configuration_with_a_key_that_is_none() {
    let project = Project::shipped();
    project.write("doorward.yaml", "lisen: 127.0.0.1:1\n");
    assert_snapshot!(refuses(&project, &[]), @"
    exit: 1
    error[config]: unknown key `lisen`
     --> doorward.yaml:1:1
      |
    1 | lisen: 127.0.0.1:1
      | ^^^^^
    hint: did you mean `listen`?
    ");
}

#[test]
fn a_data_directory_that_another_service_has() {
    let (first, second) = (Service::shipped(), Project::shipped());
    let directory = first.project.path(".doorward");
    let output = refuses(&second, &["--data-dir", directory.to_str().unwrap()]);
    let output = output.replace(directory.to_str().unwrap(), "<data directory>");
    assert_snapshot!(output, @"
    exit: 1
    error[data-dir]: the data directory `<data directory>` is in use by another process
    hint: `--data-dir DIR` names another directory; with `--ephemeral` nothing is kept and none is needed
    ");
    assert_eq!(first.decision(EMMA_READS), "allow");
}

#[test]
fn a_data_directory_that_is_none() {
    let project = Project::shipped();
    assert_snapshot!(refuses(&project, &["--data-dir", "entities/links.json"]), @"
    exit: 1
    error[data-dir]: cannot make the directory `entities/links.json`: File exists (os error 17)
    hint: `--data-dir DIR` names another directory; with `--ephemeral` nothing is kept and none is needed
    ");
}

/// What was acknowledged cannot be read any more: to start without it would be to forget it.
#[test]
fn a_data_directory_that_is_damaged() {
    let service = Service::start(Project::empty(), &[]);
    assert_eq!(service.admin("PUT", "/v1/bundle", &Service::shipped_bundle()).status, 200);
    let project = service.kill();
    let content = project.path(".doorward/content");
    let entries: Vec<_> = std::fs::read_dir(&content).unwrap().collect();
    let [Ok(entry)] = entries.as_slice() else { panic!("{entries:?}") };
    let bytes = std::fs::read(entry.path()).unwrap();
    let half = &bytes[..bytes.len() / 2];
    std::fs::write(entry.path(), half).unwrap();
    assert_snapshot!(refuses(&project, &[]), @"
    exit: 1
    error[data-dir]: the snapshot of revision 1 cannot be used: stored bytes are damaged: their length is another than when they were stored
    hint: the log is the only copy of what the admin API wrote; put the data directory back from a backup, or start with an empty one
    ");
    assert_eq!(std::fs::read(entry.path()).unwrap(), half, "and is left for whoever repairs it");
    std::fs::write(entry.path(), &bytes).unwrap();
    project.write(".doorward/log.sqlite3", &"no database".repeat(1_000));
    assert_snapshot!(refuses(&project, &[]), @"
    exit: 1
    error[data-dir]: the log is damaged: its database: file is not a database
    hint: put the data directory back from a backup; docs/operations.md says how
    ");
}

#[test]
fn without_any_source_it_waits_unready_for_a_first_bundle() {
    let service = Service::start(Project::empty(), &[]);
    let mut data = Connection::open(service.data);
    let answer = data.post("/v1/check", EMMA_READS);
    assert_eq!((answer.status, answer.json()["code"].as_str()), (503, Some("not_ready")));
    let evaluation = r#"{"subject":{"type":"User","id":"emma"},"action":{"name":"read"},"resource":{"type":"Device","id":"SD-001"}}"#;
    assert_eq!(data.post("/access/v1/evaluation", evaluation).status, 503);
    assert_eq!(service.admin("GET", "/livez", "").status, 200);
    assert_eq!(service.admin("GET", "/readyz", "").status, 503);
    let bundle = Service::shipped_bundle();
    let put = service.admin("PUT", "/v1/bundle", &bundle);
    assert_eq!((put.status, put.json()["revision"].as_u64()), (200, Some(1)), "{put:?}");
    assert_eq!(service.admin("GET", "/readyz", "").status, 200);
    assert_eq!(service.decision(EMMA_READS), "allow");
}

/// A socket in the file system instead of a port, for those who share a directory with the service.
#[test]
fn planes_on_unix_sockets() {
    let project = Project::shipped();
    let serve = ["serve", "--listen", "unix:data.sock", "--admin-listen", "unix:admin.sock"];
    let running = Running::start(&mut project.command(&serve));
    until("the sockets are there", || project.path("admin.sock").exists().then_some(()));
    until("the service is ready", || running.log().contains("ready=true").then_some(()));
    let check = ["--principal", "User::\"emma\"", "--action", "read"];
    let check = [&["check", "--server", "unix:data.sock"], &check[..]].concat();
    assert_snapshot!(project.run(&[&check[..], &["--resource", "Device::\"SD-001\""]].concat()), @"
    exit: 0
    ----- stdout
    allow
      permit ownership-read  ownership.cedar:6
    ");
    assert_snapshot!(project.run(&["health", "--admin-listen", "unix:admin.sock"]), @"
    exit: 0
    ----- stdout
    live
    ");
    let second = project.run(&[&serve[..], &["--data-dir", "other"]].concat());
    assert_snapshot!(second.split_once("error").unwrap().1, @"
    [listen]: cannot listen on `unix:data.sock`: address in use
    hint: another process listens there; stop it, or choose another address

    error[listen]: cannot listen on `unix:admin.sock`: address in use
    hint: another process listens there; stop it, or choose another address
    ");
}

#[test]
fn a_log_for_machines() {
    let project = Project::shipped();
    let serve = ["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
    let mut command = project.command(&[&serve[..], &["--log-format", "json"]].concat());
    let running = Running::start(&mut command);
    until("the service listens", || running.log().contains("\"admin\"").then_some(()));
    for line in running.log().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert!(line["message"].is_string(), "{line}");
    }
}

/// Where no token file is given, on loopback, a token is made up and told once.
#[test]
fn a_token_of_its_own_is_told_once() {
    let service = Service::start_bare(Project::shipped(), &[]);
    let log = until("the token is told", || {
        Some(service.log()).filter(|log| log.contains("admin token for this run: "))
    });
    assert_eq!(log.matches("admin token").count(), 1, "{log}");
    let token = log.split("admin token for this run: ").nth(1).unwrap().trim_end();
    assert!(token.len() >= 32, "{token}");
    let mut admin = Connection::open(service.admin);
    let authorization = format!("Bearer {token}");
    let ask = |admin: &mut Connection, value: &str| {
        admin.request("GET", "/v1/revision", &[("Authorization", value)], b"").status
    };
    assert_eq!(ask(&mut admin, &authorization), 200);
    assert_eq!(ask(&mut admin, "Bearer another"), 401);
}

/// Whoever starts it with the low limit that systems begin with gets as many connections as others.
#[test]
fn the_limit_on_open_files_is_raised() {
    let project = Project::shipped();
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -S -n 256; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_doorward")]);
    command.args(["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
    command.current_dir(project.path(".")).env_clear();
    let running = Running::start(&mut command);
    until("it listens", || running.log().contains("plane=\"admin\"").then_some(()));
    let limits = fs::read_to_string(format!("/proc/{}/limits", running.id())).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let [soft, hard] = [3, 4].map(|at| line.split_ascii_whitespace().nth(at).unwrap());
    assert_eq!(soft, hard, "{line}");
}
