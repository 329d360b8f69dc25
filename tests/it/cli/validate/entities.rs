//! Entities that are refused: by their JSON, by the schema, by what they name, by what their parents
//! have.

use insta::assert_snapshot;

use super::{SCHEMA, valid};
use crate::project::Project;

/// A valid project, and one more entity in a file of its own.
fn with_entity(entity: &str) -> Project {
    let project = valid();
    project.write("entities/more.json", &format!("[\n  {entity}\n]\n"));
    project
}

#[test]
fn entities_that_are_no_json() {
    let project = valid();
    project.write("entities/more.json", "[\n  {\"uid\": \n]\n");
    assert_snapshot!(project.run(&["validate"]), @"
    exit: 5
    ----- stdout
    error[json]: expected value
     --> entities/more.json:3:1
      |
    3 | ]
      | ^

    error[json]: this is not a JSON array: the text ends too early
     --> entities/more.json

    invalid: 2 errors, 0 warnings
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
     --> entities/more.json:2:64
      |
    2 |   {"uid": {"type": "Owner", "id": "c"}, "attrs": {}, "attrs": {}, "parents": []}
      |                                                                ^

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
     --> entities/more.json:2:55
      |
    2 |   {"uid": {"type": "Owner", "id": "c"}, "attributes": {}, "parents": []}
      |                                                       ^^
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
     --> entities/more.json:2:20
      |
    2 |   {"uid": {"type": "Robot", "id": "c"}, "attrs": {}, "parents": []}
      |                    ^^^^^^^
    hint: the schema declares `Owner`, `Report`, `Team`, `User`

    invalid: 1 error, 0 warnings
    "#);
}

#[test]
fn an_entity_without_an_attribute_that_is_required() {
    let project = with_entity(
        r#"{"uid": {"type": "User", "id": "v"}, "attrs": {"level": 3}, "parents": []}"#,
    );
    assert_snapshot!(project.run(&["validate"]), @r#"
    exit: 5
    ----- stdout
    error[entity]: `User::"v"` needs the attribute `owner`
     --> entities/more.json:2:49
      |
    2 |   {"uid": {"type": "User", "id": "v"}, "attrs": {"level": 3}, "parents": []}
      |                                                 ^^^^^^^^^^^^
    hint: give it, as `Owner`, or let the schema declare it optional: `owner?`

    invalid: 1 error, 0 warnings
    "#);
}

#[test]
fn an_entity_with_an_attribute_of_the_wrong_type() {
    let project = with_entity(
        r#"{"uid": {"type": "User", "id": "v"}, "attrs": {"owner": {"__entity": {"type": "Owner", "id": "a"}}, "level": "high"}, "parents": []}"#,
    );
    assert_snapshot!(project.run(&["validate"]), @r#"
    exit: 5
    ----- stdout
    error[entity]: `level` of `User::"v"` has to be `Long`, and is the string `"high"`
     --> entities/more.json:2:112
      |
    2 | …: "v"}, "attrs": {"owner": {"__entity": {"type": "Owner", "id": "a"}}, "level": "high"}, "parents": []}
      |                                                                                  ^^^^^^

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
    error[duplicate-entity]: `Owner::"a"` is there twice
     --> entities/more.json:2:11
      |
    2 |   {"uid": {"type": "Owner", "id": "a"}, "attrs": {}, "parents": []}
      |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    note: the other is here
     --> entities/entities.json:2:11
      |
    2 |   {"uid": {"type": "Owner", "id": "a"}, "attrs": {}, "parents": []},
      |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: keep one of them; an entity is written once, with all it has

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
     --> entities/more.json:2:115
      |
    2 | …v"}, "attrs": {"owner": {"__entity": {"type": "Owner", "id": "a"}}}, "parents": [{"type": "Team", "id": "x"}]}
      |                                                                                  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
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
     --> entities/more.json:2:62
      |
    2 |   {"uid": {"type": "Report", "id": "s"}, "attrs": {"author": {"__entity": {"type": "User", "id": "x"}}}, "parents": []}
      |                                                              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
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
     --> entities/more.json:2:59
      |
    2 |   {"uid": {"type": "User", "id": "v"}, "attrs": {"owner": {"__entity": {"type": "Owner", "id": "b"}}}, "parents": [{"type": "Team", "id": "t"}]}
      |                                                           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    note: the parent is here
     --> entities/entities.json:4:59
      |
    4 |   {"uid": {"type": "Team", "id": "t"}, "attrs": {"owner": {"__entity": {"type": "Owner", "id": "a"}}}, "parents": []},
      |                                                           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: give both the same value, or take it out of that parent, in one change

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
     --> entities/more.json:2:65
      |
    2 |   {"uid": {"type": "Owner", "id": "x"}, "attrs": {}, "parents": [{"type": "Owner", "id": "y"}]},
      |                                                                 ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: take one of these parents out; nothing can be below itself

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
