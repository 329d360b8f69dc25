//! `doorward search`: the tutorial's questions, each one command, by files and by a service.

use insta::assert_snapshot;

use crate::project::Project;
use crate::service::Service;

/// The same command by files and by a running service, which say the same.
#[track_caller]
fn both(arguments: &[&str]) -> String {
    let service = Service::shipped();
    let by_files = Project::shipped().run(&[&["search"], arguments].concat());
    let address = format!("http://{}", service.data);
    let asked = [&["search"], arguments, &["--server", &address]].concat();
    assert_eq!(service.project.run(&asked), by_files);
    by_files
}

const JACK: &[&str] = &["resources", "--principal", "User::\"jack\"", "--action", "read"];
const EMMA: &[&str] = &["resources", "--principal", "User::\"emma\"", "--action", "read"];

#[test]
fn what_can_jack_read() {
    assert_snapshot!(both(JACK), @r#"
    exit: 0
    ----- stdout
    Alarm::"alarm on AM-307"
    Asset::"Building A"
    Asset::"Office B"
    Customer::"Customer B"
    Dashboard::"My New Dashboard"
    Device::"AM-307"
    EntityGroup::"B/All assets"
    EntityGroup::"B/All devices"
    EntityGroup::"Building A"
    EntityGroup::"Buildings"
    EntityGroup::"Customer B offices"
    EntityGroup::"Office B devices"
    User::"jack"
    UserGroup::"B/All"
    UserGroup::"B/Customer Administrators"
    UserGroup::"B/Customer Users"
    "#);
}

#[test]
fn who_can_read_the_sensor() {
    let question = ["principals", "--action", "read", "--resource", "Device::\"SD-001\""];
    assert_snapshot!(both(&question), @r#"
    exit: 0
    ----- stdout
    User::"cust_admin_a"
    User::"emma"
    User::"tenant_admin"
    "#);
}

#[test]
fn what_may_emma_do_with_building_a() {
    let question =
        ["actions", "--principal", "User::\"emma\"", "--resource", "Asset::\"Building A\""];
    assert_snapshot!(both(&question), @r#"
    exit: 0
    ----- stdout
    Action::"read"
    Action::"read_attributes"
    Action::"read_telemetry"
    "#);
}

#[test]
fn a_type_a_value_a_number() {
    let devices = [EMMA, &["--type", "Device"]].concat();
    assert_snapshot!(both(&devices), @r#"
    exit: 0
    ----- stdout
    Device::"E-1"
    Device::"EM-002"
    Device::"SD-001"
    Device::"WM-003"
    "#);
    let owned = [&devices[..], &["--where", "owner=Owner::\"Customer A\"", "--count"]].concat();
    assert_snapshot!(both(&owned), @"
    exit: 0
    ----- stdout
    3
    ");
    let json = [&devices[..], &["--limit", "2", "--format", "json"]].concat();
    assert_snapshot!(both(&json), @r#"
    exit: 0
    ----- stdout
    {"resources":[{"type":"Device","id":"E-1"},{"type":"Device","id":"EM-002"}],"complete":false}
    "#);
    assert_snapshot!(both(&[&devices[..], &["--limit", "1"]].concat()), @r#"
    exit: 0
    ----- stdout
    Device::"E-1"
    ----- stderr
    more may be left; `--limit` ended the search
    "#);
}

#[test]
fn what_cannot_be_meant() {
    let project = Project::shipped();
    let run = |arguments: &[&str]| project.run(&[&["search"], arguments].concat());
    assert_snapshot!(run(&["resources", "--action", "read"]), @"
    exit: 2
    ----- stderr
    error: `search resources` needs `--principal`
    ");
    assert_snapshot!(run(&[JACK, &["--resource", "Device::\"SD-001\""]].concat()), @"
    exit: 2
    ----- stderr
    error: `--resource` says what `search resources` is to find out
    hint: leave it out
    ");
    assert_snapshot!(run(&[JACK, &["--where", "enabled=true"]].concat()), @"
    exit: 2
    ----- stderr
    error: `--where` needs `--type`, whose attributes it is about
    ");
    assert_snapshot!(run(&[JACK, &["--where", "enabled"]].concat()), @"
    exit: 2
    ----- stderr
    error: invalid value 'enabled' for '--where <ATTRIBUTE=VALUE>': write it as ATTRIBUTE=VALUE, such as enabled=true

    For more information, try '--help'.
    ");
    let colour = ["--type", "Device", "--where", "colour=red"];
    assert_snapshot!(run(&[JACK, &colour].concat()), @"
    exit: 1
    ----- stderr
    error[invalid_request]: `where`: entity type `Device` declares no attribute `colour`
    hint: it declares owner, tenant
    ");
    let owner = ["--type", "Device", "--where", "owner=3"];
    assert_snapshot!(run(&[JACK, &owner].concat()), @r#"
    exit: 1
    ----- stderr
    error[invalid_request]: `where.owner` must be the uid of a `Owner`, such as `Owner::"…"`
    "#);
    assert_snapshot!(run(&[JACK, &["--type", "Ship"]].concat()), @"
    exit: 1
    ----- stderr
    error[invalid_request]: the schema declares no entity type `Ship`
    hint: it declares Alarm, Anonymous, Asset, Customer, Dashboard, Device, Edge, EntityGroup, EntityView, Owner, Role, SystemAdministrator, Tenant, User, UserGroup
    ");
}

/// The commands of the README are those of the first three tests.
#[test]
fn the_readme_has_them() {
    let readme =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    for command in [
        "doorward search resources --principal 'User::\"jack\"' --action read\n",
        "doorward search principals --action read --resource 'Device::\"SD-001\"'\n",
        "doorward search actions --principal 'User::\"emma\"' --resource 'Asset::\"Building A\"'\n",
    ] {
        assert!(readme.contains(command), "{command}");
    }
}
