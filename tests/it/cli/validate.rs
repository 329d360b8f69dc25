//! `doorward validate`: every problem with its place and a hint, not only the first.

use insta::assert_snapshot;

use crate::project::Project;

const SCHEMA: &str = "\
entity Owner;
@same_as_parents(\"owner\")
entity User in [Team] { owner: Owner, level?: Long };
@same_as_parents(\"owner\")
entity Team { owner: Owner };
entity Report { author: User };
action read appliesTo { principal: User, resource: Report };
";

const POLICIES: &str = "\
// Authors read what they wrote.
@id(\"author\")
permit (principal, action == Action::\"read\", resource)
when { resource.author == principal };

// A team may be given one report.
@id(\"team\")
@slot_principal(\"Team\")
permit (principal in ?principal, action == Action::\"read\", resource == ?resource);
";

const ENTITIES: &str = r#"[
  {"uid": {"type": "Owner", "id": "a"}, "attrs": {}, "parents": []},
  {"uid": {"type": "Owner", "id": "b"}, "attrs": {}, "parents": []},
  {"uid": {"type": "Team", "id": "t"}, "attrs": {"owner": {"__entity": {"type": "Owner", "id": "a"}}}, "parents": []},
  {"uid": {"type": "User", "id": "u"}, "attrs": {"owner": {"__entity": {"type": "Owner", "id": "a"}}}, "parents": [{"type": "Team", "id": "t"}]},
  {"uid": {"type": "Report", "id": "r"}, "attrs": {"author": {"__entity": {"type": "User", "id": "u"}}}, "parents": []}
]
"#;

const LINKS: &str = r#"[
  {"template_id": "team", "link_id": "t-reads-r", "args": {"?principal": "Team::\"t\"", "?resource": "Report::\"r\""}}
]
"#;

/// A project that is valid until a test changes it.
fn valid() -> Project {
    let project = Project::empty();
    project.write("policies/schema.cedarschema", SCHEMA);
    project.write("policies/reports.cedar", POLICIES);
    project.write("entities/entities.json", ENTITIES);
    project.write("entities/links.json", LINKS);
    project
}

/// A valid project, and one more entity in a file of its own.
fn with_entity(entity: &str) -> Project {
    let project = valid();
    project.write("entities/more.json", &format!("[\n  {entity}\n]\n"));
    project
}

/// A valid project, and one more link.
fn with_link(link: &str) -> Project {
    let project = valid();
    project.write("entities/links.json", &format!("[\n  {link}\n]\n"));
    project
}

#[test]
fn what_ships() {
    assert_snapshot!(Project::shipped().run(&["validate"]), @"");
}

#[test]
fn a_valid_project() {
    assert_snapshot!(valid().run(&["validate"]), @"");
}

#[test]
fn nothing_to_validate() {
    assert_snapshot!(Project::empty().run(&["validate"]), @"");
}

#[test]
fn a_directory_without_a_schema() {
    let project = valid();
    project.remove("policies/schema.cedarschema");
    assert_snapshot!(project.run(&["validate"]), @"");
}

#[test]
fn two_schemas() {
    let project = valid();
    project.write("policies/other.cedarschema", SCHEMA);
    assert_snapshot!(project.run(&["validate"]), @"");
    assert_snapshot!(project.run(&["validate", "--schema", "policies/other.cedarschema"]), @"");
}

#[test]
fn a_policy_that_does_not_parse() {
    let project = valid();
    project.write("policies/broken.cedar", "permit (principal, action, resource)\nwhen { true }\n");
    assert_snapshot!(project.run(&["validate"]), @"");
}

#[test]
fn every_problem_of_every_file_at_once() {
    let project = valid();
    project.write(
        "policies/wrong.cedar",
        "permit (principal, action == Action::\"write\", resource);\n\
         permit (principal, action == Action::\"read\", resource) when { principal.rank > 1 };\n",
    );
    project.write("policies/broken.cedar", "permit (principal\n");
    project.write("entities/more.json", "[{\"uid\": {\"type\": \"Robot\", \"id\": \"x\"}}]");
    project.write("entities/links.json", "[{\"link_id\": \"x\"}]");
    assert_snapshot!(project.run(&["validate"]), @"");
}

#[test]
fn two_policies_with_one_id() {
    let project = valid();
    project
        .write("policies/second.cedar", "@id(\"author\")\nforbid (principal, action, resource);\n");
    assert_snapshot!(project.run(&["validate"]), @"");
}

#[test]
fn a_policy_that_can_never_apply_is_a_warning() {
    let project = valid();
    project.write(
        "policies/never.cedar",
        "permit (principal, action == Action::\"read\", resource) when { false };\n",
    );
    assert_snapshot!(project.run(&["validate"]), @"");
}

#[test]
fn a_policy_that_is_nested_too_deep() {
    let project = valid();
    let (open, close) = ("(".repeat(200), ")".repeat(200));
    let text = format!("permit (principal, action, resource) when {{ {open}true{close} }};\n");
    project.write("policies/deep.cedar", &text);
    assert_snapshot!(project.run(&["validate"]), @"");
}

#[test]
fn a_schema_that_is_nested_too_deep() {
    let project = valid();
    let (open, close) = ("Set<".repeat(2_000), ">".repeat(2_000));
    project
        .write("policies/schema.cedarschema", &format!("entity A {{ a: {open}Long{close} }};\n"));
    assert_snapshot!(project.run(&["validate"]), @"");
}

#[test]
fn a_schema_that_does_not_parse() {
    let project = valid();
    project.write("policies/schema.cedarschema", "entity User {\n  name: Text\n};\n");
    assert_snapshot!(project.run(&["validate"]), @"");
}

#[test]
fn a_schema_whose_integrity_annotation_names_nothing() {
    let project = valid();
    project.write("policies/schema.cedarschema", &SCHEMA.replace("\"owner\"", "\"ovner\""));
    assert_snapshot!(project.run(&["validate"]), @"");
}

#[test]
fn entities_that_are_no_json() {
    let project = valid();
    project.write("entities/more.json", "[\n  {\"uid\": \n]\n");
    assert_snapshot!(project.run(&["validate"]), @"");
}

#[test]
fn an_entity_with_a_member_twice() {
    let project = with_entity(
        r#"{"uid": {"type": "Owner", "id": "c"}, "attrs": {}, "attrs": {}, "parents": []}"#,
    );
    assert_snapshot!(project.run(&["validate"]), @"");
}

#[test]
fn an_entity_with_a_member_that_is_none() {
    let project =
        with_entity(r#"{"uid": {"type": "Owner", "id": "c"}, "attributes": {}, "parents": []}"#);
    assert_snapshot!(project.run(&["validate"]), @"");
}

#[test]
fn an_entity_of_an_unknown_type() {
    let project =
        with_entity(r#"{"uid": {"type": "Robot", "id": "c"}, "attrs": {}, "parents": []}"#);
    assert_snapshot!(project.run(&["validate"]), @"");
}

#[test]
fn an_entity_with_an_attribute_of_the_wrong_type_and_one_that_is_missing() {
    let project = with_entity(
        r#"{"uid": {"type": "User", "id": "v"}, "attrs": {"level": "high"}, "parents": []}"#,
    );
    assert_snapshot!(project.run(&["validate"]), @"");
}

#[test]
fn an_entity_twice() {
    let project =
        with_entity(r#"{"uid": {"type": "Owner", "id": "a"}, "attrs": {}, "parents": []}"#);
    assert_snapshot!(project.run(&["validate"]), @"");
}

#[test]
fn a_parent_that_is_not_there() {
    let project = with_entity(
        r#"{"uid": {"type": "User", "id": "v"}, "attrs": {"owner": {"__entity": {"type": "Owner", "id": "a"}}}, "parents": [{"type": "Team", "id": "x"}]}"#,
    );
    assert_snapshot!(project.run(&["validate"]), @"");
    assert_snapshot!(project.run(&["validate", "--references", "cedar"]), @"");
}

#[test]
fn an_attribute_that_names_what_is_not_there() {
    let project = with_entity(
        r#"{"uid": {"type": "Report", "id": "s"}, "attrs": {"author": {"__entity": {"type": "User", "id": "x"}}}, "parents": []}"#,
    );
    assert_snapshot!(project.run(&["validate"]), @"");
}

#[test]
fn a_member_with_another_owner_than_its_group() {
    let project = with_entity(
        r#"{"uid": {"type": "User", "id": "v"}, "attrs": {"owner": {"__entity": {"type": "Owner", "id": "b"}}}, "parents": [{"type": "Team", "id": "t"}]}"#,
    );
    assert_snapshot!(project.run(&["validate"]), @"");
}

#[test]
fn parents_in_a_circle() {
    let project = valid();
    project.write(
        "policies/schema.cedarschema",
        &SCHEMA.replace("entity Owner;", "entity Owner in [Owner];"),
    );
    project.write(
        "entities/more.json",
        r#"[
  {"uid": {"type": "Owner", "id": "x"}, "attrs": {}, "parents": [{"type": "Owner", "id": "y"}]},
  {"uid": {"type": "Owner", "id": "y"}, "attrs": {}, "parents": [{"type": "Owner", "id": "x"}]}
]"#,
    );
    assert_snapshot!(project.run(&["validate"]), @"");
}

#[test]
fn lines_of_entities_and_links() {
    let project = valid();
    project.write(
        "entities/more.jsonl",
        "{\"uid\": {\"type\": \"Owner\", \"id\": \"c\"}, \"attrs\": {}, \"parents\": []}\n\
         {\"link\": {\"template_id\": \"team\", \"link_id\": \"again\", \"args\": {\"?principal\": \"Team::\\\"t\\\"\", \"?resource\": \"Report::\\\"r\\\"\"}}}\n",
    );
    assert_snapshot!(project.run(&["validate"]), @"");
    project.write(
        "entities/more.jsonl",
        "{\"uid\": {\"type\": \"Owner\", \"id\": \"c\"}, \"attrs\": {}, \"parents\": []}\n{\"lin\n",
    );
    assert_snapshot!(project.run(&["validate"]), @"");
}

#[test]
fn a_link_of_a_template_that_is_not_there() {
    let project = with_link(
        r#"{"template_id": "taem", "link_id": "x", "args": {"?principal": "Team::\"t\"", "?resource": "Report::\"r\""}}"#,
    );
    assert_snapshot!(project.run(&["validate"]), @"");
}

#[test]
fn a_link_that_leaves_a_slot_empty() {
    let project = with_link(
        r#"{"template_id": "team", "link_id": "x", "args": {"?principal": "Team::\"t\""}}"#,
    );
    assert_snapshot!(project.run(&["validate"]), @"");
}

#[test]
fn a_link_that_puts_another_type_into_a_slot() {
    let project = with_link(
        r#"{"template_id": "team", "link_id": "x", "args": {"?principal": "User::\"u\"", "?resource": "Report::\"r\""}}"#,
    );
    assert_snapshot!(project.run(&["validate"]), @"");
}

#[test]
fn a_link_to_what_is_not_there() {
    let project = with_link(
        r#"{"template_id": "team", "link_id": "x", "args": {"?principal": "Team::\"t\"", "?resource": "Report::\"x\""}}"#,
    );
    assert_snapshot!(project.run(&["validate"]), @"");
}

#[test]
fn a_link_with_the_id_of_a_policy() {
    let project = with_link(
        r#"{"template_id": "team", "link_id": "author", "args": {"?principal": "Team::\"t\"", "?resource": "Report::\"r\""}}"#,
    );
    assert_snapshot!(project.run(&["validate"]), @"");
}

#[test]
fn a_link_that_expires_at_no_time() {
    let project = with_link(
        r#"{"template_id": "team", "link_id": "x", "args": {"?principal": "Team::\"t\"", "?resource": "Report::\"r\""}, "expires": "soon"}"#,
    );
    assert_snapshot!(project.run(&["validate"]), @"");
}
