//! `doorward log`, on a log that a service has written, and while it still does.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::project::Project;
use crate::service::{EMMA_READS, Service};

/// A service on what ships, whose policies the API put, with two changes.
fn written() -> Service {
    let service = Service::start(Project::empty(), &[]);
    assert_eq!(service.admin("PUT", "/v1/bundle", &Service::shipped_bundle()).status, 200);
    let remove = json!({"unlink": ["share-buildings-a"]}).to_string();
    assert_eq!(service.admin("PATCH", "/v1/entities", &remove).status, 200);
    let policies = json!({"policies": {"none.cedar": "forbid (principal, action, resource);"},
        "links": []})
    .to_string();
    let put = service.admin("PUT", "/v1/bundle", &policies);
    assert_eq!(put.status, 200, "{put:?}");
    service
}

#[test]
fn revisions_are_listed_and_shown_while_the_service_runs() {
    let service = written();
    let project = &service.project;
    assert_snapshot!(project.run(&["log", "list"]), @"
    exit: 0
    ----- stdout
    REVISION  AT                    BY      CHANGED
           3  <time>  writer  policies, links
           2  <time>  writer  links
           1  <time>  writer  schema, policies, entities, links
    ");
    assert_snapshot!(project.run(&["log", "list", "--from", "2", "--limit", "1", "--format", "json"]), @r#"
    exit: 0
    ----- stdout
    {
      "revisions": [
        {
          "revision": 2,
          "at": "<time>",
          "by": "writer",
          "changed": [
            "links"
          ]
        }
      ]
    }
    "#);
    assert_snapshot!(project.run(&["log", "show", "2"]), @r#"
    exit: 0
    ----- stdout
    revision  2
    at        <time>
    by        writer
    changed   links
    digest    <digest>
    hash      <digest>
    previous  <digest>
    {
      "unlink": [
        "share-buildings-a"
      ]
    }
    "#);
    assert_snapshot!(project.run(&["log", "show", "3", "--format", "json"]), @r#"
    exit: 0
    ----- stdout
    {
      "revision": 3,
      "at": "<time>",
      "by": "writer",
      "changed": [
        "policies",
        "links"
      ],
      "digest": "<digest>",
      "hash": "<digest>",
      "previous": "<digest>",
      "change": {
        "schema": "// What ThingsBoard has and what may be asked about it.\n//\n// The first block declares the words of the three core files (isolation,\n// ownership, sharing) as every platform has to declare them; the rest is\n// ThingsBoard's own. Entity types annotated with `same_as_parents` agree with\n// each of their parents on the attributes listed, and a change that would break\n// this is refused: a device cannot stay in a group of its former owner, where a\n// share would still reach it.\n\n// Whoever can own something: a tenant is a root, its customers hang below it,\n// their customers below them. One type for all of them, so that one comparison,\n// `resource.owner in principal.owner`, covers any depth.\nentity Owner in [Owner];\n\n// What the members of a user group may do is written in policies about the role\n// that the group is in, never in the group.\nentity Role;\n\n@same_as_parents(\"owner,tenant\")\nentity UserGroup in [Role] {\n  owner: Owner,\n  tenant: Owner,\n};\n\n@same_as_parents(\"owner,tenant\")\nentity User in [UserGroup] {\n  owner: Owner,\n  tenant: Owner,\n  enabled: Bool,\n};\n\n// A group of devices, assets, dashboards or other records of one owner. Groups\n// are what a share names; the group itself has no parent.\nentity EntityGroup {\n  owner: Owner,\n  tenant: Owner,\n};\n\n// The three classes of actions that roles and shares speak of: looking, changing\n// what is there, and everything that decides over the thing itself.\naction ReadOnly, Write, Manage;\n\n// Ownership is deliberately no parent: a shared group of customers would then\n// open all that those customers own.\n@same_as_parents(\"owner,tenant\")\nentity Device, Asset, Dashboard, EntityView, Edge in [EntityGroup] {\n  owner: Owner,\n  tenant: Owner,\n};\n\n// The record of a customer belongs to the customer's parent; `represents` is the\n// owner that the record is about, and has the record's id.\n@same_as_parents(\"owner,tenant\")\nentity Customer in [EntityGroup] {\n  owner: Owner,\n  tenant: Owner,\n  represents: Owner,\n};\n\n// The record of a tenant belongs to the tenant itself, there being nobody above\n// it inside the tenant.\nentity Tenant {\n  owner: Owner,\n  tenant: Owner,\n  represents: Owner,\n};\n\n// The originator is the only parent. Where an alarm is propagated to decides in\n// which lists it appears, and must not decide who can read it.\n@same_as_parents(\"owner,tenant\")\nentity Alarm in [Device, Asset, Dashboard, EntityView, Edge, Customer, User] {\n  owner: Owner,\n  tenant: Owner,\n};\n\n// Outside of every tenant. The attribute may be left out, and whoever is without\n// it can do nothing: that is also how a system administrator whose record has\n// gone is told from one who is there.\nentity SystemAdministrator {\n  enabled?: Bool,\n};\n\n// A request without credentials. No policy permits it anything.\nentity Anonymous;\n\naction read in [ReadOnly] appliesTo {\n  principal: [User, SystemAdministrator, Anonymous],\n  resource: [Device, Asset, Dashboard, EntityView, Edge, EntityGroup, UserGroup, User, Customer, Tenant, Alarm],\n};\n\n// Time series and attributes have permissions of their own; to read a record is\n// not to read its data. Alarms have neither.\naction read_telemetry, read_attributes in [ReadOnly] appliesTo {\n  principal: [User, SystemAdministrator, Anonymous],\n  resource: [Device, Asset, Dashboard, EntityView, Edge, EntityGroup, UserGroup, User, Customer, Tenant],\n};\n\naction write in [Write] appliesTo {\n  principal: [User, SystemAdministrator, Anonymous],\n  resource: [Device, Asset, Dashboard, EntityView, Edge, EntityGroup, UserGroup, User, Customer, Tenant, Alarm],\n};\n\naction write_telemetry, write_attributes in [Write] appliesTo {\n  principal: [User, SystemAdministrator, Anonymous],\n  resource: [Device, Asset, Dashboard, EntityView, Edge, EntityGroup, UserGroup, User, Customer, Tenant],\n};\n\naction ack_alarm, clear_alarm in [Write] appliesTo {\n  principal: [User, SystemAdministrator, Anonymous],\n  resource: [Alarm],\n};\n\n// To create is asked about an entity of the type and the owner that the new one\n// is to have.\naction create, delete in [Manage] appliesTo {\n  principal: [User, SystemAdministrator, Anonymous],\n  resource: [Device, Asset, Dashboard, EntityView, Edge, EntityGroup, UserGroup, User, Customer, Tenant, Alarm],\n};\n\n// With a device's credentials one acts as the device, past any policy, and a\n// remote call moves things in the world: neither is reading.\naction rpc_call, read_credentials, write_credentials, claim_devices in [Manage] appliesTo {\n  principal: [User, SystemAdministrator, Anonymous],\n  resource: [Device],\n};\n\n// Groups stay with their owner; what can move is a single record.\naction change_owner in [Manage] appliesTo {\n  principal: [User, SystemAdministrator, Anonymous],\n  resource: [Device, Asset, Dashboard, EntityView, Edge, Customer, User],\n  context: {\n    target: Owner,\n  },\n};\n\n// The one move that leaves a tenant. `target` is the receiving tenant, for the\n// record; the answer does not depend on it.\naction assign_to_tenant in [Manage] appliesTo {\n  principal: [User, SystemAdministrator, Anonymous],\n  resource: [Device],\n  context: {\n    target?: Owner,\n  },\n};\n\n// `target` is the owner of the user group that is to get the share. A caller who\n// knows it should send it, for only then can it be judged.\naction share_group in [Manage] appliesTo {\n  principal: [User, SystemAdministrator, Anonymous],\n  resource: [EntityGroup, UserGroup],\n  context: {\n    target?: Owner,\n  },\n};\n\naction add_to_group, remove_from_group in [Manage] appliesTo {\n  principal: [User, SystemAdministrator, Anonymous],\n  resource: [EntityGroup, UserGroup],\n};\n\naction make_public in [Manage] appliesTo {\n  principal: [User, SystemAdministrator, Anonymous],\n  resource: [Device, Asset, Dashboard, EntityView, Edge, EntityGroup],\n};\n\n// To obtain a session as somebody else.\naction impersonate in [Manage] appliesTo {\n  principal: [User, SystemAdministrator, Anonymous],\n  resource: [User],\n};\n\n// Routes that answer for a whole tenant or customer and are not filtered by the\n// platform itself.\naction administer in [Manage] appliesTo {\n  principal: [User, SystemAdministrator, Anonymous],\n  resource: [Tenant, Customer],\n};\n\naction version_control in [Manage] appliesTo {\n  principal: [User, SystemAdministrator, Anonymous],\n  resource: [Tenant],\n};\n",
        "policies": {
          "none.cedar": "forbid (principal, action, resource);"
        },
        "snapshot": "<digest>"
      }
    }
    "#);
    assert_eq!(service.decision(EMMA_READS), "deny");
}

#[test]
fn the_log_is_verified_while_the_service_runs() {
    let service = written();
    let project = &service.project;
    let verified = project.run(&["log", "verify"]);
    let expected = "exit: 0\n----- stdout\nrevisions 1 to 3 are in order: 3 records of ";
    assert!(verified.starts_with(expected), "{verified}");
    assert!(verified.contains(" bytes, 2 snapshots of "), "{verified}");
    let verified = project.run(&["log", "verify", "--format", "json"]);
    assert!(verified.contains("\"oldest\": 1,\n  \"newest\": 3,"), "{verified}");
}

#[test]
fn a_revision_is_exported_as_a_bundle_and_as_files() {
    let service = written();
    let project = &service.project;
    assert_eq!(project.run(&["log", "export", "1", "--out", "one.json"]), "exit: 0\n");
    assert_eq!(project.run(&["log", "export", "1", "--out", "one"]), "exit: 0\n");
    let text = project.read("one.json");
    let standard = project.run(&["log", "export", "1"]);
    assert_eq!(standard, project.steady(&format!("exit: 0\n----- stdout\n{text}")));
    let put = service.admin("PUT", "/v1/bundle", &text);
    assert_eq!(put.status, 200, "{put:?}");
    assert_eq!(service.decision(EMMA_READS), "allow");
    let bundle: Value = serde_json::from_str(&text).unwrap();
    let shipped: Value = serde_json::from_str(&Service::shipped_bundle()).unwrap();
    assert_eq!(
        (&bundle["schema"], &bundle["policies"]),
        (&shipped["schema"], &shipped["policies"])
    );
    let check = ["check", "--policies", "one/policies", "--entities", "one/entities"];
    let asked = ["--principal", "User::\"emma\"", "--action", "read", "--resource"];
    let output = project.run(&[&check[..], &asked[..], &["Device::\"SD-001\""]].concat());
    assert!(output.starts_with("exit: 0\n"), "{output}");
    assert_snapshot!(project.run(&["log", "export", "1", "--out", "one"]), @"
    exit: 1
    ----- stderr
    error: the directory `one` is not empty
    hint: name one that is, or that is not there
    ");
    assert_snapshot!(project.run(&["log", "export", "1", "--out", "one.json"]), @"
    exit: 1
    ----- stderr
    error: cannot write `one.json`: it is there already
    ");
    assert_snapshot!(project.run(&["log", "export", "9"]), @"
    exit: 1
    ----- stderr
    error: revision 9 is not in the log, whose oldest is 1 and newest 4
    ");
}

#[test]
fn what_is_no_log_is_told() {
    let project = Project::empty();
    assert_snapshot!(project.run(&["log", "verify"]), @"
    exit: 1
    ----- stderr
    error: there is no revision log in `.doorward`
    hint: `--data-dir DIR` names another data directory
    ");
    assert_snapshot!(project.run(&["log", "show", "x"]), @"
    exit: 2
    ----- stderr
    error: invalid value 'x' for '<REVISION>': invalid digit found in string

    For more information, try '--help'.
    ");
    project.write(".doorward/log.sqlite3", &"no database".repeat(1_000));
    assert_snapshot!(project.run(&["log", "list", "--data-dir", ".doorward"]), @"
    exit: 1
    ----- stderr
    error: the log is damaged: its database: file is not a database
    hint: put the data directory back from a backup; docs/operations.md says how
    ");
}

#[test]
fn its_help() {
    assert_snapshot!(Project::empty().run(&["log", "--help"]), @"
    exit: 0
    ----- stdout
    List, show, verify and export the revisions of a data directory

    Usage: doorward log <COMMAND>

    Commands:
      list    List the revisions, newest first
      show    Show who made a revision, and what it changed
      verify  Check the chain, every change and every snapshot against their digests
      export  Write a revision as a bundle

    Options:
      -h, --help  Print help

    It only reads, also while the service runs.

    Exit codes: 0 done, 1 error or damage found, 2 usage.
    ");
}
