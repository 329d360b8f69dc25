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
    assert_snapshot!(Project::shipped().run(&["validate"]), @"
    exit: 0
    ----- stdout
    valid: 18 policies, 68 entities, 4 links
    ");
}

#[test]
fn a_valid_project() {
    assert_snapshot!(valid().run(&["validate"]), @"
    exit: 0
    ----- stdout
    valid: 2 policies, 5 entities, 1 link
    ");
}

#[test]
fn nothing_to_validate() {
    assert_snapshot!(Project::empty().run(&["validate"]), @"
    exit: 1
    ----- stderr
    error: there are no policies
    hint: run this where `./policies` is, or say where they are: `--policies DIR` (`doorward init DIR` writes some to start from)
    ");
}

#[test]
fn a_directory_without_a_schema() {
    let project = valid();
    project.remove("policies/schema.cedarschema");
    assert_snapshot!(project.run(&["validate"]), @"
    exit: 5
    ----- stdout
    error[no-schema]: there is no schema
    hint: add one `schema.cedarschema` beside the policies, or give `--schema FILE`

    invalid: 1 error, 0 warnings
    ");
}

#[test]
fn two_schemas() {
    let project = valid();
    project.write("policies/other.cedarschema", SCHEMA);
    assert_snapshot!(project.run(&["validate"]), @"
    exit: 5
    ----- stdout
    error[two-schemas]: there are two schemas, `policies/other.cedarschema` and `policies/schema.cedarschema`
     --> policies/schema.cedarschema
    hint: keep one, or name the one to use by `--schema FILE`

    invalid: 1 error, 0 warnings
    ");
    assert_snapshot!(project.run(&["validate", "--schema", "policies/other.cedarschema"]), @"
    exit: 0
    ----- stdout
    valid: 2 policies, 5 entities, 1 link
    ");
}

#[test]
fn a_policy_that_does_not_parse() {
    let project = valid();
    project.write("policies/broken.cedar", "permit (principal, action, resource)\nwhen { true }\n");
    assert_snapshot!(project.run(&["validate"]), @"
    exit: 5
    ----- stdout
    error[policy-syntax]: unexpected end of input
     --> policies/broken.cedar:2:14
      |
    2 | when { true }
      |              ^
    hint: expected `;` or identifier

    invalid: 1 error, 0 warnings
    ");
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
    assert_snapshot!(project.run(&["validate"]), @r#"
    exit: 5
    ----- stdout
    error[policy-syntax]: unexpected end of input
     --> policies/broken.cedar:1:18
      |
    1 | permit (principal
      |                  ^
    hint: expected `!=`, `)`, `,`, `:`, `<`, `<=`, `==`, `>`, `>=`, `in`, or `is`

    error[policy-validation]: for policy `wrong.0`, unrecognized action `Action::"write"`
     --> policies/wrong.cedar:1:30
      |
    1 | permit (principal, action == Action::"write", resource);
      |                              ^^^^^^^^^^^^^^^
    hint: did you mean `Action::"read"`?

    error[policy-validation]: for policy `wrong.1`, attribute `rank` on entity type `User` not found
     --> policies/wrong.cedar:2:63
      |
    2 | permit (principal, action == Action::"read", resource) when { principal.rank > 1 };
      |                                                               ^^^^^^^^^^^^^^
    hint: did you mean `owner`?

    warning[policy-warning]: for policy `wrong.0`, unable to find an applicable action given the policy scope constraints
     --> policies/wrong.cedar:1:1
      |
    1 | permit (principal, action == Action::"write", resource);
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

    warning[policy-warning]: for policy `wrong.0`, policy is impossible: the policy expression evaluates to false for all valid requests
     --> policies/wrong.cedar:1:1
      |
    1 | permit (principal, action == Action::"write", resource);
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

    error[unknown-type]: `Robot::"x"` has a type that the schema does not declare
     --> entities/more.json:1:2
      |
    1 | [{"uid": {"type": "Robot", "id": "x"}}]
      |  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: the schema declares Owner, Report, Team, User

    error[link]: a link needs the member `template_id`
     --> entities/links.json:1:2
      |
    1 | [{"link_id": "x"}]
      |  ^^^^^^^^^^^^^^^^

    invalid: 5 errors, 2 warnings
    "#);
}

#[test]
fn two_policies_with_one_id() {
    let project = valid();
    project
        .write("policies/second.cedar", "@id(\"author\")\nforbid (principal, action, resource);\n");
    assert_snapshot!(project.run(&["validate"]), @r#"
    exit: 5
    ----- stdout
    error[duplicate-policy-id]: two policies have the id `author`; the other is at policies/reports.cedar:2
     --> policies/second.cedar:1:1
      |
    1 | @id("author")
      | ^^^^^^^^^^^^^
    hint: give one of them another `@id("…")`

    invalid: 1 error, 0 warnings
    "#);
}

#[test]
fn a_policy_that_can_never_apply_is_a_warning() {
    let project = valid();
    project.write(
        "policies/never.cedar",
        "permit (principal, action == Action::\"read\", resource) when { false };\n",
    );
    assert_snapshot!(project.run(&["validate"]), @r#"
    exit: 0
    ----- stdout
    warning[policy-warning]: for policy `never.0`, policy is impossible: the policy expression evaluates to false for all valid requests
     --> policies/never.cedar:1:1
      |
    1 | permit (principal, action == Action::"read", resource) when { false };
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

    valid: 3 policies, 5 entities, 1 link, 1 warning
    "#);
}

#[test]
fn a_policy_that_is_nested_too_deep() {
    let project = valid();
    let (open, close) = ("(".repeat(200), ")".repeat(200));
    let text = format!("permit (principal, action, resource) when {{ {open}true{close} }};\n");
    project.write("policies/deep.cedar", &text);
    assert_snapshot!(project.run(&["validate"]), @"
    exit: 5
    ----- stdout
    error[nested-too-deep]: this is nested deeper than 64 levels
     --> policies/deep.cedar:1:108
      |
    1 | resource) when { (((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((
      |                                                                                 ^
    hint: brackets, unary operators, `if` and chains of operators count

    invalid: 1 error, 0 warnings
    ");
}

#[test]
fn a_schema_that_is_nested_too_deep() {
    let project = valid();
    let (open, close) = ("Set<".repeat(2_000), ">".repeat(2_000));
    project
        .write("policies/schema.cedarschema", &format!("entity A {{ a: {open}Long{close} }};\n"));
    assert_snapshot!(project.run(&["validate"]), @"
    exit: 5
    ----- stdout
    error[nested-too-deep]: this is nested deeper than 64 levels
     --> policies/schema.cedarschema:1:270
      |
    1 | <Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set
      |                                                                                 ^
    hint: brackets, unary operators, `if` and chains of operators count

    invalid: 1 error, 0 warnings
    ");
}

#[test]
fn a_schema_that_does_not_parse() {
    let project = valid();
    project.write("policies/schema.cedarschema", "entity User {\n  name: Text\n};\n");
    assert_snapshot!(project.run(&["validate"]), @"
    exit: 5
    ----- stdout
    error[schema]: failed to resolve type: Text
     --> policies/schema.cedarschema:2:9
      |
    2 |   name: Text
      |         ^^^^
    hint: `Text` has not been declared as a common or entity type

    invalid: 1 error, 0 warnings
    ");
}

#[test]
fn a_schema_whose_integrity_annotation_names_nothing() {
    let project = valid();
    project.write("policies/schema.cedarschema", &SCHEMA.replace("\"owner\"", "\"ovner\""));
    assert_snapshot!(project.run(&["validate"]), @"
    exit: 5
    ----- stdout
    error[schema-integrity]: `@same_as_parents` of entity type `Team` names `ovner`, which is not one of its attributes
     --> policies/schema.cedarschema
    hint: declare the attribute, or take it out of `@same_as_parents`

    error[schema-integrity]: `@same_as_parents` of entity type `User` names `ovner`, which is not one of its attributes
     --> policies/schema.cedarschema
    hint: declare the attribute, or take it out of `@same_as_parents`

    invalid: 2 errors, 0 warnings
    ");
}

#[test]
fn entities_that_are_no_json() {
    let project = valid();
    project.write("entities/more.json", "[\n  {\"uid\": \n]\n");
    assert_snapshot!(project.run(&["validate"]), @"
    exit: 5
    ----- stdout
    error[json]: this is not a JSON array: expected value at line 3 column 1
     --> entities/more.json:3:1
      |
    3 | ]
      | ^

    invalid: 1 error, 0 warnings
    ");
}

#[test]
fn an_entity_with_a_member_twice() {
    let project = with_entity(
        r#"{"uid": {"type": "Owner", "id": "c"}, "attrs": {}, "attrs": {}, "parents": []}"#,
    );
    assert_snapshot!(project.run(&["validate"]), @r#"
    exit: 5
    ----- stdout
    error[json]: the member `attrs` occurs twice
     --> entities/more.json:2:62
      |
    2 |   {"uid": {"type": "Owner", "id": "c"}, "attrs": {}, "attrs": {}, "parents": []}
      |                                                              ^

    invalid: 1 error, 0 warnings
    "#);
}

#[test]
fn an_entity_with_a_member_that_is_none() {
    let project =
        with_entity(r#"{"uid": {"type": "Owner", "id": "c"}, "attributes": {}, "parents": []}"#);
    assert_snapshot!(project.run(&["validate"]), @r#"
    exit: 5
    ----- stdout
    error[entity]: an entity has no member `attributes`
     --> entities/more.json:2:3
      |
    2 |   {"uid": {"type": "Owner", "id": "c"}, "attributes": {}, "parents": []}
      |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: its members are `uid`, `attrs`, `parents` and `tags`

    invalid: 1 error, 0 warnings
    "#);
}

#[test]
fn an_entity_of_an_unknown_type() {
    let project =
        with_entity(r#"{"uid": {"type": "Robot", "id": "c"}, "attrs": {}, "parents": []}"#);
    assert_snapshot!(project.run(&["validate"]), @r#"
    exit: 5
    ----- stdout
    error[unknown-type]: `Robot::"c"` has a type that the schema does not declare
     --> entities/more.json:2:3
      |
    2 |   {"uid": {"type": "Robot", "id": "c"}, "attrs": {}, "parents": []}
      |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: the schema declares Owner, Report, Team, User

    invalid: 1 error, 0 warnings
    "#);
}

#[test]
fn an_entity_with_an_attribute_of_the_wrong_type_and_one_that_is_missing() {
    let project = with_entity(
        r#"{"uid": {"type": "User", "id": "v"}, "attrs": {"level": "high"}, "parents": []}"#,
    );
    assert_snapshot!(project.run(&["validate"]), @r#"
    exit: 5
    ----- stdout
    error[entity]: entity does not conform to the schema: expected entity `User::"v"` to have attribute `owner`, but it does not
     --> entities/more.json:2:3
      |
    2 |   {"uid": {"type": "User", "id": "v"}, "attrs": {"level": "high"}, "parents": []}
      |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

    invalid: 1 error, 0 warnings
    "#);
}

#[test]
fn an_entity_twice() {
    let project =
        with_entity(r#"{"uid": {"type": "Owner", "id": "a"}, "attrs": {}, "parents": []}"#);
    assert_snapshot!(project.run(&["validate"]), @r#"
    exit: 5
    ----- stdout
    error[duplicate-entity]: `Owner::"a"` is there twice; the other is at entities/entities.json:2
     --> entities/more.json:2:3
      |
    2 |   {"uid": {"type": "Owner", "id": "a"}, "attrs": {}, "parents": []}
      |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

    invalid: 1 error, 0 warnings
    "#);
}

#[test]
fn a_parent_that_is_not_there() {
    let project = with_entity(
        r#"{"uid": {"type": "User", "id": "v"}, "attrs": {"owner": {"__entity": {"type": "Owner", "id": "a"}}}, "parents": [{"type": "Team", "id": "x"}]}"#,
    );
    assert_snapshot!(project.run(&["validate"]), @r#"
    exit: 5
    ----- stdout
    error[unknown-entity]: the parent of `User::"v"` is `Team::"x"`, which does not exist
     --> entities/more.json:2:3
      |
    2 |   {"uid": {"type": "User", "id": "v"}, "attrs": {"owner": {"__entity": {"type": "Owner", "id": "a"}}}, "parents": [{"type": "Team", "id": "x"}]}
      |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: add the entity, or load with `--references cedar`

    invalid: 1 error, 0 warnings
    "#);
    assert_snapshot!(project.run(&["validate", "--references", "cedar"]), @"
    exit: 0
    ----- stdout
    valid: 2 policies, 6 entities, 1 link
    ");
}

#[test]
fn an_attribute_that_names_what_is_not_there() {
    let project = with_entity(
        r#"{"uid": {"type": "Report", "id": "s"}, "attrs": {"author": {"__entity": {"type": "User", "id": "x"}}}, "parents": []}"#,
    );
    assert_snapshot!(project.run(&["validate"]), @r#"
    exit: 5
    ----- stdout
    error[unknown-entity]: the `author` of `Report::"s"` is `User::"x"`, which does not exist
     --> entities/more.json:2:3
      |
    2 |   {"uid": {"type": "Report", "id": "s"}, "attrs": {"author": {"__entity": {"type": "User", "id": "x"}}}, "parents": []}
      |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: add the entity, or load with `--references cedar`

    invalid: 1 error, 0 warnings
    "#);
}

#[test]
fn a_member_with_another_owner_than_its_group() {
    let project = with_entity(
        r#"{"uid": {"type": "User", "id": "v"}, "attrs": {"owner": {"__entity": {"type": "Owner", "id": "b"}}}, "parents": [{"type": "Team", "id": "t"}]}"#,
    );
    assert_snapshot!(project.run(&["validate"]), @r#"
    exit: 5
    ----- stdout
    error[same-as-parents]: `owner` of `User::"v"` is `Owner::"b"`, but its parent `Team::"t"` has `Owner::"a"`
     --> entities/more.json:2:3
      |
    2 |   {"uid": {"type": "User", "id": "v"}, "attrs": {"owner": {"__entity": {"type": "Owner", "id": "b"}}}, "parents": [{"type": "Team", "id": "t"}]}
      |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: take the entity out of the group, or give both the same value, in one change

    invalid: 1 error, 0 warnings
    "#);
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
    assert_snapshot!(project.run(&["validate"]), @r#"
    exit: 5
    ----- stdout
    error[cycle]: parents form a cycle: `Owner::"x"` in `Owner::"y"` in `Owner::"x"`
     --> entities/more.json:2:3
      |
    2 |   {"uid": {"type": "Owner", "id": "x"}, "attrs": {}, "parents": [{"type": "Owner", "id": "y"}]},
      |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

    invalid: 1 error, 0 warnings
    "#);
}

#[test]
fn lines_of_entities_and_links() {
    let project = valid();
    project.write(
        "entities/more.jsonl",
        "{\"uid\": {\"type\": \"Owner\", \"id\": \"c\"}, \"attrs\": {}, \"parents\": []}\n\
         {\"link\": {\"template_id\": \"team\", \"link_id\": \"again\", \"args\": {\"?principal\": \"Team::\\\"t\\\"\", \"?resource\": \"Report::\\\"r\\\"\"}}}\n",
    );
    assert_snapshot!(project.run(&["validate"]), @"
    exit: 0
    ----- stdout
    valid: 2 policies, 6 entities, 2 links
    ");
    project.write(
        "entities/more.jsonl",
        "{\"uid\": {\"type\": \"Owner\", \"id\": \"c\"}, \"attrs\": {}, \"parents\": []}\n{\"lin\n",
    );
    assert_snapshot!(project.run(&["validate"]), @r#"
    exit: 5
    ----- stdout
    error[json]: the text ends too early
     --> entities/more.jsonl:2:5
      |
    2 | {"lin
      |     ^

    invalid: 1 error, 0 warnings
    "#);
}

#[test]
fn a_link_of_a_template_that_is_not_there() {
    let project = with_link(
        r#"{"template_id": "taem", "link_id": "x", "args": {"?principal": "Team::\"t\"", "?resource": "Report::\"r\""}}"#,
    );
    assert_snapshot!(project.run(&["validate"]), @r#"
    exit: 5
    ----- stdout
    error[unknown-template]: link `x` names the template `taem`, which is not there
     --> entities/links.json:2:3
      |
    2 |   {"template_id": "taem", "link_id": "x", "args": {"?principal": "Team::\"t\"", "?resource": "Report::\"r\""}}
      |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: the templates are `team`

    invalid: 1 error, 0 warnings
    "#);
}

#[test]
fn a_link_that_leaves_a_slot_empty() {
    let project = with_link(
        r#"{"template_id": "team", "link_id": "x", "args": {"?principal": "Team::\"t\""}}"#,
    );
    assert_snapshot!(project.run(&["validate"]), @r#"
    exit: 5
    ----- stdout
    error[link-slot]: link `x` leaves the slot `?resource` of template `team` open
     --> entities/links.json:2:3
      |
    2 |   {"template_id": "team", "link_id": "x", "args": {"?principal": "Team::\"t\""}}
      |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

    invalid: 1 error, 0 warnings
    "#);
}

#[test]
fn a_link_that_puts_another_type_into_a_slot() {
    let project = with_link(
        r#"{"template_id": "team", "link_id": "x", "args": {"?principal": "User::\"u\"", "?resource": "Report::\"r\""}}"#,
    );
    assert_snapshot!(project.run(&["validate"]), @r#"
    exit: 5
    ----- stdout
    error[link-slot-type]: link `x` fills `?principal` with `User::"u"`, but template `team` takes only Team there
     --> entities/links.json:2:3
      |
    2 |   {"template_id": "team", "link_id": "x", "args": {"?principal": "User::\"u\"", "?resource": "Report::\"r\""}}
      |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

    invalid: 1 error, 0 warnings
    "#);
}

#[test]
fn a_link_to_what_is_not_there() {
    let project = with_link(
        r#"{"template_id": "team", "link_id": "x", "args": {"?principal": "Team::\"t\"", "?resource": "Report::\"x\""}}"#,
    );
    assert_snapshot!(project.run(&["validate"]), @r#"
    exit: 5
    ----- stdout
    error[unknown-entity]: link `x` fills `?resource` with `Report::"x"`, which does not exist
     --> entities/links.json:2:3
      |
    2 |   {"template_id": "team", "link_id": "x", "args": {"?principal": "Team::\"t\"", "?resource": "Report::\"x\""}}
      |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: add the entity, or load with `--references cedar`

    invalid: 1 error, 0 warnings
    "#);
}

#[test]
fn a_link_with_the_id_of_a_policy() {
    let project = with_link(
        r#"{"template_id": "team", "link_id": "author", "args": {"?principal": "Team::\"t\"", "?resource": "Report::\"r\""}}"#,
    );
    assert_snapshot!(project.run(&["validate"]), @r#"
    exit: 5
    ----- stdout
    error[duplicate-policy-id]: the link `author` has the id of a policy, at policies/reports.cedar:2
     --> entities/links.json:2:3
      |
    2 |   {"template_id": "team", "link_id": "author", "args": {"?principal": "Team::\"t\"", "?resource": "Report::\"r\""}}
      |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

    invalid: 1 error, 0 warnings
    "#);
}

#[test]
fn a_link_that_expires_at_no_time() {
    let project = with_link(
        r#"{"template_id": "team", "link_id": "x", "args": {"?principal": "Team::\"t\"", "?resource": "Report::\"r\""}, "expires": "soon"}"#,
    );
    assert_snapshot!(project.run(&["validate"]), @r#"
    exit: 5
    ----- stdout
    error[link]: `expires` is `soon`, which is not a time in RFC 3339: failed to parse four digit integer as year: invalid digit, expected 0-9 but got s
     --> entities/links.json:2:3
      |
    2 |   {"template_id": "team", "link_id": "x", "args": {"?principal": "Team::\"t\"", "?resource": "Report::\"r\""}, "expires": "soon"}
      |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

    invalid: 1 error, 0 warnings
    "#);
}
