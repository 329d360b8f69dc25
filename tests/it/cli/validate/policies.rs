//! Schemas and policies that are refused, or only warned of.

use insta::assert_snapshot;

use super::{SCHEMA, valid};

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
    note: the other is here
     --> policies/other.cedarschema
    hint: keep one, or name the one to use by `--schema FILE`

    invalid: 2 policies, 5 entities, 1 link, 1 error, 0 warnings
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
    error[policy-syntax]: this policy does not end with `;`
     --> policies/broken.cedar:2:13
      |
    2 | when { true }
      |             ^
    note: the policy begins here
     --> policies/broken.cedar:1:1
      |
    1 | permit (principal, action, resource)
      | ^^^^^^
    hint: add a `;` behind it

    invalid: 1 error, 0 warnings
    ");
}

#[test]
fn two_policies_with_one_id() {
    let project = valid();
    project
        .write("policies/second.cedar", "@id(\"author\")\nforbid (principal, action, resource);\n");
    assert_snapshot!(project.run(&["validate"]), @r#"
    exit: 5
    ----- stdout
    error[duplicate-policy-id]: two policies have the id `author`
     --> policies/second.cedar:1:1
      |
    1 | @id("author")
      | ^^^^^^^^^^^^^
    note: the other is here
     --> policies/reports.cedar:2:1
      |
    2 | @id("author")
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
    warning[dead-policy]: policy `never.0` can never apply: what it asks for is false for every request that the schema allows
     --> policies/never.cedar:1:1
      |
    1 | permit (principal, action == Action::"read", resource) when { false };
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: mend its conditions, or take it out

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
    1 | …resource) when { (((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((…
      |                                                                                  ^
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
    1 | …<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set<Set…
      |                                                                                  ^
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
    error[schema-integrity]: `@same_as_parents` of entity type `User` names `ovner`, which is not one of its attributes
     --> policies/schema.cedarschema:3:8
      |
    3 | entity User in [Team] { owner: Owner, level?: Long };
      |        ^^^^
    hint: declare the attribute, or take it out of `@same_as_parents`

    error[schema-integrity]: `@same_as_parents` of entity type `Team` names `ovner`, which is not one of its attributes
     --> policies/schema.cedarschema:5:8
      |
    5 | entity Team { owner: Owner };
      |        ^^^^
    hint: declare the attribute, or take it out of `@same_as_parents`

    invalid: 2 errors, 0 warnings
    ");
}
