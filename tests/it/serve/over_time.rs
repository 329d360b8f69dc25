//! What becomes of decisions when owners, groups and shares change: the changes over time of the
//! platform that the shipped policies describe, each from the same beginning, each by a change of
//! single entities and links, and in force for the next check.

use serde_json::{Value, json};

use crate::http::Connection;
use crate::service::Service;

/// The service, and the beginning that every case goes back to.
struct World {
    service: Service,
    bundle: Value,
}

fn uid(ty: &str, id: &str) -> Value {
    json!({"type": ty, "id": id})
}

/// An entity with an owner in the first tenant.
fn owned(ty: &str, id: &str, owner: &str, parents: &[(&str, &str)]) -> Value {
    let reference = |id: &str| json!({"__entity": uid("Owner", id)});
    let parents: Vec<_> = parents.iter().map(|(ty, id)| uid(ty, id)).collect();
    let mut attrs = json!({"owner": reference(owner), "tenant": reference("Tenant 1")});
    if ty == "User" {
        attrs["enabled"] = true.into();
    }
    json!({"uid": uid(ty, id), "attrs": attrs, "parents": parents})
}

/// A share; `kind` is `read` or `write`.
fn share(id: &str, kind: &str, group: &str, of: &str) -> Value {
    json!({
        "template_id": format!("group-share-{kind}"), "link_id": id,
        "args": {
            "?principal": format!("UserGroup::\"{group}\""),
            "?resource": format!("EntityGroup::\"{of}\""),
        },
    })
}

/// The device and its alarm, under another owner and in these groups.
fn moved(owner: &str, groups: &[&str]) -> Value {
    let groups: Vec<_> = groups.iter().map(|id| ("EntityGroup", *id)).collect();
    json!({"upsert": [
        owned("Device", "SD-001", owner, &groups),
        owned("Alarm", "alarm on SD-001", owner, &[("Device", "SD-001")]),
    ]})
}

impl World {
    fn new() -> Self {
        let bundle = serde_json::from_str(&Service::shipped_bundle()).unwrap();
        Self { service: Service::shipped(), bundle }
    }

    /// Goes back to the beginning and makes changes.
    #[track_caller]
    fn after(&self, changes: &[Value]) {
        let beginning = json!({"entities": self.bundle["entities"], "links": self.bundle["links"]});
        let put = self.service.admin("PUT", "/v1/bundle", &beginning.to_string());
        assert_eq!(put.status, 200, "{put:?}");
        for change in changes {
            self.change(change);
        }
    }

    #[track_caller]
    fn change(&self, change: &Value) {
        let answer = self.service.admin("PATCH", "/v1/entities", &change.to_string());
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    /// Whether a user may do something, by the code of the decision.
    #[track_caller]
    fn code(&self, user: &str, action: &str, resource: &Value, context: &Value) -> String {
        let body = json!({
            "principal": uid("User", user), "action": action,
            "resource": resource, "context": context,
        });
        self.service.check(&body.to_string())["code"].as_str().unwrap().to_owned()
    }

    #[track_caller]
    fn may(&self, user: &str, action: &str, ty: &str, id: &str) -> bool {
        self.code(user, action, &uid(ty, id), &json!({})) == "allow"
    }

    #[track_caller]
    fn reads(&self, user: &str, ty: &str, id: &str) -> bool {
        self.may(user, "read", ty, id)
    }
}

#[test]
fn a_device_changes_its_owner_or_goes() {
    let world = World::new();
    let sees = |user| world.reads(user, "Device", "SD-001");
    assert!(sees("emma"));
    // L1, L2
    world.after(&[moved("Tenant 1", &[])]);
    let answers = ["emma", "cust_admin_a", "tenant_admin"].map(sees);
    assert_eq!(answers, [false, false, true]);
    // L3
    world.after(&[moved("Customer B", &["B/All devices", "Office B devices"])]);
    assert_eq!(["emma", "jack"].map(sees), [false, true]);
    // L9
    world.after(&[json!({"remove": ["Alarm::\"alarm on SD-001\"", "Device::\"SD-001\""]})]);
    let code = world.code("tenant_admin", "read", &uid("Device", "SD-001"), &json!({}));
    assert_eq!(code, "unknown_resource");
    // L16: it cannot stay in a group of its former owner.
    world.after(&[]);
    let stays = moved("Tenant 1", &["Office A devices"]).to_string();
    let answer = world.service.admin("PATCH", "/v1/entities", &stays);
    assert_eq!(answer.status, 422, "{answer:?}");
    assert!(sees("emma"), "a change that is refused changes nothing");
}

#[test]
fn shares_and_memberships_come_and_go() {
    let world = World::new();
    // L4
    world.after(&[json!({"unlink": ["share-building-a-b"]})]);
    assert!(!world.reads("jack", "Asset", "Building A"));
    assert!(world.reads("emma", "Asset", "Building A"));
    // L5
    let all = ("EntityGroup", "Tenant 1/All assets");
    let alone = owned("Asset", "Building A", "Tenant 1", &[all]);
    world.after(&[json!({"upsert": [alone]})]);
    assert!(!world.reads("emma", "Asset", "Building A"));
    // L6
    let lobbies = owned("EntityGroup", "Lobbies", "Tenant 1", &[]);
    let groups = [all, ("EntityGroup", "Building A"), ("EntityGroup", "Lobbies")];
    let building = owned("Asset", "Building A", "Tenant 1", &groups);
    let write = share("lobbies", "write", "A/Customer Administrators", "Lobbies");
    world.after(&[json!({"upsert": [lobbies, building], "link": [write]})]);
    assert!(world.may("cust_admin_a", "write", "Asset", "Building A"));
    assert!(!world.may("cust_admin_a", "delete", "Asset", "Building A"));
    assert!(!world.may("emma", "write", "Asset", "Building A"));
    // L15
    world.after(&[json!({"link": [share("renters", "read", "B/All", "Office renters")]})]);
    assert!(world.reads("jack", "Customer", "Customer A"));
    assert!(!world.reads("jack", "Device", "SD-001"));
    // L17
    world.after(&[json!({"link": [share("public", "read", "Public/Public users", "Buildings")]})]);
    assert!(world.reads("public", "Dashboard", "My New Dashboard"));
    assert!(!world.reads("public", "Device", "SD-001"));
    assert!(!world.may("jack", "write", "Dashboard", "My New Dashboard"));
    // L22
    let write = share("buildings-write", "write", "B/All", "Buildings");
    world.after(&[json!({"link": [write]}), json!({"unlink": ["share-buildings-b"]})]);
    assert!(world.may("jack", "write", "Dashboard", "My New Dashboard"));
    world.change(&json!({"unlink": ["buildings-write"]}));
    assert!(!world.reads("jack", "Dashboard", "My New Dashboard"));
}

/// What a list shows is what single checks allow.
#[test]
fn what_a_customer_sees_of_others() {
    let world = World::new();
    // L19
    assert!(!world.reads("jack", "Alarm", "alarm on SD-001"));
    assert!(world.reads("jack", "Alarm", "alarm on AM-307"));
    // L21
    let devices = ["SD-001", "EM-002", "WM-003", "E-1", "AM-307"];
    let seen: Vec<_> = devices.into_iter().filter(|id| world.reads("jack", "Device", id)).collect();
    assert_eq!(seen, ["AM-307"]);
}

/// Connections that were open before a change see it with their next check.
#[test]
fn a_change_counts_on_connections_that_were_open_before() {
    let world = World::new();
    let check = json!({
        "principal": uid("User", "jack"), "action": "read", "resource": uid("Asset", "Building A"),
    });
    let mut connections: Vec<_> = (0..4).map(|_| Connection::open(world.service.data)).collect();
    let mut codes = || -> Vec<Value> {
        let ask = |it: &mut Connection| it.post("/v1/check", &check.to_string()).json();
        connections.iter_mut().map(|it| ask(it)["code"].clone()).collect()
    };
    assert_eq!(codes(), ["allow"; 4]);
    for _ in 0..20 {
        world.change(&json!({"unlink": ["share-building-a-b"]}));
        assert_eq!(codes(), ["no_permit"; 4]);
        world.after(&[]);
        assert_eq!(codes(), ["allow"; 4]);
    }
}

#[test]
fn users_move_and_go() {
    let world = World::new();
    let sees = |user, device| world.reads(user, "Device", device);
    // L7
    let parents = [("UserGroup", "B/All"), ("UserGroup", "B/Customer Users")];
    world.after(&[json!({"upsert": [owned("User", "emma", "Customer B", &parents)]})]);
    assert_eq!([sees("emma", "SD-001"), sees("emma", "AM-307")], [false, true]);
    // L8
    let parents = [("UserGroup", "A/All"), ("UserGroup", "A/Customer Users")];
    let mut emma = owned("User", "emma", "Customer A", &parents);
    emma["attrs"]["enabled"] = false.into();
    world.after(&[json!({"upsert": [emma]})]);
    for (ty, id) in [("Device", "SD-001"), ("Asset", "Building A"), ("User", "emma")] {
        assert_eq!(world.code("emma", "read", &uid(ty, id), &json!({})), "forbidden");
    }
    // L10
    world.after(&[json!({"remove": ["User::\"emma\""]})]);
    let code = world.code("emma", "read", &uid("Device", "SD-001"), &json!({}));
    assert_eq!(code, "unknown_principal");
    // L11, L12
    world.after(&[]);
    let answers = ["emma", "jack"].map(|user| sees(user, "E-1"));
    assert_eq!(answers, [true, false]);
    assert!(world.may("cust_admin_a", "write", "Device", "E-1"));
    assert_eq!([sees("eve", "E-1"), sees("eve", "SD-001")], [true, false]);
    assert!(!world.reads("eve", "Asset", "Building A"));
    // L13, L14
    let to = |ty, id, target| {
        let context = json!({"target": {"__entity": uid("Owner", target)}});
        world.code("cust_admin_a", "change_owner", &uid(ty, id), &context) == "allow"
    };
    let moves = ["A-East", "Customer B", "Tenant 1"].map(|target| to("Device", "SD-001", target));
    assert_eq!(moves, [true, false, false]);
    assert!(!to("User", "emma", "Tenant 1"));
    // L20: in groups of her customer she cannot be of another tenant; without them she sees nothing.
    let mut emma = owned("User", "emma", "Customer A", &[]);
    emma["attrs"]["tenant"] = json!({"__entity": uid("Owner", "Tenant 2")});
    world.after(&[json!({"upsert": [emma]})]);
    assert!(!sees("emma", "SD-001"));
}
