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
    assert_snapshot!(both(JACK), @"");
}

#[test]
fn who_can_read_the_sensor() {
    let question = ["principals", "--action", "read", "--resource", "Device::\"SD-001\""];
    assert_snapshot!(both(&question), @"");
}

#[test]
fn what_may_emma_do_with_building_a() {
    let question =
        ["actions", "--principal", "User::\"emma\"", "--resource", "Asset::\"Building A\""];
    assert_snapshot!(both(&question), @"");
}

#[test]
fn a_type_a_value_a_number() {
    let devices = [EMMA, &["--type", "Device"]].concat();
    assert_snapshot!(both(&devices), @"");
    let owned = [&devices[..], &["--where", "owner=Owner::\"Customer A\"", "--count"]].concat();
    assert_snapshot!(both(&owned), @"");
    let json = [&devices[..], &["--limit", "2", "--format", "json"]].concat();
    assert_snapshot!(both(&json), @"");
    assert_snapshot!(both(&[&devices[..], &["--limit", "1"]].concat()), @"");
}

#[test]
fn what_cannot_be_meant() {
    let project = Project::shipped();
    let run = |arguments: &[&str]| project.run(&[&["search"], arguments].concat());
    assert_snapshot!(run(&["resources", "--action", "read"]), @"");
    assert_snapshot!(run(&[JACK, &["--resource", "Device::\"SD-001\""]].concat()), @"");
    assert_snapshot!(run(&[JACK, &["--where", "enabled=true"]].concat()), @"");
    assert_snapshot!(run(&[JACK, &["--where", "enabled"]].concat()), @"");
    let colour = ["--type", "Device", "--where", "colour=red"];
    assert_snapshot!(run(&[JACK, &colour].concat()), @"");
    let owner = ["--type", "Device", "--where", "owner=3"];
    assert_snapshot!(run(&[JACK, &owner].concat()), @"");
    assert_snapshot!(run(&[JACK, &["--type", "Ship"]].concat()), @"");
}

/// The commands of the README are those of the first three tests.
#[test]
fn the_readme_has_them() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    for command in [
        "doorward search resources --principal 'User::\"jack\"' --action read\n",
        "doorward search principals --action read --resource 'Device::\"SD-001\"'\n",
        "doorward search actions --principal 'User::\"emma\"' --resource 'Asset::\"Building A\"'\n",
    ] {
        assert!(readme.contains(command), "{command}");
    }
}
