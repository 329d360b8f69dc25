//! `doorward explain`: one HTTP request, from the route to the policies.

use insta::assert_snapshot;

use crate::project::Project;

/// The shipped project with a few routes.
fn project() -> Project {
    let project = Project::shipped();
    project.write(
        "routes.yaml",
        r#"version: 1
routes:
  - { methods: [GET], path: "/login", public: true }
  - { methods: [GET], path: "/api/device/{id}", action: read, resource: { type: Device, id: "{id}" } }
  - { methods: [GET], path: "/api/ws", upgrade: websocket, action: administer, resource: { type: Tenant, id: "{principal.tenant}" } }
  - methods: [POST]
    path: "/api/customer/{customer}/device/{id}"
    all_of:
      - { action: read, resource: { type: Device, id: "{id}" } }
      - { action: change_owner, resource: { type: Device, id: "{id}" }, context: { target: { type: Owner, id: "{customer}" } } }
"#,
    );
    project
}

const EMMA: [&str; 2] = ["--as", "User::\"emma\""];

#[test]
fn an_allow() {
    let project = project();
    let output = project.run(&[&["explain", "GET", "/api/device/SD-001"][..], &EMMA].concat());
    assert_snapshot!(output, @r#"
    exit: 0
    ----- stdout
    allow
      route /api/device/{id}  routes.yaml:4
        id = SD-001
      check User::"emma" read Device::"SD-001"
        allow
          permit ownership-read  policies/ownership.cedar:6
    "#);
}

#[test]
fn a_deny_by_one_of_several_checks() {
    let project = project();
    let path = "/api/customer/Customer%20B/device/SD-001";
    let output = project.run(&[&["explain", "POST", path][..], &EMMA].concat());
    assert_snapshot!(output);
}

#[test]
fn nobody_is_signed_in() {
    let project = project();
    assert_snapshot!(project.run(&["explain", "GET", "/api/device/SD-001"]), @"
    exit: 3
    ----- stdout
    deny
      the route is not public, and nobody is signed in (no_credential)
      route /api/device/{id}  routes.yaml:4
        id = SD-001
    ");
    assert_snapshot!(project.run(&["explain", "GET", "https://iot.example/login"]), @"
    exit: 0
    ----- stdout
    allow
      the route is public
      route /login  routes.yaml:3
    ");
}

#[test]
fn requests_that_have_no_route() {
    let project = project();
    let explain = |method, url| project.run(&[&["explain", method, url][..], &EMMA].concat());
    assert_snapshot!(explain("DELETE", "/api/device/SD-001"), @"
    exit: 3
    ----- stdout
    deny
      no route is for this request (unmapped_route)
    ");
    assert_snapshot!(explain("GET", "/login/../api/device/SD-001"), @"
    exit: 3
    ----- stdout
    deny
      the path has a `.` or `..` segment (ambiguous_path)
    ");
    assert_snapshot!(explain("GET", "/api/ws"), @"
    exit: 3
    ----- stdout
    deny
      no route is for this request (unmapped_route)
    ");
    let web_socket = explain("GET", "wss://iot.example/api/ws");
    assert!(
        web_socket.contains("check User::\"emma\" administer Tenant::\"Tenant 1\""),
        "{web_socket}"
    );
}

#[test]
fn for_programs() {
    let project = project();
    let output = project.run(
        &[&["explain", "GET", "/api/device/AM-307?x=1", "--format", "json"][..], &EMMA].concat(),
    );
    assert_snapshot!(output);
}

#[test]
fn without_routes() {
    assert_snapshot!(Project::shipped().run(&["explain", "GET", "/"]), @"
    exit: 1
    ----- stderr
    error[no-routes]: there is no route file
     --> routes.yaml
    hint: run this where `./routes.yaml` is, or say where it is: `--routes FILE`
    ");
}

#[test]
fn thingsboards_map_ships_valid() {
    let project = project();
    let map = format!("{}/examples/thingsboard/routes.yaml", env!("CARGO_MANIFEST_DIR"));
    let output = project.run(&["validate", "--routes", &map]);
    assert!(output.starts_with("exit: 0\n----- stdout\nvalid: 18 policies"), "{output}");
}

#[test]
fn validate_tells_of_routes_and_policies_at_once() {
    let project = project();
    project.write("policies/wrong.cedar", "permit (principal\n");
    project.write("routes.yaml", "version: 1\nroute: []\n");
    let output = project.run(&["validate"]);
    assert_snapshot!(output);
    project.remove("policies/wrong.cedar");
    project.write(
        "routes.yaml",
        "version: 1\nroutes:\n  - { methods: [GET], path: /a, action: fly, resource: '{principal}' }\n",
    );
    assert!(project.run(&["validate"]).contains("routes.yaml:3:41"));
}
