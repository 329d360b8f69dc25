//! An estate of so many devices, of which its administrator may read all, one customer's user a
//! third, and another's one in twenty.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use serde_json::{Value, json};

use super::service::Failure;

/// Who searches, with the id of the user and of the owner.
pub(crate) const WHO: [(&str, &str); 3] =
    [("all of them", "estate"), ("a third", "estate north"), ("one in twenty", "estate south")];

/// Writes the estate beside whatever lies in the directory.
pub(crate) fn write(directory: &Path, devices: usize) -> Result<(), Failure> {
    fs::create_dir_all(directory)?;
    let mut out = BufWriter::new(File::create(directory.join("estate.jsonl"))?);
    for (_, owner) in WHO {
        let above = if owner == "estate" { vec![] } else { vec![uid("Owner", "estate")] };
        line(&mut out, &uid("Owner", owner), &json!({}), &above)?;
        let group = uid("UserGroup", owner);
        line(&mut out, &group, &owned(owner), &[uid("Role", "administrator")])?;
        let mut user = owned(owner);
        if let Some(members) = user.as_object_mut() {
            members.insert("enabled".to_owned(), json!(true));
        }
        line(&mut out, &uid("User", owner), &user, &[group])?;
    }
    for number in 0..devices {
        let owner = match number % 60 {
            0..20 => "estate north",
            20..23 => "estate south",
            _ => "estate",
        };
        line(&mut out, &uid("Device", &format!("meter {number:07}")), &owned(owner), &[])?;
    }
    Ok(out.flush()?)
}

/// The search of one of them for devices.
pub(crate) fn search(who: &str) -> Value {
    json!({"principal": uid("User", who), "action": "read", "type": "Device"})
}

fn line(
    out: &mut impl Write,
    uid: &Value,
    attrs: &Value,
    parents: &[Value],
) -> std::io::Result<()> {
    writeln!(out, "{}", json!({"uid": uid, "attrs": attrs, "parents": parents}))
}

fn uid(type_name: &str, id: &str) -> Value {
    json!({"type": type_name, "id": id})
}

fn owned(owner: &str) -> Value {
    json!({"owner": {"__entity": uid("Owner", owner)}, "tenant": {"__entity": uid("Owner", "estate")}})
}
