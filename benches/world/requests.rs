//! Requests about a world, mixed from kinds whose answers mostly have different reasons.

use super::dice::Dice;
use super::tenant::{Tenant, User};

/// How many parts of each kind there are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mix {
    /// Somebody asks about what their owner, or one below, has.
    pub(crate) owned: usize,
    /// Somebody asks about what is in a group that is shared with them.
    pub(crate) shared: usize,
    /// Somebody asks about what another tenant has.
    pub(crate) isolated: usize,
    /// Principal or resource are not there.
    pub(crate) unknown: usize,
}

/// As a service sees it: mostly what is allowed.
pub(crate) const USUAL: Mix = Mix { owned: 5, shared: 3, isolated: 1, unknown: 1 };

/// A request; type and id of each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) principal: (&'static str, String),
    pub(crate) action: &'static str,
    pub(crate) resource: (&'static str, String),
    /// The owner that is to get the resource, where the action asks for one.
    pub(crate) target: Option<String>,
}

/// A stream of requests.
#[derive(Debug)]
pub(crate) struct Requests {
    tenants: Vec<Tenant>,
    mix: Mix,
    dice: Dice,
}

const READS: [&str; 3] = ["read", "read_telemetry", "read_attributes"];
const WRITES: [&str; 3] = ["write", "write_telemetry", "write_attributes"];

// === impl Requests ===

impl Requests {
    pub(crate) fn new(tenants: Vec<Tenant>, mix: Mix, dice: Dice) -> Self {
        Self { tenants, mix, dice }
    }

    fn pick<'a, T>(dice: &mut Dice, from: &'a [T]) -> Option<&'a T> {
        from.get(dice.below(from.len()))
    }

    /// `None` where a tenant lacks what this kind of request is about.
    fn try_next(&mut self) -> Option<Request> {
        let Self { tenants, mix, dice } = self;
        let tenant = Self::pick(dice, tenants)?;
        let kinds = [mix.owned, mix.shared, mix.isolated, mix.unknown];
        let mut at = dice.below(kinds.iter().sum());
        let mut kind = 0;
        for (number, share) in kinds.into_iter().enumerate() {
            if at < share {
                kind = number;
                break;
            }
            at -= share;
        }
        match kind {
            0 => Self::owned(dice, tenant),
            1 => Self::shared(dice, tenant),
            2 => {
                let other = Self::pick(dice, tenants)?;
                let user = Self::pick(dice, &tenant.users)?;
                let record = Self::pick(dice, &other.records)?;
                Some(request(user, Self::action(dice, user.role), (record.kind, &record.id)))
            }
            _ => {
                let user = Self::pick(dice, &tenant.users)?;
                let record = Self::pick(dice, &tenant.records)?;
                let mut request = request(user, "read", (record.kind, &record.id));
                let side =
                    if dice.one_in(2) { &mut request.principal } else { &mut request.resource };
                side.1.push_str("-gone");
                Some(request)
            }
        }
    }

    /// What a role may do, mostly.
    fn action(dice: &mut Dice, role: usize) -> &'static str {
        let actions: &[&'static str] = match dice.below(role.max(1)) {
            0 => &READS,
            1 => &WRITES,
            _ => &["delete", "change_owner"],
        };
        Self::pick(dice, actions).copied().unwrap_or("read")
    }

    fn owned(dice: &mut Dice, tenant: &Tenant) -> Option<Request> {
        let record = Self::pick(dice, &tenant.records)?;
        // The owner of the record, or one of those above.
        let mut owner = record.owner;
        while let Some(parent) = tenant.owners.get(owner)?.parent {
            if dice.one_in(2) {
                break;
            }
            owner = parent;
        }
        let users: Vec<&User> = tenant.users.iter().filter(|user| user.owner == owner).collect();
        let user = Self::pick(dice, &users)?;
        let action = Self::action(dice, user.role);
        let alarm = record.alarms.first().filter(|_| dice.one_in(2));
        let request = match alarm {
            Some(alarm) => {
                request(user, if user.role > 1 { "ack_alarm" } else { "read" }, ("Alarm", alarm))
            }
            None => request(user, action, (record.kind, &record.id)),
        };
        let target = (request.action == "change_owner").then(|| tenant.owners.get(owner)).flatten();
        Some(Request { target: target.map(|owner| owner.id.clone()), ..request })
    }

    fn shared(dice: &mut Dice, tenant: &Tenant) -> Option<Request> {
        let link = Self::pick(dice, &tenant.links)?;
        let (owner, group) = link.with;
        let is_with = |user: &&User| user.owner == owner && (group == 0 || user.role == group);
        let users: Vec<&User> = tenant.users.iter().filter(is_with).collect();
        let (owner, group) = link.what;
        let records = tenant.records.iter();
        let records: Vec<_> =
            records.filter(|it| it.owner == owner && it.groups.contains(&group)).collect();
        let (user, record) = (Self::pick(dice, &users)?, Self::pick(dice, &records)?);
        let actions = if link.writes && dice.one_in(2) { &WRITES } else { &READS };
        let action = Self::pick(dice, actions)?;
        Some(request(user, action, (record.kind, &record.id)))
    }
}

impl Iterator for Requests {
    type Item = Request;

    fn next(&mut self) -> Option<Request> {
        // Each kind is about most tenants, so this ends soon.
        loop {
            let found = self.try_next();
            if found.as_ref().is_some_and(|it| it.action != "change_owner" || it.target.is_some()) {
                return found;
            }
        }
    }
}

fn request(user: &User, action: &'static str, (kind, id): (&'static str, &String)) -> Request {
    let principal = ("User", user.id.clone());
    Request { principal, action, resource: (kind, id.clone()), target: None }
}
