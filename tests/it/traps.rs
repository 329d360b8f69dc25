//! The traps of the model: ways to say the same thing that look right and give too much. Each is
//! set in a copy of the policies or the snapshot. Either the copy is refused, and then it is also
//! seen what the guard keeps off; or it loads, a test of `tests/policies/traps.yaml` fails by its
//! name, and `doorward diff` shows exactly who gains.

use std::path::Path;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::project::Project;

const SCHEMA: &str = "policies/schema.cedarschema";
const ENTITIES: &str = "entities/entities.json";
const LINKS: &str = "entities/links.json";

/// What ships, in `before`, and a copy of it with a trap, in `after`.
struct World {
    project: Project,
}

fn uid(ty: &str, id: &str) -> Value {
    json!({"type": ty, "id": id})
}

fn link(id: &str, template: &str, principal: &str, resource: &str) -> Value {
    json!({"template_id": template, "link_id": id, "args": {"?principal": principal, "?resource": resource}})
}

impl World {
    /// What ships, with one more share on both sides.
    fn with(shares: &[Value]) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let project = Project::empty();
        for folder in ["policies", "entities", "tests/policies"] {
            for entry in std::fs::read_dir(root.join(folder)).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                let text = std::fs::read_to_string(&path).unwrap();
                for side in ["before", "after"] {
                    project.write(&format!("{side}/{folder}/{name}"), &text);
                }
            }
        }
        let world = Self { project };
        for side in ["before", "after"] {
            world
                .json(side, LINKS, |links| links.as_array_mut().unwrap().extend_from_slice(shares));
        }
        world
    }

    fn shipped() -> Self {
        Self::with(&[])
    }

    fn json(&self, side: &str, path: &str, change: impl FnOnce(&mut Value)) {
        let path = format!("{side}/{path}");
        let mut value = serde_json::from_str(&self.project.read(&path)).unwrap();
        change(&mut value);
        // One a line, as the files that ship have them.
        let lines = value.as_array().unwrap().iter().map(|one| format!("  {one}"));
        let text = lines.collect::<Vec<_>>().join(",\n");
        self.project.write(&path, &format!("[\n{text}\n]\n"));
    }

    /// Changes a text that stands in a file once.
    #[track_caller]
    fn edit(&self, path: &str, from: &str, to: &str) {
        let path = format!("after/{path}");
        let text = self.project.read(&path);
        assert_eq!(text.matches(from).count(), 1, "`{from}` in {path}");
        self.project.write(&path, &text.replace(from, to));
    }

    /// Takes out of a file what begins so, up to what comes next.
    #[track_caller]
    fn cut(&self, path: &str, from: &str, to: &str) {
        let text = self.project.read(&format!("after/{path}"));
        let (before, rest) = text.split_once(from).expect(from);
        let (_, after) = rest.split_once(to).expect(to);
        self.project.write(&format!("after/{path}"), &format!("{before}{to}{after}"));
    }

    /// Changes an entity.
    #[track_caller]
    fn entity(&self, ty: &str, id: &str, change: impl FnOnce(&mut Value)) {
        self.json("after", ENTITIES, |entities| {
            let mut all = entities.as_array_mut().unwrap().iter_mut();
            change(all.find(|entity| entity["uid"] == uid(ty, id)).expect(id));
        });
    }

    /// Gives an entity one more parent.
    #[track_caller]
    fn joins(&self, ty: &str, id: &str, parent: Value) {
        self.entity(ty, id, |entity| entity["parents"].as_array_mut().unwrap().push(parent));
    }

    /// Takes the guard out of the schema that keeps what belongs together at one owner.
    fn without_guard(&self) -> &Self {
        let path = format!("after/{SCHEMA}");
        let text = self.project.read(&path);
        self.project.write(&path, &text.replace("@same_as_parents(\"owner,tenant\")\n", ""));
        self
    }

    fn run(&self, arguments: &[&str]) -> String {
        let mut command = self.project.command(arguments);
        self.project.outcome(command.current_dir(self.project.path("after")))
    }

    /// Who gains and who loses by the trap, before a gate that lets nothing by.
    fn difference(&self) -> String {
        self.project.run(&[
            "diff",
            "--from",
            "before",
            "--to",
            "after",
            "--now",
            "2026-11-21T12:00:00Z",
            "--max-gained",
            "0",
        ])
    }

    /// The names of the tests about traps that fail with the trap and pass without it.
    #[track_caller]
    fn failing(&self, flags: &[&str]) -> Vec<String> {
        let before = self.failing_in("before", flags);
        let mut after = self.failing_in("after", flags);
        after.retain(|name| !before.contains(name));
        after
    }

    #[track_caller]
    fn failing_in(&self, side: &str, flags: &[&str]) -> Vec<String> {
        let arguments = [&["test", "tests/policies/traps.yaml"], flags].concat();
        let mut command = self.project.command(&arguments);
        let output = self.project.outcome(command.current_dir(self.project.path(side)));
        let failed = output.lines().filter_map(|line| line.strip_prefix("FAIL "));
        let mut names: Vec<_> =
            failed.map(|line| line.rsplit_once("  ").unwrap().0.trim().to_owned()).collect();
        names.dedup();
        let exit = if names.is_empty() { "exit: 0\n" } else { "exit: 4\n" };
        assert!(output.starts_with(exit), "{output}");
        names
    }
}

#[test]
fn without_a_trap_nothing_fails() {
    let world = World::shipped();
    assert_eq!(world.failing(&[]), <[&str; 0]>::default());
    assert_snapshot!(world.difference());
}

/// A shared group of customers would show all that the customers own.
#[test]
fn ownership_as_a_parent() {
    let read = ["group-share-read", "UserGroup::\"B/All\"", "EntityGroup::\"Office renters\""];
    let world = World::with(&[link("renters-with-b", read[0], read[1], read[2])]);
    world.edit(
        SCHEMA,
        "Dashboard, EntityView, Edge in [EntityGroup] {",
        "Dashboard, EntityView, Edge in [EntityGroup, Customer] {",
    );
    for device in ["SD-001", "EM-002", "WM-003"] {
        world.joins("Device", device, uid("Customer", "Customer A"));
    }
    assert_snapshot!(world.run(&["validate"]), @r#"
    exit: 5
    ----- stdout
    error[same-as-parents]: `owner` of `Device::"SD-001"` is `Owner::"Customer A"`, but its parent `Customer::"Customer A"` has `Owner::"Tenant 1"`
      --> entities/entities.json:62:59
       |
    62 |   {"uid":{"type":"Device","id":"SD-001"},"attrs":{"owner":{"__entity":{"type":"Owner","id":"Customer A"}},"tenant":{"__entity":{"type":"Owner","id":"Tenant 1"}}…
       |                                                           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    note: the parent is here
      --> entities/entities.json:14:65
       |
    14 |   {"uid":{"type":"Customer","id":"Customer A"},"attrs":{"owner":{"__entity":{"type":"Owner","id":"Tenant 1"}},"tenant":{"__entity":{"type":"Owner","id":"Tenant …
       |                                                                 ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: give both the same value, or take it out of that parent, in one change

    error[same-as-parents]: `owner` of `Device::"EM-002"` is `Owner::"Customer A"`, but its parent `Customer::"Customer A"` has `Owner::"Tenant 1"`
      --> entities/entities.json:63:59
       |
    63 |   {"uid":{"type":"Device","id":"EM-002"},"attrs":{"owner":{"__entity":{"type":"Owner","id":"Customer A"}},"tenant":{"__entity":{"type":"Owner","id":"Tenant 1"}}…
       |                                                           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    note: the parent is here
      --> entities/entities.json:14:65
       |
    14 |   {"uid":{"type":"Customer","id":"Customer A"},"attrs":{"owner":{"__entity":{"type":"Owner","id":"Tenant 1"}},"tenant":{"__entity":{"type":"Owner","id":"Tenant …
       |                                                                 ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: give both the same value, or take it out of that parent, in one change

    error[same-as-parents]: `owner` of `Device::"WM-003"` is `Owner::"Customer A"`, but its parent `Customer::"Customer A"` has `Owner::"Tenant 1"`
      --> entities/entities.json:64:59
       |
    64 |   {"uid":{"type":"Device","id":"WM-003"},"attrs":{"owner":{"__entity":{"type":"Owner","id":"Customer A"}},"tenant":{"__entity":{"type":"Owner","id":"Tenant 1"}}…
       |                                                           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    note: the parent is here
      --> entities/entities.json:14:65
       |
    14 |   {"uid":{"type":"Customer","id":"Customer A"},"attrs":{"owner":{"__entity":{"type":"Owner","id":"Tenant 1"}},"tenant":{"__entity":{"type":"Owner","id":"Tenant …
       |                                                                 ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: give both the same value, or take it out of that parent, in one change

    invalid: 3 errors, 0 warnings
    "#);
    world.without_guard();
    assert_eq!(
        world.failing(&[]),
        [
            "a shared group of customers shows their records and not what they own",
            "an alarm in the building is not seen by everybody who sees the building",
            "a role is held within one's own company only"
        ]
    );
    assert_snapshot!(world.difference());
}

/// A device was handed over and left in a group of its former owner, who shares it.
#[test]
fn a_device_left_in_a_group_of_its_former_owner() {
    let world = World::shipped();
    world.joins("Device", "AM-307", uid("EntityGroup", "Building A"));
    assert_snapshot!(world.run(&["validate"]), @r#"
    exit: 5
    ----- stdout
    error[same-as-parents]: `owner` of `Device::"AM-307"` is `Owner::"Customer B"`, but its parent `EntityGroup::"Building A"` has `Owner::"Tenant 1"`
      --> entities/entities.json:67:59
       |
    67 |   {"uid":{"type":"Device","id":"AM-307"},"attrs":{"owner":{"__entity":{"type":"Owner","id":"Customer B"}},"tenant":{"__entity":{"type":"Owner","id":"Tenant 1"}}…
       |                                                           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    note: the parent is here
      --> entities/entities.json:44:68
       |
    44 |   {"uid":{"type":"EntityGroup","id":"Building A"},"attrs":{"owner":{"__entity":{"type":"Owner","id":"Tenant 1"}},"tenant":{"__entity":{"type":"Owner","id":"Tena…
       |                                                                    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: give both the same value, or take it out of that parent, in one change

    invalid: 1 error, 0 warnings
    "#);
    world.without_guard();
    assert_eq!(
        world.failing(&[]),
        [
            "a device of Customer B is not seen through a group of the landlord's",
            "an alarm on a device of Customer B is not seen at Customer A"
        ]
    );
    assert_snapshot!(world.difference());
}

/// A device was handed over and its alarm was not.
#[test]
fn an_alarm_left_behind() {
    let world = World::shipped();
    world.entity("Alarm", "alarm on AM-307", |alarm| {
        alarm["attrs"]["owner"] = json!({"__entity": uid("Owner", "Customer A")});
    });
    assert_snapshot!(world.run(&["validate"]), @r#"
    exit: 5
    ----- stdout
    error[same-as-parents]: `owner` of `Alarm::"alarm on AM-307"` is `Owner::"Customer A"`, but its parent `Device::"AM-307"` has `Owner::"Customer B"`
      --> entities/entities.json:69:67
       |
    69 |   {"uid":{"type":"Alarm","id":"alarm on AM-307"},"attrs":{"owner":{"__entity":{"type":"Owner","id":"Customer A"}},"tenant":{"__entity":{"type":"Owner","id":"Ten…
       |                                                                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    note: the parent is here
      --> entities/entities.json:67:59
       |
    67 |   {"uid":{"type":"Device","id":"AM-307"},"attrs":{"owner":{"__entity":{"type":"Owner","id":"Customer B"}},"tenant":{"__entity":{"type":"Owner","id":"Tenant 1"}}…
       |                                                           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: give both the same value, or take it out of that parent, in one change

    invalid: 1 error, 0 warnings
    "#);
    world.without_guard();
    assert_eq!(
        world.failing(&[]),
        ["an alarm on a device of Customer B is not seen at Customer A"]
    );
    assert_snapshot!(world.difference());
}

/// An alarm is propagated to the building, which is shared with everybody in it.
#[test]
fn propagation_as_a_parent() {
    let world = World::shipped();
    world.joins("Alarm", "alarm on SD-001", uid("Asset", "Building A"));
    assert_snapshot!(world.run(&["validate"]), @r#"
    exit: 5
    ----- stdout
    error[same-as-parents]: `owner` of `Alarm::"alarm on SD-001"` is `Owner::"Customer A"`, but its parent `Asset::"Building A"` has `Owner::"Tenant 1"`
      --> entities/entities.json:68:67
       |
    68 |   {"uid":{"type":"Alarm","id":"alarm on SD-001"},"attrs":{"owner":{"__entity":{"type":"Owner","id":"Customer A"}},"tenant":{"__entity":{"type":"Owner","id":"Ten…
       |                                                                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    note: the parent is here
      --> entities/entities.json:59:62
       |
    59 |   {"uid":{"type":"Asset","id":"Building A"},"attrs":{"owner":{"__entity":{"type":"Owner","id":"Tenant 1"}},"tenant":{"__entity":{"type":"Owner","id":"Tenant 1"}…
       |                                                              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: give both the same value, or take it out of that parent, in one change

    invalid: 1 error, 0 warnings
    "#);
    world.without_guard();
    assert_eq!(
        world.failing(&[]),
        ["an alarm in the building is not seen by everybody who sees the building"]
    );
    assert_snapshot!(world.difference());
}

/// A user changed companies and was left in a group of the former one.
#[test]
fn a_user_left_in_a_group_of_the_former_company() {
    let world = World::shipped();
    world.joins("User", "eve", uid("UserGroup", "A/All"));
    assert_snapshot!(world.run(&["validate"]), @r#"
    exit: 5
    ----- stdout
    error[same-as-parents]: `owner` of `User::"eve"` is `Owner::"A-East"`, but its parent `UserGroup::"A/All"` has `Owner::"Customer A"`
      --> entities/entities.json:37:54
       |
    37 |   {"uid":{"type":"User","id":"eve"},"attrs":{"owner":{"__entity":{"type":"Owner","id":"A-East"}},"tenant":{"__entity":{"type":"Owner","id":"Tenant 1"}},"enabled…
       |                                                      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    note: the parent is here
      --> entities/entities.json:21:61
       |
    21 |   {"uid":{"type":"UserGroup","id":"A/All"},"attrs":{"owner":{"__entity":{"type":"Owner","id":"Customer A"}},"tenant":{"__entity":{"type":"Owner","id":"Tenant 1"…
       |                                                             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: give both the same value, or take it out of that parent, in one change

    invalid: 1 error, 0 warnings
    "#);
    world.without_guard();
    assert_eq!(
        world.failing(&[]),
        ["a user of A-East is not reached by what is shared with Customer A"]
    );
    assert_snapshot!(world.difference());
}

/// `in` holds between a group and itself, so a write share on members is one on the group.
#[test]
fn a_write_share_that_forgets_that_in_is_reflexive() {
    let write = ["group-share-write", "UserGroup::\"B/All\"", "EntityGroup::\"Buildings\""];
    let world = World::with(&[link("buildings-to-write", write[0], write[1], write[2])]);
    world.edit(
        "policies/sharing.cedar",
        "\nunless\n{\n  action in Action::\"Write\" &&\n  (resource is EntityGroup || resource is \
         UserGroup)\n};",
        ";",
    );
    assert_eq!(
        world.failing(&[]),
        [
            "a write share on the members of a group does not change the group",
            "nor a group of users"
        ]
    );
    assert_snapshot!(world.difference());
}

/// An administrator of everything in a customer would be one of the customer's record.
#[test]
fn everything_in_the_customer() {
    let world = World::shipped();
    world.edit(
        "policies/ownership.cedar",
        "  principal in Role::\"administrator\",\n  action,\n  resource\n)\nwhen { resource.owner in \
         principal.owner };",
        "  principal in Role::\"administrator\",\n  action,\n  resource\n)\nwhen { resource.owner in \
         principal.owner || (resource has represents && resource.represents in principal.owner) };",
    );
    assert_eq!(
        world.failing(&[]),
        ["a customer's administrator does not remove or change the customer's own record"]
    );
    assert_snapshot!(world.difference());
}

/// An alarm is below its device, so a write share on devices would let outsiders acknowledge it.
#[test]
fn a_write_share_that_reaches_alarms() {
    let write = ["group-share-write", "UserGroup::\"B/All\"", "EntityGroup::\"Office A devices\""];
    let world = World::with(&[link("to-write", write[0], write[1], write[2])]);
    world.cut(
        "policies/thingsboard.cedar",
        "// An alarm hangs on its device, so a write share",
        "// A share on devices shows",
    );
    assert_eq!(
        world.failing(&[]),
        ["a write share on devices does not let outsiders acknowledge their alarms"]
    );
    assert_snapshot!(world.difference());
}

/// Cedar skips a forbid that errs, and one about an account that is gone errs: then a permit that
/// reads nothing of the account lets it do what it permits. Two guards stand against it. `diff`
/// shows nothing, since it is about those who are in the snapshot.
#[test]
fn a_forbid_that_errs_and_is_skipped() {
    let world = World::shipped();
    world.edit(
        "policies/thingsboard.cedar",
        "when { resource == principal && resource.owner == principal.owner }",
        "when { resource == principal }",
    );
    let name = "an account that is gone does not keep its own profile";
    assert_eq!(world.failing(&["--forbid-errors", "skip"]), [name]);
    assert_snapshot!(
        world.run(&["test", "tests/policies/traps.yaml", "--forbid-errors", "skip"]), @r#"
    exit: 4
    ----- stdout
    FAIL an account that is gone does not keep its own profile  tests/policies/traps.yaml:94
      expected deny, got allow
      errors: expected `disabled-user`, `own-profile`, `tenant-isolation`, got `disabled-user`, `tenant-isolation`
      User::"ghost" write User::"ghost"
        allow
          User::"ghost" may write User::"ghost": a permit says so, and no forbid
          speaks against it
          permit own-profile  policies/thingsboard.cedar:20
            People keep their own name and language up to date without any role.
            Nothing else of the account is theirs: not its owner, not its
            attributes.
            true  principal is User
                  principal is User::"ghost"
            true  action in [Action::"read", Action::"write"]
                  Action::"write" is the same
            true  resource is User
                  resource is User::"ghost"
            true  when resource == principal
                  resource is User::"ghost"
                  principal is User::"ghost"
            false unless principal in Role::"public"
                  User::"ghost" is in nothing
          `disabled-user` could not be evaluated: entity `User::"ghost"` does not exist
          `tenant-isolation` could not be evaluated: entity `User::"ghost"` does not exist

    17 passed, 1 failed, 0 skipped
    "#);
    // With the default it is denied all the same, and the test says that a guard is gone.
    assert_eq!(world.failing(&[]), [name]);
    assert_snapshot!(world.difference());
}

/// A share that names a role is one for everybody who holds it, in every company.
#[test]
fn a_share_for_a_role() {
    let world = World::shipped();
    let share =
        link("a-role", "group-share-read", "Role::\"reader\"", "EntityGroup::\"Office A devices\"");
    world.json("after", LINKS, |links| links.as_array_mut().unwrap().push(share));
    assert_snapshot!(world.run(&["validate"]), @r#"
    exit: 5
    ----- stdout
    error[link-slot-type]: link `a-role` fills `?principal` with `Role::"reader"`, but template `group-share-read` takes only UserGroup there
     --> entities/links.json:6:77
      |
    6 |   {"template_id":"group-share-read","link_id":"a-role","args":{"?principal":"Role::\"reader\"","?resource":"EntityGroup::\"Office A devices\""}}
      |                                                                             ^^^^^^^^^^^^^^^^^^
    hint: `@slot_principal` of the template says what it takes

    invalid: 1 error, 0 warnings
    "#);
    let path = "after/policies/sharing.cedar";
    let text = world.project.read(path).replace("@slot_principal(\"UserGroup\")\n", "");
    world.project.write(path, &text);
    assert_eq!(
        world.failing(&[]),
        [
            "a shared group of customers shows their records and not what they own",
            "an alarm in the building is not seen by everybody who sees the building",
            "a role is held within one's own company only"
        ]
    );
    assert_snapshot!(world.difference());
}
