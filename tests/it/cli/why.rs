//! `doorward check --explain`: what people read of an allow, a deny, and a change that would allow.

use insta::assert_snapshot;

use crate::project::Project;

fn why(project: &Project, principal: &str, action: &str, resource: &str) -> String {
    let request = ["--principal", principal, "--action", action, "--resource", resource];
    let mut arguments = vec!["check", "--explain"];
    arguments.extend(request);
    project.run(&arguments)
}

#[test]
fn an_allow_by_ownership() {
    let project = Project::shipped();
    assert_snapshot!(why(&project, "User::\"tenant_admin\"", "delete", "Device::\"SD-001\""));
}

#[test]
fn an_allow_by_a_share_that_ends() {
    let project = Project::shipped();
    let links = project.read("entities/links.json").replacen(
        "\"link_id\"",
        "\"expires\": \"2199-01-01T00:00:00Z\", \"annotations\": {\"by\": \"the landlord\"}, \"link_id\"",
        1,
    );
    project.write("entities/links.json", &links);
    let dashboard = "Dashboard::\"My New Dashboard\"";
    assert_snapshot!(why(&project, "User::\"emma\"", "read", dashboard));
}

#[test]
fn a_deny_across_tenants() {
    let project = Project::shipped();
    let admin = "User::\"other_tenant_admin\"";
    assert_snapshot!(why(&project, admin, "read", "Dashboard::\"My New Dashboard\""));
}

#[test]
fn a_deny_for_want_of_a_share() {
    let project = Project::shipped();
    assert_snapshot!(why(&project, "User::\"jack\"", "read", "Device::\"SD-001\""));
}

#[test]
fn a_deny_for_want_of_a_role() {
    let project = Project::shipped();
    assert_snapshot!(why(&project, "User::\"emma\"", "delete", "Device::\"SD-001\""));
}

#[test]
fn a_share_that_is_over() {
    let project = Project::shipped();
    let links = project.read("entities/links.json").replacen(
        "\"link_id\"",
        "\"expires\": \"2001-01-01T00:00:00Z\", \"link_id\"",
        1,
    );
    project.write("entities/links.json", &links);
    let dashboard = "Dashboard::\"My New Dashboard\"";
    assert_snapshot!(why(&project, "User::\"emma\"", "read", dashboard));
}

#[test]
fn an_alarm_is_not_for_outsiders() {
    let project = Project::shipped();
    let alarm = "Alarm::\"alarm on SD-001\"";
    assert_snapshot!(why(&project, "User::\"jack\"", "ack_alarm", alarm));
}

#[test]
fn a_principal_that_nobody_knows() {
    let project = Project::shipped();
    assert_snapshot!(why(&project, "User::\"nobody\"", "read", "Device::\"SD-001\""));
}

/// A user with a level and a code that nobody is told.
fn levels(condition: &str) -> Project {
    let project = Project::empty();
    project.write(
        "policies/schema.cedarschema",
        "entity User { level: Long, @secret code: String };\nentity Report { code: String };\n\
         action read appliesTo { principal: User, resource: Report };\n",
    );
    project.write(
        "policies/levels.cedar",
        &format!(
            "@id(\"everybody\")\npermit (principal, action, resource);\n\
             @id(\"levels\")\nforbid (principal, action, resource)\n{condition};\n"
        ),
    );
    project.write(
        "entities/entities.json",
        r#"[{"uid": {"type": "User", "id": "ann"}, "attrs": {"level": 7, "code": "hush"}, "parents": []},
            {"uid": {"type": "Report", "id": "q3"}, "attrs": {"code": "other"}, "parents": []}]"#,
    );
    project
}

#[test]
fn a_forbid_that_cannot_be_evaluated() {
    let project = levels("when { principal.level + 9223372036854775807 > 0 }");
    assert_snapshot!(why(&project, "User::\"ann\"", "read", "Report::\"q3\""));
}

#[test]
fn a_secret_is_masked() {
    let project = levels("unless { principal.code == resource.code && principal.level > 3 }");
    assert_snapshot!(why(&project, "User::\"ann\"", "read", "Report::\"q3\""));
}
