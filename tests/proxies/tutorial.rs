//! The tutorial through nginx, on ThingsBoard's own route map as it ships: Emma sees what belongs to
//! Customer A and what is shared with it, Jack the same of Customer B, the tenant's administrator
//! everything, and nobody what is not mapped.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use super::client::{Ask, HOST};
use super::world::{Kind, World};

/// What there is to be read.
const SENSORS_OF_A: [&str; 3] = ["/api/device/SD-001", "/api/device/EM-002", "/api/device/WM-003"];
const SENSOR_OF_B: &str = "/api/device/AM-307";
const OFFICE_A: &str = "/api/asset/Office%20A";
const OFFICE_B: &str = "/api/asset/Office%20B";
const SHARED: [&str; 2] = ["/api/asset/Building%20A", "/api/dashboard/My%20New%20Dashboard"];

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/thingsboard/routes.yaml");
    let shipped = fs::read_to_string(path).unwrap();
    // One route more, by which the tests see that the proxy is ready.
    let ready = "\nroutes:\n  - { methods: [GET], path: \"/public/ready\", public: true }\n";
    let routes = shipped.replacen("\nroutes:\n", ready, 1);
    assert_ne!(routes, shipped);
    World::with_routes(Kind::Nginx, &[], &routes)
});

#[track_caller]
fn sees(user: &str, targets: &[&str]) {
    for target in targets {
        let outcome = WORLD.ask(&Ask::get(target).by(user));
        let seen = outcome.allowed();
        assert_eq!(seen.target, *target);
        assert_eq!(seen.header("x-doorward-principal"), Some(&*format!("User::\"{user}\"")));
        assert_eq!(seen.header("host"), Some(HOST));
    }
}

#[track_caller]
fn is_refused(user: &str, targets: &[&str]) {
    for target in targets {
        WORLD.ask(&Ask::get(target).by(user)).denied(&[403]);
    }
}

#[test]
fn emma_sees_her_sensors_the_building_and_the_dashboard() {
    sees("emma", &SENSORS_OF_A);
    sees("emma", &SHARED);
    sees("emma", &[OFFICE_A]);
    is_refused("emma", &[SENSOR_OF_B, OFFICE_B]);
}

#[test]
fn jack_sees_his_sensor_the_building_and_the_dashboard() {
    sees("jack", &[SENSOR_OF_B, OFFICE_B]);
    sees("jack", &SHARED);
    is_refused("jack", &SENSORS_OF_A);
    is_refused("jack", &[OFFICE_A]);
}

#[test]
fn the_administrator_of_the_tenant_sees_everything() {
    sees("tenant_admin", &SENSORS_OF_A);
    sees("tenant_admin", &SHARED);
    sees("tenant_admin", &[SENSOR_OF_B, OFFICE_A, OFFICE_B]);
    is_refused("other_tenant_admin", &SENSORS_OF_A);
    is_refused("other_tenant_admin", &SHARED);
}

#[test]
fn readers_change_nothing() {
    for (user, target) in [("emma", SENSORS_OF_A[0]), ("emma", SHARED[0]), ("jack", SENSOR_OF_B)] {
        WORLD.ask(&Ask::new("DELETE", target).by(user)).denied(&[403]);
    }
    let ask = Ask::new("DELETE", SENSORS_OF_A[0]).by("tenant_admin");
    assert_eq!(WORLD.ask(&ask).allowed().method, "DELETE");
}

#[test]
fn nobody_sees_what_is_not_mapped() {
    for user in ["emma", "jack", "tenant_admin"] {
        is_refused(user, &["/api/no/such/route", "/actuator/env", "/api/device/SD-001/secret"]);
    }
    for target in [SENSORS_OF_A[0], SHARED[1], OFFICE_B] {
        WORLD.ask(&Ask::get(target)).denied(&[401]);
    }
}

#[test]
fn telemetry_goes_with_the_device() {
    let target = "/api/plugins/telemetry/DEVICE/SD-001/values/timeseries?keys=temperature";
    sees("emma", &[target]);
    is_refused("jack", &[target]);
    // A query in a body reads; what saves a device is for the administrators of the tenant.
    let ask = |user| Ask::new("POST", "/api/device").by(user).body(b"{}".to_vec());
    WORLD.ask(&ask("emma")).denied(&[403]);
    assert_eq!(WORLD.ask(&ask("tenant_admin")).allowed().body, b"{}");
}
