//! A world as the files that a service loads.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::world::{Size, World};

/// Writes `entities.jsonl` and `links.json` into a directory, which is made where there is none.
pub(crate) fn write(world: &World, directory: &Path) -> io::Result<Size> {
    fs::create_dir_all(directory)?;
    let mut entities = BufWriter::new(File::create(directory.join("entities.jsonl"))?);
    let mut links = BufWriter::new(File::create(directory.join("links.json"))?);
    let size = world.write(&mut entities, &mut links)?;
    entities.flush()?;
    links.flush()?;
    Ok(size)
}
