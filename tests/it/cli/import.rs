//! `doorward import openapi`: a route file to start from.

use insta::assert_snapshot;

use crate::project::Project;

const DOCUMENT: &str = r#"{
  "openapi": "3.0.3",
  "paths": {
    "/api/device/{deviceId}": {"get": {"summary": "Reads a device"}, "post": {}},
    "/api/devices": {"get": {}}
  }
}
"#;

#[test]
fn a_file_that_validates() {
    let project = Project::shipped();
    project.write("api.json", DOCUMENT);
    assert_snapshot!(project.run(&["import", "openapi", "api.json", "--out", "routes.yaml"]), @"
    exit: 0
    ----- stderr
    1 routes written, 2 left as comments; without a route a request is denied
    ");
    assert_snapshot!(project.run(&["validate"]), @"
    exit: 0
    ----- stdout
    valid: 18 policies, 68 entities, 4 links, 1 route
    ");
    let again = project.run(&["import", "openapi", "api.json", "--out", "routes.yaml"]);
    assert!(again.starts_with("exit: 1\n"), "{again}");
}

#[test]
fn without_a_schema_it_says_what_has_to_be_declared() {
    let project = Project::empty();
    project.write("api.json", DOCUMENT);
    assert_snapshot!(project.run(&["import", "openapi", "api.json"]));
    project.write("api.json", "{}");
    assert_snapshot!("no_document", project.run(&["import", "openapi", "api.json"]));
}
