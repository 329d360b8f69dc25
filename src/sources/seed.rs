//! Looks at files: schema and policies are read, entities and links hashed. Whoever needs those as
//! texts has them read then.

use std::path::PathBuf;

use super::files::{DataPaths, Reader};
use super::{FileLimits, Inputs};
use crate::engine::bundle::of_data;
use crate::engine::{Problems, Text};
use crate::pdp::publisher::{Data, Files, Seed};

/// See [`super::look`].
pub(super) fn look(inputs: &Inputs, limits: &FileLimits) -> Result<Files, Problems> {
    let mut reader = Reader::new(limits.bundle_bytes_max);
    let (schema, policies) = reader.rules(inputs);
    reader.bytes_left = limits.entities_bytes_max;
    let paths = reader.data_paths(inputs);
    let mut digest = |paths: &[PathBuf]| {
        let digests: Vec<_> = paths.iter().filter_map(|path| reader.digest(path)).collect();
        of_data(digests.into_iter())
    };
    let (entities, links) = (digest(&paths.entities), digest(&paths.links));
    if reader.problems.refuses() {
        return Err(reader.problems);
    }
    let bytes_max = limits.entities_bytes_max;
    let seed = Seed::new(entities, links, move || read(&paths, bytes_max));
    Ok(Files { schema, policies, seed })
}

fn read(paths: &DataPaths, bytes_max: u64) -> Result<Data, Problems> {
    let mut reader = Reader::new(bytes_max);
    let mut texts = |paths: &[PathBuf]| -> Vec<Text> {
        paths.iter().filter_map(|path| reader.text(path)).collect()
    };
    let data = Data { entities: texts(&paths.entities), links: texts(&paths.links) };
    if reader.problems.refuses() { Err(reader.problems) } else { Ok(data) }
}
