//! Large worlds in the tutorial's model, from a seed: tenants with nested customers, users in user
//! groups with roles, devices and other records in entity groups, alarms, and as many shares as
//! there are entities.
//!
//! A world is a row of tenants, and what a tenant holds depends on the seed and its number alone.
//! A larger world of the same seed therefore begins with the smaller one, and requests, which
//! concern the first tenants only, have the same answers in both. One tenant at a time is held in
//! memory, so that five million entities take no more of it than ten thousand.

#[path = "world/dice.rs"]
pub(crate) mod dice;
#[path = "world/requests.rs"]
pub(crate) mod requests;
#[path = "world/tenant.rs"]
mod tenant;
#[path = "world/writing.rs"]
mod writing;

use std::io::{self, Write};

use dice::Dice;
use requests::{Mix, Requests};
use tenant::Tenant;

/// The tenants that requests concern: every world has them.
const ASKED_TENANTS: usize = 5;

/// A world that is not made yet: whole tenants with at least so many entities, and as many links.
#[derive(Debug, Clone, Copy)]
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) entities_least: usize,
    /// What a tenant holds, give or take a half; the first one holds five times as much.
    pub(crate) tenant_entities: usize,
}

/// How much of a world was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) entities: usize,
    pub(crate) links: usize,
}

// === impl World ===

impl World {
    /// Writes entities, one a line, and links as a JSON array.
    pub(crate) fn write(
        &self,
        entities: &mut impl Write,
        links: &mut impl Write,
    ) -> io::Result<Size> {
        let mut size = Size { entities: writing::roles(entities)?, links: 0 };
        links.write_all(b"[")?;
        for number in 0.. {
            if number >= ASKED_TENANTS && size.entities >= self.entities_least {
                break;
            }
            let tenant = self.tenant(number);
            size.entities += writing::entities(&tenant, entities)?;
            for link in &tenant.links {
                links.write_all(if size.links == 0 { b"\n" } else { b",\n" })?;
                writing::link(&tenant, link, links)?;
                size.links += 1;
            }
        }
        links.write_all(b"\n]\n")?;
        Ok(size)
    }

    /// Requests without end, the same for worlds of every size.
    pub(crate) fn requests(&self, mix: Mix) -> Requests {
        let tenants = (0..ASKED_TENANTS).map(|number| self.tenant(number)).collect();
        Requests::new(tenants, mix, Dice::new(self.seed ^ 0x0072_6571_7565_7374))
    }

    /// A tenant, which is the same in every world of the same seed and size of tenants.
    fn tenant(&self, number: usize) -> Tenant {
        let usual = self.tenant_entities;
        Tenant::new(self.seed, number, if number == 0 { 5 * usual } else { usual })
    }
}
