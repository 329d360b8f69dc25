//! `doorward health`: 0 where a service is alive, with `--ready` where it can decide, else 1.

use insta::assert_snapshot;

use crate::project::Project;
use crate::service::Service;

/// Asks the service by the address of its admin plane.
fn health(service: &Service, flags: &[&str]) -> String {
    let address = service.admin.to_string();
    let arguments = [&["health", "--admin-listen", &address], flags].concat();
    Project::empty().run(&arguments)
}

#[test]
fn a_service_that_can_decide() {
    let service = Service::shipped();
    assert_snapshot!(health(&service, &[]), @"
    exit: 0
    ----- stdout
    live
    ");
    assert_snapshot!(health(&service, &["--ready"]), @"
    exit: 0
    ----- stdout
    ready
    ");
}

#[test]
fn a_service_without_policies_is_alive_and_not_ready() {
    let service = Service::start(Project::empty(), &[]);
    assert_snapshot!(health(&service, &[]), @"
    exit: 0
    ----- stdout
    live
    ");
    assert_snapshot!(health(&service, &["--ready"]), @"
    exit: 1
    ----- stderr
    error: `http://127.0.0.1:<port>` is not ready: /readyz answers 503: no snapshot is in force yet; nothing is decided before
    ");
}

#[test]
fn no_service() {
    // Port 1 is reserved for a service that nobody runs.
    let arguments = ["health", "--admin-listen", "127.0.0.1:1"];
    assert_snapshot!(Project::empty().run(&arguments), @"
    exit: 1
    ----- stderr
    error: cannot ask `http://127.0.0.1:1`: nothing listens there
    hint: `--admin URL` says where its admin plane is
    ");
}
