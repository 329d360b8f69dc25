//! Changes to be tried out, none of which is meant: shares that are new or gone and devices with
//! another owner, in the tenants that worlds of every size have, and policies with another condition.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;

use serde_json::{Value, json};

use super::service::Failure;

/// The tenants whose data changes: behind the first, which is larger than the others.
const TENANTS: std::ops::Range<usize> = 1..5;

/// A change, and whom and what it can concern.
pub(crate) struct Draft {
    pub(crate) kind: &'static str,
    /// Method and path.
    pub(crate) line: &'static str,
    pub(crate) body: Value,
    /// Everything that can have changed lies in this tenant; `None`: in each.
    pub(crate) tenant: Option<String>,
    /// Only resources of this type can have changed, and only by actions that look.
    pub(crate) only: Option<&'static str>,
}

/// What is in a world, by tenant.
pub(crate) struct Estate {
    /// In the order in which they come.
    pub(crate) tenants: Vec<String>,
    /// The entities of each tenant: type, id and the entity.
    pub(crate) entities: BTreeMap<String, Vec<(String, String, Value)>>,
    links: Vec<Value>,
}

// === impl Estate ===

impl Estate {
    /// Reads a small world's files.
    pub(crate) fn read(directory: &Path) -> Result<Self, Failure> {
        let mut tenants = Vec::new();
        let mut entities: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for line in BufReader::new(File::open(directory.join("entities.jsonl"))?).lines() {
            let entity: Value = serde_json::from_str(&line?)?;
            let Some(tenant) = text(&entity, "/attrs/tenant/__entity/id") else { continue };
            if tenants.last() != Some(&tenant) {
                tenants.push(tenant.clone());
            }
            let uid = (text(&entity, "/uid/type"), text(&entity, "/uid/id"));
            let (Some(kind), Some(id)) = uid else { continue };
            entities.entry(tenant).or_default().push((kind, id, entity));
        }
        let links = serde_json::from_slice(&fs::read(directory.join("links.json"))?)?;
        Ok(Self { tenants, entities, links })
    }

    /// One change of each kind in each of some tenants.
    pub(crate) fn drafts(&self) -> Result<Vec<Draft>, Failure> {
        let mut drafts = Vec::new();
        for tenant in self.tenants.get(TENANTS).ok_or("too few tenants")? {
            let own = self.entities.get(tenant).ok_or("a tenant without entities")?;
            let draft = |kind, body| Draft {
                kind,
                line: "PATCH /v1/entities",
                body,
                tenant: Some(tenant.clone()),
                only: None,
            };
            drafts.push(draft("one share added", self.share(own).ok_or("all is shared")?));
            let gone = self.share_of(own).ok_or("nothing is shared")?;
            drafts.push(draft("one share removed", json!({"unlink": [gone]})));
            let moved = moved(own).ok_or("no device that can be moved")?;
            drafts.push(draft("one owner changed", json!({"upsert": [moved]})));
        }
        Ok(drafts)
    }

    /// A share that is not there: the first customer's people, and a group that they have no share
    /// with.
    fn share(&self, own: &[(String, String, Value)]) -> Option<Value> {
        let there: HashSet<(String, String)> = self.links.iter().filter_map(args).collect();
        let uids = |kind: &str| {
            let of_kind = own.iter().filter(|(it, ..)| it == kind);
            of_kind.map(|(kind, id, _)| format!("{kind}::\"{id}\"")).collect::<Vec<_>>()
        };
        // The user group of everybody of each owner comes first, one for each role follows.
        let (people, groups) = (uids("UserGroup"), uids("EntityGroup"));
        let people = people.iter().step_by(4).skip(1);
        let mut pairs = people.flat_map(|who| groups.iter().map(move |what| (who, what)));
        let (who, what) = pairs.find(|(who, what)| {
            // A group in which the records of customers are may have no other member.
            let holds_devices = own.iter().any(|(kind, _, entity)| {
                kind == "Device" && parents(entity).any(|it| what.contains(it))
            });
            holds_devices && !there.contains(&((*who).clone(), (*what).clone()))
        })?;
        let args = json!({"?principal": who, "?resource": what});
        let link = json!({"template_id": "group-share-read", "link_id": "tried out", "args": args});
        Some(json!({"link": [link]}))
    }

    /// The id of a share with everybody of a customer, few of whose roles have one with that group.
    fn share_of(&self, own: &[(String, String, Value)]) -> Option<Value> {
        let of_kind = own.iter().filter(|(kind, ..)| kind == "UserGroup");
        let people: Vec<String> =
            of_kind.map(|(kind, id, _)| format!("{kind}::\"{id}\"")).collect();
        let there: HashSet<(String, String)> = self.links.iter().filter_map(args).collect();
        let others = |link: &Value| {
            let (who, what) = args(link)?;
            let mut customers = people.chunks(4).skip(1).filter_map(<[String]>::split_first);
            let (_, roles) = customers.find(|(everybody, _)| **everybody == who)?;
            Some(roles.iter().filter(|it| there.contains(&((*it).clone(), what.clone()))).count())
        };
        let counted = self.links.iter().filter_map(|link| Some((others(link)?, link)));
        counted.min_by_key(|(others, _)| *others)?.1.get("link_id").cloned()
    }
}

/// The shipped policies and their schema, as they are put.
pub(crate) fn policies() -> Result<Value, Failure> {
    let mut texts = BTreeMap::new();
    for entry in fs::read_dir("policies")? {
        let path = entry?.path();
        if path.extension().is_some_and(|it| it == "cedar") {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            texts.insert(name, fs::read_to_string(&path)?);
        }
    }
    let schema = fs::read_to_string("policies/schema.cedarschema")?;
    Ok(json!({"policies": texts, "schema": schema}))
}

/// Policies of which one does not reach a type any more.
pub(crate) fn policies_but(type_name: &'static str) -> Result<Draft, Failure> {
    let mut body = policies()?;
    let file = body.pointer_mut("/policies/ownership.cedar").ok_or("no ownership.cedar")?;
    let text = file.as_str().unwrap_or_default();
    let condition = "when { resource.owner in principal.owner }";
    let narrower =
        format!("when {{ !(resource is {type_name}) && resource.owner in principal.owner }}");
    let changed = text.replacen(condition, &narrower, 1);
    if changed == text {
        return Err("ownership-read reads otherwise than it did".into());
    }
    *file = changed.into();
    let kind = match type_name {
        "Edge" => "a condition changed for edges",
        _ => "a condition changed for devices",
    };
    let only = Some(type_name);
    Ok(Draft { kind, line: "PUT /v1/policies", body, tenant: None, only })
}

/// A device that has groups and no alarms, with another owner and without its groups.
fn moved(own: &[(String, String, Value)]) -> Option<Value> {
    let alarmed: HashSet<&str> = own
        .iter()
        .filter(|(kind, ..)| kind == "Alarm")
        .flat_map(|(.., alarm)| parents(alarm))
        .collect();
    let (.., device) = own.iter().find(|(kind, id, entity)| {
        kind == "Device" && !alarmed.contains(id.as_str()) && parents(entity).next().is_some()
    })?;
    let owner = |entity: &Value| entity.pointer("/attrs/owner/__entity").cloned();
    let other = own.iter().rev().find_map(|(.., entity)| {
        owner(entity).filter(|other| Some(other) != owner(device).as_ref())
    })?;
    let mut device = device.clone();
    *device.pointer_mut("/attrs/owner/__entity")? = other;
    *device.get_mut("parents")? = json!([]);
    Some(device)
}

fn parents(entity: &Value) -> impl Iterator<Item = &str> {
    let parents = entity.get("parents").and_then(Value::as_array);
    parents.into_iter().flatten().filter_map(|parent| parent.get("id")?.as_str())
}

/// Whom and what a link names.
fn args(link: &Value) -> Option<(String, String)> {
    Some((text(link, "/args/?principal")?, text(link, "/args/?resource")?))
}

fn text(value: &Value, at: &str) -> Option<String> {
    Some(value.pointer(at)?.as_str()?.to_owned())
}
