//! Links that are refused: by their template, by their slots, by what they name.

use insta::assert_snapshot;

use super::valid;
use crate::project::Project;

/// A valid project, and one more link.
fn with_link(link: &str) -> Project {
    let project = valid();
    project.write("entities/links.json", &format!("[\n  {link}\n]\n"));
    project
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
     --> entities/links.json:2:19
      |
    2 |   {"template_id": "taem", "link_id": "x", "args": {"?principal": "Team::\"t\"", "?resource": "Report::\"r\""}}
      |                   ^^^^^^
    hint: did you mean `team`?

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
     --> entities/links.json:2:51
      |
    2 |   {"template_id": "team", "link_id": "x", "args": {"?principal": "Team::\"t\""}}
      |                                                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: add `"?resource": "Type::\"id\""` to `args`

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
     --> entities/links.json:2:66
      |
    2 |   {"template_id": "team", "link_id": "x", "args": {"?principal": "User::\"u\"", "?resource": "Report::\"r\""}}
      |                                                                  ^^^^^^^^^^^^^
    hint: `@slot_principal` of the template says what it takes

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
     --> entities/links.json:2:94
      |
    2 | …id": "team", "link_id": "x", "args": {"?principal": "Team::\"t\"", "?resource": "Report::\"x\""}}
      |                                                                                  ^^^^^^^^^^^^^^^
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
     --> entities/links.json:2:38
      |
    2 |   {"template_id": "team", "link_id": "author", "args": {"?principal": "Team::\"t\"", "?resource": "Report::\"r\""}}
      |                                      ^^^^^^^^
    hint: decisions name policies and links by their ids: give the link another

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
    error[link]: `expires` is `soon`, which is not a time in RFC 3339 with its zone
     --> entities/links.json:2:123
      |
    2 | …"args": {"?principal": "Team::\"t\"", "?resource": "Report::\"r\""}, "expires": "soon"}
      |                                                                                  ^^^^^^
    hint: write it as `<time>`

    invalid: 1 error, 0 warnings
    "#);
}
