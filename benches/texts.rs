//! A world together with the policies that ship, as the texts that are loaded.

use std::io;
use std::path::Path;

use crate::world::{Size, World};

pub(crate) struct Texts {
    pub(crate) schema: String,
    /// File stems and texts.
    pub(crate) policies: Vec<(&'static str, String)>,
    /// One entity a line.
    pub(crate) entities: String,
    /// A JSON array.
    pub(crate) links: String,
    pub(crate) size: Size,
}

// === impl Texts ===

impl Texts {
    pub(crate) fn of(world: &World) -> io::Result<Self> {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
        let read = |name: &str| std::fs::read_to_string(directory.join(name));
        let mut policies = Vec::new();
        for stem in ["isolation", "ownership", "sharing", "thingsboard"] {
            policies.push((stem, read(&format!("{stem}.cedar"))?));
        }
        let (mut entities, mut links) = (Vec::new(), Vec::new());
        let size = world.write(&mut entities, &mut links)?;
        let text = |bytes| String::from_utf8(bytes).map_err(io::Error::other);
        Ok(Self {
            schema: read("schema.cedarschema")?,
            policies,
            entities: text(entities)?,
            links: text(links)?,
            size,
        })
    }
}
