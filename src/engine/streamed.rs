//! All entities of a snapshot replaced from a stream, which is read piece by piece and never held.
//! Links come with the stream, or are kept. The snapshot that is made has the rules of the one that
//! it was loaded beside; should that have been replaced meanwhile, it is moved onto the new one.

use std::sync::Arc;

use super::compile::CompileOptions;
use super::error::Problems;
use super::gate;
use super::snapshot::Snapshot;
use super::store::{Loader, Stream};

/// What came of a stream.
#[derive(Debug)]
pub struct Streamed {
    /// The rules that were in force, over the entities of the stream.
    pub snapshot: Snapshot,
    /// Whether links came with the stream; if not, those in force were kept.
    pub links_given: bool,
}

/// Why nothing came of a stream.
#[derive(Debug)]
pub enum StreamFailure<E> {
    /// It could not be read to its end.
    Source(E),
    /// All that is wrong with it.
    Problems(Problems),
}

// === impl Snapshot ===

impl Snapshot {
    /// The same rules over the entities and links of a stream of lines, each an entity or
    /// `{"link": {…}}`. `read` hands the stream over in pieces of any size. Without a link line the
    /// links of this snapshot are kept.
    ///
    /// # Errors
    /// `read` fails, or the stream holds no snapshot.
    pub fn reload<E: Send>(
        &self,
        name: &str,
        options: &CompileOptions,
        read: impl FnOnce(&mut dyn FnMut(&[u8])) -> Result<(), E> + Send,
    ) -> Result<Streamed, StreamFailure<E>> {
        gate::on_large_stack(|| {
            let rules = &self.rules;
            let mut loader = Loader::new(&rules.schema, &rules.policies, options.load());
            loader.begin(name, Stream::Lines);
            read(&mut |bytes| loader.feed(bytes)).map_err(StreamFailure::Source)?;
            loader.end();
            let links_given = loader.saw_links();
            if !links_given {
                loader.keep_links(&self.store);
            }
            let store = loader.finish().map_err(StreamFailure::Problems)?;
            Ok(Streamed { snapshot: Self::new(Arc::clone(rules), store), links_given })
        })
    }

    /// What a stream gave, moved onto a snapshot that took the place of the one it was loaded
    /// beside: with its rules, and with its links unless the stream had links of its own.
    ///
    /// # Errors
    /// It does not fit what is in force now.
    pub fn moved_onto(
        &self,
        current: &Self,
        links_given: bool,
        options: &CompileOptions,
    ) -> Result<Self, Problems> {
        if links_given && self.shares_rules(current) {
            return Ok(self.clone());
        }
        gate::on_large_stack(|| {
            let rules = &current.rules;
            let mut loader = Loader::new(&rules.schema, &rules.policies, options.load());
            loader.keep_entities(&self.store);
            loader.keep_links(if links_given { &self.store } else { &current.store });
            Ok(Self::new(Arc::clone(rules), loader.finish()?))
        })
    }

    /// The parts of the data, `entities` and `links`, that differ from those of another snapshot.
    /// How they were written, and in which order, makes no difference.
    pub fn data_changed(&self, other: &Self) -> Vec<&'static str> {
        let mut changed = Vec::new();
        if !self.store.has_entities_of(&other.store) {
            changed.push("entities");
        }
        if !self.store.has_links_of(&other.store) {
            changed.push("links");
        }
        changed
    }
}

#[cfg(test)]
mod tests;
