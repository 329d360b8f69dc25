//! What a start makes of a route file.

use super::*;

#[test]
fn without_a_route_file_nothing_is_mapped() {
    let service = Service::shipped();
    assert_outcome(&ask(&service, "GET", "/api/device/SD-001", &[]), 403, "unmapped_route");
}

#[test]
fn a_route_file_that_does_not_fit_keeps_the_service_from_starting() {
    let project = project(
        &routes().replace("action: read", "action: fly").replace("type: User", "type: Pilot"),
    );
    let said = project.run(&[
        "serve",
        "--ephemeral",
        "--listen",
        "127.0.0.1:0",
        "--admin-listen",
        "127.0.0.1:0",
    ]);
    assert!(said.starts_with("exit: 1\n"), "{said}");
    for problem in [
        "the schema declares no action `Action::\"fly\"`",
        "`identity` names principals of the type `Pilot`, which the schema does not declare",
        "routes.yaml:6:57",
    ] {
        assert!(said.contains(problem), "{problem} in {said}");
    }
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let project = project(&routes().replace("HS512", "none").replace("public: true", "open: true"));
    project.remove("thingsboard.key");
    project.write("check.tokens", "short\n");
    let said = project.run(&[
        "serve",
        "--ephemeral",
        "--listen",
        "127.0.0.1:0",
        "--admin-listen",
        "127.0.0.1:0",
        "--check-token-file",
        "check.tokens",
    ]);
    assert!(said.starts_with("exit: 1\n"), "{said}");
    for problem in ["unknown key `open`", "the token is not at least 16"] {
        assert!(said.contains(problem), "{problem} in {said}");
    }
    assert!(!said.contains("short"), "{said}");
}

#[test]
fn a_missing_secret_is_told_with_its_place() {
    let project = project(&routes());
    project.remove("thingsboard.key");
    let said = project.run(&[
        "serve",
        "--ephemeral",
        "--listen",
        "127.0.0.1:0",
        "--admin-listen",
        "127.0.0.1:0",
    ]);
    assert!(said.starts_with("exit: 1\n"), "{said}");
    assert!(said.contains("`identity[0].jwt.secret_file`: cannot read the file"), "{said}");
    // Where routes are written, secrets need not be.
    assert!(project.run(&["validate"]).starts_with("exit: 0\n"));
}

#[test]
fn the_configuration_tells_where_the_routes_come_from() {
    let project = project(&routes());
    let said = project.run(&["config"]);
    let line = said.lines().find(|line| line.starts_with("routes:")).unwrap();
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(words, ["routes:", "routes.yaml", "#", "default"]);
    let said = project.run(&["config", "--routes", "other.yaml"]);
    assert!(said.lines().any(|line| line.starts_with("routes: other.yaml")), "{said}");
}
