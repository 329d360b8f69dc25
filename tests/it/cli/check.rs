//! `doorward check`: allow is 0, deny 3, an error 1, usage 2, by files and by a running service.

use insta::assert_snapshot;

use crate::project::Project;
use crate::service::Service;

/// The flags of a check.
fn check<'a>(principal: &'a str, action: &'a str, resource: &'a str) -> Vec<&'a str> {
    vec!["check", "--principal", principal, "--action", action, "--resource", resource]
}

fn emma_reads() -> Vec<&'static str> {
    check("User::\"emma\"", "read", "Device::\"SD-001\"")
}

#[test]
fn an_allow() {
    let project = Project::shipped();
    assert_snapshot!(project.run(&emma_reads()), @"
    exit: 0
    ----- stdout
    allow
      permit ownership-read  policies/ownership.cedar:6
    ");
}

#[test]
fn a_deny_without_a_permit() {
    let project = Project::shipped();
    assert_snapshot!(project.run(&check("User::\"emma\"", "write", "Device::\"SD-001\"")), @"
    exit: 3
    ----- stdout
    deny
      no policy permits it (no_permit)
    ");
}

#[test]
fn a_deny_by_a_forbid() {
    let project = Project::shipped();
    let arguments = check("User::\"other_tenant_admin\"", "read", "Device::\"SD-001\"");
    assert_snapshot!(project.run(&arguments), @"
    exit: 3
    ----- stdout
    deny
      forbid tenant-isolation  policies/isolation.cedar:5
    ");
}

#[test]
fn an_action_by_its_uid_and_a_context() {
    let project = Project::shipped();
    let mut arguments =
        check("User::\"cust_admin_a\"", "Action::\"change_owner\"", "Device::\"SD-001\"");
    let context = r#"{"target": {"__entity": {"type": "Owner", "id": "A-East"}}}"#;
    arguments.extend(["--context", context]);
    assert_snapshot!(project.run(&arguments), @"
    exit: 0
    ----- stdout
    allow
      permit ownership-full  policies/ownership.cedar:28
    ");
}

#[test]
fn a_principal_that_the_snapshot_does_not_hold() {
    let project = Project::shipped();
    let arguments = check("User::\"nobody\"", "read", "Device::\"SD-001\"");
    assert_snapshot!(project.run(&arguments), @r#"
    exit: 3
    ----- stdout
    deny
      the principal is not among the entities (unknown_principal)
      `disabled-user` could not be evaluated: entity `User::"nobody"` does not exist
      `tenant-isolation` could not be evaluated: entity `User::"nobody"` does not exist
    "#);
}

#[test]
fn a_resource_that_the_snapshot_does_not_hold() {
    let project = Project::shipped();
    let arguments = check("User::\"emma\"", "read", "Device::\"SD-999\"");
    assert_snapshot!(project.run(&arguments), @r#"
    exit: 3
    ----- stdout
    deny
      the resource is not among the entities (unknown_resource)
      `ownership-read` could not be evaluated: entity `Device::"SD-999"` does not exist
      `tenant-isolation` could not be evaluated: entity `Device::"SD-999"` does not exist
    "#);
}

#[test]
fn an_action_that_does_not_exist() {
    let project = Project::shipped();
    assert_snapshot!(project.run(&check("User::\"emma\"", "fly", "Device::\"SD-001\"")), @r#"
    exit: 1
    ----- stderr
    error[invalid_request]: the schema declares no action `Action::"fly"`
    "#);
}

#[test]
fn a_type_that_does_not_exist() {
    let project = Project::shipped();
    assert_snapshot!(project.run(&check("Person::\"emma\"", "read", "Device::\"SD-001\"")), @"
    exit: 1
    ----- stderr
    error[invalid_request]: the schema declares no entity type `Person`
    hint: it declares Alarm, Anonymous, Asset, Customer, Dashboard, Device, Edge, EntityGroup, EntityView, Owner, Role, SystemAdministrator, Tenant, User, UserGroup
    ");
}

#[test]
fn an_action_that_does_not_apply() {
    let project = Project::shipped();
    let arguments = check("User::\"emma\"", "ack_alarm", "Device::\"SD-001\"");
    assert_snapshot!(project.run(&arguments), @r#"
    exit: 1
    ----- stderr
    error[invalid_request]: resource type `Device` is not valid for `Action::"ack_alarm"`
    "#);
}

#[test]
fn a_context_that_does_not_fit() {
    let project = Project::shipped();
    let mut arguments = check("User::\"cust_admin_a\"", "change_owner", "Device::\"SD-001\"");
    arguments.extend(["--context", r#"{"target": "A-East"}"#]);
    assert_snapshot!(project.run(&arguments), @r#"
    exit: 1
    ----- stderr
    error[invalid_request]: while parsing context, expected a literal entity reference, but got `"A-East"`
    "#);
}

#[test]
fn a_context_that_is_missing() {
    let project = Project::shipped();
    let arguments = check("User::\"cust_admin_a\"", "change_owner", "Device::\"SD-001\"");
    assert_snapshot!(project.run(&arguments), @"
    exit: 1
    ----- stderr
    error[invalid_request]: while parsing context, expected the record to have an attribute `target`, but it does not
    ");
}

#[test]
fn a_context_that_is_no_json() {
    let project = Project::shipped();
    let mut arguments = emma_reads();
    arguments.extend(["--context", "{"]);
    assert_snapshot!(project.run(&arguments), @"
    exit: 2
    ----- stderr
    error: `--context` is not JSON: the text ends too early (line 1, column 1)
    hint: quote it for the shell, or put it into a file: `--context @context.json`
    ");
}

#[test]
fn a_uid_that_is_none() {
    let project = Project::shipped();
    assert_snapshot!(project.run(&check("emma", "read", "Device::\"SD-001\"")), @r#"
    exit: 2
    ----- stderr
    error: invalid value 'emma' for '--principal <UID>': `emma` is not a uid of the form `Type::"id"`; write it as 'User::"emma"'

    For more information, try '--help'.
    "#);
}

#[test]
fn nothing_to_check_by() {
    let project = Project::empty();
    assert_snapshot!(project.run(&emma_reads()), @"
    exit: 1
    ----- stderr
    error: there are no policies
    hint: run this where `./policies` is, or say where they are: `--policies DIR` (`doorward init DIR` writes some to start from)
    ");
}

#[test]
fn files_that_are_named() {
    let (project, elsewhere) = (Project::shipped(), Project::empty());
    let (policies, entities) = (project.path("policies"), project.path("entities"));
    let mut arguments = emma_reads();
    arguments.extend(["--policies", policies.to_str().unwrap()]);
    arguments.extend(["--entities", entities.to_str().unwrap()]);
    assert_snapshot!(project.steady(&elsewhere.run(&arguments)), @"
    exit: 0
    ----- stdout
    allow
      permit ownership-read  <directory>/policies/ownership.cedar:6
    ");
}

#[test]
fn a_file_that_is_not_there() {
    let project = Project::shipped();
    let mut arguments = emma_reads();
    arguments.extend(["--policies", "policy"]);
    assert_snapshot!(project.run(&arguments), @"
    exit: 1
    ----- stderr
    error[unreadable-file]: cannot read `policy`: there is no such file or directory
    hint: it was named as a file; check the path
    ");
}

#[test]
fn json_is_what_the_service_answers() {
    let project = Project::shipped();
    let mut arguments = emma_reads();
    arguments.extend(["--format", "json"]);
    assert_snapshot!(project.run(&arguments), @r#"
    exit: 0
    ----- stdout
    {"decision":"allow","code":"allow","reason":["ownership-read"],"errors":[]}
    "#);
}

#[test]
fn a_running_service_is_asked() {
    let (service, elsewhere) = (Service::shipped(), Project::empty());
    let url = format!("http://{}", service.data);
    let mut arguments = emma_reads();
    arguments.extend(["--server", &url]);
    assert_snapshot!(elsewhere.run(&arguments), @"
    exit: 0
    ----- stdout
    allow
      permit ownership-read  ownership.cedar:6
    ");
}

#[test]
fn a_running_service_refuses_as_the_files_do() {
    let (service, elsewhere) = (Service::shipped(), Project::empty());
    let url = format!("http://{}", service.data);
    let mut arguments = check("User::\"emma\"", "fly", "Device::\"SD-001\"");
    arguments.extend(["--server", &url]);
    assert_snapshot!(elsewhere.run(&arguments), @r#"
    exit: 1
    ----- stderr
    error[invalid_request]: the schema declares no action `Action::"fly"`
    "#);
}

#[test]
fn a_service_that_is_not_there() {
    let project = Project::empty();
    let mut arguments = emma_reads();
    // Port 1 is reserved for a service that nobody runs.
    arguments.extend(["--server", "http://127.0.0.1:1"]);
    assert_snapshot!(project.run(&arguments), @"
    exit: 1
    ----- stderr
    error: cannot ask `http://127.0.0.1:1`: nothing listens there
    hint: is the service running? `doorward serve` starts one
    ");
}

#[test]
fn a_forbid_that_errs_denies_unless_told_otherwise() {
    let project = Project::empty();
    project.write(
        "policies/schema.cedarschema",
        "entity User { role: String };\nentity Report;\n\
         action read appliesTo { principal: User, resource: Report };\n",
    );
    project.write(
        "policies/ghost.cedar",
        "@id(\"suspended\")\nforbid (principal, action, resource)\n\
         when { principal.role == \"suspended\" };\n\
         @id(\"everybody\")\npermit (principal, action, resource);\n",
    );
    let mut arguments = check("User::\"ghost\"", "read", "Report::\"q3\"");
    assert_snapshot!(project.run(&arguments), @r#"
    exit: 3
    ----- stdout
    deny
      the principal is not among the entities (unknown_principal)
      `suspended` could not be evaluated: entity `User::"ghost"` does not exist
    "#);
    arguments.extend(["--forbid-errors", "skip"]);
    assert_snapshot!(project.run(&arguments), @r#"
    exit: 0
    ----- stdout
    allow
      permit everybody  policies/ghost.cedar:4
      `suspended` could not be evaluated: entity `User::"ghost"` does not exist
    "#);
}
