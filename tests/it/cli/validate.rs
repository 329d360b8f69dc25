//! `doorward validate`: every problem with its place and a hint, not only the first.

mod entities;
mod links;
mod policies;

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
pub(crate) fn valid() -> Project {
    let project = Project::empty();
    project.write("policies/schema.cedarschema", SCHEMA);
    project.write("policies/reports.cedar", POLICIES);
    project.write("entities/entities.json", ENTITIES);
    project.write("entities/links.json", LINKS);
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
    error[policy-syntax]: `(` is never closed
     --> policies/broken.cedar:1:8
      |
    1 | permit (principal
      |        ^
    hint: add the `)` that belongs to it

    error[policy-validation]: policy `wrong.0`: the schema declares no action `Action::"write"`
     --> policies/wrong.cedar:1:30
      |
    1 | permit (principal, action == Action::"write", resource);
      |                              ^^^^^^^^^^^^^^^
    hint: it declares `Action::"read"`

    error[policy-validation]: policy `wrong.1`: `User` has no attribute `rank`
     --> policies/wrong.cedar:2:63
      |
    2 | permit (principal, action == Action::"read", resource) when { principal.rank > 1 };
      |                                                               ^^^^^^^^^^^^^^
    hint: declared are `level`, `owner`

    error[unknown-type]: `Robot::"x"` has a type that the schema does not declare
     --> entities/more.json:1:19
      |
    1 | [{"uid": {"type": "Robot", "id": "x"}}]
      |                   ^^^^^^^
    hint: the schema declares `Owner`, `Report`, `Team`, `User`

    error[link]: a link needs the member `template_id`
     --> entities/links.json:1:2
      |
    1 | [{"link_id": "x"}]
      |  ^^^^^^^^^^^^^^^^

    error[link]: a link needs the member `args`
     --> entities/links.json:1:2
      |
    1 | [{"link_id": "x"}]
      |  ^^^^^^^^^^^^^^^^

    invalid: 6 errors, 0 warnings
    "#);
}
