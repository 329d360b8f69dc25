//! Entities and links as JSON, written straight out.

use std::io::{self, Write};

use super::tenant::{Link, ROLES, Tenant, User};

/// The roles, which all tenants have in common; the number of lines.
pub(crate) fn roles(out: &mut impl Write) -> io::Result<usize> {
    let roles = ["reader", "editor", "administrator", "public"];
    for role in roles {
        line(out, ("Role", role), None, "", &[])?;
    }
    Ok(roles.len())
}

/// Everything of a tenant, each behind what it names; the number of lines.
pub(crate) fn entities(tenant: &Tenant, out: &mut impl Write) -> io::Result<usize> {
    let mut lines = Lines { tenant, out, count: 0 };
    for owner in 0..tenant.owners.len() {
        lines.owner(owner)?;
    }
    for user in &tenant.users {
        lines.user(user)?;
    }
    lines.records()?;
    Ok(lines.count)
}

pub(crate) fn link(tenant: &Tenant, link: &Link, out: &mut impl Write) -> io::Result<()> {
    let template = if link.writes { "group-share-write" } else { "group-share-read" };
    let with = tenant.owners.get(link.with.0).and_then(|owner| owner.user_groups.get(link.with.1));
    let what = tenant.owners.get(link.what.0).and_then(|owner| owner.groups.get(link.what.1));
    let (with, what) = (with.map_or("", |id| id), what.map_or("", |id| id));
    write!(
        out,
        r#"{{"template_id":"{template}","link_id":"{}","args":{{"?principal":"UserGroup::\"{with}\"","?resource":"EntityGroup::\"{what}\""}}"#,
        link.id
    )?;
    if link.expires {
        out.write_all(br#","expires":"2100-01-01T00:00:00Z""#)?;
    }
    out.write_all(b"}")
}

/// One entity: its uid, the ids of its owner and its tenant, more attributes, its parents.
fn line(
    out: &mut impl Write,
    (kind, id): (&str, &str),
    owned: Option<(&str, &str)>,
    more: &str,
    parents: &[(&str, &str)],
) -> io::Result<()> {
    write!(out, r#"{{"uid":{{"type":"{kind}","id":"{id}"}},"attrs":{{"#)?;
    if let Some((owner, tenant)) = owned {
        write!(
            out,
            r#""owner":{{"__entity":{{"type":"Owner","id":"{owner}"}}}},"tenant":{{"__entity":{{"type":"Owner","id":"{tenant}"}}}}{more}"#
        )?;
    }
    out.write_all(br#"},"parents":["#)?;
    for (number, (kind, id)) in parents.iter().enumerate() {
        let comma = if number == 0 { "" } else { "," };
        write!(out, r#"{comma}{{"type":"{kind}","id":"{id}"}}"#)?;
    }
    out.write_all(b"]}\n")
}

struct Lines<'a, W> {
    tenant: &'a Tenant,
    out: &'a mut W,
    count: usize,
}

// === impl Lines ===

impl<W: Write> Lines<'_, W> {
    /// One entity of an owner.
    fn owned(
        &mut self,
        uid: (&str, &str),
        owner: usize,
        more: &str,
        parents: &[(&str, &str)],
    ) -> io::Result<()> {
        let owners = &self.tenant.owners;
        let id = |owner: usize| owners.get(owner).map_or("", |owner| owner.id.as_str());
        line(self.out, uid, Some((id(owner), id(0))), more, parents)?;
        self.count += 1;
        Ok(())
    }

    /// The owner, the record of the customer or tenant that it is, and its groups.
    fn owner(&mut self, number: usize) -> io::Result<()> {
        let tenant = self.tenant;
        let Some(owner) = tenant.owners.get(number) else { return Ok(()) };
        let above = owner.parent.and_then(|place| Some((place, tenant.owners.get(place)?)));
        let parents: Vec<_> = above.iter().map(|(_, above)| ("Owner", above.id.as_str())).collect();
        line(self.out, ("Owner", &owner.id), None, "", &parents)?;
        self.count += 1;
        self.owned(("EntityGroup", &owner.customers_group), number, "", &[])?;
        let represents =
            format!(r#","represents":{{"__entity":{{"type":"Owner","id":"{}"}}}}"#, owner.id);
        if let Some((place, above)) = above {
            let group = [("EntityGroup", above.customers_group.as_str())];
            self.owned(("Customer", &owner.id), place, &represents, &group)?;
        } else {
            self.owned(("Tenant", &owner.id), number, &represents, &[])?;
        }
        let roles = std::iter::once(None).chain(ROLES.map(Some));
        for (group, role) in owner.user_groups.iter().zip(roles) {
            let role: Vec<_> = role.iter().map(|role| ("Role", *role)).collect();
            self.owned(("UserGroup", group), number, "", &role)?;
        }
        for group in &owner.groups {
            self.owned(("EntityGroup", group), number, "", &[])?;
        }
        Ok(())
    }

    fn user(&mut self, user: &User) -> io::Result<()> {
        let Some(owner) = self.tenant.owners.get(user.owner) else { return Ok(()) };
        let [everybody, ..] = &owner.user_groups;
        let role = owner.user_groups.get(user.role).unwrap_or(everybody);
        let enabled = format!(r#","enabled":{}"#, user.enabled);
        let groups = [("UserGroup", everybody.as_str()), ("UserGroup", role.as_str())];
        self.owned(("User", &user.id), user.owner, &enabled, &groups)
    }

    /// Devices and other records with their alarms.
    fn records(&mut self) -> io::Result<()> {
        let tenant = self.tenant;
        for record in &tenant.records {
            let Some(owner) = tenant.owners.get(record.owner) else { continue };
            let groups = record.groups.iter().filter_map(|place| owner.groups.get(*place));
            let groups: Vec<_> = groups.map(|group| ("EntityGroup", group.as_str())).collect();
            self.owned((record.kind, &record.id), record.owner, "", &groups)?;
            for alarm in &record.alarms {
                let originator = [(record.kind, record.id.as_str())];
                self.owned(("Alarm", alarm), record.owner, "", &originator)?;
            }
        }
        Ok(())
    }
}
