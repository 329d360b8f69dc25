//! The persistent tree against the standard library's, and old versions against themselves.

use std::collections::BTreeSet;

use super::*;
use crate::engine::store::tree::Tree;

proptest! {
    #![proptest_config(cases(1))]

    #[test]
    fn a_tree_is_a_sorted_set(
        start in prop::collection::btree_set(0..20_000_u32, 0..9000),
        changes in prop::collection::vec((any::<bool>(), 0..20_000_u32, 0..400_u32), 0..60),
    ) {
        let sorted: Vec<u32> = start.iter().copied().collect();
        let mut tree = Tree::from_sorted(&sorted);
        let mut model = start;
        for (insert, from, count) in changes {
            let (old, old_model) = (tree.clone(), model.clone());
            for key in from..from + count {
                if insert {
                    prop_assert_eq!(tree.insert(key), model.insert(key));
                } else {
                    prop_assert_eq!(tree.remove(key), model.remove(&key));
                }
            }
            prop_assert!(old.iter().eq(old_model.iter().copied()));
            prop_assert_eq!(tree.len(), model.len());
        }
        prop_assert!(tree.iter().eq(model.iter().copied()));
        for key in (0..20_000).step_by(97) {
            prop_assert_eq!(tree.contains(key), model.contains(&key));
            let rest = tree.from(|other| other.cmp(&key));
            prop_assert!(rest.take(300).eq(model.range(key..).copied().take(300)));
        }
        let none: BTreeSet<u32> = BTreeSet::new();
        for key in &model {
            assert!(tree.remove(*key));
        }
        prop_assert!(tree.iter().eq(none.iter().copied()));
    }
}
