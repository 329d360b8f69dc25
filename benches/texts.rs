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
        let (mut entities, mut links) = (Vec::new(), Vec::new());
        let size = world.write(&mut entities, &mut links)?;
        let text = |bytes| String::from_utf8(bytes).map_err(io::Error::other);
        let (schema, policies) = shipped()?;
        Ok(Self { schema, policies, entities: text(entities)?, links: text(links)?, size })
    }
}

/// The schema and the policies that ship.
pub(crate) fn shipped() -> io::Result<(String, Vec<(&'static str, String)>)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let read = |name: &str| std::fs::read_to_string(directory.join(name));
    let mut policies = Vec::new();
    for stem in ["isolation", "ownership", "sharing", "thingsboard"] {
        policies.push((stem, read(&format!("{stem}.cedar"))?));
    }
    Ok((read("schema.cedarschema")?, policies))
}
