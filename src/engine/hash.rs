//! Hash tables of what the schema and the policies name. Their keys come from operators, and a
//! request only looks things up, so a fast hash serves where the standard one guards against floods.

use foldhash::fast::RandomState;

/// A hash map with a fast hash.
pub(super) type HashMap<K, V> = std::collections::HashMap<K, V, RandomState>;
/// A hash set with a fast hash.
pub(super) type HashSet<K> = std::collections::HashSet<K, RandomState>;
