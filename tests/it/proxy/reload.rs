//! Routes that change while the service runs, and schemas that change under them.

use super::*;
use crate::service::until;

#[track_caller]
fn logged(service: &Service, text: &str) {
    until(text, || service.log().contains(text).then_some(()));
}

#[test]
fn a_route_file_is_read_again_and_a_bad_one_changes_nothing() {
    let service = service();
    let asks = |path| ask(&service, "GET", path, &[]).status;
    assert_eq!((asks("/login"), asks("/help")), (200, 403));
    service.project.write("routes.yaml", &routes().replace("/login", "/help"));
    service.reload();
    logged(&service, "the routes were read again");
    assert_eq!((asks("/login"), asks("/help")), (403, 200));
    service.project.write("routes.yaml", &routes().replace("action: read", "action: fly"));
    service.reload();
    logged(&service, "the route file was not taken; the routes stay as they were");
    logged(&service, "the schema declares no action");
    assert_eq!(asks("/help"), 200);
    assert_eq!(metric(&service, "doorward_routes_rejected").as_deref(), Some("1"));
    service.project.write("routes.yaml", "routes: [\n");
    service.reload();
    until("the second one is refused too", || {
        (service.log().matches("the route file was not taken").count() == 2).then_some(())
    });
    service.project.write("routes.yaml", &routes());
    service.reload();
    until("the good one is taken", || (asks("/login") == 200).then_some(()));
    assert_eq!(metric(&service, "doorward_routes_rejected").as_deref(), Some("0"));
}

#[test]
fn routes_that_no_longer_fit_the_schema_deny_until_they_do() {
    let project = Project::empty();
    project.write("routes.yaml", &format!("version: 1\n{ROUTES}"));
    let service = Service::start(project, &[]);
    let bundle = Service::shipped_bundle();
    assert_eq!(service.admin("PUT", "/v1/bundle", &bundle).status, 200);
    assert_eq!(ask(&service, "GET", "/login", &[]).status, 200);
    let other = json!({
        "schema": "entity User; action look appliesTo { principal: User, resource: User };",
        "policies": {}, "entities": [], "links": [],
    });
    assert_eq!(service.admin("PUT", "/v1/bundle", &other.to_string()).status, 200);
    assert_outcome(&ask(&service, "GET", "/login", &[]), 403, "unmapped_route");
    assert_eq!(metric(&service, "doorward_routes_misfit").as_deref(), Some("1"));
    assert_eq!(metric(&service, "doorward_routes").as_deref(), Some("0"));
    logged(&service, "the routes do not fit the schema in force: whatever proxies ask is denied");
    assert_eq!(service.admin("PUT", "/v1/bundle", &bundle).status, 200);
    assert_outcome(&ask(&service, "GET", "/login", &[]), 200, "allow");
    assert_eq!(metric(&service, "doorward_routes_misfit").as_deref(), Some("0"));
    logged(&service, "the routes fit the schema in force again");
}

#[test]
fn routes_go_into_force_together_with_the_policies_that_they_need() {
    let service = service();
    let schema = service.project.read("policies/schema.cedarschema");
    let more =
        format!("{schema}\naction boil appliesTo {{ principal: User, resource: Device }};\n");
    service.project.write("policies/schema.cedarschema", &more);
    service.project.write(
        "policies/kettle.cedar",
        "@id(\"boil\") permit (principal, action == Action::\"boil\", resource);",
    );
    let boil = "  - { methods: [POST], path: \"/kettle/{id}\", action: boil, resource: { type: \
                Device, id: \"{id}\" } }\n";
    service.project.write("routes.yaml", &format!("{}{boil}", routes()));
    service.reload();
    logged(&service, "the routes were read again");
    let answer = ask(&service, "POST", "/kettle/SD-001", &[("X-Authorization", &emma())]);
    assert_outcome(&answer, 200, "allow");
    assert!(!service.log().contains("do not fit"), "{}", service.log());
}
