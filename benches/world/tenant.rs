//! One tenant: what it owns, who its people are, and what it shares.

use super::dice::Dice;

/// Customers below customers: this many levels below the tenant at most.
const LEVELS_MAX: usize = 4;

/// The kinds of records that are owned, with how many in a hundred there are.
const KINDS: [(&str, usize); 5] =
    [("Device", 70), ("Asset", 14), ("Dashboard", 8), ("EntityView", 5), ("Edge", 3)];
/// The user groups of an owner: "All" and one for each role.
pub(crate) const ROLES: [&str; 3] = ["reader", "editor", "administrator"];

/// The tenant itself or one of its customers.
#[derive(Debug)]
pub(crate) struct Owner {
    pub(crate) id: String,
    /// Its place among the owners; the tenant has none.
    pub(crate) parent: Option<usize>,
    /// The group that its customers' records are in.
    pub(crate) customers_group: String,
    /// The user group that everybody of this owner is in, then one for each of [`ROLES`].
    pub(crate) user_groups: [String; 4],
    pub(crate) groups: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct User {
    pub(crate) id: String,
    pub(crate) owner: usize,
    /// The place of its role's group among the user groups of its owner.
    pub(crate) role: usize,
    pub(crate) enabled: bool,
}

/// A device, an asset or another record.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) kind: &'static str,
    pub(crate) id: String,
    pub(crate) owner: usize,
    /// Places among the groups of its owner.
    pub(crate) groups: Vec<usize>,
    pub(crate) alarms: Vec<String>,
}

/// A share.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) id: String,
    pub(crate) writes: bool,
    pub(crate) expires: bool,
    /// An owner, and the place of the user group among its four.
    pub(crate) with: (usize, usize),
    /// An owner, and the place of the group among its groups.
    pub(crate) what: (usize, usize),
}

#[derive(Debug)]
pub(crate) struct Tenant {
    pub(crate) owners: Vec<Owner>,
    pub(crate) users: Vec<User>,
    pub(crate) records: Vec<Record>,
    pub(crate) links: Vec<Link>,
}

// === impl Tenant ===

impl Tenant {
    /// The tenant of this number; everything about it follows from these three numbers.
    pub(crate) fn new(seed: u64, number: usize, usual: usize) -> Self {
        let mut dice = Dice::new(seed.wrapping_add(number as u64));
        dice = Dice::new(dice.next());
        let mut ids = Ids { tenant: number, next: 0 };
        let wanted = usual / 2 + dice.below(usual);
        let owners = owners(&mut dice, &mut ids, 3 + wanted / 120);
        let mut tenant = Self { owners, users: Vec::new(), records: Vec::new(), links: Vec::new() };
        tenant.add_users(&mut dice, &mut ids);
        while tenant.entities() < wanted {
            tenant.add_record(&mut dice, &mut ids);
        }
        tenant.add_links(&mut dice, &mut ids);
        tenant
    }

    /// How many entities there are.
    pub(crate) fn entities(&self) -> usize {
        // An owner comes with its record, its customers' group and its user groups.
        let owners: usize = self.owners.iter().map(|owner| 7 + owner.groups.len()).sum();
        let alarms: usize = self.records.iter().map(|record| record.alarms.len()).sum();
        owners + self.users.len() + self.records.len() + alarms
    }

    fn add_users(&mut self, dice: &mut Dice, ids: &mut Ids) {
        for owner in 0..self.owners.len() {
            for _ in 0..2 + dice.below(8) {
                let id = ids.next(dice, "user");
                let role = 1 + dice.below(ROLES.len());
                self.users.push(User { id, owner, role, enabled: !dice.one_in(20) });
            }
        }
    }

    fn add_record(&mut self, dice: &mut Dice, ids: &mut Ids) {
        let mut at = dice.below(100);
        let mut kind = "Device";
        for (name, share) in KINDS {
            if at < share {
                kind = name;
                break;
            }
            at -= share;
        }
        let owner = dice.below(self.owners.len());
        let groups = self.owners.get(owner).map_or(0, |owner| owner.groups.len());
        let mut places: Vec<usize> = (0..=dice.below(2)).map(|_| dice.below(groups)).collect();
        places.sort_unstable();
        places.dedup();
        let id = ids.next(dice, kind);
        let alarms = if dice.one_in(5) { 1 + dice.below(2) } else { 0 };
        let alarms = (0..alarms).map(|_| ids.next(dice, "alarm")).collect();
        self.records.push(Record { kind, id, owner, groups: places, alarms });
    }

    /// As many as there are entities, no two of the same user group, group and template.
    fn add_links(&mut self, dice: &mut Dice, ids: &mut Ids) {
        let with: Vec<(usize, usize)> = (0..self.owners.len())
            .flat_map(|owner| (0..4).map(move |place| (owner, place)))
            .collect();
        let groups = self.owners.iter().enumerate();
        let what: Vec<(usize, usize)> = groups
            .flat_map(|(owner, it)| (0..it.groups.len()).map(move |place| (owner, place)))
            .collect();
        let pairs = with.len() * what.len();
        // Steps of a prime that does not divide the number of pairs come by each pair once.
        let step = [7_919, 7_907, 7_901]
            .into_iter()
            .find(|prime| !pairs.is_multiple_of(*prime))
            .unwrap_or(1);
        let mut at = dice.below(pairs);
        for number in 0..self.entities() {
            at = (at + step) % pairs;
            let pair = (with.get(at % with.len()), what.get(at / with.len()));
            let (Some(with), Some(what)) = pair else { break };
            self.links.push(Link {
                id: ids.next(dice, "share"),
                // The second time round, the other template takes the same pair.
                writes: (number / pairs + usize::from(at.is_multiple_of(8))) % 2 == 1,
                expires: dice.one_in(100),
                with: *with,
                what: *what,
            });
        }
    }
}

/// The tenant first, then its customers, each behind the one that it is below.
fn owners(dice: &mut Dice, ids: &mut Ids, count: usize) -> Vec<Owner> {
    let mut owners: Vec<Owner> = Vec::new();
    let mut levels: Vec<usize> = Vec::new();
    for number in 0..count {
        let parent = (number > 0).then(|| {
            // Half of them directly below the tenant, the others below any that is high enough.
            let any = dice.below(number);
            let high = levels.get(any).is_some_and(|level| *level < LEVELS_MAX);
            if high && dice.one_in(2) { any } else { 0 }
        });
        levels.push(parent.and_then(|parent| levels.get(parent)).map_or(0, |level| level + 1));
        let user_groups = std::array::from_fn(|_| ids.next(dice, "people"));
        let groups = (0..2 + dice.below(8)).map(|_| ids.next(dice, "group")).collect();
        let (id, customers_group) = (ids.next(dice, "owner"), ids.next(dice, "customers"));
        owners.push(Owner { id, parent, customers_group, user_groups, groups });
    }
    owners
}

/// Ids that no other tenant has: as long as a UUID in every other tenant, else short.
struct Ids {
    tenant: usize,
    next: usize,
}

impl Ids {
    fn next(&mut self, dice: &mut Dice, what: &str) -> String {
        self.next += 1;
        if self.tenant % 2 == 1 {
            return format!("{what} {}-{}", self.tenant, self.next);
        }
        let (high, low) = (dice.next(), dice.next());
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xffff,
            low >> 48,
            low & 0xffff_ffff_ffff
        )
    }
}
